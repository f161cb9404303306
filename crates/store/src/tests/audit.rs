//! The trail comes back as it was written; on PostgreSQL each line stands in its month.

use std::time::Duration;

use tokio::{task::JoinHandle, time::timeout};
use warifu_core::time::Millis;

use super::samples::{NOW, line, who};
use crate::{
    StoreError,
    audit::AuditRow,
    testing::{Db, Engine, both},
};

both!(
    a_line_comes_back,
    the_trail_of_one_owner_is_read_in_order_and_in_parts,
    a_line_that_cannot_be_written_takes_its_change_with_it,
    only_the_name_of_a_month_becomes_a_table,
    making_the_months_loses_no_line,
);

const NOVEMBER: Millis = Millis(1_793_491_200_000);
const DECEMBER: Millis = Millis(1_796_083_200_000);
const JANUARY: Millis = Millis(1_798_761_600_000);

async fn record(db: &Db, lines: &[AuditRow]) -> Result<(), StoreError> {
    db.write(async |tx| {
        for line in lines {
            tx.record(line).await?;
        }
        Ok(())
    })
    .await
}

async fn trail(db: &Db, since: Millis, limit: i64) -> Vec<AuditRow> {
    let bucket = i64::from(who(1).bucket());
    db.read(async |tx| tx.newest_audit_of(bucket, &who(1).to_string(), since, limit).await).await
}

async fn make_months(db: &Db) -> Result<(), StoreError> {
    db.write(async |tx| {
        tx.add_audit_month("audit_2026_11", NOVEMBER, DECEMBER).await?;
        tx.add_audit_month("audit_2026_12", DECEMBER, JANUARY).await
    })
    .await
}

/// The table that each line stands in, oldest first.
async fn places(db: &Db) -> Vec<String> {
    db.texts("SELECT CAST(tableoid::regclass AS TEXT) FROM audit ORDER BY at, id").await
}

async fn a_line_comes_back(db: &Db) {
    let text = |s: &str| Some(s.to_owned());
    let full = AuditRow {
        token_id: text("tok_1"),
        reason: text("wrong"),
        screen: text("BLI002"),
        address: text("2001:db8::1"),
        device: text("iPhone"),
        request_id: text("r1"),
        correlation: text("ses_1"),
        before_json: text("{\"state\":\"利用中\"}"),
        after_json: text("{}"),
        ..line(2, NOW)
    };
    record(db, &[full.clone(), line(1, NOW)]).await.unwrap();
    assert_eq!(trail(db, Millis(0), 10).await, [line(1, NOW), full]);
}

async fn the_trail_of_one_owner_is_read_in_order_and_in_parts(db: &Db) {
    let others = AuditRow { customer_id: who(2).to_string(), ..line(9, NOW) };
    let at = |n: u8| line(n, Millis(NOW.0 - i64::from(n)));
    record(db, &[at(1), at(3), at(2), others]).await.unwrap();
    assert_eq!(trail(db, Millis(0), 2).await, [at(2), at(1)]);
    assert_eq!(trail(db, Millis(NOW.0 - 2), 9).await, [at(2), at(1)]);
}

async fn a_line_that_cannot_be_written_takes_its_change_with_it(db: &Db) {
    record(db, &[line(1, NOW)]).await.unwrap();
    let outcome = db
        .write(async |tx| {
            tx.insert_customers(&[super::samples::customer(1)]).await?;
            tx.record(&line(1, NOW)).await
        })
        .await;
    assert!(matches!(outcome, Err(StoreError::Conflict)), "{outcome:?}");
    assert_eq!(db.read(async |tx| tx.customer(who(1)).await).await, None);
}

async fn only_the_name_of_a_month_becomes_a_table(db: &Db) {
    for name in [
        "",
        "audit",
        "audit_other",
        "audit_2026",
        "audit_202_611",
        "audit_2026_1",
        "audit_2026_11; DROP TABLE audit",
        "audit_２０２６_１１",
        "customers",
    ] {
        let refused = db.write(async |tx| tx.add_audit_month(name, NOVEMBER, DECEMBER).await).await;
        assert!(matches!(refused, Err(StoreError::Corrupt(_))), "{name}: {refused:?}");
    }
}

async fn making_the_months_loses_no_line(db: &Db) {
    let lines = [
        line(1, Millis(NOVEMBER.0 - 1)),
        line(2, NOVEMBER),
        line(3, NOW),
        line(4, Millis(DECEMBER.0 - 1)),
        line(5, DECEMBER),
        line(6, JANUARY),
    ];
    record(db, &lines[..4]).await.unwrap();
    make_months(db).await.unwrap();
    record(db, &lines[4..]).await.unwrap();
    make_months(db).await.unwrap();
    assert_eq!(trail(db, Millis(0), 100).await, lines);
    assert_eq!(trail(db, NOW, 100).await, lines[2..]);
    let twice = record(db, &lines[2..3]).await;
    assert!(matches!(twice, Err(StoreError::Conflict)), "{twice:?}");
}

#[tokio::test]
async fn lines_stand_in_their_month_and_others_in_the_default_partition() {
    let db = Db::migrated(Engine::Postgresql).await;
    make_months(&db).await.unwrap();
    let moments = [NOVEMBER.0 - 1, NOVEMBER.0, DECEMBER.0 - 1, DECEMBER.0, JANUARY.0];
    let lines: Vec<_> = (1..).zip(moments).map(|(n, at)| line(n, Millis(at))).collect();
    record(&db, &lines).await.unwrap();
    let expected =
        ["audit_other", "audit_2026_11", "audit_2026_11", "audit_2026_12", "audit_other"];
    assert_eq!(places(&db).await, expected);
    db.remove().await;
}

#[tokio::test]
async fn lines_written_before_their_month_was_made_move_into_it() {
    let db = Db::migrated(Engine::Postgresql).await;
    let lines: Vec<_> = [NOVEMBER.0 - 1, NOVEMBER.0, NOW.0, DECEMBER.0]
        .into_iter()
        .zip(1..)
        .map(|(at, n)| line(n, Millis(at)))
        .collect();
    record(&db, &lines).await.unwrap();
    assert_eq!(places(&db).await, ["audit_other"; 4]);
    make_months(&db).await.unwrap();
    let expected = ["audit_other", "audit_2026_11", "audit_2026_11", "audit_2026_12"];
    assert_eq!(places(&db).await, expected);
    assert_eq!(trail(&db, Millis(0), 10).await, lines);
    db.remove().await;
}

#[tokio::test]
async fn a_month_made_late_has_the_same_indexes_as_the_trail() {
    let db = Db::migrated(Engine::Postgresql).await;
    make_months(&db).await.unwrap();
    let indexes = async |table: &str| {
        db.texts(&format!(
            "SELECT substring(indexdef FROM 'USING .*') FROM pg_indexes \
             WHERE tablename = '{table}' ORDER BY 1"
        ))
        .await
    };
    assert_eq!(indexes("audit_2026_11").await, indexes("audit_other").await);
    assert_eq!(indexes("audit_2026_11").await.len(), 1);
    db.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_makes_a_month_second_waits_and_finds_it_made() {
    let db = Db::migrated(Engine::Postgresql).await;
    record(&db, &[line(1, NOW)]).await.unwrap();
    let mut first = db.store.begin().await.unwrap();
    first.add_audit_month("audit_2026_11", NOVEMBER, DECEMBER).await.unwrap();
    let mut second = make_november(&db);
    assert!(timeout(Duration::from_millis(300), &mut second).await.is_err(), "it did not wait");
    first.commit().await.unwrap();
    second.await.unwrap().unwrap();
    assert_eq!(places(&db).await, ["audit_2026_11"]);
    db.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_month_waits_for_a_line_that_is_being_written() {
    let db = Db::migrated(Engine::Postgresql).await;
    let mut writer = db.store.begin().await.unwrap();
    writer.record(&line(1, NOW)).await.unwrap();
    let mut maker = make_november(&db);
    assert!(timeout(Duration::from_millis(300), &mut maker).await.is_err(), "it did not wait");
    writer.commit().await.unwrap();
    maker.await.unwrap().unwrap();
    assert_eq!(places(&db).await, ["audit_2026_11"]);
    db.remove().await;
}

fn make_november(db: &Db) -> JoinHandle<Result<(), StoreError>> {
    let node = db.store.clone();
    tokio::spawn(async move {
        let mut tx = node.begin().await?;
        tx.add_audit_month("audit_2026_11", NOVEMBER, DECEMBER).await?;
        tx.commit().await
    })
}
