//! A passcode typed on a page. BLI002, BOK002 and BOS001 differ in what it is for, not in how it is
//! taken, refused or not even asked for.

use warifu_core::{
    oath::{Passcode, PasscodeError},
    purpose::Purpose,
    verify::Reason,
};

use super::{pages::FieldError, render};
use crate::{
    actions::{overview::Overview, prove::Answer},
    error::{AppError, Problem},
    origin::Origin,
    web::{
        cookies::BrowserSecret,
        visit::{Signed, Visit},
    },
};

/// What becomes of a page that asked for a passcode.
pub(super) enum Proved {
    /// It was accepted; the session goes on under this secret.
    Done(BrowserSecret),
    /// It was not: what stands beside the field.
    Again(Vec<FieldError>),
    /// None is looked at for now: what stands in place of the form.
    Closed(String),
}

/// Reads what was typed on a screen and lets an action prove it.
pub(super) async fn prove(
    signed: &Signed,
    screen: &'static str,
    typed: &str,
    act: impl AsyncFnOnce(&Origin, &Passcode) -> Result<Answer, AppError>,
) -> Result<Proved, AppError> {
    let visit = &signed.visit;
    let answer = match read(typed) {
        Ok(passcode) => act(&visit.origin.on(screen), &passcode).await,
        Err(problem) => Err(AppError::InvalidField(vec![problem])),
    };
    match answer {
        Ok(Answer::Done(secret)) => Ok(Proved::Done(secret)),
        Ok(Answer::Refused(reason)) => Ok(match closed(visit, screen, reason) {
            Some(told) => Proved::Closed(told),
            None => Proved::Again(vec![FieldError {
                field: "passcode",
                message: visit.text.of(match reason {
                    Reason::Used => "bli002-used",
                    _ => "bli002-wrong",
                }),
            }]),
        }),
        Err(AppError::InvalidField(problems)) => {
            let customer = Some(signed.customer.customer_id);
            Ok(Proved::Again(render::problems(visit, screen, customer, &problems).await?))
        }
        Err(other) => Err(other),
    }
}

/// What stands in place of the form, where no passcode would be looked at anyway.
pub(super) fn shut(
    visit: &Visit,
    screen: &'static str,
    view: &Overview,
    purpose: Purpose,
) -> Option<String> {
    closed(visit, screen, view.closed(purpose, visit.origin.now)?)
}

pub(super) fn closed(visit: &Visit, screen: &str, reason: Reason) -> Option<String> {
    let text = &visit.text;
    let at_login = screen == "BLI002";
    Some(match reason {
        Reason::Wrong | Reason::Used => return None,
        Reason::LockedUntil(until) => {
            let key = if at_login { "bli002-locked-until" } else { "state-locked-time" };
            text.with(key, "until", text.near(until, visit.origin.now))
        }
        Reason::Locked if at_login => text.of("bli002-locked"),
        Reason::Locked => text.of("state-locked"),
        Reason::Suspended => text.of("state-suspended"),
        Reason::NotUsable | Reason::Expired => text.of("bli002-no-token"),
    })
}

fn read(typed: &str) -> Result<Passcode, Problem> {
    Passcode::typed(typed).map_err(|error| {
        let key = match error {
            PasscodeError::Empty => "err-passcode-empty",
            PasscodeError::Length | PasscodeError::Digits => "err-passcode-form",
        };
        Problem::new("passcode", key)
    })
}
