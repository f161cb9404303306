//! One passcode, decided and written: the only way a passcode is accepted anywhere.

use warifu_core::{
    audit::Kind,
    counter::Grade,
    ids::{CustomerId, TokenId, VerificationId},
    oath::{Algorithm, Digits, Passcode},
    purpose::Purpose,
    time::Millis,
    verify::{self, Decision, Mode, Reason, Standing, Steps, Verifier},
};
use warifu_store::{Customer, Era, StoreError, Token, Tx, VerifierRow};

use super::{again_on_conflict, locks, places};
use crate::{
    app::App,
    error::{AppError, Problem},
    mail::messages::Which,
    origin::{Line, Origin},
    web::cookies::BrowserSecret,
};

/// What is asked for: whose passcode, for what.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) customer: &'a Customer,
    pub(crate) token: &'a Token,
    pub(crate) purpose: Purpose,
}

/// The answer; both are to be committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// The step is spent; the effect belongs into this transaction.
    Accepted,
    /// Counted and recorded.
    Refused(Reason),
}

/// How a page that asks for a passcode ended; with both, everything is committed.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Accepted, and its effect with it; the session goes on under a new secret.
    Done(BrowserSecret),
    /// Not accepted; nothing changed.
    Refused(Reason),
}

/// Does an act that a passcode belongs to, the effect in the transaction of the proof: from fresh data each
/// time, in its turn of the verify queue.
pub(super) async fn with_effect<T, F, R>(
    app: &App,
    origin: &Origin,
    customer: CustomerId,
    act: F,
) -> Result<T, AppError>
where
    F: FnMut() -> R,
    R: Future<Output = Result<T, AppError>>,
{
    let _places = app.queue.with_effect(origin, customer).await?;
    again_on_conflict(act).await
}

/// Decides a passcode and writes what follows: the spent step or the counter, the audit row, and the
/// notices of a lock. `Conflict` means that the row changed meanwhile: decide again.
pub(crate) async fn prove(
    app: &App,
    origin: &Origin,
    tx: &mut Tx,
    asked: &Asked<'_>,
    row: &VerifierRow,
    passcode: &Passcode,
) -> Result<Proof, AppError> {
    // A form error like any other: the token's own number of digits counts, not today's policy.
    if !passcode.has(digits(row)?) {
        return Err(AppError::InvalidField(vec![Problem::new("passcode", "err-passcode-form")]));
    }
    let of = Of {
        customer: asked.customer.customer_id,
        token: asked.token.id,
        is_stopped: asked.customer.suspended_at.is_some(),
        era: app.store.era(app.clock.now()),
    };
    match decide(origin, row, &of, (asked.purpose, passcode))? {
        Decision::Accept { step } => {
            let learned = steps(origin, row)?.learned(step, origin.now);
            tx.accept_step(row, (step, of.era), learned).await?;
            let verification = VerificationId::generate(origin.now, &*app.random);
            let line = Line::ok(Kind::PasscodeAccepted)
                .of(asked.customer.customer_id)
                .token(asked.token.id)
                .because(asked.purpose.as_str())
                .after(serde_json::json!({"verification": verification, "step": step}));
            origin.record(tx, &*app.random, line).await?;
            Ok(Proof::Accepted)
        }
        Decision::Refuse { reason, counter, grade } => {
            if counter != row.counter() {
                tx.count_failure(row, &counter).await?;
            }
            let line = Line::refused(Kind::PasscodeRefused, word(reason))
                .of(asked.customer.customer_id)
                .token(asked.token.id)
                .after(serde_json::json!({
                    "purpose": asked.purpose.as_str(), "failures": counter.failures
                }));
            origin.record(tx, &*app.random, line).await?;
            let told = match grade {
                None => reason,
                // Whoever has just locked it is told so, and not to try the next number.
                Some(Grade::Until(until)) => Reason::LockedUntil(until),
                Some(Grade::Stopped) => Reason::Locked,
            };
            if let Some(grade) = grade {
                tell_lock(app, origin, tx, asked.customer, asked.token.id, grade).await?;
            }
            Ok(Proof::Refused(told))
        }
    }
}

/// Tells that a passcode's counter has locked.
pub(super) async fn tell_lock(
    app: &App,
    origin: &Origin,
    tx: &mut Tx,
    customer: &Customer,
    token: TokenId,
    grade: Grade,
) -> Result<(), AppError> {
    locks::tell(app, origin, tx, customer, (Which::Passcode, Some(token)), grade).await
}

/// Whose row it must be. What the row itself says of that proves nothing: it may have been copied.
#[derive(Debug)]
pub(super) struct Of {
    pub(super) customer: CustomerId,
    pub(super) token: TokenId,
    pub(super) is_stopped: bool,
    /// What can have been accepted until it began is spent.
    pub(super) era: Era,
}

/// Decides a passcode on a token's row as it was read; nothing is written.
pub(super) fn decide(
    origin: &Origin,
    row: &VerifierRow,
    of: &Of,
    (purpose, passcode): (Purpose, &Passcode),
) -> Result<Decision, AppError> {
    let institution = &origin.institution;
    let spot = places::verifier(institution.id, of.customer, of.token);
    let key = institution.keys.open(&spot.place(), &row.sealed_key)?;
    let algorithm = match row.algorithm.as_str() {
        "sha1" => Algorithm::Sha1,
        "sha256" => Algorithm::Sha256,
        "sha512" => Algorithm::Sha512,
        _ => return Err(corrupt(row).into()),
    };
    let steps = steps(origin, row)?;
    let given_up = steps.given_up((row.last_step, Millis(row.era)), of.era.began);
    let verifier = Verifier {
        key: key.expose(),
        algorithm,
        digits: digits(row)?,
        steps,
        standing: standing(of.is_stopped, row),
        last_step: row.last_step,
        floor_step: row.floor_step.max(given_up),
    };
    let policy = institution.policy().passcode.lock();
    Ok(verify::decide(&verifier, passcode, purpose, &policy, origin.now))
}

/// How the token's steps go on.
pub(super) fn steps(origin: &Origin, row: &VerifierRow) -> Result<Steps, StoreError> {
    let policy = &origin.institution.policy().passcode;
    let window = policy.window;
    let period_seconds = u32::try_from(row.period).map_err(|_| corrupt(row))?;
    Ok(match row.mode {
        Mode::Clock => Steps::Clock { period_seconds, window },
        Mode::OwnClock => Steps::OwnClock { period_seconds, window, drift: row.drift() },
        Mode::Event => Steps::Event { look_ahead: policy.look_ahead },
    })
}

fn digits(row: &VerifierRow) -> Result<Digits, StoreError> {
    u32::try_from(row.digits).ok().and_then(|n| n.try_into().ok()).ok_or_else(|| corrupt(row))
}

fn corrupt(row: &VerifierRow) -> StoreError {
    StoreError::Corrupt(format!("verifier of {}", row.token_id))
}

/// What decides whether a token's passcodes are looked at.
pub(super) fn standing(is_stopped: bool, row: &VerifierRow) -> Standing {
    Standing {
        state: row.state,
        stopped: row.suspended || is_stopped,
        expires_at: Millis(row.valid_until),
        counter: row.counter(),
    }
}

/// The stable word of a reason.
pub(super) const fn word(reason: Reason) -> &'static str {
    match reason {
        Reason::Wrong => "wrong",
        Reason::Used => "used",
        Reason::LockedUntil(_) => "locked_for_a_time",
        Reason::Locked => "locked",
        Reason::Suspended => "suspended",
        Reason::NotUsable => "not_usable",
        Reason::Expired => "expired",
    }
}
