//! Refusals that change nothing are recorded all the same: one audit row each.

use warifu_core::{
    audit::{ActorKind, Channel, Kind, Outcome},
    ids::{AuditId, CustomerId},
};
use warifu_store::audit::AuditRow;

use crate::{
    app::App,
    error::{AppError, Problem},
    origin::{Line, Origin},
};

/// Fields that were refused: which, and by which rule; never what was typed.
pub(crate) async fn input(
    app: &App,
    origin: &Origin,
    customer: Option<CustomerId>,
    problems: &[Problem],
) -> Result<(), AppError> {
    let what: Vec<_> = problems.iter().map(|p| format!("{}:{}", p.field, p.key)).collect();
    note(app, origin, customer, Line::refused(Kind::InputRefused, what.join(" "))).await
}

/// A request that may not be made: forged, out of order, without a session.
pub(crate) async fn access(
    app: &App,
    origin: &Origin,
    customer: Option<CustomerId>,
    reason: &str,
) -> Result<(), AppError> {
    note(app, origin, customer, Line::refused(Kind::AccessRefused, reason)).await
}

/// A request to a host of no institution: recorded for the installation itself, under `-`.
pub(crate) async fn misdirected(
    app: &App,
    address: String,
    request_id: &str,
) -> Result<(), AppError> {
    let now = app.clock.now();
    let mut tx = app.store.begin().await?;
    tx.record(&AuditRow {
        bucket: 0,
        customer_id: "-".to_owned(),
        at: now.0,
        id: AuditId::generate(now, &*app.random),
        institution_id: "-".to_owned(),
        actor_kind: ActorKind::Anonymous.as_str().to_owned(),
        actor_id: String::new(),
        token_id: None,
        kind: Kind::AccessRefused.as_str().to_owned(),
        result: Outcome::Refused.as_str().to_owned(),
        reason: Some("misdirected".to_owned()),
        channel: Channel::Portal.as_str().to_owned(),
        screen: None,
        address: Some(address),
        device: None,
        request_id: Some(request_id.to_owned()),
        correlation: None,
        before_json: None,
        after_json: None,
        v: 1,
    })
    .await?;
    tx.commit().await?;
    Ok(())
}

async fn note(
    app: &App,
    origin: &Origin,
    customer: Option<CustomerId>,
    line: Line,
) -> Result<(), AppError> {
    let line = match customer {
        Some(customer) => line.of(customer),
        None => line,
    };
    let mut tx = app.store.begin().await?;
    origin.record(&mut tx, &*app.random, line).await?;
    tx.commit().await?;
    Ok(())
}
