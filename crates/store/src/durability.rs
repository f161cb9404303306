//! What `doctor` and health ask of a database: whether its pages are in order, and whether what it has
//! acknowledged can get lost.

use std::fmt;

use rusqlite::{Connection, OpenFlags};

use crate::{
    Store, StoreError,
    copies::{blocking, sound},
    engine::Pools,
};

const STANDBYS: &str = "SELECT COUNT(*), current_setting('synchronous_standby_names'), \
     current_setting('fsync') FROM pg_stat_replication WHERE (state IS NULL OR state IN ('catchup', 'streaming')) \
     AND application_name NOT IN ('pg_basebackup', 'pg_receivewal')";

/// How what was acknowledged can get lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worry {
    /// None of so many standbys is waited for: one that takes over may lack the last acceptances.
    Asynchronous {
        /// Standbys.
        standbys: i64,
    },
    /// The server does not wait for its own disk.
    NoFsync,
}

impl fmt::Display for Worry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asynchronous { standbys } => write!(
                f,
                "{standbys} asynchronous standby(s), none synchronous: after a fail-over the last \
                 acceptances may be missing (synchronous_standby_names)"
            ),
            Self::NoFsync => f.write_str("fsync is off: a power cut loses what was acknowledged"),
        }
    }
}

impl Store {
    /// How what this database acknowledges can get lost; nothing, where all is well.
    pub async fn worries(&self) -> Result<Vec<Worry>, StoreError> {
        let Pools::Postgres(pool) = &self.pools else { return Ok(Vec::new()) };
        let (standbys, names, fsync): (i64, String, String) =
            sqlx::query_as(STANDBYS).fetch_one(pool).await?;
        let mut worries = Vec::new();
        if standbys > 0 && names.is_empty() {
            worries.push(Worry::Asynchronous { standbys });
        }
        if fsync == "off" {
            worries.push(Worry::NoFsync);
        }
        Ok(worries)
    }

    /// Reads every page and index of a SQLite file; `Corrupt` says what is wrong. PostgreSQL has tools of
    /// its own (amcheck, checksums).
    pub async fn check_file(&self) -> Result<(), StoreError> {
        let Pools::Sqlite { path, .. } = &self.pools else { return Ok(()) };
        let path = path.clone();
        blocking(move || {
            sound(&Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?)
        })
        .await
    }
}
