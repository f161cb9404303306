//! Who calls: a program of the bank, by its API key in the `Authorization` header.

use axum::http::{HeaderMap, header};
use warifu_core::audit::ActorKind;

use crate::{
    actions::api_keys::{self, Caller},
    app::App,
    error::AppError,
    origin::Origin,
};

/// The program that calls, once it has proved its key: from then on it is who acts.
pub(super) async fn prove(
    app: &App,
    origin: &mut Origin,
    headers: &HeaderMap,
) -> Result<Caller, AppError> {
    let sent = headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
    let caller = match sent.and_then(|sent| sent.split_once(' ')) {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") => {
            api_keys::prove(app, origin, key.trim()).await?
        }
        _ => return Err(api_keys::unproved(app, origin)),
    };
    origin.actor = (ActorKind::ApiKey, caller.key.to_string());
    Ok(caller)
}
