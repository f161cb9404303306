//! Tables that lie on many PostgreSQL servers, by the Citus extension: each customer's rows on one of them,
//! found by the bucket that leads every key; what is looked up from outside, by its value; what is small, on
//! each.

use sqlx::PgConnection;

use crate::{Store, StoreError, engine::Pools};

const EXTENSION: &str = "SELECT COUNT(*) FROM pg_extension WHERE extname = 'citus'";

/// Tables that lie on one server yet, and by which column they are to be distributed; customers first, beside
/// whom the others lie.
const TABLES: &str = "SELECT c.relname::text, CASE WHEN c.relname = 'directory' THEN 'value' \
     WHEN EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'bucket') \
     THEN 'bucket' END FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace \
     AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname NOT LIKE '\\_%' \
     AND NOT EXISTS (SELECT 1 FROM pg_dist_partition d WHERE d.logicalrelid = c.oid) \
     ORDER BY c.relname <> 'customers', c.relname";

const BESIDE: &str = "SELECT create_distributed_table($1::text::regclass, 'bucket', \
     colocate_with => CASE WHEN $1 = 'customers' THEN 'none' ELSE 'customers' END)::text";

const BY_VALUE: &str =
    "SELECT create_distributed_table($1::text::regclass, 'value', colocate_with => 'none')::text";

const ON_EACH: &str = "SELECT create_reference_table($1::text::regclass)::text";

/// Distributes the tables that are not yet.
pub(crate) async fn distribute(line: &mut PgConnection) -> Result<(), StoreError> {
    if !has_extension(&mut *line).await? {
        return Err(StoreError::Settings(
            "the database has no Citus: CREATE EXTENSION citus, or leave database.distributed out"
                .to_owned(),
        ));
    }
    let tables: Vec<(String, Option<String>)> =
        sqlx::query_as(TABLES).fetch_all(&mut *line).await?;
    for (table, key) in tables {
        let sql = match key.as_deref() {
            Some("bucket") => BESIDE,
            Some(_) => BY_VALUE,
            None => ON_EACH,
        };
        tracing::info!(table, key, "distributing");
        sqlx::query(sql).bind(&table).execute(&mut *line).await?;
    }
    Ok(())
}

async fn has_extension(line: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let found: i64 = sqlx::query_scalar(EXTENSION).fetch_one(line).await?;
    Ok(found == 1)
}

impl Store {
    /// Whether the tables lie as the settings say; `Settings` says what to do where they do not.
    pub async fn check_distribution(&self) -> Result<(), StoreError> {
        let Pools::Postgres(pool) = &self.pools else { return Ok(()) };
        let mut line = pool.acquire().await?;
        let is_there = has_extension(&mut line).await?;
        let left =
            if is_there { sqlx::query(TABLES).fetch_all(&mut *line).await?.len() } else { 0 };
        let why = match (self.is_distributed(), is_there) {
            (true, true) if left > 0 => "not all tables are distributed: run `warifu migrate`",
            (true, false) => {
                "the database has no Citus: CREATE EXTENSION citus, then `warifu migrate`"
            }
            (false, true) if left == 0 => {
                "the tables are distributed: set database.distributed = true"
            }
            _ => return Ok(()),
        };
        Err(StoreError::Settings(why.to_owned()))
    }
}
