//! The worker behind the outbox: claims what is due by lease, sends, retries with growing waits.

use std::{sync::Arc, time::Duration};

use warifu_core::{
    audit::{Channel, Kind},
    mail::MailState,
    policy::BrokenAddresses,
    random,
};
use warifu_store::MailRow;

use super::transport::{Outgoing, SendError, Transport};
use crate::{
    actions::places,
    app::App,
    error::AppError,
    origin::{Line, Origin},
    text::Lang,
};

/// How long a claim lasts (ms): longer than the longest try of one mail, and one is all a claim holds,
/// so that no other worker takes a mail that this one is still sending.
const LEASE: i64 = 60_000;
const ROUND: i64 = 1;
/// Mails on their way at once from one node.
pub(crate) const WORKERS: usize = 4;
/// Waits between tries, in seconds; the last one repeats until the mail is given up.
const WAITS: [i64; 7] = [5, 15, 60, 300, 900, 1_800, 3_600];
/// A mail without an end of its own is given up after this long (ms).
pub(crate) const GIVE_UP: i64 = 3 * 86_400_000;

/// Sends what is due, until told to stop. Woken by new mails, and once a second by itself.
pub(crate) async fn run(
    app: App,
    transport: Arc<Transport>,
    mut stop: tokio::sync::watch::Receiver<bool>,
) {
    let holder = holder(&app);
    while !*stop.borrow() {
        match round(&app, &transport, &holder).await {
            Ok(0) => {}
            Ok(_) => continue,
            Err(error) => tracing::error!(?error, "mail worker"),
        }
        tokio::select! {
            () = app.mail_waits.notified() => {}
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
            _ = stop.changed() => {}
        }
    }
}

/// A name for this worker's leases.
pub(crate) fn holder(app: &App) -> String {
    random::digits(&*app.random, 16)
}

/// One round; gives how many mails it handled.
pub(crate) async fn round(
    app: &App,
    transport: &Transport,
    holder: &str,
) -> Result<usize, AppError> {
    let now = app.clock.now();
    // Most rounds find nothing: looking costs no write.
    let mut tx = app.store.read().await?;
    if !tx.mails_due(now).await? {
        return Ok(0);
    }
    drop(tx);
    let mut tx = app.store.begin().await?;
    let mails = tx.claim_mails(holder, now, LEASE, ROUND).await?;
    tx.commit().await?;
    let count = mails.len();
    for mail in mails {
        let id = mail.id;
        if let Err(error) = handle(app, transport, mail).await {
            // Its lease runs out and it is tried again.
            tracing::error!(mail.id = %id, ?error, "mail");
        }
    }
    Ok(count)
}

async fn handle(app: &App, transport: &Transport, mut mail: MailRow) -> Result<(), AppError> {
    let institution = app
        .institutions
        .by_id(mail.institution_id)
        .ok_or_else(|| AppError::internal("no institution"))?;
    let origin = Origin::inside(institution, Channel::Worker, app.clock.now());
    let outcome = if mail.expires_at.is_some_and(|at| at <= origin.now.0) {
        Err(Dropped::Expired)
    } else {
        send(&origin, transport, &mail).await.map_err(Dropped::Send)
    };
    let now = app.clock.now();
    let line = match outcome {
        Ok(()) => {
            mail.state = MailState::Sent;
            mail.sent_at = Some(now.0);
            mail.last_error = None;
            Some(Line::ok(Kind::MailSent).because(mail.kind.clone()))
        }
        Err(Dropped::Expired) => {
            mail.state = MailState::Expired;
            Some(Line::failed(Kind::MailFailed, "expired unsent"))
        }
        Err(Dropped::Send(error)) => give_up_or_wait(&mut mail, error, now.0),
    };
    // A secret that was sent, or never will be, is wiped. What was given up is kept: it can be sent
    // again by hand.
    if mail.state != MailState::Queued && mail.has_secret {
        mail.body = None;
    }
    let mut tx = app.store.begin().await?;
    tx.finish_mail(&mail).await?;
    if let Some(line) = line {
        let line = line.of(mail.customer_id).after(serde_json::json!({
            "mail": mail.id, "kind": mail.kind, "reception": mail.reception, "tries": mail.attempts
        }));
        origin.record(&mut tx, &*app.random, line).await?;
    }
    tx.commit().await?;
    Ok(())
}

enum Dropped {
    Expired,
    Send(SendError),
}

fn give_up_or_wait(mail: &mut MailRow, error: SendError, now: i64) -> Option<Line> {
    let (text, permanent) = match error {
        SendError::Permanent(text) => (text, true),
        SendError::Temporary(text) => (text, false),
    };
    let until = mail.expires_at.unwrap_or(mail.created_at + GIVE_UP);
    let tries = usize::try_from(mail.attempts).unwrap_or(usize::MAX).saturating_sub(1);
    let wait = WAITS.get(tries).or(WAITS.last()).copied().unwrap_or(3_600);
    mail.last_error = Some(text.clone());
    if permanent || now + wait * 1_000 >= until {
        mail.state = MailState::Failed;
        tracing::warn!(mail.id = %mail.id, mail.kind = mail.kind, error = text, "mail given up");
        return Some(Line::failed(Kind::MailFailed, text));
    }
    mail.state = MailState::Queued;
    mail.next_at = now + wait * 1_000;
    None
}

async fn send(origin: &Origin, transport: &Transport, mail: &MailRow) -> Result<(), SendError> {
    let institution = &origin.institution;
    let body =
        mail.body.as_ref().ok_or_else(|| SendError::Permanent("its body is gone".to_owned()))?;
    let spot =
        places::mail(institution.id, mail.customer_id, mail.id, (&mail.recipient, &mail.subject));
    let body = institution
        .keys
        .open(&spot.place(), body)
        .map_err(|_| SendError::Permanent("its body does not open".to_owned()))?;
    let body = String::from_utf8_lossy(body.expose()).into_owned();
    let sender = &institution.document.mail;
    let domain = sender.sender.rsplit('@').next().unwrap_or_default();
    let from_name = if mail.locale == Lang::En.tag() {
        sender.sender_name.en.clone()
    } else {
        sender.sender_name.ja.clone()
    };
    transport
        .send(&Outgoing {
            from: sender.sender.clone(),
            from_name,
            to: mail.recipient.clone(),
            quote_broken_local: institution.policy().mail.broken_addresses
                == BrokenAddresses::Quoted,
            subject: mail.subject.clone(),
            body,
            // The same on every try: a mail that arrives twice is known as one.
            message_id: format!("{}@{domain}", mail.id),
            return_path: format!("bounce+{}@{domain}", mail.id),
            date: warifu_core::time::Millis(mail.created_at),
        })
        .await
}
