//! What time does by itself: issues die by their deadline, old rows go, audit months are made ahead.

use std::time::Duration;

use warifu_core::{audit::Channel, token::Event};

use super::{commit, issue::Ending, issue::end_issue};
use crate::{app::App, calendar, error::AppError, mail::messages::Why, origin::Origin};

/// Issues ended in one round at most.
const ROUND: i64 = 200;
/// Sessions and idle counters are forgotten after this long.
const FORGET: Duration = Duration::from_hours(90 * 24);

/// One round; gives how many issues it ended.
pub(crate) async fn sweep(app: &App) -> Result<usize, AppError> {
    let now = app.clock.now();
    let mut tx = app.store.read().await?;
    let overdue = tx.overdue_issues(now, ROUND).await?;
    drop(tx);
    for late in &overdue {
        let institution = late.institution_id.parse().ok();
        let Some(institution) = institution.and_then(|id| app.institutions.by_id(id)) else {
            continue;
        };
        let origin = Origin::inside(institution, Channel::Worker, now);
        let mut tx = app.store.begin().await?;
        let Some(customer) = tx.take_customer(late.customer_id).await? else {
            continue;
        };
        let issues = tx.issues(late.customer_id).await?;
        // Another node, or the customer, may have ended it since it was listed.
        let issue = issues.into_iter().find(|i| {
            i.id == late.id && i.ended_at.is_none() && i.deadline.is_some_and(|at| at <= now.0)
        });
        let Some(issue) = issue else { continue };
        let Some(token) = tx.token(late.customer_id, issue.token_id).await? else {
            continue;
        };
        let ending =
            Ending { event: Event::DeadlinePassed, reason: "deadline", why: Why::Deadline };
        end_issue(app, &origin, &mut tx, &customer, (issue, token), ending).await?;
        commit(app, tx).await?;
    }
    forget(app).await?;
    Ok(overdue.len())
}

async fn forget(app: &App) -> Result<(), AppError> {
    let now = app.clock.now();
    let mut tx = app.store.begin().await?;
    tx.sweep_sessions(now.minus(FORGET)).await?;
    tx.sweep_counters(now.minus(FORGET)).await?;
    for ahead in 0..=2 {
        if let Some((name, from, to)) = calendar::month(now, ahead) {
            tx.add_audit_month(&name, from, to).await?;
        }
    }
    tx.commit().await?;
    Ok(())
}
