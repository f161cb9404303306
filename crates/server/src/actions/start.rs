//! Start of use: the first passcode is proved; from here on it is demanded.

use warifu_core::{
    audit::Kind,
    hold::{HoldKind, hold_after},
    ids::ProcedureId,
    oath::Passcode,
    procedure::ProcedureEnd,
    purpose::Purpose,
    time::Millis,
    token::{Event, State},
};
use warifu_store::{Customer, Issue, Session, Token, Tx};

use super::{
    commit, issue, notices,
    overview::{self, Open},
    procedures::{self, Flow, Step},
    prove::{self, Answer, Asked, Proof},
    sessions,
};
use crate::{
    app::App,
    error::{AppError, Stale},
    mail::messages::Mail,
    origin::{Line, Origin},
    web::cookies::BrowserSecret,
};

/// Begins a start of use.
pub(crate) async fn begin(
    app: &App,
    origin: &Origin,
    session: &Session,
) -> Result<ProcedureId, AppError> {
    let (mut tx, customer) = sessions::take(app, origin, session).await?;
    waiting(&mut tx, origin, customer).await?;
    let procedure = procedures::begin(app, origin, &mut tx, session, Flow::Start).await?;
    tx.commit().await?;
    Ok(procedure.id)
}

// The issue whose phone is set up and whose use has not begun.
async fn waiting(tx: &mut Tx, origin: &Origin, customer: Customer) -> Result<Open, AppError> {
    let view = overview::load(tx, origin, customer).await?;
    view.open
        .filter(|open| open.token.state == State::Activated)
        .ok_or(AppError::Stale(Stale::NotOffered))
}

/// BOK001: the phone that was set up is the customer's.
pub(crate) async fn confirm(
    app: &App,
    origin: &Origin,
    session: &Session,
    id: Option<ProcedureId>,
) -> Result<(), AppError> {
    let (mut tx, customer, mut procedure) =
        procedures::take(app, origin, session, Flow::Start, Step::Confirm, id).await?;
    procedures::advance(&mut tx, customer.customer_id, &mut procedure, Step::Passcode).await?;
    tx.commit().await?;
    Ok(())
}

/// BOK002: the passcode, and with it, in the same transaction, the start.
pub(crate) async fn start(
    app: &App,
    origin: &Origin,
    session: &Session,
    id: Option<ProcedureId>,
    passcode: &Passcode,
) -> Result<Answer, AppError> {
    prove::with_effect(app, origin, session.customer_id, || async {
        let (mut tx, customer, mut procedure) =
            procedures::take(app, origin, session, Flow::Start, Step::Passcode, id).await?;
        let Open { issue, token, verifier } = waiting(&mut tx, origin, customer.clone()).await?;
        let row = verifier.ok_or_else(|| AppError::internal("a token without a verifier"))?;
        let asked = Asked { customer: &customer, token: &token, purpose: Purpose::Start };
        match prove::prove(app, origin, &mut tx, &asked, &row, passcode).await? {
            Proof::Refused(reason) => {
                commit(app, tx).await?;
                Ok(Answer::Refused(reason))
            }
            Proof::Accepted => {
                let (id, done) = (customer.customer_id, ProcedureEnd::Done);
                procedures::end(&mut tx, origin, id, &mut procedure, done).await?;
                let secret =
                    take_effect(app, origin, &mut tx, session, (customer, issue, token)).await?;
                commit(app, tx).await?;
                Ok(Answer::Done(secret))
            }
        }
    })
    .await
}

async fn take_effect(
    app: &App,
    origin: &Origin,
    tx: &mut Tx,
    session: &Session,
    (mut customer, mut issue, mut token): (Customer, Issue, Token),
) -> Result<BrowserSecret, AppError> {
    let id = customer.customer_id;
    token.state = token.state.after(Event::Started).map_err(AppError::internal)?;
    token.started_at = Some(origin.now.0);
    let notice = origin.institution.policy().token.expiry_notice.duration();
    token.due_at = Some(Millis(token.valid_until).minus(notice).0);
    tx.save_token(id, &token).await?;
    tx.set_verifier(customer.customer_id, token.id, token.state, false).await?;
    issue::close(origin, tx, &customer, &mut issue, None).await?;
    customer.otp_required = true;
    hold(origin, tx, &mut customer, HoldKind::Start).await?;
    tx.save_customer(&customer).await?;
    let to = notices::To::NoticeAnd(&issue);
    let mail = Mail::Started { at: origin.now };
    notices::tell(app, origin, tx, &customer, to, &mail, &issue.id.to_string()).await?;
    let line = Line::ok(Kind::TokenStarted).of(id).token(token.id).changed(
        serde_json::json!({"state": "activated", "otp_required": false}),
        serde_json::json!({
            "state": "in_use", "otp_required": true, "hold_until": customer.hold_until
        }),
    );
    origin.record(tx, &*app.random, line).await?;
    sessions::renew_secret(app, origin, tx, &customer, session).await
}

/// Holds a customer's transactions after a change; the customer is yet to be saved.
pub(crate) async fn hold(
    origin: &Origin,
    tx: &mut Tx,
    customer: &mut Customer,
    kind: HoldKind,
) -> Result<(), AppError> {
    let policy = &origin.institution.policy().hold;
    let current = customer.hold_until.map(Millis);
    customer.hold_until = hold_after(kind, policy, current, origin.now).map(|t| t.0);
    tx.hold_verifiers(customer.customer_id, customer.hold_until).await?;
    Ok(())
}
