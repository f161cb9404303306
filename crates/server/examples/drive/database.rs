//! Databases of the bench in the run's cluster.

use std::env;

use anyhow::{Context, Result};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::client;

/// A database of its own in the run's cluster.
pub(crate) struct Database {
    admin: String,
    pub(crate) name: String,
}

impl Database {
    pub(crate) fn make() -> Result<Self> {
        let admin = env::var("TEST_POSTGRES_URL").context("TEST_POSTGRES_URL")?;
        let name = format!("bench_{}_{}", std::process::id(), client::unix_seconds());
        let database = Self { admin, name };
        database.run(&format!("CREATE DATABASE {}", database.name))?;
        Ok(database)
    }

    pub(crate) fn url(&self) -> Result<String> {
        let (server, _) = self.admin.rsplit_once('/').context("TEST_POSTGRES_URL")?;
        Ok(format!("{server}/{}", self.name))
    }

    fn run(&self, sql: &str) -> Result<()> {
        on_server(&self.admin, sql)
    }

    pub(crate) fn shows(&self, setting: &str) -> Result<String> {
        wait_for(async {
            let mut line = PgConnection::connect(&self.admin).await?;
            let sql = AssertSqlSafe(format!("SHOW {setting}"));
            Ok(sqlx::query_scalar(sql).fetch_one(&mut line).await?)
        })
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Err(error) = self.run(&format!("DROP DATABASE {} WITH (FORCE)", self.name)) {
            eprintln!("{error:#}");
        }
    }
}

pub(crate) fn on_server(url: &str, sql: &str) -> Result<()> {
    wait_for(async {
        let mut line = PgConnection::connect(url).await?;
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut line).await?;
        Ok(line.close().await?)
    })
}

pub(crate) fn wait_for<T>(what: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(what)
}
