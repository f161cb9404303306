//! From what an action answers to a page: frames, field errors, statuses.

use std::time::Duration;

use askama::Template;
use axum::{
    http::StatusCode,
    response::{Html, IntoResponse, Response},
};
use warifu_core::ids::CustomerId;

use super::pages::{Ber, FieldError, Frame, Steps};
use crate::{
    actions::{refusals, sessions, static_password::Again},
    error::{AppError, Problem, Value},
    web::visit::{Signed, Visit},
};

/// The frame of a page for someone without a session.
pub(crate) fn outside(visit: &Visit, screen: &'static str, title: &'static str) -> Frame {
    Frame {
        text: visit.text.clone(),
        screen,
        title,
        csrf: visit.csrf(),
        signed_in: false,
        steps: None,
        errors: Vec::new(),
        here: visit.here.clone(),
        text_size: visit.text_size,
        session_until: None,
        now: visit.origin.now,
        demo: visit.is_demo,
        notice: None,
    }
}

/// The frame of a page that is open to everyone: its head offers to log out to those who are logged in.
/// Reading it is no sign of life.
pub(crate) async fn open(visit: &Visit, screen: &'static str, title: &'static str) -> Frame {
    // Who must stop everything, or looks for help, waits for no database.
    let found = sessions::peek(&visit.app, &visit.origin, &visit.browser);
    let found = tokio::time::timeout(Duration::from_millis(300), found).await;
    let signed_in = matches!(found, Ok(Ok((session, _))) if session.level == sessions::Level::Full);
    // Without the session's end: when that comes, nobody is led away from here.
    Frame { signed_in, ..outside(visit, screen, title) }
}

/// The frame of a page for a customer who is logged in.
pub(crate) fn inside(signed: &Signed, screen: &'static str, title: &'static str) -> Frame {
    Frame {
        signed_in: true,
        session_until: Some(sessions::until(&signed.session)),
        ..outside(&signed.visit, screen, title)
    }
}

/// A page of a procedure's step.
pub(crate) fn step(frame: Frame, keys: &'static [&'static str], now: usize) -> Frame {
    Frame { steps: Some(Steps { keys, now }), ..frame }
}

/// Renders a page.
pub(crate) fn page(template: &impl Template) -> Result<Response, AppError> {
    Ok(Html(template.render().map_err(AppError::internal)?).into_response())
}

/// Renders a page that says what to correct.
pub(crate) fn corrected(template: &impl Template) -> Result<Response, AppError> {
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page(template)?).into_response())
}

/// A procedure that has ended before its end: what was not done, and where its customer goes on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unfinished {
    pub(crate) unchanged: &'static str,
    pub(crate) back: (&'static str, &'static str),
}

/// BER001: too many wrong proofs have ended a procedure.
pub(crate) fn stopped(
    signed: &Signed,
    again: Again,
    what: Unfinished,
) -> Result<Response, AppError> {
    let text = &signed.visit.text;
    let told = match again {
        Again::Now => text.of("err-proofs-ended"),
        Again::From(until) => text.with("err-proofs-locked", "until", text.moment(until)),
        Again::Unlocked => text.of("err-proofs-stopped"),
    };
    corrected(&ended(signed, what, vec![text.of("err-proofs-many"), told]))
}

/// BER001: the customer has left a procedure.
pub(crate) fn left(signed: &Signed, what: Unfinished) -> Result<Response, AppError> {
    page(&ended(signed, what, vec![signed.visit.text.of("ber-cancelled")]))
}

fn ended(signed: &Signed, what: Unfinished, mut paragraphs: Vec<String>) -> Ber {
    let text = &signed.visit.text;
    let (path, label) = what.back;
    let mut frame = inside(signed, "BER001", "ber-title");
    path.clone_into(&mut frame.here);
    paragraphs.insert(1, text.of(what.unchanged));
    let link = |path: &str, key| (path.to_owned(), text.of(key));
    Ber { frame, paragraphs, links: vec![link(path, label), link("/top", "frame-to-top")] }
}

/// The problems of a form in words, recorded.
pub(crate) async fn problems(
    visit: &Visit,
    screen: &'static str,
    customer: Option<CustomerId>,
    problems: &[Problem],
) -> Result<Vec<FieldError>, AppError> {
    refusals::input(&visit.app, &visit.origin.on(screen), customer, problems).await?;
    Ok(told(visit, problems))
}

/// The same, where an action has recorded them already.
pub(crate) fn told(visit: &Visit, problems: &[Problem]) -> Vec<FieldError> {
    let said = |value: &Value| match value {
        Value::Text(text) => text.clone(),
        Value::Moment(at) => visit.text.near(*at, visit.origin.now),
    };
    let told = |problem: &Problem| {
        let values: Vec<_> = problem.values.iter().map(|(name, v)| (*name, said(v))).collect();
        FieldError { field: problem.field, message: visit.text.args(problem.key, &values) }
    };
    problems.iter().map(told).collect()
}
