//! The API's verifications: one passcode, one acceptance, one answer, whoever asks however often.

use std::time::Duration;

use serde_json::json;
use warifu_core::{access::Scope, audit::Channel};

use super::{
    harness::{
        TestApp, at_once,
        banks::{AOKI, AOKI_B, Bank, ISHII, MUTO},
        on_both_engines,
        program::{accepts, said},
    },
    passcodes::in_use,
};
use crate::actions::{api_keys, customers, stop::stop_for};

on_both_engines!(
    a_passcode_is_accepted_once_in_whatever_form,
    one_passcode_sent_a_hundred_times_at_once_over_three_nodes_is_accepted_once,
    guesses_beyond_the_limit_are_not_evaluated_however_many_come_at_once,
    a_right_passcode_raced_against_the_stop_is_accepted_before_it_or_not_at_all,
    many_customers_at_once_each_get_their_own_answer,
    refusals_cannot_be_told_apart,
    the_reason_is_told_to_keys_that_may_know_it,
    another_banks_customer_is_nobody,
    no_key_reaches_what_binds_or_unbinds_a_token,
    a_key_opens_what_its_scopes_say_until_it_is_revoked,
    another_banks_customer_is_not_even_taken,
    one_unreadable_token_keeps_no_other_customer_waiting_for_ever,
    during_a_hold_the_right_passcode_approves_no_transaction,
    what_is_no_request_is_a_problem_with_its_field,
    each_answer_has_one_row_in_the_trail,
);

const ALL: &[Scope] = Scope::ALL;

async fn a_passcode_is_accepted_once_in_whatever_form(app: &TestApp) {
    let phone = in_use(app, &AOKI).await;
    let program = app.program(Bank::A, ALL).await;
    app.advance_secs(60);
    let passcode = phone.passcode();
    assert!(accepts(&program.verify(&AOKI, &passcode).await));
    let wide: String = passcode
        .chars()
        .map(|c| char::from_u32(u32::from(c) - u32::from('0') + u32::from('０')).unwrap())
        .collect();
    let (head, tail) = passcode.split_at(3);
    for form in [passcode.clone(), wide, format!("{head} {tail}"), format!(" {passcode} ")] {
        let again = program.verify(&AOKI, &form).await;
        assert!(!accepts(&again), "{form}");
        assert_eq!(said(&again)["reason"], "used", "{form}");
    }
    // By the customer's id, and for another purpose: the same passcode.
    let id = customers::find(&app.app, &app.origin(Bank::A), AOKI.number).await.unwrap().unwrap();
    let body = json!({ "customer_id": id, "passcode": passcode, "purpose": "transaction" });
    assert!(!accepts(&program.send(&body, None).await));
}

// Attacks 2 and 58.
async fn one_passcode_sent_a_hundred_times_at_once_over_three_nodes_is_accepted_once(
    app: &TestApp,
) {
    let phone = in_use(app, &AOKI).await;
    let program = app.program(Bank::A, ALL).await;
    let nodes = [app.clone(), app.second_node().await, app.second_node().await];
    for _ in 0..3 {
        app.advance_secs(60);
        let passcode = phone.passcode();
        let calls = (0..100).map(|n| {
            let program = program.at(&nodes[n % nodes.len()]);
            let passcode = passcode.clone();
            async move { accepts(&program.verify(&AOKI, &passcode).await) }
        });
        let accepted = at_once(calls.collect::<Vec<_>>()).await.into_iter().filter(|yes| *yes);
        assert_eq!(accepted.count(), 1);
        // The others were counted, up to a lock: the next round begins unlocked.
        let id = customers::find(&app.app, &app.origin(Bank::A), AOKI.number).await.unwrap();
        customers::unlock(&app.app, &app.origin(Bank::A), id.unwrap()).await.unwrap();
    }
    for node in &nodes[1..] {
        node.app.store.close().await;
    }
}

// Attacks 14 and 59.
async fn guesses_beyond_the_limit_are_not_evaluated_however_many_come_at_once(app: &TestApp) {
    let phone = in_use(app, &AOKI).await;
    let program = app.program(Bank::A, ALL).await;
    app.advance_secs(60);
    let right = phone.passcode();
    let wrong = if right == "000000" { "111111" } else { "000000" };
    let calls = (0..40).map(|_| {
        let program = program.clone();
        async move { accepts(&program.verify(&AOKI, wrong).await) }
    });
    assert!(at_once(calls.collect::<Vec<_>>()).await.into_iter().all(|yes| !yes));
    // Some were turned away before they were looked at; the rest of the five come one by one.
    for _ in 0..5 {
        assert!(!accepts(&program.verify(&AOKI, wrong).await));
    }
    assert_eq!(app.database.texts("verifiers", "failures", "failures > 0").await, ["5"]);
    let refused = program.verify(&AOKI, &right).await;
    assert_eq!(said(&refused)["reason"], "locked_for_a_time");
    app.deliver().await;
    let told = app.subjects(AOKI.address());
    assert_eq!(
        told.iter().filter(|subject| subject.contains("停止しました")).count(),
        1,
        "{told:?}"
    );
}

// Rule 2.
async fn a_right_passcode_raced_against_the_stop_is_accepted_before_it_or_not_at_all(
    app: &TestApp,
) {
    let phone = in_use(app, &AOKI).await;
    let program = app.program(Bank::A, ALL).await;
    app.advance_secs(60);
    let (racer, passcode, caller) = (app.clone(), phone.passcode(), program.clone());
    let id = customers::find(&app.app, &app.origin(Bank::A), AOKI.number).await.unwrap().unwrap();
    let jobs: [std::pin::Pin<Box<dyn Future<Output = bool> + Send>>; 2] = [
        Box::pin(async move { accepts(&caller.verify(&AOKI, &passcode).await) }),
        Box::pin(async move {
            stop_for(&racer.app, &racer.origin(Bank::A), id).await.unwrap();
            true
        }),
    ];
    at_once(jobs).await;
    app.advance_secs(60);
    let after = program.verify(&AOKI, &phone.passcode()).await;
    assert_eq!(said(&after)["reason"], "suspended");
}

async fn many_customers_at_once_each_get_their_own_answer(app: &TestApp) {
    let phones = [(&AOKI, in_use(app, &AOKI).await), (&ISHII, in_use(app, &ISHII).await)];
    let program = app.program(Bank::A, ALL).await;
    app.advance_secs(60);
    let wrong = "123123";
    let calls: Vec<_> = phones
        .iter()
        .flat_map(|(person, phone)| [(**person, phone.passcode()), (**person, wrong.to_owned())])
        .chain([(MUTO, wrong.to_owned())])
        .map(|(person, passcode)| {
            let program = program.clone();
            async move { (passcode.clone(), accepts(&program.verify(&person, &passcode).await)) }
        })
        .collect();
    for (passcode, accepted) in at_once(calls).await {
        assert_eq!(accepted, passcode != wrong);
    }
}

// Attack 23.
async fn refusals_cannot_be_told_apart(app: &TestApp) {
    let phone = in_use(app, &AOKI).await;
    let program = app.program(Bank::A, &[Scope::Login]).await;
    app.advance_secs(60);
    let used = phone.passcode();
    assert!(accepts(&program.verify(&AOKI, &used).await));
    let mut seen = Vec::new();
    for (login, passcode) in [
        (AOKI.login_id, used.as_str()),
        (AOKI.login_id, "000000"),
        (AOKI.login_id, "00000000"),
        (MUTO.login_id, "000000"),
        ("nobody-here", "000000"),
        ("?", "000000"),
    ] {
        let body = json!({ "login_id": login, "passcode": passcode, "purpose": "login" });
        let since = tokio::time::Instant::now();
        let reply = program.send(&body, None).await.expect(200);
        // Whatever took how long: none is told sooner.
        assert!(since.elapsed() >= Duration::from_millis(40), "{login} {passcode}");
        let mut told = said(&reply);
        assert!(told["verification_id"].as_str().unwrap().starts_with("ver_"), "{told}");
        told["verification_id"] = "ver".into();
        seen.push((told, reply.body.len(), reply.headers.len()));
    }
    assert!(seen.iter().all(|one| *one == seen[0]), "{seen:?}");
    assert_eq!(
        seen[0].0,
        json!({
            "result": "refused", "verification_id": "ver", "hold_until": null, "replayed": false
        })
    );
}

async fn the_reason_is_told_to_keys_that_may_know_it(app: &TestApp) {
    let phone = in_use(app, &AOKI).await;
    let program = app.program(Bank::A, &[Scope::Login, Scope::Reason]).await;
    app.advance_secs(60);
    let reason = async |login: &str, passcode: &str| {
        let body = json!({ "login_id": login, "passcode": passcode, "purpose": "login" });
        said(&program.send(&body, None).await)["reason"].as_str().map(str::to_owned)
    };
    assert_eq!(reason(AOKI.login_id, &phone.passcode()).await, None);
    assert_eq!(reason(AOKI.login_id, &phone.passcode()).await.as_deref(), Some("used"));
    assert_eq!(reason(AOKI.login_id, "000000").await.as_deref(), Some("wrong"));
    assert_eq!(reason(MUTO.login_id, "000000").await.as_deref(), Some("no_token"));
    assert_eq!(reason("nobody-here", "000000").await.as_deref(), Some("unknown"));
}

async fn another_banks_customer_is_nobody(app: &TestApp) {
    let phone = in_use(app, &AOKI_B).await;
    let program = app.program(Bank::A, ALL).await;
    app.advance_secs(60);
    let id = customers::find(&app.app, &app.origin(Bank::B), AOKI_B.number).await.unwrap().unwrap();
    let body = json!({ "customer_id": id, "passcode": phone.passcode(), "purpose": "login" });
    let reply = program.send(&body, None).await;
    assert_eq!(said(&reply)["reason"], "unknown");
    // Nor does a key open another bank's door.
    let stranger = app.program(Bank::B, ALL).await.with(&program.key);
    stranger.verify(&AOKI_B, &phone.passcode()).await.expect(401);
}

// Attacks 48 and 65.
async fn no_key_reaches_what_binds_or_unbinds_a_token(app: &TestApp) {
    let phone = in_use(app, &AOKI).await;
    let program = app.program(Bank::A, ALL).await;
    app.advance_secs(60);
    for purpose in ["start", "release", "exchange", "resync", "method", "Login", ""] {
        let reply = program.verify_for(&AOKI, &phone.passcode(), purpose).await.expect(422);
        assert_eq!(said(&reply)["fields"][0]["name"], "purpose", "{purpose}");
    }
    assert!(accepts(&program.verify(&AOKI, &phone.passcode()).await), "none of it was spent");
}

async fn a_key_opens_what_its_scopes_say_until_it_is_revoked(app: &TestApp) {
    let phone = in_use(app, &AOKI).await;
    let program = app.program(Bank::A, &[Scope::Login]).await;
    app.advance_secs(60);
    let passcode = phone.passcode();
    let reply = program.verify_for(&AOKI, &passcode, "transaction").await.expect(403);
    assert_eq!(said(&reply)["code"], "forbidden");
    assert!(accepts(&program.verify(&AOKI, &passcode).await));
    let origin = app.origin(Bank::A);
    let [key] = &api_keys::list(&app.app, &origin).await.unwrap()[..] else { panic!("one key") };
    assert_eq!(key.last_used_at, Some(app.now().0));
    assert!(!program.key.is_empty() && !app.database.dump("api_keys").await.is_empty());
    assert!(api_keys::revoke(&app.app, &origin, key.id).await.unwrap());
    assert!(!api_keys::revoke(&app.app, &origin, key.id).await.unwrap());
    app.advance_secs(60);
    program.verify(&AOKI, &phone.passcode()).await.expect(401);
    // No edit of its row brings it back.
    app.database.set("api_keys", "revoked_at = NULL", "TRUE").await;
    program.verify(&AOKI, &phone.passcode()).await.expect(401);
    for key in ["", "key_", "x.y", &program.key[..20], &format!("{}A", program.key)] {
        let other = program.with(key);
        let reply = other.verify(&AOKI, &phone.passcode()).await.expect(401);
        assert_eq!(said(&reply)["code"], "not_signed_in");
    }
}

async fn another_banks_customer_is_not_even_taken(app: &TestApp) {
    let program = app.program(Bank::A, ALL).await;
    let id = customers::find(&app.app, &app.origin(Bank::B), AOKI_B.number).await.unwrap().unwrap();
    let version = async || app.database.text("customers", "version", &AOKI_B.row()).await;
    let before = version().await;
    let body = json!({ "customer_id": id, "passcode": "000000", "purpose": "login" });
    assert!(!accepts(&program.send(&body, None).await));
    assert_eq!(version().await, before);
}

async fn one_unreadable_token_keeps_no_other_customer_waiting_for_ever(app: &TestApp) {
    let phone = in_use(app, &AOKI).await;
    in_use(app, &ISHII).await;
    let program = app.program(Bank::A, ALL).await;
    app.advance_secs(60);
    app.database.set("verifiers", "algorithm = 'rot13'", &ISHII.rows()).await;
    let other = program.clone();
    let jobs: [std::pin::Pin<Box<dyn Future<Output = u16> + Send>>; 2] = [
        Box::pin(async move { other.verify(&ISHII, "000000").await.status }),
        Box::pin(
            async move { u16::from(accepts(&program.verify(&AOKI, &phone.passcode()).await)) },
        ),
    ];
    assert_eq!(at_once(jobs).await, [500, 1]);
}

// Rule 11.
async fn during_a_hold_the_right_passcode_approves_no_transaction(app: &TestApp) {
    let phone = in_use(app, &AOKI).await;
    let program = app.program(Bank::A, ALL).await;
    app.advance_secs(60);
    let held = said(&program.verify_for(&AOKI, &phone.passcode(), "transaction").await);
    assert_eq!((&held["result"], &held["reason"]), (&"refused".into(), &"held".into()));
    assert!(held["hold_until"].is_string());
    app.advance_secs(60);
    let login = said(&program.verify(&AOKI, &phone.passcode()).await);
    assert_eq!((&login["result"], &login["hold_until"]), (&"accepted".into(), &held["hold_until"]));
    app.advance_hours(24 * 30);
    let free = said(&program.verify_for(&AOKI, &phone.passcode(), "transaction").await);
    assert_eq!((&free["result"], &free["hold_until"]), (&"accepted".into(), &json!(null)));
}

async fn what_is_no_request_is_a_problem_with_its_field(app: &TestApp) {
    let program = app.program(Bank::A, ALL).await;
    let right = json!({ "login_id": "aoki", "passcode": "000000", "purpose": "login" });
    let with = |name: &str, value: serde_json::Value| {
        let mut body = right.clone();
        body[name] = value;
        body
    };
    for (body, field) in [
        (json!([]), "body"),
        (json!({}), "body"),
        (with("more", json!(1)), "body"),
        (with("passcode", json!(123_456)), "body"),
        (with("passcode", json!("")), "passcode"),
        (with("passcode", json!("12345\u{0}")), "passcode"),
        (with("passcode", json!("1".repeat(50_000))), "passcode"),
        (with("purpose", json!("buy")), "purpose"),
        (with("login_id", json!("")), "login_id"),
        (with("login_id", json!("a\u{0}b")), "login_id"),
        (with("customer_id", json!("cus_x")), "login_id"),
        (with("login_id", json!(null)), "login_id"),
        (
            json!({ "customer_id": "cus_x", "passcode": "000000", "purpose": "login" }),
            "customer_id",
        ),
        (with("context", json!("x".repeat(201))), "context"),
        (with("context", json!("a\nb")), "context"),
    ] {
        let mark = app.mark();
        let reply = program.send(&body, None).await.expect(422);
        assert_eq!(reply.header("content-type"), "application/problem+json");
        let told = said(&reply);
        assert_eq!(
            (&told["code"], &told["fields"][0]["name"]),
            (&"invalid_field".into(), &field.into())
        );
        assert!(told["type"].as_str().unwrap().ends_with("/problems/invalid_field"), "{told}");
        assert_eq!(app.recorded(mark).await.len(), 1, "{body}");
        app.advance_secs(1);
    }
    program.send_raw("application/json", "{").await.expect(422);
    program.send_raw("text/plain", right.to_string()).await.expect(422);
    program.send_raw("application/json", vec![0xff; 1 << 20]).await.expect(422);
    program.send_raw("application/json", "[".repeat(60_000)).await.expect(422);
}

async fn each_answer_has_one_row_in_the_trail(app: &TestApp) {
    let phone = in_use(app, &AOKI).await;
    let program = app.program(Bank::A, ALL).await;
    app.advance_secs(60);
    let mut ids = Vec::new();
    for (login, passcode) in [
        (AOKI.login_id, phone.passcode()),
        (AOKI.login_id, phone.passcode()),
        (AOKI.login_id, "000000".to_owned()),
        (MUTO.login_id, "000000".to_owned()),
        ("nobody-here", "000000".to_owned()),
    ] {
        let body = json!({
            "login_id": login, "passcode": passcode, "purpose": "login", "context": "振込 第4711号"
        });
        let told = said(&program.send(&body, None).await);
        ids.push(told["verification_id"].as_str().unwrap().to_owned());
    }
    let channel = format!("channel = '{}'", Channel::Api.as_str());
    let rows = app.database.texts("audit", "after_json", &channel).await;
    for id in &ids {
        let about: Vec<_> = rows.iter().filter(|row| row.contains(id)).collect();
        assert_eq!(about.len(), 1, "{id}");
        assert!(about[0].contains("振込 第4711号"));
    }
    assert!(app.database.dump("audit").await.iter().all(|row| !row.contains("nobody-here")));
}
