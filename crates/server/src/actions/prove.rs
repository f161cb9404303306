//! One passcode, decided and written: the only way a passcode is accepted anywhere.

use warifu_core::{
    audit::Kind,
    counter::Grade,
    ids::VerificationId,
    oath::{Algorithm, Digits, Passcode},
    purpose::Purpose,
    time::Millis,
    verify::{Decision, Reason, Standing, Verifier, decide},
};
use warifu_store::{Customer, StoreError, Token, Tx, VerifierRow};

use super::{locks, places};
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
    let policy = origin.institution.policy().passcode.lock();
    let spot = places::verifier(origin.institution.id, asked.customer.customer_id, asked.token.id);
    let key = origin.institution.keys.open(&spot.place(), &row.sealed_key)?;
    let verifier = verifier(origin, asked, row, key.expose())?;
    // A form error like any other: the token's own number of digits counts, not today's policy.
    if !passcode.has(verifier.digits) {
        return Err(AppError::InvalidField(vec![Problem::new("passcode", "err-passcode-form")]));
    }
    match decide(&verifier, passcode, asked.purpose, &policy, origin.now) {
        Decision::Accept { step } => {
            tx.accept_step(row, step).await?;
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
                let which = (Which::Passcode, Some(asked.token.id));
                locks::tell(app, origin, tx, asked.customer, which, grade).await?;
            }
            Ok(Proof::Refused(told))
        }
    }
}

fn verifier<'a>(
    origin: &Origin,
    asked: &Asked<'_>,
    row: &VerifierRow,
    key: &'a [u8],
) -> Result<Verifier<'a>, AppError> {
    let corrupt = || StoreError::Corrupt(format!("verifier of {}", asked.token.id));
    let number = |n: i64| u32::try_from(n).map_err(|_| corrupt());
    let algorithm = match row.algorithm.as_str() {
        "sha1" => Algorithm::Sha1,
        "sha256" => Algorithm::Sha256,
        "sha512" => Algorithm::Sha512,
        _ => return Err(corrupt().into()),
    };
    Ok(Verifier {
        key,
        algorithm,
        digits: Digits::try_from(number(row.digits)?).map_err(|_| corrupt())?,
        period_seconds: number(row.period)?,
        window: origin.institution.policy().passcode.window,
        standing: standing(asked.customer, row),
        last_step: row.last_step,
        floor_step: row.floor_step,
    })
}

/// What decides whether a token's passcodes are looked at.
pub(super) fn standing(customer: &Customer, row: &VerifierRow) -> Standing {
    Standing {
        state: row.state,
        stopped: row.suspended || customer.suspended_at.is_some(),
        expires_at: Millis(row.valid_until),
        counter: row.counter(),
    }
}

const fn word(reason: Reason) -> &'static str {
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
