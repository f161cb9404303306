//! Release: the customer ends the use of the token with a current passcode.

use warifu_core::{
    audit::Kind, hold::HoldKind, ids::ProcedureId, issue::issue_again_from, oath::Passcode,
    procedure::ProcedureEnd, purpose::Purpose, time::Millis, token::Event,
};
use warifu_store::{Customer, Session, Token, Tx};

use super::{
    commit, notices, overview,
    procedures::{self, Flow, Step},
    prove::{self, Answer, Asked, Proof},
    sessions, start,
};
use crate::{
    app::App,
    error::{AppError, Stale},
    mail::messages::Mail,
    origin::{Line, Origin},
    web::cookies::BrowserSecret,
};

/// Begins a release.
pub(crate) async fn begin(
    app: &App,
    origin: &Origin,
    session: &Session,
) -> Result<ProcedureId, AppError> {
    let (mut tx, customer) = sessions::take(app, origin, session).await?;
    let view = overview::load(&mut tx, origin, customer).await?;
    if view.in_use.is_none() {
        return Err(AppError::Stale(Stale::NotOffered));
    }
    let procedure = procedures::begin(app, origin, &mut tx, session, Flow::Release).await?;
    tx.commit().await?;
    Ok(procedure.id)
}

/// BOS001: the passcode, and with it, in the same transaction, the release.
pub(crate) async fn release(
    app: &App,
    origin: &Origin,
    session: &Session,
    id: Option<ProcedureId>,
    passcode: &Passcode,
) -> Result<Answer, AppError> {
    prove::with_effect(app, origin, session.customer_id, || async {
        let (mut tx, customer, mut procedure) =
            procedures::take(app, origin, session, Flow::Release, Step::Passcode, id).await?;
        let view = overview::load(&mut tx, origin, customer.clone()).await?;
        let (token, row) = view.in_use.ok_or(AppError::Stale(Stale::NotOffered))?;
        let asked = Asked { customer: &customer, token: &token, purpose: Purpose::Release };
        match prove::prove(app, origin, &mut tx, &asked, &row, passcode).await? {
            Proof::Refused(reason) => {
                commit(app, tx).await?;
                Ok(Answer::Refused(reason))
            }
            Proof::Accepted => {
                let (id, done) = (customer.customer_id, ProcedureEnd::Done);
                procedures::end(&mut tx, origin, id, &mut procedure, done).await?;
                let secret = take_effect(app, origin, &mut tx, session, (customer, token)).await?;
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
    (mut customer, mut token): (Customer, Token),
) -> Result<BrowserSecret, AppError> {
    let id = customer.customer_id;
    token.end(token.state.after(Event::Released).map_err(AppError::internal)?, origin.now);
    tx.save_token(id, &token).await?;
    tx.set_verifier(customer.customer_id, token.id, token.state, false).await?;
    let policy = &origin.institution.policy().issue;
    customer.otp_required = false;
    customer.issue_from = Some(origin.now.plus(policy.wait_after_release.duration()).0);
    let confirmed = overview::confirmed(tx, origin, &customer).await?;
    let again_from = issue_again_from(origin.now, &confirmed, policy);
    start::hold(origin, tx, &mut customer, HoldKind::Release).await?;
    tx.save_customer(&customer).await?;
    let mail = Mail::Released { at: origin.now, again_from };
    let issue = tx.issue_of(id, token.id).await?;
    let to = match &issue {
        Some(issue) => notices::To::NoticeAnd(issue),
        None => notices::To::Notice,
    };
    notices::tell(app, origin, tx, &customer, to, &mail, "").await?;
    let line = Line::ok(Kind::TokenReleased).of(id).token(token.id).changed(
        serde_json::json!({"state": "in_use", "otp_required": true}),
        serde_json::json!({
            "state": "released", "otp_required": false, "hold_until": customer.hold_until
        }),
    );
    origin.record(tx, &*app.random, line).await?;
    sessions::renew_secret(app, origin, tx, &customer, session).await
}

/// Until when no token could be issued after a release now, where that is longer than the wait: every address is
/// too young.
pub(crate) async fn too_young_until(
    app: &App,
    origin: &Origin,
    customer: &Customer,
) -> Result<Option<Millis>, AppError> {
    let mut tx = app.store.read().await?;
    let policy = &origin.institution.policy().issue;
    let confirmed = overview::confirmed(&mut tx, origin, customer).await?;
    let waited = origin.now.plus(policy.wait_after_release.duration());
    Ok(Some(issue_again_from(origin.now, &confirmed, policy)).filter(|from| waited < *from))
}
