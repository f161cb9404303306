//! Idempotency keys: who asks again hears the same answer, and nothing is done twice.

use serde_json::json;
use warifu_core::access::Scope;

use super::{
    harness::{
        TestApp, at_once,
        banks::{AOKI, Bank, MUTO},
        on_both_engines,
        program::{accepts, said},
    },
    passcodes::in_use,
};
use crate::actions::customers;

on_both_engines!(
    an_idempotency_key_gives_one_verification_and_its_answer_again,
    an_idempotency_key_with_another_body_is_refused,
    an_idempotency_key_is_the_customers_under_whichever_name,
    an_answer_that_was_changed_or_copied_in_the_database_is_not_given,
    who_asks_again_in_a_crowd_is_told_to_come_back_and_then_hears_the_answer,
);

const ALL: &[Scope] = Scope::ALL;

// Attack 74.
async fn an_idempotency_key_gives_one_verification_and_its_answer_again(app: &TestApp) {
    let phone = in_use(app, &AOKI).await;
    let program = app.program(Bank::A, ALL).await;
    let other = app.second_node().await;
    app.advance_secs(60);
    let body =
        json!({ "login_id": AOKI.login_id, "passcode": phone.passcode(), "purpose": "login" });
    let calls = (0..4).map(|n| {
        let (program, body) = (program.at(if n % 2 == 0 { app } else { &other }), body.clone());
        async move { said(&program.send(&body, Some("order 4711")).await) }
    });
    let mut answers = at_once(calls.collect::<Vec<_>>()).await;
    answers.push(said(&program.send(&body, Some("order 4711")).await));
    let fresh = answers.iter().filter(|a| a["replayed"] == false).count();
    assert_eq!(fresh, 1, "{answers:?}");
    for answer in &answers {
        assert_eq!(answer["result"], "accepted", "{answer}");
        assert_eq!(answer["verification_id"], answers[0]["verification_id"]);
    }
    assert_eq!(app.audited("passcode.accepted").await, 2, "the start of use, and this one");
    // Another key asks anew; so does one who is not the customer's.
    assert_eq!(said(&program.send(&body, Some("order 4712")).await)["reason"], "used");
    for login in ["nobody-here", MUTO.login_id] {
        let body = json!({ "login_id": login, "passcode": "000000", "purpose": "login" });
        let first = said(&program.send(&body, Some("order 4711")).await);
        let second = said(&program.send(&body, Some("order 4711")).await);
        assert_eq!(first["verification_id"], second["verification_id"], "{login}");
        assert_eq!((&first["replayed"], &second["replayed"]), (&false.into(), &true.into()));
    }
    other.app.store.close().await;
}

async fn an_idempotency_key_with_another_body_is_refused(app: &TestApp) {
    let phone = in_use(app, &AOKI).await;
    let program = app.program(Bank::A, ALL).await;
    app.advance_secs(60);
    let mut body = json!({ "login_id": AOKI.login_id, "passcode": "000000", "purpose": "login" });
    program.send(&body, Some("k")).await.expect(200);
    body["passcode"] = phone.passcode().into();
    let reply = program.send(&body, Some("k")).await.expect(422);
    assert_eq!(said(&reply)["code"], "idempotency_mismatch");
    assert!(accepts(&program.send(&body, Some("l")).await), "nothing was spent");
    for key in ["", "a\tb", &"k".repeat(201)] {
        let reply = program.send(&body, Some(key)).await.expect(422);
        assert_eq!(said(&reply)["fields"][0]["name"], "idempotency_key");
    }
}

async fn an_answer_that_was_changed_or_copied_in_the_database_is_not_given(app: &TestApp) {
    let phone = in_use(app, &AOKI).await;
    let program = app.program(Bank::A, ALL).await;
    app.advance_secs(60);
    let right =
        json!({ "login_id": AOKI.login_id, "passcode": phone.passcode(), "purpose": "login" });
    let wrong = json!({ "login_id": AOKI.login_id, "passcode": "000000", "purpose": "login" });
    assert_eq!(said(&program.send(&right, Some("right")).await)["result"], "accepted");
    assert_eq!(said(&program.send(&wrong, Some("wrong")).await)["result"], "refused");
    let kept = app.database.texts("answers", "answer", &AOKI.rows()).await;
    let accepted = kept.iter().find(|answer| answer.contains("true")).unwrap();
    let is_refused = format!("{} AND answer <> '{accepted}'", AOKI.rows());
    assert_eq!(
        app.database.set("answers", &format!("answer = '{accepted}'"), &is_refused).await,
        1
    );
    let reply = program.send(&wrong, Some("wrong")).await.expect(422);
    assert_eq!(said(&reply)["code"], "idempotency_mismatch");
    // Nor with all that belongs to the other's answer.
    let mac = "mac = (SELECT o.mac FROM answers o WHERE o.key_hash <> answers.key_hash)";
    let last = format!("{} AND key_hash = (SELECT MAX(key_hash) FROM answers)", AOKI.rows());
    assert_eq!(app.database.set("answers", mac, &last).await, 1);
    program.send(&wrong, Some("wrong")).await.expect(422);
}

async fn an_idempotency_key_is_the_customers_under_whichever_name(app: &TestApp) {
    let phone = in_use(app, &AOKI).await;
    let program = app.program(Bank::A, ALL).await;
    app.advance_secs(60);
    let id = customers::find(&app.app, &app.origin(Bank::A), AOKI.number).await.unwrap().unwrap();
    let passcode = phone.passcode();
    let body = json!({ "login_id": AOKI.login_id, "passcode": passcode, "purpose": "login" });
    assert!(accepts(&program.send(&body, Some("k")).await));
    // Another body, and nothing is counted.
    let body = json!({ "customer_id": id, "passcode": passcode, "purpose": "login" });
    let reply = program.send(&body, Some("k")).await.expect(422);
    assert_eq!(said(&reply)["code"], "idempotency_mismatch");
    assert_eq!(app.database.count("verifiers", "failures > 0").await, 0);
}

async fn who_asks_again_in_a_crowd_is_told_to_come_back_and_then_hears_the_answer(app: &TestApp) {
    let phone = in_use(app, &AOKI).await;
    let program = app.program(Bank::A, ALL).await;
    app.advance_secs(60);
    let body =
        json!({ "login_id": AOKI.login_id, "passcode": phone.passcode(), "purpose": "login" });
    let calls = (0..40).map(|_| {
        let (program, body) = (program.clone(), body.clone());
        async move { program.send(&body, Some("order 1")).await }
    });
    let mut answers = 0;
    for reply in at_once(calls.collect::<Vec<_>>()).await {
        if reply.status == 503 {
            assert_eq!(said(&reply)["code"], "overloaded");
            assert!(!reply.header("retry-after").is_empty());
        } else {
            assert!(accepts(&reply));
            answers += 1;
        }
    }
    assert!(answers > 0);
    assert!(accepts(&program.send(&body, Some("order 1")).await));
    assert_eq!(app.audited("passcode.accepted").await, 2, "the start of use, and this one");
}
