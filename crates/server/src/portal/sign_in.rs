//! Login and logout: BLI001, BLI002.

use std::{collections::BTreeMap, time::Duration};

use axum::{extract::Query, response::Response};
use warifu_core::{ids::LoginId, time::Millis};

use super::{
    pages::{Bli001, Bli002, Bli002NoToken, LoggedOut},
    render,
};
use crate::{
    actions::{
        overview,
        sessions::{self, Level},
        sign_in::{self, Credentials, SecondStep, SignIn},
    },
    error::{AppError, Problem},
    web::{
        cookies::BrowserSecret,
        form::{HalfForm, OpenForm, SignedForm},
        visit::{HalfSigned, Visit, see_other, with_cookie},
    },
};

/// BLI001.
pub(super) async fn show(visit: Visit) -> Result<Response, AppError> {
    login_page(&visit, String::new())
}

fn login_page(visit: &Visit, login_id: String) -> Result<Response, AppError> {
    render::page(&Bli001 { frame: render::outside(visit, "BLI001", "bli001-title"), login_id })
}

/// BLI001, posted.
pub(super) async fn post(OpenForm(visit, mut fields): OpenForm) -> Result<Response, AppError> {
    let typed = fields.text("login_id");
    let password = fields.secret("login_password");
    let mut wrong = Vec::new();
    if typed.trim().is_empty() {
        wrong.push(Problem::new("login_id", "err-login-id-empty"));
    }
    if password.expose().is_empty() {
        wrong.push(Problem::new("login_password", "err-login-password-empty"));
    }
    if !wrong.is_empty() {
        return refused(&visit, typed, &wrong, true).await;
    }
    let given = Credentials {
        login_id: LoginId::parse(&typed).ok(),
        typed: typed.clone(),
        password,
        device: visit.device.hash(),
    };
    match sign_in::sign_in(&visit.app, &visit.origin.on("BLI001"), given).await? {
        SignIn::Refused => {
            refused(&visit, typed, &[Problem::new("", "bli001-refused")], false).await
        }
        SignIn::Wait(seconds) => {
            let wait = visit.text.wait(seconds);
            let problem = Problem::new("", "bli001-wait").with("wait", wait);
            refused(&visit, typed, &[problem], false).await
        }
        SignIn::Begun { browser, level: Level::Full } => Ok(entered(&visit, &browser)),
        SignIn::Begun { browser, level: Level::Password } => {
            Ok(with_cookie(see_other("/login/passcode"), browser.cookie()))
        }
    }
}

// What an action has refused it has recorded itself; what did not get that far is recorded here.
async fn refused(
    visit: &Visit,
    login_id: String,
    wrong: &[Problem],
    record: bool,
) -> Result<Response, AppError> {
    let errors = if record {
        render::problems(visit, "BLI001", None, wrong).await?
    } else {
        wrong.iter().map(|p| render::told(&visit.text, p)).collect()
    };
    let mut frame = render::outside(visit, "BLI001", "bli001-title");
    frame.errors = errors;
    render::corrected(&Bli001 { frame, login_id })
}

fn entered(visit: &Visit, browser: &BrowserSecret) -> Response {
    with_cookie(with_cookie(see_other("/top"), browser.cookie()), visit.device.cookie())
}

/// BLI002.
pub(super) async fn show_passcode(half: HalfSigned) -> Result<Response, AppError> {
    if half.level == Level::Full {
        return Ok(see_other("/top"));
    }
    let signed = &half.signed;
    let visit = &signed.visit;
    let view = overview::overview(&visit.app, &visit.origin, signed.customer.customer_id).await?;
    let frame = render::outside(visit, "BLI002", "bli002-title");
    // A locked token has its page all the same: it says until when.
    let usable = view.in_use.as_ref().is_some_and(|(token, row)| {
        !row.suspended
            && view.customer.suspended_at.is_none()
            && visit.origin.now.0 < token.valid_until
    });
    if usable { render::page(&Bli002 { frame }) } else { render::page(&Bli002NoToken { frame }) }
}

/// BLI002, posted.
pub(super) async fn post_passcode(HalfForm(half, fields): HalfForm) -> Result<Response, AppError> {
    if half.level == Level::Full {
        return Ok(see_other("/top"));
    }
    let signed = half.signed;
    let visit = &signed.visit;
    let mut frame = render::outside(visit, "BLI002", "bli002-title");
    let passcode = match render::passcode(&fields.text("passcode")) {
        Ok(passcode) => passcode,
        Err(problem) => {
            let customer = Some(signed.customer.customer_id);
            frame.errors = render::problems(visit, "BLI002", customer, &[problem]).await?;
            return render::corrected(&Bli002 { frame });
        }
    };
    let origin = visit.origin.on("BLI002");
    let step =
        sign_in::prove_passcode(&visit.app, &origin, &signed.session, &passcode, &visit.device);
    match step.await {
        Ok(SecondStep::In(browser)) => Ok(entered(visit, &browser)),
        Ok(SecondStep::NoToken) => render::corrected(&Bli002NoToken { frame }),
        Err(AppError::InvalidField(problems)) => {
            let customer = Some(signed.customer.customer_id);
            frame.errors = render::problems(visit, "BLI002", customer, &problems).await?;
            render::corrected(&Bli002 { frame })
        }
        Err(other) => Err(other),
        Ok(SecondStep::Refused(reason)) => {
            frame.errors = vec![render::refused(&visit.text, reason)];
            render::corrected(&Bli002 { frame })
        }
    }
}

/// Logout.
pub(super) async fn sign_out(SignedForm(signed, _): SignedForm) -> Result<Response, AppError> {
    let visit = &signed.visit;
    let deadline = sessions::sign_out(&visit.app, &visit.origin, &signed.session).await?;
    Ok(match deadline {
        Some(deadline) => see_other(&format!("/logout?until={}", deadline.0)),
        None => see_other("/logout"),
    })
}

/// After logout, with a reminder of an issue that waits. The moment comes by the address: there is no
/// session any more that could know it, and it says nothing that whoever typed it does not know.
pub(super) async fn signed_out(
    visit: Visit,
    Query(query): Query<BTreeMap<String, String>>,
) -> Result<Response, AppError> {
    let soon = visit.origin.now.0..visit.origin.now.plus(LONGEST_DEADLINE).0;
    let until = query.get("until").and_then(|ms| ms.parse().ok()).filter(|ms| soon.contains(ms));
    let mut frame = render::outside(&visit, "BLI001", "logout-title");
    "/login".clone_into(&mut frame.here);
    render::page(&LoggedOut { frame, issue_deadline: until.map(Millis) })
}

/// No policy lets an issue wait longer for its set-up.
const LONGEST_DEADLINE: Duration = Duration::from_hours(168);
