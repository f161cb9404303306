//! Issuing a software token: choose, mail password, phone address and start password, both proofs.

mod confirm;
mod ending;
mod enter;
mod make;
mod waiting;

use warifu_core::{
    audit::Kind,
    ids::{CustomerId, ProcedureId},
    issue::IssueRefused,
};
use warifu_store::{Session, Tx};

use super::{
    commit,
    mail_password::{self, Blocked},
    overview,
    procedures::{self, Flow, Step},
    sessions,
};
use crate::{
    app::App,
    error::{AppError, Stale},
    origin::{Line, Origin},
};

pub(crate) use confirm::{Commit, Proofs, confirm};
pub(crate) use ending::{close, end_issue};
pub(crate) use enter::{Entry, enter};
pub(crate) use waiting::{numbers, qr_secret, renew_qr, send_token_mail_again};

/// Begins an issue, if the customer may have one now.
pub(crate) async fn begin(
    app: &App,
    origin: &Origin,
    session: &Session,
) -> Result<ProcedureId, AppError> {
    let (mut tx, customer) = sessions::take(app, origin, session).await?;
    let view = overview::load(&mut tx, origin, customer).await?;
    match overview::may_issue(&mut tx, origin, &view).await? {
        // BMP001 tells what is wrong with the address; the page before it must be reachable.
        Ok(()) | Err(IssueRefused::NoAddress | IssueRefused::AddressYoung(_)) => {}
        Err(IssueRefused::DayLimit) => return Err(AppError::Stale(Stale::DayLimit)),
        Err(_) => return Err(AppError::Stale(Stale::NotOffered)),
    }
    let procedure = procedures::begin(app, origin, &mut tx, session, Flow::Issue).await?;
    tx.commit().await?;
    Ok(procedure.id)
}

/// BOT000: the software token is chosen.
pub(crate) async fn select(
    app: &App,
    origin: &Origin,
    session: &Session,
    id: Option<ProcedureId>,
) -> Result<(), AppError> {
    let (mut tx, customer, mut procedure) =
        procedures::take(app, origin, session, Flow::Issue, Step::Select, id).await?;
    procedures::advance(&mut tx, customer.customer_id, &mut procedure, Step::Mail).await?;
    tx.commit().await?;
    Ok(())
}

/// BMP001: the mail password is sent.
pub(crate) async fn send_mail_password(
    app: &App,
    origin: &Origin,
    session: &Session,
    id: Option<ProcedureId>,
) -> Result<Result<(), Blocked>, AppError> {
    let (mut tx, customer, mut procedure) =
        procedures::take(app, origin, session, Flow::Issue, Step::Mail, id).await?;
    let sent = mail_password::send(app, origin, &mut tx, session, &customer, &procedure).await?;
    match sent {
        Ok(()) => {
            procedures::advance(&mut tx, customer.customer_id, &mut procedure, Step::Input).await?;
        }
        Err(blocked) => not_sent(app, origin, &mut tx, customer.customer_id, blocked).await?,
    }
    commit(app, tx).await?;
    Ok(sent)
}

/// BOT002: the mail password is sent again; the first one dies.
pub(crate) async fn resend_mail_password(
    app: &App,
    origin: &Origin,
    session: &Session,
    id: Option<ProcedureId>,
) -> Result<Result<(), Blocked>, AppError> {
    let (mut tx, customer, procedure) =
        procedures::take(app, origin, session, Flow::Issue, Step::Confirm, id).await?;
    let sent = mail_password::send(app, origin, &mut tx, session, &customer, &procedure).await?;
    if let Err(blocked) = sent {
        not_sent(app, origin, &mut tx, customer.customer_id, blocked).await?;
    }
    commit(app, tx).await?;
    Ok(sent)
}

async fn not_sent(
    app: &App,
    origin: &Origin,
    tx: &mut Tx,
    customer: CustomerId,
    blocked: Blocked,
) -> Result<(), AppError> {
    let reason = match blocked {
        Blocked::NoAddress => "no_address",
        Blocked::Young(_) => "address_young",
        Blocked::DayLimit => "day_limit",
        Blocked::TooMany(_) => "too_many",
        Blocked::Tries(_) => "tries",
    };
    let line = Line::refused(Kind::AccessRefused, format!("mail_password {reason}")).of(customer);
    Ok(origin.record(tx, &*app.random, line).await?)
}
