//! Procedures: rows that say how far a customer has come; pages carry only their id.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
pub(crate) use warifu_core::procedure::{Flow, Step};
use warifu_core::{
    audit::Kind,
    ids::{CustomerId, ProcedureId},
    procedure::ProcedureEnd,
    time::Millis,
};
pub(crate) use warifu_store::Procedure;
use warifu_store::{Customer, Session, Tx};

use super::{places, sessions};
use crate::{
    app::App,
    error::{AppError, Stale},
    origin::{Line, Origin},
};

// Where the pages of a procedure are.
const fn home(flow: Flow) -> &'static str {
    match flow {
        Flow::Issue => "/otp/issue",
        Flow::Start => "/otp/start",
        Flow::Release => "/otp/release",
        Flow::Password => "/password",
        Flow::Address => "/address",
    }
}

/// The page of a procedure's step.
pub(crate) fn path(flow: Flow, step: Step, procedure: ProcedureId) -> String {
    format!("{}/{step}?procedure={procedure}", home(flow))
}

/// The last page of a procedure that gives its session a new secret, for who stands on another page
/// of it. An issue gives none.
pub(crate) fn last_page(path: &str, procedure: ProcedureId) -> Option<String> {
    let is_of = |flow: &&Flow| {
        **flow != Flow::Issue
            && path.strip_prefix(home(**flow)).is_some_and(|rest| rest.starts_with('/'))
    };
    let flow = Flow::ALL.iter().find(is_of)?;
    Some(self::path(*flow, Step::Done, procedure))
}

/// What an issue has gathered; sealed in its procedure's row.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Input {
    pub(crate) address: String,
    /// MAC of the start password under the issue that is to be; never the password itself.
    pub(crate) start_password: String,
    /// The issue that the start password's MAC is bound to, and what the done page shows.
    pub(crate) issue: String,
}

/// A procedure lives as long as a session at most.
const LIFE: i64 = 8 * 3_600_000;

/// Begins a procedure; an unfinished one of the same kind ends.
pub(crate) async fn begin(
    app: &App,
    origin: &Origin,
    tx: &mut Tx,
    session: &Session,
    flow: Flow,
) -> Result<Procedure, AppError> {
    let procedure = Procedure {
        id: ProcedureId::generate(origin.now, &*app.random),
        session_id: session.id,
        kind: flow,
        step: flow.first(),
        input: None,
        created_at: origin.now.0,
        expires_at: origin.now.0 + LIFE,
        ended_at: None,
        outcome: None,
        version: 1,
    };
    tx.begin_procedure(session.customer_id, &procedure).await?;
    Ok(procedure)
}

/// Whether a request comes at the right moment of its procedure.
pub(crate) fn check(
    procedure: Option<Procedure>,
    session: &Session,
    flow: Flow,
    step: Step,
    now: Millis,
) -> Result<Procedure, AppError> {
    // Another session's procedure is as good as none.
    let Some(procedure) = procedure.filter(|p| p.session_id == session.id) else {
        return Err(AppError::Stale(Stale::Foreign));
    };
    if procedure.kind != flow {
        return Err(AppError::Stale(Stale::Order));
    }
    let done = procedure.outcome == Some(ProcedureEnd::Done);
    if !done && (procedure.ended_at.is_some() || now.0 >= procedure.expires_at) {
        return Err(AppError::Stale(Stale::Ended));
    }
    if procedure.step == step {
        return Ok(procedure);
    }
    if flow.comes_after(procedure.step, step) {
        return Err(AppError::MovedOn(path(flow, procedure.step, procedure.id)));
    }
    Err(AppError::Stale(Stale::Order))
}

/// Reads a procedure for a page that shows its step; a step that has been left is a stale page.
pub(crate) async fn show(
    app: &App,
    origin: &Origin,
    session: &Session,
    flow: Flow,
    step: Step,
    id: Option<ProcedureId>,
) -> Result<Procedure, AppError> {
    let id = id.ok_or(AppError::Stale(Stale::Order))?;
    let mut tx = app.store.read().await?;
    let procedure = tx.procedure(session.customer_id, id).await?;
    let done = procedure.as_ref().is_some_and(|p| p.outcome == Some(ProcedureEnd::Done));
    check(procedure, session, flow, step, origin.now).map_err(|error| match error {
        AppError::MovedOn(_) if done => AppError::Stale(Stale::Done),
        AppError::MovedOn(_) => AppError::Stale(Stale::Ended),
        other => other,
    })
}

/// Takes the customer and the procedure for a step that is to be done.
pub(crate) async fn take(
    app: &App,
    origin: &Origin,
    session: &Session,
    flow: Flow,
    step: Step,
    id: Option<ProcedureId>,
) -> Result<(Tx, Customer, Procedure), AppError> {
    let id = id.ok_or(AppError::Stale(Stale::Order))?;
    let (mut tx, customer) = sessions::take(app, origin, session).await?;
    let procedure = tx.procedure(session.customer_id, id).await?;
    let procedure = check(procedure, session, flow, step, origin.now)?;
    Ok((tx, customer, procedure))
}

/// Moves a procedure to its next step.
pub(crate) async fn advance(
    tx: &mut Tx,
    customer: CustomerId,
    procedure: &mut Procedure,
    step: Step,
) -> Result<(), AppError> {
    procedure.step = step;
    tx.save_procedure(customer, procedure).await?;
    procedure.version += 1;
    Ok(())
}

/// Ends a procedure.
pub(crate) async fn end(
    tx: &mut Tx,
    origin: &Origin,
    customer: CustomerId,
    procedure: &mut Procedure,
    outcome: ProcedureEnd,
) -> Result<(), AppError> {
    if outcome == ProcedureEnd::Done {
        procedure.step = Step::Done;
    } else {
        procedure.input = None;
    }
    procedure.ended_at = Some(origin.now.0);
    procedure.outcome = Some(outcome);
    tx.save_procedure(customer, procedure).await?;
    procedure.version += 1;
    Ok(())
}

/// Leaves a procedure before its end; nothing of it remains.
pub(crate) async fn cancel(
    app: &App,
    origin: &Origin,
    session: &Session,
    flow: Flow,
    step: Step,
    id: Option<ProcedureId>,
) -> Result<(), AppError> {
    let (mut tx, customer, mut procedure) = take(app, origin, session, flow, step, id).await?;
    end(&mut tx, origin, customer.customer_id, &mut procedure, ProcedureEnd::Cancelled).await?;
    tx.end_mail_passwords(customer.customer_id, origin.now).await?;
    tx.drop_secret_mails(customer.customer_id, origin.now).await?;
    let line = Line::ok(Kind::ProcedureCancelled).of(customer.customer_id).because(flow.as_str());
    origin.record(&mut tx, &*app.random, line).await?;
    tx.commit().await?;
    Ok(())
}

/// Seals what was typed into the procedure's row.
pub(crate) fn keep(
    app: &App,
    origin: &Origin,
    customer: CustomerId,
    procedure: &mut Procedure,
    input: &impl Serialize,
) -> Result<(), AppError> {
    let plain = serde_json::to_vec(input).map_err(AppError::internal)?;
    let spot = places::procedure(origin.institution.id, customer, procedure.id);
    let sealed = origin.institution.keys.seal(&spot.place(), &plain, &*app.random)?;
    procedure.input = Some(sealed);
    Ok(())
}

/// Opens what was typed; nothing yet is an empty input.
pub(crate) fn kept<T: Default + DeserializeOwned>(
    origin: &Origin,
    customer: CustomerId,
    procedure: &Procedure,
) -> Result<T, AppError> {
    let Some(sealed) = &procedure.input else {
        return Ok(T::default());
    };
    let spot = places::procedure(origin.institution.id, customer, procedure.id);
    let plain = origin.institution.keys.open(&spot.place(), sealed)?;
    serde_json::from_slice(plain.expose()).map_err(AppError::internal)
}
