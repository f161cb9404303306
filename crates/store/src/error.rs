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
