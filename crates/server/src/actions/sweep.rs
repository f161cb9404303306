//! What time does by itself: issues die by their deadline, old rows go, audit months are made ahead.

use std::time::Duration;

use warifu_core::{audit::Channel, issue::IssueEnd, time::Millis};
use warifu_store::Overdue;

use super::{again_on_conflict, commit, issue::end_issue};
use crate::{app::App, calendar, error::AppError, origin::Origin};

/// Issues ended in one round at most.
const ROUND: i64 = 200;
/// Sessions and idle counters are forgotten after this long.
const FORGET: Duration = Duration::from_hours(90 * 24);

/// One round; gives how many issues it ended. One that cannot be ended stops none of the others.
pub(crate) async fn sweep(app: &App) -> Result<usize, AppError> {
    let now = app.clock.now();
    let mut tx = app.store.read().await?;
    let overdue = tx.overdue_issues(now, ROUND).await?;
    drop(tx);
    let mut ended = 0;
    for late in &overdue {
        match again_on_conflict(|| end_overdue(app, late, now)).await {
            Ok(()) => ended += 1,
            Err(error) => {
                tracing::error!(issue = %late.id, ?error, "an overdue issue cannot be ended");
            }
        }
    }
    forget(app, now).await?;
    Ok(ended)
}

async fn end_overdue(app: &App, late: &Overdue, now: Millis) -> Result<(), AppError> {
    let institution = late.institution_id.parse().ok();
    let institution = institution.and_then(|id| app.institutions.by_id(id));
    let institution = institution.ok_or_else(|| AppError::internal("no institution"))?;
    let origin = Origin::inside(institution, Channel::Worker, now);
    let mut tx = app.store.begin().await?;
    let customer = tx.take_customer(late.customer_id).await?.ok_or(AppError::NotFound)?;
    // Another node, or the customer, may have ended it since it was listed.
    let issue = tx.issue(late.customer_id, late.id).await?.filter(|i| {
        i.ended_at.is_none() && i.deadline.is_some_and(|at| at <= now.0)
    });
    let Some(issue) = issue else { return Ok(()) };
    let token = tx.token(late.customer_id, issue.token_id).await?.ok_or(AppError::NotFound)?;
    end_issue(app, &origin, &mut tx, &customer, (issue, token), IssueEnd::Deadline).await?;
    commit(app, tx).await
}

async fn forget(app: &App, now: Millis) -> Result<(), AppError> {
    let mut tx = app.store.begin().await?;
    tx.sweep_sessions(now.minus(FORGET)).await?;
    tx.sweep_counters(now.minus(FORGET)).await?;
    tx.commit().await?;
    let mut tx = app.store.begin().await?;
    for ahead in 0..=2 {
        if let Some((name, from, to)) = calendar::month(now, ahead) {
            tx.add_audit_month(&name, from, to).await?;
        }
    }
    tx.commit().await?;
    Ok(())
}
