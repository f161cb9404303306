//! BES001: the emergency stop, open to anyone who knows login ID and login password.

use std::collections::BTreeMap;

use axum::{extract::Query, response::Response};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use warifu_core::time::Millis;

use super::{
    login_password::{self, Proved, Screen},
    pages::{Bes001, Bes001Done, Frame},
    render,
};
use crate::{
    actions::{
        places,
        stop::{self, Stopped},
    },
    error::AppError,
    web::{
        cookies::BrowserSecret,
        form::OpenForm,
        visit::{Visit, see_other, with_cookie},
    },
};

/// BES001.
pub(super) async fn show(visit: Visit) -> Result<Response, AppError> {
    let frame = render::open(&visit, "BES001", "bes001-title").await;
    render::page(&Bes001 { frame, login_id: String::new() })
}

const STOP: Screen = Screen {
    id: "BES001",
    refused: "bes001-refused",
    wait: "bes001-wait",
    // Never closed for good; if it were, this would be true of it.
    stopped: "bes001-refused",
};

/// BES001, posted.
pub(super) async fn post(OpenForm(visit, fields): OpenForm) -> Result<Response, AppError> {
    let proved = login_password::prove(&visit, fields, &STOP, async |origin, given| {
        stop::stop(&visit.app, origin, given).await
    });
    match proved.await? {
        Proved::Done(stopped) => {
            let browser = visit.fresh_browser();
            let done = see_other(&done_path(&visit, &browser, &stopped));
            // Nothing of the session that was stopped is shown by the back button.
            Ok(with_cookie(done, browser.cookie()))
        }
        Proved::Again { login_id, errors } => {
            let frame = Frame { errors, ..render::open(&visit, "BES001", "bes001-title").await };
            render::corrected(&Bes001 { frame, login_id })
        }
    }
}

// There is no session that could know what was stopped: the page's address says it, under our MAC and
// in this browser only, so that nobody is led to a page of ours that tells of a stop which never was.
fn done_path(visit: &Visit, browser: &BrowserSecret, stopped: &Stopped) -> String {
    let institution = &visit.origin.institution;
    let spot = places::stopped(institution.id);
    let seal = institution.keys.mac(&spot.place(), &told(browser, stopped.at, &stopped.reception));
    let seal = B64.encode(seal);
    format!("/stop/done?at={}&reception={}&seal={seal}", stopped.at.0, stopped.reception)
}

fn told(browser: &BrowserSecret, at: Millis, reception: &str) -> Vec<u8> {
    let mut told = format!("{} {}:{reception}", at.0, reception.len()).into_bytes();
    told.extend_from_slice(browser.bytes());
    told
}

/// After the stop.
pub(super) async fn done(
    visit: Visit,
    Query(query): Query<BTreeMap<String, String>>,
) -> Result<Response, AppError> {
    let value = |name: &str| query.get(name).map_or("", String::as_str);
    let at = value("at").parse().map(Millis).map_err(|_| AppError::NotFound)?;
    let reception = value("reception").to_owned();
    let given = B64.decode(value("seal")).map_err(|_| AppError::NotFound)?;
    let institution = &visit.origin.institution;
    let spot = places::stopped(institution.id);
    if !institution.keys.fits(&spot.place(), &told(&visit.browser, at, &reception), &given) {
        return Err(AppError::NotFound);
    }
    let frame = render::outside(&visit, "BES001", "bes001-title-done");
    render::page(&Bes001Done { frame, stopped: Stopped { at, reception } })
}
