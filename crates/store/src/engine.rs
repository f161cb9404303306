//! The only file that knows there are two engines: pools, transactions and the dispatching macros.

use std::{path::Path, str::FromStr, time::Duration};

use sqlx::{
    PgPool, Postgres, Sqlite, SqlitePool, Transaction,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::StoreError;

static SQLITE: Migrator = sqlx::migrate!("./migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("./migrations/postgres");

/// A database of one of the two engines.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) pools: Pools,
}

#[derive(Clone, Debug)]
pub(crate) enum Pools {
    /// SQLite has one writer; readers have a pool of their own, so they never wait for it.
    Sqlite {
        write: SqlitePool,
        read: SqlitePool,
    },
    Postgres(PgPool),
}

/// What `connect` must know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `sqlite:PATH` or `postgres://…`.
    pub url: String,
    /// Connections of this node at most.
    pub max_connections: u32,
    /// Make a SQLite file that is not there yet.
    pub create: bool,
}

/// How far a database's schema is from the one this binary knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schema {
    /// Just this one.
    Current,
    /// Older or empty: `warifu migrate` brings it up.
    Older {
        /// Version found.
        found: i64,
        /// Version known.
        known: i64,
    },
    /// Made by a newer Warifu: refused.
    Newer {
        /// Version found.
        found: i64,
        /// Version known.
        known: i64,
    },
}

/// A transaction; dropped without `commit` it is undone.
#[must_use = "a transaction that is dropped is undone"]
#[derive(Debug)]
pub struct Tx {
    pub(crate) inner: Inner,
}

#[derive(Debug)]
pub(crate) enum Inner {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

impl Store {
    /// Opens the pools; waits for nothing but the first connection.
    pub async fn connect(settings: &Settings) -> Result<Self, StoreError> {
        let pools = if let Some(path) = settings.url.strip_prefix("sqlite:") {
            sqlite(Path::new(path.trim_start_matches("//")), settings).await?
        } else {
            let options = PgConnectOptions::from_str(&settings.url)
                .map_err(|e| StoreError::Settings(e.to_string()))?
                .options([("statement_timeout", "20s"), ("lock_timeout", "10s")]);
            let pool = PgPoolOptions::new()
                .max_connections(settings.max_connections)
                .acquire_timeout(Duration::from_secs(5))
                .connect_with(options)
                .await?;
            Pools::Postgres(pool)
        };
        Ok(Self { pools })
    }

    /// Begins a transaction that writes. On SQLite it is the only one until it ends.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        let inner = match &self.pools {
            Pools::Sqlite { write, .. } => {
                Inner::Sqlite(write.begin_with("BEGIN IMMEDIATE").await?)
            }
            Pools::Postgres(pool) => Inner::Postgres(pool.begin().await?),
        };
        Ok(Tx { inner })
    }

    /// Begins a transaction that only reads: one snapshot on SQLite, never waits for the writer.
    pub async fn read(&self) -> Result<Tx, StoreError> {
        let inner = match &self.pools {
            Pools::Sqlite { read, .. } => Inner::Sqlite(read.begin().await?),
            Pools::Postgres(pool) => Inner::Postgres(pool.begin().await?),
        };
        Ok(Tx { inner })
    }

    /// Brings the schema up to this binary's.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        match &self.pools {
            Pools::Sqlite { write, .. } => SQLITE.run(write).await?,
            Pools::Postgres(pool) => POSTGRES.run(pool).await?,
        }
        Ok(())
    }

    /// Compares the database's schema with this binary's.
    pub async fn schema(&self) -> Result<Schema, StoreError> {
        const APPLIED: &str =
            "SELECT CAST(COALESCE(MAX(version), 0) AS BIGINT) FROM _sqlx_migrations";
        let (known, found) = match &self.pools {
            Pools::Sqlite { read, .. } => {
                (newest(&SQLITE), sqlx::query_scalar::<_, i64>(APPLIED).fetch_one(read).await)
            }
            Pools::Postgres(pool) => {
                (newest(&POSTGRES), sqlx::query_scalar::<_, i64>(APPLIED).fetch_one(pool).await)
            }
        };
        // An empty database has no table of migrations: that is version 0, not an error.
        let found = match found {
            Ok(version) => version,
            Err(sqlx::Error::Database(_)) => 0,
            Err(error) => return Err(error.into()),
        };
        Ok(match found.cmp(&known) {
            std::cmp::Ordering::Equal => Schema::Current,
            std::cmp::Ordering::Less => Schema::Older { found, known },
            std::cmp::Ordering::Greater => Schema::Newer { found, known },
        })
    }

    /// One word for logs and `doctor`: which engine this is.
    #[must_use]
    pub fn engine(&self) -> &'static str {
        match &self.pools {
            Pools::Sqlite { .. } => "sqlite",
            Pools::Postgres(_) => "postgresql",
        }
    }

    /// Closes the pools and waits until the last connection is back.
    pub async fn close(&self) {
        match &self.pools {
            Pools::Sqlite { write, read } => {
                read.close().await;
                write.close().await;
            }
            Pools::Postgres(pool) => pool.close().await,
        }
    }
}

impl Tx {
    /// Makes all of it durable, or none.
    pub async fn commit(self) -> Result<(), StoreError> {
        match self.inner {
            Inner::Sqlite(tx) => tx.commit().await?,
            Inner::Postgres(tx) => tx.commit().await?,
        }
        Ok(())
    }

    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self.inner, Inner::Postgres(_))
    }
}

async fn sqlite(path: &Path, settings: &Settings) -> Result<Pools, StoreError> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(settings.create)
        .journal_mode(SqliteJournalMode::Wal)
        // FULL: nothing is answered before it is on the disk, even after a power cut.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(10));
    let write = SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(Duration::from_secs(10))
        .connect_with(options.clone())
        .await?;
    let read = SqlitePoolOptions::new()
        .max_connections(settings.max_connections.clamp(1, 16))
        .acquire_timeout(Duration::from_secs(5))
        .connect_with(options.create_if_missing(false))
        .await?;
    Ok(Pools::Sqlite { write, read })
}

fn newest(migrator: &Migrator) -> i64 {
    migrator.iter().map(|m| m.version).max().unwrap_or(0)
}

macro_rules! dispatch {
    ($tx:expr, $query:expr, $sql:expr, $method:ident $(, $arg:expr)*) => {
        match &mut $tx.inner {
            crate::engine::Inner::Sqlite(t) => {
                $query($sql)$(.bind($arg))*.$method(&mut **t).await
            }
            crate::engine::Inner::Postgres(t) => {
                $query($sql)$(.bind($arg))*.$method(&mut **t).await
            }
        }
    };
}

/// Runs a statement; gives the number of rows it changed.
macro_rules! execute {
    ($tx:expr, $sql:expr $(, $arg:expr)* $(,)?) => {
        match &mut $tx.inner {
            crate::engine::Inner::Sqlite(t) => {
                sqlx::query($sql)$(.bind($arg))*.execute(&mut **t).await.map(|r| r.rows_affected())
            }
            crate::engine::Inner::Postgres(t) => {
                sqlx::query($sql)$(.bind($arg))*.execute(&mut **t).await.map(|r| r.rows_affected())
            }
        }
        .map_err(crate::StoreError::from)
    };
}

/// Reads at most one row.
macro_rules! fetch_optional {
    ($tx:expr, $row:ty, $sql:expr $(, $arg:expr)* $(,)?) => {
        crate::engine::dispatch!($tx, sqlx::query_as::<_, $row>, $sql, fetch_optional $(, $arg)*)
            .map_err(crate::StoreError::from)
    };
}

/// Reads all rows.
macro_rules! fetch_all {
    ($tx:expr, $row:ty, $sql:expr $(, $arg:expr)* $(,)?) => {
        crate::engine::dispatch!($tx, sqlx::query_as::<_, $row>, $sql, fetch_all $(, $arg)*)
            .map_err(crate::StoreError::from)
    };
}

pub(crate) use {dispatch, execute, fetch_all, fetch_optional};
