//! What the command line may show of customers, and unlock.

use jiff::Timestamp;
use warifu_core::{
    audit::Kind,
    counter::Counter,
    ids::{CustomerId, LoginId},
    text::nfkc,
    time::Millis,
};
use warifu_store::{Customer, Key, Subject, Tx};

use super::{overview, sign_in};
use crate::{
    app::App,
    error::AppError,
    origin::{Line, Origin},
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

/// Clears a customer's counters: login, confirmation password, mail passwords and passcode. States,
/// stops and suspensions stay as they are.
pub(crate) async fn unlock(app: &App, origin: &Origin, id: CustomerId) -> Result<usize, AppError> {
    let mut tx = app.store.begin().await?;
    let customer = tx.take_customer(id).await?.ok_or(AppError::NotFound)?;
    let mut cleared = 0;
    for subject in own_counters(&mut tx, origin, &customer).await? {
        let taken = tx.take_counter(&subject, origin.now).await?;
        if taken.counter() != Counter::cleared() {
            let open = Counter::cleared();
            tx.save_counter(&subject, &taken, &open, origin.now).await?;
            cleared += 1;
            let line = Line::ok(Kind::CounterUnlocked).of(id).because(subject.kind);
            origin.record(&mut tx, &*app.random, line).await?;
        }
    }
    for token in tx.tokens(id).await? {
        let Some(row) = tx.verifier(customer.bucket, token.token_no).await? else {
            continue;
        };
        if row.counter() != Counter::cleared() {
            tx.count_failure(&row, &Counter::cleared()).await?;
            cleared += 1;
            let line = Line::ok(Kind::CounterUnlocked).of(id).token(token.id).because("passcode");
            origin.record(&mut tx, &*app.random, line).await?;
        }
    }
    tx.commit().await?;
    Ok(cleared)
}

// The counters that lie beside the tokens' own; each browser of the customer has one of login.
async fn own_counters(
    tx: &mut Tx,
    origin: &Origin,
    customer: &Customer,
) -> Result<Vec<Subject>, AppError> {
    let login = sign_in::account_counter(origin, &customer.login_id);
    let mut subjects = vec![overview::confirmation(customer), overview::mail_tries(customer)];
    for (kind, subject, ..) in tx.counters_of(login.bucket, &login.owner).await? {
        if kind == login.kind {
            subjects.push(Subject { subject, ..login.clone() });
        }
    }
    Ok(subjects)
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
    for subject in own_counters(&mut tx, origin, &c).await? {
        let Some(taken) = tx.counter(&subject).await? else {
            continue;
        };
        let counter = taken.counter();
        counters.push(serde_json::json!({
            "kind": subject.kind, "failures": counter.failures,
            "locked_until": at(counter.locked_until.map(|t: Millis| t.0)), "locked": counter.locked,
        }));
    }
    let mut tokens = Vec::new();
    for t in tx.tokens(id).await? {
        let row = tx.verifier(c.bucket, t.token_no).await?;
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
        "last_login_at": at(c.last_login_at), "counters": counters, "tokens": tokens,
        "notice_addresses": addresses,
    }))
}
