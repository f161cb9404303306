//! How the pools of either engine are opened, and which of their connections are used again.

use std::{
    fs::OpenOptions,
    io::ErrorKind,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
    time::Duration,
};

use sqlx::{
    ConnectOptions, Connection, PgPool, SqliteConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::{
    StoreError,
    copies::InUse,
    engine::{ASKED_AFTER, CHECKPOINT_PAGES, Doubt, PAGE_BYTES, Pools, Settings},
    eras::Eras,
};

// Without a name SQLite would open a database that is gone with its connection.
pub(crate) fn file(path: &str) -> Result<PathBuf, StoreError> {
    let path = path.strip_prefix("//").unwrap_or(path);
    if path.is_empty() || path == ":memory:" {
        return Err(StoreError::Settings("sqlite: needs the path of a file".to_owned()));
    }
    Ok(path.into())
}

pub(crate) async fn sqlite(
    path: &Path,
    settings: &Settings,
    patience: Duration,
) -> Result<Pools, StoreError> {
    if settings.create {
        // Made here and not by SQLite: customers' names and addresses are for the owner only.
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        if let Err(error) = made
            && error.kind() != ErrorKind::AlreadyExists
        {
            return Err(sqlx::Error::Io(error).into());
        }
    }
    let in_use = InUse::share(path).map_err(sqlx::Error::Io)?;
    let options = SqliteConnectOptions::new()
        .filename(path)
        // Of a new file. A verification changes a few bytes on pages of its own: smaller ones are less to write.
        .page_size(PAGE_BYTES)
        .journal_mode(SqliteJournalMode::Wal)
        // FULL: nothing is answered before it is on the disk, even after a power cut.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(patience)
        // What a long import has made of the log is given back at the next checkpoint.
        .pragma("journal_size_limit", "67108864")
        .pragma("wal_autocheckpoint", CHECKPOINT_PAGES.to_string());
    let pool = SqlitePoolOptions::new().after_release(|line, _| Box::pin(is_clean(line)));
    let write = pool.clone().max_connections(1).acquire_timeout(patience);
    let write = write.connect_with(options.clone()).await?;
    let read = pool
        .max_connections(settings.max_connections.clamp(1, 16))
        .acquire_timeout(patience / 2)
        .connect_with(options.pragma("query_only", "on"))
        .await?;
    Ok(Pools::Sqlite { write, read, path: path.to_owned(), _in_use: Arc::new(in_use) })
}

// A full disk makes SQLite roll back by itself; sqlx then believes the transaction open for ever.
// Such a connection is thrown away, or nobody could write again before a restart, and a reader would
// see the same moment for ever.
async fn is_clean(line: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    // Answered only after the rollback that a dropped transaction has asked for.
    line.ping().await?;
    Ok(!line.is_in_transaction())
}

pub(crate) fn postgres_options(
    settings: &Settings,
    patience: Duration,
) -> Result<PgConnectOptions, StoreError> {
    let lock = format!("{}ms", patience.as_millis());
    let statement = format!("{}ms", patience.as_millis() * 2);
    Ok(PgConnectOptions::from_str(&settings.url)
        .map_err(|e| StoreError::Settings(e.to_string()))?
        .options([
            ("lock_timeout", lock.as_str()),
            ("statement_timeout", statement.as_str()),
            // A node that hangs does not keep a customer's row from the others.
            ("idle_in_transaction_session_timeout", "60s"),
            // Whatever the server's default: nothing is answered before it is durable.
            ("synchronous_commit", "on"),
            // What waited for a row must see what became of it, in statements on their own too.
            ("default_transaction_isolation", "read committed"),
        ]))
}

pub(crate) async fn postgres(
    settings: &Settings,
    options: PgConnectOptions,
    patience: Duration,
    (doubt, eras): (&Arc<Doubt>, &Arc<Eras>),
) -> Result<PgPool, StoreError> {
    let doubt = Arc::clone(doubt);
    let (greeted, passed) = (Arc::clone(eras), Arc::clone(eras));
    let pool = PgPoolOptions::new()
        .max_connections(settings.max_connections.max(1))
        // Asked whether it still answers only when it has been idle: under load that question would be
        // a third of what a verification waits for.
        .test_before_acquire(false)
        .before_acquire(move |line, seen| {
            let is_asked = seen.idle_for >= ASKED_AFTER || doubt.is_on();
            // One that leads to what was the primary before.
            let is_past = passed.is_past(seen.age);
            Box::pin(async move { Ok(!is_past && (!is_asked || line.ping().await.is_ok())) })
        })
        .after_connect(move |line, _| {
            let eras = Arc::clone(&greeted);
            Box::pin(async move { eras.greet(line).await })
        })
        .acquire_timeout(patience / 2)
        .connect_with(options.clone())
        .await;
    match pool {
        // All that the pool knows is that it waited; one more try says for what.
        Err(sqlx::Error::PoolTimedOut) => {
            match tokio::time::timeout(patience / 2, options.connect()).await {
                Ok(Err(reason)) => Err(reason.into()),
                Ok(Ok(mut line)) => {
                    let greeted = eras.greet(&mut line).await;
                    Err(greeted.err().unwrap_or(sqlx::Error::PoolTimedOut).into())
                }
                Err(_) => Err(sqlx::Error::PoolTimedOut.into()),
            }
        }
        pool => Ok(pool?),
    }
}
