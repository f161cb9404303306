//! The rules of Warifu: pure functions of values, no I/O, no clock, no randomness of its own.

#[macro_use]
mod worded;

pub mod access;
pub mod audit;
pub mod counter;
pub mod hold;
pub mod ids;
pub mod institution;
pub mod issue;
pub mod mail;
mod numbers;
pub mod oath;
pub mod policy;
pub mod procedure;
pub mod purpose;
pub mod random;
pub mod secret;
pub mod session;
pub mod text;
pub mod time;
pub mod token;
pub mod verify;

pub use worded::UnknownWord;
