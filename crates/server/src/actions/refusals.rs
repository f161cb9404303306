//! Refusals that change nothing are recorded all the same: one audit row each, as long as there are
//! not too many of them. Beyond that they are counted and recorded together, so that nobody who has
//! proved nothing can fill the trail or hold the database.

use warifu_core::{
    audit::{ActorKind, Channel, Kind, Outcome},
    ids::{AuditId, CustomerId},
};
use warifu_store::audit::AuditRow;

use super::to_its_end;
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
    record(app, origin, of(customer, Line::refused(Kind::InputRefused, what.join(" ")))).await
}

/// A request that may not be made: forged, out of order, without a session.
pub(crate) async fn access(
    app: &App,
    origin: &Origin,
    customer: Option<CustomerId>,
    reason: &str,
) -> Result<(), AppError> {
    record(app, origin, of(customer, Line::refused(Kind::AccessRefused, reason))).await
}

fn of(customer: Option<CustomerId>, line: Line) -> Line {
    match customer {
        Some(customer) => line.of(customer),
        None => line,
    }
}

/// Records a refusal in a transaction of its own, or counts it where there are too many. Who hangs up
/// does not take it back.
pub(crate) async fn record(app: &App, origin: &Origin, line: Line) -> Result<(), AppError> {
    if !app.limits.records(Some(origin.institution.id), line.reason()) {
        return Ok(());
    }
    let (app, origin) = (app.clone(), origin.clone());
    to_its_end(async move {
        let mut tx = app.store.begin().await?;
        origin.record(&mut tx, &*app.random, line).await?;
        tx.commit().await?;
        Ok(())
    })
    .await
}

/// A request to a host of no institution.
pub(crate) async fn misdirected(
    app: &App,
    address: String,
    request_id: &str,
) -> Result<(), AppError> {
    if !app.limits.records(None, "misdirected") {
        return Ok(());
    }
    let row = AuditRow {
        address: Some(address),
        request_id: Some(request_id.to_owned()),
        ..nobodys(app, (ActorKind::Anonymous, Channel::Portal), "misdirected")
    };
    write(app, row).await
}

/// Records together what was only counted.
pub(crate) async fn flush(app: &App) -> Result<(), AppError> {
    for ((institution, reason), count) in app.limits.take_left_out() {
        let sum = serde_json::json!({ "count": count });
        let institution = institution.and_then(|id| app.institutions.by_id(id));
        if let Some(institution) = institution {
            let origin = Origin::inside(institution, Channel::Worker, app.clock.now());
            let line = Line::refused(Kind::AccessRefused, reason).after(sum);
            let mut tx = app.store.begin().await?;
            origin.record(&mut tx, &*app.random, line).await?;
            tx.commit().await?;
        } else {
            let row = nobodys(app, (ActorKind::System, Channel::Worker), &reason);
            write(app, AuditRow { after_json: Some(sum.to_string()), ..row }).await?;
        }
    }
    Ok(())
}

async fn write(app: &App, row: AuditRow) -> Result<(), AppError> {
    let mut tx = app.store.begin().await?;
    tx.record(&row).await?;
    tx.commit().await?;
    Ok(())
}

// What belongs to no institution is recorded for the installation itself, under `-`.
fn nobodys(app: &App, (actor, channel): (ActorKind, Channel), reason: &str) -> AuditRow {
    let now = app.clock.now();
    AuditRow {
        bucket: 0,
        customer_id: "-".to_owned(),
        at: now.0,
        id: AuditId::generate(now, &*app.random),
        institution_id: "-".to_owned(),
        actor_kind: actor.as_str().to_owned(),
        actor_id: String::new(),
        token_id: None,
        kind: Kind::AccessRefused.as_str().to_owned(),
        result: Outcome::Refused.as_str().to_owned(),
        reason: Some(reason.to_owned()),
        channel: channel.as_str().to_owned(),
        screen: None,
        address: None,
        device: None,
        request_id: None,
        correlation: None,
        before_json: None,
        after_json: None,
        v: 1,
    }
}
