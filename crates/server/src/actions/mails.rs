//! The outbox as the bank's engineers see it: lists, what came back, and what is to be sent again.

use mail_parser::{MessageParser, MimeHeaders, PartType};
use warifu_core::{audit::Kind, ids::MailId, mail::MailState, time::Millis};
pub(crate) use warifu_store::MailRow;

use super::commit;
use crate::{
    app::App,
    error::AppError,
    mail::worker::GIVE_UP,
    origin::{Line, Origin},
};

/// Mails of the institution, the newest first.
pub(crate) async fn list(
    app: &App,
    origin: &Origin,
    state: Option<MailState>,
    limit: i64,
) -> Result<Vec<MailRow>, AppError> {
    let mut tx = app.store.read().await?;
    let before = Millis(origin.now.0.saturating_add(1));
    Ok(tx.mails_of(origin.institution.id, state, before, limit).await?)
}

/// Why a mail is not sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotRetried {
    Unknown,
    /// Its secret is gone: only the customer's own session asks for a new one.
    Secret,
    /// It waits, or was sent and has not come back.
    NotGivenUp,
}

/// Puts a mail that was given up, or came back, into the outbox again.
pub(crate) async fn retry(
    app: &App,
    origin: &Origin,
    id: MailId,
) -> Result<Result<(), NotRetried>, AppError> {
    let mut tx = app.store.begin().await?;
    let found = tx.mail(id).await?.filter(|m| m.institution_id == origin.institution.id);
    let Some(mut mail) = found else { return Ok(Err(NotRetried::Unknown)) };
    if mail.has_secret || mail.body.is_none() {
        return Ok(Err(NotRetried::Secret));
    }
    let from = mail.state;
    if !matches!(from, MailState::Failed | MailState::Bounced) {
        return Ok(Err(NotRetried::NotGivenUp));
    }
    mail.state = MailState::Queued;
    mail.attempts = 0;
    mail.next_at = origin.now.0;
    // Three more days, as if it were new; not those that it has had.
    mail.expires_at = Some(origin.now.0 + GIVE_UP);
    if tx.move_mail(&mail, from).await? != 1 {
        return Ok(Err(NotRetried::NotGivenUp));
    }
    let line = Line::ok(Kind::MailRetried).of(mail.customer_id).because(mail.kind.clone());
    let line = line.after(serde_json::json!({"mail": mail.id, "reception": mail.reception}));
    origin.record(&mut tx, &*app.random, line).await?;
    commit(app, tx).await?;
    Ok(Ok(()))
}

/// What a delivery report said of one of our mails (RFC 3464).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) mail: MailId,
    /// It will never arrive; others only tell of a delay, or that it did arrive.
    pub(crate) is_final: bool,
    /// The status code of RFC 3463, such as `5.1.1`.
    pub(crate) status: String,
}

/// Why a message is no report that we can act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoReport {
    /// It is no delivery report at all.
    NotOne,
    /// It names none of our mails, neither by its recipient nor by what it returns.
    NoMail,
}

/// Reads a delivery report. The mail is named by the address the report came to (our return path
/// carries the mail's id), or by the message it returns; nothing else in it is believed.
pub(crate) fn read_report(raw: &[u8], recipient: Option<&str>) -> Result<Report, NoReport> {
    let message = MessageParser::default().parse(raw).ok_or(NoReport::NotOne)?;
    let is_report = message
        .content_type()
        .is_some_and(|kind| kind.ctype() == "multipart" && kind.subtype() == Some("report"));
    let status = message
        .parts
        .iter()
        .find(|part| part.is_content_type("message", "delivery-status"))
        .filter(|_| is_report)
        .ok_or(NoReport::NotOne)?;
    let status = match &status.body {
        PartType::Text(text) | PartType::Html(text) => text.as_bytes().to_vec(),
        PartType::Binary(bytes) | PartType::InlineBinary(bytes) => bytes.to_vec(),
        PartType::Message(inner) => inner.raw_message.to_vec(),
        PartType::Multipart(_) => return Err(NoReport::NotOne),
    };
    let status = String::from_utf8_lossy(&status).into_owned();
    let given = recipient.map(str::as_bytes).and_then(mail_named);
    let mail = given.or_else(|| mail_named(raw)).ok_or(NoReport::NoMail)?;
    Ok(Report {
        mail,
        is_final: field(&status, "action").is_some_and(|a| a.eq_ignore_ascii_case("failed")),
        status: field(&status, "status").and_then(code).unwrap_or_else(|| "5.0.0".to_owned()),
    })
}

// The value of the first field of this name, in any of the report's blocks.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.trim().eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

// A status code and nothing of what a stranger's server writes beside it.
fn code(value: &str) -> Option<String> {
    let code: String =
        value.chars().take_while(|c| c.is_ascii_digit() || *c == '.').take(12).collect();
    (code.split('.').count() == 3).then_some(code)
}

fn mail_named(text: &[u8]) -> Option<MailId> {
    const LENGTH: usize = MailId::PREFIX.len() + 26;
    let text = String::from_utf8_lossy(text);
    let mut places = text.match_indices(MailId::PREFIX);
    places.find_map(|(at, _)| text.get(at..at + LENGTH)?.parse().ok())
}

/// Records that a mail came back; false when there is no such mail of this institution, or it is known
/// already.
pub(crate) async fn bounced(app: &App, origin: &Origin, report: &Report) -> Result<bool, AppError> {
    let mut tx = app.store.begin().await?;
    let found = tx.mail(report.mail).await?;
    let Some(mut mail) = found.filter(|m| m.institution_id == origin.institution.id) else {
        return Ok(false);
    };
    mail.state = MailState::Bounced;
    mail.last_error = Some(format!("came back: {}", report.status));
    if tx.move_mail(&mail, MailState::Sent).await? != 1 {
        return Ok(false);
    }
    let line = Line::failed(Kind::MailBounced, report.status.clone()).of(mail.customer_id);
    let line = line.after(serde_json::json!({
        "mail": mail.id, "kind": mail.kind, "reception": mail.reception
    }));
    origin.record(&mut tx, &*app.random, line).await?;
    commit(app, tx).await?;
    tracing::warn!(mail.id = %mail.id, mail.kind, status = report.status, "mail came back");
    Ok(true)
}

/// Whose mail an id names, over all institutions.
pub(crate) async fn owner(app: &App, id: MailId) -> Result<Option<MailRow>, AppError> {
    let mut tx = app.store.read().await?;
    Ok(tx.mail(id).await?)
}
