//! The API host: JSON for the bank's own programs.

mod caller;
mod verifications;

use axum::{Router, routing::post};

use crate::{app::App, error::AppError};

/// Every address of the API host.
pub(crate) fn router(_app: &App) -> Router {
    Router::new()
        .route("/api/v1/verifications", post(verifications::create))
        .fallback(|| async { AppError::NotFound })
        .method_not_allowed_fallback(|| async { AppError::NotFound })
}
