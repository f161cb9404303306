//! Where sealed fields and MACs belong: one function per column, so that no two mean the same place.

use warifu_core::ids::{
    ApiKeyId, CustomerId, InstitutionId, IssueId, MailId, NoticeId, ProcedureId, TokenId,
};
use warifu_store::{Customer, Once, StoreError, seal::Place};

use crate::institutions::Institution;

/// A place with its ids as texts, from which a [`Place`] borrows.
#[derive(Debug)]
pub(crate) struct Spot {
    table: &'static str,
    column: &'static str,
    institution: String,
    customer: String,
    kind: String,
    id: String,
}

impl Spot {
    fn new(
        table: &'static str,
        column: &'static str,
        institution: InstitutionId,
        customer: Option<CustomerId>,
        id: String,
    ) -> Self {
        Self {
            table,
            column,
            institution: institution.to_string(),
            customer: customer.map(|c| c.to_string()).unwrap_or_default(),
            kind: String::new(),
            id,
        }
    }

    pub(crate) fn place(&self) -> Place<'_> {
        Place {
            table: self.table,
            column: self.column,
            institution: &self.institution,
            customer: &self.customer,
            kind: &self.kind,
            id: &self.id,
            version: 1,
        }
    }
}

pub(crate) fn password(
    institution: InstitutionId,
    customer: CustomerId,
    column: &'static str,
) -> Spot {
    Spot::new("customers", column, institution, Some(customer), customer.to_string())
}

pub(crate) fn address(institution: InstitutionId, customer: CustomerId, id: String) -> Spot {
    Spot::new("addresses", "address", institution, Some(customer), id)
}

pub(crate) fn procedure(institution: InstitutionId, customer: CustomerId, id: ProcedureId) -> Spot {
    Spot::new("procedures", "input", institution, Some(customer), id.to_string())
}

/// An institution's document, in one version.
pub(crate) fn document(institution: InstitutionId, version: i64) -> Spot {
    Spot::new("institutions", "document", institution, None, version.to_string())
}

/// A session's secret, bound to its customer and level.
pub(crate) fn session(
    institution: InstitutionId,
    customer: CustomerId,
    level: &'static str,
) -> Spot {
    Spot::new("sessions", "secret_hash", institution, Some(customer), level.to_owned())
}

/// The secret of the session that a login form opens, made from the secret that the form came with.
pub(crate) fn opened_session(
    institution: InstitutionId,
    customer: CustomerId,
    level: &'static str,
) -> Spot {
    Spot::new("sessions", "opened", institution, Some(customer), level.to_owned())
}

/// A mail password's MAC covers session, procedure and recipients beside its own row.
pub(crate) fn mail_password(institution: InstitutionId, customer: CustomerId, id: &str) -> Spot {
    Spot::new("mail_passwords", "mac", institution, Some(customer), id.to_owned())
}

pub(crate) fn issue(
    institution: InstitutionId,
    customer: CustomerId,
    column: &'static str,
    id: IssueId,
) -> Spot {
    Spot::new("issues", column, institution, Some(customer), id.to_string())
}

pub(crate) fn token(
    institution: InstitutionId,
    customer: CustomerId,
    column: &'static str,
    id: TokenId,
) -> Spot {
    Spot::new("tokens", column, institution, Some(customer), id.to_string())
}

pub(crate) fn verifier(institution: InstitutionId, customer: CustomerId, id: TokenId) -> Spot {
    Spot::new("verifiers", "sealed_key", institution, Some(customer), id.to_string())
}

/// A mail's body is bound to its recipient and its subject: sent elsewhere, or under another one, it
/// does not open.
pub(crate) fn mail(
    institution: InstitutionId,
    customer: CustomerId,
    id: MailId,
    (recipient, subject): (&str, &str),
) -> Spot {
    let spot = Spot::new("mails", "body", institution, Some(customer), id.to_string());
    Spot { kind: format!("{recipient}\n{subject}"), ..spot }
}

/// A text of the bank for its customers' top page.
pub(crate) fn notice(institution: InstitutionId, id: NoticeId) -> Spot {
    Spot::new("notices", "mac", institution, None, id.to_string())
}

/// A key of the bank's programs.
pub(crate) fn api_key(institution: InstitutionId, id: ApiKeyId) -> Spot {
    Spot::new("api_keys", "mac", institution, None, id.to_string())
}

/// The body of a request under an idempotency key.
pub(crate) fn body(institution: InstitutionId) -> Spot {
    Spot::new("answers", "body", institution, None, String::new())
}

/// What was answered to such a body, under that key; `owner` is the customer, or the institution.
pub(crate) fn answer(institution: InstitutionId, owner: &str, once: &Once) -> Spot {
    let id = format!("{owner} {} {}", once.api_key, once.key_hash);
    Spot { kind: once.purpose.to_owned(), ..Spot::new("answers", "mac", institution, None, id) }
}

/// What the page after a stop tells comes by its address, under this MAC.
pub(crate) fn stopped(institution: InstitutionId) -> Spot {
    Spot::new("stop", "done", institution, None, String::new())
}

pub(crate) fn csrf(institution: InstitutionId) -> Spot {
    Spot::new("csrf", "token", institution, None, String::new())
}

/// What a counter of something from outside is filed under: never the text itself.
pub(crate) fn counter_subject(institution: InstitutionId, kind: &'static str) -> Spot {
    Spot::new("counters", kind, institution, None, String::new())
}

/// A static password's hash of this customer, if its MAC fits the row; else the row was tampered with.
pub(crate) fn checked_hash<'a>(
    institution: &Institution,
    customer: &'a Customer,
    column: &'static str,
) -> Result<&'a str, StoreError> {
    let (hash, tag) = if column == "login_hash" {
        (&customer.login_hash, &customer.login_mac)
    } else {
        (&customer.confirmation_hash, &customer.confirmation_mac)
    };
    let spot = password(institution.id, customer.customer_id, column);
    if institution.keys.fits(&spot.place(), hash.as_bytes(), tag) {
        Ok(hash)
    } else {
        Err(StoreError::Corrupt(format!("{column} of {}", customer.customer_id)))
    }
}
