//! Who calls: a program of the bank, by its API key in the `Authorization` header.

use axum::{
    extract::FromRequestParts,
    http::{header, request::Parts},
};
use warifu_core::audit::ActorKind;

use crate::{
    actions::api_keys::{self, Caller},
    error::AppError,
    web::visit::Visit,
};

/// A visit of a program that has proved its key.
#[derive(Debug)]
pub(super) struct Called {
    pub(super) visit: Visit,
    pub(super) caller: Caller,
}

impl<S: Sync> FromRequestParts<S> for Called {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, AppError> {
        let mut visit = Visit::from_request_parts(parts, state).await?;
        let sent = parts.headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
        let caller = match sent.and_then(|sent| sent.split_once(' ')) {
            Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") => {
                api_keys::prove(&visit.app, &visit.origin, key.trim()).await?
            }
            _ => return Err(api_keys::unproved(&visit.app, &visit.origin)),
        };
        visit.origin.actor = (ActorKind::ApiKey, caller.key.to_string());
        Ok(Self { visit, caller })
    }
}
