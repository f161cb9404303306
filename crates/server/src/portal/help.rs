//! BHP001: the guide, open to everyone.

use axum::response::Response;

use super::{
    pages::{Bhp001, Bhp001Picture, Bhp001Topic, Topic},
    render,
};
use crate::{
    error::AppError,
    web::{part::Part, visit::Visit},
};

/// BHP001, the list of topics.
pub(super) async fn show(visit: Visit) -> Result<Response, AppError> {
    render::page(&Bhp001 { frame: render::open(&visit, "BHP001", "bhp001-title").await })
}

/// BHP001, one topic.
pub(super) async fn topic(visit: Visit, Part(word): Part) -> Result<Response, AppError> {
    let topic = Topic::from_word(&word).ok_or(AppError::NotFound)?;
    let frame = render::open(&visit, "BHP001", Bhp001Topic::title(topic)).await;
    let notes = topic.notes(&visit.origin.institution.policy().hold.exempt);
    render::page(&Bhp001Topic { frame, topic, notes })
}

/// BHP001, one picture of a topic.
pub(super) async fn picture(
    visit: Visit,
    Part((word, number)): Part<(String, usize)>,
) -> Result<Response, AppError> {
    let topic = Topic::from_word(&word).ok_or(AppError::NotFound)?;
    let frame = render::open(&visit, "BHP001", Bhp001Topic::title(topic)).await;
    render::page(&Bhp001Picture::of(frame, topic, number).ok_or(AppError::NotFound)?)
}
