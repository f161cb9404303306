//! Refusals that change nothing are recorded all the same: one audit row each.

use warifu_core::{audit::Kind, ids::CustomerId};

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
