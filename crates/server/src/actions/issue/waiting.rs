//! While an issue waits for its set-up: its numbers, its QR code, its mail again.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use warifu_core::{
    audit::Kind,
    ids::{ServiceId, UserId},
    time::Millis,
};
use warifu_store::{Customer, Issue, Session, Tx};

use crate::{
    actions::{commit, notices, overview, places, sessions},
    app::App,
    calendar,
    error::{AppError, Stale},
    mail::messages::Mail,
    origin::{Line, Origin},
};

/// The numbers that the phone app asks for.
pub(crate) fn numbers(origin: &Origin, issue: &Issue) -> Result<(ServiceId, UserId), AppError> {
    let user = UserId::parse(&issue.user_id).map_err(AppError::internal)?;
    Ok((origin.institution.document.service_id.clone(), user))
}

/// Sends the token mail again, at most as often as mail passwords: nobody has confirmed the address.
pub(crate) async fn send_token_mail_again(
    app: &App,
    origin: &Origin,
    session: &Session,
) -> Result<(), AppError> {
    let (mut tx, customer) = sessions::take(app, origin, session).await?;
    let view = overview::load(&mut tx, origin, customer.clone()).await?;
    let Some(issue) = view.waiting().cloned() else {
        return Err(AppError::Stale(Stale::NotOffered));
    };
    let policy = &origin.institution.policy().mail_password;
    let sent = tx.mail_states(customer.customer_id, "mail-token", &issue.id.to_string()).await?;
    let waiting = sent.iter().any(|state| state.is_waiting());
    let window = policy.sends_window.duration();
    let id = customer.customer_id;
    let (times, first) = tx.mails_since(id, "mail-token", origin.now.minus(window)).await?;
    if waiting || times >= i64::from(policy.sends) {
        let first = first.map_or(origin.now, Millis);
        return Err(AppError::TooManyMails(first.plus(window)));
    }
    let zone = origin.institution.zone();
    let today = calendar::day_start(origin.now, zone);
    let (today, _) =
        tx.mails_since(id, "mail-token", today.minus(Duration::from_millis(1))).await?;
    if today >= i64::from(policy.sends_a_day) {
        return Err(AppError::TooManyMails(calendar::next_day(origin.now, zone)));
    }
    tell_token(app, origin, &mut tx, &customer, &issue).await?;
    let line = Line::ok(Kind::TokenMailRepeated).of(customer.customer_id).token(issue.token_id);
    origin.record(&mut tx, &*app.random, line).await?;
    commit(app, tx).await
}

/// A new QR code for the running issue; the one before can no longer be used.
pub(crate) async fn renew_qr(
    app: &App,
    origin: &Origin,
    session: &Session,
) -> Result<(), AppError> {
    let (mut tx, customer) = sessions::take(app, origin, session).await?;
    let id = customer.customer_id;
    let view = overview::load(&mut tx, origin, customer).await?;
    let Some(mut issue) = view.waiting().cloned() else {
        return Err(AppError::Stale(Stale::NotOffered));
    };
    let valid = origin.institution.policy().issue.qr_valid.duration();
    issue.qr_until = origin.now.plus(valid).0;
    tx.save_issue(id, &issue).await?;
    let line = Line::ok(Kind::QrRenewed).of(id).token(issue.token_id);
    origin.record(&mut tx, &*app.random, line).await?;
    tx.commit().await?;
    Ok(())
}

/// The secret in the QR code that is shown until `qr_until`: it follows from row and key, so that
/// nothing of it is stored and a page can be shown again.
pub(crate) fn qr_secret(origin: &Origin, customer: &Customer, issue: &Issue) -> String {
    let spot = places::issue(origin.institution.id, customer.customer_id, "qr", issue.id);
    let mut mac = origin.institution.keys.mac(&spot.place(), &issue.qr_until.to_be_bytes());
    mac.truncate(16);
    URL_SAFE_NO_PAD.encode(mac)
}

// The mail with the two numbers, to the address typed on BOT001.
pub(super) async fn tell_token(
    app: &App,
    origin: &Origin,
    tx: &mut Tx,
    customer: &Customer,
    issue: &Issue,
) -> Result<(), AppError> {
    let (service, user) = numbers(origin, issue)?;
    let policy = &origin.institution.policy().mail;
    // A page without any entry field: nothing can be phished there.
    let guide = app.link(&origin.institution.document.hosts.token, "/");
    let mail = Mail::Token {
        name: policy.name_in_mail.then_some(customer.name.as_str()),
        service: &service.grouped(),
        user: &user.grouped(),
        deadline: Millis(issue.activate_until),
        guide: policy.guide_link.then_some(guide.as_str()),
    };
    let to = [notices::phone_address(origin, customer, issue)?.to_owned()];
    let reference = issue.id.to_string();
    notices::tell(app, origin, tx, customer, notices::To::Only(&to), &mail, &reference).await?;
    Ok(())
}
