//! What stands of a customer: token, issue, locks, and what may be done next.

use warifu_core::{
    ids::CustomerId,
    issue::{self, IssueFacts, IssueRefused},
    purpose::Purpose,
    time::Millis,
    token::State,
    verify::Reason,
};
pub(crate) use warifu_store::{Customer, Issue};
use warifu_store::{Token, Tx, VerifierRow};

use super::{counters, notices, prove};
use crate::{app::App, calendar, error::AppError, origin::Origin};

/// Everything the pages show of a customer.
#[derive(Clone, Debug)]
pub(crate) struct Overview {
    pub(crate) customer: Customer,
    /// The token that is demanded, if one is in use.
    pub(crate) in_use: Option<(Token, VerifierRow)>,
    /// The issue that still runs.
    pub(crate) open: Option<Open>,
    /// The newest issue, running or not.
    pub(crate) last_issue: Option<Issue>,
    /// The newest token, living or not.
    pub(crate) last_token: Option<Token>,
}

/// An issue that runs, with its token; with a verifier once the phone is set up.
#[derive(Clone, Debug)]
pub(crate) struct Open {
    pub(crate) issue: Issue,
    pub(crate) token: Token,
    pub(crate) verifier: Option<VerifierRow>,
}

impl Overview {
    /// The running issue, while it waits for its phone.
    pub(crate) fn waiting(&self) -> Option<&Issue> {
        let open = self.open.as_ref().filter(|open| open.token.state == State::Issued);
        open.map(|open| &open.issue)
    }

    /// Why a passcode for this purpose would not be looked at now; pages ask before they ask for one.
    pub(crate) fn closed(&self, purpose: Purpose, now: Millis) -> Option<Reason> {
        let row = match purpose {
            Purpose::Start => self.open.as_ref().and_then(|open| open.verifier.as_ref()),
            _ => self.in_use.as_ref().map(|(_, row)| row),
        };
        match row {
            Some(row) => {
                let is_stopped = self.customer.suspended_at.is_some();
                prove::standing(is_stopped, row).closed(purpose, now)
            }
            None => Some(Reason::NotUsable),
        }
    }
}

/// Reads a customer's overview.
pub(crate) async fn overview(
    app: &App,
    origin: &Origin,
    customer: CustomerId,
) -> Result<Overview, AppError> {
    let mut tx = app.store.read().await?;
    let customer = tx.customer(customer).await?.ok_or(AppError::NotFound)?;
    load(&mut tx, origin, customer).await
}

/// The same, and whether a token may be issued now.
pub(crate) async fn offered(
    app: &App,
    origin: &Origin,
    customer: CustomerId,
) -> Result<(Overview, Result<(), IssueRefused>), AppError> {
    let mut tx = app.store.read().await?;
    let customer = tx.customer(customer).await?.ok_or(AppError::NotFound)?;
    let view = load(&mut tx, origin, customer).await?;
    let may_issue = may_issue(&mut tx, origin, &view).await?;
    Ok((view, may_issue))
}

/// What stands of a customer, inside a transaction.
pub(crate) async fn load(
    tx: &mut Tx,
    origin: &Origin,
    customer: Customer,
) -> Result<Overview, AppError> {
    let id = customer.customer_id;
    let mut in_use = None;
    let mut open = None;
    let last_issue = tx.newest_issue(id).await?;
    // A deadline counts from its moment on,
    // whether or not the sweeper has come by.
    let running = last_issue
        .as_ref()
        .filter(|i| i.ended_at.is_none() && i.deadline.is_some_and(|at| origin.now.0 < at));
    let tokens = tx.standing_tokens(id).await?;
    let last_token = tokens.first().cloned();
    for token in tokens.into_iter().filter(|token| token.ended_at.is_none()) {
        let verifier = tx.verifier(id, token.id).await?;
        if token.state == State::InUse {
            in_use = verifier.map(|row| (token, row));
        } else if let Some(issue) = running.filter(|i| i.token_id == token.id) {
            open = Some(Open { issue: issue.clone(), token, verifier });
        }
    }
    Ok(Overview { customer, in_use, open, last_issue, last_token })
}

/// When each of a customer's notice addresses was confirmed.
pub(crate) async fn confirmed(
    tx: &mut Tx,
    origin: &Origin,
    customer: &Customer,
) -> Result<Vec<Option<Millis>>, AppError> {
    let addresses = notices::checked_addresses(origin, tx, customer).await?;
    let present = addresses.into_iter().filter(|a| a.removed_at.is_none());
    Ok(present.map(|a| a.confirmed_at.map(Millis)).collect())
}

/// Whether this customer may have a token issued now.
pub(crate) async fn may_issue(
    tx: &mut Tx,
    origin: &Origin,
    view: &Overview,
) -> Result<Result<(), IssueRefused>, AppError> {
    let customer = &view.customer;
    let policy = &origin.institution.policy().issue;
    let id = customer.customer_id;
    let today = calendar::day_start(origin.now, origin.institution.zone());
    let confirmed = confirmed(tx, origin, customer).await?;
    let released_at =
        customer.issue_from.map(|from| Millis(from).minus(policy.wait_after_release.duration()));
    let facts = IssueFacts {
        now: origin.now,
        token_in_use: view.in_use.is_some(),
        otp_required: customer.otp_required,
        suspended: customer.suspended_at.is_some(),
        confirmation: counters::gate(tx, &counters::confirmation(customer), origin.now).await?,
        released_at,
        issued_today: u32::try_from(tx.issues_since(id, today).await?).unwrap_or(u32::MAX),
        addresses: &confirmed,
    };
    Ok(issue::may_issue(&facts, policy))
}
