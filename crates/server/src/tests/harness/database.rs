//! Hands on the database, past the product: what a thief with a copy reads, what someone with write
//! access changes, what a test counts. The only place of the server's tests that speaks SQL.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use sqlx::{
    AssertSqlSafe, Connection, PgConnection, Row, SqliteConnection, sqlite::SqliteConnectOptions,
};
use tokio::sync::Mutex;

/// Which of the two databases a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgresql,
}

/// A database that lives as long as its test, and one connection into it beside the product's own.
#[derive(Clone)]
pub(crate) struct Database {
    url: String,
    line: Arc<Mutex<Line>>,
    /// The folder of SQLite's files.
    folder: Option<Arc<tempfile::TempDir>>,
}

enum Line {
    /// Not there before the first use: the product makes the file.
    Unopened(Box<SqliteConnectOptions>),
    Sqlite(SqliteConnection),
    Postgresql(PgConnection),
}

/// Every table that says what happened to customers; counters, audit and mails apart.
pub(crate) const STATE: [&str; 7] =
    ["customers", "addresses", "tokens", "issues", "verifiers", "directory", "institutions"];

impl Database {
    /// A new, empty database.
    pub(crate) async fn fresh(engine: Engine) -> Self {
        match engine {
            Engine::Sqlite => {
                let folder = memory().unwrap_or_else(|_| tempfile::tempdir().unwrap());
                let path = folder.path().join("warifu.db");
                let options = SqliteConnectOptions::new()
                    .filename(&path)
                    .busy_timeout(std::time::Duration::from_secs(10));
                Self {
                    url: format!("sqlite:{}", path.display()),
                    line: Arc::new(Mutex::new(Line::Unopened(Box::new(options)))),
                    folder: Some(Arc::new(folder)),
                }
            }
            Engine::Postgresql => Self::on_the_server().await,
        }
    }

    async fn on_the_server() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let admin = admin_url();
        let count = COUNT.fetch_add(1, Ordering::SeqCst);
        let name = format!("warifu_{}_{count}", std::process::id());
        let mut server = PgConnection::connect(&admin).await.expect("TEST_POSTGRES_URL");
        for sql in [
            format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
            format!("CREATE DATABASE {name}"),
        ] {
            sqlx::query(AssertSqlSafe(sql)).execute(&mut server).await.unwrap();
        }
        let (base, _) = admin.rsplit_once('/').expect("TEST_POSTGRES_URL names a database");
        let url = format!("{base}/{name}");
        let mut line = PgConnection::connect(&url).await.unwrap();
        if is_distributed() {
            sqlx::query("CREATE EXTENSION citus").execute(&mut line).await.unwrap();
        }
        let line = Line::Postgresql(line);
        Self { url, line: Arc::new(Mutex::new(line)), folder: None }
    }

    /// Gives the space back; a database of a failed test stays for a look.
    pub(crate) async fn remove(&self) {
        if self.folder.is_some() {
            return;
        }
        let (_, name) = self.url.rsplit_once('/').unwrap();
        let mut server = PgConnection::connect(&admin_url()).await.unwrap();
        let sql = format!("DROP DATABASE {name} WITH (FORCE)");
        sqlx::query(AssertSqlSafe(sql)).execute(&mut server).await.unwrap();
    }

    /// Another file of SQLite in the same folder.
    pub(crate) fn beside(&self, name: &str) -> (Self, PathBuf) {
        let folder = self.folder.clone().unwrap();
        let path = folder.path().join(name);
        let options = SqliteConnectOptions::new().filename(&path);
        let line = Arc::new(Mutex::new(Line::Unopened(Box::new(options))));
        let url = format!("sqlite:{}", path.display());
        (Self { url, line, folder: Some(folder) }, path)
    }

    /// SQLite's file.
    pub(crate) fn path(&self) -> PathBuf {
        self.url.trim_start_matches("sqlite:").into()
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn is_postgresql(&self) -> bool {
        self.folder.is_none()
    }

    /// The files of SQLite, as a thief would copy them.
    pub(crate) fn files(&self) -> Vec<Vec<u8>> {
        let Some(folder) = &self.folder else { return Vec::new() };
        let files = std::fs::read_dir(folder.path()).unwrap();
        files.map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
    }

    /// How many rows fit.
    pub(crate) async fn count(&self, table: &str, filter: &str) -> i64 {
        let sql = format!("SELECT CAST(COUNT(*) AS BIGINT) FROM {table} WHERE {filter}");
        let rows = self.rows(&format!("SELECT CAST(({sql}) AS TEXT)")).await;
        rows[0].as_deref().unwrap().parse().unwrap()
    }

    /// One expression of each row that fits, as text.
    pub(crate) async fn texts(&self, table: &str, expression: &str, filter: &str) -> Vec<String> {
        let sql = format!("SELECT CAST({expression} AS TEXT) FROM {table} WHERE {filter}");
        self.rows(&sql).await.into_iter().flatten().collect()
    }

    /// The same of the only row there is.
    pub(crate) async fn text(&self, table: &str, expression: &str, filter: &str) -> String {
        let mut texts = self.texts(table, expression, filter).await;
        assert_eq!(texts.len(), 1, "{table}.{expression} where {filter}");
        texts.remove(0)
    }

    /// Changes rows behind the product's back; gives how many.
    pub(crate) async fn set(&self, table: &str, assignment: &str, filter: &str) -> u64 {
        self.run(&format!("UPDATE {table} SET {assignment} WHERE {filter}")).await
    }

    /// Copies columns of one row over those of another.
    pub(crate) async fn copy(&self, table: &str, columns: &[&str], from: &str, to: &str) {
        let copies: Vec<_> = columns
            .iter()
            .map(|c| format!("{c} = (SELECT {c} FROM {table} WHERE {from})"))
            .collect();
        assert_eq!(self.set(table, &copies.join(", "), to).await, 1, "{table}");
    }

    /// From now on the database refuses such rows.
    pub(crate) async fn refuse(&self, table: &str, rows: &str) {
        let sql = if self.is_postgresql() {
            format!("ALTER TABLE {table} ADD CONSTRAINT refused CHECK (NOT ({rows})) NOT VALID")
        } else {
            let rows = rows.replace("kind", "NEW.kind");
            format!(
                "CREATE TRIGGER refused BEFORE INSERT ON {table} WHEN {rows} \
                 BEGIN SELECT RAISE(ABORT, 'refused'); END"
            )
        };
        self.run(&sql).await;
    }

    /// From now on it takes them again.
    pub(crate) async fn accept(&self, table: &str) {
        let sql = if self.is_postgresql() {
            format!("ALTER TABLE {table} DROP CONSTRAINT refused")
        } else {
            "DROP TRIGGER refused".to_owned()
        };
        self.run(&sql).await;
    }

    /// Removes a table or partition.
    pub(crate) async fn drop_table(&self, table: &str) {
        self.run(&format!("DROP TABLE IF EXISTS {table}")).await;
    }

    /// The names of all tables.
    pub(crate) async fn tables(&self) -> Vec<String> {
        let sql = if self.is_postgresql() {
            "SELECT CAST(tablename AS TEXT) FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
        } else {
            "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1"
        };
        self.rows(sql).await.into_iter().flatten().collect()
    }

    /// Each row of a table as text, blobs in hexadecimal.
    pub(crate) async fn dump(&self, table: &str) -> Vec<String> {
        let sql = if self.is_postgresql() {
            format!("SELECT CAST(t AS TEXT) FROM {table} t ORDER BY 1")
        } else {
            let columns = format!("SELECT name FROM pragma_table_info('{table}')");
            let columns: Vec<_> = self.rows(&columns).await.into_iter().flatten().collect();
            let quoted: Vec<_> = columns.iter().map(|c| format!("quote({c})")).collect();
            format!("SELECT {} FROM {table} ORDER BY 1", quoted.join(" || ',' || "))
        };
        self.rows(&sql).await.into_iter().flatten().collect()
    }

    /// What stands of customers, tokens and issues, without the versions that reading acts raise.
    pub(crate) async fn state(&self) -> Vec<String> {
        let mut state = Vec::new();
        for table in STATE {
            let rows = match table {
                "customers" => {
                    let seen = "customer_id || otp_required || COALESCE(hold_until, 0)";
                    self.texts(table, seen, "TRUE ORDER BY 1").await
                }
                _ => self.dump(table).await,
            };
            state.extend(rows.into_iter().map(|row| format!("{table}: {row}")));
        }
        state
    }

    /// Some columns of the audit trail, oldest first, each row's joined by a bar.
    pub(crate) async fn trail(&self, columns: &[&str], filter: &str) -> Vec<String> {
        let columns: Vec<_> =
            columns.iter().map(|c| format!("COALESCE(CAST({c} AS TEXT), '')")).collect();
        let columns = columns.join(" || '|' || ");
        let sql = format!("SELECT {columns} FROM audit WHERE {filter} ORDER BY at, id");
        self.rows(&sql).await.into_iter().flatten().collect()
    }

    async fn run(&self, sql: &str) -> u64 {
        let safe = AssertSqlSafe(sql.to_owned());
        match open(&mut *self.line.lock().await).await {
            Line::Sqlite(line) => sqlx::query(safe).execute(line).await.expect(sql).rows_affected(),
            Line::Postgresql(line) => {
                sqlx::query(safe).execute(line).await.expect(sql).rows_affected()
            }
            Line::Unopened(_) => panic!("open gives an open line"),
        }
    }

    async fn rows(&self, sql: &str) -> Vec<Option<String>> {
        let safe = AssertSqlSafe(sql.to_owned());
        match open(&mut *self.line.lock().await).await {
            Line::Sqlite(line) => {
                let rows = sqlx::query(safe).fetch_all(line).await.expect(sql);
                rows.iter().map(|row| row.get(0)).collect()
            }
            Line::Postgresql(line) => {
                let rows = sqlx::query(safe).fetch_all(line).await.expect(sql);
                rows.iter().map(|row| row.get(0)).collect()
            }
            Line::Unopened(_) => panic!("open gives an open line"),
        }
    }
}

async fn open(line: &mut Line) -> &mut Line {
    if let Line::Unopened(options) = line {
        *line = Line::Sqlite(SqliteConnection::connect_with(options).await.unwrap());
    }
    line
}

/// A folder in memory: the product waits for the disk at each commit, tests need not.
fn memory() -> std::io::Result<tempfile::TempDir> {
    tempfile::tempdir_in("/dev/shm")
}

/// Whether the server is to be taken for many: by hand, with one that has Citus.
pub(crate) fn is_distributed() -> bool {
    std::env::var_os("TEST_POSTGRES_DISTRIBUTED").is_some()
}

fn admin_url() -> String {
    std::env::var("TEST_POSTGRES_URL").expect(
        "TEST_POSTGRES_URL is not set: it names a PostgreSQL server as its superuser, for instance \
         postgres://postgres@127.0.0.1:5432/postgres; no test is skipped",
    )
}
