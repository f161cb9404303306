//! Eras: what this copy of the database has lived through. A standby that was promoted, or a copy that was
//! restored, may lack the last acceptances of what it replaces; what could have been accepted until its
//! era began is never accepted again.
//!
//! On PostgreSQL an era is a timeline of a cluster, looked at on each new connection and every few
//! seconds; on SQLite a new one begins with a restore only.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use sqlx::PgConnection;
use tokio::time::Instant;
use warifu_core::time::Millis;

use crate::{
    Store, StoreError, Tx,
    engine::{Pools, execute, fetch_all},
};

/// The era of a SQLite file that was never restored.
const FILE: &str = "file";

/// The beginning of the first era, which follows none.
const FIRST: i64 = 0;

/// The beginning of an era whose time nobody has said yet.
const UNTOLD: i64 = -1;

const NAME: &str = "SELECT CASE WHEN pg_is_in_recovery() THEN NULL \
     ELSE (SELECT system_identifier::text FROM pg_control_system()) || '/' || \
     substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) END";

const BEGIN: &str = "INSERT INTO eras (name, began_at) VALUES ($1, $2) ON CONFLICT DO NOTHING";

const BEGAN: &str = "SELECT began_at FROM eras WHERE name = $1";

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
    /// Its name and its beginning, as the table has them. Two standbys of one primary may begin the same
    /// timeline: they differ in the beginning.
    row: Option<(String, i64)>,
    era: Era,
    /// It has changed, and nobody has said yet at what time.
    is_new: bool,
    /// Since when connections that were opened before may lead to a primary that is none any more.
    since: Option<Instant>,
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

    /// Whether a connection of this age was opened before the last change.
    pub(crate) fn is_past(&self, age: Duration) -> bool {
        self.known().since.is_some_and(|since| since.elapsed() < age)
    }

    // Whoever decides from now on knows that it has changed.
    pub(crate) fn look(&self, name: &str, began: i64) {
        let mut known = self.known();
        match &mut known.row {
            Some((its, told)) if its == name && *told == began => return,
            // Somebody has said when it began.
            Some((its, told)) if its == name && *told == UNTOLD => {
                *told = began;
                return;
            }
            _ => {}
        }
        tracing::warn!(era = name, "another era of the database: passcodes until now are given up");
        known.row = Some((name.to_owned(), began));
        known.era.number += 1;
        known.is_new = true;
        known.since = Some(Instant::now());
    }

    // One beginning for all nodes, where it is known.
    fn enter(&self, name: String, told: i64, began: Millis) {
        let mut known = self.known();
        let is_this = known.row.as_ref().is_none_or(|(its, _)| *its == name);
        if is_this && !known.is_new {
            known.row = Some((name, told));
            known.era.number += u64::from(began > known.era.began);
            known.era.began = began;
        }
    }

    fn at(&self, now: Millis) -> Era {
        let mut known = self.known();
        if known.is_new {
            known.is_new = false;
            // Later than the one before, also by a clock that was put back.
            known.era.began = now.max(Millis(known.era.began.0 + 1));
        }
        known.era
    }

    fn is_entered(&self) -> bool {
        self.known().row.is_some()
    }

    /// Looks at a new connection: a standby serves nothing, and another timeline begins an era, at a time
    /// that is written by whoever next knows it.
    pub(crate) async fn greet(&self, line: &mut PgConnection) -> Result<(), sqlx::Error> {
        let name = of_primary(sqlx::query_scalar(NAME).fetch_one(&mut *line).await?)?;
        // The first is entered from the table, when there is one.
        if self.is_entered() {
            let began = sqlx::query_scalar(BEGAN).bind(&name).fetch_optional(&mut *line).await?;
            if began.is_none() {
                sqlx::query(BEGIN).bind(&name).bind(UNTOLD).execute(line).await?;
            }
            self.look(&name, began.unwrap_or(UNTOLD));
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
        let its = known.iter().find(|(known, _)| *known == name).map_or(UNTOLD, |row| row.1);
        if its == UNTOLD && known.is_empty() {
            let mut tx = self.begin().await?;
            tx.begin_era(&name, Millis(FIRST)).await?;
            tx.commit().await?;
        } else if its == UNTOLD {
            self.eras.look(&name, UNTOLD);
            let began = self.eras.at(now).began;
            let mut tx = self.begin().await?;
            if !tx.begin_era(&name, began).await? {
                tx.tell_era(&name, began).await?;
            }
            tx.commit().await?;
        } else if self.eras.is_entered() {
            self.eras.look(&name, its);
        }
        // Whoever has changed it just now says at what time.
        self.eras.at(now);
        let known = self.read().await?.eras().await?;
        let its = known.iter().find(|(known, _)| *known == name).map_or(UNTOLD, |row| row.1);
        let latest = latest(&known).unwrap_or(FIRST);
        self.eras.enter(name, its, Millis(latest));
        Ok(())
    }
}

fn latest(eras: &[(String, i64)]) -> Option<i64> {
    eras.iter().map(|(_, began)| *began).max()
}

impl Tx {
    async fn eras(&mut self) -> Result<Vec<(String, i64)>, StoreError> {
        fetch_all!(self, (String, i64), "SELECT name, began_at FROM eras")
    }

    // By a clock that was put back, too.
    async fn behind_all(&mut self, at: Millis) -> Result<i64, StoreError> {
        Ok(latest(&self.eras().await?).map_or(at.0, |latest| at.0.max(latest + 1)))
    }

    /// Begins an era, at this moment and later than every other; false where it is known already.
    pub async fn begin_era(&mut self, name: &str, at: Millis) -> Result<bool, StoreError> {
        let began = self.behind_all(at).await?;
        Ok(execute!(self, BEGIN, name, began)? == 1)
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
    async fn tell_era(&mut self, name: &str, at: Millis) -> Result<u64, StoreError> {
        const SQL: &str = "UPDATE eras SET began_at = $2 WHERE name = $1 AND began_at = $3";
        let began = self.behind_all(at).await?;
        execute!(self, SQL, name, began, UNTOLD)
    }
}
