//! The endpoints of the phone: clock, activation, acknowledgement, how a token stands.

use axum::{
    Json,
    body::Bytes,
    extract::rejection::BytesRejection,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use warifu_core::{
    audit::ActorKind,
    ids::{ServiceId, UserId},
    issue::StartPassword,
    secret::SecretText,
    time::Millis,
};
use zeroize::Zeroizing;

use super::keys::Jwk;
use crate::{
    actions::{
        activate::{self, Ask, PROTOCOL},
        refusals,
    },
    error::{AppError, Problem},
    web::{
        json::json,
        part::Part,
        visit::{Visit, see_other},
    },
};

/// An address that is none of ours: who opens it has mistyped the guide's, and gets the guide; programs
/// are told so.
pub(super) async fn nowhere(method: Method, headers: HeaderMap) -> Response {
    let accepts = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    if method == Method::GET && accepts.is_some_and(|kinds| kinds.contains("text/html")) {
        return see_other("/");
    }
    AppError::NotFound.into_response()
}

/// The server's clock, by which the app corrects itself.
pub(super) async fn clock(visit: Visit) -> Response {
    Json(serde_json::json!({ "now": visit.origin.now.0 })).into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    version: u32,
    service_id: String,
    user_id: String,
    start_password: SecretText,
    #[serde(default)]
    qr_secret: Option<String>,
    ecdh_jwk: Jwk,
    ecdsa_jwk: Jwk,
    signature: String,
}

/// The root, to the phone that knows the start password.
pub(super) async fn activate(
    mut visit: Visit,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, AppError> {
    visit.origin.actor.0 = ActorKind::Phone;
    visit.catch_up();
    match json(&headers, body.as_ref().ok()).and_then(|body| read(&visit, body)) {
        Ok(ask) => {
            let reply = activate::activate(&visit.app, &visit.origin, &ask).await?;
            let now = visit.app.clock.now().0;
            // The reply is the same at each repeat; the clock beside it is fresh.
            let reply = match reply.strip_suffix('}') {
                Some(head) => format!("{head},\"now\":{now}}}"),
                None => reply,
            };
            let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
            Ok((kind, reply).into_response())
        }
        Err(problems) => {
            refusals::input(&visit.app, &visit.origin, None, &problems).await?;
            Err(AppError::InvalidField(problems))
        }
    }
}

fn read(visit: &Visit, body: Body) -> Result<Ask, Vec<Problem>> {
    if body.version != 1 {
        return Err(vec![Problem::new("version", "unknown")]);
    }
    let mut problems = Vec::new();
    let ours = &visit.origin.institution.document.service_id;
    if ServiceId::parse(&body.service_id).ok().as_ref() != Some(ours) {
        problems.push(Problem::new("service_id", "unknown"));
    }
    let user_id = UserId::parse(&body.user_id)
        .map_err(|_| problems.push(Problem::new("user_id", "form")))
        .ok();
    let start = StartPassword::typed(body.start_password.expose())
        .map_err(|_| problems.push(Problem::new("start_password", "form")))
        .ok();
    if body.ecdh_jwk.public().is_none() || body.ecdh_jwk == body.ecdsa_jwk {
        problems.push(Problem::new("ecdh_jwk", "form"));
    }
    let (ecdh, ecdsa) = (body.ecdh_jwk.thumbprint(), body.ecdsa_jwk.thumbprint());
    let signed = Zeroizing::new(format!(
        "{PROTOCOL}\n{}\n{}\n{}\n{}\n{ecdh}\n{ecdsa}",
        body.service_id,
        body.user_id,
        body.start_password.expose(),
        body.qr_secret.as_deref().unwrap_or_default(),
    ));
    if !body.ecdsa_jwk.signed(&signed, &body.signature) {
        problems.push(Problem::new("signature", "wrong"));
    }
    match (user_id, start) {
        (Some(user_id), Some(start_password)) if problems.is_empty() => Ok(Ask {
            user_id,
            start_password,
            qr_secret: body.qr_secret,
            ecdh: body.ecdh_jwk,
            ecdsa: body.ecdsa_jwk,
            device: visit.origin.device.clone().unwrap_or_default(),
        }),
        _ => Err(problems),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Acknowledgement {
    signature: String,
}

/// The phone holds the root.
pub(super) async fn acknowledge(
    mut visit: Visit,
    Part(id): Part,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<StatusCode, AppError> {
    visit.origin.actor.0 = ActorKind::Phone;
    visit.catch_up();
    let id = id.parse().map_err(|_| AppError::NotFound)?;
    let body: Acknowledgement = match json(&headers, body.as_ref().ok()) {
        Ok(body) => body,
        Err(problems) => {
            refusals::input(&visit.app, &visit.origin, None, &problems).await?;
            return Err(AppError::InvalidField(problems));
        }
    };
    activate::acknowledge(&visit.app, &visit.origin, id, &body.signature).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    at: i64,
    signature: String,
}

/// How the phone's own token stands.
pub(super) async fn status(
    mut visit: Visit,
    Part(id): Part,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, AppError> {
    visit.origin.actor.0 = ActorKind::Phone;
    visit.catch_up();
    let id = id.parse().map_err(|_| AppError::NotFound)?;
    let Question { at, signature } = match json(&headers, body.as_ref().ok()) {
        Ok(body) => body,
        Err(problems) => {
            refusals::input(&visit.app, &visit.origin, None, &problems).await?;
            return Err(AppError::InvalidField(problems));
        }
    };
    let asked = (id, Millis(at));
    match activate::status(&visit.app, &visit.origin, asked, &signature).await {
        Ok(status) => Ok(Json(serde_json::json!({
            "state": status.state.as_str(),
            "stopped": status.is_stopped,
            "valid_until": status.valid_until.0,
            "now": visit.origin.now.0,
        }))
        .into_response()),
        Err(AppError::Forbidden) => {
            refusals::access(&visit.app, &visit.origin, None, "token_status").await?;
            Err(AppError::Forbidden)
        }
        Err(other) => Err(other),
    }
}
