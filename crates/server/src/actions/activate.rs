//! Activation: the root leaves for one phone, once; repeated to the same two keys until acknowledged.

use serde::Serialize;
use subtle::ConstantTimeEq;
use warifu_core::{
    audit::Kind,
    counter::{Counter, Gate},
    ids::{ActivationId, CustomerId, IssueId, UserId},
    issue::{ActivationFacts, ActivationOutcome, DeviceKeys, Qr, StartPassword, activation},
    random,
    secret::SecretBytes,
    time::Millis,
    token::Event,
};
use warifu_store::{Customer, Issue, Key, Subject, Token, Tx, VerifierRow};

use super::{
    again_on_conflict, commit,
    issue::{Ending, end_issue, qr_secret},
    notices, places, sign_in,
};
use crate::{
    app::App,
    error::AppError,
    mail::messages::{Mail, Why},
    origin::{Line, Origin},
    phone::keys::{self, Jwk},
};

/// Version of the protocol, first field of what is signed and bound.
pub(crate) const PROTOCOL: &str = "warifu-activation-1";

/// What a phone asks with; its signature is already checked.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) user_id: UserId,
    pub(crate) start_password: StartPassword,
    pub(crate) qr_secret: Option<String>,
    pub(crate) ecdh: Jwk,
    pub(crate) ecdsa: Jwk,
    /// Kind of phone, for the customer to recognise.
    pub(crate) device: String,
}

/// What the phone gets.
#[derive(Debug, Serialize)]
pub(crate) struct Reply {
    activation_id: String,
    institution_id: String,
    issue_id: String,
    token_id: String,
    institution_name: String,
    server_jwk: Jwk,
    nonce: String,
    #[serde(rename = "box")]
    sealed: String,
    passcode: PasscodeShape,
    valid_until: i64,
    start_deadline: i64,
}

#[derive(Debug, Serialize)]
struct PasscodeShape {
    algorithm: &'static str,
    digits: u32,
    period: u32,
}

/// Hands the root over, or again, or refuses; to the outside all refusals but one are the same.
pub(crate) async fn activate(app: &App, origin: &Origin, ask: &Ask) -> Result<String, AppError> {
    again_on_conflict(|| async {
        let mut tx = app.store.begin().await?;
        if let Some(until) = network_waits(&mut tx, origin).await? {
            return Err(AppError::TooMany(until));
        }
        let found = tx.find(origin.institution.id, Key::UserId, ask.user_id.as_str()).await?;
        let customer = match &found {
            Some(found) => tx.take_customer(found.customer_id).await?,
            None => None,
        };
        let Some(customer) = customer else {
            return refuse(app, origin, tx, None, "unknown").await;
        };
        let issue = found.and_then(|f| f.reference.parse::<IssueId>().ok());
        let issues = tx.issues(customer.customer_id).await?;
        let issue = issues.into_iter().find(|i| Some(i.id) == issue && i.ended_at.is_none());
        let token = match &issue {
            Some(issue) => tx.token(customer.customer_id, issue.token_id).await?,
            None => None,
        };
        let (Some(issue), Some(token)) = (issue, token) else {
            return refuse(app, origin, tx, Some(&customer), "closed").await;
        };
        if customer.suspended_at.is_some() {
            return refuse(app, origin, tx, Some(&customer), "suspended").await;
        }
        decide(app, origin, tx, ask, (customer, issue, token)).await
    })
    .await
}

async fn decide(
    app: &App,
    origin: &Origin,
    mut tx: Tx,
    ask: &Ask,
    (customer, issue, token): (Customer, Issue, Token),
) -> Result<String, AppError> {
    let id = customer.customer_id;
    let counter_of = Subject {
        bucket: customer.bucket,
        owner: id.to_string(),
        subject: issue.id.to_string(),
        kind: "start",
    };
    let tries = tx.take_counter(&counter_of, origin.now).await?;
    let outcome = outcome(origin, ask, &customer, &issue, &token, tries.counter().failures);
    match outcome {
        ActivationOutcome::First => {
            tx.save_counter(&counter_of, &tries, &Counter::cleared(), origin.now).await?;
            hand_over(app, origin, tx, ask, (customer, issue, token)).await
        }
        ActivationOutcome::Repeat => {
            let line = Line::ok(Kind::ActivationRepeated).of(id).token(token.id);
            origin.record(&mut tx, &*app.random, line).await?;
            tx.commit().await?;
            reply_again(origin, id, &issue)
        }
        ActivationOutcome::SecondPhone => {
            let ending =
                Ending { event: Event::Revoked, reason: "second_phone", why: Why::StartPassword };
            end_issue(app, origin, &mut tx, &customer, (issue, token), ending).await?;
            commit(app, tx).await?;
            Err(AppError::Gone)
        }
        ActivationOutcome::Wrong { failures, dead } => {
            let counter = Counter { failures, ..Counter::cleared() };
            tx.save_counter(&counter_of, &tries, &counter, origin.now).await?;
            if dead {
                let ending = Ending {
                    event: Event::Revoked,
                    reason: "start_password",
                    why: Why::StartPassword,
                };
                end_issue(app, origin, &mut tx, &customer, (issue, token), ending).await?;
            }
            refuse(app, origin, tx, Some(&customer), "start_password").await
        }
        ActivationOutcome::Refused => refuse(app, origin, tx, Some(&customer), "not_offered").await,
    }
}

fn outcome(
    origin: &Origin,
    ask: &Ask,
    customer: &Customer,
    issue: &Issue,
    token: &Token,
    start_failures: u32,
) -> ActivationOutcome {
    let spot = places::issue(origin.institution.id, customer.customer_id, "start_mac", issue.id);
    let start = ask.start_password.expose().as_bytes();
    let tag = issue.start_mac.as_deref().unwrap_or_default();
    let (ecdh, ecdsa) = (ask.ecdh.thumbprint(), ask.ecdsa.thumbprint());
    let bound = issue.ecdh_thumbprint.as_ref().zip(issue.ecdsa_thumbprint.as_ref());
    activation(&ActivationFacts {
        state: token.state,
        now: origin.now,
        deadline: Millis(issue.deadline.unwrap_or(0)),
        bound: bound.map(|(a, b)| DeviceKeys { ecdh: a.as_bytes(), ecdsa: b.as_bytes() }),
        offered: DeviceKeys { ecdh: ecdh.as_bytes(), ecdsa: ecdsa.as_bytes() },
        start_matches: origin.institution.keys.fits(&spot.place(), start, tag),
        qr: qr(origin, ask, customer, issue),
        start_failures,
        start_tries: origin.institution.policy().issue.start_password_tries,
        acked: issue.acknowledged_at.is_some(),
    })
}

fn qr(origin: &Origin, ask: &Ask, customer: &Customer, issue: &Issue) -> Qr {
    let Some(given) = &ask.qr_secret else {
        return Qr::Absent;
    };
    let shown = qr_secret(origin, customer, issue);
    if !bool::from(shown.as_bytes().ct_eq(given.as_bytes())) {
        // The secret of an earlier picture of this issue cannot be told from an invented one, and
        // needs not be: a scan that comes late is refused, but is no guess of the start password.
        return Qr::Old;
    }
    // The same phone may repeat what it has scanned, for as long as it may repeat at all.
    if origin.now.0 < issue.qr_until || issue.ecdh_thumbprint.is_some() {
        Qr::Right
    } else {
        Qr::Old
    }
}

// The root is made, bound to the phone's keys, and sealed to it: token, issue, hot row, mails and
// audit row in one transaction.
async fn hand_over(
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

    activate_token(app, origin, &mut tx, ask, &customer, &mut token, &root).await?;
    let mail = Mail::Activated { at: origin.now, start_deadline: Millis(issue.start_until) };
    let to = notices::To::NoticeAnd(&issue.phone_address);
    notices::tell(app, origin, &mut tx, &customer, to, &mail, &reference).await?;
    let line = Line::ok(Kind::TokenActivated).of(id).token(token.id).changed(
        serde_json::json!({"state": "issued"}),
        serde_json::json!({"state": "activated", "device": token.device}),
    );
    origin.record(&mut tx, &*app.random, line).await?;
    commit(app, tx).await?;
    Ok(json)
}

/// Whom a root is sealed to.
#[derive(Debug)]
pub(crate) struct Recipient<'a> {
    pub(crate) user_id: &'a UserId,
    pub(crate) ecdh: &'a Jwk,
    pub(crate) ecdsa: &'a Jwk,
}

/// The answer that carries the root, sealed to one phone.
pub(crate) fn reply(
    app: &App,
    origin: &Origin,
    ask: &Recipient<'_>,
    (issue, token): (&Issue, &Token),
    activation: &str,
    root: &SecretBytes,
) -> Result<Reply, AppError> {
    let institution = &origin.institution;
    let (institution_id, issue_id) = (institution.id.to_string(), issue.id.to_string());
    let (ecdh, ecdsa) = (ask.ecdh.thumbprint(), ask.ecdsa.thumbprint());
    let bound = [PROTOCOL, &institution_id, &issue_id, ask.user_id.as_str(), &ecdh, &ecdsa];
    let boxed = keys::seal_root(root, ask.ecdh, &bound, &*app.random)
        .ok_or_else(|| AppError::internal("the root could not be sealed to the phone"))?;
    let policy = &institution.policy().passcode;
    Ok(Reply {
        activation_id: activation.to_owned(),
        issue_id,
        institution_id,
        token_id: token.id.to_string(),
        institution_name: institution.document.name.ja.clone(),
        server_jwk: boxed.server_jwk,
        nonce: boxed.nonce,
        sealed: boxed.sealed,
        passcode: PasscodeShape {
            algorithm: "SHA-256",
            digits: policy.digits,
            period: policy.period.seconds(),
        },
        valid_until: token.valid_until,
        start_deadline: issue.start_until,
    })
}

// Root and signing key into the token's row, each bound to it.
fn bind(
    app: &App,
    origin: &Origin,
    id: CustomerId,
    token: &mut Token,
    signing: &Jwk,
    root: &SecretBytes,
) -> Result<(), AppError> {
    let institution = &origin.institution;
    let spot = places::token(institution.id, id, "root", token.id);
    token.root = Some(institution.keys.seal(&spot.place(), root.expose(), &*app.random)?);
    let jwk = serde_json::to_string(signing).map_err(AppError::internal)?;
    let spot = places::token(institution.id, id, "signing_key", token.id);
    token.signing_mac = Some(institution.keys.mac(&spot.place(), jwk.as_bytes()));
    token.signing_key = Some(jwk);
    Ok(())
}

pub(crate) fn verifier(
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
        token_no: token.token_no,
        customer_id: customer.customer_id,
        token_id: token.id,
        state: token.state,
        suspended: false,
        algorithm: "sha256".to_owned(),
        digits: i64::from(policy.digits),
        period: i64::from(policy.period.seconds()),
        sealed_key: institution.keys.seal(&spot.place(), key.expose(), &*app.random)?,
        valid_until: token.valid_until,
        floor_step: -1,
        last_step: -1,
        drift: 0,
        failures: 0,
        locked_until: None,
        locked: false,
        version: 1,
    })
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
    bind(app, origin, customer.customer_id, token, &ask.ecdsa, root)?;
    tx.save_token(customer.customer_id, token).await?;
    tx.insert_verifier(&verifier(app, origin, customer, token, root)?).await?;
    Ok(())
}

fn reply_again(origin: &Origin, id: CustomerId, issue: &Issue) -> Result<String, AppError> {
    let sealed = issue.reply.as_ref().ok_or(AppError::Forbidden)?;
    let spot = places::issue(origin.institution.id, id, "reply", issue.id);
    let plain = origin.institution.keys.open(&spot.place(), sealed)?;
    String::from_utf8(plain.expose().to_vec()).map_err(AppError::internal)
}

// Counted for the network too: user IDs are guessed from somewhere.
async fn refuse(
    app: &App,
    origin: &Origin,
    mut tx: Tx,
    customer: Option<&Customer>,
    reason: &str,
) -> Result<String, AppError> {
    let line = Line::refused(Kind::ActivationRefused, reason);
    let line = match customer {
        Some(customer) => line.of(customer.customer_id),
        None => line,
    };
    origin.record(&mut tx, &*app.random, line).await?;
    commit(app, tx).await?;
    // By itself: a login takes its network first and its customer then, the other way round.
    let mut tx = app.store.begin().await?;
    let network = sign_in::network(origin);
    let taken = tx.take_counter(&network, origin.now).await?;
    let policy = sign_in::network_policy(&origin.institution.policy().login);
    let (counter, _) = taken.counter().failed_login(&policy, origin.now);
    tx.save_counter(&network, &taken, &counter, origin.now).await?;
    tx.commit().await?;
    Err(AppError::Forbidden)
}

async fn network_waits(tx: &mut Tx, origin: &Origin) -> Result<Option<Millis>, AppError> {
    let network = sign_in::network(origin);
    Ok(match super::overview::gate(tx, &network, origin.now).await? {
        Gate::Until(until) => Some(until),
        Gate::Open | Gate::Stopped => None,
    })
}

/// The phone says that it holds the root: repeats end. Said again, it changes nothing.
pub(crate) async fn acknowledge(
    app: &App,
    origin: &Origin,
    activation: ActivationId,
    signature: &str,
) -> Result<(), AppError> {
    let mut tx = app.store.begin().await?;
    let key = activation.to_string();
    let found = tx.find(origin.institution.id, Key::Activation, &key).await?;
    let customer = match &found {
        Some(found) => tx.take_customer(found.customer_id).await?,
        None => None,
    };
    let customer = customer.ok_or(AppError::Forbidden)?;
    let id = customer.customer_id;
    let issues = tx.issues(id).await?;
    let issue = issues.into_iter().find(|i| i.activation_id.as_deref() == Some(key.as_str()));
    let mut issue = issue.ok_or(AppError::Forbidden)?;
    let token = tx.token(id, issue.token_id).await?.ok_or(AppError::Forbidden)?;
    let jwk = signing_key(origin, id, &token)?;
    if !jwk.signed(&format!("warifu-ack-1\n{activation}"), signature) {
        return Err(AppError::Forbidden);
    }
    if issue.acknowledged_at.is_none() {
        issue.acknowledged_at = Some(origin.now.0);
        issue.reply = None;
        tx.save_issue(id, &issue).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// The phone's signing key, if its MAC fits the row.
pub(crate) fn signing_key(origin: &Origin, id: CustomerId, token: &Token) -> Result<Jwk, AppError> {
    let (jwk, tag) =
        token.signing_key.as_ref().zip(token.signing_mac.as_ref()).ok_or(AppError::Forbidden)?;
    let spot = places::token(origin.institution.id, id, "signing_key", token.id);
    if !origin.institution.keys.fits(&spot.place(), jwk.as_bytes(), tag) {
        let what = format!("signing key of {}", token.id);
        return Err(warifu_store::StoreError::Corrupt(what).into());
    }
    serde_json::from_str(jwk).map_err(AppError::internal)
}
