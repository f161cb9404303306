//! Running issues as the bank's engineers see them, and take them back.

use warifu_core::{ids::CustomerId, issue::IssueEnd};
pub(crate) use warifu_store::RunningIssue;

use super::{again_on_conflict, commit, issue::end_issue};
use crate::{app::App, error::AppError, origin::Origin};

/// The issues of the institution that run, the one that ends next first.
pub(crate) async fn running(
    app: &App,
    origin: &Origin,
    limit: i64,
) -> Result<Vec<RunningIssue>, AppError> {
    let mut tx = app.store.read().await?;
    Ok(tx.running_issues(origin.institution.id, origin.now, limit).await?)
}

/// Takes a customer's running issue back; false when none runs.
pub(crate) async fn take_back(
    app: &App,
    origin: &Origin,
    id: CustomerId,
) -> Result<bool, AppError> {
    again_on_conflict(|| async {
        let mut tx = app.store.begin().await?;
        let customer = tx.take_customer(id).await?.ok_or(AppError::NotFound)?;
        let Some(issue) = tx.running_issue(id).await? else { return Ok(false) };
        let token = tx.token(id, issue.token_id).await?.ok_or(AppError::NotFound)?;
        let about = (issue, token);
        end_issue(app, origin, &mut tx, &customer, about, IssueEnd::TakenBack).await?;
        commit(app, tx).await?;
        Ok(true)
    })
    .await
}
