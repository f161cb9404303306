//! The issue of a software token: who may have one, which start passwords are taken, and what a
//! phone gets that asks for its seed. Owns these answers; keys and rows are the caller's.

mod activation;
mod end;
mod permission;
mod secrets;

pub use activation::{ActivationFacts, ActivationOutcome, DeviceKeys, Qr, activation};
pub use end::IssueEnd;
pub use permission::{IssueFacts, IssueRefused, address_usable_from, issue_again_from, may_issue};
pub use secrets::{
    Birthday, BirthdayError, MailPassword, MailPasswordError, StartPassword, StartPasswordError,
};
