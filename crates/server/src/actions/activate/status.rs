//! How a phone's token stands: told to the phone that holds its signing key, and to nobody else.

use std::time::Duration;

use warifu_core::{ids::TokenId, time::Millis, token::State};
use warifu_store::Key;

use super::acknowledge::signing_key;
use crate::{app::App, error::AppError, origin::Origin};

/// A question is as old as this at most, and as far ahead.
const FRESH: Duration = Duration::from_mins(10);

/// What the phone is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) state: State,
    /// Whether everything of its customer is stopped: its passcodes are not looked at until that is lifted.
    pub(crate) is_stopped: bool,
    pub(crate) valid_until: Millis,
}

/// What a phone signs to ask: the token and the moment, so that who overhears a question cannot ask for
/// ever.
pub(crate) fn question(token: TokenId, at: Millis) -> String {
    format!("warifu-token-1\n{token}\n{}", at.0)
}

/// Answers a phone's question; an unknown token, another phone's signature and an old question are
/// refused alike.
pub(crate) async fn status(
    app: &App,
    origin: &Origin,
    (id, at): (TokenId, Millis),
    signature: &str,
) -> Result<Status, AppError> {
    let fresh = origin.now.minus(FRESH).0..=origin.now.plus(FRESH).0;
    if !fresh.contains(&at.0) {
        return Err(AppError::Forbidden);
    }
    let mut tx = app.store.read().await?;
    let found = tx.find(origin.institution.id, Key::Token, &id.to_string()).await?;
    let found = found.ok_or(AppError::Forbidden)?;
    let token = tx.token(found.customer_id, id).await?.ok_or(AppError::Forbidden)?;
    let customer = tx.customer(found.customer_id).await?.ok_or(AppError::Forbidden)?;
    if !signing_key(origin, found.customer_id, &token)?.signed(&question(id, at), signature) {
        return Err(AppError::Forbidden);
    }
    // The last day counts from its moment on, whether or not the sweeper has come by.
    let is_over = !token.state.is_ended() && origin.now.0 >= token.valid_until;
    let state = if is_over { State::Expired } else { token.state };
    let is_stopped = customer.suspended_at.is_some();
    Ok(Status { state, is_stopped, valid_until: Millis(token.valid_until) })
}
