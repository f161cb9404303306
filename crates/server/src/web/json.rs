//! Bodies of programs: JSON, read whole, with no field that is not asked for.

use axum::{body::Bytes, http::HeaderMap};
use serde::de::DeserializeOwned;

use super::form::is_of_kind;
use crate::error::Problem;

/// Reads a body. A form of another site can send JSON too, but not under its name.
pub(crate) fn json<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Option<&Bytes>,
) -> Result<T, Vec<Problem>> {
    // One that is too large, or cut off, is no body at all.
    let body = body.filter(|_| is_of_kind(headers, "application/json"));
    match body.map(|body| serde_json::from_slice(body)) {
        Some(Ok(body)) => Ok(body),
        _ => Err(vec![Problem::new("body", "form")]),
    }
}
