//! Banks, customers, tokens and issues come back as they were written, with everything set and with
//! nothing set that may be missing; and what each act changes.

use warifu_core::{
    counter::Counter, ids::ActivationId, issue::IssueEnd, time::Millis, token::State,
};

use super::samples::{NOW, address, bank, customer, issue, token, verifier, who, with_customers};
use crate::{
    Address, Customer, DueToken, InstitutionRow, Issue, Key, Overdue, SealedKey, StoreError, Token,
    VerifierRow,
    testing::{Db, both},
};

both!(
    an_institution_comes_back_with_its_keys_and_versions,
    a_host_belongs_to_one_institution,
    a_customer_comes_back,
    addresses_come_back_oldest_first,
    a_key_of_the_directory_has_one_owner_and_is_free_again,
    the_same_value_may_stand_under_another_kind_and_another_bank,
    a_known_browser_is_known_to_its_customer_alone,
    a_token_comes_back,
    a_row_of_the_hot_table_comes_back,
    an_issue_comes_back,
    issues_are_counted_from_a_moment_on,
    only_open_issues_become_overdue,
    tokens_are_due_from_their_moment_on,
);

async fn an_institution_comes_back_with_its_keys_and_versions(db: &Db) {
    let row = InstitutionRow {
        id: bank(),
        service_id: "12345678".to_owned(),
        version: 1,
        document: "name = \"わりふ銀行\"".to_owned(),
        mac: vec![1; 32],
    };
    let key = SealedKey { key_id: 1, sealed: vec![0, 200, 10] };
    assert_eq!(db.read(async |tx| tx.institutions_version().await).await, 0);
    db.write(async |tx| tx.insert_institution(&row, &key, NOW).await).await.unwrap();
    let changed = InstitutionRow { version: 2, document: "other".to_owned(), ..row.clone() };
    db.write(async |tx| tx.update_institution(&changed, NOW).await).await.unwrap();
    // Someone else changed it meanwhile.
    let late = db.write(async |tx| tx.update_institution(&changed, NOW).await).await;
    assert!(matches!(late, Err(StoreError::Conflict)), "{late:?}");

    assert_eq!(db.read(async |tx| tx.institutions().await).await, [changed]);
    assert_eq!(db.read(async |tx| tx.institutions_version().await).await, 2);
    assert_eq!(db.read(async |tx| tx.data_keys(bank()).await).await, [key]);
    let versions = db.texts("SELECT document FROM institution_versions ORDER BY version").await;
    assert_eq!(versions, [row.document, "other".to_owned()]);
}

async fn a_host_belongs_to_one_institution(db: &Db) {
    let other = warifu_core::ids::InstitutionId::from_bytes([2; 16]);
    let hosts = [("ib", "ib.example.jp"), ("token", "token.example.jp")];
    db.write(async |tx| tx.set_hosts(bank(), &hosts).await).await.unwrap();
    db.write(async |tx| tx.set_hosts(bank(), &hosts).await).await.unwrap();
    let taken = db.write(async |tx| tx.set_hosts(other, &hosts[1..]).await).await;
    assert!(matches!(taken, Err(StoreError::Conflict)), "{taken:?}");
    db.write(async |tx| tx.set_hosts(bank(), &hosts[..1]).await).await.unwrap();
    db.write(async |tx| tx.set_hosts(other, &hosts[1..]).await).await.unwrap();
    let owners = db
        .texts("SELECT institution_id || ' ' || kind || ' ' || host FROM institution_hosts ORDER BY host")
        .await;
    assert_eq!(
        owners,
        [format!("{} ib ib.example.jp", bank()), format!("{other} token token.example.jp")]
    );
}

async fn a_customer_comes_back(db: &Db) {
    let id = who(1);
    assert_eq!(db.read(async |tx| tx.customer(id).await).await, None);
    with_customers(db, &[1, 2]).await;
    assert_eq!(db.read(async |tx| tx.customer(id).await).await, Some(customer(1)));
    let twice = db.write(async |tx| tx.insert_customers(&[customer(1)]).await).await;
    assert!(matches!(twice, Err(StoreError::Conflict)), "{twice:?}");

    let full = |taken: Customer| Customer {
        otp_required: true,
        hold_until: Some(1),
        issue_from: Some(2),
        suspended_at: Some(3),
        last_login_at: Some(4),
        previous_login_at: Some(i64::MAX),
        ..taken
    };
    let saved = db
        .write(async |tx| {
            let saved = full(tx.take_customer(id).await?.unwrap());
            tx.save_customer(&saved).await?;
            Ok(saved)
        })
        .await
        .unwrap();
    assert_eq!(saved.version, 2);
    assert_eq!(db.read(async |tx| tx.customer(id).await).await, Some(saved));
    assert_eq!(db.read(async |tx| tx.customer(who(2)).await).await, Some(customer(2)));
    // Emptied again: a null is written like any other value.
    db.write(async |tx| {
        let taken = tx.take_customer(id).await?.unwrap();
        tx.save_customer(&Customer { version: taken.version, ..customer(1) }).await
    })
    .await
    .unwrap();
    let now = db.read(async |tx| tx.customer(id).await).await;
    assert_eq!(now, Some(Customer { version: 3, ..customer(1) }));
    let stale = db.write(async |tx| tx.save_customer(&customer(1)).await).await;
    assert!(matches!(stale, Err(StoreError::Conflict)), "{stale:?}");
    assert_eq!(db.write(async |tx| tx.take_customer(who(9)).await).await.unwrap(), None);
}

async fn addresses_come_back_oldest_first(db: &Db) {
    let full = Address { confirmed_at: Some(1), removed_at: Some(2), ..address(2) };
    db.write(async |tx| {
        tx.insert_addresses(&[(who(1), full.clone())]).await?;
        tx.insert_addresses(&[(who(1), address(1))]).await?;
        tx.insert_addresses(&[(who(2), address(3))]).await
    })
    .await
    .unwrap();
    let found = db.read(async |tx| tx.addresses(who(1)).await).await;
    assert_eq!(found, [address(1), full]);
}

async fn a_key_of_the_directory_has_one_owner_and_is_free_again(db: &Db) {
    let value = "hanako_1";
    db.write(async |tx| tx.reserve(bank(), Key::LoginId, value, who(1), "", NOW).await)
        .await
        .unwrap();
    db.write(async |tx| {
        let taken = tx.reserve(bank(), Key::LoginId, value, who(2), "", NOW).await;
        assert!(matches!(taken, Err(StoreError::Conflict)), "{taken:?}");
        // The transaction lives on, and another value can be tried.
        tx.reserve(bank(), Key::LoginId, "hanako_2", who(2), "iss_1", NOW).await
    })
    .await
    .unwrap();
    let find = async |value: &str| {
        let found = db.read(async |tx| tx.find(bank(), Key::LoginId, value).await).await;
        found.map(|f| (f.bucket, f.customer_id, f.reference))
    };
    let bucket = |n| i64::from(who(n).bucket());
    assert_eq!(find(value).await, Some((bucket(1), who(1), String::new())));
    assert_eq!(find("hanako_2").await, Some((bucket(2), who(2), "iss_1".to_owned())));
    assert_eq!(find("HANAKO_1").await, None);
    db.write(async |tx| tx.free(bank(), Key::LoginId, value).await).await.unwrap();
    assert_eq!(find(value).await, None);
    db.write(async |tx| tx.reserve(bank(), Key::LoginId, value, who(2), "", NOW).await)
        .await
        .unwrap();
}

async fn the_same_value_may_stand_under_another_kind_and_another_bank(db: &Db) {
    let other = warifu_core::ids::InstitutionId::from_bytes([2; 16]);
    let kinds = [Key::LoginId, Key::CustomerNumber, Key::UserId, Key::Activation];
    db.write(async |tx| {
        for (n, kind) in (1..).zip(kinds) {
            tx.reserve(bank(), kind, "100", who(n), "", NOW).await?;
            tx.reserve(other, kind, "100", who(n + 10), "", NOW).await?;
        }
        Ok(())
    })
    .await
    .unwrap();
    for (n, kind) in (1..).zip(kinds) {
        let here = db.read(async |tx| tx.find(bank(), kind, "100").await).await;
        let there = db.read(async |tx| tx.find(other, kind, "100").await).await;
        assert_eq!(here.map(|f| f.customer_id), Some(who(n)));
        assert_eq!(there.map(|f| f.customer_id), Some(who(n + 10)));
    }
}

async fn a_known_browser_is_known_to_its_customer_alone(db: &Db) {
    let knows =
        async |n, hash: &[u8]| db.read(async |tx| tx.knows_device(who(n), hash, NOW).await).await;
    assert!(!knows(1, &[1; 32]).await);
    for seen in [NOW, Millis(NOW.0 + 1)] {
        db.write(async |tx| tx.remember_device(who(1), &[1; 32], seen).await).await.unwrap();
    }
    assert!(knows(1, &[1; 32]).await);
    assert!(!knows(1, &[2; 32]).await);
    assert!(!knows(2, &[1; 32]).await);
    let seen = "SELECT CAST(last_seen_at - first_seen_at AS TEXT) FROM devices";
    assert_eq!(db.texts(seen).await, ["1"]);
    let late = Millis(NOW.0 + 2);
    assert!(!db.read(async |tx| tx.knows_device(who(1), &[1; 32], late).await).await);
    let swept = async |before| db.write(async |tx| tx.sweep_devices(before).await).await.unwrap();
    assert_eq!((swept(Millis(NOW.0 + 1)).await, swept(late).await), (0, 1));
    db.write(async |tx| {
        for (n, hash) in [(1, [3; 32]), (1, [4; 32]), (2, [3; 32])] {
            tx.remember_device(who(n), &hash, NOW).await?;
        }
        assert_eq!(tx.forget_devices(who(1)).await?, 2);
        Ok(())
    })
    .await
    .unwrap();
    assert!(!knows(1, &[3; 32]).await);
    assert!(knows(2, &[3; 32]).await);
}

async fn a_token_comes_back(db: &Db) {
    db.write(async |tx| {
        tx.insert_token(who(1), &token(1)).await?;
        tx.insert_token(who(1), &token(2)).await?;
        tx.insert_token(who(2), &token(3)).await
    })
    .await
    .unwrap();
    assert_eq!(db.read(async |tx| tx.tokens(who(1)).await).await, [token(2), token(1)]);
    let full = Token {
        state: State::Released,
        root: Some(vec![0; 93]),
        signing_key: Some("{\"kty\":\"EC\"}".to_owned()),
        signing_mac: Some(vec![]),
        device: Some("iPhone".to_owned()),
        activated_at: Some(1),
        started_at: Some(2),
        ended_at: Some(3),
        valid_until: 4,
        due_at: Some(6),
        suspended_at: Some(5),
        ..token(1)
    };
    db.write(async |tx| tx.save_token(who(1), &full).await).await.unwrap();
    let read = async |n| db.read(async |tx| tx.token(who(1), token(n).id).await).await;
    assert_eq!(read(1).await, Some(Token { version: 2, ..full.clone() }));
    assert_eq!(read(3).await, None);
    assert_eq!(db.read(async |tx| tx.living_tokens(who(1)).await).await, [token(2)]);
    let standing = async |n| db.read(async |tx| tx.standing_tokens(who(n)).await).await;
    assert_eq!(standing(1).await, [token(2)]);
    assert_eq!(standing(3).await, []);
    let over = Token { state: State::Revoked, ended_at: Some(9), ..token(2) };
    db.write(async |tx| tx.save_token(who(1), &over).await).await.unwrap();
    assert_eq!(standing(1).await, [Token { version: 2, ..over }], "the newest, although it ended");
    let stale = db.write(async |tx| tx.save_token(who(1), &full).await).await;
    assert!(matches!(stale, Err(StoreError::Conflict)), "{stale:?}");
}

async fn a_row_of_the_hot_table_comes_back(db: &Db) {
    let v = verifier(1);
    let read =
        async || db.read(async |tx| tx.verifier(v.customer_id, v.token_id).await).await.unwrap();
    db.write(async |tx| tx.insert_verifier(&v).await).await.unwrap();
    assert_eq!(read().await, v);
    let counter = Counter { failures: 5, locked_until: Some(NOW), locked: true };
    db.write(async |tx| tx.count_failure(&v, &counter).await).await.unwrap();
    let failed = read().await;
    assert_eq!(failed.counter(), counter);
    assert_eq!(
        failed,
        VerifierRow {
            failures: 5,
            locked_until: Some(NOW.0),
            locked: true,
            version: 2,
            ..v.clone()
        }
    );
    db.write(async |tx| tx.set_verifier(v.customer_id, v.token_id, State::Released, true).await)
        .await
        .unwrap();
    // A token that has ended keeps no key.
    let set = VerifierRow {
        state: State::Released,
        suspended: true,
        version: 3,
        sealed_key: Vec::new(),
        ..failed
    };
    assert_eq!(read().await, set);
    let nobody = db
        .write(async |tx| tx.set_verifier(v.customer_id, token(9).id, State::InUse, false).await)
        .await;
    assert!(matches!(nobody, Err(StoreError::Conflict)), "{nobody:?}");
}

async fn an_issue_comes_back(db: &Db) {
    let bare = Issue { start_mac: None, deadline: None, ..issue(1) };
    db.write(async |tx| {
        tx.insert_issue(who(1), &bare).await?;
        tx.insert_issue(who(1), &issue(2)).await
    })
    .await
    .unwrap();
    let newest = async || db.read(async |tx| tx.newest_issue(who(1)).await).await;
    let running = async || db.read(async |tx| tx.running_issue(who(1)).await).await;
    let read = async |n| db.read(async |tx| tx.issue(who(1), issue(n).id).await).await;
    assert_eq!((newest().await, running().await), (Some(issue(2)), Some(issue(2))));
    assert_eq!((read(1).await, read(3).await), (Some(bare.clone()), None));
    let full = Issue {
        start_mac: Some(vec![3; 32]),
        start_until: 1,
        qr_until: 2,
        ecdh_thumbprint: Some("a".to_owned()),
        ecdsa_thumbprint: Some("b".to_owned()),
        activation_id: Some(ActivationId::from_bytes([1; 16]).to_string()),
        reply: Some(vec![4; 200]),
        acknowledged_at: Some(3),
        deadline: Some(4),
        ended_at: Some(5),
        end_reason: Some(IssueEnd::SecondPhone),
        ..bare
    };
    db.write(async |tx| tx.save_issue(who(1), &full).await).await.unwrap();
    assert_eq!(read(1).await.as_ref(), Some(&full));
    let of = async |n| db.read(async |tx| tx.issue_of(who(1), token(n).id).await).await;
    assert_eq!((of(1).await, of(2).await, of(3).await), (Some(full), Some(issue(2)), None));
    let mut ended = issue(2);
    ended.end(Some(IssueEnd::Deadline), NOW);
    db.write(async |tx| tx.save_issue(who(1), &ended).await).await.unwrap();
    assert_eq!((newest().await, running().await), (Some(ended), None));
    let nobodys = db.write(async |tx| tx.save_issue(who(2), &issue(2)).await).await;
    assert!(matches!(nobodys, Err(StoreError::Conflict)), "{nobodys:?}");
}

async fn issues_are_counted_from_a_moment_on(db: &Db) {
    db.write(async |tx| {
        for (n, created_at) in [(1, 99), (2, 100), (3, 101)] {
            tx.insert_issue(who(1), &Issue { created_at, ..issue(n) }).await?;
        }
        tx.insert_issue(who(2), &Issue { created_at: 100, ..issue(4) }).await
    })
    .await
    .unwrap();
    let count = db.read(async |tx| tx.issues_since(who(1), Millis(100)).await).await;
    assert_eq!(count, 2);
    assert_eq!(db.read(async |tx| tx.issues_since(who(3), Millis(0)).await).await, 0);
}

async fn tokens_are_due_from_their_moment_on(db: &Db) {
    with_customers(db, &[1, 2]).await;
    db.write(async |tx| {
        for (n, whose, due_at) in
            [(1, 1, Some(50)), (2, 2, Some(40)), (3, 1, Some(51)), (4, 2, None)]
        {
            tx.insert_token(who(whose), &token(n)).await?;
            tx.save_token(who(whose), &Token { due_at, ..token(n) }).await?;
        }
        Ok(())
    })
    .await
    .unwrap();
    let due = async |after: Option<&DueToken>, limit| {
        db.read(async |tx| tx.due_tokens(Millis(50), after, limit).await).await
    };
    let all = due(None, 10).await;
    let ids: Vec<_> = all.iter().map(|row| (row.customer_id, row.id)).collect();
    assert_eq!(ids, [(who(2), token(2).id), (who(1), token(1).id)]);
    assert!(all.iter().all(|row| row.institution_id == bank().to_string()));
    assert_eq!(due(None, 1).await, all[..1]);
    assert_eq!(due(Some(&all[0]), 1).await, all[1..]);
    assert_eq!(due(Some(&all[1]), 1).await, []);
    let mut ended = Token { version: 2, ..token(1) };
    ended.end(State::Expired, NOW);
    db.write(async |tx| tx.save_token(who(1), &ended).await).await.unwrap();
    assert_eq!(due(None, 10).await, all[..1]);
}

async fn only_open_issues_become_overdue(db: &Db) {
    with_customers(db, &[1, 2]).await;
    db.write(async |tx| {
        for (n, whose, deadline) in
            [(1, 1, Some(50)), (2, 2, Some(40)), (3, 1, Some(51)), (4, 2, None)]
        {
            tx.insert_issue(who(whose), &Issue { deadline, ..issue(n) }).await?;
        }
        Ok(())
    })
    .await
    .unwrap();
    let overdue = async |after: Option<&Overdue>, limit| {
        let rows = db.read(async |tx| tx.overdue_issues(Millis(50), after, limit).await).await;
        assert!(rows.iter().all(|row| row.institution_id == bank().to_string()));
        rows
    };
    let all = overdue(None, 10).await;
    let ids: Vec<_> = all.iter().map(|row| (row.customer_id, row.id)).collect();
    assert_eq!(ids, [(who(2), issue(2).id), (who(1), issue(1).id)]);
    // One by one they come in the same order, and then no more.
    assert_eq!(overdue(None, 1).await, all[..1]);
    assert_eq!(overdue(Some(&all[0]), 1).await, all[1..]);
    assert_eq!(overdue(Some(&all[1]), 1).await, []);
}
