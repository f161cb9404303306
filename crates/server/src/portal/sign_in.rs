//! Login and logout: BLI001, BLI002.

use axum::response::Response;
use warifu_core::ids::LoginId;

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
    if view.in_use.is_some() {
        render::page(&Bli002 { frame })
    } else {
        render::page(&Bli002NoToken { frame })
    }
}

/// BLI002, posted.
pub(super) async fn post_passcode(HalfForm(half, fields): HalfForm) -> Result<Response, AppError> {
    if half.level == Level::Full {
        return Ok(see_other("/top"));
    }
    let signed = half.signed;
    let visit = &signed.visit;
    let mut frame = render::outside(visit, "BLI002", "bli002-title");
    let passcode = match render::passcode(visit, &fields.text("passcode")) {
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
    match step.await? {
        SecondStep::In(browser) => Ok(entered(visit, &browser)),
        SecondStep::NoToken => render::corrected(&Bli002NoToken { frame }),
        SecondStep::Refused(reason) => {
            frame.errors = vec![render::refused(&visit.text, reason)];
            render::corrected(&Bli002 { frame })
        }
    }
}

/// Logout.
pub(super) async fn sign_out(SignedForm(signed, _): SignedForm) -> Result<Response, AppError> {
    let visit = &signed.visit;
    let deadline = sessions::sign_out(&visit.app, &visit.origin, &signed.session).await?;
    let mut frame = render::outside(visit, "BLI001", "logout-title");
    // The page stays where it is: a reload of it would post again.
    "/login".clone_into(&mut frame.here);
    render::page(&LoggedOut { frame, issue_deadline: deadline })
}
