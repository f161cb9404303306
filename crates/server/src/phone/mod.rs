//! The token host: the phone app's files, its guide, and the endpoints of set-up.

pub(crate) mod app_files;
mod handlers;
pub(crate) mod keys;

use axum::{
    Router,
    routing::{get, post},
};

use crate::{app::App, error::AppError};

/// Every address of the token host. It serves the app's own files and nothing else: whoever runs
/// script on this origin can use the phone's keys.
pub(crate) fn router(_app: &App) -> Router {
    Router::new()
        .route("/", get(app_files::guide))
        .route("/app", get(app_files::to_app))
        .route("/app/", get(app_files::index))
        .route("/app/config.json", get(app_files::config))
        .route("/app/brand.css", get(app_files::brand))
        .route("/app/{*path}", get(app_files::file))
        .route("/phone/v1/clock", get(handlers::clock))
        .route("/phone/v1/activations", post(handlers::activate))
        .route("/phone/v1/tokens/{id}", post(handlers::status))
        .route("/phone/v1/activations/{id}/ack", post(handlers::acknowledge))
        .fallback(handlers::nowhere)
        .method_not_allowed_fallback(|| async { AppError::NotFound })
}
