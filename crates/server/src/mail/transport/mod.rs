//! Hands one finished mail over: to the relay by SMTP, or to the folder that is the demo's mailbox.
//! Decides whether a failure is worth another try; knows neither the outbox nor what mails say.

pub(crate) mod folder;
mod letter;
mod smtp;

use std::{path::PathBuf, str::FromStr};

use warifu_core::{secret::SecretText, time::Millis};

use self::{letter::Letter, smtp::Smtp};

/// One mail for one recipient. No `Debug`: the body may hold a mail password.
pub(crate) struct Outgoing {
    pub(crate) from: String,
    pub(crate) from_name: String,
    /// As the customer typed it, which old carrier addresses may have as `a..b@docomo.ne.jp`.
    pub(crate) to: String,
    /// Sends such an address as `"a..b"@docomo.ne.jp`.
    pub(crate) quote_broken_local: bool,
    pub(crate) subject: String,
    /// Plain text, lines end in `\n`.
    pub(crate) body: String,
    /// Without angle brackets; the same at each try, so that a receiver can tell a repeat.
    pub(crate) message_id: String,
    /// Where bounces go; made per mail (VERP).
    pub(crate) return_path: String,
    pub(crate) date: Millis,
}

/// Why a mail was not handed over; the texts never hold an address or a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum SendError {
    /// Another try may work.
    Temporary(String),
    /// This mail will never be taken.
    Permanent(String),
}

/// Where mails go.
pub(crate) enum Transport {
    Smtp(Smtp),
    /// One JSON file per mail: the demo's mailbox.
    Folder(PathBuf),
}

/// How to reach the relay.
pub(crate) struct SmtpSettings {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) tls: Tls,
    pub(crate) username: Option<String>,
    pub(crate) password: Option<SecretText>,
    /// The only authorities trusted; without it, those of the operating system.
    pub(crate) ca_file: Option<PathBuf>,
}

/// How the way to the relay is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::enum_variant_names, reason = "STARTTLS is the name of the command")]
pub(crate) enum Tls {
    /// Not at all: for a relay on this very machine only.
    None,
    /// By STARTTLS, without which nothing is sent.
    StartTls,
    /// From the first byte.
    Implicit,
}

impl FromStr for Tls {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "none" => Ok(Self::None),
            "starttls" => Ok(Self::StartTls),
            "implicit" => Ok(Self::Implicit),
            _ => Err("smtp.tls: is none of starttls, implicit, none".to_owned()),
        }
    }
}

impl Transport {
    /// A transport to this relay; an error names the setting to mend.
    pub(crate) fn smtp(settings: SmtpSettings) -> Result<Self, String> {
        Smtp::new(settings).map(Self::Smtp)
    }

    /// Hands the mail over; `Ok` means the other side has promised to keep it.
    pub(crate) async fn send(&self, mail: &Outgoing) -> Result<(), SendError> {
        let letter = Letter::new(mail)?;
        match self {
            Self::Smtp(smtp) => smtp.send(&letter).await,
            Self::Folder(path) => folder::store(path, mail).await,
        }
    }
}

#[cfg(test)]
mod tests;
