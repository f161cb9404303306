//! Problem details (RFC 9457) for programs: the phone app and the bank's own.

use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::visit::Visit;
use crate::{calendar, error::AppError};

/// Gives a bare error answer its body; its type is an address under `host`.
pub(crate) fn render(visit: &Visit, host: &str, mut response: Response) -> Response {
    let Some(error) = response.extensions_mut().remove::<AppError>() else {
        return response;
    };
    let (status, code) = error.parts();
    let mut problem = json!({
        "type": visit.app.link(host, &format!("/problems/{code}")),
        "title": status.canonical_reason().unwrap_or_default(),
        "status": status.as_u16(),
        "code": code,
    });
    if let AppError::InvalidField(fields) = &error {
        let fields: Vec<_> =
            fields.iter().map(|f| json!({"name": f.field, "code": f.key})).collect();
        problem["fields"] = fields.into();
    }
    let wait = match &error {
        AppError::TooMany(until) | AppError::TooManyMails(until) => {
            Some(calendar::seconds_until(visit.origin.now, *until))
        }
        AppError::Overloaded | AppError::Unsure => Some(5),
        AppError::Internal(source) => {
            let request = visit.origin.request_id.as_deref().unwrap_or_default();
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
