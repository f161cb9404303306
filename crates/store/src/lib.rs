//! All SQL of Warifu: SQLite embedded by default, PostgreSQL by `database.url`; one SQL text for both.
//!
//! Every row of a customer leads its key with `bucket` and `customer_id`, so that the tables can be
//! sharded without a change of a query. Nothing here decides: rules live in `warifu-core`.

mod api_keys;
mod applications;
pub mod audit;
mod batch_distributed;
mod batch_postgres;
mod batch_sqlite;
mod batch_texts;
pub mod copies;
mod counters;
mod customers;
mod directory;
mod distributed;
mod durability;
mod engine;
mod eras;
mod error;
mod institutions;
mod issues;
mod mail_passwords;
mod many;
mod notices;
mod outbox;
mod pools;
mod schema;
pub mod seal;
mod sessions;
mod tokens;
mod verify_queue;
mod words;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use api_keys::ApiKey;
pub use applications::Application;
pub use counters::{Subject, Taken};
pub use customers::{Address, Customer};
pub use directory::{Found, Key};
pub use durability::Worry;
pub use engine::{Settings, Store, Tx};
pub use eras::Era;
pub use error::{StoreError, Trouble};
pub use institutions::{InstitutionRow, SealedKey};
pub use issues::{Issue, Overdue, RunningIssue};
pub use mail_passwords::MailPassword;
pub use notices::Notice;
pub use outbox::MailRow;
pub use schema::Schema;
pub use sessions::{Procedure, Session};
pub use tokens::{DueToken, Token, VerifierRow};
pub use verify_queue::{Answered, Batching, Candidate, Change, Once, Read, Wanted, Whose, Write};
