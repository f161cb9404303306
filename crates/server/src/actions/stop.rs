//! 緊急停止: everything of a customer is stopped, at once and with nothing but the login password, or
//! by the bank. It can only stop; resuming is applied for and approved by two people.

use warifu_core::{
    audit::{ActorKind, Kind},
    ids::{CustomerId, ReceptionNumber},
    issue::IssueEnd,
    procedure::ProcedureEnd,
    session::SessionEnd,
    time::Millis,
};
use warifu_store::{Customer, Tx};

use super::{
    again_on_conflict, commit, issue,
    login_password::{self, Answer, Credentials, Opens},
    notices::{self, To},
};
use crate::{
    app::App,
    error::AppError,
    mail::messages::Mail,
    origin::{Line, Origin},
};

/// A stop that is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stopped {
    pub(crate) at: Millis,
    pub(crate) reception: String,
}

/// BES001: the customer stops with login ID and login password.
pub(crate) async fn stop(
    app: &App,
    origin: &Origin,
    given: Credentials,
) -> Result<Answer<Stopped>, AppError> {
    again_on_conflict(|| async {
        let computed = match login_password::compute(app, origin, &given, Opens::Stop).await? {
            Ok(computed) => computed,
            Err(closed) => return Ok(Answer::Closed(closed)),
        };
        let (mut tx, customer) = match login_password::count(app, origin, &computed).await? {
            Answer::Right(opened) => opened,
            Answer::Refused => return Ok(Answer::Refused),
            Answer::Closed(gate) => return Ok(Answer::Closed(gate)),
        };
        let id = customer.customer_id.to_string();
        let origin = Origin { actor: (ActorKind::Customer, id), ..origin.clone() };
        let stopped = take_effect(app, &origin, &mut tx, customer).await?;
        commit(app, tx).await?;
        Ok(Answer::Right(stopped))
    })
    .await
}

/// The same, by the bank.
pub(crate) async fn stop_for(
    app: &App,
    origin: &Origin,
    id: CustomerId,
) -> Result<Stopped, AppError> {
    again_on_conflict(|| async {
        let mut tx = app.store.begin().await?;
        let customer = tx.take_customer(id).await?.ok_or(AppError::NotFound)?;
        let stopped = take_effect(app, origin, &mut tx, customer).await?;
        commit(app, tx).await?;
        Ok(stopped)
    })
    .await
}

async fn take_effect(
    app: &App,
    origin: &Origin,
    tx: &mut Tx,
    mut customer: Customer,
) -> Result<Stopped, AppError> {
    let id = customer.customer_id;
    if let (Some(at), Some(reception)) = (customer.suspended_at, &customer.stop_reception) {
        // A second click, or fear: it is stopped, and nothing is told twice.
        let line = Line::refused(Kind::CustomerStopped, "already").of(id);
        origin.record(tx, &*app.random, line).await?;
        return Ok(Stopped { at: Millis(at), reception: reception.clone() });
    }
    // Told before the issue ends: its phone's address is told too.
    let reception = tell(app, origin, tx, &customer).await?;
    customer.suspended_at = Some(origin.now.0);
    customer.stopped_by = Some(origin.actor.0.as_str().to_owned());
    customer.stop_reception = Some(reception.as_str().to_owned());
    tx.save_customer(&customer).await?;
    end_proofs(app, origin, tx, &customer).await?;
    let line = Line::ok(Kind::CustomerStopped).of(id).changed(
        serde_json::json!({"stopped": false}),
        serde_json::json!({"stopped": true, "reception": reception.as_str()}),
    );
    origin.record(tx, &*app.random, line).await?;
    Ok(Stopped { at: origin.now, reception: reception.as_str().to_owned() })
}

async fn tell(
    app: &App,
    origin: &Origin,
    tx: &mut Tx,
    customer: &Customer,
) -> Result<ReceptionNumber, AppError> {
    let by_customer = origin.actor.0 == ActorKind::Customer;
    let mail = Mail::Stopped { at: origin.now, by_customer };
    match notices::tell(app, origin, tx, customer, To::Everyone, &mail, "").await {
        // An address that was tampered with keeps nobody from stopping: the others are told.
        Err(AppError::Internal(why)) => {
            tracing::error!(error = %why, "not every address can be told of a stop");
            let intact = notices::intact_addresses(origin, tx, customer).await?;
            notices::tell(app, origin, tx, customer, To::Only(&intact), &mail, "").await
        }
        told => told,
    }
}

// Sessions, procedures, mail passwords, the issue that runs, and every passcode.
async fn end_proofs(
    app: &App,
    origin: &Origin,
    tx: &mut Tx,
    customer: &Customer,
) -> Result<(), AppError> {
    let id = customer.customer_id;
    tx.end_sessions(id, SessionEnd::Stopped, origin.now).await?;
    tx.end_procedures(id, ProcedureEnd::Stopped, origin.now).await?;
    tx.drop_secret_mails(id, origin.now).await?;
    tx.forget_devices(id).await?;
    if let Some(running) = tx.running_issue(id).await?
        && let Some(token) = tx.token(id, running.token_id).await?
    {
        issue::end_issue(app, origin, tx, customer, (running, token), IssueEnd::Stopped).await?;
    }
    for token in tx.living_tokens(id).await? {
        // With a new version, so that nothing that was decided before the stop is accepted after it.
        if tx.verifier(customer.customer_id, token.id).await?.is_some() {
            tx.set_verifier(customer.customer_id, token.id, token.state, true).await?;
        }
    }
    Ok(())
}
