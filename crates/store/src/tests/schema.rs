//! The two folders of migrations make the same tables, and a database says how far it is.

use sqlx::migrate::MigrateError;

use crate::{
    Schema, StoreError,
    testing::{Db, Engine, both},
};

both!(
    migrating_twice_changes_nothing,
    a_newer_schema_is_told,
    a_schema_made_by_other_migrations_is_refused,
    a_half_made_schema_is_not_current_and_not_migrated,
);

const SQLITE_COLUMNS: &str = "SELECT m.name || '.' || c.name || ' ' || c.type || \
     CASE WHEN c.\"notnull\" = 1 THEN '' ELSE ' NULL' END \
     FROM sqlite_master m, pragma_table_info(m.name) c \
     WHERE m.type = 'table' AND m.name NOT LIKE '\\_%' ESCAPE '\\' ORDER BY 1";
const POSTGRES_COLUMNS: &str = "SELECT c.table_name || '.' || c.column_name || ' ' || \
     CASE c.data_type WHEN 'bytea' THEN 'BLOB' ELSE upper(c.data_type) END || \
     CASE c.is_nullable WHEN 'NO' THEN '' ELSE ' NULL' END \
     FROM information_schema.columns c JOIN pg_class t ON t.relname = c.table_name \
     WHERE c.table_schema = 'public' AND NOT t.relispartition AND c.table_name NOT LIKE '\\_%' \
     ORDER BY 1";
const SQLITE_INDEXES: &str = "SELECT m.name || '(' || (SELECT group_concat(name, ',') FROM \
     (SELECT name FROM pragma_index_info(i.name) ORDER BY seqno)) || ')' || \
     CASE WHEN i.\"unique\" = 1 THEN ' unique' ELSE '' END || \
     CASE WHEN i.partial = 1 THEN ' partial' ELSE '' END \
     FROM sqlite_master m, pragma_index_list(m.name) i \
     WHERE m.type = 'table' AND m.name NOT LIKE '\\_%' ESCAPE '\\' ORDER BY 1";
const POSTGRES_INDEXES: &str = "SELECT t.relname || '(' || (SELECT string_agg(a.attname, ',' \
     ORDER BY k.n) FROM unnest(i.indkey) WITH ORDINALITY AS k(attnum, n) \
     JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.attnum \
     WHERE k.n <= i.indnkeyatts) || ')' || \
     CASE WHEN i.indisunique THEN ' unique' ELSE '' END || \
     CASE WHEN i.indpred IS NOT NULL THEN ' partial' ELSE '' END \
     FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid \
     JOIN pg_namespace n ON n.oid = t.relnamespace \
     WHERE n.nspname = 'public' AND NOT t.relispartition AND t.relname NOT LIKE '\\_%' \
     ORDER BY 1";

#[tokio::test]
async fn both_engines_have_the_same_tables_columns_and_indexes() {
    let sqlite = Db::migrated(Engine::Sqlite).await;
    let postgres = Db::migrated(Engine::Postgresql).await;
    let mut columns = sqlite.texts(SQLITE_COLUMNS).await;
    let mut others = postgres.texts(POSTGRES_COLUMNS).await;
    columns.sort();
    others.sort();
    assert!(columns.contains(&"verifiers.last_step BIGINT".to_owned()), "{columns:?}");
    assert!(columns.contains(&"tokens.root BLOB NULL".to_owned()), "{columns:?}");
    // Only a file of one writer has lines that are found from their token on.
    for own in
        ["audit.earlier BIGINT NULL", "audit.seq INTEGER NULL", "verifiers.last_line BIGINT NULL"]
    {
        let at = columns.iter().position(|column| column == own).unwrap();
        columns.remove(at);
    }
    assert_eq!(columns, others);
    let mut indexes = sqlite.texts(SQLITE_INDEXES).await;
    let mut others = postgres.texts(POSTGRES_INDEXES).await;
    indexes.sort();
    others.sort();
    assert!(
        indexes.contains(&"verifiers(bucket,customer_id,token_id) unique".to_owned()),
        "{indexes:?}"
    );
    let [some, all] =
        [" partial", ""].map(|part| format!("audit(bucket,customer_id,at,id) unique{part}"));
    let at = indexes.iter().position(|index| *index == some).unwrap();
    indexes[at] = all;
    indexes.sort();
    assert_eq!(indexes, others);
    sqlite.remove().await;
    postgres.remove().await;
}

#[tokio::test]
async fn texts_compare_by_their_bytes_on_postgresql_too() {
    let db = Db::migrated(Engine::Postgresql).await;
    let sql = "SELECT CAST(table_name || '.' || column_name AS TEXT) \
               FROM information_schema.columns \
               WHERE table_schema = 'public' AND table_name NOT LIKE '\\_%' \
               AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C'";
    assert_eq!(db.texts(sql).await, Vec::<String>::new());
    db.remove().await;
}

#[tokio::test]
async fn the_hot_table_keeps_room_for_changes_and_no_index_on_what_changes() {
    let db = Db::migrated(Engine::Postgresql).await;
    let options =
        "SELECT array_to_string(reloptions, ',') FROM pg_class WHERE relname = 'verifiers'";
    assert_eq!(db.texts(options).await, ["fillfactor=80"]);
    let indexes = "SELECT CAST(indexname AS TEXT) FROM pg_indexes WHERE tablename = 'verifiers' \
         ORDER BY indexname";
    assert_eq!(db.texts(indexes).await, ["verifiers_pkey"]);
    db.remove().await;
}

#[tokio::test]
async fn the_directory_is_read_in_its_key_alone() {
    let db = Db::migrated(Engine::Postgresql).await;
    let carried = "SELECT t.relname || '.' || a.attname FROM pg_index i \
         JOIN pg_class t ON t.oid = i.indrelid JOIN pg_namespace n ON n.oid = t.relnamespace, \
         unnest(i.indkey) WITH ORDINALITY AS k(attnum, n), pg_attribute a \
         WHERE n.nspname = 'public' AND k.n > i.indnkeyatts \
         AND a.attrelid = t.oid AND a.attnum = k.attnum ORDER BY k.n";
    assert_eq!(db.texts(carried).await, ["directory.bucket", "directory.customer_id"]);
    db.remove().await;
}

#[tokio::test]
async fn a_new_database_is_older_until_it_is_migrated() {
    for engine in [Engine::Sqlite, Engine::Postgresql] {
        let db = Db::empty(engine).await;
        let before = db.store.schema().await.unwrap();
        assert!(matches!(before, Schema::Older { found: 0, known } if known >= 1), "{before:?}");
        db.store.migrate().await.unwrap();
        assert_eq!(db.store.schema().await.unwrap(), Schema::Current);
        db.remove().await;
    }
}

async fn migrating_twice_changes_nothing(db: &Db) {
    let made = "SELECT CAST(version AS TEXT) || ' ' || CAST(installed_on AS TEXT) \
                FROM _sqlx_migrations ORDER BY version";
    let columns = if db.engine == Engine::Sqlite { SQLITE_COLUMNS } else { POSTGRES_COLUMNS };
    super::samples::with_customers(db, &[1]).await;
    let before = (db.texts(made).await, db.texts(columns).await);
    db.store.migrate().await.unwrap();
    db.node().await.migrate().await.unwrap();
    assert_eq!((db.texts(made).await, db.texts(columns).await), before);
    let id = super::samples::who(1);
    assert!(db.read(async |tx| tx.customer(id).await).await.is_some());
}

async fn a_newer_schema_is_told(db: &Db) {
    let newer = "INSERT INTO _sqlx_migrations SELECT 9999, description, installed_on, success, \
                 checksum, execution_time FROM _sqlx_migrations WHERE version = 1";
    assert_eq!(db.run(newer).await.unwrap(), 1);
    let told = db.store.schema().await.unwrap();
    assert!(matches!(told, Schema::Newer { found: 9999, .. }), "{told:?}");
    let refused = db.store.migrate().await;
    let missing = matches!(refused, Err(StoreError::Migration(MigrateError::VersionMissing(9999))));
    assert!(missing, "{refused:?}");
}

async fn a_schema_made_by_other_migrations_is_refused(db: &Db) {
    let sql = match db.engine {
        Engine::Sqlite => "UPDATE _sqlx_migrations SET checksum = x'00' WHERE version = 1",
        Engine::Postgresql => "UPDATE _sqlx_migrations SET checksum = '\\x00' WHERE version = 1",
    };
    assert_eq!(db.run(sql).await.unwrap(), 1);
    let refused = db.store.schema().await;
    let other = matches!(refused, Err(StoreError::Migration(MigrateError::VersionMismatch(1))));
    assert!(other, "{refused:?}");
    assert!(db.store.migrate().await.is_err());
}

async fn a_half_made_schema_is_not_current_and_not_migrated(db: &Db) {
    db.run("UPDATE _sqlx_migrations SET success = FALSE WHERE version = 1").await.unwrap();
    let told = db.store.schema().await.unwrap();
    assert!(matches!(told, Schema::Older { .. }), "{told:?}");
    let refused = db.store.migrate().await;
    assert!(matches!(refused, Err(StoreError::Migration(MigrateError::Dirty(1)))), "{refused:?}");
}
