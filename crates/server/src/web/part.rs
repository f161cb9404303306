//! The parts of a path that a route names; what is none of them names nothing.

use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};
use serde::de::DeserializeOwned;

use crate::error::AppError;

/// What stands in the places of the route's names: a text in UTF-8, or what it is read as.
#[derive(Debug)]
pub(crate) struct Part<T = String>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Part<T> {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, AppError> {
        let part = Path::<T>::from_request_parts(parts, state).await;
        part.map(|Path(part)| Self(part)).map_err(|_| AppError::NotFound)
    }
}
