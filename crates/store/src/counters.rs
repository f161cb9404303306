//! Counters of failures: login, confirmation password, mail password, start password, networks.

use sqlx::FromRow;
use warifu_core::{counter::Counter, time::Millis};

use crate::{
    StoreError, Tx,
    customers::one,
    engine::{execute, fetch_all, fetch_optional},
};

/// Whose counter: a customer's own, or one of something that has no customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Shard.
    pub bucket: i64,
    /// The customer's id; a login ID or network stands here by its hash.
    pub owner: String,
    /// What is counted: the customer, an issue, a browser.
    pub subject: String,
    /// `login`, `stop`, `confirm`, `mail`, `start`, `network`.
    pub kind: &'static str,
}

/// A counter that this transaction has taken.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Taken {
    failures: i64,
    locked_until: Option<i64>,
    locked: bool,
    /// Day number that `day_total` counts.
    pub day: i64,
    /// Failures of that day.
    pub day_total: i64,
    changed_at: i64,
    version: i64,
}

impl Taken {
    /// When it was last written.
    #[must_use]
    pub fn changed_at(&self) -> Millis {
        Millis(self.changed_at)
    }

    /// The counter as the rules know it.
    #[must_use]
    pub fn counter(&self) -> Counter {
        Counter {
            failures: u32::try_from(self.failures).unwrap_or(u32::MAX),
            locked_until: self.locked_until.map(Millis),
            locked: self.locked,
        }
    }
}

impl Tx {
    /// Takes a counter for this transaction, making it at zero where there is none; guesses on one
    /// counter happen one after the other.
    pub async fn take_counter(&mut self, s: &Subject, now: Millis) -> Result<Taken, StoreError> {
        const TAKE: &str = "INSERT INTO counters (bucket, customer_id, subject, kind, failures, \
             locked, day, day_total, changed_at, version) \
             VALUES ($1, $2, $3, $4, 0, $5, 0, 0, $6, 1) \
             ON CONFLICT (bucket, customer_id, subject, kind) \
             DO UPDATE SET version = counters.version + 1";
        execute!(self, TAKE, s.bucket, &s.owner, &s.subject, s.kind, false, now.0)?;
        self.counter(s).await?.ok_or(StoreError::Conflict)
    }

    /// Reads a counter without taking it.
    pub async fn counter(&mut self, s: &Subject) -> Result<Option<Taken>, StoreError> {
        const SQL: &str = "SELECT failures, locked_until, locked, day, day_total, changed_at, \
             version FROM counters WHERE bucket = $1 AND customer_id = $2 AND subject = $3 AND kind = $4";
        fetch_optional!(self, Taken, SQL, s.bucket, &s.owner, &s.subject, s.kind)
    }

    /// Writes a counter that this transaction has taken.
    pub async fn save_counter(
        &mut self,
        s: &Subject,
        taken: &Taken,
        counter: &Counter,
        now: Millis,
    ) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE counters SET failures = $5, locked_until = $6, locked = $7, \
             day = $8, day_total = $9, changed_at = $10 \
             WHERE bucket = $1 AND customer_id = $2 AND subject = $3 AND kind = $4 \
             AND version = $11";
        one(execute!(
            self,
            SQL,
            s.bucket,
            &s.owner,
            &s.subject,
            s.kind,
            i64::from(counter.failures),
            counter.locked_until.map(|t| t.0),
            counter.locked,
            taken.day,
            taken.day_total,
            now.0,
            taken.version
        )?)
    }

    /// All counters of an owner, for `customers show`.
    pub async fn counters_of(
        &mut self,
        bucket: i64,
        owner: &str,
    ) -> Result<Vec<(String, String, i64, Option<i64>, bool)>, StoreError> {
        const SQL: &str = "SELECT kind, subject, failures, locked_until, locked FROM counters \
             WHERE bucket = $1 AND customer_id = $2 ORDER BY kind, subject";
        fetch_all!(self, (String, String, i64, Option<i64>, bool), SQL, bucket, owner)
    }

    /// Forgets counters that nothing has touched since `before` and that lock nothing.
    pub async fn sweep_counters(&mut self, before: Millis) -> Result<u64, StoreError> {
        const SQL: &str = "DELETE FROM counters WHERE kind IN ('login', 'stop', 'network', 'mail', 'start') \
             AND changed_at < $1 AND locked = $2";
        execute!(self, SQL, before.0, false)
    }
}
