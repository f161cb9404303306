//! Rules 1 and 3: a passcode is accepted once, for what it was given for, by its own token only.

use warifu_core::{
    oath::{Digits, Passcode},
    purpose::Purpose,
    verify::Reason,
};

use super::harness::{
    TestApp, at_once,
    banks::{AOKI, AOKI_B, Bank, ISHII, Person},
    browser::Browser,
    on_both_engines,
    phone::Phone,
};
use crate::{
    actions::{overview, prove},
    error::AppError,
};

on_both_engines!(
    a_passcode_is_accepted_once,
    a_passcode_sent_32_times_at_once_is_accepted_once,
    a_passcode_sent_to_two_nodes_at_once_is_accepted_once,
    a_passcode_sent_for_release_and_for_login_at_once_is_accepted_once,
    the_passcode_of_the_start_does_not_log_in,
    a_passcode_of_another_token_is_wrong,
    the_passcode_before_still_works_and_older_ones_do_not,
    the_passcode_of_the_phone_that_is_ahead_is_accepted_within_one_step,
    a_plain_passcode_cannot_serve_exchange_or_method,
    an_accepted_passcode_stays_spent_after_a_restart,
    a_decision_on_stale_data_accepts_nothing,
);

/// A customer whose token is in use, logged out.
pub(super) async fn in_use(app: &TestApp, person: &Person) -> Phone {
    let mut pc = app.signed_in(person).await;
    let phone = pc.until_in_use(person).await;
    pc.sign_out().await.expect(200);
    phone
}

/// A customer with a token in use who has logged in with it; its passcode of now is fresh.
pub(super) async fn logged_in_with_token(app: &TestApp, person: &Person) -> (Browser, Phone) {
    let phone = in_use(app, person).await;
    let mut pc = app.browser(person.bank);
    pc.sign_in_with(person, &phone.passcode()).await;
    app.advance_secs(person.bank.period());
    (pc, phone)
}

/// So many browsers that stand before BLI002.
pub(super) async fn before_passcode(app: &TestApp, person: &Person, count: usize) -> Vec<Browser> {
    let mut browsers = Vec::new();
    for _ in 0..count {
        let mut browser = app.browser(person.bank);
        browser.sign_in_half(person).await;
        browsers.push(browser);
    }
    browsers
}

/// The passcode in the formats that people type; all are the same passcode.
fn formats(passcode: &str) -> [String; 6] {
    let (left, right) = passcode.split_at(passcode.len() / 2);
    let wide: String =
        passcode.bytes().map(|b| char::from_u32(0xff10 + u32::from(b - b'0')).unwrap()).collect();
    [
        passcode.to_owned(),
        format!("{left} {right}"),
        wide,
        format!(" {passcode}\t"),
        format!("{left}-{right}"),
        format!("{left}　{right}"),
    ]
}

async fn accepted(app: &TestApp) -> i64 {
    app.audited("passcode.accepted").await
}

async fn a_passcode_is_accepted_once(app: &TestApp) {
    for person in [&AOKI, &AOKI_B] {
        let phone = in_use(app, person).await;
        let before = accepted(app).await;
        let passcode = phone.passcode();
        app.browser(person.bank).sign_in_with(person, &passcode).await;
        for format in formats(&passcode).iter().take(person.bank.lock_after() - 1) {
            let mut again = before_passcode(app, person, 1).await.remove(0);
            let reply = again.passcode(format).await.expect(422);
            assert!(
                reply.error("passcode").unwrap().starts_with("この番号は、すでに使われています")
            );
        }
        assert_eq!(accepted(app).await, before + 1);
        // What was refused was counted, and the next passcode clears it.
        app.advance_secs(person.bank.period());
        app.browser(person.bank).sign_in_with(person, &phone.passcode()).await;
        assert_eq!(accepted(app).await, before + 2);
    }
}

async fn a_passcode_sent_32_times_at_once_is_accepted_once(app: &TestApp) {
    let phone = in_use(app, &AOKI).await;
    let before = accepted(app).await;
    let formats = formats(&phone.passcode());
    let browsers = before_passcode(app, &AOKI, 32).await;
    let jobs = browsers.into_iter().zip(formats.into_iter().cycle());
    let replies =
        at_once(jobs.map(|(mut b, passcode)| async move { b.passcode(&passcode).await })).await;
    assert_eq!(replies.iter().filter(|r| r.status == 303).count(), 1);
    assert!(replies.iter().all(|r| [303, 401, 422].contains(&r.status)));
    assert_eq!(accepted(app).await, before + 1);
    assert_eq!(app.database.count("sessions", "level = 'full' AND ended_at IS NULL").await, 1);
}

async fn a_passcode_sent_to_two_nodes_at_once_is_accepted_once(app: &TestApp) {
    let other = app.second_node().await;
    for person in [&AOKI, &AOKI_B] {
        let phone = in_use(app, person).await;
        let before = accepted(app).await;
        let mut browsers = before_passcode(app, person, 16).await;
        for browser in browsers.iter_mut().step_by(2) {
            browser.test = other.clone();
        }
        let passcode = phone.passcode();
        let jobs = browsers.into_iter().map(|b| (b, passcode.clone()));
        let replies =
            at_once(jobs.map(|(mut b, passcode)| async move { b.passcode(&passcode).await })).await;
        assert_eq!(replies.iter().filter(|r| r.status == 303).count(), 1);
        assert_eq!(accepted(app).await, before + 1);
    }
    other.app.store.close().await;
}

async fn a_passcode_sent_for_release_and_for_login_at_once_is_accepted_once(app: &TestApp) {
    let phone = in_use(app, &AOKI).await;
    let mut pc = app.browser(Bank::A);
    pc.sign_in_with(&AOKI, &phone.passcode()).await;
    app.advance_secs(60);
    let half = before_passcode(app, &AOKI, 6).await;
    pc.reach_release().await;
    let before = accepted(app).await;
    let passcode = phone.passcode();
    let jobs = half.into_iter().map(|b| (b, false)).chain([(pc, true)]);
    let jobs = jobs.map(|(b, releases)| (b, releases, passcode.clone()));
    let replies = at_once(jobs.map(|(mut b, releases, passcode)| async move {
        if releases { b.release(&passcode).await } else { b.passcode(&passcode).await }
    }))
    .await;
    assert_eq!(replies.iter().filter(|r| r.status == 303).count(), 1);
    assert_eq!(accepted(app).await, before + 1);
}

async fn the_passcode_of_the_start_does_not_log_in(app: &TestApp) {
    for person in [&AOKI, &AOKI_B] {
        let mut pc = app.signed_in(person).await;
        let phone = pc.issue_to_phone(person).await;
        pc.reach_start().await;
        let passcode = phone.passcode();
        pc.start(&passcode).await.expect_to("/otp/start/done");
        let mut thief = before_passcode(app, person, 1).await.remove(0);
        let reply = thief.passcode(&passcode).await.expect(422);
        assert!(reply.error("passcode").unwrap().starts_with("この番号は、すでに使われています"));
    }
}

async fn a_passcode_of_another_token_is_wrong(app: &TestApp) {
    let phones = [in_use(app, &AOKI).await, in_use(app, &ISHII).await];
    let mut browser = before_passcode(app, &AOKI, 1).await.remove(0);
    let reply = browser.passcode(&phones[1].passcode()).await.expect(422);
    assert!(reply.error("passcode").unwrap().starts_with("ワンタイムパスワードが正しくありません"));
    // The other customer's token has neither lost a try nor a passcode.
    assert_eq!(app.database.count("verifiers", "failures > 0").await, 1);
    app.browser(Bank::A).sign_in_with(&ISHII, &phones[1].passcode()).await;
}

async fn the_passcode_before_still_works_and_older_ones_do_not(app: &TestApp) {
    for person in [&AOKI, &AOKI_B] {
        let phone = in_use(app, person).await;
        app.advance_secs(person.bank.period() * 5);
        let mut browser = before_passcode(app, person, 1).await.remove(0);
        browser.passcode(&phone.passcode_of(-2)).await.expect(422);
        browser.passcode(&phone.passcode_of(-1)).await.expect_to("/top");
        // A relayed one that is ten minutes old is nothing any more.
        let old = phone.passcode();
        app.advance_mins(10);
        let mut browser = before_passcode(app, person, 1).await.remove(0);
        browser.passcode(&old).await.expect(422);
    }
}

async fn the_passcode_of_the_phone_that_is_ahead_is_accepted_within_one_step(app: &TestApp) {
    let phone = in_use(app, &AOKI).await;
    app.advance_mins(5);
    let mut browser = before_passcode(app, &AOKI, 1).await.remove(0);
    browser.passcode(&phone.passcode_of(2)).await.expect(422);
    browser.passcode(&phone.passcode_of(1)).await.expect_to("/top");
    // Steps up to it are spent with it; nothing was learned from it.
    let mut browser = before_passcode(app, &AOKI, 1).await.remove(0);
    browser.passcode(&phone.passcode()).await.expect(422);
    app.advance_mins(2);
    browser.passcode(&phone.passcode()).await.expect_to("/top");
    assert_eq!(app.database.count("verifiers", "drift <> 0").await, 0);
}

async fn a_plain_passcode_cannot_serve_exchange_or_method(app: &TestApp) {
    let phone = in_use(app, &AOKI).await;
    let before = app.database.dump("verifiers").await;
    for purpose in [Purpose::Exchange, Purpose::Method, Purpose::Start] {
        let proof = decide(app, &phone, purpose, None).await.unwrap();
        assert_eq!(proof, prove::Proof::Refused(Reason::NotUsable), "{purpose:?}");
    }
    // It was not even evaluated: no step is spent and no try is lost.
    assert_eq!(app.database.dump("verifiers").await, before);
    let proof = decide(app, &phone, Purpose::Release, None).await.unwrap();
    assert_eq!(proof, prove::Proof::Accepted);
}

async fn an_accepted_passcode_stays_spent_after_a_restart(app: &TestApp) {
    let phone = in_use(app, &AOKI).await;
    let passcode = phone.passcode();
    app.browser(Bank::A).sign_in_with(&AOKI, &passcode).await;
    let restarted = app.second_node().await;
    let mut browser = before_passcode(&restarted, &AOKI, 1).await.remove(0);
    let reply = browser.passcode(&passcode).await.expect(422);
    assert!(reply.error("passcode").unwrap().starts_with("この番号は、すでに使われています"));
    restarted.app.store.close().await;
}

// Attack 63: between one node's read and its write, another one counts, locks, suspends or ends.
async fn a_decision_on_stale_data_accepts_nothing(app: &TestApp) {
    let phone = in_use(app, &AOKI).await;
    let row = verifier(app).await;
    let before = accepted(app).await;
    for change in [
        "failures = failures + 1",
        "locked = TRUE",
        "locked_until = 9999999999999",
        "suspended = TRUE",
        "state = 'revoked'",
        "floor_step = 9999999999999",
    ] {
        // Every act on a token raises its version.
        let act = format!("{change}, version = version + 1");
        app.database.set("verifiers", &act, &AOKI.rows()).await;
        let decided = decide(app, &phone, Purpose::Login, Some(row.clone())).await;
        assert!(matches!(decided, Err(AppError::Conflict)), "{change}: {decided:?}");
        let back = "failures = 0, locked = FALSE, locked_until = NULL, suspended = FALSE, \
                    state = 'in_use', floor_step = -1";
        app.database.set("verifiers", back, &AOKI.rows()).await;
    }
    assert_eq!(accepted(app).await, before);
    // Decided again from fresh data it is accepted.
    let decided = decide(app, &phone, Purpose::Login, None).await.unwrap();
    assert_eq!(decided, prove::Proof::Accepted);
}

async fn verifier(app: &TestApp) -> warifu_store::VerifierRow {
    let id = app.database.text("customers", "customer_id", &AOKI.row()).await.parse().unwrap();
    let view = overview::overview(&app.app, &app.origin(Bank::A), id).await.unwrap();
    view.in_use.unwrap().1
}

/// Asks the rule itself for the passcode of now, and commits.
async fn decide(
    app: &TestApp,
    phone: &Phone,
    purpose: Purpose,
    row: Option<warifu_store::VerifierRow>,
) -> Result<prove::Proof, AppError> {
    let origin = app.origin(Bank::A);
    let id = app.database.text("customers", "customer_id", &AOKI.row()).await.parse().unwrap();
    let mut tx = app.app.store.begin().await.unwrap();
    let customer = tx.take_customer(id).await.unwrap().unwrap();
    let view = overview::load(&mut tx, &origin, customer).await.unwrap();
    let (token, fresh) = view.in_use.unwrap();
    let asked = prove::Asked { customer: &view.customer, token: &token, purpose };
    let row = row.unwrap_or(fresh);
    let passcode = Passcode::parse(&phone.passcode(), Digits::Six).unwrap();
    let proof = prove::prove(&app.app, &origin, &mut tx, &asked, &row, &passcode).await?;
    tx.commit().await.unwrap();
    Ok(proof)
}
