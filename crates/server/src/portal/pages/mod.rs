//! The customers' pages: one struct for each screen, its template beside it in `templates/portal`.
//! Owns what a page shows and how it looks; decides nothing and reads no clock.

mod account;
mod filters;
mod frame;
mod help;
mod issue;
mod sign_in;
mod top;
mod usage;

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;

pub(crate) use account::{
    Bes001, Bes001Done, Bma001, Bma002, Bma003, Bma003Done, Bpw001, Bpw002, Bpw003, MailShown,
    ShownAddress,
};
pub(crate) use frame::{
    ADDRESS_STEPS, FieldError, Frame, ISSUE_STEPS, PASSWORD_STEPS, RELEASE_STEPS, START_STEPS,
    Steps, TextSize,
};
pub(crate) use help::{Bhp001, Bhp001Picture, Bhp001Topic, Topic};
pub(crate) use issue::{Bmp001, Bot000, Bot001, Bot002, Bot003, Qr, TokenIds, blocked};
pub(crate) use sign_in::{Ber, Bli001, Bli002, Extended, LoggedOut};
pub(crate) use top::{Bci001, Bop001, Bpt001, NoIssue, Offer, OtpState, ShownEvent};
pub(crate) use usage::{Bok001, Bok002, Bok003, Bos001, Bos002};
