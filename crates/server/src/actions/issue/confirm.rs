//! BOT002: both proofs, counted before they are answered; with both right the token is made.

use warifu_core::{
    audit::Kind,
    counter::{Counter, Gate, Grade},
    ids::ProcedureId,
    issue::{MailPassword as TypedMail, MailPasswordError},
    procedure::ProcedureEnd,
    secret::SecretText,
    time::Millis,
};
use warifu_store::{Customer, Procedure, Session, Tx};

use super::make::make;
use crate::{
    actions::{
        again_on_conflict, commit, counters, locks,
        mail_password::{self, Fit},
        places,
        procedures::{self, Flow, Step},
    },
    app::App,
    error::{AppError, Problem, Stale},
    hasher::Lane,
    mail::messages::Which,
    origin::{Line, Origin},
};

/// When a procedure that was stopped may be done again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// At once, from its beginning.
    Now,
    /// From this moment.
    From(Millis),
    /// When the bank has lifted the lock.
    Unlocked,
}

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
    let (hash, fits) = confirmation_fits(app, origin, session, id, proofs.confirmation).await?;
    again_on_conflict(|| async {
        let (mut tx, customer, mut procedure) =
            procedures::take(app, origin, session, Flow::Issue, Step::Confirm, id).await?;
        if customer.confirmation_hash != hash {
            return Err(AppError::Stale(Stale::Ended));
        }
        let confirmed = confirmation(app, origin, &mut tx, &customer, fits).await?;
        let sent = tx
            .mail_password(customer.customer_id, procedure.id)
            .await?
            .ok_or(AppError::Stale(Stale::Order))?;
        let mailed = match confirmed {
            // A locked confirmation password ends it: nothing else is evaluated.
            Confirmed::Stopped(_) => Fit::Wrong,
            _ => mail_password::prove(app, origin, &mut tx, &sent, &customer, &typed).await?,
        };
        match (confirmed, mailed) {
            (Confirmed::Right, Fit::Right) => {
                let again = make(app, origin, &mut tx, &customer, &mut procedure).await?;
                commit(app, tx).await?;
                Ok(again)
            }
            (Confirmed::Stopped(until), _) => {
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
    tx.drop_mails(id, "mail-code", origin.now).await?;
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

fn wrong(confirmed: Confirmed, mailed: Fit, sent_at: Millis) -> Vec<Problem> {
    let mut problems = Vec::new();
    if confirmed == Confirmed::Wrong {
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

async fn confirmation_fits(
    app: &App,
    origin: &Origin,
    session: &Session,
    id: Option<ProcedureId>,
    password: SecretText,
) -> Result<(String, bool), AppError> {
    let id = id.ok_or(AppError::Stale(Stale::Order))?;
    let mut tx = app.store.read().await?;
    let customer = tx.customer(session.customer_id).await?.ok_or(AppError::NotFound)?;
    let procedure = tx.procedure(session.customer_id, id).await?;
    procedures::check(procedure, session, Flow::Issue, Step::Confirm, origin.now)?;
    let gate = counters::gate(&mut tx, &counters::confirmation(&customer), origin.now).await?;
    drop(tx);
    let hash =
        places::checked_hash(&origin.institution, &customer, "confirmation_hash")?.to_owned();
    // At a closed gate nothing is evaluated: the transaction that follows says so.
    let fits = gate == Gate::Open && {
        let place = app.hasher.place(Lane::Known).await?;
        app.hasher.fits(place, Some(hash.clone()), password).await?
    };
    Ok((hash, fits))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Confirmed {
    Right,
    Wrong,
    Stopped(Option<Millis>),
}

fn closed(gate: Gate) -> Option<Confirmed> {
    match gate {
        Gate::Open => None,
        Gate::Until(until) => Some(Confirmed::Stopped(Some(until))),
        Gate::Stopped => Some(Confirmed::Stopped(None)),
    }
}

// Counts the confirmation password; at a closed gate it is not evaluated.
async fn confirmation(
    app: &App,
    origin: &Origin,
    tx: &mut Tx,
    customer: &Customer,
    fits: bool,
) -> Result<Confirmed, AppError> {
    let subject = counters::confirmation(customer);
    let taken = tx.take_counter(&subject, origin.now).await?;
    if let Some(stopped) = closed(taken.counter().gate(origin.now)) {
        let line = Line::refused(Kind::ConfirmationRefused, "waiting").of(customer.customer_id);
        origin.record(tx, &*app.random, line).await?;
        return Ok(stopped);
    }
    if fits {
        tx.save_counter(&subject, &taken, &Counter::cleared(), origin.now).await?;
        return Ok(Confirmed::Right);
    }
    let policy = &origin.institution.policy().confirmation;
    let (counter, grade) = taken.counter().failed(policy, origin.now);
    tx.save_counter(&subject, &taken, &counter, origin.now).await?;
    let id = customer.customer_id;
    let line = Line::refused(Kind::ConfirmationRefused, "wrong").of(id);
    origin.record(tx, &*app.random, line).await?;
    let Some(grade) = grade else { return Ok(Confirmed::Wrong) };
    locks::tell(app, origin, tx, customer, (Which::Confirmation, None), grade).await?;
    Ok(Confirmed::Stopped(match grade {
        Grade::Until(until) => Some(until),
        Grade::Stopped => None,
    }))
}
