//! Mails: what they say, how they travel, and the worker that sends what the outbox holds.

pub(crate) mod messages;
pub(crate) mod transport;
pub(crate) mod worker;
