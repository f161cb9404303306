//! What the pages of an issue show: read only.

use warifu_core::{
    ids::{CustomerId, ProcedureId},
    mail::MailState,
    time::Millis,
};
use warifu_store::{Issue, Procedure};

use super::{
    mail_password::{self, Ready},
    procedures::{self, Input},
};
use crate::{
    app::App,
    error::{AppError, Stale},
    origin::Origin,
};

/// BMP001.
pub(crate) async fn mail_ready(
    app: &App,
    origin: &Origin,
    customer: CustomerId,
) -> Result<Ready, AppError> {
    let mut tx = app.store.read().await?;
    let customer = tx.customer(customer).await?.ok_or(AppError::NotFound)?;
    mail_password::ready(&mut tx, origin, &customer).await
}

/// What BOT002 shows.
#[derive(Debug)]
pub(crate) struct Confirm {
    pub(crate) address: String,
    pub(crate) sent_at: Millis,
    pub(crate) sent_to: Vec<String>,
    pub(crate) mails: Vec<MailState>,
}

/// BOT002.
pub(crate) async fn confirm(
    app: &App,
    origin: &Origin,
    customer: CustomerId,
    procedure: ProcedureId,
) -> Result<Confirm, AppError> {
    let mut tx = app.store.read().await?;
    let row = tx.procedure(customer, procedure).await?;
    let row = row.ok_or(AppError::Stale(Stale::Ended))?;
    let input: Input = procedures::kept(origin, customer, &row)?;
    let sent = tx.mail_password(customer, procedure).await?;
    let sent = sent.ok_or(AppError::Stale(Stale::Order))?;
    let mails = tx.mail_states(customer, "mail-code", &procedure.to_string()).await?;
    Ok(Confirm {
        address: input.address,
        sent_at: Millis(sent.sent_at),
        sent_to: sent.sent_to.lines().map(str::to_owned).collect(),
        mails,
    })
}

/// What BOT003 shows.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) issue: Issue,
    pub(crate) mails: Vec<MailState>,
    /// When the newest token mail was written.
    pub(crate) mailed_at: Millis,
}

/// BOT003, for as long as its issue runs.
pub(crate) async fn done(
    app: &App,
    origin: &Origin,
    customer: CustomerId,
    procedure: &Procedure,
) -> Result<Done, AppError> {
    let input: Input = procedures::kept(origin, customer, procedure)?;
    let mut tx = app.store.read().await?;
    let issue = tx.issue(customer, input.issue.parse().map_err(AppError::internal)?).await?;
    let issue = issue.ok_or(AppError::Stale(Stale::Done))?;
    if let Some(end) = issue.end_reason {
        return Err(AppError::Stale(Stale::IssueOver(end)));
    }
    // Its token is in use.
    if issue.ended_at.is_some() {
        return Err(AppError::Stale(Stale::Done));
    }
    let mails = tx.mail_states(customer, "mail-token", &issue.id.to_string()).await?;
    let mailed_at = tx.newest_mail_at(customer, "mail-token", &issue.id.to_string()).await?;
    let mailed_at = mailed_at.unwrap_or(Millis(issue.created_at));
    Ok(Done { issue, mails, mailed_at })
}
