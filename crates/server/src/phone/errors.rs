//! Problem details (RFC 9457) for the phone app.

use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::{calendar, error::AppError, web::visit::Visit};

/// Gives a bare error answer its body.
pub(crate) fn render(visit: &Visit, mut response: Response) -> Response {
    let Some(error) = response.extensions_mut().remove::<AppError>() else {
        return response;
    };
    let (status, code) = error.parts();
    let host = &visit.origin.institution.document.hosts.token;
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
