//! BPW001 to BPW003: one static password is changed.

use std::collections::BTreeMap;

use axum::{extract::Query, response::Response};
use warifu_core::{hold::HoldKind, ids::ProcedureId, text::StaticPassword, time::Millis};

use super::{
    issue::asked,
    pages::{Bpw001, Bpw002, Bpw003, FieldError, Frame, PASSWORD_STEPS},
    render::{self, Unfinished},
    usage::{self, hold, holds},
};
use crate::{
    actions::{
        password::{self, Changed, Entry},
        procedures::{self, Flow, Step},
    },
    error::{AppError, Stale},
    web::{
        form::SignedForm,
        visit::{Signed, see_other, with_cookie},
    },
};

const UNFINISHED: Unfinished =
    Unfinished { unchanged: "bpw-not-changed", back: ("/customer", "frame-to-customer") };

type Asked = Query<BTreeMap<String, String>>;

/// BPW001.
pub(super) async fn show(signed: Signed) -> Result<Response, AppError> {
    render::page(&input_page(&signed, None, Vec::new()).await?)
}

async fn input_page(
    signed: &Signed,
    which: Option<StaticPassword>,
    errors: Vec<FieldError>,
) -> Result<Bpw001, AppError> {
    let (visit, customer) = (&signed.visit, &signed.customer);
    Ok(Bpw001 {
        frame: Frame { errors, ..input_frame(signed) },
        which,
        is_due: !password::due(&visit.origin, customer).is_empty(),
        offered: password::offered(&visit.app, &visit.origin, customer).await?,
        holds: holds(signed, HoldKind::Password),
    })
}

fn input_frame(signed: &Signed) -> Frame {
    let frame = render::inside(signed, "BPW001", "bpw001-title");
    Frame { here: "/password".to_owned(), ..render::step(frame, PASSWORD_STEPS, 0) }
}

/// BPW001, posted.
pub(super) async fn enter(
    SignedForm(signed, mut fields): SignedForm,
) -> Result<Response, AppError> {
    let visit = &signed.visit;
    let which = fields.text("which").parse::<StaticPassword>().ok();
    let (new, new2) = (fields.secret("new_password"), fields.secret("new_password2"));
    let entry = Entry { which, new, new2 };
    match password::enter(&visit.app, &visit.origin.on("BPW001"), &signed.session, entry).await {
        Ok(id) => Ok(see_other(&procedures::path(Flow::Password, Step::Confirm, id))),
        Err(AppError::InvalidField(problems)) => {
            let customer = Some(signed.customer.customer_id);
            let errors = render::problems(visit, "BPW001", customer, &problems).await?;
            render::corrected(&input_page(&signed, which, errors).await?)
        }
        Err(other) => Err(other),
    }
}

/// BPW002.
pub(super) async fn show_confirm(signed: Signed, query: Asked) -> Result<Response, AppError> {
    let page = confirm_page(&signed, asked(&query), Vec::new()).await?;
    render::page(&page)
}

async fn confirm_page(
    signed: &Signed,
    id: Option<ProcedureId>,
    errors: Vec<FieldError>,
) -> Result<Bpw002, AppError> {
    let (flow, step) = (Flow::Password, Step::Confirm);
    let procedure = usage::shown(signed, id, flow, step).await?;
    let customer = signed.customer.customer_id;
    let which = password::chosen(&signed.visit.origin, customer, &procedure)?;
    let frame = render::inside(signed, "BPW002", "bpw002-title");
    let here = procedures::path(flow, step, procedure.id);
    Ok(Bpw002 {
        frame: Frame { errors, here, ..render::step(frame, PASSWORD_STEPS, 1) },
        procedure: procedure.id.to_string(),
        which,
        holds: holds(signed, HoldKind::Password),
    })
}

/// BPW002, posted.
pub(super) async fn confirm(
    SignedForm(signed, mut fields): SignedForm,
) -> Result<Response, AppError> {
    let visit = &signed.visit;
    let (id, origin) = (fields.procedure(), visit.origin.on("BPW002"));
    let present = fields.secret("present_password");
    let device = visit.device.hash();
    match password::confirm(&visit.app, &origin, &signed.session, id, present, &device).await {
        Ok(Changed::Done(secret)) => {
            let id = id.ok_or(AppError::Stale(Stale::Order))?;
            let done = see_other(&procedures::path(Flow::Password, Step::Done, id));
            Ok(with_cookie(done, secret.cookie()))
        }
        Ok(Changed::Wrong(problem)) => {
            let errors = render::told(visit, &[problem]);
            render::corrected(&confirm_page(&signed, id, errors).await?)
        }
        Ok(Changed::Stopped(again)) => render::stopped(&signed, again, UNFINISHED),
        Err(AppError::InvalidField(problems)) => {
            let customer = Some(signed.customer.customer_id);
            let errors = render::problems(visit, "BPW002", customer, &problems).await?;
            render::corrected(&confirm_page(&signed, id, errors).await?)
        }
        Err(other) => Err(other),
    }
}

/// BPW003.
pub(super) async fn done(signed: Signed, query: Asked) -> Result<Response, AppError> {
    let procedure = usage::shown(&signed, asked(&query), Flow::Password, Step::Done).await?;
    let customer = signed.customer.customer_id;
    let which = password::chosen(&signed.visit.origin, customer, &procedure)?;
    let frame = render::inside(&signed, "BPW003", "bpw003-title");
    let hold_until: Option<Millis> = hold(&signed);
    render::page(&Bpw003 {
        frame: render::step(frame, PASSWORD_STEPS, 2),
        which,
        due: password::due(&signed.visit.origin, &signed.customer).first().copied(),
        hold_until,
    })
}
