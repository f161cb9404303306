//! The API host: JSON for the bank's own programs.

mod caller;
mod verifications;

use axum::{
    body::Bytes,
    http::{Method, request::Parts},
    response::Response,
};

use crate::{app::App, error::AppError, origin::Origin};

/// Answers a program. A verification is waited for by nobody longer than it takes, so no more stands
/// between it and its socket than this.
pub(crate) async fn answer(
    app: &App,
    origin: Origin,
    request: &Parts,
    body: Option<Bytes>,
) -> Result<Response, AppError> {
    match (&request.method, request.uri.path()) {
        (&Method::POST, "/api/v1/verifications") => {
            verifications::create(app, origin, &request.headers, body.as_ref()).await
        }
        _ => Err(AppError::NotFound),
    }
}
