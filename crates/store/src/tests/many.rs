//! Rows that come many at a time: each comes back, and a key that somebody has is told.

use std::collections::BTreeSet;

use sqlx::{AssertSqlSafe, Executor};

use super::samples::{NOW, address, bank, customer, line, who};
use crate::{
    Key, StoreError,
    directory::TAKEN,
    engine::Pools,
    many::{ROWS_AT_ONCE, of_many},
    testing::{Db, Engine, both},
};

both!(each_of_many_rows_comes_back, of_many_keys_those_that_somebody_has_are_told);

async fn each_of_many_rows_comes_back(db: &Db) {
    // Two statements full, and one with a single row.
    let numbers: Vec<u8> = (0..=u8::try_from(2 * ROWS_AT_ONCE).unwrap()).collect();
    let customers: Vec<_> = numbers.iter().map(|n| customer(*n)).collect();
    let addresses: Vec<_> = numbers.iter().map(|n| (who(*n), address(*n))).collect();
    let lines: Vec<_> = numbers.iter().map(|n| line(*n, NOW)).collect();
    db.write(async |tx| {
        tx.insert_customers(&customers).await?;
        tx.insert_addresses(&addresses).await?;
        tx.record_all(&lines).await?;
        // None is no row.
        tx.insert_customers(&[]).await
    })
    .await
    .unwrap();
    for n in numbers {
        assert_eq!(db.read(async |tx| tx.customer(who(n)).await).await, Some(customer(n)));
        assert_eq!(db.read(async |tx| tx.addresses(who(n)).await).await, [address(n)]);
    }
    let mut ids: Vec<_> = lines.iter().map(|line| line.id.to_string()).collect();
    ids.sort();
    assert_eq!(db.texts("SELECT id FROM audit ORDER BY id").await, ids);
}

async fn of_many_keys_those_that_somebody_has_are_told(db: &Db) {
    let names: Vec<_> = (0..=2 * ROWS_AT_ONCE).map(|n| format!("hanako{n}")).collect();
    let keys: Vec<_> = names.iter().map(|name| (Key::LoginId, name.as_str(), who(1), "")).collect();
    db.write(async |tx| tx.reserve_all(bank(), &keys, NOW).await).await.unwrap();
    let wanted = ["hanako0", "taro", "hanako200", "HANAKO1", "hanako1\0", "\"", "}'{\\"];
    let taken =
        async |key, values: &[&str]| db.read(async |tx| tx.taken(bank(), key, values).await).await;
    let had = ["hanako0", "hanako200"].map(str::to_owned);
    assert_eq!(taken(Key::LoginId, &wanted).await, BTreeSet::from(had));
    assert_eq!(taken(Key::LoginId, &[]).await, BTreeSet::new());
    assert_eq!(taken(Key::CustomerNumber, &wanted).await, BTreeSet::new());
    // One that is taken is no key for anybody of them.
    let more = [(Key::LoginId, "taro", who(2), ""), (Key::LoginId, "hanako200", who(3), "")];
    let refused = db.write(async |tx| tx.reserve_all(bank(), &more, NOW).await).await;
    assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
    assert_eq!(taken(Key::LoginId, &["taro"]).await, BTreeSet::new());
}

#[tokio::test]
async fn each_of_many_keys_is_found_by_all_of_its_columns_in_a_table_that_was_just_filled() {
    let db = Db::migrated(Engine::Postgresql).await;
    let Pools::Postgres(pool) = &db.store.pools else { unreachable!("this is PostgreSQL") };
    let mut line = pool.acquire().await.unwrap();
    let prepare = AssertSqlSafe(format!("PREPARE p AS {TAKEN}"));
    line.execute(prepare).await.unwrap();
    line.execute("SET plan_cache_mode = force_generic_plan").await.unwrap();
    let explain = "EXPLAIN EXECUTE p('a', 'login_id', ARRAY['b', 'c'])";
    let plan: Vec<String> = sqlx::query_scalar(explain).fetch_all(&mut *line).await.unwrap();
    let plan = plan.join("\n");
    let by_key = plan.lines().any(|l| l.contains("Index Cond") && l.contains("value = wanted"));
    assert!(by_key, "{plan}");
    drop(line);
    db.remove().await;
}

#[test]
fn the_text_of_many_rows_counts_its_places_on() {
    let one = "INSERT INTO a (b, c) VALUES ($1, $2, 1) ON CONFLICT (b, c) DO NOTHING";
    let numbered = |rows| of_many(one, (rows, 2), |n| format!("${n}"));
    assert_eq!(numbered(1), one);
    assert_eq!(
        numbered(3),
        "INSERT INTO a (b, c) VALUES ($1, $2, 1), ($3, $4, 1), ($5, $6, 1) \
         ON CONFLICT (b, c) DO NOTHING"
    );
}
