//! Acts that need two people: applied for here, approved by someone else elsewhere. Nothing here
//! takes effect.

use warifu_core::{
    audit::Kind,
    ids::{ApplicationId, CustomerId, ReceptionNumber},
};
pub(crate) use warifu_store::Application;

use super::commit;
use crate::{
    app::App,
    error::AppError,
    origin::{Line, Origin},
};

/// Why an application was not taken.
#[derive(Debug)]
pub(crate) enum NotTaken {
    /// The customer is not stopped: there is nothing to resume.
    NotStopped,
    Failed(AppError),
}

impl<E: Into<AppError>> From<E> for NotTaken {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// Applies for a resume after a stop; one that is open already is given again.
pub(crate) async fn apply_for_resume(
    app: &App,
    origin: &Origin,
    id: CustomerId,
    (name, reason): (&str, &str),
) -> Result<Application, NotTaken> {
    const RESUME: &str = "resume";
    let mut tx = app.store.begin().await?;
    let customer = tx.take_customer(id).await?.ok_or(AppError::NotFound)?;
    if customer.suspended_at.is_none() {
        return Err(NotTaken::NotStopped);
    }
    let newest = tx.newest_application(id, RESUME).await?;
    if let Some(open) = newest.filter(|newest| newest.decided_at.is_none()) {
        return Ok(open);
    }
    let application = Application {
        id: ApplicationId::generate(origin.now, &*app.random),
        customer_id: id,
        institution_id: origin.institution.id,
        kind: RESUME.to_owned(),
        reason: reason.to_owned(),
        reception: ReceptionNumber::generate(&*app.random).as_str().to_owned(),
        applied_by: format!("{} {name}", origin.actor.0.as_str()),
        applied_at: origin.now.0,
        decided_by: None,
        decided_at: None,
        decision: None,
    };
    tx.insert_application(&application).await?;
    let line = Line::ok(Kind::ApplicationFiled).of(id).because(RESUME).after(serde_json::json!({
        "application": application.id, "reception": application.reception, "by": name
    }));
    origin.record(&mut tx, &*app.random, line).await?;
    commit(app, tx).await?;
    Ok(application)
}
