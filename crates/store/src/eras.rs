//! Eras: what this copy of the database has lived through. A standby that was promoted, or a copy that was
//! restored, may lack the last acceptances of what it replaces; what could have been accepted until its
//! era began is never accepted again.
//!
//! On PostgreSQL an era is a timeline of a cluster, looked at on each new connection and every few
//! seconds; on SQLite a new one begins with a restore only.

use std::sync::{Mutex, PoisonError};

use sqlx::{Connection, PgConnection};
use warifu_core::time::Millis;

use crate::{
    Store, StoreError, Tx,
    engine::{Pools, execute, fetch_all},
};

/// The era of a SQLite file that was never restored.
const FILE: &str = "file";

/// The beginning of the first era, and of one whose time nobody has said yet.
const UNTOLD: i64 = 0;

/// Tokens that count uses have no time by which to tell what may have been accepted: so many uses after
/// the last are given up.
const USES_GIVEN_UP: i64 = 10;

const NAME: &str = "SELECT CASE WHEN pg_is_in_recovery() THEN NULL \
     ELSE (SELECT system_identifier::text FROM pg_control_system()) || '/' || \
     substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) END";

const BEGIN: &str = "INSERT INTO eras (name, began_at) VALUES ($1, $2) ON CONFLICT DO NOTHING";

const RAISE: &str = "UPDATE verifiers SET floor_step = last_step + $1, version = version + 1 \
     WHERE mode = 'event' AND floor_step < last_step + $1";

/// The era in which something is decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Era {
    /// Counts the changes that this process has seen: what was decided in one is not written in another.
    pub(crate) number: u64,
    /// When it began; no step that could have been accepted until then is.
    pub began: Millis,
}

/// What this process knows of it.
#[derive(Debug, Default)]
pub(crate) struct Eras(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    name: Option<String>,
    era: Era,
    /// It has changed, and nobody has said yet at what time.
    is_new: bool,
}

impl Eras {
    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many changes were seen.
    pub(crate) fn number(&self) -> u64 {
        self.known().era.number
    }

    /// Whether what was decided in that era may be written.
    pub(crate) fn is(&self, era: Era) -> bool {
        self.number() == era.number
    }

    // Whoever decides from now on knows that it has changed.
    pub(crate) fn change_to(&self, name: String) {
        let mut known = self.known();
        if known.name.as_ref() != Some(&name) {
            tracing::warn!(era = name, "another timeline: passcodes until now are given up");
            known.name = Some(name);
            known.era.number += 1;
            known.is_new = true;
        }
    }

    fn enter(&self, name: String, began: Millis) {
        let mut known = self.known();
        known.name = Some(name);
        known.era.began = known.era.began.max(began);
    }

    fn at(&self, now: Millis) -> Era {
        let mut known = self.known();
        if known.is_new {
            known.is_new = false;
            known.era.began = known.era.began.max(now);
        }
        known.era
    }

    fn is_another(&self, name: &str) -> bool {
        self.known().name.as_ref().is_some_and(|known| known != name)
    }

    /// Looks at a new connection: a standby serves nothing, and another timeline begins an era.
    pub(crate) async fn greet(&self, line: &mut PgConnection) -> Result<(), sqlx::Error> {
        let name = of_primary(sqlx::query_scalar(NAME).fetch_one(&mut *line).await?)?;
        // The first is entered from the table, when there is one.
        if self.is_another(&name) {
            // By the first to see it, once: who comes after waits for that and finds it done. At what time
            // is written by whoever next knows it.
            let mut tx = line.begin().await?;
            let begun = sqlx::query(BEGIN).bind(&name).bind(UNTOLD).execute(&mut *tx).await?;
            if begun.rows_affected() == 1 {
                sqlx::query(RAISE).bind(USES_GIVEN_UP).execute(&mut *tx).await?;
            }
            tx.commit().await?;
            self.change_to(name);
        }
        Ok(())
    }
}

fn of_primary(name: Option<String>) -> Result<String, sqlx::Error> {
    name.ok_or_else(|| sqlx::Error::Io(std::io::Error::other("this PostgreSQL is a standby")))
}

impl Store {
    /// The era at this moment. To be asked before what is decided on is read.
    #[must_use]
    pub fn era(&self, now: Millis) -> Era {
        self.eras.at(now)
    }

    /// Looks whether the database has begun another era and keeps it, so that every node and every later
    /// start knows of it. To be called before anything is decided, and every few seconds.
    pub async fn enter_era(&self, now: Millis) -> Result<(), StoreError> {
        let name = match &self.pools {
            Pools::Sqlite { .. } => FILE.to_owned(),
            Pools::Postgres(pool) => of_primary(sqlx::query_scalar(NAME).fetch_one(pool).await?)?,
        };
        let known = self.read().await?.eras().await?;
        let its = known.iter().find(|(known, _)| *known == name).map(|(_, began)| *began);
        let is_first = known.iter().all(|(known, _)| *known == name);
        if its.is_none() || (its == Some(UNTOLD) && !is_first) {
            if self.eras.is_another(&name) {
                self.eras.change_to(name.clone());
            }
            let mut tx = self.begin().await?;
            // The first era of all follows none.
            let began = if is_first { Millis(UNTOLD) } else { self.eras.at(now).began.max(now) };
            if tx.begin_era(&name, began).await? {
                if !is_first {
                    tx.give_up_uses().await?;
                }
            } else {
                tx.tell_era(&name, began).await?;
            }
            tx.commit().await?;
        }
        let known = self.read().await?.eras().await?;
        let began = known.iter().map(|(_, began)| *began).max().unwrap_or(0);
        self.eras.enter(name, Millis(began));
        Ok(())
    }
}

impl Tx {
    async fn eras(&mut self) -> Result<Vec<(String, i64)>, StoreError> {
        fetch_all!(self, (String, i64), "SELECT name, began_at FROM eras")
    }

    /// Begins an era; false where it is known already.
    pub async fn begin_era(&mut self, name: &str, began: Millis) -> Result<bool, StoreError> {
        Ok(execute!(self, BEGIN, name, began.0)? == 1)
    }

    /// Ends what was begun before a restore: sessions, procedures, mail passwords, mails that carry a
    /// secret and wait. Gives how many sessions there were.
    pub async fn end_beginnings(&mut self) -> Result<u64, StoreError> {
        const MAILS: &str = "UPDATE mails SET state = 'expired', body = NULL \
             WHERE state IN ('queued', 'sending') AND next_at >= 0 AND has_secret";
        execute!(self, "DELETE FROM procedures WHERE bucket >= 0")?;
        execute!(self, "DELETE FROM mail_passwords WHERE bucket >= 0")?;
        // A stop since then may have forgotten them.
        execute!(self, "DELETE FROM devices WHERE bucket >= 0")?;
        execute!(self, MAILS)?;
        execute!(self, "DELETE FROM sessions WHERE bucket >= 0")
    }

    /// Locks tokens that count uses, of which nobody knows how often they were used since the copy was made.
    pub async fn lock_counting_tokens(&mut self) -> Result<u64, StoreError> {
        const SQL: &str = "UPDATE verifiers SET locked = $1, version = version + 1 \
             WHERE locked <> $1 AND mode = 'event'";
        execute!(self, SQL, true)
    }

    /// Says when an era began, if nobody has.
    async fn tell_era(&mut self, name: &str, began: Millis) -> Result<u64, StoreError> {
        const SQL: &str = "UPDATE eras SET began_at = $2 WHERE name = $1 AND began_at = $3";
        execute!(self, SQL, name, began.0, UNTOLD)
    }

    /// Raises the floors of tokens that count uses.
    pub async fn give_up_uses(&mut self) -> Result<u64, StoreError> {
        execute!(self, RAISE, USES_GIVEN_UP)
    }
}
