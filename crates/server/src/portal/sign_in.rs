//! Login and logout: BLI001, BLI002.

use std::{collections::BTreeMap, time::Duration};

use axum::{extract::Query, response::Response};
use warifu_core::{purpose::Purpose, time::Millis};

use super::{
    login_password::{self, Screen},
    pages::{Bli001, Bli002, Frame, LoggedOut},
    passcode::{self, Proved},
    render,
};
use crate::{
    actions::{
        overview,
        sessions::{self, Level},
        sign_in::{self, Begun},
    },
    error::AppError,
    web::{
        cookies::BrowserSecret,
        form::{HalfForm, OpenForm, SignedForm},
        visit::{HalfSigned, Visit, see_other, with_cookie},
    },
};

/// BLI001. Who is logged in already sees so, and how to log out or go on.
pub(super) async fn show(visit: Visit) -> Result<Response, AppError> {
    let frame = render::open(&visit, "BLI001", "bli001-title").await;
    render::page(&Bli001 { frame, login_id: String::new() })
}

const LOGIN: Screen = Screen {
    id: "BLI001",
    refused: "bli001-refused",
    wait: "bli001-wait",
    stopped: "bli001-stopped",
};

/// BLI001, posted.
pub(super) async fn post(OpenForm(visit, fields): OpenForm) -> Result<Response, AppError> {
    let proved = login_password::prove(&visit, fields, &LOGIN, async |origin, given| {
        sign_in::sign_in(&visit.app, origin, given, &visit.browser).await
    });
    match proved.await? {
        login_password::Proved::Done(Begun { browser, level: Level::Full }) => {
            Ok(entered(&visit, &browser))
        }
        login_password::Proved::Done(Begun { browser, level: Level::Password }) => {
            Ok(with_cookie(see_other("/login/passcode"), browser.cookie()))
        }
        login_password::Proved::Again { login_id, errors } => {
            let frame = Frame { errors, ..render::open(&visit, "BLI001", "bli001-title").await };
            render::corrected(&Bli001 { frame, login_id })
        }
    }
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
    let closed = passcode::shut(visit, "BLI002", &view, Purpose::Login);
    render::page(&Bli002 { frame: render::outside(visit, "BLI002", "bli002-title"), closed })
}

/// BLI002, posted.
pub(super) async fn post_passcode(HalfForm(half, fields): HalfForm) -> Result<Response, AppError> {
    if half.level == Level::Full {
        return Ok(see_other("/top"));
    }
    let signed = half.signed;
    let visit = &signed.visit;
    let typed = fields.text("passcode");
    let proved = passcode::prove(&signed, "BLI002", &typed, async |origin, passcode| {
        let (app, session) = (&visit.app, &signed.session);
        sign_in::prove_passcode(app, origin, session, passcode, &visit.device).await
    });
    let (errors, closed) = match proved.await? {
        Proved::Done(browser) => return Ok(entered(visit, &browser)),
        Proved::Again(errors) => (errors, None),
        Proved::Closed(told) => (Vec::new(), Some(told)),
    };
    let frame = Frame { errors, ..render::outside(visit, "BLI002", "bli002-title") };
    render::corrected(&Bli002 { frame, closed })
}

/// Logout.
pub(super) async fn sign_out(SignedForm(signed, _): SignedForm) -> Result<Response, AppError> {
    let visit = &signed.visit;
    let deadline = sessions::sign_out(&visit.app, &visit.origin, &signed.session).await?;
    let out = match deadline {
        Some(deadline) => see_other(&format!("/logout?until={}", deadline.0)),
        None => see_other("/logout"),
    };
    Ok(with_cookie(out, visit.fresh_browser().cookie()))
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
