//! The outbox: each mail has one holder at a time, and a holder that is late has lost it.

use tokio::task::JoinSet;
use warifu_core::{mail::MailState, time::Millis};

use super::samples::{NOW, mail, who};
use crate::{
    MailRow, StoreError,
    testing::{Db, both},
};

both!(
    a_mail_comes_back_as_it_was_written,
    a_claimed_mail_is_not_due_before_its_lease_ends,
    two_holders_never_get_the_same_mail,
    who_comes_after_the_lease_has_lost_the_mail,
    a_mail_is_tried_again_when_it_is_due,
    the_longest_waiting_are_claimed_first,
    a_dropped_mail_loses_its_secret_and_one_that_is_being_sent_its_next_try,
    states_are_those_of_the_newest_sending,
    old_mails_go_unless_they_wait,
    mails_are_counted_by_moment_and_by_state,
);

const LEASE: i64 = 60_000;

async fn enqueue(db: &Db, mails: &[MailRow]) {
    db.write(async |tx| {
        for m in mails {
            tx.enqueue(m).await?;
        }
        Ok(())
    })
    .await
    .unwrap();
}

async fn claim(db: &Db, holder: &str, now: Millis) -> Vec<MailRow> {
    db.write(async |tx| tx.claim_mails(holder, now, LEASE, 10).await).await.unwrap()
}

fn after(millis: i64) -> Millis {
    Millis(NOW.0 + millis)
}

async fn a_mail_comes_back_as_it_was_written(db: &Db) {
    let full = MailRow { expires_at: Some(NOW.0 + 5), ..mail(1) };
    let bare = MailRow { body: None, has_secret: false, ..mail(2) };
    enqueue(db, &[full.clone(), bare.clone()]).await;
    let held = |m: MailRow| MailRow {
        state: MailState::Sending,
        attempts: 1,
        next_at: NOW.0 + LEASE,
        leased_by: Some("anna".to_owned()),
        ..m
    };
    let mut claimed = claim(db, "anna", NOW).await;
    claimed.sort_by_key(|m| m.id);
    assert_eq!(claimed, [held(full), held(bare)]);
    for m in claimed {
        let sent = MailRow {
            state: MailState::Sent,
            sent_at: Some(NOW.0 + 1),
            last_error: Some("451 greylisted".to_owned()),
            body: None,
            ..m
        };
        db.write(async |tx| tx.finish_mail(&sent).await).await.unwrap();
    }
    let row = "SELECT state || ' ' || CAST(sent_at AS TEXT) || ' ' || last_error FROM mails \
               WHERE body IS NULL AND leased_by IS NULL";
    assert_eq!(db.texts(row).await, vec![format!("sent {} 451 greylisted", NOW.0 + 1); 2]);
}

async fn a_claimed_mail_is_not_due_before_its_lease_ends(db: &Db) {
    enqueue(db, &[mail(1)]).await;
    let due = async |now| db.read(async |tx| tx.mails_due(now).await).await;
    assert!(!due(after(-1)).await);
    assert!(claim(db, "anna", after(-1)).await.is_empty());
    assert!(due(NOW).await);
    assert_eq!(claim(db, "anna", NOW).await.len(), 1);
    assert!(!due(after(LEASE - 1)).await);
    assert!(claim(db, "bert", after(LEASE - 1)).await.is_empty());
    assert!(due(after(LEASE)).await);
}

async fn two_holders_never_get_the_same_mail(db: &Db) {
    let mails: Vec<_> = (0..40).map(mail).collect();
    enqueue(db, &mails).await;
    let nodes = [db.store.clone(), db.node().await];
    let mut tasks = JoinSet::new();
    for n in 0..8 {
        let store = nodes[n % 2].clone();
        tasks.spawn(async move {
            let mut tx = store.begin().await?;
            let mails = tx.claim_mails(&format!("holder {n}"), NOW, LEASE, 5).await?;
            tx.commit().await?;
            Ok::<_, StoreError>(mails)
        });
    }
    let mut claimed = Vec::new();
    for outcome in tasks.join_all().await {
        claimed.extend(outcome.unwrap().into_iter().map(|m| m.id));
    }
    // What nobody stepped over is still there for the next round.
    claimed.extend(claim(db, "late", NOW).await.into_iter().map(|m| m.id));
    while claimed.len() < mails.len() {
        let more = claim(db, "later", NOW).await;
        assert!(!more.is_empty(), "{} of {} were claimed", claimed.len(), mails.len());
        claimed.extend(more.into_iter().map(|m| m.id));
    }
    claimed.sort();
    assert_eq!(claimed, mails.iter().map(|m| m.id).collect::<Vec<_>>());
    nodes[1].close().await;
}

async fn who_comes_after_the_lease_has_lost_the_mail(db: &Db) {
    enqueue(db, &[mail(1)]).await;
    let first = claim(db, "anna", NOW).await.remove(0);
    let second = claim(db, "bert", after(LEASE)).await.remove(0);
    assert_eq!((second.id, second.attempts), (first.id, 2));
    let sent = |m: &MailRow| MailRow { state: MailState::Sent, ..m.clone() };
    let late = db.write(async |tx| tx.finish_mail(&sent(&first)).await).await;
    assert!(matches!(late, Err(StoreError::Conflict)), "{late:?}");
    db.write(async |tx| tx.finish_mail(&sent(&second)).await).await.unwrap();
    let again = db.write(async |tx| tx.finish_mail(&sent(&second)).await).await;
    assert!(matches!(again, Err(StoreError::Conflict)), "{again:?}");
    assert!(claim(db, "anna", after(10 * LEASE)).await.is_empty());
}

async fn a_mail_is_tried_again_when_it_is_due(db: &Db) {
    enqueue(db, &[mail(1)]).await;
    let held = claim(db, "anna", NOW).await.remove(0);
    let again = MailRow {
        state: MailState::Queued,
        next_at: NOW.0 + 5_000,
        last_error: Some("421 busy".to_owned()),
        ..held
    };
    db.write(async |tx| tx.finish_mail(&again).await).await.unwrap();
    assert!(claim(db, "bert", after(4_999)).await.is_empty());
    let claimed = claim(db, "bert", after(5_000)).await;
    assert_eq!(claimed.len(), 1);
    assert_eq!((claimed[0].attempts, claimed[0].last_error.as_deref()), (2, Some("421 busy")));
    assert_eq!(claimed[0].body, mail(1).body);
}

async fn the_longest_waiting_are_claimed_first(db: &Db) {
    let at = |n, created_at| MailRow { created_at, ..mail(n) };
    enqueue(db, &[at(1, NOW.0), at(2, NOW.0 - 20), at(3, NOW.0 - 10)]).await;
    let claimed = db.write(async |tx| tx.claim_mails("anna", NOW, LEASE, 2).await).await.unwrap();
    let ids: Vec<_> = claimed.into_iter().map(|m| m.id).collect();
    assert_eq!(ids, [mail(2).id, mail(3).id]);
}

async fn a_dropped_mail_loses_its_secret_and_one_that_is_being_sent_its_next_try(db: &Db) {
    let of_one = |n, kind: &str| MailRow {
        customer_id: who(1),
        kind: kind.to_owned(),
        created_at: NOW.0 + i64::from(n),
        ..mail(n)
    };
    enqueue(db, &[of_one(1, "mail-code")]).await;
    let held = claim(db, "anna", after(1)).await.remove(0);
    let plain = MailRow { has_secret: false, ..of_one(3, "mail-token") };
    enqueue(db, &[of_one(2, "mail-code"), plain, mail(4)]).await;
    db.write(async |tx| tx.drop_secret_mails(who(1), after(9)).await).await.unwrap();

    let left = "SELECT kind || ' ' || state || ' ' || CASE WHEN body IS NULL THEN 'wiped' ELSE \
                'kept' END || ' ' || COALESCE(CAST(expires_at AS TEXT), 'never') FROM mails \
                WHERE customer_id = '";
    let left = db.texts(&format!("{left}{}' ORDER BY id", who(1))).await;
    let until = NOW.0 + 9;
    let expected = [
        format!("mail-code sending kept {until}"),
        format!("mail-code expired wiped {until}"),
        "mail-token queued kept never".to_owned(),
    ];
    assert_eq!(left, expected);
    // Its holder may still finish it; if that failed, the next one finds that it is over.
    let again = MailRow { state: MailState::Queued, next_at: NOW.0 + 10, ..held };
    db.write(async |tx| tx.finish_mail(&again).await).await.unwrap();
    let claimed = claim(db, "bert", after(10)).await;
    let next = claimed.iter().find(|m| m.id == mail(1).id).unwrap();
    assert!(next.expires_at.unwrap() <= NOW.0 + 10);
}

async fn states_are_those_of_the_newest_sending(db: &Db) {
    let of_one = |n, reference: &str, created_at| MailRow {
        customer_id: who(1),
        reference: reference.to_owned(),
        created_at,
        ..mail(n)
    };
    enqueue(db, &[of_one(1, "prc_1", NOW.0 - 9)]).await;
    claim(db, "anna", NOW).await;
    enqueue(db, &[of_one(2, "prc_1", NOW.0), of_one(3, "prc_1", NOW.0)]).await;
    enqueue(db, &[of_one(4, "prc_2", NOW.0 + 1)]).await;
    let states = async |reference: &str| {
        db.read(async |tx| tx.mail_states(who(1), "mail-code", reference).await).await
    };
    assert_eq!(states("prc_1").await, [MailState::Queued, MailState::Queued]);
    assert_eq!(states("prc_2").await, [MailState::Queued]);
    assert!(states("prc_3").await.is_empty());
}

async fn mails_are_counted_by_moment_and_by_state(db: &Db) {
    let of_one = |n| MailRow { customer_id: who(1), created_at: NOW.0 + i64::from(n), ..mail(n) };
    enqueue(db, &[of_one(1), of_one(2), mail(3)]).await;
    let since =
        async |kind: &str, at| db.read(async |tx| tx.mails_since(who(1), kind, at).await).await;
    assert_eq!(since("mail-code", NOW).await, (2, Some(NOW.0 + 1)));
    assert_eq!(since("mail-code", after(1)).await, (1, Some(NOW.0 + 2)));
    assert_eq!(since("mail-code", after(2)).await, (0, None));
    assert_eq!(since("mail-token", NOW).await, (0, None));
    db.write(async |tx| tx.drop_secret_mails(who(3), NOW).await).await.unwrap();
    let states = db.read(async |tx| tx.mails_by_state().await).await;
    assert_eq!(states, [(MailState::Expired, 1), (MailState::Queued, 2)]);
}

async fn old_mails_go_unless_they_wait(db: &Db) {
    let old = |n, state| MailRow { state, leased_by: Some("anna".to_owned()), ..mail(n) };
    enqueue(db, &[mail(1), mail(2), mail(3)]).await;
    claim(db, "anna", NOW).await;
    for done in [old(1, MailState::Sent), old(2, MailState::Failed), old(3, MailState::Queued)] {
        db.write(async |tx| tx.finish_mail(&done).await).await.unwrap();
    }
    let swept = async |before| db.write(async |tx| tx.sweep_mails(before).await).await.unwrap();
    assert_eq!(swept(NOW).await, 0);
    assert_eq!(swept(after(1)).await, 2);
    let left = db.read(async |tx| tx.mails_by_state().await).await;
    assert_eq!(left, [(MailState::Queued, 1)]);
}
