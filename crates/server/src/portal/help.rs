//! BHP001: the guide, open to everyone.

use axum::response::Response;
use warifu_core::hold::HoldKind;

use super::{
    pages::{Bhp001, Bhp001Topic, Topic},
    render,
};
use crate::{
    actions::sessions,
    error::AppError,
    web::{part::Part, visit::Visit},
};

/// BHP001, the list of topics.
pub(super) async fn show(visit: Visit) -> Result<Response, AppError> {
    let mut frame = render::outside(&visit, "BHP001", "bhp001-title");
    frame.signed_in = is_signed_in(&visit).await;
    render::page(&Bhp001 { frame })
}

/// BHP001, one topic.
pub(super) async fn topic(visit: Visit, Part(word): Part) -> Result<Response, AppError> {
    let topic = Topic::from_word(&word).ok_or(AppError::NotFound)?;
    let mut frame = render::outside(&visit, "BHP001", Bhp001Topic::title(topic));
    frame.signed_in = is_signed_in(&visit).await;
    let exempt = &visit.origin.institution.policy().hold.exempt;
    let holds = topic == Topic::Start && !exempt.contains(&HoldKind::Start);
    render::page(&Bhp001Topic { frame, topic, holds })
}

// The head offers to log out to those who are logged in; reading is no sign of life that matters.
async fn is_signed_in(visit: &Visit) -> bool {
    let found = sessions::peek(&visit.app, &visit.origin, &visit.browser).await;
    found.is_ok_and(|(session, _)| session.level == sessions::Level::Full)
}
