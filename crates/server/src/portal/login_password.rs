//! Login ID and login password of someone whom nobody knows yet. BLI001 and BES001 differ in what the
//! password opens, not in how it is read and refused.

use warifu_core::{counter::Gate, ids::LoginId};

use super::{pages::FieldError, render};
use crate::{
    actions::login_password::{Answer, Credentials},
    calendar,
    error::{AppError, Problem},
    origin::Origin,
    web::{form::Fields, visit::Visit},
};

/// What becomes of a page that asked for them.
pub(super) enum Proved<T> {
    /// They were right, and this came of it.
    Done(T),
    /// They were not: what stays in the field, and what stands above it.
    Again { login_id: String, errors: Vec<FieldError> },
}

/// A screen, and what it says of a refusal.
pub(super) struct Screen {
    pub(super) id: &'static str,
    pub(super) refused: &'static str,
    pub(super) wait: &'static str,
    pub(super) stopped: &'static str,
}

/// Reads what was typed on a screen and lets an action prove it.
pub(super) async fn prove<T>(
    visit: &Visit,
    mut fields: Fields,
    screen: &Screen,
    act: impl AsyncFnOnce(&Origin, Credentials) -> Result<Answer<T>, AppError>,
) -> Result<Proved<T>, AppError> {
    let login_id = fields.text("login_id");
    let password = fields.secret("login_password");
    let mut missing = Vec::new();
    if login_id.trim().is_empty() {
        missing.push(Problem::new("login_id", "err-login-id-empty"));
    }
    if password.expose().is_empty() {
        missing.push(Problem::new("login_password", "err-login-password-empty"));
    }
    if !missing.is_empty() {
        let errors = render::problems(visit, screen.id, None, &missing).await?;
        return Ok(Proved::Again { login_id, errors });
    }
    let given = Credentials {
        login_id: LoginId::parse(&login_id).ok(),
        typed: login_id.clone(),
        password,
        device: visit.device.hash(),
    };
    let problem = match act(&visit.origin.on(screen.id), given).await? {
        Answer::Right(done) => return Ok(Proved::Done(done)),
        Answer::Refused | Answer::Closed(Gate::Open) => Problem::new("", screen.refused),
        Answer::Closed(Gate::Until(until)) => {
            let wait = visit.text.wait(calendar::seconds_until(visit.origin.now, until));
            Problem::new("", screen.wait).with("wait", wait)
        }
        Answer::Closed(Gate::Stopped) => Problem::new("", screen.stopped),
    };
    Ok(Proved::Again { login_id, errors: render::told(visit, &[problem]) })
}
