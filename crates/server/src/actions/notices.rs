//! Notices: every change is told to every address, in the transaction of the change (rules 6 and 7).

use std::time::Duration;

use warifu_core::{
    ids::{MailId, ReceptionNumber},
    mail::MailState,
    time::Millis,
};
use warifu_store::{Address, Customer, Issue, MailRow, StoreError, Tx};

use super::places;
use crate::{
    app::App,
    error::AppError,
    mail::messages::Mail,
    origin::Origin,
    text::{Lang, Text},
};

/// A removed address goes on being told for this long.
const AFTER_REMOVAL: Duration = Duration::from_hours(30 * 24);

/// To whom a mail goes beside, or instead of, the notice addresses.
#[derive(Clone, Copy, Debug)]
pub(crate) enum To<'a> {
    /// Every notice address.
    Notice,
    /// Every notice address and that of the phone this issue is for.
    NoticeAnd(&'a Issue),
    /// Every notice address and that of the phone whose issue runs or whose token is in use.
    Everyone,
    /// Just these.
    Only(&'a [String]),
}

/// The texts in the customer's own language.
pub(crate) fn text_for(origin: &Origin, customer: &Customer) -> Text {
    origin.institution.text(Lang::from_tag(&customer.locale).unwrap_or(Lang::Ja))
}

/// Puts one mail per recipient into the outbox; gives the reception number they share.
pub(crate) async fn tell(
    app: &App,
    origin: &Origin,
    tx: &mut Tx,
    customer: &Customer,
    to: To<'_>,
    mail: &Mail<'_>,
    reference: &str,
) -> Result<ReceptionNumber, AppError> {
    let recipients = match to {
        To::Only(addresses) => addresses.to_vec(),
        To::Notice => notice_addresses(origin, tx, customer).await?,
        To::NoticeAnd(issue) => {
            let phone = phone_address(origin, customer, issue)?;
            and(notice_addresses(origin, tx, customer).await?, phone)
        }
        To::Everyone => {
            let all = notice_addresses(origin, tx, customer).await?;
            match present_issue(tx, customer).await? {
                Some(issue) => and(all, phone_address(origin, customer, &issue)?),
                None => all,
            }
        }
    };
    let reception = ReceptionNumber::generate(&*app.random);
    let message = mail.render(&text_for(origin, customer), reception.as_str());
    let expires_at = match mail {
        Mail::Code { valid_until, .. } | Mail::AddressNumber { valid_until, .. } => {
            Some(valid_until.0)
        }
        _ => None,
    };
    for recipient in recipients {
        let id = MailId::generate(origin.now, &*app.random);
        let sent = (recipient.as_str(), message.subject.as_str());
        let spot = places::mail(origin.institution.id, customer.customer_id, id, sent);
        let body =
            origin.institution.keys.seal(&spot.place(), message.body.as_bytes(), &*app.random)?;
        tx.enqueue(&MailRow {
            id,
            customer_id: customer.customer_id,
            institution_id: origin.institution.id,
            kind: mail.kind().to_owned(),
            reference: reference.to_owned(),
            locale: customer.locale.clone(),
            recipient,
            subject: message.subject.clone(),
            body: Some(body),
            has_secret: mail.has_secret(),
            reception: reception.as_str().to_owned(),
            state: MailState::Queued,
            attempts: 0,
            next_at: origin.now.0,
            leased_by: None,
            created_at: origin.now.0,
            expires_at,
            sent_at: None,
            last_error: None,
        })
        .await?;
    }
    Ok(reception)
}

fn and(mut all: Vec<String>, phone: &str) -> Vec<String> {
    if !all.iter().any(|a| a == phone) {
        all.push(phone.to_owned());
    }
    all
}

async fn present_issue(tx: &mut Tx, customer: &Customer) -> Result<Option<Issue>, AppError> {
    let id = customer.customer_id;
    if let Some(running) = tx.running_issue(id).await? {
        return Ok(Some(running));
    }
    match tx.living_tokens(id).await?.first() {
        Some(token) => Ok(tx.issue_of(id, token.id).await?),
        None => Ok(None),
    }
}

/// The address typed on BOT001, if its MAC fits the row.
pub(crate) fn phone_address<'a>(
    origin: &Origin,
    customer: &Customer,
    issue: &'a Issue,
) -> Result<&'a str, AppError> {
    let institution = &origin.institution;
    let spot = places::issue(institution.id, customer.customer_id, "phone_address", issue.id);
    let address = &issue.phone_address;
    if institution.keys.fits(&spot.place(), address.as_bytes(), &issue.address_mac) {
        Ok(address)
    } else {
        Err(StoreError::Corrupt(format!("phone address of {}", issue.id)).into())
    }
}

async fn notice_addresses(
    origin: &Origin,
    tx: &mut Tx,
    customer: &Customer,
) -> Result<Vec<String>, AppError> {
    Ok(still_told(origin, checked_addresses(origin, tx, customer).await?))
}

/// The notice addresses that nobody has tampered with, where the others must not matter.
pub(super) async fn intact_addresses(
    origin: &Origin,
    tx: &mut Tx,
    customer: &Customer,
) -> Result<Vec<String>, AppError> {
    let all = tx.addresses(customer.customer_id).await?;
    let intact = all.into_iter().filter(|address| is_intact(origin, customer, address));
    Ok(still_told(origin, intact.collect()))
}

fn still_told(origin: &Origin, addresses: Vec<Address>) -> Vec<String> {
    let mut all = Vec::new();
    for address in addresses {
        let told = address.removed_at.is_none_or(|at| origin.now < Millis(at).plus(AFTER_REMOVAL));
        if told && !all.contains(&address.address) {
            all.push(address.address);
        }
    }
    all
}

fn is_intact(origin: &Origin, customer: &Customer, address: &Address) -> bool {
    let spot = places::address(origin.institution.id, customer.customer_id, address.id.to_string());
    origin.institution.keys.fits(&spot.place(), address.address.as_bytes(), &address.mac)
}

/// The notice addresses of a customer; one whose MAC does not fit its row stops everything.
pub(crate) async fn checked_addresses(
    origin: &Origin,
    tx: &mut Tx,
    customer: &Customer,
) -> Result<Vec<Address>, AppError> {
    let addresses = tx.addresses(customer.customer_id).await?;
    for address in &addresses {
        if !is_intact(origin, customer, address) {
            let what = format!("address {} of {}", address.id, customer.customer_id);
            return Err(StoreError::Corrupt(what).into());
        }
    }
    Ok(addresses)
}
