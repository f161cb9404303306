//! Sessions, procedures, mail passwords and counters come back as they were written; what ends them,
//! and what is forgotten in time.

use warifu_core::{
    counter::Counter,
    procedure::{Flow, ProcedureEnd, Step},
    session::SessionEnd,
    time::Millis,
};

use super::samples::{NOW, mail, mail_password, procedure, session, subject, who};
use crate::{
    MailPassword, Procedure, Session, StoreError, Subject,
    testing::{Db, both},
};

both!(
    a_session_comes_back_and_ends_once,
    a_session_has_one_secret_at_a_time,
    all_sessions_of_a_customer_end_together,
    a_procedure_comes_back,
    a_newer_procedure_ends_the_older_of_its_kind,
    procedures_end_with_their_mail_passwords,
    a_mail_password_ends_the_one_before,
    a_counter_comes_back,
    idle_counters_are_forgotten_unless_they_lock,
    what_has_ended_is_swept,
);

async fn a_session_comes_back_and_ends_once(db: &Db) {
    let s = session(1, 1);
    let read = async || db.read(async |tx| tx.session(who(1), &s.secret_hash).await).await.unwrap();
    db.write(async |tx| tx.insert_session(&s).await).await.unwrap();
    assert_eq!(read().await, s);
    assert_eq!(db.read(async |tx| tx.session(who(2), &s.secret_hash).await).await, None);

    let touched = Session { seen_at: NOW.0 + 1, idle_until: s.idle_until + 2, ..s.clone() };
    db.write(async |tx| tx.touch_session(&touched).await).await.unwrap();
    assert_eq!(read().await, touched);
    // Another request that had read less does not take back what was promised.
    db.write(async |tx| {
        tx.touch_session(&Session { idle_until: s.idle_until + 1, ..touched.clone() }).await
    })
    .await
    .unwrap();
    assert_eq!(read().await, touched);
    let end = async |reason: SessionEnd| {
        db.write(async |tx| tx.end_session(who(1), s.id, reason, NOW).await).await.unwrap()
    };
    assert_eq!((end(SessionEnd::LoggedOut).await, end(SessionEnd::Replaced).await), (1, 0));
    // A request that was under way does not bring it back.
    db.write(async |tx| tx.touch_session(&s).await).await.unwrap();
    let ended =
        Session { ended_at: Some(NOW.0), end_reason: Some(SessionEnd::LoggedOut), ..touched };
    assert_eq!(read().await, ended);
}

async fn a_session_has_one_secret_at_a_time(db: &Db) {
    let s = session(1, 1);
    db.write(async |tx| tx.insert_session(&s).await).await.unwrap();
    let rekey = async |hash: u8| {
        db.write(async |tx| tx.rekey_session(&s, &[hash; 32]).await).await.unwrap()
    };
    assert_eq!((rekey(8).await, rekey(9).await), (1, 0));
    let same = db.read(async |tx| tx.session_of(who(1), s.id).await).await;
    assert_eq!(same, Some(Session { secret_hash: vec![8; 32], ..s.clone() }));
    assert_eq!(db.read(async |tx| tx.session_of(who(2), s.id).await).await, None);
    let renewed =
        async |hash: u8| db.read(async |tx| tx.is_renewed(who(1), &[hash; 32]).await).await;
    assert_eq!((renewed(1).await, renewed(8).await, renewed(9).await), (true, false, false));
    let find = async |hash: u8| db.read(async |tx| tx.session(who(1), &[hash; 32]).await).await;
    assert_eq!(find(8).await.map(|s| s.id), Some(s.id));
    assert_eq!(find(1).await, None);
    assert_eq!(find(9).await, None);
    db.write(async |tx| tx.end_session(who(1), s.id, SessionEnd::Renewed, NOW).await)
        .await
        .unwrap();
    let ended = Session { secret_hash: vec![8; 32], ..s.clone() };
    let late = db.write(async |tx| tx.rekey_session(&ended, &[10; 32]).await).await.unwrap();
    assert_eq!(late, 0);
    assert!(!renewed(1).await, "an ended session leads nowhere");
}

async fn all_sessions_of_a_customer_end_together(db: &Db) {
    db.write(async |tx| {
        for (n, whose) in [(1, 1), (2, 1), (3, 2)] {
            tx.insert_session(&session(n, whose)).await?;
        }
        tx.end_session(who(1), session(1, 1).id, SessionEnd::LoggedOut, NOW).await
    })
    .await
    .unwrap();
    let ended = db
        .write(async |tx| tx.end_sessions(who(1), SessionEnd::Replaced, NOW).await)
        .await
        .unwrap();
    assert_eq!(ended, 1);
    let reason = async |n: u8, whose| {
        let found = db.read(async |tx| tx.session(who(whose), &[n; 32]).await).await;
        found.unwrap().end_reason
    };
    assert_eq!(reason(1, 1).await, Some(SessionEnd::LoggedOut));
    assert_eq!(reason(2, 1).await, Some(SessionEnd::Replaced));
    assert_eq!(reason(3, 2).await, None);
}

async fn a_procedure_comes_back(db: &Db) {
    let p = procedure(1, Flow::Issue);
    let read = async || db.read(async |tx| tx.procedure(who(1), p.id).await).await.unwrap();
    db.write(async |tx| tx.begin_procedure(who(1), &p).await).await.unwrap();
    assert_eq!(read().await, p);
    assert_eq!(db.read(async |tx| tx.procedure(who(2), p.id).await).await, None);
    let full = Procedure {
        step: Step::Done,
        input: Some(vec![1, 0, 1]),
        expires_at: 1,
        ended_at: Some(2),
        outcome: Some(ProcedureEnd::Done),
        ..p.clone()
    };
    db.write(async |tx| tx.save_procedure(who(1), &full).await).await.unwrap();
    assert_eq!(read().await, Procedure { version: 2, ..full.clone() });
    let second = db.write(async |tx| tx.save_procedure(who(1), &full).await).await;
    assert!(matches!(second, Err(StoreError::Conflict)), "{second:?}");
}

async fn a_newer_procedure_ends_the_older_of_its_kind(db: &Db) {
    let older = Procedure { input: Some(vec![1]), ..procedure(1, Flow::Issue) };
    let done = Procedure { outcome: Some(ProcedureEnd::Done), ..procedure(5, Flow::Issue) };
    let done = Procedure { ended_at: Some(NOW.0), ..done };
    let newer = Procedure { created_at: NOW.0 + 5, ..procedure(3, Flow::Issue) };
    db.write(async |tx| {
        tx.begin_procedure(who(1), &procedure(5, Flow::Issue)).await?;
        tx.save_procedure(who(1), &done).await?;
        tx.begin_procedure(who(1), &older).await?;
        tx.begin_procedure(who(1), &procedure(2, Flow::Release)).await?;
        tx.begin_procedure(who(2), &procedure(4, Flow::Issue)).await?;
        tx.begin_procedure(who(1), &newer).await
    })
    .await
    .unwrap();
    let read = async |whose, n| {
        db.read(async |tx| tx.procedure(who(whose), procedure(n, Flow::Issue).id).await)
            .await
            .unwrap()
    };
    let ended = Procedure {
        ended_at: Some(NOW.0 + 5),
        outcome: Some(ProcedureEnd::Superseded),
        input: None,
        version: 2,
        ..older.clone()
    };
    assert_eq!(read(1, 1).await, ended);
    assert_eq!(read(1, 2).await, procedure(2, Flow::Release));
    assert_eq!(read(1, 5).await, Procedure { version: 2, ..done });
    assert_eq!(read(1, 3).await, newer);
    assert_eq!(read(2, 4).await, procedure(4, Flow::Issue));
    // The page of the older one that was still open comes too late.
    let late = db.write(async |tx| tx.save_procedure(who(1), &older).await).await;
    assert!(matches!(late, Err(StoreError::Conflict)), "{late:?}");
}

async fn procedures_end_with_their_mail_passwords(db: &Db) {
    let p = Procedure { input: Some(vec![1]), ..procedure(1, Flow::Issue) };
    let m = mail_password(1, NOW.0);
    db.write(async |tx| {
        tx.begin_procedure(who(1), &p).await?;
        tx.insert_mail_password(who(1), &m).await?;
        tx.begin_procedure(who(2), &p).await?;
        tx.end_procedures(who(1), ProcedureEnd::Cancelled, Millis(NOW.0 + 7)).await
    })
    .await
    .unwrap();
    let ended = db.read(async |tx| tx.procedure(who(1), p.id).await).await.unwrap();
    let expected = Procedure {
        ended_at: Some(NOW.0 + 7),
        outcome: Some(ProcedureEnd::Cancelled),
        input: None,
        version: 2,
        ..p.clone()
    };
    assert_eq!(ended, expected);
    let password = db.read(async |tx| tx.mail_password(who(1), m.procedure_id).await).await;
    assert_eq!(password.unwrap().ended_at, Some(NOW.0 + 7));
    let others = db.read(async |tx| tx.procedure(who(2), p.id).await).await.unwrap();
    assert_eq!(others, p);
}

async fn a_mail_password_ends_the_one_before(db: &Db) {
    let (first, second) = (mail_password(1, 100), mail_password(2, 200));
    let newest =
        async || db.read(async |tx| tx.mail_password(who(1), first.procedure_id).await).await;
    assert_eq!(newest().await, None);
    db.write(async |tx| tx.insert_mail_password(who(1), &first).await).await.unwrap();
    assert_eq!(newest().await, Some(first.clone()));
    db.write(async |tx| tx.insert_mail_password(who(1), &second).await).await.unwrap();
    assert_eq!(newest().await, Some(second.clone()));
    let ended = "SELECT CAST(ended_at AS TEXT) FROM mail_passwords WHERE ended_at IS NOT NULL";
    assert_eq!(db.texts(ended).await, ["200"]);
    let since =
        async |at| db.read(async |tx| tx.mail_passwords_since(who(1), Millis(at)).await).await;
    assert_eq!(since(0).await, (2, Some(100)));
    assert_eq!(since(100).await, (1, Some(200)));
    assert_eq!(since(200).await, (0, None));
    db.write(async |tx| tx.end_mail_passwords(who(1), Millis(300)).await).await.unwrap();
    assert_eq!(newest().await.unwrap().ended_at, Some(300));
}

async fn a_counter_comes_back(db: &Db) {
    let s = subject("confirm");
    assert!(db.read(async |tx| tx.counter(&s).await).await.is_none());
    let fresh = db.write(async |tx| tx.take_counter(&s, NOW).await).await.unwrap();
    assert_eq!(fresh.counter(), Counter::cleared());
    assert_eq!((fresh.day, fresh.day_total, fresh.changed_at()), (0, 0, NOW));
    let counter = Counter { failures: 7, locked_until: Some(NOW), locked: true };
    let later = Millis(NOW.0 + 1);
    db.write(async |tx| {
        let mut taken = tx.take_counter(&s, NOW).await?;
        (taken.day, taken.day_total) = (20_261_124, 9);
        tx.save_counter(&s, &taken, &counter, later).await
    })
    .await
    .unwrap();
    let read = db.read(async |tx| tx.counter(&s).await).await.unwrap();
    assert_eq!(read.counter(), counter);
    assert_eq!((read.day, read.day_total, read.changed_at()), (20_261_124, 9, later));
    // What was taken in an earlier transaction is not what stands there now.
    let stale = db.write(async |tx| tx.save_counter(&s, &fresh, &counter, NOW).await).await;
    assert!(matches!(stale, Err(StoreError::Conflict)), "{stale:?}");
    db.write(async |tx| tx.take_counter(&subject("mail"), NOW).await).await.unwrap();
    let all = db.read(async |tx| tx.counters_of(s.bucket, &s.owner).await).await;
    let id = who(1).to_string();
    let expected = [
        ("confirm".to_owned(), id.clone(), 7, Some(NOW.0), true),
        ("mail".to_owned(), id, 0, None, false),
    ];
    assert_eq!(all, expected);
}

async fn idle_counters_are_forgotten_unless_they_lock(db: &Db) {
    let locked = Subject { subject: "locked".to_owned(), ..subject("login") };
    db.write(async |tx| {
        for kind in ["login", "network", "confirm", "mail", "start"] {
            tx.take_counter(&subject(kind), Millis(100)).await?;
        }
        tx.take_counter(&Subject { subject: "new".to_owned(), ..subject("login") }, NOW).await?;
        let taken = tx.take_counter(&locked, Millis(100)).await?;
        let counter = Counter { locked: true, ..Counter::cleared() };
        tx.save_counter(&locked, &taken, &counter, Millis(100)).await
    })
    .await
    .unwrap();
    assert_eq!(db.write(async |tx| tx.sweep_counters(Millis(100)).await).await.unwrap(), 0);
    assert_eq!(db.write(async |tx| tx.sweep_counters(Millis(101)).await).await.unwrap(), 4);
    let left = db.texts("SELECT kind || ' ' || subject FROM counters ORDER BY 1").await;
    let id = who(1);
    let expected = [format!("confirm {id}"), "login locked".to_owned(), "login new".to_owned()];
    assert_eq!(left, expected);
}

async fn what_has_ended_is_swept(db: &Db) {
    db.write(async |tx| {
        for (n, ends) in [(1, 100), (2, 101)] {
            tx.insert_session(&Session { ends_at: ends, ..session(n, 1) }).await?;
            let p = Procedure { expires_at: ends, ..procedure(n, Flow::Issue) };
            tx.begin_procedure(who(n), &p).await?;
            let m = MailPassword { expires_at: ends, ..mail_password(n, 1) };
            tx.insert_mail_password(who(n), &m).await?;
        }
        tx.enqueue(&mail(1)).await
    })
    .await
    .unwrap();
    assert_eq!(db.write(async |tx| tx.sweep_sessions(Millis(100)).await).await.unwrap(), 0);
    assert_eq!(db.write(async |tx| tx.sweep_sessions(Millis(101)).await).await.unwrap(), 3);
    let left = "SELECT CAST(ends_at AS TEXT) FROM sessions UNION ALL \
                SELECT CAST(expires_at AS TEXT) FROM procedures UNION ALL \
                SELECT CAST(expires_at AS TEXT) FROM mail_passwords";
    assert_eq!(db.texts(left).await, ["101", "101", "101"]);
}
