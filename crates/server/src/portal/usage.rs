//! The pages of start and release: BOK001 to BOK003, BOS001, BOS002.

use std::collections::BTreeMap;

use axum::{extract::Query, response::Response};
use warifu_core::{ids::ProcedureId, time::Millis};

use super::{
    issue::asked,
    pages::{Bok001, Bok002, Bok003, Bos001, Bos002, Frame, RELEASE_STEPS, START_STEPS},
    render,
};
use crate::{
    actions::{
        overview,
        procedures::{self, Flow},
        release,
        start::{self, Step},
    },
    error::{AppError, Problem, Stale},
    web::{
        form::SignedForm,
        visit::{Signed, see_other, with_cookie},
    },
};

type Asked = Query<BTreeMap<String, String>>;

async fn showing(
    signed: &Signed,
    query: &Asked,
    flow: Flow,
    step: &str,
) -> Result<String, AppError> {
    let visit = &signed.visit;
    let id = asked(query);
    let procedure =
        procedures::show(&visit.app, &visit.origin, &signed.session, flow, step, id).await?;
    Ok(procedure.id.to_string())
}

pub(super) async fn begin_start(SignedForm(signed, _): SignedForm) -> Result<Response, AppError> {
    let visit = &signed.visit;
    let id = start::begin(&visit.app, &visit.origin.on("BOP001"), &signed.session).await?;
    Ok(see_other(&Flow::Start.path("confirm", id)))
}

/// BOK001.
pub(super) async fn show_confirm(signed: Signed, query: Asked) -> Result<Response, AppError> {
    let procedure = showing(&signed, &query, Flow::Start, "confirm").await?;
    let visit = &signed.visit;
    let view = overview::overview(&visit.app, &visit.origin, signed.customer.customer_id).await?;
    let (_, token) = view.open.ok_or(AppError::Stale(Stale::NotOffered))?;
    let frame = render::inside(&signed, "BOK001", "bok001-title");
    render::page(&Bok001 {
        frame: render::step(frame, START_STEPS, 1),
        procedure,
        device: token.device.unwrap_or_default(),
        set_up_at: Millis(token.activated_at.ok_or(AppError::Stale(Stale::NotOffered))?),
    })
}

pub(super) async fn confirm(SignedForm(signed, fields): SignedForm) -> Result<Response, AppError> {
    let visit = &signed.visit;
    let id = fields.procedure();
    start::confirm(&visit.app, &visit.origin.on("BOK001"), &signed.session, id).await?;
    next(Flow::Start, id, "passcode")
}

fn next(flow: Flow, id: Option<ProcedureId>, step: &str) -> Result<Response, AppError> {
    let id = id.ok_or(AppError::Stale(Stale::Order))?;
    Ok(see_other(&flow.path(step, id)))
}

/// BOK002.
pub(super) async fn show_start(signed: Signed, query: Asked) -> Result<Response, AppError> {
    let procedure = showing(&signed, &query, Flow::Start, "passcode").await?;
    render::page(&Bok002 { frame: start_frame(&signed), procedure })
}

fn start_frame(signed: &Signed) -> Frame {
    render::step(render::inside(signed, "BOK002", "bok002-title"), START_STEPS, 2)
}

pub(super) async fn start(SignedForm(signed, fields): SignedForm) -> Result<Response, AppError> {
    let visit = &signed.visit;
    let id = fields.procedure();
    let page = |frame: Frame| {
        let procedure = id.map(|id| id.to_string()).unwrap_or_default();
        render::corrected(&Bok002 { frame: again(frame, Flow::Start, id), procedure })
    };
    let mut frame = start_frame(&signed);
    let passcode = match render::passcode(&fields.text("passcode")) {
        Ok(passcode) => passcode,
        Err(problem) => {
            frame.errors = refused(&signed, "BOK002", &[problem]).await?;
            return page(frame);
        }
    };
    let origin = visit.origin.on("BOK002");
    match start::start(&visit.app, &origin, &signed.session, id, &passcode).await {
        Ok(Step::Done(secret)) => Ok(with_cookie(next(Flow::Start, id, "done")?, secret.cookie())),
        Err(AppError::InvalidField(problems)) => {
            frame.errors = refused(&signed, frame.screen, &problems).await?;
            page(frame)
        }
        Err(other) => Err(other),
        Ok(Step::Refused(reason)) => {
            frame.errors = vec![render::refused(&visit.text, reason)];
            page(frame)
        }
    }
}

async fn refused(
    signed: &Signed,
    screen: &'static str,
    problems: &[Problem],
) -> Result<Vec<super::pages::FieldError>, AppError> {
    let customer = Some(signed.customer.customer_id);
    render::problems(&signed.visit, screen, customer, problems).await
}

// Where a page that answers a form can be loaded again.
fn again(frame: Frame, flow: Flow, id: Option<ProcedureId>) -> Frame {
    let here = id.map_or_else(|| "/otp".to_owned(), |id| flow.path("passcode", id));
    Frame { here, ..frame }
}

/// BOK003.
pub(super) async fn started(signed: Signed, query: Asked) -> Result<Response, AppError> {
    showing(&signed, &query, Flow::Start, "done").await?;
    let frame = render::inside(&signed, "BOK003", "bok003-title");
    let hold_until = hold(&signed);
    render::page(&Bok003 { frame: render::step(frame, START_STEPS, 3), hold_until })
}

pub(super) async fn begin_release(SignedForm(signed, _): SignedForm) -> Result<Response, AppError> {
    let visit = &signed.visit;
    let id = release::begin(&visit.app, &visit.origin.on("BOP001"), &signed.session).await?;
    Ok(see_other(&Flow::Release.path("passcode", id)))
}

/// BOS001.
pub(super) async fn show_release(signed: Signed, query: Asked) -> Result<Response, AppError> {
    let procedure = showing(&signed, &query, Flow::Release, "passcode").await?;
    render::page(&Bos001 { frame: release_frame(&signed), procedure })
}

fn release_frame(signed: &Signed) -> Frame {
    render::step(render::inside(signed, "BOS001", "bos001-title"), RELEASE_STEPS, 1)
}

pub(super) async fn release(SignedForm(signed, fields): SignedForm) -> Result<Response, AppError> {
    let visit = &signed.visit;
    let id = fields.procedure();
    let page = |frame: Frame| {
        let procedure = id.map(|id| id.to_string()).unwrap_or_default();
        render::corrected(&Bos001 { frame: again(frame, Flow::Release, id), procedure })
    };
    let mut frame = release_frame(&signed);
    let passcode = match render::passcode(&fields.text("passcode")) {
        Ok(passcode) => passcode,
        Err(problem) => {
            frame.errors = refused(&signed, "BOS001", &[problem]).await?;
            return page(frame);
        }
    };
    let origin = visit.origin.on("BOS001");
    match release::release(&visit.app, &origin, &signed.session, id, &passcode).await {
        Ok(Step::Done(secret)) => {
            Ok(with_cookie(next(Flow::Release, id, "done")?, secret.cookie()))
        }
        Err(AppError::InvalidField(problems)) => {
            frame.errors = refused(&signed, frame.screen, &problems).await?;
            page(frame)
        }
        Err(other) => Err(other),
        Ok(Step::Refused(reason)) => {
            frame.errors = vec![render::refused(&visit.text, reason)];
            page(frame)
        }
    }
}

/// BOS002.
pub(super) async fn released(signed: Signed, query: Asked) -> Result<Response, AppError> {
    showing(&signed, &query, Flow::Release, "done").await?;
    let now = signed.visit.origin.now.0;
    let frame = render::inside(&signed, "BOS002", "bos002-title");
    render::page(&Bos002 {
        frame: render::step(frame, RELEASE_STEPS, 2),
        again_from: Millis(signed.customer.issue_from.unwrap_or(now)),
        hold_until: hold(&signed),
    })
}

// The hold that runs; an institution may exempt a kind of change from it.
fn hold(signed: &Signed) -> Option<Millis> {
    let until = signed.customer.hold_until.map(Millis);
    until.filter(|at| signed.visit.origin.now < *at)
}
