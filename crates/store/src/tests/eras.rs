//! Eras: the first follows none, another begins when the database is another, and what was decided in one
//! is not written in the next.

use std::sync::Arc;

use warifu_core::{mail::MailState, procedure::Flow, time::Millis};

use super::samples::{
    NOW, line, mail, mail_password, procedure, session, verifier, who, with_customers,
};
use crate::{
    Change, Era, MailRow, Wanted, Whose, Write,
    testing::{Db, Engine, both},
};

both!(
    an_era_of_which_nobody_said_when_it_began_began_now,
    the_first_era_follows_none_and_each_other_gives_up_what_was_before,
    an_era_begins_once,
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
    let begun = db.write(async |tx| tx.begin_era(&names[0], Millis(0)).await).await.unwrap();
    assert!(begun);
    let node = db.node().await;
    for later in [5_000, 9_000] {
        node.enter_era(Millis(NOW.0 + later)).await.unwrap();
        assert_eq!(node.era(NOW).began, Millis(NOW.0 + 5_000));
    }
    node.close().await;
}

async fn an_era_begins_once(db: &Db) {
    with_customers(db, &[1]).await;
    let mut token = verifier(1);
    token.mode = warifu_core::verify::Mode::Event;
    db.write(async |tx| tx.insert_verifier(&token).await).await.unwrap();
    for is_new in [true, false] {
        let begun = db.write(async |tx| tx.begin_era("restored", NOW).await).await.unwrap();
        assert_eq!(begun, is_new);
    }
    for raised in [1, 0] {
        let given_up = db.write(async |tx| tx.give_up_uses().await).await.unwrap();
        assert_eq!(given_up, raised);
    }
    let row = db.read(async |tx| tx.verifier(who(1), token.token_id).await).await.unwrap();
    assert_eq!(row.floor_step, token.last_step + 10);
    for locked in [1, 0] {
        let done = db.write(async |tx| tx.lock_counting_tokens().await).await.unwrap();
        assert_eq!(done, locked);
    }
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
    let wanted = Wanted {
        institution: token.institution_id,
        whose: Whose::Customer(who(1)),
        state: token.state,
        once: None,
    };
    let mut found = db.store.read_verifiers(vec![wanted]).await.unwrap();
    let candidate = found.remove(0).1.unwrap();
    // A primary with another timeline has answered meanwhile.
    db.store.eras.change_to("elsewhere/00000002".to_owned());
    let write = Write {
        change: Some(Change {
            bucket: candidate.verifier.bucket,
            customer: who(1),
            token: token.token_id,
            place: candidate.place,
            version: candidate.verifier.version,
            accept: Some(candidate.verifier.floor_step + 1),
            counter: candidate.verifier.counter(),
        }),
        line: line(1, NOW),
        answered: None,
    };
    let writes = Arc::new(vec![write]);
    let written = db.store.write_verifications(Arc::clone(&writes), era).await.unwrap();
    assert_eq!(written, [false]);
    let now = Millis(NOW.0 + 1);
    let era = db.store.era(now);
    assert_eq!(era.began, now);
    assert_eq!(db.store.write_verifications(writes, era).await.unwrap(), [true]);
    db.remove().await;
}
