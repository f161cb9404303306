//! What people look at and act upon one by one: applications, notices, running issues, mails, events.

use warifu_core::{
    ids::{ApplicationId, InstitutionId, MailId, NoticeId, SessionId},
    mail::MailState,
    session::{Level, SessionEnd},
    time::Millis,
};

use super::samples::{NOW, address, bank, issue, line, mail, session, token, who, with_customers};
use crate::{
    Address, Application, Issue, Key, MailRow, Notice, Session, StoreError,
    audit::AuditRow,
    testing::{Db, both},
};

both!(
    one_application_of_a_kind_is_open_for_a_customer,
    notices_are_those_that_have_not_ended_the_newest_first,
    a_scheme_is_noted_once_for_its_bank,
    customers_are_listed_by_number,
    an_address_is_removed_once,
    running_issues_are_those_whose_time_has_not_come,
    mails_of_a_bank_are_listed_by_state_the_newest_first,
    a_mail_moves_from_the_state_it_was_seen_in,
    events_are_what_concerns_the_customer,
    the_other_sessions_of_a_customer_end,
);

fn other_bank() -> InstitutionId {
    InstitutionId::from_bytes([2; 16])
}

fn application(n: u8, customer: u8, at: i64) -> Application {
    Application {
        id: ApplicationId::from_bytes([n; 16]),
        customer_id: who(customer),
        institution_id: bank(),
        kind: "resume".to_owned(),
        reason: "本人を確認した".to_owned(),
        reception: format!("R-0000-000{n}"),
        applied_by: "operator 佐藤".to_owned(),
        applied_at: at,
        decided_by: None,
        decided_at: None,
        decision: None,
    }
}

async fn one_application_of_a_kind_is_open_for_a_customer(db: &Db) {
    let (first, second) = (application(1, 1, NOW.0), application(2, 2, NOW.0 - 1));
    db.write(async |tx| {
        tx.insert_application(&first).await?;
        tx.insert_application(&second).await
    })
    .await
    .unwrap();
    let open = db.read(async |tx| tx.newest_application(who(1), "resume").await).await;
    assert_eq!(open.as_ref(), Some(&first));
    let twice = db.write(async |tx| tx.insert_application(&application(3, 1, NOW.0)).await).await;
    assert!(matches!(twice, Err(StoreError::Conflict)), "{twice:?}");
    assert_eq!(db.read(async |tx| tx.newest_application(who(1), "other").await).await, None);
    assert_eq!(db.read(async |tx| tx.newest_application(who(3), "resume").await).await, None);
    let all = db.read(async |tx| tx.open_applications(bank(), Millis(0), 9).await).await;
    assert_eq!(all, [second.clone(), first.clone()]);
    assert_eq!(db.read(async |tx| tx.open_applications(bank(), NOW, 9).await).await, [first]);
    assert_eq!(
        db.read(async |tx| tx.open_applications(bank(), Millis(0), 1).await).await,
        [second]
    );
    assert_eq!(
        db.read(async |tx| tx.open_applications(other_bank(), Millis(0), 9).await).await,
        []
    );
}

fn notice(n: u8, from: i64, until: i64) -> Notice {
    Notice {
        id: NoticeId::from_bytes([n; 16]),
        text_ja: "年末年始のご案内".to_owned(),
        text_en: "Service at the turn of the year".to_owned(),
        mac: vec![n; 32],
        shown_from: from,
        shown_until: until,
        created_at: NOW.0,
    }
}

async fn notices_are_those_that_have_not_ended_the_newest_first(db: &Db) {
    let (ended, shown, coming) = (
        notice(1, NOW.0 - 20, NOW.0),
        notice(2, NOW.0 - 10, NOW.0 + 1),
        notice(3, NOW.0 + 5, NOW.0 + 9),
    );
    db.write(async |tx| {
        for n in [&ended, &shown, &coming] {
            tx.insert_notice(bank(), n).await?;
        }
        Ok(())
    })
    .await
    .unwrap();
    let listed = db.read(async |tx| tx.notices(bank(), NOW).await).await;
    assert_eq!(listed, [coming.clone(), shown.clone()]);
    assert_eq!(db.read(async |tx| tx.notices(other_bank(), NOW).await).await, []);
    for (institution, rows) in [(other_bank(), 0), (bank(), 1), (bank(), 0)] {
        let removed = db.write(async |tx| tx.remove_notice(institution, shown.id).await).await;
        assert_eq!(removed.unwrap(), rows);
    }
    assert_eq!(db.read(async |tx| tx.notices(bank(), NOW).await).await, [coming]);
}

async fn a_scheme_is_noted_once_for_its_bank(db: &Db) {
    db.write(async |tx| {
        for scheme in ["pbkdf2", "argon2i", "pbkdf2"] {
            tx.add_password_scheme(bank(), scheme).await?;
        }
        Ok(())
    })
    .await
    .unwrap();
    let schemes = db.read(async |tx| tx.password_schemes(bank()).await).await;
    assert_eq!(schemes, ["argon2i", "pbkdf2"]);
    assert_eq!(db.read(async |tx| tx.password_schemes(other_bank()).await).await, [""; 0]);
}

async fn customers_are_listed_by_number(db: &Db) {
    db.write(async |tx| {
        for (number, customer) in [("0002", 2), ("0003", 3), ("0001", 1)] {
            tx.reserve(bank(), Key::CustomerNumber, number, who(customer), "", NOW).await?;
        }
        tx.reserve(bank(), Key::LoginId, "hanako", who(1), "", NOW).await
    })
    .await
    .unwrap();
    let row = |n: u8| (format!("000{n}"), who(n).to_string());
    let after = async |last: &str, limit| {
        db.read(async |tx| tx.customers_after(bank(), last, limit).await).await
    };
    assert_eq!(after("", 2).await, [row(1), row(2)]);
    assert_eq!(after("0002", 2).await, [row(3)]);
    assert_eq!(after("0003", 2).await, []);
}

async fn an_address_is_removed_once(db: &Db) {
    db.write(async |tx| tx.insert_addresses(&[(who(1), address(1))]).await).await.unwrap();
    let remove = async |customer, at: i64| {
        let id = address(1).id;
        db.write(async |tx| tx.remove_address(who(customer), id, Millis(at)).await).await.unwrap()
    };
    assert_eq!(remove(2, NOW.0).await, 0);
    assert_eq!(remove(1, NOW.0).await, 1);
    assert_eq!(remove(1, NOW.0 + 1).await, 0);
    let left = db.read(async |tx| tx.addresses(who(1)).await).await;
    assert_eq!(left, [Address { removed_at: Some(NOW.0), ..address(1) }]);
}

async fn running_issues_are_those_whose_time_has_not_come(db: &Db) {
    with_customers(db, &[1, 2, 3, 4]).await;
    let rows = [
        Issue { deadline: Some(NOW.0 + 20), ..issue(1) },
        Issue { deadline: Some(NOW.0 + 10), ..issue(2) },
        Issue { deadline: Some(NOW.0), ..issue(3) },
        Issue { deadline: None, ended_at: Some(NOW.0), ..issue(4) },
    ];
    db.write(async |tx| {
        for (n, row) in (1..).zip(&rows) {
            tx.insert_token(who(n), &token(n)).await?;
            tx.insert_issue(who(n), row).await?;
        }
        Ok(())
    })
    .await
    .unwrap();
    let running = db.read(async |tx| tx.running_issues(bank(), NOW, 9).await).await;
    let seen: Vec<_> =
        running.iter().map(|r| (r.customer_number.as_str(), r.id, r.is_set_up)).collect();
    assert_eq!(seen, [("0002", rows[1].id, false), ("0001", rows[0].id, false)]);
    assert_eq!(db.read(async |tx| tx.running_issues(bank(), NOW, 1).await).await.len(), 1);
    assert!(db.read(async |tx| tx.running_issues(other_bank(), NOW, 9).await).await.is_empty());
}

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

async fn mails_of_a_bank_are_listed_by_state_the_newest_first(db: &Db) {
    let older = MailRow { created_at: NOW.0 - 5, reference: "prc_0".to_owned(), ..mail(1) };
    let failed = MailRow { state: MailState::Failed, customer_id: who(1), ..mail(2) };
    let newer = MailRow { created_at: NOW.0 + 5, customer_id: who(1), ..mail(3) };
    let foreign = MailRow { institution_id: other_bank(), ..mail(4) };
    enqueue(db, &[older.clone(), failed.clone(), newer.clone(), foreign]).await;
    db.write(async |tx| tx.move_mail(&failed, MailState::Queued).await).await.unwrap();
    let listed = async |state, before: i64, limit| {
        let mails = db.read(async |tx| tx.mails_of(bank(), state, Millis(before), limit).await);
        mails.await.into_iter().map(|m| m.id).collect::<Vec<MailId>>()
    };
    assert_eq!(listed(None, NOW.0 + 9, 9).await, [newer.id, failed.id, older.id]);
    assert_eq!(listed(None, NOW.0 + 5, 1).await, [failed.id]);
    assert_eq!(listed(Some(MailState::Queued), NOW.0 + 9, 9).await, [newer.id, older.id]);
    assert_eq!(listed(Some(MailState::Bounced), NOW.0 + 9, 9).await, []);

    let (kind, reference) = ("mail-code", "prc_1");
    let newest = db.read(async |tx| tx.newest_mail_at(who(1), kind, reference).await).await;
    assert_eq!(newest, Some(Millis(NOW.0 + 5)));
    let none = db.read(async |tx| tx.newest_mail_at(who(2), kind, reference).await).await;
    assert_eq!(none, None);
}

async fn a_mail_moves_from_the_state_it_was_seen_in(db: &Db) {
    enqueue(db, &[mail(1)]).await;
    let moved = MailRow {
        state: MailState::Bounced,
        last_error: Some("5.1.1".to_owned()),
        next_at: NOW.0 + 1,
        attempts: 3,
        expires_at: Some(NOW.0 + 2),
        ..mail(1)
    };
    for (from, rows) in [(MailState::Sent, 0), (MailState::Queued, 1), (MailState::Queued, 0)] {
        let result = db.write(async |tx| tx.move_mail(&moved, from).await).await;
        assert_eq!(result.unwrap(), rows, "{from:?}");
    }
    assert_eq!(db.read(async |tx| tx.mail(moved.id).await).await, Some(moved));
    assert_eq!(db.read(async |tx| tx.mail(mail(2).id).await).await, None);
}

async fn events_are_what_concerns_the_customer(db: &Db) {
    let event = |n: u8, kind: &str, result: &str, reason: Option<&str>| AuditRow {
        kind: kind.to_owned(),
        result: result.to_owned(),
        reason: reason.map(str::to_owned),
        ..line(n, Millis(NOW.0 + i64::from(n)))
    };
    let rows = [
        event(1, "token.issued", "ok", None),
        event(2, "token.started", "refused", None),
        event(3, "session.ended", "ok", Some("logout")),
        event(4, "session.ended", "ok", Some("replaced")),
        event(5, "passcode.refused", "refused", Some("locked")),
        event(6, "customer.stopped", "ok", None),
        event(7, "session.ended", "ok", Some("replaced")),
        event(8, "passcode.refused", "refused", Some("wrong")),
        AuditRow {
            channel: "api".to_owned(),
            ..event(9, "passcode.refused", "refused", Some("wrong"))
        },
    ];
    db.write(async |tx| {
        for row in &rows {
            tx.record(row).await?;
        }
        Ok(())
    })
    .await
    .unwrap();
    let (bucket, owner) = (rows[0].bucket, rows[0].customer_id.as_str());
    let told = async |since: i64, limit| {
        let rows =
            db.read(async |tx| tx.events_of(bucket, owner, Millis(since), limit).await).await;
        rows.iter().map(|row| row.at - NOW.0).collect::<Vec<_>>()
    };
    assert_eq!(told(0, (9, 9)).await, [8, 7, 6, 4, 1]);
    assert_eq!(told(0, (1, 0)).await, [6], "no more than asked for");
    assert_eq!(told(0, (2, 1)).await, [8, 7, 6, 1], "logins take no other's place");
    assert_eq!(told(0, (9, 1)).await, [8, 7, 6, 1], "logins push nothing else aside");
    assert_eq!(told(NOW.0 + 2, (9, 0)).await, [6]);
    assert_eq!(told(NOW.0 + 9, (9, 9)).await, [0; 0]);
    let newest = async |limit| {
        db.read(async |tx| tx.newest_audit_of(bucket, owner, Millis(0), limit).await).await
    };
    assert_eq!(newest(2).await, rows[7..], "the newest, the oldest of them first");
    assert_eq!(newest(9).await, rows);
}

async fn the_other_sessions_of_a_customer_end(db: &Db) {
    db.write(async |tx| {
        // One that waits for its passcode has not begun.
        let half = Session { level: Level::Password, ..session(5, 1) };
        let full = |s| Session { level: Level::Full, ..s };
        for s in [session(1, 1), session(2, 1), session(3, 1), session(4, 2)].map(full) {
            tx.insert_session(&s).await?;
        }
        tx.insert_session(&half).await?;
        tx.end_session(who(1), session(3, 1).id, SessionEnd::LoggedOut, NOW).await
    })
    .await
    .unwrap();
    let living =
        async |at: i64| db.read(async |tx| tx.living_sessions(who(1), Millis(at)).await).await;
    assert_eq!((living(NOW.0).await, living(session(1, 1).idle_until).await), (2, 0));
    let but = SessionId::from_bytes([1; 16]);
    for rows in [2, 0] {
        let done: Result<u64, StoreError> = db
            .write(async |tx| {
                tx.end_other_sessions(who(1), but, SessionEnd::Replaced, Millis(NOW.0 + 1)).await
            })
            .await;
        assert_eq!(done.unwrap(), rows);
    }
    let ends = db.texts("SELECT COALESCE(end_reason, 'runs') FROM sessions ORDER BY id").await;
    assert_eq!(ends, ["runs", "replaced", "logout", "runs", "replaced"]);
}
