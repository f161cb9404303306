//! How connections are opened: what they promise, and what is never told.

use std::{fs, os::unix::fs::PermissionsExt, time::Duration};

use crate::{
    Settings, Store, StoreError,
    engine::Pools,
    testing::{Db, Engine, settings},
};

#[test]
fn a_password_in_the_address_is_never_printed() {
    for url in [
        "postgres://warifu:hunter2@db.example.jp/warifu",
        "postgresql://db.example.jp/warifu?user=warifu&password=hunter2",
    ] {
        let printed = format!("{:?}", settings(url));
        assert!(!printed.contains("hunter2"), "{printed}");
        assert!(printed.contains("max_connections: 6"), "{printed}");
    }
    let printed = format!("{:?}", settings("sqlite:/var/lib/warifu/warifu.db"));
    assert!(printed.contains("/var/lib/warifu/warifu.db"), "{printed}");
}

#[tokio::test]
async fn a_password_is_not_printed_with_a_store_or_an_error_either() {
    let db = Db::empty(Engine::Postgresql).await;
    // Whatever stands in the address: what shows one part of it would show the password too.
    let url = format!("{}?application_name=hunter2", db.url);
    let store = Store::connect(&settings(&url)).await.unwrap();
    let printed = format!("{store:?} {:?}", store.begin().await.unwrap());
    assert!(!printed.contains("hunter2"), "{printed}");
    store.close().await;
    for broken in ["postgres://warifu:hunter2@db:port/x", "postgres://a:hunter2@b/c?sslmode=maybe"]
    {
        let error = Store::connect(&settings(broken)).await.unwrap_err();
        assert!(matches!(error, StoreError::Settings(_)), "{error:?}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }
    db.remove().await;
}

#[tokio::test]
async fn an_address_that_names_no_file_is_refused() {
    for url in ["sqlite:", "sqlite://", "sqlite::memory:"] {
        let error = Store::connect(&settings(url)).await.unwrap_err();
        assert!(matches!(error, StoreError::Settings(_)), "{url}: {error:?}");
    }
}

#[tokio::test]
async fn a_file_is_made_only_when_asked_for_and_for_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("warifu.db");
    for url in [format!("sqlite:{}", path.display()), format!("sqlite://{}", path.display())] {
        let absent = Settings { create: false, ..settings(&url) };
        let error = Store::connect(&absent).await.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
        assert!(!path.exists());

        let store = Store::connect(&settings(&url)).await.unwrap();
        store.migrate().await.unwrap();
        assert_eq!(store.engine(), "sqlite");
        for file in fs::read_dir(folder.path()).unwrap() {
            let file = file.unwrap();
            let mode = file.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{:?}", file.path());
        }
        store.close().await;
        assert!(Store::connect(&absent).await.is_ok());
        fs::remove_file(&path).unwrap();
    }
}

#[tokio::test]
async fn sqlite_answers_only_what_is_on_the_disk() {
    let db = Db::migrated(Engine::Sqlite).await;
    let Pools::Sqlite { write, read, .. } = &db.store.pools else { unreachable!("this is SQLite") };
    for (pool, query_only) in [(write, 0), (read, 1)] {
        let number = async |pragma: &'static str| {
            sqlx::query_scalar::<_, i64>(pragma).fetch_one(pool).await.unwrap()
        };
        assert_eq!(number("PRAGMA synchronous").await, 2);
        assert_eq!(number("PRAGMA foreign_keys").await, 1);
        assert_eq!(number("PRAGMA busy_timeout").await, 10_000);
        assert_eq!(number("PRAGMA journal_size_limit").await, 67_108_864);
        assert_eq!(number("PRAGMA query_only").await, query_only);
        let mode: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(pool).await.unwrap();
        assert_eq!(mode, "wal");
    }
    db.remove().await;
}

#[tokio::test]
async fn postgresql_gives_up_in_time_and_answers_only_what_is_on_the_disk() {
    let db = Db::empty(Engine::Postgresql).await;
    assert_eq!(db.store.engine(), "postgresql");
    for (name, value) in [
        ("statement_timeout", "20s"),
        ("lock_timeout", "10s"),
        ("idle_in_transaction_session_timeout", "1min"),
        ("synchronous_commit", "on"),
    ] {
        assert_eq!(db.texts(&format!("SHOW {name}")).await, [value], "{name}");
    }
    db.remove().await;
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_as_the_reason() {
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("postgres://warifu@127.0.0.1:{port}/warifu");
    let error =
        Store::connect_within(&settings(&url), Duration::from_millis(200)).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    assert!(error.to_string().contains("refused"), "{error}");
}
