//! The hot path: the tokens of a batch read by one statement, what was decided written by one commit.
//!
//! A write is conditional on the version that it was decided on (every act on a token, its counter or
//! its customer's stop raises it), so an entry that someone else was faster with writes nothing: it is
//! not among the answers and is decided again.

use std::{sync::Arc, time::Duration};

use sqlx::FromRow;
use warifu_core::{
    counter::Counter,
    ids::{CustomerId, InstitutionId, TokenId},
    time::Millis,
    token::State,
};

use crate::{
    Era, Store, StoreError, Tx, VerifierRow,
    audit::AuditRow,
    batch_sqlite,
    engine::{Batches, execute, fetch_optional},
};

/// Whose token is asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Whose {
    /// The customer with this login ID, in lower case.
    LoginId(String),
    /// This customer.
    Customer(CustomerId),
}

/// How batches are made of what waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batching {
    /// So many may be on their way.
    pub at_once: usize,
    /// One more than the first starts for so many that wait.
    pub worth_another: usize,
    /// More may be on their way while those that are have been held up: what waits for a page from the disk, or
    /// for another's lock, holds nobody else up.
    pub most: usize,
    /// After so long without news of them they count as held up.
    pub held_up: Duration,
    /// Each is of one bucket's customers, who are named by their ids.
    pub by_bucket: bool,
}

/// One entry of a batch that is read.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Of this bank.
    pub institution: InstitutionId,
    /// Whose.
    pub whose: Whose,
    /// In this state: a customer has one token of each at most.
    pub state: State,
    /// Under which idempotency key.
    pub once: Option<Once>,
}

impl Wanted {
    pub(crate) fn login(&self) -> Option<&str> {
        match &self.whose {
            Whose::LoginId(login) => Some(login),
            Whose::Customer(_) => None,
        }
    }

    fn id(&self) -> Option<CustomerId> {
        match &self.whose {
            Whose::LoginId(_) => None,
            Whose::Customer(customer) => Some(*customer),
        }
    }

    pub(crate) fn bucket(&self) -> Option<i64> {
        self.id().map(|customer| i64::from(customer.bucket()))
    }

    pub(crate) fn customer(&self) -> Option<String> {
        self.id().map(|customer| customer.to_string())
    }
}

/// What makes two requests the same one, for one customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Once {
    /// The API key under which it was asked.
    pub api_key: String,
    /// The purpose it was asked for.
    pub purpose: &'static str,
    /// Hash of the idempotency key, in hexadecimal digits.
    pub key_hash: String,
}

/// What a decision is made from.
#[derive(Clone, Debug, FromRow)]
pub struct Candidate {
    /// What the engine wants to know again when the token's row is written: where it lay, or its last line.
    pub place: Option<String>,
    /// What was answered under the same idempotency key.
    pub answer: Option<String>,
    /// MAC of the body that was answered.
    pub mac: Option<Vec<u8>>,
    /// The token's row.
    #[sqlx(flatten)]
    pub verifier: VerifierRow,
}

/// What was read for an entry of a batch: its place there, and the token.
pub type Read = (usize, Result<Candidate, StoreError>);

/// What becomes of a token's row.
#[derive(Clone, Debug)]
pub struct Change {
    /// Shard.
    pub bucket: i64,
    /// Whose.
    pub customer: CustomerId,
    /// Which token.
    pub token: TokenId,
    /// What the engine noted of its row when it was read.
    pub place: Option<String>,
    /// The version that was decided on.
    pub version: i64,
    /// The step that is spent, where it was accepted.
    pub accept: Option<i64>,
    /// The counter as it is from here on.
    pub counter: Counter,
}

/// An answer under an idempotency key, for who asks again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// Shard of the customer; of the institution, where nobody was found.
    pub bucket: i64,
    /// The customer; the institution, where nobody was found.
    pub customer_id: String,
    /// What makes it the same.
    pub once: Once,
    /// MAC of the request's body.
    pub mac: Vec<u8>,
    /// The answer, as JSON.
    pub answer: String,
    /// When it was given (ms).
    pub created_at: i64,
}

/// One entry of a batch that is written.
#[derive(Clone, Debug)]
pub struct Write {
    /// The token's row; none where nothing was evaluated.
    pub change: Option<Change>,
    /// The line of the trail.
    pub line: AuditRow,
    /// What is to be answered again under an idempotency key.
    pub answered: Option<Answered>,
}

impl Tx {
    /// What was answered under an idempotency key: the answer, and the MAC of the body.
    pub async fn answer(
        &mut self,
        (bucket, customer): &(i64, String),
        once: &Once,
    ) -> Result<Option<(String, Vec<u8>)>, StoreError> {
        const SQL: &str = "SELECT answer, mac FROM answers WHERE bucket = $1 \
             AND customer_id = $2 AND api_key_id = $3 AND purpose = $4 AND key_hash = $5";
        let (key, hash) = (once.api_key.as_str(), once.key_hash.as_str());
        fetch_optional!(self, (String, Vec<u8>), SQL, *bucket, customer, key, once.purpose, hash)
    }

    /// Keeps an answer; `Conflict` when one is kept under the same key.
    pub async fn keep_answer(&mut self, a: &Answered) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO answers (bucket, customer_id, api_key_id, purpose, \
             key_hash, mac, answer, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        execute!(
            self,
            SQL,
            a.bucket,
            &a.customer_id,
            &a.once.api_key,
            a.once.purpose,
            &a.once.key_hash,
            &a.mac,
            &a.answer,
            a.created_at
        )?;
        Ok(())
    }

    /// Forgets answers that were given before this moment.
    pub async fn sweep_answers(&mut self, before: Millis) -> Result<u64, StoreError> {
        const SQL: &str = "DELETE FROM answers WHERE created_at < $1";
        execute!(self, SQL, before.0)
    }
}

impl Store {
    /// How the engine takes batches best. Where tables are distributed, each bucket's are another server's
    /// business, which commits them by itself.
    #[must_use]
    pub fn batching(&self) -> Batching {
        if self.is_distributed() {
            return Batching {
                at_once: 32,
                worth_another: 1,
                most: 32,
                held_up: Duration::MAX,
                by_bucket: true,
            };
        }
        // One is decided while another is written. A batch costs the database about the same whatever its size.
        // SQLite has one writer, who is not passed by.
        Batching {
            at_once: 2,
            worth_another: 24,
            most: if matches!(*self.batches, Batches::Sqlite { .. }) { 2 } else { 8 },
            held_up: Duration::from_millis(10),
            by_bucket: false,
        }
    }

    /// Reads the tokens of a batch; an entry without one is not among them.
    pub async fn read_verifiers(&self, wanted: Vec<Wanted>) -> Result<Vec<Read>, StoreError> {
        match &*self.batches {
            Batches::Sqlite { line, .. } => {
                line.run(move |line| batch_sqlite::read(line, &wanted)).await
            }
            Batches::Postgres(_) if self.is_distributed() => self.read_one_by_one(wanted).await,
            Batches::Postgres(lines) => lines.read(&wanted).await,
        }
    }

    /// Writes what was decided, durably and with one commit; gives for each entry whether it was
    /// written. One that was not is to be decided again, as is everything that was read in another era
    /// than `era`. An error means that none was.
    pub async fn write_verifications(
        &self,
        writes: Arc<Vec<Write>>,
        era: Era,
    ) -> Result<Vec<bool>, StoreError> {
        match &*self.batches {
            Batches::Sqlite { line, .. } => {
                let turn = self.turn().await?;
                line.run(move |line| {
                    let _turn = turn;
                    batch_sqlite::write(line, &writes, era)
                })
                .await
            }
            Batches::Postgres(_) if self.is_distributed() => {
                self.write_one_by_one(&writes, era).await
            }
            Batches::Postgres(lines) => lines.write(&writes, era).await,
        }
    }
}
