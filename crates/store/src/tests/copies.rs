//! Copies of a SQLite database: made beside the work, put in another's place, and never a step back.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::{Path, PathBuf},
    sync::Arc,
};

use warifu_core::{counter::Counter, ids::ApiKeyId, issue::IssueEnd, time::Millis, token::State};

use super::samples::{NOW, bank, customer, issue, line, token, verifier, who, with_customers};
use crate::{
    ApiKey, Change, Era, Store, StoreError, Token, Wanted, Whose, Write,
    copies::{InUse, TakenOver, copy, own_like},
    testing::{Db, Engine, settings},
};

fn file(db: &Db) -> PathBuf {
    db.url.strip_prefix("sqlite:").unwrap().into()
}

async fn at(path: &Path) -> Store {
    Store::connect(&settings(&format!("sqlite:{}", path.display()))).await.unwrap()
}

#[tokio::test]
async fn a_copy_holds_one_moment_while_others_write_and_is_its_owners_only() {
    let db = Db::migrated(Engine::Sqlite).await;
    with_customers(&db, &[1]).await;
    let to = file(&db).with_file_name("copy.db");
    // Two lines of the trail at a time: a copy has both or none.
    let writes = async {
        for n in (0..200_u8).step_by(2) {
            db.write(async |tx| {
                tx.record(&line(n, NOW)).await?;
                tx.record(&line(n + 1, NOW)).await
            })
            .await
            .unwrap();
        }
    };
    let backs_up = async {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        db.store.back_up(&to).await.unwrap();
    };
    tokio::join!(writes, backs_up);
    let copied = at(&to).await;
    let mut tx = copied.read().await.unwrap();
    let lines = tx
        .newest_audit_of(i64::from(who(1).bucket()), &who(1).to_string(), Millis(0), 1_000)
        .await
        .unwrap()
        .len();
    drop(tx);
    assert!(lines % 2 == 0 && lines <= 200, "{lines}");
    copied.close().await;
    assert_eq!(fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o600);
    // Nothing is written over.
    let before = fs::read(&to).unwrap();
    assert!(matches!(db.store.back_up(&to).await, Err(StoreError::Unavailable(_))));
    assert_eq!(fs::read(&to).unwrap(), before);
    db.remove().await;
}

#[tokio::test]
async fn what_cannot_be_copied_leaves_no_file() {
    let db = Db::migrated(Engine::Sqlite).await;
    let (from, to) = (file(&db).with_file_name("letter.txt"), file(&db).with_file_name("copy.db"));
    fs::write(&from, "Dear customer, …".repeat(1_000)).unwrap();
    copy(&from, &to).unwrap_err();
    assert!(!to.exists());
    copy(&file(&db).with_file_name("nothing"), &to).unwrap_err();
    assert!(!to.exists());
    db.remove().await;
}

#[tokio::test]
async fn what_never_goes_back_is_taken_over() {
    let db = Db::migrated(Engine::Sqlite).await;
    with_customers(&db, &[1, 2]).await;
    let key = ApiKey {
        id: ApiKeyId::from_bytes([1; 16]),
        name: "online banking".to_owned(),
        scopes: "verifications:login".to_owned(),
        mac: vec![1],
        created_at: NOW.0,
        revoked_at: None,
        last_used_at: None,
    };
    db.write(async |tx| {
        for n in [1, 2] {
            let in_use = Token { state: State::InUse, ..token(n) };
            tx.insert_token(who(n), &in_use).await?;
            tx.insert_verifier(&verifier(n)).await?;
        }
        tx.insert_api_key(bank(), &key).await?;
        tx.record(&line(1, NOW)).await
    })
    .await
    .unwrap();
    let to = file(&db).with_file_name("copy.db");
    db.store.back_up(&to).await.unwrap();

    // After the copy: a passcode, a revocation, a stop with a new password, a key, two lines.
    db.write(async |tx| {
        let row = tx.verifier(who(1), token(1).id).await?.unwrap();
        tx.accept_step(&row, (77, Era::default()), None).await?;
        let mut ended = token(2);
        ended.end(State::Revoked, NOW);
        tx.save_token(who(2), &ended).await?;
        tx.set_verifier(who(2), ended.id, State::Revoked, false).await?;
        let mut stopped = tx.take_customer(who(2)).await?.unwrap();
        stopped.suspended_at = Some(NOW.0);
        stopped.login_hash = "newer".to_owned();
        stopped.otp_required = true;
        tx.save_customer(&stopped).await?;
        tx.revoke_api_key(bank(), key.id, NOW).await?;
        tx.record(&line(2, NOW)).await?;
        tx.record(&line(3, Millis(NOW.0 + 1))).await
    })
    .await
    .unwrap();

    let copied = at(&to).await;
    let taken = copied.take_over(&file(&db)).await.unwrap();
    let expected = TakenOver { verifiers: 1, tokens: 1, customers: 1, api_keys: 1 };
    assert_eq!(taken, expected);
    // Once more changes nothing.
    let again = copied.take_over(&file(&db)).await.unwrap();
    assert_eq!((again.verifiers, again.tokens, again.api_keys), (0, 0, 0));
    for lines in [2, 0] {
        assert_eq!(copied.take_over_trail(&file(&db)).await.unwrap(), lines);
    }
    knows_it_all(&copied, key.id).await;
    copied.close().await;
    db.remove().await;
}

async fn knows_it_all(copied: &Store, key: ApiKeyId) {
    let mut tx = copied.read().await.unwrap();
    let used = tx.verifier(who(1), token(1).id).await.unwrap().unwrap();
    assert_eq!((used.last_step, used.state), (77, State::InUse));
    let gone = tx.token(who(2), token(2).id).await.unwrap().unwrap();
    assert_eq!((gone.state, gone.root, gone.ended_at), (State::Revoked, None, Some(NOW.0)));
    assert_eq!(tx.verifier(who(2), token(2).id).await.unwrap().unwrap().state, State::Revoked);
    let stopped = tx.customer(who(2)).await.unwrap().unwrap();
    assert_eq!(stopped.suspended_at, Some(NOW.0));
    assert_eq!((stopped.login_hash.as_str(), stopped.otp_required), ("newer", true));
    let same = tx.customer(who(1)).await.unwrap().unwrap();
    assert_eq!(same.login_hash, customer(1).login_hash);
    assert_eq!(tx.api_key(bank(), key).await.unwrap().unwrap().revoked_at, Some(NOW.0));
}

#[tokio::test]
async fn lines_that_batches_wrote_after_a_copy_are_taken_over_and_found_beside_its_own() {
    let db = Db::migrated(Engine::Sqlite).await;
    with_customers(&db, &[1]).await;
    db.write(async |tx| tx.insert_verifier(&verifier(1)).await).await.unwrap();
    let of_batch = async |store: &Store, n: u8| {
        let whose = Whose::Customer(who(1));
        let wanted = Wanted { institution: bank(), whose, state: State::InUse, once: None };
        let read = store.read_verifiers(vec![wanted]).await.unwrap().remove(0).1.unwrap();
        let token = &read.verifier;
        let write = Write {
            change: Some(Change {
                bucket: token.bucket,
                customer: token.customer_id,
                token: token.token_id,
                place: read.place,
                version: token.version,
                accept: None,
                counter: Counter::cleared(),
            }),
            line: line(n, Millis(NOW.0 + i64::from(n))),
            answered: None,
        };
        let done = store.write_verifications(Arc::new(vec![write]), Era::default()).await;
        assert_eq!(done.unwrap(), [true]);
    };
    of_batch(&db.store, 1).await;
    let to = file(&db).with_file_name("copy.db");
    db.store.back_up(&to).await.unwrap();
    for n in [2, 3] {
        of_batch(&db.store, n).await;
    }
    let copied = at(&to).await;
    for lines in [2, 0] {
        assert_eq!(copied.take_over_trail(&file(&db)).await.unwrap(), lines);
    }
    of_batch(&copied, 4).await;
    // The copy has lived on: only what it lacks still comes.
    of_batch(&db.store, 5).await;
    assert_eq!(copied.take_over_trail(&file(&db)).await.unwrap(), 1);
    let mut tx = copied.read().await.unwrap();
    let (bucket, owner) = (i64::from(who(1).bucket()), who(1).to_string());
    let read = tx.newest_audit_of(bucket, &owner, Millis(0), 9).await.unwrap();
    let wanted: Vec<_> = (1..=5).map(|n| line(n, Millis(NOW.0 + i64::from(n)))).collect();
    assert_eq!(read, wanted);
    drop(tx);
    copied.close().await;
    db.remove().await;
}

#[tokio::test]
async fn an_older_database_that_stood_there_brings_no_old_password_back() {
    let db = Db::migrated(Engine::Sqlite).await;
    with_customers(&db, &[1]).await;
    let [old, newer] = ["old.db", "newer.db"].map(|name| file(&db).with_file_name(name));
    db.store.back_up(&old).await.unwrap();
    db.write(async |tx| {
        let mut changed = tx.take_customer(who(1)).await?.unwrap();
        changed.login_hash = "newer".to_owned();
        changed.otp_required = true;
        tx.save_customer(&changed).await
    })
    .await
    .unwrap();
    db.store.back_up(&newer).await.unwrap();
    let copied = at(&newer).await;
    assert_eq!(copied.take_over(&old).await.unwrap(), TakenOver::default());
    let kept = copied.read().await.unwrap().customer(who(1)).await.unwrap().unwrap();
    assert_eq!((kept.login_hash.as_str(), kept.otp_required), ("newer", true));
    copied.close().await;
    db.remove().await;
}

#[tokio::test]
async fn an_issue_that_was_over_is_over_and_the_hot_table_says_what_customer_and_token_say() {
    let db = Db::migrated(Engine::Sqlite).await;
    with_customers(&db, &[1]).await;
    db.write(async |tx| {
        tx.insert_token(who(1), &token(1)).await?;
        tx.insert_verifier(&verifier(1)).await?;
        tx.insert_issue(who(1), &issue(1)).await
    })
    .await
    .unwrap();
    let to = file(&db).with_file_name("copy.db");
    db.store.back_up(&to).await.unwrap();
    db.write(async |tx| {
        let mut over = issue(1);
        over.end(Some(IssueEnd::TakenBack), NOW);
        tx.save_issue(who(1), &over).await?;
        let mut ended = token(1);
        ended.end(State::Revoked, NOW);
        tx.save_token(who(1), &ended).await
    })
    .await
    .unwrap();
    // Past the product: the hot table of what stood there says nothing of it.
    db.run("UPDATE verifiers SET state = 'in_use'").await.unwrap();
    let copied = at(&to).await;
    copied.take_over(&file(&db)).await.unwrap();
    let mut tx = copied.read().await.unwrap();
    let over = tx.issue(who(1), issue(1).id).await.unwrap().unwrap();
    assert_eq!((over.end_reason, over.deadline), (Some(IssueEnd::TakenBack), None));
    assert!(over.start_mac.is_none());
    let hot = tx.verifier(who(1), token(1).id).await.unwrap().unwrap();
    assert_eq!((hot.state, hot.sealed_key), (State::Revoked, Vec::new()));
    drop(tx);
    copied.close().await;
    db.remove().await;
}

#[tokio::test]
async fn a_database_that_is_in_use_is_nobodys_alone_and_one_that_is_being_restored_serves_nobody() {
    let db = Db::migrated(Engine::Sqlite).await;
    let path = file(&db);
    assert!(InUse::alone(&path).unwrap().is_none());
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other.db");
    let alone = InUse::alone(&other).unwrap();
    assert!(alone.is_some());
    let refused = Store::connect(&settings(&format!("sqlite:{}", other.display()))).await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.ends_with("it is being restored"), "{refused}");
    drop(alone);
    at(&other).await.close().await;
    db.remove().await;
}

#[tokio::test]
async fn a_database_that_is_reached_by_another_name_is_the_same_database() {
    let db = Db::migrated(Engine::Sqlite).await;
    let path = file(&db);
    let link = path.with_file_name("link.db");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    assert!(InUse::alone(&link).unwrap().is_none());
    db.remove().await;
}

#[test]
fn what_root_makes_belongs_to_whom_the_other_file_belongs_to() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("copy.db");
    fs::write(&file, "").unwrap();
    let uid = |path: &Path| fs::metadata(path).unwrap().uid();
    let is_root = uid(&file) == 0;
    if is_root {
        chown(&file, Some(65_534), Some(65_534)).unwrap();
    }
    let before = uid(&file);
    own_like(&file, Path::new("/")).unwrap();
    // Nobody else may give a file away, and nobody else has to.
    assert_eq!(uid(&file), if is_root { 0 } else { before });
}
