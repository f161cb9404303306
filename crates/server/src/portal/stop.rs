//! BES001: the emergency stop, open to anyone who knows login ID and login password.

use std::collections::BTreeMap;

use axum::{extract::Query, response::Response};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use warifu_core::{ids::LoginId, time::Millis};

use super::{
    pages::{Bes001, Bes001Done},
    render, sign_in,
};
use crate::{
    actions::{
        login_password::{Answer, Credentials},
        places,
        stop::{self, Stopped},
    },
    error::{AppError, Problem},
    web::{
        form::OpenForm,
        visit::{Visit, see_other},
    },
};

/// BES001.
pub(super) async fn show(visit: Visit) -> Result<Response, AppError> {
    let frame = render::outside(&visit, "BES001", "bes001-title");
    render::page(&Bes001 { frame, login_id: String::new() })
}

/// BES001, posted.
pub(super) async fn post(OpenForm(visit, mut fields): OpenForm) -> Result<Response, AppError> {
    let typed = fields.text("login_id");
    let password = fields.secret("login_password");
    let wrong = sign_in::missing(&typed, &password);
    if !wrong.is_empty() {
        return refused(&visit, typed, &wrong, true).await;
    }
    let given = Credentials {
        login_id: LoginId::parse(&typed).ok(),
        typed: typed.clone(),
        password,
        device: visit.device.hash(),
    };
    match stop::stop(&visit.app, &visit.origin.on("BES001"), given).await? {
        Answer::Right(stopped) => Ok(see_other(&done_path(&visit, &stopped))),
        Answer::Refused => {
            refused(&visit, typed, &[Problem::new("", "bes001-refused")], false).await
        }
        Answer::Wait(seconds) => {
            let problem = Problem::new("", "bes001-wait").with("wait", visit.text.wait(seconds));
            refused(&visit, typed, &[problem], false).await
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
        render::problems(visit, "BES001", None, wrong).await?
    } else {
        render::told(visit, wrong)
    };
    let mut frame = render::outside(visit, "BES001", "bes001-title");
    frame.errors = errors;
    render::corrected(&Bes001 { frame, login_id })
}

// There is no session that could know what was stopped: the page's address says it, under our MAC, so
// that nobody is led to a page of ours that tells of a stop which never was.
fn done_path(visit: &Visit, stopped: &Stopped) -> String {
    let seal = B64.encode(seal(visit, stopped.at, &stopped.reception));
    format!("/stop/done?at={}&reception={}&seal={seal}", stopped.at.0, stopped.reception)
}

fn seal(visit: &Visit, at: Millis, reception: &str) -> Vec<u8> {
    let institution = &visit.origin.institution;
    let spot = places::stopped(institution.id);
    institution.keys.mac(&spot.place(), format!("{}\n{reception}", at.0).as_bytes())
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
    let told = format!("{}\n{reception}", at.0);
    let spot = places::stopped(institution.id);
    if !institution.keys.fits(&spot.place(), told.as_bytes(), &given) {
        return Err(AppError::NotFound);
    }
    let frame = render::outside(&visit, "BES001", "bes001-title-done");
    render::page(&Bes001Done { frame, stopped: Stopped { at, reception } })
}
