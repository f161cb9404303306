//! What time does by itself: issues die by their deadline, tokens by their last day, old rows go, audit
//! months are made ahead.

use std::{sync::Arc, time::Duration};

use warifu_core::{
    audit::{Channel, Kind},
    issue::IssueEnd,
    time::Millis,
    token::{Event, State},
};
use warifu_store::{Customer, DueToken, Overdue, Token, Tx};

use super::{
    again_on_conflict, commit, issue::end_issue, login_password, notices, refusals, verify,
};
use crate::{
    app::App,
    calendar,
    error::AppError,
    institutions::Institution,
    mail::messages::Mail,
    origin::{Line, Origin},
};

/// Rows listed at once.
const ROUND: i64 = 200;
/// Sessions and idle counters are forgotten after this long.
const FORGET: Duration = Duration::from_hours(90 * 24);
/// Mails that wait for nothing are kept this long, for questions about them.
const KEEP_MAILS: Duration = Duration::from_hours(400 * 24);

/// One round; gives how many issues and tokens it ended or told of. One that cannot be ended stops
/// none of the others.
pub(crate) async fn sweep(app: &App) -> Result<usize, AppError> {
    let now = app.clock.now();
    let ended = issues(app, now).await? + tokens(app, now).await?;
    refusals::flush(app).await?;
    forget(app, now).await?;
    add_months(app).await?;
    Ok(ended)
}

async fn issues(app: &App, now: Millis) -> Result<usize, AppError> {
    let mut ended = 0;
    let mut last = None;
    loop {
        let mut tx = app.store.read().await?;
        let overdue = tx.overdue_issues(now, last.as_ref(), ROUND).await?;
        drop(tx);
        for late in &overdue {
            match again_on_conflict(|| end_overdue(app, late, now)).await {
                Ok(()) => ended += 1,
                Err(error) => {
                    tracing::error!(issue = %late.id, ?error, "an overdue issue cannot be ended");
                }
            }
        }
        last = overdue.into_iter().last();
        if last.is_none() {
            return Ok(ended);
        }
    }
}

async fn end_overdue(app: &App, late: &Overdue, now: Millis) -> Result<(), AppError> {
    let origin = origin(app, &late.institution_id, now)?;
    let mut tx = app.store.begin().await?;
    let customer = tx.take_customer(late.customer_id).await?.ok_or(AppError::NotFound)?;
    // Another node, or the customer, may have ended it since it was listed.
    let issue = tx
        .issue(late.customer_id, late.id)
        .await?
        .filter(|i| i.ended_at.is_none() && i.deadline.is_some_and(|at| at <= now.0));
    let Some(issue) = issue else { return Ok(()) };
    let token = tx.token(late.customer_id, issue.token_id).await?.ok_or(AppError::NotFound)?;
    end_issue(app, &origin, &mut tx, &customer, (issue, token), IssueEnd::Deadline).await?;
    commit(app, tx).await
}

async fn tokens(app: &App, now: Millis) -> Result<usize, AppError> {
    let mut done = 0;
    let mut last = None;
    loop {
        let mut tx = app.store.read().await?;
        let due = tx.due_tokens(now, last.as_ref(), ROUND).await?;
        drop(tx);
        for token in &due {
            match again_on_conflict(|| end_or_tell(app, token, now)).await {
                Ok(()) => done += 1,
                Err(error) => {
                    tracing::error!(token = %token.id, ?error, "a token's end cannot be handled");
                }
            }
        }
        last = due.into_iter().last();
        if last.is_none() {
            return Ok(done);
        }
    }
}

// A token's end is told ahead; on its last day it ends, and the passcode goes on being demanded.
async fn end_or_tell(app: &App, due: &DueToken, now: Millis) -> Result<(), AppError> {
    let origin = origin(app, &due.institution_id, now)?;
    let mut tx = app.store.begin().await?;
    let customer = tx.take_customer(due.customer_id).await?.ok_or(AppError::NotFound)?;
    let token = tx.token(due.customer_id, due.id).await?;
    let token = token.filter(|t| t.state == State::InUse && t.due_at.is_some_and(|at| at <= now.0));
    let Some(mut token) = token else { return Ok(()) };
    let valid_until = Millis(token.valid_until);
    let mail = if now < valid_until {
        token.due_at = Some(valid_until.0);
        tx.save_token(due.customer_id, &token).await?;
        Mail::Expiring { valid_until }
    } else {
        expire(app, &origin, &mut tx, &customer, &mut token).await?;
        Mail::Expired { at: now }
    };
    let issue = tx.issue_of(due.customer_id, token.id).await?;
    let to = issue.as_ref().map_or(notices::To::Notice, notices::To::NoticeAnd);
    notices::tell(app, &origin, &mut tx, &customer, to, &mail, "").await?;
    commit(app, tx).await
}

async fn expire(
    app: &App,
    origin: &Origin,
    tx: &mut Tx,
    customer: &Customer,
    token: &mut Token,
) -> Result<(), AppError> {
    let before = token.state;
    token.end(before.after(Event::DeadlinePassed).map_err(AppError::internal)?, origin.now);
    tx.save_token(customer.customer_id, token).await?;
    tx.set_verifier(customer.customer_id, token.id, token.state, false).await?;
    let line = Line::ok(Kind::TokenExpired).of(customer.customer_id).token(token.id).changed(
        serde_json::json!({"state": before.as_str()}),
        serde_json::json!({"state": token.state.as_str(), "otp_required": customer.otp_required}),
    );
    Ok(origin.record(tx, &*app.random, line).await?)
}

fn origin(app: &App, institution: &str, now: Millis) -> Result<Origin, AppError> {
    let institution: Option<Arc<Institution>> =
        institution.parse().ok().and_then(|id| app.institutions.by_id(id));
    let institution = institution.ok_or_else(|| AppError::internal("no institution"))?;
    Ok(Origin::inside(institution, Channel::Worker, now))
}

async fn forget(app: &App, now: Millis) -> Result<(), AppError> {
    let mut tx = app.store.begin().await?;
    tx.sweep_sessions(now.minus(FORGET)).await?;
    tx.sweep_counters(now.minus(FORGET)).await?;
    tx.sweep_devices(now.minus(login_password::KNOWN_FOR)).await?;
    tx.sweep_mails(now.minus(KEEP_MAILS)).await?;
    tx.sweep_answers(now.minus(verify::REPLAYED_FOR)).await?;
    tx.commit().await?;
    Ok(())
}

/// Makes the months of the audit trail ahead, where the database has partitions.
pub(crate) async fn add_months(app: &App) -> Result<(), AppError> {
    let mut tx = app.store.begin().await?;
    for ahead in 0..=2 {
        if let Some((name, from, to)) = calendar::month(app.clock.now(), ahead) {
            tx.add_audit_month(&name, from, to).await?;
        }
    }
    tx.commit().await?;
    Ok(())
}
