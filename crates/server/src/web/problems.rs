//! Problem details (RFC 9457) for programs: the phone app and the bank's own.

use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::{app::App, calendar, error::AppError, origin::Origin};

/// Gives a bare error answer its body.
pub(crate) fn render(app: &App, origin: &Origin, host: &str, mut response: Response) -> Response {
    match response.extensions_mut().remove::<AppError>() {
        Some(error) => told(app, origin, host, &error),
        None => response,
    }
}

/// What is told of an error; its type is an address under `host`.
pub(crate) fn told(app: &App, origin: &Origin, host: &str, error: &AppError) -> Response {
    let (status, code) = error.parts();
    let mut problem = json!({
        "type": app.link(host, &format!("/problems/{code}")),
        "title": status.canonical_reason().unwrap_or_default(),
        "status": status.as_u16(),
        "code": code,
    });
    if let AppError::InvalidField(fields) = error {
        let fields: Vec<_> =
            fields.iter().map(|f| json!({"name": f.field, "code": f.key})).collect();
        problem["fields"] = fields.into();
    }
    let wait = match error {
        AppError::TooMany(until) | AppError::TooManyMails(until) => {
            Some(calendar::seconds_until(origin.now, *until))
        }
        AppError::Overloaded | AppError::Unsure => Some(5),
        AppError::Internal(source) => {
            let request = origin.request_id.as_deref().unwrap_or_default();
            tracing::error!(request.id = request, error = %source, "internal");
            None
        }
        _ => None,
    };
    let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"))];
    let mut response = (status, kind, problem.to_string()).into_response();
    if let Some(seconds) = wait {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
