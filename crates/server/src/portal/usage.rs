//! The pages of start and release: BOK001 to BOK003, BOS001, BOS002.

use std::collections::BTreeMap;

use axum::{extract::Query, response::Response};
use warifu_core::{
    hold::HoldKind, ids::ProcedureId, issue::IssueRefused, purpose::Purpose, time::Millis,
};

use super::{
    issue::asked,
    pages::{
        Bok001, Bok002, Bok003, Bos001, Bos002, FieldError, Frame, RELEASE_STEPS, START_STEPS,
    },
    passcode::{self, Proved},
    render,
};
use crate::{
    actions::{
        overview,
        procedures::{self, Flow, Procedure, Step},
        release, start,
    },
    error::{AppError, Stale},
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
    step: Step,
) -> Result<String, AppError> {
    Ok(shown(signed, asked(query), flow, step).await?.id.to_string())
}

/// The procedure of a page that shows one of its steps.
pub(super) async fn shown(
    signed: &Signed,
    id: Option<ProcedureId>,
    flow: Flow,
    step: Step,
) -> Result<Procedure, AppError> {
    let visit = &signed.visit;
    procedures::show(&visit.app, &visit.origin, &signed.session, flow, step, id).await
}

pub(super) async fn begin_start(SignedForm(signed, _): SignedForm) -> Result<Response, AppError> {
    let visit = &signed.visit;
    let id = start::begin(&visit.app, &visit.origin.on("BOP001"), &signed.session).await?;
    Ok(see_other(&procedures::path(Flow::Start, Step::Confirm, id)))
}

/// BOK001.
pub(super) async fn show_confirm(signed: Signed, query: Asked) -> Result<Response, AppError> {
    let procedure = showing(&signed, &query, Flow::Start, Step::Confirm).await?;
    let visit = &signed.visit;
    let view = overview::overview(&visit.app, &visit.origin, signed.customer.customer_id).await?;
    let token = view.open.ok_or(AppError::Stale(Stale::NotOffered))?.token;
    let frame = render::inside(&signed, "BOK001", "bok001-title");
    render::page(&Bok001 {
        frame: render::step(frame, START_STEPS, 1),
        procedure,
        device: signed.visit.text.device(&token.device.unwrap_or_default()),
        set_up_at: Millis(token.activated_at.ok_or(AppError::Stale(Stale::NotOffered))?),
        holds: holds(&signed, HoldKind::Start),
    })
}

pub(super) async fn confirm(SignedForm(signed, fields): SignedForm) -> Result<Response, AppError> {
    let visit = &signed.visit;
    let id = fields.procedure();
    start::confirm(&visit.app, &visit.origin.on("BOK001"), &signed.session, id).await?;
    next(Flow::Start, id, Step::Passcode)
}

fn next(flow: Flow, id: Option<ProcedureId>, step: Step) -> Result<Response, AppError> {
    let id = id.ok_or(AppError::Stale(Stale::Order))?;
    Ok(see_other(&procedures::path(flow, step, id)))
}

/// BOK002.
pub(super) async fn show_start(signed: Signed, query: Asked) -> Result<Response, AppError> {
    let procedure = showing(&signed, &query, Flow::Start, Step::Passcode).await?;
    let visit = &signed.visit;
    let view = overview::overview(&visit.app, &visit.origin, signed.customer.customer_id).await?;
    let closed = passcode::shut(visit, "BOK002", &view, Purpose::Start);
    render::page(&Bok002 { frame: start_frame(&signed), procedure, closed })
}

fn start_frame(signed: &Signed) -> Frame {
    render::step(render::inside(signed, "BOK002", "bok002-title"), START_STEPS, 2)
}

/// BOK002, posted.
pub(super) async fn start(SignedForm(signed, fields): SignedForm) -> Result<Response, AppError> {
    let app = &signed.visit.app;
    let id = fields.procedure();
    let typed = fields.text("passcode");
    let proved = passcode::prove(&signed, "BOK002", &typed, async |origin, passcode| {
        start::start(app, origin, &signed.session, id, passcode).await
    });
    let (errors, closed) = match proved.await? {
        Proved::Done(secret) => {
            return Ok(with_cookie(next(Flow::Start, id, Step::Done)?, secret.cookie()));
        }
        Proved::Again(errors) => (errors, None),
        Proved::Closed(told) => (Vec::new(), Some(told)),
    };
    let frame = again(start_frame(&signed), Flow::Start, id, errors);
    render::corrected(&Bok002 { frame, procedure: named(id), closed })
}

// Where a page that answers a form can be loaded again, and what was wrong with it.
fn again(frame: Frame, flow: Flow, id: Option<ProcedureId>, errors: Vec<FieldError>) -> Frame {
    let here =
        id.map_or_else(|| "/otp".to_owned(), |id| procedures::path(flow, Step::Passcode, id));
    Frame { errors, here, ..frame }
}

fn named(id: Option<ProcedureId>) -> String {
    id.map(|id| id.to_string()).unwrap_or_default()
}

/// BOK003.
pub(super) async fn started(signed: Signed, query: Asked) -> Result<Response, AppError> {
    showing(&signed, &query, Flow::Start, Step::Done).await?;
    let frame = render::inside(&signed, "BOK003", "bok003-title");
    let hold_until = hold(&signed);
    render::page(&Bok003 { frame: render::step(frame, START_STEPS, 3), hold_until })
}

pub(super) async fn begin_release(SignedForm(signed, _): SignedForm) -> Result<Response, AppError> {
    let visit = &signed.visit;
    let id = release::begin(&visit.app, &visit.origin.on("BOP001"), &signed.session).await?;
    Ok(see_other(&procedures::path(Flow::Release, Step::Passcode, id)))
}

/// BOS001.
pub(super) async fn show_release(signed: Signed, query: Asked) -> Result<Response, AppError> {
    let procedure = showing(&signed, &query, Flow::Release, Step::Passcode).await?;
    let visit = &signed.visit;
    let view = overview::overview(&visit.app, &visit.origin, signed.customer.customer_id).await?;
    let closed = passcode::shut(visit, "BOS001", &view, Purpose::Release);
    let holds = holds(&signed, HoldKind::Release);
    let young = release::too_young_until(&visit.app, &visit.origin, &signed.customer).await?;
    render::page(&Bos001 { frame: release_frame(&signed), procedure, holds, young, closed })
}

fn release_frame(signed: &Signed) -> Frame {
    render::step(render::inside(signed, "BOS001", "bos001-title"), RELEASE_STEPS, 1)
}

/// BOS001, posted.
pub(super) async fn release(SignedForm(signed, fields): SignedForm) -> Result<Response, AppError> {
    let app = &signed.visit.app;
    let id = fields.procedure();
    let typed = fields.text("passcode");
    let proved = passcode::prove(&signed, "BOS001", &typed, async |origin, passcode| {
        release::release(app, origin, &signed.session, id, passcode).await
    });
    let (errors, closed) = match proved.await? {
        Proved::Done(secret) => {
            return Ok(with_cookie(next(Flow::Release, id, Step::Done)?, secret.cookie()));
        }
        Proved::Again(errors) => (errors, None),
        Proved::Closed(told) => (Vec::new(), Some(told)),
    };
    let frame = again(release_frame(&signed), Flow::Release, id, errors);
    let holds = holds(&signed, HoldKind::Release);
    let young = release::too_young_until(app, &signed.visit.origin, &signed.customer).await?;
    render::corrected(&Bos001 { frame, procedure: named(id), holds, young, closed })
}

/// BOS002.
pub(super) async fn released(signed: Signed, query: Asked) -> Result<Response, AppError> {
    showing(&signed, &query, Flow::Release, Step::Done).await?;
    let visit = &signed.visit;
    let id = signed.customer.customer_id;
    let (_, may_issue) = overview::offered(&visit.app, &visit.origin, id).await?;
    let again_from = match may_issue {
        Err(IssueRefused::WaitUntil(from) | IssueRefused::AddressYoung(from)) => from,
        _ => signed.customer.issue_from.map_or(visit.origin.now, Millis),
    };
    let frame = render::inside(&signed, "BOS002", "bos002-title");
    render::page(&Bos002 {
        frame: render::step(frame, RELEASE_STEPS, 2),
        again_from,
        hold_until: hold(&signed),
    })
}

/// Told before the change is made: nobody can lift the hold afterwards.
pub(super) fn holds(signed: &Signed, kind: HoldKind) -> bool {
    !signed.visit.origin.institution.policy().hold.exempt.contains(&kind)
}

/// The hold that runs; an institution may exempt a kind of change from it.
pub(super) fn hold(signed: &Signed) -> Option<Millis> {
    let until = signed.customer.hold_until.map(Millis);
    until.filter(|at| signed.visit.origin.now < *at)
}
