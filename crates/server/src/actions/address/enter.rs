//! BMA001: what is to be changed is taken, and a procedure begins that waits for the proofs.

use warifu_core::{
    ids::{AddressId, ProcedureId},
    text::{AddressError, MailAddress, MailRules, is_unseen},
    verify::Reason,
};
use warifu_store::Session;

use super::{Act, Input, MOST, Registered, Second, look};
use crate::{
    actions::{
        commit,
        mail_password::{self, Blocked},
        procedures::{self, Flow, Step},
        sessions,
    },
    app::App,
    error::{AppError, Problem},
    origin::Origin,
};

/// What BMA001 asks for, as typed.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) act: Option<Act>,
    pub(crate) address: String,
    pub(crate) address2: String,
}

/// Why BMA001 led nowhere.
#[derive(Debug)]
pub(crate) enum Refused {
    Problems(Vec<Problem>),
    Blocked(Blocked),
    Closed(Reason),
}

/// BMA001: what is to be done is taken, and a procedure begins that waits for the proofs.
pub(crate) async fn enter(
    app: &App,
    origin: &Origin,
    session: &Session,
    entry: &Entry,
) -> Result<Result<ProcedureId, Refused>, AppError> {
    let (mut tx, customer) = sessions::take(app, origin, session).await?;
    let ready = look(&mut tx, origin, customer.clone()).await?;
    if let Some(reason) = ready.closed {
        return Ok(Err(Refused::Closed(reason)));
    }
    let input = match read(origin, &ready.registered, entry) {
        Ok(input) => input,
        Err(problems) => return Ok(Err(Refused::Problems(problems))),
    };
    let id = customer.customer_id;
    let mut procedure = procedures::begin(app, origin, &mut tx, session, Flow::Address).await?;
    procedures::keep(app, origin, id, &mut procedure, &input)?;
    procedures::advance(&mut tx, id, &mut procedure, Step::Confirm).await?;
    if ready.second == Second::MailPassword {
        let sent = mail_password::send(app, origin, &mut tx, session, &customer, &procedure);
        if let Err(blocked) = sent.await? {
            return Ok(Err(Refused::Blocked(blocked)));
        }
    }
    commit(app, tx).await?;
    Ok(Ok(procedure.id))
}

fn read(origin: &Origin, all: &[Registered], entry: &Entry) -> Result<Input, Vec<Problem>> {
    let one = |field, key| vec![Problem::new(field, key)];
    let named = |id: AddressId| all.iter().find(|a| a.id == id).map(|a| a.address.clone());
    let act = entry.act.ok_or_else(|| one("act", "err-act-empty"))?;
    let old = match act {
        Act::Add if all.len() >= MOST => return Err(one("act", "err-act-full")),
        Act::Add => String::new(),
        Act::Replace(id) => named(id).ok_or_else(|| one("act", "err-act-gone"))?,
        Act::Remove(_) if all.len() < 2 => return Err(one("act", "err-act-last")),
        Act::Remove(id) => named(id).ok_or_else(|| one("act", "err-act-gone"))?,
    };
    if let Act::Remove(_) = act {
        return Ok(Input { act: Some(act), address: String::new(), old });
    }
    let rules = MailRules::for_notices(origin.institution.policy());
    let address = MailAddress::parse(&entry.address, &rules).map_err(|error| match error {
        AddressError::Empty => one("address", "err-new-address-empty"),
        other => vec![address_problem(other, &[])],
    })?;
    if MailAddress::parse(&entry.address2, &rules).ok().as_ref() != Some(&address) {
        return Err(one("address2", "err-new-address-differs"));
    }
    let is_known =
        |a: &Registered| MailAddress::parse(&a.address, &rules).ok().as_ref() == Some(&address);
    if all.iter().any(is_known) {
        return Err(one("address", "err-address-known"));
    }
    Ok(Input { act: Some(act), address: address.as_typed().to_owned(), old })
}

/// What is wrong with an address, for the field that it was typed into.
pub(crate) fn address_problem(error: AddressError, domains: &[String]) -> Problem {
    let problem = |key| Problem::new("address", key);
    match error {
        AddressError::Empty => problem("err-address-empty"),
        AddressError::Form => problem("err-address-form"),
        AddressError::Dots => problem("err-address-dots"),
        AddressError::Domain => problem("err-address-domain"),
        AddressError::Chars(' ') => problem("err-address-space"),
        AddressError::Chars(c) => {
            // What would not be seen is told by its number.
            let shown = if c.is_control() || is_unseen(c) {
                format!("U+{:04X}", u32::from(c))
            } else {
                c.into()
            };
            problem("err-address-chars").with("char", shown)
        }
        AddressError::Long => problem("err-address-long"),
        AddressError::Policy => problem("err-address-policy").with("domains", domains.join("、")),
    }
}
