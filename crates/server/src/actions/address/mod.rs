//! BMA: a notice address is added, changed or removed. The customer proves the confirmation password and
//! the passcode, or, before a token is in use, a mail password sent to an address registered long ago;
//! a new address proves by a number that its mails are read.

mod confirm;
mod enter;

use serde::{Deserialize, Serialize};
use warifu_core::{
    ids::{AddressId, CustomerId},
    mail::MailState,
    purpose::Purpose,
    time::Millis,
    verify::Reason,
};
use warifu_store::{Customer, Procedure, Tx};

use super::{
    mail_password::{self, Blocked},
    notices, overview,
    procedures::{self, Step},
};
use crate::{app::App, error::AppError, origin::Origin};

pub(crate) use confirm::{Outcome, Proofs, SecondProof, confirm, number, send_again};
pub(crate) use enter::{Entry, Refused, address_problem, enter};

/// A customer has so many notice addresses at most.
pub(crate) const MOST: usize = 3;

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Act {
    Add,
    Replace(AddressId),
    Remove(AddressId),
}

/// What BMA001 has gathered.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Input {
    pub(crate) act: Option<Act>,
    /// The new address as typed; empty for a removal.
    pub(crate) address: String,
    /// The address that goes, as registered; empty where none does.
    pub(crate) old: String,
}

/// A registered address as it is shown and named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Registered {
    pub(crate) id: AddressId,
    pub(crate) address: String,
}

/// By which second proof an address is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Second {
    Passcode,
    MailPassword,
}

/// What BMA001 shows.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) registered: Vec<Registered>,
    pub(crate) second: Second,
    /// Why no mail password could be sent.
    pub(crate) blocked: Option<Blocked>,
    /// Why no passcode would be looked at.
    pub(crate) closed: Option<Reason>,
}

/// What can be changed now, and by which proofs.
pub(crate) async fn ready(
    app: &App,
    origin: &Origin,
    customer: CustomerId,
) -> Result<Ready, AppError> {
    let mut tx = app.store.read().await?;
    let customer = tx.customer(customer).await?.ok_or(AppError::NotFound)?;
    look(&mut tx, origin, customer).await
}

async fn look(tx: &mut Tx, origin: &Origin, customer: Customer) -> Result<Ready, AppError> {
    let registered = registered(tx, origin, &customer).await?;
    if customer.otp_required {
        let view = overview::load(tx, origin, customer).await?;
        let closed = view.closed(Purpose::StepUp, origin.now);
        return Ok(Ready { registered, second: Second::Passcode, blocked: None, closed });
    }
    let blocked = mail_password::ready(tx, origin, &customer).await?.blocked;
    Ok(Ready { registered, second: Second::MailPassword, blocked, closed: None })
}

async fn registered(
    tx: &mut Tx,
    origin: &Origin,
    customer: &Customer,
) -> Result<Vec<Registered>, AppError> {
    let all = notices::checked_addresses(origin, tx, customer).await?;
    let living = all.into_iter().filter(|a| a.removed_at.is_none());
    Ok(living.map(|a| Registered { id: a.id, address: a.address }).collect())
}

/// What the pages after BMA001 show.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) input: Input,
    /// The mail that the page waits for: when it went, where to, and how far it has come.
    pub(crate) mail: Option<Sent>,
}

/// A mail with a secret, as a page tells of it.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) at: Millis,
    pub(crate) to: Vec<String>,
    pub(crate) states: Vec<MailState>,
}

/// BMA002 and BMA003: what was typed, and what is waited for.
pub(crate) async fn shown(
    app: &App,
    origin: &Origin,
    customer: &Customer,
    procedure: &Procedure,
) -> Result<Shown, AppError> {
    let id = customer.customer_id;
    let mut tx = app.store.read().await?;
    let input = procedures::kept(origin, id, procedure)?;
    let second = if customer.otp_required { Second::Passcode } else { Second::MailPassword };
    let kind = match procedure.step {
        Step::Number => Some("mail-address-code"),
        Step::Confirm if second == Second::MailPassword => Some("mail-code"),
        _ => None,
    };
    let mail = match (kind, tx.mail_password(id, procedure.id).await?) {
        (Some(kind), Some(sent)) => Some(Sent {
            at: Millis(sent.sent_at),
            to: sent.sent_to.lines().map(str::to_owned).collect(),
            states: tx.mail_states(id, kind, &procedure.id.to_string()).await?,
        }),
        _ => None,
    };
    Ok(Shown { input, mail })
}
