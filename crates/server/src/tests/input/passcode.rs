//! The passcode field of BLI002, BOK002 and BOS001.

use super::{Told, garbage, refused};
use crate::tests::{
    harness::{
        TestApp,
        banks::{AOKI, AOKI_B},
        browser::Browser,
        on_both_engines,
    },
    passcodes::{before_passcode, in_use},
};

on_both_engines!(
    what_is_no_passcode_is_told_at_the_login_and_costs_no_try,
    what_is_no_passcode_is_told_at_the_start_and_costs_no_try,
    what_is_no_passcode_is_told_at_the_release_and_costs_no_try,
    a_wrong_passcode_is_told_beside_the_field_and_recorded_once,
    a_passcode_without_a_usable_token_is_refused_and_recorded_once,
);

async fn told(browser: &mut Browser, path: &str, typed: &str, message: &str) {
    let told = Told {
        errors: &[("passcode", message)],
        kept: &[],
        emptied: &["passcode"],
        audit: "input.refused|refused|passcode:",
    };
    refused(browser, path, &[("passcode", typed)], &told).await;
}

async fn every_mistake(app: &TestApp, browser: &mut Browser, path: &str, digits: usize) {
    let empty = "ワンタイムパスワードを入力してください。";
    for typed in ["", " ", "　\t", "--"] {
        told(browser, path, typed, empty).await;
    }
    let form = format!("ワンタイムパスワードは、{digits}桁の数字で入力してください。");
    let mut typed = garbage();
    typed.extend(["1".repeat(digits - 1), "1".repeat(digits + 1), "1".repeat(10_000)]);
    for typed in &typed {
        told(browser, path, typed, &form).await;
    }
    assert_eq!(app.database.count("verifiers", "failures > 0").await, 0);
}

async fn what_is_no_passcode_is_told_at_the_login_and_costs_no_try(app: &TestApp) {
    for person in [&AOKI, &AOKI_B] {
        let phone = in_use(app, person).await;
        let mut browser = before_passcode(app, person, 1).await.remove(0);
        every_mistake(app, &mut browser, "/login/passcode", person.bank.digits()).await;
        browser.passcode(&phone.passcode()).await.expect_to("/top");
    }
}

async fn what_is_no_passcode_is_told_at_the_start_and_costs_no_try(app: &TestApp) {
    let mut browser = app.signed_in(&AOKI).await;
    let phone = browser.issue_to_phone(&AOKI).await;
    browser.reach_start().await;
    every_mistake(app, &mut browser, "/otp/start/passcode", 6).await;
    browser.start(&phone.passcode()).await.expect_to("/otp/start/done");
}

async fn what_is_no_passcode_is_told_at_the_release_and_costs_no_try(app: &TestApp) {
    let mut browser = app.signed_in(&AOKI_B).await;
    let phone = browser.until_in_use(&AOKI_B).await;
    browser.reach_release().await;
    every_mistake(app, &mut browser, "/otp/release/passcode", 8).await;
    browser.release(&phone.passcode()).await.expect_to("/otp/release/done");
}

async fn a_wrong_passcode_is_told_beside_the_field_and_recorded_once(app: &TestApp) {
    let phone = in_use(app, &AOKI).await;
    let mut browser = before_passcode(app, &AOKI, 1).await.remove(0);
    let wrong = phone.wrong_passcode();
    let expected = Told {
        errors: &[("passcode", "ワンタイムパスワードが正しくありません。")],
        kept: &[],
        emptied: &["passcode"],
        audit: "passcode.refused|refused|wrong",
    };
    refused(&mut browser, "/login/passcode", &[("passcode", &wrong)], &expected).await;
}

async fn a_passcode_without_a_usable_token_is_refused_and_recorded_once(app: &TestApp) {
    let phone = in_use(app, &AOKI).await;
    let mut browser = before_passcode(app, &AOKI, 1).await.remove(0);
    for change in ["state = 'revoked'", "state = 'expired'"] {
        app.database.set("tokens", change, &AOKI.rows()).await;
        browser.open("/login").await.expect(200);
        let mark = app.mark();
        let reply = browser.passcode(&phone.passcode()).await.expect(422).expect_screen("BLI002");
        assert!(reply.text().contains("今お使いになれるトークンがありません"), "{}", reply.text());
        let recorded = app.recorded(mark).await;
        assert_eq!(recorded.len(), 1, "{change}: {recorded:?}");
    }
}
