//! Eras: the first follows none, another begins when the database is another, and what was decided in one
//! is not written in the next.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use warifu_core::{mail::MailState, procedure::Flow, time::Millis};

use super::samples::{
    NOW, line, mail, mail_password, procedure, session, verifier, who, with_customers,
};
use crate::{
    Change, Era, MailRow, Store, StoreError, VerifierRow, Wanted, Whose, Write,
    engine::fetch_all,
    testing::{Db, Engine, both},
};

both!(
    an_era_of_which_nobody_said_when_it_began_began_now,
    the_first_era_follows_none_and_each_other_gives_up_what_was_before,
    an_era_begins_once_and_later_than_every_other,
    tokens_that_count_uses_are_locked_once,
    an_acceptance_says_in_which_era_and_a_wrong_guess_does_not,
    what_was_begun_is_ended
);

async fn the_first_era_follows_none_and_each_other_gives_up_what_was_before(db: &Db) {
    db.store.enter_era(NOW).await.unwrap();
    assert_eq!(db.store.era(NOW), Era::default());
    db.run("UPDATE eras SET name = 'elsewhere'").await.unwrap();
    let later = Millis(NOW.0 + 1_000);
    let node = db.node().await;
    node.enter_era(later).await.unwrap();
    assert_eq!(node.era(later).began, later);
    // Whoever starts after it knows when it began.
    let other = db.node().await;
    other.enter_era(Millis(later.0 + 60_000)).await.unwrap();
    assert_eq!(other.era(later).began, later);
    // And whoever has run all the while.
    db.store.enter_era(later).await.unwrap();
    assert_eq!(db.store.era(later).began, later);
    for node in [node, other] {
        node.close().await;
    }
}

async fn an_era_of_which_nobody_said_when_it_began_began_now(db: &Db) {
    db.store.enter_era(NOW).await.unwrap();
    // As a connection leaves it that has seen another timeline.
    let names = db.texts("SELECT name FROM eras").await;
    db.run("UPDATE eras SET name = 'before'").await.unwrap();
    db.run(&format!("INSERT INTO eras VALUES ('{}', -1)", names[0])).await.unwrap();
    let node = db.node().await;
    for later in [5_000, 9_000] {
        node.enter_era(Millis(NOW.0 + later)).await.unwrap();
        assert_eq!(node.era(NOW).began, Millis(NOW.0 + 5_000));
    }
    node.close().await;
}

async fn an_era_begins_once_and_later_than_every_other(db: &Db) {
    db.store.enter_era(NOW).await.unwrap();
    for is_new in [true, false] {
        let begun = db.write(async |tx| tx.begin_era("restored", NOW).await).await.unwrap();
        assert_eq!(begun, is_new);
    }
    // By a clock that was put back.
    let before = Millis(NOW.0 - 60_000);
    assert!(db.write(async |tx| tx.begin_era("again", before).await).await.unwrap());
    let node = db.node().await;
    node.enter_era(NOW).await.unwrap();
    assert_eq!(node.era(NOW).began, Millis(NOW.0 + 1));
    node.close().await;
}

async fn tokens_that_count_uses_are_locked_once(db: &Db) {
    with_customers(db, &[1, 2]).await;
    let mut token = verifier(1);
    token.mode = warifu_core::verify::Mode::Event;
    db.write(async |tx| {
        tx.insert_verifier(&token).await?;
        tx.insert_verifier(&verifier(2)).await
    })
    .await
    .unwrap();
    for locked in [1, 0] {
        let done = db.write(async |tx| tx.lock_counting_tokens().await).await.unwrap();
        assert_eq!(done, locked);
    }
}

async fn an_acceptance_says_in_which_era_and_a_wrong_guess_does_not(db: &Db) {
    with_customers(db, &[1]).await;
    let token = verifier(1);
    db.write(async |tx| tx.insert_verifier(&token).await).await.unwrap();
    db.store.enter_era(NOW).await.unwrap();
    db.run("UPDATE eras SET name = 'before'").await.unwrap();
    let later = Millis(NOW.0 + 5_000);
    db.store.enter_era(later).await.unwrap();
    let era = db.store.era(later);
    assert_eq!(era.began, later);
    let step = token.floor_step + 1;
    for (accept, its) in [(None, token.era), (Some(step), later.0)] {
        let row = db.read(async |tx| tx.verifier(who(1), token.token_id).await).await.unwrap();
        let write = change(&db.store, &token, accept).await;
        assert_eq!(row.era, token.era);
        let written = db.store.write_verifications(Arc::new(vec![write]), era).await.unwrap();
        assert_eq!(written, [true]);
        let row = db.read(async |tx| tx.verifier(who(1), token.token_id).await).await.unwrap();
        assert_eq!(row.era, its);
    }
}

/// What a batch writes of a token, as it is read now.
async fn change(store: &Store, token: &VerifierRow, accept: Option<i64>) -> Write {
    let wanted = Wanted {
        institution: token.institution_id,
        whose: Whose::Customer(token.customer_id),
        state: token.state,
        once: None,
    };
    let mut found = store.read_verifiers(vec![wanted]).await.unwrap();
    let candidate = found.remove(0).1.unwrap();
    let change = Change {
        bucket: candidate.verifier.bucket,
        customer: token.customer_id,
        token: token.token_id,
        place: candidate.place,
        version: candidate.verifier.version,
        accept,
        counter: candidate.verifier.counter(),
    };
    let line = line(u8::from(accept.is_some()), NOW);
    Write { change: Some(change), line, answered: None }
}

async fn what_was_begun_is_ended(db: &Db) {
    with_customers(db, &[1, 2]).await;
    let (open, password) = (procedure(1, Flow::Issue), mail_password(1, NOW.0));
    let secret = MailRow { has_secret: true, ..mail(1) };
    let notice = MailRow { has_secret: false, ..mail(2) };
    db.write(async |tx| {
        tx.insert_session(&session(1, 1)).await?;
        tx.begin_procedure(who(1), &open).await?;
        tx.insert_mail_password(who(1), &password).await?;
        tx.enqueue(&secret).await?;
        tx.enqueue(&notice).await
    })
    .await
    .unwrap();
    assert_eq!(db.write(async |tx| tx.end_beginnings().await).await.unwrap(), 1);
    for table in ["sessions", "procedures", "mail_passwords"] {
        let rows = db.texts(&format!("SELECT 'one' FROM {table}")).await;
        assert!(rows.is_empty(), "{table}");
    }
    let secret = db.read(async |tx| tx.mail(secret.id).await).await.unwrap();
    assert_eq!((secret.state, secret.body), (MailState::Expired, None));
    let notice = db.read(async |tx| tx.mail(notice.id).await).await.unwrap();
    assert_eq!(notice.state, MailState::Queued);
    assert!(notice.body.is_some());
}

#[tokio::test]
async fn what_was_decided_in_another_era_is_not_written() {
    let db = Db::migrated(Engine::Postgresql).await;
    with_customers(&db, &[1]).await;
    let token = verifier(1);
    db.write(async |tx| tx.insert_verifier(&token).await).await.unwrap();
    db.store.enter_era(NOW).await.unwrap();
    let era = db.store.era(NOW);
    let writes = Arc::new(vec![change(&db.store, &token, Some(token.floor_step + 1)).await]);
    let mut begun = db.store.begin().await.unwrap();
    begun.accept_step(&token, (token.floor_step + 1, era), None).await.unwrap();
    // A primary with another timeline has answered meanwhile.
    db.store.eras.look("elsewhere/00000002", -1);
    assert!(matches!(begun.commit().await, Err(StoreError::Conflict)));
    let written = db.store.write_verifications(Arc::clone(&writes), era).await.unwrap();
    assert_eq!(written, [false]);
    let now = Millis(NOW.0 + 1);
    let era = db.store.era(now);
    assert_eq!(era.began, now);
    assert_eq!(db.store.write_verifications(writes, era).await.unwrap(), [true]);
    db.remove().await;
}

#[tokio::test]
async fn two_standbys_that_begin_the_same_timeline_begin_two_eras() {
    let db = Db::migrated(Engine::Postgresql).await;
    db.store.enter_era(NOW).await.unwrap();
    let first = db.store.era(NOW);
    // The other one's table: this timeline is not in it, for all that its name is known here.
    db.run("UPDATE eras SET name = 'the timeline before'").await.unwrap();
    let node = db.node().await;
    let mut lines = Vec::new();
    while db.store.era(NOW) == first {
        // Opened meanwhile, beside those that are in use.
        lines.push(db.store.read().await.unwrap());
        assert!(lines.len() < 10, "no connection has noticed");
    }
    assert_eq!(db.store.era(NOW).began, NOW);
    drop(lines);
    let later = Millis(NOW.0 + 9_000);
    node.enter_era(later).await.unwrap();
    db.store.enter_era(later).await.unwrap();
    assert_eq!(node.era(later).began, later);
    assert_eq!(db.store.era(later).began, later);
    node.close().await;
    db.remove().await;
}

#[tokio::test]
async fn connections_that_lead_to_the_primary_before_are_used_no_more() {
    let db = Db::migrated(Engine::Postgresql).await;
    db.store.enter_era(NOW).await.unwrap();
    let before = backends(&db).await;
    db.store.eras.look("elsewhere/00000002", -1);
    let after = backends(&db).await;
    assert!(before.is_disjoint(&after), "{before:?} {after:?}");
    db.remove().await;
}

/// Who serves the next three transactions, when what was used before has come back.
async fn backends(db: &Db) -> BTreeSet<String> {
    tokio::time::sleep(Duration::from_millis(50)).await;
    let (mut open, mut seen) = (Vec::new(), BTreeSet::new());
    for _ in 0..3 {
        let mut tx = db.store.read().await.unwrap();
        let sql = "SELECT CAST(pg_backend_pid() AS text)";
        let ids: Vec<(String,)> = fetch_all!(tx, (String,), sql).unwrap();
        seen.extend(ids.into_iter().map(|id| id.0));
        open.push(tx);
    }
    seen
}
