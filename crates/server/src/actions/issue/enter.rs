//! BOT001: phone address and start password, checked field by field.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use warifu_core::{
    ids::{IssueId, ProcedureId},
    issue::{Birthday, StartPassword, StartPasswordError},
    secret::SecretText,
    text::{MailAddress, MailRules},
};
use warifu_store::{Customer, Session};

use crate::{
    actions::{
        address::address_problem,
        places,
        procedures::{self, Flow, Input, Step},
    },
    app::App,
    error::{AppError, Problem},
    origin::Origin,
};

/// What BOT001 asks for, as typed.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) address: String,
    pub(crate) address2: String,
    pub(crate) start_password: SecretText,
    pub(crate) start_password2: SecretText,
}

/// BOT001: phone address and start password.
pub(crate) async fn enter(
    app: &App,
    origin: &Origin,
    session: &Session,
    id: Option<ProcedureId>,
    entry: &Entry,
) -> Result<(), AppError> {
    let (mut tx, customer, mut procedure) =
        procedures::take(app, origin, session, Flow::Issue, Step::Input, id).await?;
    let (address, start) = read(origin, &customer, entry).map_err(AppError::InvalidField)?;
    // The start password goes no further than this MAC, which fits one issue only.
    let issue = IssueId::generate(origin.now, &*app.random);
    let customer_id = customer.customer_id;
    let spot = places::issue(origin.institution.id, customer_id, "start_mac", issue);
    let mac = origin.institution.keys.mac(&spot.place(), start.expose().as_bytes());
    let input = Input {
        address: address.as_typed().to_owned(),
        start_password: URL_SAFE_NO_PAD.encode(mac),
        issue: issue.to_string(),
    };
    procedures::keep(app, origin, customer_id, &mut procedure, &input)?;
    procedures::advance(&mut tx, customer_id, &mut procedure, Step::Confirm).await?;
    tx.commit().await?;
    Ok(())
}

fn read(
    origin: &Origin,
    customer: &Customer,
    entry: &Entry,
) -> Result<(MailAddress, StartPassword), Vec<Problem>> {
    let policy = origin.institution.policy();
    let rules = MailRules::for_phones(policy);
    let mut problems = Vec::new();
    let address = MailAddress::parse(&entry.address, &rules)
        .map_err(|error| problems.push(address_problem(error, &policy.issue.phone_address_domains)))
        .ok();
    let again = MailAddress::parse(&entry.address2, &rules).ok();
    if address.is_some() && address != again {
        problems.push(Problem::new("address2", "err-address-differs"));
    }
    let birthday = customer.birthday.parse::<Birthday>().ok();
    let start = StartPassword::parse(entry.start_password.expose(), birthday)
        .map_err(|error| problems.push(Problem::new("start_password", start_key(error))))
        .ok();
    let again = StartPassword::typed(entry.start_password2.expose()).ok();
    let same = |a: &StartPassword| again.as_ref().is_some_and(|b| a.expose() == b.expose());
    if start.as_ref().is_some_and(|a| !same(a)) {
        problems.push(Problem::new("start_password2", "err-start-differs"));
    }
    match (address, start) {
        (Some(address), Some(start)) if problems.is_empty() => Ok((address, start)),
        _ => Err(problems),
    }
}

const fn start_key(error: StartPasswordError) -> &'static str {
    match error {
        StartPasswordError::Empty => "err-start-empty",
        StartPasswordError::Digits => "err-start-digits",
        StartPasswordError::Length => "err-start-length",
        StartPasswordError::Weak => "err-start-weak",
    }
}
