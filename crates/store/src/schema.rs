//! The schema: brought up to this binary's, and compared with it.

use sqlx::{
    Connection,
    migrate::{MigrateError, Migrator},
};

use crate::{Store, StoreError, distributed::distribute, engine::Pools};

static SQLITE: Migrator = sqlx::migrate!("./migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("./migrations/postgres");

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

impl Store {
    /// Brings the schema up to this binary's, and distributes the tables that are not yet where that is asked
    /// for; `Settings` where the database cannot.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        match &self.pools {
            Pools::Sqlite { write, .. } => SQLITE.run(write).await?,
            Pools::Postgres(pool) => {
                // A connection of its own: changing a big table takes its time, waiting for it
                // does not.
                let mut line = pool.acquire().await?.detach();
                sqlx::query("SET statement_timeout = 0").execute(&mut line).await?;
                let mut done = POSTGRES.run(&mut line).await.map_err(StoreError::from);
                if done.is_ok() && self.is_distributed() {
                    done = distribute(&mut line).await;
                }
                line.close().await?;
                done?;
            }
        }
        Ok(())
    }

    /// Compares the database's schema with this binary's; one that was made by other migrations of
    /// the same number is an error.
    pub async fn schema(&self) -> Result<Schema, StoreError> {
        const APPLIED: &str =
            "SELECT version, checksum FROM _sqlx_migrations WHERE success ORDER BY version";
        let (migrator, applied) = match &self.pools {
            Pools::Sqlite { read, .. } => {
                (&SQLITE, sqlx::query_as::<_, (i64, Vec<u8>)>(APPLIED).fetch_all(read).await)
            }
            Pools::Postgres(pool) => {
                (&POSTGRES, sqlx::query_as::<_, (i64, Vec<u8>)>(APPLIED).fetch_all(pool).await)
            }
        };
        let applied = match applied {
            Ok(applied) => applied,
            // An empty database is version 0, not an error.
            Err(error) if has_no_table(&error) => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        for migration in migrator.iter() {
            let same = |(version, checksum): &(i64, Vec<u8>)| {
                *version != migration.version || *checksum == *migration.checksum
            };
            if !applied.iter().all(same) {
                return Err(MigrateError::VersionMismatch(migration.version).into());
            }
        }
        let found = applied.last().map_or(0, |newest| newest.0);
        let known = migrator.iter().map(|m| m.version).max().unwrap_or(0);
        Ok(match found.cmp(&known) {
            std::cmp::Ordering::Equal => Schema::Current,
            std::cmp::Ordering::Less => Schema::Older { found, known },
            std::cmp::Ordering::Greater => Schema::Newer { found, known },
        })
    }
}

fn has_no_table(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| {
        error.code().as_deref() == Some("42P01") || error.message().starts_with("no such table")
    })
}
