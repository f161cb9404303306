//! Who calls: a program of the bank, by its API key in the `Authorization` header.

use axum::{
    extract::FromRequestParts,
    http::{header, request::Parts},
};
use warifu_core::audit::ActorKind;

use crate::{
    actions::{
        api_keys::{self, Caller},
        network,
    },
    error::{AppError, SignedOut},
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
        let proved = match sent.and_then(|sent| sent.split_once(' ')) {
            Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") => {
                api_keys::prove(&visit.app, &visit.origin, key.trim()).await
            }
            _ => Err(AppError::NotSignedIn(SignedOut::Never)),
        };
        let caller = match proved {
            Ok(caller) => caller,
            // Only who does not prove a key is limited: a bank's programs come from one address.
            Err(AppError::NotSignedIn(why)) => return Err(unproved(&visit, why)),
            Err(other) => return Err(other),
        };
        visit.origin.actor = (ActorKind::ApiKey, caller.key.to_string());
        Ok(Self { visit, caller })
    }
}

fn unproved(visit: &Visit, why: SignedOut) -> AppError {
    let address = visit.origin.address.as_deref().unwrap_or_default();
    if visit.app.limits.admits(&network::network(address)) {
        return AppError::NotSignedIn(why);
    }
    visit.app.limits.leave_out(Some(visit.origin.institution.id), "too_many_from_one_network");
    AppError::TooMany(visit.origin.now.plus(std::time::Duration::from_secs(1)))
}
