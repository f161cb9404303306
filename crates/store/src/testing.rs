//! For tests: a fresh database of either engine, what stands in it past the product, randomness that
//! repeats. PostgreSQL is the server that `TEST_POSTGRES_URL` names; without it its tests fail.

use std::{
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
    time::Duration,
};

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tempfile::TempDir;
use warifu_core::random::Random;

use crate::{Settings, Store, StoreError, Tx, engine::Pools};

/// Makes of each function two tests, one an engine, each on a database of its own.
macro_rules! both {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            use crate::testing::{Db, Engine};

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                let db = Db::migrated(Engine::Sqlite).await;
                super::$name(&db).await;
                db.remove().await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgresql() {
                let db = Db::migrated(Engine::Postgresql).await;
                super::$name(&db).await;
                db.remove().await;
            }
        }
    )+};
}

pub(crate) use both;

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgresql,
}

/// A database of one test.
pub(crate) struct Db {
    pub(crate) engine: Engine,
    pub(crate) url: String,
    pub(crate) store: Store,
    folder: Option<TempDir>,
}

impl Db {
    /// A new database with nothing in it.
    pub(crate) async fn empty(engine: Engine) -> Self {
        let (url, folder) = match engine {
            Engine::Sqlite => {
                let folder = tempfile::tempdir().unwrap();
                (format!("sqlite:{}", folder.path().join("warifu.db").display()), Some(folder))
            }
            Engine::Postgresql => (fresh_on_server().await, None),
        };
        let store = Store::connect(&settings(&url)).await.unwrap();
        Self { engine, url, store, folder }
    }

    /// A new database with this binary's schema.
    pub(crate) async fn migrated(engine: Engine) -> Self {
        let db = Self::empty(engine).await;
        db.store.migrate().await.unwrap();
        db
    }

    /// Another node or process on the same database.
    pub(crate) async fn node(&self) -> Store {
        Store::connect(&settings(&self.url)).await.unwrap()
    }

    /// Another node, that takes the tables for distributed.
    pub(crate) async fn distributed(&self) -> Store {
        let settings = Settings { distributed: true, ..settings(&self.url) };
        Store::connect(&settings).await.unwrap()
    }

    /// Another node that gives up after this time.
    pub(crate) async fn impatient(&self, patience: Duration) -> Store {
        Store::connect_within(&settings(&self.url), patience).await.unwrap()
    }

    /// Writes in one transaction and commits.
    pub(crate) async fn write<T>(
        &self,
        act: impl AsyncFnOnce(&mut Tx) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut tx = self.store.begin().await?;
        let done = act(&mut tx).await?;
        tx.commit().await?;
        Ok(done)
    }

    /// Reads what must be there.
    pub(crate) async fn read<T>(
        &self,
        act: impl AsyncFnOnce(&mut Tx) -> Result<T, StoreError>,
    ) -> T {
        act(&mut self.store.read().await.unwrap()).await.unwrap()
    }

    /// Runs SQL past the product.
    pub(crate) async fn run(&self, sql: &str) -> Result<u64, StoreError> {
        let query = AssertSqlSafe(sql.to_owned());
        Ok(match &self.store.pools {
            Pools::Sqlite { write, .. } => sqlx::query(query).execute(write).await?.rows_affected(),
            Pools::Postgres(pool) => sqlx::query(query).execute(pool).await?.rows_affected(),
        })
    }

    /// The only column of what SQL gives, which must be text.
    pub(crate) async fn texts(&self, sql: &str) -> Vec<String> {
        let query = AssertSqlSafe(sql.to_owned());
        match &self.store.pools {
            Pools::Sqlite { read, .. } => sqlx::query_scalar(query).fetch_all(read).await,
            Pools::Postgres(pool) => sqlx::query_scalar(query).fetch_all(pool).await,
        }
        .expect(sql)
    }

    /// Gives the space back; what a failed test leaves on the server stays for a look.
    pub(crate) async fn remove(self) {
        self.store.close().await;
        if self.folder.is_none() {
            let (_, name) = split(&self.url);
            on_server(&format!("DROP DATABASE {name} WITH (FORCE)")).await;
        }
    }
}

/// A few connections, and the file is made.
pub(crate) fn settings(url: &str) -> Settings {
    let distributed = is_distributed() && url.starts_with("postgres");
    Settings { url: url.to_owned(), max_connections: 6, create: true, distributed }
}

/// Whether the server is to be taken for many: by hand, with one that has Citus.
fn is_distributed() -> bool {
    std::env::var_os("TEST_POSTGRES_DISTRIBUTED").is_some()
}

async fn fresh_on_server() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::SeqCst);
    let name = format!("warifu_store_{}_{count}", std::process::id());
    on_server(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
    on_server(&format!("CREATE DATABASE {name}")).await;
    let url = format!("{}/{name}", split(&server()).0);
    if is_distributed() {
        on_database(&url, "CREATE EXTENSION citus").await;
    }
    url
}

async fn on_server(sql: &str) {
    on_database(&server(), sql).await;
}

async fn on_database(url: &str, sql: &str) {
    let mut line = PgConnection::connect(url).await.expect("TEST_POSTGRES_URL");
    sqlx::query(AssertSqlSafe(sql.to_owned())).execute(&mut line).await.unwrap();
    line.close().await.unwrap();
}

/// Host and port of the server.
pub(crate) fn server_address(url: &str) -> String {
    let (base, _) = split(url);
    base.rsplit(['/', '@']).next().unwrap().to_owned()
}

fn server() -> String {
    std::env::var("TEST_POSTGRES_URL").expect(
        "TEST_POSTGRES_URL is not set: it names a PostgreSQL server as its superuser, for instance \
         postgres://postgres@127.0.0.1:5432/postgres; no test is skipped",
    )
}

fn split(url: &str) -> (&str, &str) {
    url.rsplit_once('/').expect("TEST_POSTGRES_URL names a database")
}

/// A stream of bytes that is the same in each run (`SplitMix64`).
pub(crate) struct Stream(AtomicU64);

impl Stream {
    /// Another stream for each seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }
}

impl Random for Stream {
    fn fill(&self, out: &mut [u8]) {
        for byte in out {
            let state = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            *byte = mixed.to_be_bytes()[0];
        }
    }
}
