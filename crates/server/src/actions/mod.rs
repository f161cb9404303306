//! What the product does, one file per verb. Pages, phone and command line all call these; each opens
//! one transaction, loads, asks the rules, saves, commits.

pub(crate) mod activate;
pub(crate) mod address;
pub(crate) mod api_keys;
pub(crate) mod applications;
pub(crate) mod counters;
pub(crate) mod customers;
pub(crate) mod import;
pub(crate) mod institutions;
pub(crate) mod issue;
pub(crate) mod issue_pages;
pub(crate) mod issues;
pub(crate) mod locks;
pub(crate) mod login_password;
pub(crate) mod mail_password;
pub(crate) mod mails;
pub(crate) mod network;
pub(crate) mod notices;
pub(crate) mod overview;
pub(crate) mod password;
pub(crate) mod places;
pub(crate) mod procedures;
pub(crate) mod progress;
pub(crate) mod prove;
pub(crate) mod refusals;
pub(crate) mod release;
pub(crate) mod restore;
pub(crate) mod sessions;
pub(crate) mod sign_in;
pub(crate) mod start;
pub(crate) mod static_password;
pub(crate) mod stop;
pub(crate) mod sweep;
pub(crate) mod top;
pub(crate) mod verify;

use std::future::Future;

use warifu_store::Tx;

use crate::{app::App, error::AppError};

/// Commits, and wakes the mail worker for what the transaction put into the outbox.
pub(crate) async fn commit(app: &App, tx: Tx) -> Result<(), AppError> {
    tx.commit().await?;
    app.mail_waits.notify_one();
    Ok(())
}

/// Does what may not end half-way, whether or not who asked for it stays to hear of it. It has a place of
/// its own at once: what waits for it need not have room for it.
pub(crate) fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, AppError>> + Send + 'static,
) -> impl Future<Output = Result<T, AppError>> + Send {
    let task = tokio::spawn(work);
    async { task.await.unwrap_or_else(|died| Err(AppError::internal(died))) }
}

/// Decides again from fresh data when someone else was first; gives up after a few rounds.
pub(crate) async fn again_on_conflict<T, F, R>(mut act: F) -> Result<T, AppError>
where
    F: FnMut() -> R,
    R: Future<Output = Result<T, AppError>>,
{
    const ROUNDS: usize = 5;
    for _ in 1..ROUNDS {
        match act().await {
            Err(AppError::Conflict) => {}
            done => return done,
        }
    }
    act().await
}
