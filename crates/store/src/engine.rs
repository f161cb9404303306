//! The only file that knows there are two engines: pools, transactions and the dispatching macros.

use std::{
    fmt,
    fs::File,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use sqlx::{PgPool, Postgres, Sqlite, SqlitePool, Transaction};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use crate::{
    StoreError, batch_postgres, batch_sqlite,
    copies::{InUse, blocking},
    eras::Eras,
    pools::{file, postgres, postgres_options, sqlite},
};

/// A connection that has been idle for so long is asked whether it still answers.
pub(crate) const ASKED_AFTER: Duration = Duration::from_secs(1);

/// Pages of SQLite's log after which whoever commits copies them into the file (128 MiB): the server
/// does that beside its work before it comes to that.
pub(crate) const CHECKPOINT_PAGES: u32 = 65_536;
/// Pages after which the log is begun anew.
const RESTART_PAGES: i64 = 16_384;
/// A page of a new file: a row of the hot table still lies on one.
pub(crate) const PAGE_BYTES: u32 = 2_048;

/// How long a writer waits for another before it gives up; for a connection half as long.
const PATIENCE: Duration = Duration::from_secs(10);

/// A database of one of the two engines.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) pools: Pools,
    pub(crate) batches: Arc<Batches>,
    pub(crate) eras: Arc<Eras>,
    /// Whose turn it is to write to SQLite: without it, who waits would ask over and over, and lose to
    /// whoever asks more often.
    turn: Option<Arc<Semaphore>>,
    patience: Duration,
    is_distributed: bool,
    doubt: Arc<Doubt>,
    /// How long SQLite's log was when it was last copied.
    log_pages: Arc<AtomicI64>,
    /// SQLite's file, to have it on the disk by. Open for as long as anybody uses it: who closes a file gives up
    /// the locks that the whole process has on it.
    file: Option<Arc<File>>,
}

/// Since when connections have been found cut: for a while then each is asked before it is used.
#[derive(Debug, Default)]
pub(crate) struct Doubt(Mutex<Option<Instant>>);

impl Doubt {
    fn begin(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    pub(crate) fn is_on(&self) -> bool {
        let since = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        since.is_some_and(|since| since.elapsed() < 2 * ASKED_AFTER)
    }
}

/// Connections that only batches of verifications use.
#[derive(Debug)]
pub(crate) enum Batches {
    Sqlite {
        line: batch_sqlite::Line,
        /// Copies the log into the file.
        checkpoints: batch_sqlite::Line,
    },
    Postgres(Box<batch_postgres::Lines>),
}

#[derive(Clone, Debug)]
pub(crate) enum Pools {
    /// SQLite has one writer; readers have a pool of their own, so they never wait for it.
    Sqlite {
        write: SqlitePool,
        read: SqlitePool,
        path: PathBuf,
        _in_use: Arc<InUse>,
    },
    Postgres(PgPool),
}

/// What `connect` must know.
#[derive(Clone)]
pub struct Settings {
    /// `sqlite:PATH` or `postgres://…`.
    pub url: String,
    /// Connections of this node at most.
    pub max_connections: u32,
    /// Make a SQLite file that is not there yet.
    pub create: bool,
    /// Tables lie on many PostgreSQL servers (Citus).
    pub distributed: bool,
}

// The address of a PostgreSQL may hold a password, in more than one place.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = if self.url.starts_with("sqlite:") { &self.url } else { "postgres://(hidden)" };
        f.debug_struct("Settings")
            .field("url", &url)
            .field("max_connections", &self.max_connections)
            .field("create", &self.create)
            .field("distributed", &self.distributed)
            .finish()
    }
}

/// A transaction; dropped without `commit` it is undone.
#[must_use = "a transaction that is dropped is undone"]
#[derive(Debug)]
pub struct Tx {
    pub(crate) inner: Inner,
    // PostgreSQL answers a commit after a failed statement with a silent rollback.
    broken: bool,
    /// Whether its rows may lie on many servers.
    pub(crate) is_distributed: bool,
    // In which era it began: what it decided is not written in another.
    era: (Arc<Eras>, u64),
    // Given back behind the transaction itself.
    _turn: Option<OwnedSemaphorePermit>,
}

#[derive(Debug)]
pub(crate) enum Inner {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

impl Store {
    /// Opens the pools; waits for nothing but the first connection.
    pub async fn connect(settings: &Settings) -> Result<Self, StoreError> {
        Self::connect_within(settings, PATIENCE).await
    }

    pub(crate) async fn connect_within(
        settings: &Settings,
        patience: Duration,
    ) -> Result<Self, StoreError> {
        let doubt = Arc::<Doubt>::default();
        let eras = Arc::<Eras>::default();
        let mut kept = None;
        let (pools, batches, turn) = if let Some(path) = settings.url.strip_prefix("sqlite:") {
            let path = file(path)?;
            let pools = sqlite(&path, settings, patience).await?;
            let line = || batch_sqlite::Line::new(path.clone(), patience);
            let batches = Batches::Sqlite { line: line(), checkpoints: line() };
            kept = Some(Arc::new(File::open(&path).map_err(sqlx::Error::Io)?));
            (pools, batches, Some(Arc::new(Semaphore::new(1))))
        } else {
            let options = postgres_options(settings, patience)?;
            let pool = postgres(settings, options.clone(), patience, (&doubt, &eras)).await?;
            let lines = batch_postgres::Lines::new(options, patience / 2, Arc::clone(&eras));
            (Pools::Postgres(pool), Batches::Postgres(Box::new(lines)), None)
        };
        Ok(Self {
            pools,
            batches: Arc::new(batches),
            eras,
            turn,
            patience,
            is_distributed: settings.distributed,
            doubt,
            log_pages: Arc::default(),
            file: kept,
        })
    }

    /// Waits for the turn to write; none where there are many writers.
    pub(crate) async fn turn(&self) -> Result<Option<OwnedSemaphorePermit>, StoreError> {
        let Some(turn) = &self.turn else { return Ok(None) };
        let turn = tokio::time::timeout(self.patience, Arc::clone(turn).acquire_owned()).await;
        match turn {
            Ok(Ok(turn)) => Ok(Some(turn)),
            Ok(Err(_)) | Err(_) => Err(sqlx::Error::PoolTimedOut.into()),
        }
    }

    /// Begins a transaction that writes. On SQLite it is the only one until it ends.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        let turn = self.turn().await?;
        let inner = match &self.pools {
            Pools::Sqlite { write, .. } => {
                Inner::Sqlite(write.begin_with("BEGIN IMMEDIATE").await?)
            }
            // Said, not left to the server's settings: who waited for a row must see what became
            // of it.
            Pools::Postgres(pool) => Inner::Postgres(
                self.begun(pool, "BEGIN ISOLATION LEVEL READ COMMITTED, READ WRITE").await?,
            ),
        };
        Ok(self.tx(inner, turn))
    }

    /// Begins a transaction that only reads: one snapshot, never waits for a writer.
    pub async fn read(&self) -> Result<Tx, StoreError> {
        let inner = match &self.pools {
            Pools::Sqlite { read, .. } => Inner::Sqlite(read.begin().await?),
            Pools::Postgres(pool) => Inner::Postgres(
                self.begun(pool, "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY").await?,
            ),
        };
        Ok(self.tx(inner, None))
    }

    fn tx(&self, inner: Inner, turn: Option<OwnedSemaphorePermit>) -> Tx {
        let era = (Arc::clone(&self.eras), self.eras.number());
        let is_distributed = self.is_distributed();
        Tx { inner, broken: false, is_distributed, era, _turn: turn }
    }

    // A connection that the server has cut is found out here, where nothing has been done: from then on
    // every one is asked before it is used, until there are new ones.
    async fn begun(
        &self,
        pool: &PgPool,
        begin: &'static str,
    ) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        match pool.begin_with(begin).await {
            Err(error) if is_cut(&error) => {
                self.doubt.begin();
                pool.begin_with(begin).await
            }
            done => done,
        }
    }

    /// Copies SQLite's log into the file, so that no commit has to; nothing on PostgreSQL. To be called many
    /// times a second while there is something to do. Gives whether there was.
    pub async fn checkpoint(&self) -> Result<bool, StoreError> {
        let Batches::Sqlite { checkpoints, .. } = &*self.batches else { return Ok(false) };
        let pages = checkpoints.run(batch_sqlite::checkpoint).await?;
        let before = self.log_pages.swap(pages, Ordering::Relaxed);
        // Beside the work, and each time: what the copies have left for the disk would else be waited for with
        // the turn, all of it at once.
        if pages != before
            && let Some(file) = self.file.clone()
        {
            blocking(move || file.sync_data().map_err(|e| sqlx::Error::Io(e).into())).await?;
        }
        if pages > RESTART_PAGES {
            let turn = self.turn().await?;
            checkpoints
                .run(move |line| {
                    let _turn = turn;
                    batch_sqlite::restart_log(line)
                })
                .await?;
        }
        Ok(pages != before)
    }

    /// Whether its tables are to lie on many servers.
    #[must_use]
    pub fn is_distributed(&self) -> bool {
        self.is_distributed
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
        match &*self.batches {
            Batches::Sqlite { line, checkpoints } => {
                line.close();
                checkpoints.close();
            }
            Batches::Postgres(lines) => lines.close().await,
        }
        match &self.pools {
            Pools::Sqlite { write, read, .. } => {
                read.close().await;
                write.close().await;
            }
            Pools::Postgres(pool) => pool.close().await,
        }
    }
}

impl Tx {
    /// Makes all of it durable, or none. A statement that failed has undone the transaction on
    /// either engine, even when its error was caught: then this is `Conflict`, as it is where another era
    /// has begun meanwhile.
    pub async fn commit(self) -> Result<(), StoreError> {
        let (eras, number) = &self.era;
        if self.broken || eras.number() != *number {
            return Err(StoreError::Conflict);
        }
        match self.inner {
            Inner::Sqlite(tx) => tx.commit().await?,
            Inner::Postgres(tx) => tx.commit().await.map_err(unsure_where_cut)?,
        }
        Ok(())
    }

    pub(crate) fn broke(&mut self, error: sqlx::Error) -> StoreError {
        self.broken = true;
        error.into()
    }

    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self.inner, Inner::Postgres(_))
    }
}

/// What the server says of a commit is an answer; everything else means that there was none. That it
/// ends the connection is none either: it may have waited for a standby, with the commit on its own disk.
pub(crate) fn unsure_where_cut(error: sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::Database(_) if !is_cut(&error) => error.into(),
        lost => StoreError::Unsure(lost),
    }
}

/// Whether the server, or the way to it, has ended this connection.
pub(crate) fn is_cut(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) => true,
        sqlx::Error::Database(said) => {
            said.code().is_some_and(|code| code.starts_with("57P0") || code.starts_with("08"))
        }
        _ => false,
    }
}

macro_rules! dispatch {
    ($tx:expr, $query:expr, $sql:expr, $method:ident $(, $arg:expr)*) => {{
        let done = match &mut $tx.inner {
            crate::engine::Inner::Sqlite(t) => {
                $query($sql)$(.bind($arg))*.$method(&mut **t).await
            }
            crate::engine::Inner::Postgres(t) => {
                $query($sql)$(.bind($arg))*.$method(&mut **t).await
            }
        };
        done.map_err(|error| $tx.broke(error))
    }};
}

/// Runs a statement; gives the number of rows it changed.
macro_rules! execute {
    ($tx:expr, $sql:expr $(, $arg:expr)* $(,)?) => {{
        let done = match &mut $tx.inner {
            crate::engine::Inner::Sqlite(t) => {
                sqlx::query($sql)$(.bind($arg))*.execute(&mut **t).await.map(|r| r.rows_affected())
            }
            crate::engine::Inner::Postgres(t) => {
                sqlx::query($sql)$(.bind($arg))*.execute(&mut **t).await.map(|r| r.rows_affected())
            }
        };
        done.map_err(|error| $tx.broke(error))
    }};
}

/// Reads at most one row.
macro_rules! fetch_optional {
    ($tx:expr, $row:ty, $sql:expr $(, $arg:expr)* $(,)?) => {
        crate::engine::dispatch!($tx, sqlx::query_as::<_, $row>, $sql, fetch_optional $(, $arg)*)
    };
}

/// Reads all rows.
macro_rules! fetch_all {
    ($tx:expr, $row:ty, $sql:expr $(, $arg:expr)* $(,)?) => {
        crate::engine::dispatch!($tx, sqlx::query_as::<_, $row>, $sql, fetch_all $(, $arg)*)
    };
}

pub(crate) use {dispatch, execute, fetch_all, fetch_optional};
