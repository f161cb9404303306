//! Activation: the root leaves for one phone, once; repeated to the same two keys until acknowledged.

mod acknowledge;
mod hand_over;
mod reply;
mod status;

use subtle::ConstantTimeEq;
use warifu_core::{
    audit::Kind,
    counter::Counter,
    ids::{IssueId, UserId},
    issue::{
        ActivationFacts, ActivationOutcome, DeviceKeys, IssueEnd, Qr, StartPassword, activation,
    },
    time::Millis,
};
use warifu_store::{Customer, Issue, Key, Subject, Token, Tx};

use super::{
    again_on_conflict, commit,
    issue::{end_issue, qr_secret},
    network::{self, Door},
    places, refusals,
};
use crate::{
    app::App,
    error::AppError,
    origin::{Line, Origin},
    phone::keys::Jwk,
};

pub(crate) use acknowledge::{acknowledge, bind};
use hand_over::hand_over;
use reply::reply_again;
pub(crate) use reply::{Recipient, reply};
pub(crate) use status::status;

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

/// Hands the root over, or again, or refuses; to the outside all refusals but one are the same.
pub(crate) async fn activate(app: &App, origin: &Origin, ask: &Ask) -> Result<String, AppError> {
    again_on_conflict(|| async {
        let mut tx = app.store.read().await?;
        if let Some(until) = network::waits(&mut tx, origin, Door::SetUp).await? {
            drop(tx);
            let line = Line::refused(Kind::ActivationRefused, "waiting");
            refusals::record(app, origin, line).await?;
            return Err(AppError::TooMany(until));
        }
        drop(tx);
        let mut tx = app.store.begin().await?;
        let found = tx.find(origin.institution.id, Key::UserId, ask.user_id.as_str()).await?;
        let customer = match &found {
            Some(found) => tx.take_customer(found.customer_id).await?,
            None => None,
        };
        let Some(customer) = customer else {
            return refuse(app, origin, tx, None, "unknown").await;
        };
        let issue = found.and_then(|f| f.reference.parse::<IssueId>().ok());
        let issue = match issue {
            Some(issue) => tx.issue(customer.customer_id, issue).await?,
            None => None,
        };
        let issue = issue.filter(|i| i.ended_at.is_none());
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
            let issue = (issue, token);
            end_issue(app, origin, &mut tx, &customer, issue, IssueEnd::SecondPhone).await?;
            commit(app, tx).await?;
            Err(AppError::Gone)
        }
        ActivationOutcome::Wrong { failures, dead } => {
            let counter = Counter { failures, ..Counter::cleared() };
            tx.save_counter(&counter_of, &tries, &counter, origin.now).await?;
            if dead {
                let issue = (issue, token);
                end_issue(app, origin, &mut tx, &customer, issue, IssueEnd::StartPassword).await?;
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
    // By itself: a login takes its network first and its customer then, the other way round. The
    // guess is counted already; where this fails the answer must not invite to repeat it.
    if let Err(error) = network::count(app, origin, Door::SetUp).await {
        tracing::error!(?error, "a network's counter");
    }
    Err(AppError::Forbidden)
}
