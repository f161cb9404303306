//! The hand-over: the root is made, kept sealed, and leaves for the phone that asked first.

use warifu_core::{
    audit::Kind, ids::ActivationId, random, secret::SecretBytes, time::Millis, token::Event,
    verify::Mode,
};
use warifu_store::{Customer, Issue, Key, Token, Tx, VerifierRow};

use super::{Ask, Recipient, acknowledge::bind, reply};
use crate::{
    actions::{commit, notices, places},
    app::App,
    error::AppError,
    mail::messages::Mail,
    origin::{Line, Origin},
    phone::keys,
};

/// The root is made, bound to the phone's keys, and sealed to it: token, issue, hot row, mails and
/// audit row in one transaction.
pub(super) async fn hand_over(
    app: &App,
    origin: &Origin,
    mut tx: Tx,
    ask: &Ask,
    (customer, mut issue, mut token): (Customer, Issue, Token),
) -> Result<String, AppError> {
    let (institution, id) = (&origin.institution, customer.customer_id);
    let root = SecretBytes::from(random::bytes::<32>(&*app.random));
    let start_within = institution.policy().issue.start_within.duration();
    issue.start_until = origin.now.plus(start_within).0;
    let activation = ActivationId::generate(origin.now, &*app.random);
    let to = Recipient { user_id: &ask.user_id, ecdh: &ask.ecdh, ecdsa: &ask.ecdsa };
    let reply = reply(app, origin, &to, (&issue, &token), &activation.to_string(), &root)?;
    let json = serde_json::to_string(&reply).map_err(AppError::internal)?;

    let spot = places::issue(institution.id, id, "reply", issue.id);
    issue.reply = Some(institution.keys.seal(&spot.place(), json.as_bytes(), &*app.random)?);
    issue.ecdh_thumbprint = Some(ask.ecdh.thumbprint());
    issue.ecdsa_thumbprint = Some(ask.ecdsa.thumbprint());
    issue.activation_id = Some(activation.to_string());
    issue.deadline = Some(issue.start_until);
    tx.save_issue(id, &issue).await?;
    let reference = issue.id.to_string();
    let key = activation.to_string();
    tx.reserve(institution.id, Key::Activation, &key, id, &reference, origin.now).await?;
    // Stays for good: a phone may ask years later what became of its token.
    tx.reserve(institution.id, Key::Token, &token.id.to_string(), id, "", origin.now).await?;

    activate_token(app, origin, &mut tx, ask, &customer, &mut token, &root).await?;
    let mail = Mail::Activated { at: origin.now, start_deadline: Millis(issue.start_until) };
    let to = notices::To::NoticeAnd(&issue);
    notices::tell(app, origin, &mut tx, &customer, to, &mail, &reference).await?;
    let line = Line::ok(Kind::TokenActivated).of(id).token(token.id).changed(
        serde_json::json!({"state": "issued"}),
        serde_json::json!({"state": "activated", "device": token.device}),
    );
    origin.record(&mut tx, &*app.random, line).await?;
    commit(app, tx).await?;
    Ok(json)
}

// The token's own row and its row in the hot table.
async fn activate_token(
    app: &App,
    origin: &Origin,
    tx: &mut Tx,
    ask: &Ask,
    customer: &Customer,
    token: &mut Token,
    root: &SecretBytes,
) -> Result<(), AppError> {
    token.state = token.state.after(Event::Activated).map_err(AppError::internal)?;
    token.activated_at = Some(origin.now.0);
    token.device = Some(ask.device.clone());
    let place = places::token(origin.institution.id, customer.customer_id, "root", token.id);
    let keys = &origin.institution.keys;
    token.root = Some(keys.seal(&place.place(), root.expose(), &*app.random)?);
    bind(origin, customer.customer_id, token, &ask.ecdsa)?;
    tx.save_token(customer.customer_id, token).await?;
    tx.insert_verifier(&verifier(app, origin, customer, token, root)?).await?;
    Ok(())
}

fn verifier(
    app: &App,
    origin: &Origin,
    customer: &Customer,
    token: &Token,
    root: &SecretBytes,
) -> Result<VerifierRow, AppError> {
    let institution = &origin.institution;
    let policy = &institution.policy().passcode;
    let key = keys::from_root(root, "warifu/1/passcode");
    let spot = places::verifier(institution.id, customer.customer_id, token.id);
    Ok(VerifierRow {
        bucket: customer.bucket,
        customer_id: customer.customer_id,
        token_id: token.id,
        institution_id: institution.id,
        state: token.state,
        suspended: false,
        hold_until: customer.hold_until,
        mode: Mode::Clock,
        algorithm: "sha256".to_owned(),
        digits: i64::from(policy.digits),
        period: i64::from(policy.period.seconds()),
        sealed_key: institution.keys.seal(&spot.place(), key.expose(), &*app.random)?,
        valid_until: token.valid_until,
        floor_step: -1,
        last_step: -1,
        era: app.store.era(app.clock.now()).began.0,
        drift: 0,
        drift_seen: None,
        failures: 0,
        locked_until: None,
        locked: false,
        version: 1,
    })
}
