//! What a page waits for and follows by itself: a mail on its way, a phone being set up. Read only, and
//! no sign of life of the customer: who only waits is logged out like anyone.

use warifu_core::{
    ids::{CustomerId, ProcedureId},
    mail::MailState,
    procedure::{Flow, Step},
    time::Millis,
    token::State,
};
use warifu_store::Tx;

use super::{overview, procedures};
use crate::{app::App, error::AppError, origin::Origin};

/// How far a mail has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum MailProgress {
    Queued,
    /// It has waited for longer than mails do.
    Late,
    Sent,
    Failed,
    /// It was handed over, and came back.
    Bounced,
}

/// A mail that was not handed over after this long (ms) is late.
const LATE_AFTER: i64 = 60_000;

impl MailProgress {
    /// All of them, in the order in which they come.
    pub(crate) const ALL: [Self; 5] =
        [Self::Queued, Self::Late, Self::Sent, Self::Failed, Self::Bounced];

    /// From the states of one sending, one for each recipient.
    pub(crate) fn of(states: &[MailState], written: Millis, now: Millis) -> Self {
        let all = |ends: &[MailState]| {
            !states.is_empty() && states.iter().all(|state| ends.contains(state))
        };
        if states.contains(&MailState::Sent) {
            Self::Sent
        } else if all(&[MailState::Bounced]) {
            Self::Bounced
        } else if all(&[MailState::Failed, MailState::Expired, MailState::Bounced]) {
            Self::Failed
        } else if now.0 - written.0 > LATE_AFTER {
            Self::Late
        } else {
            Self::Queued
        }
    }

    /// Whether it is worth looking again.
    pub(crate) const fn may_change(self) -> bool {
        matches!(self, Self::Queued | Self::Late)
    }

    /// The word that pages and their script use.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Late => "late",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Bounced => "bounced",
        }
    }
}

/// How things stand now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress {
    /// The token whose issue runs.
    pub(crate) token: Option<State>,
    /// The mail that the procedure waits for.
    pub(crate) mail: Option<MailProgress>,
}

/// How a customer's issue, and the mail of a procedure, stand now.
pub(crate) async fn progress(
    app: &App,
    origin: &Origin,
    customer: CustomerId,
    procedure: Option<ProcedureId>,
) -> Result<Progress, AppError> {
    let mut tx = app.store.read().await?;
    let mail = match procedure {
        Some(procedure) => mail(&mut tx, origin, customer, procedure).await?,
        None => None,
    };
    let customer = tx.customer(customer).await?.ok_or(AppError::NotFound)?;
    let view = overview::load(&mut tx, origin, customer).await?;
    Ok(Progress { token: view.open.map(|open| open.token.state), mail })
}

async fn mail(
    tx: &mut Tx,
    origin: &Origin,
    customer: CustomerId,
    id: ProcedureId,
) -> Result<Option<MailProgress>, AppError> {
    let Some(procedure) = tx.procedure(customer, id).await? else { return Ok(None) };
    let (kind, reference) = match (procedure.kind, procedure.step) {
        (Flow::Issue, Step::Done) => {
            let input: procedures::Input = procedures::kept(origin, customer, &procedure)?;
            ("mail-token", input.issue)
        }
        (Flow::Address, Step::Number) => ("mail-address-code", id.to_string()),
        _ => ("mail-code", id.to_string()),
    };
    let states = tx.mail_states(customer, kind, &reference).await?;
    let written = tx.newest_mail_at(customer, kind, &reference).await?;
    Ok(written.map(|at| MailProgress::of(&states, at, origin.now)))
}
