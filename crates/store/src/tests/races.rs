//! What happens when two want the same at once: one is first, the other waits or decides again, and
//! what was given up leaves nothing behind.

use std::time::Duration;

use tokio::{task::JoinSet, time::timeout};
use warifu_core::{
    counter::Counter,
    token::State,
    verify::{Drift, Off},
};

use super::samples::{NOW, customer, subject, token, verifier, who, with_customers};
use crate::{
    Customer, Era, Key, Store, StoreError, VerifierRow,
    testing::{Db, Engine, both},
};

both!(
    a_step_is_accepted_once_of_fifty_at_the_same_time,
    no_step_is_accepted_that_is_not_above_the_last_and_the_floor,
    nothing_is_accepted_on_a_row_that_has_changed,
    nothing_is_accepted_on_a_stopped_row,
    a_failure_is_counted_on_the_row_that_was_decided_on,
    who_takes_a_token_keeps_what_was_decided_before_from_being_written,
    what_an_acceptance_teaches_of_a_clock_is_kept_with_it,
    who_takes_a_customer_second_waits_and_sees_what_the_first_did,
    who_takes_a_counter_second_waits_and_sees_what_the_first_did,
    one_of_two_gets_a_login_id,
    a_reader_never_waits_for_a_writer,
    a_reader_sees_one_moment,
    a_reader_cannot_write,
    a_dropped_transaction_is_undone,
    a_cancelled_task_undoes_its_transaction_and_blocks_nobody,
    a_transaction_with_a_failed_statement_commits_nothing,
);

const SHORT: Duration = Duration::from_millis(300);

async fn with_verifier(db: &Db, v: VerifierRow) -> VerifierRow {
    db.write(async |tx| tx.insert_verifier(&v).await).await.unwrap();
    v
}

async fn stored(db: &Db, v: &VerifierRow) -> VerifierRow {
    db.read(async |tx| tx.verifier(v.customer_id, v.token_id).await).await.unwrap()
}

async fn accept(store: Store, v: VerifierRow, step: i64) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    tx.accept_step(&v, (step, Era::default()), None).await?;
    tx.commit().await
}

async fn a_step_is_accepted_once_of_fifty_at_the_same_time(db: &Db) {
    let v = with_verifier(db, verifier(1)).await;
    let nodes = [db.store.clone(), db.node().await];
    let mut tasks = JoinSet::new();
    for n in 0..50 {
        tasks.spawn(accept(nodes[n % 2].clone(), v.clone(), 1_000));
    }
    let outcomes = tasks.join_all().await;
    let accepted = outcomes.iter().filter(|o| o.is_ok()).count();
    let conflicts = outcomes.iter().filter(|o| matches!(o, Err(StoreError::Conflict))).count();
    assert_eq!((accepted, conflicts), (1, 49), "{outcomes:?}");
    let expected = VerifierRow { last_step: 1_000, version: 2, ..v };
    assert_eq!(stored(db, &expected).await, expected);
    nodes[1].close().await;
}

async fn no_step_is_accepted_that_is_not_above_the_last_and_the_floor(db: &Db) {
    let v = with_verifier(db, verifier(1)).await;
    for step in [i64::MIN, 0, 4, v.floor_step] {
        let below = accept(db.store.clone(), v.clone(), step).await;
        assert!(matches!(below, Err(StoreError::Conflict)), "{step}: {below:?}");
    }
    accept(db.store.clone(), v.clone(), 6).await.unwrap();
    let fresh = stored(db, &v).await;
    for step in [5, 6] {
        let spent = accept(db.store.clone(), fresh.clone(), step).await;
        assert!(matches!(spent, Err(StoreError::Conflict)), "{step}: {spent:?}");
    }
    accept(db.store.clone(), fresh, 7).await.unwrap();
    assert_eq!(stored(db, &v).await.last_step, 7);
}

async fn nothing_is_accepted_on_a_row_that_has_changed(db: &Db) {
    let v = with_verifier(db, verifier(1)).await;
    db.write(async |tx| tx.set_verifier(v.customer_id, v.token_id, State::InUse, false).await)
        .await
        .unwrap();
    let stale = accept(db.store.clone(), v.clone(), 1_000).await;
    assert!(matches!(stale, Err(StoreError::Conflict)), "{stale:?}");
    assert_eq!(stored(db, &v).await.last_step, -1);
}

async fn nothing_is_accepted_on_a_stopped_row(db: &Db) {
    let suspended = with_verifier(db, verifier(1)).await;
    let locked = with_verifier(db, verifier(2)).await;
    let counter = Counter { failures: 10, locked_until: None, locked: true };
    db.write(async |tx| {
        tx.set_verifier(suspended.customer_id, suspended.token_id, State::InUse, true).await?;
        tx.count_failure(&locked, &counter).await
    })
    .await
    .unwrap();
    for v in [suspended, locked] {
        // Even to someone who read the row after it was stopped.
        let fresh = stored(db, &v).await;
        let outcome = accept(db.store.clone(), fresh, 1_000).await;
        assert!(matches!(outcome, Err(StoreError::Conflict)), "{outcome:?}");
        assert_eq!(stored(db, &v).await.last_step, -1);
    }
}

async fn a_failure_is_counted_on_the_row_that_was_decided_on(db: &Db) {
    let v = with_verifier(db, verifier(1)).await;
    let failed = Counter { failures: 1, ..Counter::cleared() };
    db.write(async |tx| tx.count_failure(&v, &failed).await).await.unwrap();
    let stale = db.write(async |tx| tx.count_failure(&v, &failed).await).await;
    assert!(matches!(stale, Err(StoreError::Conflict)), "{stale:?}");
    let fresh = stored(db, &v).await;
    assert_eq!(fresh.failures, 1);
    let until = Counter { failures: 2, locked_until: Some(NOW), locked: false };
    db.write(async |tx| tx.count_failure(&fresh, &until).await).await.unwrap();
    accept(db.store.clone(), stored(db, &v).await, 1_000).await.unwrap();
    assert_eq!(stored(db, &v).await.counter(), Counter::cleared());
}

async fn who_takes_a_customer_second_waits_and_sees_what_the_first_did(db: &Db) {
    with_customers(db, &[1]).await;
    let mut first = db.store.begin().await.unwrap();
    let taken = first.take_customer(who(1)).await.unwrap().unwrap();
    let other = db.node().await;
    let mut second = tokio::spawn(async move {
        let mut tx = other.begin().await?;
        let taken = tx.take_customer(who(1)).await?;
        tx.commit().await?;
        Ok::<_, StoreError>(taken.unwrap())
    });
    assert!(timeout(SHORT, &mut second).await.is_err(), "it did not wait");
    let changed = Customer { otp_required: true, hold_until: Some(7), ..taken };
    first.save_customer(&changed).await.unwrap();
    first.commit().await.unwrap();
    let seen = second.await.unwrap().unwrap();
    assert_eq!(seen, Customer { version: 3, ..changed });
}

async fn who_takes_a_counter_second_waits_and_sees_what_the_first_did(db: &Db) {
    let mut first = db.store.begin().await.unwrap();
    // Not there yet: both would make it.
    let taken = first.take_counter(&subject("login"), NOW).await.unwrap();
    let other = db.node().await;
    let mut second = tokio::spawn(async move {
        let mut tx = other.begin().await?;
        let taken = tx.take_counter(&subject("login"), NOW).await?;
        let counter = Counter { failures: taken.counter().failures + 1, ..taken.counter() };
        tx.save_counter(&subject("login"), &taken, &counter, NOW).await?;
        tx.commit().await
    });
    assert!(timeout(SHORT, &mut second).await.is_err(), "it did not wait");
    let counter = Counter { failures: 4, ..Counter::cleared() };
    first.save_counter(&subject("login"), &taken, &counter, NOW).await.unwrap();
    first.commit().await.unwrap();
    second.await.unwrap().unwrap();
    let now = db.read(async |tx| tx.counter(&subject("login")).await).await.unwrap();
    assert_eq!(now.counter().failures, 5);
}

async fn one_of_two_gets_a_login_id(db: &Db) {
    let mut tasks = JoinSet::new();
    for n in 0..10 {
        let store = db.store.clone();
        tasks.spawn(async move {
            let mut tx = store.begin().await?;
            let bank = super::samples::bank();
            tx.reserve(bank, Key::LoginId, "hanako", who(n), "", NOW).await?;
            tx.commit().await
        });
    }
    let outcomes = tasks.join_all().await;
    assert_eq!(outcomes.iter().filter(|o| o.is_ok()).count(), 1, "{outcomes:?}");
    assert!(
        outcomes.iter().all(|o| matches!(o, Ok(()) | Err(StoreError::Conflict))),
        "{outcomes:?}"
    );
}

async fn a_reader_never_waits_for_a_writer(db: &Db) {
    with_customers(db, &[1]).await;
    let mut writer = db.store.begin().await.unwrap();
    let taken = writer.take_customer(who(1)).await.unwrap().unwrap();
    writer.save_customer(&Customer { otp_required: true, ..taken }).await.unwrap();
    let read = async || db.read(async |tx| tx.customer(who(1)).await).await.unwrap();
    let seen = timeout(Duration::from_secs(3), read()).await.expect("it waited");
    assert_eq!(seen, customer(1));
    writer.commit().await.unwrap();
    assert!(read().await.otp_required);
}

async fn a_reader_sees_one_moment(db: &Db) {
    with_customers(db, &[1]).await;
    let mut reader = db.store.read().await.unwrap();
    assert_eq!(reader.customer(who(1)).await.unwrap(), Some(customer(1)));
    db.write(async |tx| tx.take_customer(who(1)).await).await.unwrap();
    assert_eq!(reader.customer(who(1)).await.unwrap(), Some(customer(1)));
    drop(reader);
    let now = db.read(async |tx| tx.customer(who(1)).await).await.unwrap();
    assert_eq!(now.version, 2);
}

async fn a_reader_cannot_write(db: &Db) {
    with_customers(db, &[1]).await;
    let mut reader = db.store.read().await.unwrap();
    let refused = reader.take_customer(who(1)).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    drop(reader);
    assert_eq!(db.read(async |tx| tx.customer(who(1)).await).await, Some(customer(1)));
}

async fn a_dropped_transaction_is_undone(db: &Db) {
    with_customers(db, &[1]).await;
    let mut tx = db.store.begin().await.unwrap();
    tx.take_customer(who(1)).await.unwrap();
    tx.insert_customers(&[customer(2)]).await.unwrap();
    drop(tx);
    assert_eq!(db.read(async |tx| tx.customer(who(1)).await).await, Some(customer(1)));
    assert_eq!(db.read(async |tx| tx.customer(who(2)).await).await, None);
    db.write(async |tx| tx.insert_customers(&[customer(2)]).await).await.unwrap();
}

async fn a_cancelled_task_undoes_its_transaction_and_blocks_nobody(db: &Db) {
    with_customers(db, &[1]).await;
    for n in 0..60 {
        let store = db.store.clone();
        let task = tokio::spawn(async move {
            let mut tx = store.begin().await?;
            for _ in 0..20 {
                let taken = tx.take_customer(who(1)).await?.unwrap();
                tx.save_customer(&Customer { otp_required: true, ..taken }).await?;
            }
            std::future::pending::<()>().await;
            tx.commit().await
        });
        // Each time a little later: while it begins, while a statement runs, between two of them.
        tokio::time::sleep(Duration::from_micros(n * 150)).await;
        task.abort();
        let ended = task.await;
        assert!(ended.is_err_and(|e| e.is_cancelled()));
    }
    let next = db.write(async |tx| tx.take_customer(who(1)).await);
    let taken = timeout(Duration::from_secs(5), next).await.expect("the row is still taken");
    assert_eq!(taken.unwrap(), Some(Customer { version: 2, ..customer(1) }));
}

async fn a_transaction_with_a_failed_statement_commits_nothing(db: &Db) {
    with_customers(db, &[1]).await;
    let mut tx = db.store.begin().await.unwrap();
    tx.insert_customers(&[customer(2)]).await.unwrap();
    let double = tx.insert_customers(&[customer(1)]).await;
    assert!(matches!(double, Err(StoreError::Conflict)), "{double:?}");
    // Whoever overlooks the error must not be told that all is well.
    let outcome = tx.commit().await;
    assert!(matches!(outcome, Err(StoreError::Conflict)), "{outcome:?}");
    assert_eq!(db.read(async |tx| tx.customer(who(2)).await).await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_that_wait_for_each_other_one_decides_again() {
    let db = Db::migrated(Engine::Postgresql).await;
    with_customers(&db, &[1, 2]).await;
    let (mut one, mut two) = (db.store.begin().await.unwrap(), db.store.begin().await.unwrap());
    one.take_customer(who(1)).await.unwrap();
    two.take_customer(who(2)).await.unwrap();
    let first = tokio::spawn(async move {
        one.take_customer(who(2)).await?;
        one.commit().await
    });
    let second = tokio::spawn(async move {
        two.take_customer(who(1)).await?;
        two.commit().await
    });
    let outcomes = [first.await.unwrap(), second.await.unwrap()];
    assert_eq!(outcomes.iter().filter(|o| o.is_ok()).count(), 1, "{outcomes:?}");
    let conflicts = outcomes.iter().filter(|o| matches!(o, Err(StoreError::Conflict)));
    assert_eq!(conflicts.count(), 1, "{outcomes:?}");
    db.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_of_one_process_queue_on_sqlite() {
    let db = Db::migrated(Engine::Sqlite).await;
    with_customers(&db, &[1]).await;
    let mut tasks = JoinSet::new();
    for _ in 0..40 {
        let store = db.store.clone();
        tasks.spawn(async move {
            let mut tx = store.begin().await?;
            tx.take_customer(who(1)).await?;
            tx.commit().await
        });
    }
    for outcome in tasks.join_all().await {
        outcome.unwrap();
    }
    let now = db.read(async |tx| tx.customer(who(1)).await).await.unwrap();
    assert_eq!(now.version, 41);
    db.remove().await;
}

async fn who_takes_a_token_keeps_what_was_decided_before_from_being_written(db: &Db) {
    let v = with_verifier(db, verifier(1)).await;
    let mut tx = db.store.begin().await.unwrap();
    let taken = tx.take_verifier(v.customer_id, v.token_id).await.unwrap().unwrap();
    assert_eq!(taken, VerifierRow { version: 2, ..v.clone() });
    let second = tokio::spawn(accept(db.store.clone(), v.clone(), 1_000));
    tx.accept_step(&taken, (900, Era::default()), None).await.unwrap();
    tx.commit().await.unwrap();
    assert!(matches!(second.await.unwrap(), Err(StoreError::Conflict)));
    assert_eq!(stored(db, &v).await.last_step, 900);
    let nobody = db.write(async |tx| tx.take_verifier(v.customer_id, token(9).id).await).await;
    assert_eq!(nobody.unwrap(), None);
}

async fn what_an_acceptance_teaches_of_a_clock_is_kept_with_it(db: &Db) {
    let mut row = with_verifier(db, verifier(1)).await;
    for (step, learned) in [
        (10, Drift { steps: 0, off: Some((Off::Slow, NOW)) }),
        (20, Drift { steps: -1, off: None }),
        (30, Drift { steps: -1, off: Some((Off::Fast, NOW)) }),
    ] {
        let accepted = db
            .write(async |tx| tx.accept_step(&row, (step, Era::default()), Some(learned)).await)
            .await;
        accepted.unwrap();
        row = stored(db, &row).await;
        assert_eq!((row.last_step, row.drift()), (step, learned));
    }
    // One that teaches nothing leaves what is known.
    db.write(async |tx| tx.accept_step(&row, (40, Era::default()), None).await).await.unwrap();
    assert_eq!(stored(db, &row).await.drift(), row.drift());
}
