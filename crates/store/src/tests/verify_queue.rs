//! Batches of verifications: read by one statement, written by one commit, each entry on the version
//! that it was decided on.

use std::sync::Arc;

use warifu_core::{counter::Counter, ids::ApiKeyId, time::Millis, token::State};

use super::samples::{NOW, bank, customer, line, verifier, who};
use crate::{
    Answered, ApiKey, Change, Era, Key, Once, Read, StoreError, VerifierRow, Wanted, Whose, Write,
    audit::AuditRow,
    testing::{Db, Engine, both},
};

both!(
    a_customer_whose_transactions_are_held_meanwhile_is_decided_again,
    tokens_are_found_by_login_id_and_by_customer_of_their_bank_only,
    an_entry_is_written_on_the_version_it_was_decided_on_or_not_at_all,
    a_step_that_is_not_above_the_last_and_the_floor_is_never_spent,
    entries_without_a_change_leave_their_line,
    an_answer_is_kept_once_and_undoes_the_batch_that_would_keep_it_twice,
    lines_of_batches_and_of_acts_are_read_back_in_one_order,
    one_that_cannot_be_read_fails_alone,
    hundreds_of_entries_go_at_once,
    keys_are_revoked_once_and_their_use_is_noted_now_and_then,
);

fn other_bank() -> warifu_core::ids::InstitutionId {
    warifu_core::ids::InstitutionId::from_bytes([2; 16])
}

async fn with_tokens(db: &Db, numbers: &[u8]) {
    db.write(async |tx| {
        for n in numbers {
            tx.insert_customers(&[customer(*n)]).await?;
            tx.reserve(bank(), Key::LoginId, &format!("hanako{n}"), who(*n), "", NOW).await?;
            tx.insert_verifier(&verifier(*n)).await?;
        }
        Ok(())
    })
    .await
    .unwrap();
}

/// Reads a batch; in the order of its entries.
async fn read(db: &Db, wanted: &[Wanted]) -> Vec<Read> {
    let mut found = db.store.read_verifiers(wanted.to_vec()).await.unwrap();
    found.sort_by_key(|(place, _)| *place);
    found
}

/// Writes a batch to where its rows lie now.
async fn write(db: &Db, writes: &[Write]) -> Result<Vec<bool>, StoreError> {
    let mut writes = writes.to_vec();
    for change in writes.iter_mut().filter_map(|write| write.change.as_mut()) {
        let found = read(db, &[wanted(Whose::Customer(change.customer))]).await;
        change.place = match &found[..] {
            [(0, Ok(found))] => found.place.clone(),
            _ => None,
        };
    }
    db.store.write_verifications(Arc::new(writes), Era::default()).await
}

fn wanted(whose: Whose) -> Wanted {
    Wanted { institution: bank(), whose, state: State::InUse, once: None }
}

fn login(n: u8) -> Whose {
    Whose::LoginId(format!("hanako{n}"))
}

async fn present(db: &Db, n: u8) -> VerifierRow {
    let row = verifier(n);
    db.read(async |tx| tx.verifier(row.customer_id, row.token_id).await).await.unwrap()
}

fn entry(n: u8, version: i64, accept: Option<i64>) -> Write {
    let row = verifier(n);
    let failures = u32::from(accept.is_none());
    Write {
        change: Some(Change {
            bucket: row.bucket,
            customer: row.customer_id,
            token: row.token_id,
            place: None,
            version,
            accept,
            counter: Counter { failures, ..Counter::cleared() },
        }),
        line: line(n, NOW),
        answered: None,
    }
}

async fn lines(db: &Db) -> usize {
    db.texts("SELECT id FROM audit").await.len()
}

async fn tokens_are_found_by_login_id_and_by_customer_of_their_bank_only(db: &Db) {
    with_tokens(db, &[1, 2]).await;
    let found = read(
        db,
        &[
            wanted(Whose::LoginId("nobody".to_owned())),
            wanted(login(2)),
            wanted(Whose::Customer(who(1))),
            Wanted { institution: other_bank(), ..wanted(login(1)) },
            Wanted { institution: other_bank(), ..wanted(Whose::Customer(who(1))) },
            Wanted { state: State::Activated, ..wanted(login(1)) },
            wanted(Whose::Customer(who(9))),
        ],
    )
    .await;
    let found: Vec<_> = found.into_iter().map(|(place, c)| (place, c.unwrap().verifier)).collect();
    assert_eq!(found, [(1, verifier(2)), (2, verifier(1))]);
    assert!(read(db, &[]).await.is_empty());
}

async fn an_entry_is_written_on_the_version_it_was_decided_on_or_not_at_all(db: &Db) {
    with_tokens(db, &[1, 2, 3]).await;
    let batch = [entry(1, 1, Some(7)), entry(2, 5, Some(7)), entry(3, 1, None)];
    assert_eq!(write(db, &batch).await.unwrap(), [true, false, true]);
    let (one, two, three) = (present(db, 1).await, present(db, 2).await, present(db, 3).await);
    assert_eq!((one.last_step, one.failures, one.version), (7, 0, 2));
    assert_eq!(two, verifier(2));
    assert_eq!((three.last_step, three.failures, three.version), (-1, 1, 2));
    assert_eq!(lines(db).await, 2, "who was not written left no line");
    // The same batch again has been decided on what is not so any more.
    let again = [
        Write { line: line(11, NOW), ..entry(1, 1, Some(8)) },
        Write { line: line(13, NOW), ..entry(3, 1, None) },
    ];
    assert_eq!(write(db, &again).await.unwrap(), [false, false]);
    assert_eq!(lines(db).await, 2);
}

async fn a_customer_whose_transactions_are_held_meanwhile_is_decided_again(db: &Db) {
    with_tokens(db, &[1, 2]).await;
    let held = db.write(async |tx| tx.hold_verifiers(who(1), Some(NOW.0)).await).await;
    assert_eq!(held.unwrap(), 1);
    assert_eq!(present(db, 1).await.hold_until, Some(NOW.0));
    let batch = [entry(1, 1, Some(7)), entry(2, 1, Some(7))];
    assert_eq!(write(db, &batch).await.unwrap(), [false, true]);
}

async fn a_step_that_is_not_above_the_last_and_the_floor_is_never_spent(db: &Db) {
    with_tokens(db, &[1]).await;
    // The floor of the samples is 5.
    for (step, version, spent) in [(5, 1, false), (6, 1, true), (6, 2, false), (7, 2, true)] {
        let entry = Write {
            line: line(u8::try_from(step * 10 + version).unwrap(), NOW),
            ..entry(1, version, Some(step))
        };
        let written = write(db, &[entry]).await.unwrap();
        assert_eq!(written, [spent], "step {step} on version {version}");
    }
    let row = verifier(1);
    db.write(async |tx| tx.set_verifier(row.customer_id, row.token_id, State::InUse, true).await)
        .await
        .unwrap();
    let entry = Write { line: line(99, NOW), ..entry(1, 4, Some(9)) };
    assert_eq!(write(db, &[entry]).await.unwrap(), [false], "suspended");
    assert_eq!(present(db, 1).await.last_step, 7);
}

async fn entries_without_a_change_leave_their_line(db: &Db) {
    with_tokens(db, &[1]).await;
    let batch = [Write { change: None, ..entry(1, 1, None) }];
    assert_eq!(write(db, &batch).await.unwrap(), [true]);
    assert_eq!(present(db, 1).await, verifier(1));
    let bucket = i64::from(who(1).bucket());
    let owner = who(1).to_string();
    let kept = db.read(async |tx| tx.newest_audit_of(bucket, &owner, Millis(0), 9).await).await;
    assert_eq!(kept, [line(1, NOW)], "every column as it was given");
}

async fn lines_of_batches_and_of_acts_are_read_back_in_one_order(db: &Db) {
    with_tokens(db, &[1, 2]).await;
    let later = |n: u8| Millis(NOW.0 + i64::from(n));
    let of_batch = |n: u8, version, change: bool| {
        let entry = entry(1, version, None);
        Write { line: line(n, later(n)), change: entry.change.filter(|_| change), ..entry }
    };
    let others = entry(2, 1, Some(7));
    let others = Write {
        line: AuditRow {
            bucket: i64::from(who(2).bucket()),
            customer_id: who(2).to_string(),
            ..line(50, NOW)
        },
        ..others
    };
    assert_eq!(write(db, &[of_batch(1, 1, true), others]).await.unwrap(), [true, true]);
    db.write(async |tx| tx.record(&line(2, later(2))).await).await.unwrap();
    // One that was decided on another version is not written, and breaks nothing off.
    let batch = [of_batch(3, 2, true), of_batch(4, 0, false)];
    assert_eq!(write(db, &batch).await.unwrap(), [true, true]);
    assert_eq!(write(db, &[of_batch(60, 2, true)]).await.unwrap(), [false]);
    assert_eq!(write(db, &[of_batch(5, 3, true)]).await.unwrap(), [true]);
    let (bucket, owner) = (i64::from(who(1).bucket()), who(1).to_string());
    for (since, limit, found) in [(0, 9, 1..=5), (0, 3, 3..=5), (later(2).0, 9, 2..=5)] {
        let read = db
            .read(async |tx| tx.newest_audit_of(bucket, &owner, Millis(since), limit).await)
            .await;
        let wanted: Vec<_> = found.map(|n| line(n, later(n))).collect();
        assert_eq!(read, wanted, "since {since}, {limit} at most");
    }
}

fn answered(n: u8, api_key: &str) -> Answered {
    Answered {
        bucket: i64::from(who(n).bucket()),
        customer_id: who(n).to_string(),
        once: Once { api_key: api_key.to_owned(), purpose: "login", key_hash: "ab12".to_owned() },
        mac: vec![0, 255],
        answer: "{}".to_owned(),
        created_at: NOW.0,
    }
}

async fn an_answer_is_kept_once_and_undoes_the_batch_that_would_keep_it_twice(db: &Db) {
    with_tokens(db, &[1, 2]).await;
    let with = |entry: Write| Write { answered: Some(answered(1, "key_1")), ..entry };
    assert_eq!(write(db, &[with(entry(1, 1, Some(7)))]).await.unwrap(), [true]);
    let again = [
        Write { line: line(12, NOW), ..entry(2, 1, Some(7)) },
        Write { line: line(11, NOW), ..with(entry(1, 2, Some(8))) },
    ];
    let refused = write(db, &again).await;
    assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
    assert_eq!(present(db, 2).await, verifier(2), "the other entry neither");
    assert_eq!((present(db, 1).await.last_step, lines(db).await), (7, 1));
    // It is found with its token, and under its own key only.
    let once = |api_key: &str| Some(answered(1, api_key).once);
    let asked = [
        Wanted { once: once("key_1"), ..wanted(login(1)) },
        Wanted { once: once("key_2"), ..wanted(login(1)) },
        Wanted { once: once("key_1"), ..wanted(login(2)) },
    ];
    let found: Vec<_> = read(db, &asked).await.into_iter().map(|(_, c)| c.unwrap()).collect();
    let kept: Vec<_> = found.iter().map(|c| (c.answer.as_deref(), c.mac.as_deref())).collect();
    assert_eq!(kept, [(Some("{}"), Some(&[0, 255][..])), (None, None), (None, None)]);
    let owner = (i64::from(who(1).bucket()), who(1).to_string());
    let read = async || {
        let once = once("key_1").unwrap();
        db.read(async |tx| tx.answer(&owner, &once).await).await
    };
    assert_eq!(read().await, Some(("{}".to_owned(), vec![0, 255])));
    let twice = db.write(async |tx| tx.keep_answer(&answered(1, "key_1")).await).await;
    assert!(matches!(twice, Err(StoreError::Conflict)), "{twice:?}");
    let sweep = async |before: i64| {
        db.write(async |tx| tx.sweep_answers(Millis(before)).await).await.unwrap()
    };
    assert_eq!((sweep(NOW.0).await, sweep(NOW.0 + 1).await), (0, 1));
    assert_eq!(read().await, None);
}

async fn one_that_cannot_be_read_fails_alone(db: &Db) {
    with_tokens(db, &[1, 2]).await;
    db.run(&format!("UPDATE verifiers SET token_id = 'tok_1' WHERE customer_id = '{}'", who(1)))
        .await
        .unwrap();
    let found = read(db, &[wanted(login(1)), wanted(login(2))]).await;
    assert!(matches!(found[0], (0, Err(StoreError::Corrupt(_)))), "{found:?}");
    assert!(found[1].1.is_ok(), "{found:?}");
}

async fn hundreds_of_entries_go_at_once(db: &Db) {
    let numbers: Vec<u8> = (1..=200).collect();
    with_tokens(db, &numbers).await;
    let asked: Vec<_> = numbers.iter().map(|n| wanted(login(*n))).collect();
    assert_eq!(read(db, &asked).await.len(), 200);
    let batch: Vec<_> = numbers.iter().map(|n| entry(*n, 1, Some(7))).collect();
    assert!(write(db, &batch).await.unwrap().iter().all(|written| *written));
    assert_eq!(lines(db).await, 200);
    assert!(write(db, &[]).await.unwrap().is_empty());
    let batching = db.store.batching();
    assert!((1..=2).contains(&batching.at_once) && !batching.by_bucket);
}

async fn keys_are_revoked_once_and_their_use_is_noted_now_and_then(db: &Db) {
    let key = |n: u8| ApiKey {
        id: ApiKeyId::from_bytes([n; 16]),
        name: "勘定系".to_owned(),
        scopes: "verifications:login".to_owned(),
        mac: vec![n; 32],
        created_at: NOW.0,
        revoked_at: None,
        last_used_at: None,
    };
    db.write(async |tx| {
        tx.insert_api_key(bank(), &key(1)).await?;
        tx.insert_api_key(bank(), &key(2)).await?;
        tx.insert_api_key(other_bank(), &key(3)).await
    })
    .await
    .unwrap();
    let all = db.read(async |tx| tx.api_keys(bank()).await.map(Some)).await.unwrap();
    assert_eq!(all, [key(2), key(1)]);
    let one = async |bank| db.read(async |tx| tx.api_key(bank, key(1).id).await).await;
    assert_eq!((one(bank()).await, one(other_bank()).await), (Some(key(1)), None));
    for (before, at, rows) in [(0, 5, 1), (5, 6, 0), (6, 7, 1)] {
        let when = (Millis(before), Millis(at));
        let noted = db.write(async |tx| tx.touch_api_key(bank(), key(1).id, when).await).await;
        assert_eq!(noted.unwrap(), rows);
    }
    for (bank, rows) in [(other_bank(), 0), (bank(), 1), (bank(), 0)] {
        let revoked = db.write(async |tx| tx.revoke_api_key(bank, key(1).id, NOW).await).await;
        assert_eq!(revoked.unwrap(), rows);
    }
    let now = one(bank()).await.unwrap();
    assert_eq!((now.last_used_at, now.revoked_at), (Some(7), Some(NOW.0)));
}

// What is done where tables lie on many servers, on one.
#[tokio::test]
async fn where_tables_are_distributed_a_batch_is_read_and_written_row_by_row() {
    let db = Db::migrated(Engine::Postgresql).await;
    let numbers: Vec<u8> = (1..=60).collect();
    with_tokens(&db, &numbers).await;
    let node = db.distributed().await;
    assert!(node.batching().by_bucket);
    let of = |n: u8| Whose::Customer(who(n));
    // Two who share a bucket, and one who does not.
    let (first, second) = (1..60)
        .flat_map(|n| (n + 1..=60).map(move |m| (n, m)))
        .find(|(n, m)| who(*n).bucket() == who(*m).bucket())
        .unwrap();
    let other = (1..=60).find(|n| who(*n).bucket() != who(first).bucket()).unwrap();
    let once = Once { api_key: "key_1".to_owned(), purpose: "login", key_hash: "ab".to_owned() };
    let asked = |n| Wanted { once: Some(once.clone()), ..wanted(of(n)) };
    for wanted in [
        vec![asked(first), asked(other), wanted(login(second)), asked(second)],
        vec![wanted(of(first)), wanted(of(other)), wanted(login(second)), wanted(of(second))],
    ] {
        let mut found = node.read_verifiers(wanted).await.unwrap();
        found.sort_by_key(|(place, _)| *place);
        let places: Vec<_> = found.iter().map(|(place, _)| *place).collect();
        // A name is looked up before.
        assert_eq!(places, [0, 1, 3]);
        assert!(found.iter().all(|(_, c)| c.as_ref().unwrap().place.is_none()));
    }
    let answered = Answered {
        bucket: i64::from(who(second).bucket()),
        customer_id: who(second).to_string(),
        once: once.clone(),
        mac: vec![7],
        answer: "{}".to_owned(),
        created_at: NOW.0,
    };
    let own = |n, version| {
        let write = entry(n, version, Some(6 + version));
        let (bucket, customer_id) = (i64::from(who(n).bucket()), who(n).to_string());
        Write { line: AuditRow { bucket, customer_id, ..write.line }, ..write }
    };
    let with_answer = Write { answered: Some(answered), ..own(second, 1) };
    let batch = Arc::new(vec![own(first, 1), with_answer]);
    for written in [[true, true], [false, false]] {
        let done = node.write_verifications(Arc::clone(&batch), Era::default()).await.unwrap();
        assert_eq!(done, written);
    }
    let mut owners = db.texts("SELECT bucket || ' ' || customer_id FROM audit").await;
    owners.sort();
    let mut wanted: Vec<_> =
        [first, second].map(|n| format!("{} {}", who(n).bucket(), who(n))).into();
    wanted.sort();
    assert_eq!(owners, wanted);
    let replayed = node.read_verifiers(vec![asked(second)]).await.unwrap().remove(0).1.unwrap();
    assert_eq!((replayed.answer.as_deref(), replayed.verifier.last_step), (Some("{}"), 7));
    node.close().await;
    db.remove().await;
}

#[tokio::test]
async fn a_database_without_citus_is_not_distributed_and_says_so() {
    let db = Db::migrated(Engine::Postgresql).await;
    db.store.check_distribution().await.unwrap();
    let node = db.distributed().await;
    for done in [node.migrate().await, node.check_distribution().await] {
        let Err(StoreError::Settings(why)) = done else { panic!("{done:?}") };
        assert!(why.starts_with("the database has no Citus: CREATE EXTENSION citus"), "{why}");
    }
    node.close().await;
    db.remove().await;
}
