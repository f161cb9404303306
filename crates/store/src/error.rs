//! What can go wrong with a database, as few kinds as a caller can act on.

use warifu_core::UnknownWord;

/// A failure of the store; the transaction it happened in is undone.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Something else was there first: decide again from fresh data.
    #[error("changed by someone else")]
    Conflict,
    /// A row says what cannot be, or its MAC does not fit: alarm, never use.
    #[error("corrupt row: {0}")]
    Corrupt(String),
    /// The address of the database cannot be read.
    #[error("database.url: {0}")]
    Settings(String),
    /// The schema could not be brought up.
    #[error("migration: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// The database is away, full, read-only or timed out: nothing was changed.
    #[error("database: {0}")]
    Unavailable(sqlx::Error),
    /// The answer to a commit got lost: it may have been done or not.
    #[error("a commit without an answer: {0}")]
    Unsure(sqlx::Error),
}

/// What is wrong with a database that does not serve: who watches the log acts on each otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It answers slowly or not at all.
    Away,
    /// Its disk is full.
    Full,
    /// It takes no writes: a standby, or a disk that went bad.
    ReadOnly,
}

impl Trouble {
    /// One word, for the log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Away => "away",
            Self::Full => "disk_full",
            Self::ReadOnly => "read_only",
        }
    }
}

impl StoreError {
    /// What is wrong with the database, where it is that.
    #[must_use]
    pub fn trouble(&self) -> Option<Trouble> {
        let (Self::Unavailable(source) | Self::Unsure(source)) = self else { return None };
        let code = source.as_database_error().and_then(sqlx::error::DatabaseError::code);
        let said = source.to_string();
        Some(match code.as_deref() {
            Some("53100") => Trouble::Full,
            Some("25006") => Trouble::ReadOnly,
            // SQLite tells its batches' errors by their words only.
            _ if said.contains("disk is full") => Trouble::Full,
            _ if said.contains("readonly database") => Trouble::ReadOnly,
            _ => Trouble::Away,
        })
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => {
                Self::Corrupt(error.to_string())
            }
            sqlx::Error::Database(inner) if is_conflict(inner.as_ref()) => Self::Conflict,
            _ => Self::Unavailable(error),
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::{Error, ErrorCode};
        match &error {
            Error::SqliteFailure(failed, _) if failed.code == ErrorCode::ConstraintViolation => {
                Self::Conflict
            }
            Error::FromSqlConversionFailure(..)
            | Error::IntegralValueOutOfRange(..)
            | Error::InvalidColumnType(..) => Self::Corrupt(error.to_string()),
            _ => Self::Unavailable(sqlx::Error::Io(std::io::Error::other(error))),
        }
    }
}

impl From<UnknownWord> for StoreError {
    fn from(unknown: UnknownWord) -> Self {
        Self::Corrupt(unknown.to_string())
    }
}

// Unique violations, serialization failures and deadlocks: all mean "decide again".
fn is_conflict(error: &dyn sqlx::error::DatabaseError) -> bool {
    error.is_unique_violation() || matches!(error.code().as_deref(), Some("40001" | "40P01"))
}
