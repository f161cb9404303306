//! What the command line may show of customers, and unlock.

use std::time::Duration;

use jiff::Timestamp;
use warifu_core::{
    audit::Kind,
    counter::Counter,
    ids::{CustomerId, LoginId},
    text::nfkc,
    time::Millis,
};
pub(crate) use warifu_store::audit::AuditRow;
use warifu_store::{Customer, Key, Session, Subject, Tx};

use super::{
    again_on_conflict, commit, counters,
    login_password::Opens,
    notices::{self, To},
    sessions,
};
use crate::{
    app::App,
    error::AppError,
    mail::messages::Mail,
    origin::{Line, Origin},
    text::Lang,
};

/// Finds a customer by number, login ID or id.
pub(crate) async fn find(
    app: &App,
    origin: &Origin,
    word: &str,
) -> Result<Option<CustomerId>, AppError> {
    let institution = origin.institution.id;
    let mut tx = app.store.read().await?;
    if let Ok(id) = word.parse::<CustomerId>() {
        let customer = tx.customer(id).await?;
        return Ok(customer.filter(|c| c.institution_id == institution).map(|c| c.customer_id));
    }
    let number = tx.find(institution, Key::CustomerNumber, &nfkc(word)).await?;
    let found = match (number, LoginId::parse(word)) {
        (Some(found), _) => Some(found),
        (None, Ok(login)) => tx.find(institution, Key::LoginId, login.as_str()).await?,
        (None, Err(_)) => None,
    };
    Ok(found.map(|f| f.customer_id))
}

/// Customers of the institution by number, from the one after `after`.
pub(crate) async fn list(
    app: &App,
    origin: &Origin,
    after: &str,
    limit: i64,
) -> Result<Vec<Customer>, AppError> {
    let mut tx = app.store.read().await?;
    let mut customers = Vec::new();
    for (_, id) in tx.customers_after(origin.institution.id, &nfkc(after), limit).await? {
        let id = id.parse().map_err(AppError::internal)?;
        customers.extend(tx.customer(id).await?);
    }
    Ok(customers)
}

/// A customer's trail of some days, the oldest first; of too many lines the newest.
pub(crate) async fn history(
    app: &App,
    origin: &Origin,
    id: CustomerId,
    (days, limit): (u16, i64),
) -> Result<Vec<AuditRow>, AppError> {
    let since = origin.now.minus(Duration::from_hours(24 * u64::from(days)));
    let mut tx = app.store.read().await?;
    Ok(tx.newest_audit_of(i64::from(id.bucket()), &id.to_string(), since, limit).await?)
}

/// The customer chooses the language of mails.
pub(crate) async fn choose_language(
    app: &App,
    origin: &Origin,
    session: &Session,
    lang: Lang,
) -> Result<(), AppError> {
    let (mut tx, mut customer) = sessions::take(app, origin, session).await?;
    let before = std::mem::replace(&mut customer.locale, lang.tag().to_owned());
    if before == customer.locale {
        return Ok(());
    }
    tx.save_customer(&customer).await?;
    let line = Line::ok(Kind::LanguageChanged).of(customer.customer_id).changed(
        serde_json::json!({"language": before}),
        serde_json::json!({"language": customer.locale}),
    );
    origin.record(&mut tx, &*app.random, line).await?;
    commit(app, tx).await
}

/// Clears a customer's counters: login, confirmation password, mail passwords and passcode, and tells
/// it. States, stops and suspensions stay as they are.
pub(crate) async fn unlock(app: &App, origin: &Origin, id: CustomerId) -> Result<usize, AppError> {
    again_on_conflict(|| async {
        let mut tx = app.store.begin().await?;
        let customer = tx.customer(id).await?.ok_or(AppError::NotFound)?;
        let mut cleared = 0;
        // In the order in which others take them: a login its counter before the customer, a proof
        // of BOT002 the customer before its counters.
        for subject in login_counters(&mut tx, origin, &customer).await? {
            cleared += clear(app, origin, &mut tx, id, &subject).await?;
        }
        let customer = tx.take_customer(id).await?.ok_or(AppError::NotFound)?;
        for subject in [
            counters::confirmation(&customer),
            counters::present_login(&customer),
            counters::mail_tries(&customer),
        ] {
            cleared += clear(app, origin, &mut tx, id, &subject).await?;
        }
        for token in tx.tokens(id).await? {
            let Some(row) = tx.verifier(customer.customer_id, token.id).await? else { continue };
            if row.counter() != Counter::cleared() {
                tx.count_failure(&row, &Counter::cleared()).await?;
                cleared += 1;
                let line =
                    Line::ok(Kind::CounterUnlocked).of(id).token(token.id).because("passcode");
                origin.record(&mut tx, &*app.random, line).await?;
            }
        }
        if cleared > 0 {
            let mail = Mail::Unlocked { at: origin.now };
            notices::tell(app, origin, &mut tx, &customer, To::Everyone, &mail, "").await?;
        }
        commit(app, tx).await?;
        Ok(cleared)
    })
    .await
}

async fn clear(
    app: &App,
    origin: &Origin,
    tx: &mut Tx,
    id: CustomerId,
    subject: &Subject,
) -> Result<usize, AppError> {
    let mut taken = tx.take_counter(subject, origin.now).await?;
    if taken.counter() == Counter::cleared() {
        return Ok(0);
    }
    // The day's sum with it: the next wrong one must not lock again at once.
    taken.day_total = 0;
    tx.save_counter(subject, &taken, &Counter::cleared(), origin.now).await?;
    let line = Line::ok(Kind::CounterUnlocked).of(id).because(subject.kind);
    origin.record(tx, &*app.random, line).await?;
    Ok(1)
}

// The counters of login and stop: one for browsers the customer does not know, one for each that it does.
async fn login_counters(
    tx: &mut Tx,
    origin: &Origin,
    customer: &Customer,
) -> Result<Vec<Subject>, AppError> {
    let mut found = Vec::new();
    for opens in [Opens::Login, Opens::Stop] {
        let account = counters::login(origin, opens.counter(), &customer.login_id);
        for (_, subject, ..) in tx.counters_of(account.bucket, &account.owner).await? {
            found.push(Subject { subject, ..account.clone() });
        }
    }
    Ok(found)
}

/// What `customers show` prints: a view without any secret.
pub(crate) async fn show(
    app: &App,
    origin: &Origin,
    id: CustomerId,
) -> Result<serde_json::Value, AppError> {
    let mut tx = app.store.read().await?;
    let c = tx.customer(id).await?.ok_or(AppError::NotFound)?;
    let at = |ms: Option<i64>| {
        ms.and_then(|ms| Timestamp::from_millisecond(ms).ok()).map(|t| t.to_string())
    };
    let mut counters = Vec::new();
    let mut subjects = login_counters(&mut tx, origin, &c).await?;
    subjects.extend([
        counters::confirmation(&c),
        counters::present_login(&c),
        counters::mail_tries(&c),
    ]);
    for subject in subjects {
        let Some(taken) = tx.counter(&subject).await? else {
            continue;
        };
        let counter = taken.counter();
        counters.push(serde_json::json!({
            "kind": subject.kind, "failures": counter.failures,
            // Those of login and stop are one for all browsers that are not known, and one for each
            // that is.
            "known_browser": subject.subject != subject.owner,
            "locked_until": at(counter.locked_until.map(|t: Millis| t.0)), "locked": counter.locked,
        }));
    }
    let mut tokens = Vec::new();
    for t in tx.tokens(id).await? {
        let row = tx.verifier(c.customer_id, t.id).await?;
        tokens.push(serde_json::json!({
            "id": t.id, "kind": t.kind, "state": t.state.as_str(), "device": t.device,
            "issued_at": at(Some(t.issued_at)), "activated_at": at(t.activated_at),
            "started_at": at(t.started_at), "ended_at": at(t.ended_at),
            "valid_until": at(Some(t.valid_until)),
            "failures": row.as_ref().map(|r| r.failures),
            "locked_until": row.as_ref().and_then(|r| at(r.locked_until)),
            "locked": row.as_ref().map(|r| r.locked),
        }));
    }
    let addresses: Vec<_> = tx
        .addresses(id)
        .await?
        .into_iter()
        .map(|a| {
            serde_json::json!({
                "id": a.id, "address": a.address, "confirmed_at": at(a.confirmed_at),
                "removed_at": at(a.removed_at),
            })
        })
        .collect();
    Ok(serde_json::json!({
        "id": c.customer_id, "customer_number": c.customer_number, "login_id": c.login_id,
        "name": c.name, "locale": c.locale, "otp_required": c.otp_required,
        "hold_until": at(c.hold_until), "suspended_at": at(c.suspended_at),
        "stopped_by": c.stopped_by, "stop_reception": c.stop_reception,
        "login_password_given": c.login_given, "confirmation_password_given": c.confirmation_given,
        "last_login_at": at(c.last_login_at), "counters": counters, "tokens": tokens,
        "notice_addresses": addresses,
    }))
}
