//! The pages of an issue: BOT000, BMP001, BOT001, BOT002, BOT003.

use std::collections::BTreeMap;

use axum::{extract::Query, response::Response};
use warifu_core::{hold::HoldKind, ids::ProcedureId};

use super::{
    otp,
    pages::{self, Bmp001, Bot000, Bot001, Bot002, Bot003, Frame, ISSUE_STEPS, MailShown},
    render::{self, Unfinished},
    usage::holds,
};
use crate::{
    actions::{
        issue::{self, Commit, Entry, Proofs},
        issue_pages,
        mail_password::Blocked,
        procedures::{self, Flow, Procedure, Step},
        progress::MailProgress,
    },
    error::{AppError, Stale},
    web::{
        form::{Fields, SignedForm},
        visit::{Signed, see_other},
    },
};

const UNFINISHED: Unfinished =
    Unfinished { unchanged: "issue-not-done", back: ("/otp", "frame-to-otp") };

type Asked = Query<BTreeMap<String, String>>;

/// The procedure that a page's address names.
pub(super) fn asked(query: &Asked) -> Option<ProcedureId> {
    query.get("procedure").and_then(|id| id.parse().ok())
}

async fn showing(signed: &Signed, query: &Asked, step: Step) -> Result<Procedure, AppError> {
    let visit = &signed.visit;
    let id = asked(query);
    procedures::show(&visit.app, &visit.origin, &signed.session, Flow::Issue, step, id).await
}

fn frame(signed: &Signed, screen: &'static str, title: &'static str, step: usize) -> Frame {
    render::step(render::inside(signed, screen, title), ISSUE_STEPS, step)
}

pub(super) async fn begin(SignedForm(signed, _): SignedForm) -> Result<Response, AppError> {
    let visit = &signed.visit;
    let id = issue::begin(&visit.app, &visit.origin.on("BOP001"), &signed.session).await?;
    Ok(see_other(&procedures::path(Flow::Issue, Step::Select, id)))
}

/// BOT000.
pub(super) async fn show_select(signed: Signed, query: Asked) -> Result<Response, AppError> {
    let procedure = showing(&signed, &query, Step::Select).await?;
    render::page(&Bot000 {
        holds: holds(&signed, HoldKind::Start),
        frame: frame(&signed, "BOT000", "bot000-title", 1),
        procedure: procedure.id.to_string(),
    })
}

pub(super) async fn select(SignedForm(signed, fields): SignedForm) -> Result<Response, AppError> {
    let visit = &signed.visit;
    let id = fields.procedure();
    issue::select(&visit.app, &visit.origin.on("BOT000"), &signed.session, id).await?;
    next(id, Step::Mail)
}

fn next(id: Option<ProcedureId>, step: Step) -> Result<Response, AppError> {
    let id = id.ok_or(AppError::Stale(Stale::Order))?;
    Ok(see_other(&procedures::path(Flow::Issue, step, id)))
}

/// BMP001.
pub(super) async fn show_mail(signed: Signed, query: Asked) -> Result<Response, AppError> {
    let procedure = showing(&signed, &query, Step::Mail).await?;
    mail_page(&signed, procedure.id, None).await
}

async fn mail_page(
    signed: &Signed,
    procedure: ProcedureId,
    blocked: Option<Blocked>,
) -> Result<Response, AppError> {
    let visit = &signed.visit;
    let id = signed.customer.customer_id;
    let ready = issue_pages::mail_ready(&visit.app, &visit.origin, id).await?;
    let frame = frame(signed, "BMP001", "bmp001-title", 2);
    let page = Bmp001 {
        other_language: signed.customer.locale != frame.lang().tag(),
        frame,
        procedure: procedure.to_string(),
        addresses: ready.masked,
        block: blocked.or(ready.blocked),
    };
    if blocked.is_some() { render::corrected(&page) } else { render::page(&page) }
}

pub(super) async fn send_mail(
    SignedForm(signed, fields): SignedForm,
) -> Result<Response, AppError> {
    let visit = &signed.visit;
    let id = fields.procedure();
    let origin = visit.origin.on("BMP001");
    match issue::send_mail_password(&visit.app, &origin, &signed.session, id).await? {
        Ok(()) => next(id, Step::Input),
        Err(blocked) => {
            let id = id.ok_or(AppError::Stale(Stale::Order))?;
            mail_page(&signed, id, Some(blocked)).await
        }
    }
}

/// BOT001.
pub(super) async fn show_input(signed: Signed, query: Asked) -> Result<Response, AppError> {
    let procedure = showing(&signed, &query, Step::Input).await?;
    render::page(&Bot001 {
        frame: frame(&signed, "BOT001", "bot001-title", 3),
        procedure: procedure.id.to_string(),
        address: String::new(),
        address2: String::new(),
    })
}

pub(super) async fn enter(
    SignedForm(signed, mut fields): SignedForm,
) -> Result<Response, AppError> {
    let visit = &signed.visit;
    let id = fields.procedure();
    let entry = Entry {
        address: fields.text("address"),
        address2: fields.text("address2"),
        start_password: fields.secret("start_password"),
        start_password2: fields.secret("start_password2"),
    };
    match issue::enter(&visit.app, &visit.origin.on("BOT001"), &signed.session, id, &entry).await {
        Ok(()) => next(id, Step::Confirm),
        Err(AppError::InvalidField(problems)) => {
            let customer = Some(signed.customer.customer_id);
            let mut frame = frame(&signed, "BOT001", "bot001-title", 3);
            frame.errors = render::problems(visit, "BOT001", customer, &problems).await?;
            frame.here = again(Step::Input, id);
            render::corrected(&Bot001 {
                frame,
                procedure: id.map(|id| id.to_string()).unwrap_or_default(),
                address: entry.address,
                address2: entry.address2,
            })
        }
        Err(other) => Err(other),
    }
}

// Where a page that answers a form can be loaded again.
fn again(step: Step, id: Option<ProcedureId>) -> String {
    id.map_or_else(|| "/otp".to_owned(), |id| procedures::path(Flow::Issue, step, id))
}

/// BOT002.
pub(super) async fn show_confirm(signed: Signed, query: Asked) -> Result<Response, AppError> {
    let procedure = showing(&signed, &query, Step::Confirm).await?;
    let mut page = confirm_page(&signed, procedure.id).await?;
    if query.contains_key("resent") {
        page.frame.notice = Some(signed.visit.text.of("bot002-resent"));
    }
    render::page(&page)
}

async fn confirm_page(signed: &Signed, procedure: ProcedureId) -> Result<Bot002, AppError> {
    let visit = &signed.visit;
    let id = signed.customer.customer_id;
    let shown = issue_pages::confirm(&visit.app, &visit.origin, id, procedure).await?;
    let mut frame = frame(signed, "BOT002", "bot002-title", 4);
    frame.here = procedures::path(Flow::Issue, Step::Confirm, procedure);
    Ok(Bot002 {
        frame,
        procedure: procedure.to_string(),
        address: shown.address,
        mail: MailShown {
            progress: MailProgress::of(&shown.mails, shown.sent_at, visit.origin.now),
            at: shown.sent_at,
            to: shown.sent_to,
            resend_key: "bot002-resend",
        },
    })
}

/// BOT002, posted: 確定する, キャンセル, or the mail password again.
pub(super) async fn confirm(
    SignedForm(signed, mut fields): SignedForm,
) -> Result<Response, AppError> {
    match fields.text("action").as_str() {
        "cancel" => cancel(&signed, &fields).await,
        "resend" => resend(&signed, &fields).await,
        _ => {
            let proofs = Proofs {
                confirmation: fields.secret("confirmation_password"),
                mail: fields.secret("mail_password"),
            };
            commit(&signed, fields.procedure(), proofs).await
        }
    }
}

async fn commit(
    signed: &Signed,
    id: Option<ProcedureId>,
    proofs: Proofs,
) -> Result<Response, AppError> {
    let visit = &signed.visit;
    let origin = visit.origin.on("BOT002");
    match issue::confirm(&visit.app, &origin, &signed.session, id, proofs).await {
        Ok(Commit::Done) => next(id, Step::Done),
        Ok(Commit::Stopped(again)) => render::stopped(signed, again, UNFINISHED),
        Ok(Commit::Wrong(problems)) => {
            let id = id.ok_or(AppError::Stale(Stale::Order))?;
            let mut page = confirm_page(signed, id).await?;
            page.frame.errors = render::told(visit, &problems);
            render::corrected(&page)
        }
        Err(AppError::InvalidField(problems)) => {
            let id = id.ok_or(AppError::Stale(Stale::Order))?;
            let mut page = confirm_page(signed, id).await?;
            let customer = Some(signed.customer.customer_id);
            page.frame.errors = render::problems(visit, "BOT002", customer, &problems).await?;
            render::corrected(&page)
        }
        Err(other) => Err(other),
    }
}

async fn cancel(signed: &Signed, fields: &Fields) -> Result<Response, AppError> {
    let visit = &signed.visit;
    let origin = visit.origin.on("BOT002");
    let id = fields.procedure();
    procedures::cancel(&visit.app, &origin, &signed.session, Flow::Issue, Step::Confirm, id)
        .await?;
    Ok(see_other("/otp/issue/cancelled"))
}

/// BER001: the procedure was left.
pub(super) async fn cancelled(signed: Signed) -> Result<Response, AppError> {
    render::left(&signed, UNFINISHED)
}

async fn resend(signed: &Signed, fields: &Fields) -> Result<Response, AppError> {
    let visit = &signed.visit;
    let id = fields.procedure();
    let origin = visit.origin.on("BOT002");
    match issue::resend_mail_password(&visit.app, &origin, &signed.session, id).await? {
        Ok(()) => {
            let id = id.ok_or(AppError::Stale(Stale::Order))?;
            Ok(see_other(&format!("{}&resent", procedures::path(Flow::Issue, Step::Confirm, id))))
        }
        Err(blocked) => {
            let id = id.ok_or(AppError::Stale(Stale::Order))?;
            let mut page = confirm_page(signed, id).await?;
            page.frame.errors = vec![pages::FieldError {
                field: "",
                message: pages::blocked(&page.frame, &blocked),
            }];
            render::corrected(&page)
        }
    }
}

/// BOT003.
pub(super) async fn show_done(signed: Signed, query: Asked) -> Result<Response, AppError> {
    let procedure = showing(&signed, &query, Step::Done).await?;
    let visit = &signed.visit;
    let id = signed.customer.customer_id;
    let shown = issue_pages::done(&visit.app, &visit.origin, id, &procedure).await?;
    render::page(&Bot003 {
        frame: frame(&signed, "BOT003", "bot003-title", 5),
        address: shown.issue.phone_address.clone(),
        ids: otp::token_ids(&visit.origin, &shown.issue)?,
        qr: otp::present_qr(visit, &signed.customer, &shown.issue)?,
        procedure: procedure.id.to_string(),
        mail: MailProgress::of(&shown.mails, shown.mailed_at, visit.origin.now),
        set_up: shown.issue.activation_id.is_some(),
    })
}
