//! When the database is away, full or busy: nothing is half done, the error says so, and when it is
//! back all goes on without a restart.

use std::{sync::Arc, time::Duration};

use sqlx::Error;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::timeout,
};

use super::samples::{NOW, customer, line, token, verifier, who, with_customers};
use crate::{
    Customer, Era, Store, StoreError, Trouble, Write,
    audit::AuditRow,
    engine::{Batches, Pools},
    testing::{Db, Engine, both, server_address, settings},
};

both!(
    a_closed_store_is_unavailable,
    a_writer_that_waits_too_long_gives_up_and_can_try_again,
    a_row_that_cannot_be_is_corrupt,
);

async fn a_closed_store_is_unavailable(db: &Db) {
    let store = db.node().await;
    store.close().await;
    for outcome in [store.begin().await.err(), store.read().await.err(), store.schema().await.err()]
    {
        assert!(matches!(outcome, Some(StoreError::Unavailable(_))), "{outcome:?}");
    }
}

async fn a_writer_that_waits_too_long_gives_up_and_can_try_again(db: &Db) {
    with_customers(db, &[1]).await;
    let mut holder = db.store.begin().await.unwrap();
    holder.take_customer(who(1)).await.unwrap();
    let node = db.impatient(Duration::from_millis(200)).await;
    let attempt = async || {
        let mut tx = node.begin().await?;
        tx.take_customer(who(1)).await?;
        tx.commit().await
    };
    let refused = timeout(Duration::from_secs(3), attempt()).await.expect("it did not give up");
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    holder.commit().await.unwrap();
    attempt().await.unwrap();
    let now = db.read(async |tx| tx.customer(who(1)).await).await.unwrap();
    assert_eq!(now, Customer { version: 3, ..customer(1) });
    node.close().await;
}

async fn a_row_that_cannot_be_is_corrupt(db: &Db) {
    db.write(async |tx| {
        tx.insert_token(who(1), &token(1)).await?;
        tx.insert_verifier(&verifier(1)).await
    })
    .await
    .unwrap();
    db.run("UPDATE tokens SET state = 'borrowed'").await.unwrap();
    db.run("UPDATE verifiers SET state = 'borrowed'").await.unwrap();
    let mut tx = db.store.read().await.unwrap();
    let state = tx.tokens(who(1)).await;
    assert!(matches!(state, Err(StoreError::Corrupt(_))), "{state:?}");
    let id = tx.verifier(who(1), token(1).id).await;
    assert!(matches!(id, Err(StoreError::Corrupt(_))), "{id:?}");
}

#[tokio::test]
async fn writers_of_one_process_do_not_wait_for_ever_on_sqlite() {
    let db = Db::migrated(Engine::Sqlite).await;
    let node = db.impatient(Duration::from_millis(200)).await;
    let holder = node.begin().await.unwrap();
    let refused = timeout(Duration::from_secs(3), node.begin()).await.expect("it waited");
    assert!(matches!(refused, Err(StoreError::Unavailable(Error::PoolTimedOut))), "{refused:?}");
    drop(holder);
    node.begin().await.unwrap().commit().await.unwrap();
    node.close().await;
    db.remove().await;
}

#[tokio::test]
async fn a_full_disk_refuses_undoes_and_heals_on_sqlite() {
    let db = Db::migrated(Engine::Sqlite).await;
    with_customers(&db, &[1]).await;
    let Pools::Sqlite { write, .. } = &db.store.pools else { unreachable!("this is SQLite") };
    let pages: i64 = sqlx::query_scalar("PRAGMA page_count").fetch_one(write).await.unwrap();
    let allow = async |pages: i64| {
        let sql = sqlx::AssertSqlSafe(format!("PRAGMA max_page_count = {pages}"));
        sqlx::query(sql).execute(write).await.unwrap();
    };
    // Over and over: a refusal must not leave the only writing connection inside a transaction.
    for _ in 0..3 {
        allow(pages).await;
        let big = Customer { name: "名".repeat(200_000), ..customer(2) };
        let full = db
            .write(async |tx| {
                tx.take_customer(who(1)).await?;
                tx.insert_customers(&[big]).await
            })
            .await;
        let Err(StoreError::Unavailable(Error::Database(reason))) = &full else {
            panic!("{full:?}")
        };
        assert_eq!(reason.code().as_deref(), Some("13"), "{reason}");
        assert_eq!(full.unwrap_err().trouble(), Some(Trouble::Full));
        assert_eq!(db.read(async |tx| tx.customer(who(1)).await).await, Some(customer(1)));
    }
    allow(1_000_000).await;
    with_customers(&db, &[2]).await;
    let state = db.texts("PRAGMA integrity_check").await;
    assert_eq!(state, ["ok"]);
    db.remove().await;
}

#[tokio::test]
async fn a_batch_on_a_full_disk_or_a_file_that_takes_no_writes_says_which() {
    let db = Db::migrated(Engine::Sqlite).await;
    with_customers(&db, &[1]).await;
    let Batches::Sqlite { line: batch, .. } = &*db.store.batches else {
        unreachable!("this is SQLite")
    };
    let write = || {
        let line = AuditRow { after_json: Some("x".repeat(2_000_000)), ..line(1, NOW) };
        let writes = Arc::new(vec![Write { change: None, line, answered: None }]);
        db.store.write_verifications(writes, Era::default())
    };
    for (how, back, trouble) in [
        ("max_page_count = 1", "max_page_count = 1000000", Trouble::Full),
        ("query_only = on", "query_only = off", Trouble::ReadOnly),
    ] {
        let pragma = |text: &str| {
            let text = format!("PRAGMA {text}");
            batch.run(move |line| Ok(line.prepare(&text)?.query([])?.next().map(|_| ())?))
        };
        pragma(how).await.unwrap();
        assert_eq!(write().await.unwrap_err().trouble(), Some(trouble), "{how}");
        pragma(back).await.unwrap();
    }
    assert_eq!(write().await.unwrap(), [true]);
    db.remove().await;
}

#[tokio::test]
async fn a_connection_that_still_believes_in_a_transaction_is_thrown_away() {
    let db = Db::migrated(Engine::Sqlite).await;
    with_customers(&db, &[1]).await;
    let mut tx = db.store.begin().await.unwrap();
    tx.take_customer(who(1)).await.unwrap();
    // What SQLite does by itself when the disk is full.
    if let crate::engine::Inner::Sqlite(inner) = &mut tx.inner {
        sqlx::query("ROLLBACK").execute(&mut **inner).await.unwrap();
    }
    let lost = tx.commit().await;
    assert!(matches!(lost, Err(StoreError::Unavailable(_))), "{lost:?}");
    let taken = db.write(async |tx| tx.take_customer(who(1)).await).await.unwrap();
    assert_eq!(taken, Some(Customer { version: 2, ..customer(1) }));
    db.remove().await;
}

#[tokio::test]
async fn errors_of_postgresql_say_whether_to_decide_again() {
    let db = Db::migrated(Engine::Postgresql).await;
    let cases = [
        ("40001", true),  // could not serialize
        ("40P01", true),  // deadlock
        ("23505", true),  // double key
        ("53100", false), // disk full
        ("53300", false), // too many connections
        ("55P03", false), // lock timeout
        ("57014", false), // statement timeout
        ("57P01", false), // shut down
        ("58030", false), // input or output
        ("25006", false), // read-only: a standby
    ];
    for (code, again) in cases {
        let raise = format!("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{code}'; END $$");
        let error = db.run(&raise).await.unwrap_err();
        assert_eq!(matches!(error, StoreError::Conflict), again, "{code}: {error:?}");
        assert_eq!(matches!(error, StoreError::Unavailable(_)), !again, "{code}: {error:?}");
        let trouble = match code {
            _ if again => None,
            "53100" => Some(Trouble::Full),
            "25006" => Some(Trouble::ReadOnly),
            _ => Some(Trouble::Away),
        };
        assert_eq!(error.trouble(), trouble, "{code}");
    }
    db.remove().await;
}

#[tokio::test]
async fn connections_that_the_server_cut_are_replaced_without_a_restart() {
    let db = Db::migrated(Engine::Postgresql).await;
    with_customers(&db, &[1]).await;
    let mut cut = db.store.begin().await.unwrap();
    cut.take_customer(who(1)).await.unwrap();
    let admin = db.node().await;
    let Pools::Postgres(pool) = &admin.pools else { unreachable!("this is PostgreSQL") };
    let kill = "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity \
                WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let killed: i64 = sqlx::query_scalar(kill).fetch_one(pool).await.unwrap();
    assert!(killed > 0);
    let lost = cut.commit().await;
    assert!(matches!(lost, Err(StoreError::Unsure(_))), "{lost:?}");
    let taken = db.write(async |tx| tx.take_customer(who(1)).await).await.unwrap();
    assert_eq!(taken, Some(Customer { version: 2, ..customer(1) }));
    admin.close().await;
    db.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_went_away_is_unavailable_until_it_is_back() {
    let db = Db::migrated(Engine::Postgresql).await;
    with_customers(&db, &[1]).await;
    let server = server_address(&db.url);
    let mut wire = Wire::open("127.0.0.1:0", &server).await;
    let url = db.url.replacen(&server, &wire.address, 1);
    let store = Store::connect_within(&settings(&url), Duration::from_secs(1)).await.unwrap();
    let mut open = store.begin().await.unwrap();
    open.take_customer(who(1)).await.unwrap();

    wire.cut().await;
    // Nobody knows whether it was done.
    let lost = open.commit().await;
    assert!(matches!(lost, Err(StoreError::Unsure(_))), "{lost:?}");
    for away in [store.begin().await.err(), store.read().await.err(), store.schema().await.err()] {
        assert!(matches!(away, Some(StoreError::Unavailable(_))), "{away:?}");
    }

    let wire = Wire::open(&wire.address, &server).await;
    let mut tx = store.begin().await.unwrap();
    let taken = tx.take_customer(who(1)).await.unwrap();
    assert_eq!(taken, Some(Customer { version: 2, ..customer(1) }));
    tx.commit().await.unwrap();
    store.close().await;
    drop(wire);
    db.remove().await;
}

/// The wire between a node and its database, which can be cut.
struct Wire {
    address: String,
    lines: JoinSet<()>,
}

impl Wire {
    async fn open(address: &str, server: &str) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = server.to_owned();
        let mut lines = JoinSet::new();
        lines.spawn(async move {
            // Dropped with this task, and with it every line.
            let mut open = JoinSet::new();
            while let Ok((mut near, _)) = listener.accept().await {
                let mut far = TcpStream::connect(&server).await.unwrap();
                open.spawn(async move { copy_bidirectional(&mut near, &mut far).await.map(drop) });
            }
        });
        Self { address, lines }
    }

    async fn cut(&mut self) {
        self.lines.shutdown().await;
    }
}
