//! The decision on one passcode: what is known of the token, what was typed, what for, when.
//! Owns the answer only; that it stays true until it is written is the store's part.

mod steps;

use std::fmt;

use subtle::{ConditionallySelectable, ConstantTimeEq};

use crate::counter::{Counter, Gate, Grade};
use crate::oath::{Algorithm, Digits, Passcode, hotp};
use crate::policy::LockPolicy;
use crate::purpose::Purpose;
use crate::time::Millis;
use crate::token::State;

pub use steps::{Drift, Mode, Off, Steps};

/// All that a decision is made from, as read from the token's row.
pub struct Verifier<'a> {
    /// The unsealed key.
    pub key: &'a [u8],
    /// The hash function.
    pub algorithm: Algorithm,
    /// The number of digits.
    pub digits: Digits,
    /// How its steps go on.
    pub steps: Steps,
    /// Whether it may be looked at at all.
    pub standing: Standing,
    /// The last accepted step; -1 when there is none.
    pub last_step: i64,
    /// No step up to this one is accepted: raised after a restore or a fail-over.
    pub floor_step: i64,
}

/// What decides, before any passcode is seen, whether one is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Where the token is in its life.
    pub state: State,
    /// Whether its use is suspended.
    pub stopped: bool,
    /// The moment from which it is no longer valid.
    pub expires_at: Millis,
    /// The wrong passcodes in a row.
    pub counter: Counter,
}

/// The answer, and what is to be written with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Accepted: this step is spent and the counter cleared.
    Accept {
        /// The step whose passcode it was.
        step: i64,
    },
    /// Refused.
    Refuse {
        /// Why.
        reason: Reason,
        /// The counter as it is to be written.
        counter: Counter,
        /// The grade just reached, if any.
        grade: Option<Grade>,
    },
}

/// Why a passcode is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It belongs to none of the steps that are looked at.
    Wrong,
    /// It belongs to a step that is spent.
    Used,
    /// Not evaluated: locked until this moment.
    LockedUntil(Millis),
    /// Not evaluated: locked until someone unlocks.
    Locked,
    /// Not evaluated: the token's use is suspended.
    Suspended,
    /// Not evaluated: the token's state, or a plain passcode as such, does not serve this purpose.
    NotUsable,
    /// Not evaluated: the token's last day is over.
    Expired,
}

/// Decides one passcode; a refusal without evaluation leaves the counter as it is.
#[must_use]
pub fn decide(
    token: &Verifier<'_>,
    passcode: &Passcode,
    purpose: Purpose,
    policy: &LockPolicy,
    now: Millis,
) -> Decision {
    let counter = &token.standing.counter;
    if let Some(reason) = token.standing.closed(purpose, now) {
        return Decision::Refuse { reason, counter: *counter, grade: None };
    }
    let reason = match matching_step(token, passcode, now) {
        Some(step) if step > token.spent() => {
            return Decision::Accept { step };
        }
        Some(_) => Reason::Used,
        None => Reason::Wrong,
    };
    let (counter, grade) = counter.failed(policy, now);
    Decision::Refuse { reason, counter, grade }
}

impl Standing {
    /// The reason for which no passcode is even looked at.
    #[must_use]
    pub fn closed(&self, purpose: Purpose, now: Millis) -> Option<Reason> {
        if !serves(self.state, purpose) {
            return Some(Reason::NotUsable);
        }
        if self.stopped {
            return Some(Reason::Suspended);
        }
        if now >= self.expires_at {
            return Some(Reason::Expired);
        }
        match self.counter.gate(now) {
            Gate::Open => None,
            Gate::Until(until) => Some(Reason::LockedUntil(until)),
            Gate::Stopped => Some(Reason::Locked),
        }
    }
}

const fn serves(state: State, purpose: Purpose) -> bool {
    match purpose {
        Purpose::Start => matches!(state, State::Activated),
        Purpose::Login
        | Purpose::Release
        | Purpose::Transaction
        | Purpose::StepUp
        | Purpose::Radius => matches!(state, State::InUse),
        // The first two change an authenticator: the purpose must be inside what the device computes.
        // The third wants two passcodes in a row, by a rule of its own.
        Purpose::Exchange | Purpose::Method | Purpose::Resync => false,
    }
}

/// The latest of the steps offered whose passcode this is. All are computed, whichever fits; of two
/// with the same digits the later counts, so that one text is never accepted twice.
fn matching_step(token: &Verifier<'_>, passcode: &Passcode, now: Millis) -> Option<i64> {
    const NONE: i64 = -1;
    let mut found = NONE;
    for step in token.steps.offered(token.spent(), now) {
        let Ok(counter) = u64::try_from(step) else {
            continue;
        };
        let computed = hotp(token.key, counter, token.digits, token.algorithm);
        found.conditional_assign(&step, passcode.is(&computed));
    }
    (!bool::from(found.ct_eq(&NONE))).then_some(found)
}

impl Verifier<'_> {
    /// The last step that is spent, by its use or by the floor.
    fn spent(&self) -> i64 {
        self.last_step.max(self.floor_step)
    }
}

impl fmt::Debug for Verifier<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("standing", &self.standing)
            .field("last_step", &self.last_step)
            .field("floor_step", &self.floor_step)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
