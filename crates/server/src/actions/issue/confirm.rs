//! BOT002: both proofs, counted before they are answered; with both right the token is made.

use warifu_core::{
    audit::Kind,
    ids::ProcedureId,
    issue::{MailPassword as TypedMail, MailPasswordError},
    procedure::ProcedureEnd,
    secret::SecretText,
    text::StaticPassword,
    time::Millis,
};
use warifu_store::{Customer, Procedure, Session, Tx};

use super::make::make;
use crate::{
    actions::{
        again_on_conflict, commit,
        mail_password::{self, Fit},
        procedures::{self, Flow, Step},
        static_password::{self, Again, Computed, Proved},
    },
    app::App,
    error::{AppError, Problem, Stale},
    origin::{Line, Origin},
};

/// How BOT002 ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Commit {
    /// The token is issued.
    Done,
    /// A proof is wrong; it was counted and recorded.
    Wrong(Vec<Problem>),
    /// Too many wrong proofs: the procedure has ended.
    Stopped(Again),
}

/// The two proofs of BOT002, as typed.
#[derive(Debug)]
pub(crate) struct Proofs {
    pub(crate) confirmation: SecretText,
    pub(crate) mail: SecretText,
}

/// BOT002: both proofs are right, and the token is issued; or one is wrong, and is counted.
pub(crate) async fn confirm(
    app: &App,
    origin: &Origin,
    session: &Session,
    id: Option<ProcedureId>,
    proofs: Proofs,
) -> Result<Commit, AppError> {
    let digits = origin.institution.policy().mail_password.digits as usize;
    let typed = form(&proofs, digits)?;
    // Argon2 before any row is taken; whether the hash still is the one is checked below.
    let computed = compute(app, origin, session, id, proofs.confirmation).await?;
    again_on_conflict(|| async {
        let (mut tx, mut customer, mut procedure) =
            procedures::take(app, origin, session, Flow::Issue, Step::Confirm, id).await?;
        if !computed.is_of(&customer) {
            return Err(AppError::Stale(Stale::Ended));
        }
        let confirmed =
            static_password::count(app, origin, &mut tx, &mut customer, &computed).await?;
        let sent = tx
            .mail_password(customer.customer_id, procedure.id)
            .await?
            .ok_or(AppError::Stale(Stale::Order))?;
        let mailed = match confirmed {
            // A locked confirmation password ends it: nothing else is evaluated.
            Proved::Stopped(_) => Fit::Wrong,
            _ => mail_password::prove(app, origin, &mut tx, &sent, &customer, &typed).await?,
        };
        match (confirmed, mailed) {
            (Proved::Right, Fit::Right) => {
                let again = make(app, origin, &mut tx, &customer, &mut procedure).await?;
                commit(app, tx).await?;
                Ok(again)
            }
            (Proved::Stopped(until), _) => {
                stop(app, origin, tx, &customer, &mut procedure).await?;
                Ok(Commit::Stopped(until.map_or(Again::Unlocked, Again::From)))
            }
            (_, Fit::Stopped(until)) => {
                stop(app, origin, tx, &customer, &mut procedure).await?;
                Ok(Commit::Stopped(until.map_or(Again::Now, Again::From)))
            }
            (confirmed, mailed) => {
                commit(app, tx).await?;
                Ok(Commit::Wrong(wrong(confirmed, mailed, Millis(sent.sent_at))))
            }
        }
    })
    .await
}

async fn stop(
    app: &App,
    origin: &Origin,
    mut tx: Tx,
    customer: &Customer,
    procedure: &mut Procedure,
) -> Result<(), AppError> {
    let id = customer.customer_id;
    procedures::end(&mut tx, origin, id, procedure, ProcedureEnd::Stopped).await?;
    tx.end_mail_passwords(id, origin.now).await?;
    tx.drop_secret_mails(id, origin.now).await?;
    let line = Line::refused(Kind::ProcedureCancelled, "too many wrong proofs").of(id);
    origin.record(&mut tx, &*app.random, line).await?;
    commit(app, tx).await
}

fn form(proofs: &Proofs, digits: usize) -> Result<TypedMail, AppError> {
    let mut problems = Vec::new();
    if proofs.confirmation.expose().is_empty() {
        problems.push(Problem::new("confirmation_password", "err-confirm-empty"));
    }
    let typed = TypedMail::parse(proofs.mail.expose(), digits)
        .map_err(|error| {
            let key = match error {
                MailPasswordError::Empty => "err-mailpw-empty",
                MailPasswordError::Digits | MailPasswordError::Length => "err-mailpw-form",
            };
            problems.push(Problem::new("mail_password", key));
        })
        .ok();
    typed.filter(|_| problems.is_empty()).ok_or(AppError::InvalidField(problems))
}

fn wrong(confirmed: Proved, mailed: Fit, sent_at: Millis) -> Vec<Problem> {
    let mut problems = Vec::new();
    if confirmed == Proved::Wrong {
        problems.push(Problem::new("confirmation_password", "err-confirm"));
    }
    match mailed {
        Fit::Wrong => {
            problems.push(Problem::new("mail_password", "err-mailpw").at("at", sent_at));
        }
        Fit::Expired => problems.push(Problem::new("mail_password", "err-mailpw-expired")),
        Fit::Right | Fit::Stopped(_) => {}
    }
    problems
}

async fn compute(
    app: &App,
    origin: &Origin,
    session: &Session,
    id: Option<ProcedureId>,
    password: SecretText,
) -> Result<Computed, AppError> {
    let id = id.ok_or(AppError::Stale(Stale::Order))?;
    let mut tx = app.store.read().await?;
    let customer = tx.customer(session.customer_id).await?.ok_or(AppError::NotFound)?;
    let procedure = tx.procedure(session.customer_id, id).await?;
    procedures::check(procedure, session, Flow::Issue, Step::Confirm, origin.now)?;
    let which = StaticPassword::Confirmation;
    static_password::compute(app, origin, tx, &customer, which, password).await
}
