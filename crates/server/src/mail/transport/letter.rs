//! Turns an outgoing mail into an envelope and bytes, and refuses what could smuggle in a second
//! header, recipient or command.

use lettre::Address;
use mail_builder::{MessageBuilder, headers::raw::Raw};

use super::{Outgoing, SendError};

/// A checked mail: its envelope and its bytes.
pub(super) struct Letter {
    pub(super) return_path: Address,
    pub(super) to: Address,
    pub(super) from_domain: String,
    pub(super) bytes: Vec<u8>,
}

impl Letter {
    pub(super) fn new(mail: &Outgoing) -> Result<Self, SendError> {
        let from = address("from", &mail.from, false)?;
        let return_path = address("return_path", &mail.return_path, false)?;
        let to = address("to", &mail.to, mail.quote_broken_local)?;
        address("message_id", &mail.message_id, false)?;
        one_line("from_name", &mail.from_name)?;
        one_line("subject", &mail.subject)?;
        if mail.body.chars().any(|c| c.is_control() && c != '\n') {
            return Err(refused("body", "holds a control character"));
        }
        let mut bytes = MessageBuilder::new()
            .from((mail.from_name.as_str(), from.as_ref()))
            .to(to.as_ref())
            .subject(mail.subject.as_str())
            .date(mail.date.0.div_euclid(1000))
            .message_id(mail.message_id.as_str())
            // Keeps holiday notices and other robots from answering (RFC 3834 section 5).
            .header("Auto-Submitted", Raw::new("auto-generated"))
            // In base64, line ends are part of the text and have to be CRLF (RFC 2045 section 6.8).
            .text_body(mail.body.replace('\n', "\r\n"))
            .write_to_vec()
            .map_err(|_| refused("body", "cannot be encoded"))?;
        // lettre ends the mail with a line end of its own.
        if bytes.ends_with(b"\r\n") {
            bytes.truncate(bytes.len() - 2);
        }
        Ok(Self { return_path, to, from_domain: from.domain().to_owned(), bytes })
    }
}

/// Checked by our own rules: those of lettre refuse the carriers' old addresses.
fn address(field: &str, typed: &str, quote_broken: bool) -> Result<Address, SendError> {
    let (local, domain) = typed.rsplit_once('@').ok_or_else(|| refused(field, "has no @"))?;
    let is_sound = (1..=64).contains(&local.len())
        && typed.len() <= 254
        && local.bytes().all(|b| b.is_ascii_alphanumeric() || b".!#$%&'*+-/=?^_`{|}~".contains(&b))
        && domain.split('.').all(|label| {
            !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        });
    if !is_sound {
        return Err(refused(field, "is not an address"));
    }
    let is_broken = local.starts_with('.') || local.ends_with('.') || local.contains("..");
    Ok(if is_broken && quote_broken {
        Address::new_dangerous(format!("\"{local}\""), domain)
    } else {
        Address::new_dangerous(local, domain)
    })
}

/// A header of two lines would be two headers.
fn one_line(field: &str, value: &str) -> Result<(), SendError> {
    if value.chars().any(char::is_control) {
        return Err(refused(field, "holds a control character"));
    }
    Ok(())
}

fn refused(field: &str, why: &str) -> SendError {
    SendError::Permanent(format!("{field} {why}"))
}
