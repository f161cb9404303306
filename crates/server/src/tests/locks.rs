//! Rule 2: every guess is counted before its answer, locks come in two grades, and a lock never
//! turns the passcode off.

use super::{
    harness::{
        TestApp, at_once,
        banks::{AOKI, AOKI_B, Bank, ISHII, Person},
        http::Reply,
        on_both_engines,
        phone::Phone,
    },
    passcodes::{before_passcode, in_use},
};
use crate::actions::customers;

on_both_engines!(
    wrong_passcodes_lock_for_a_time_and_then_until_unlocked,
    a_right_passcode_during_a_lock_is_neither_evaluated_nor_counted,
    wrong_guesses_at_once_are_all_counted,
    a_right_passcode_among_many_wrong_ones_is_never_accepted_after_the_lock,
    wrong_guesses_add_up_over_start_login_and_release,
    a_right_password_does_not_clear_the_passcodes_counter,
    every_lock_is_told_to_every_address,
    an_unlock_clears_the_lock_and_nothing_else,
    a_lock_a_stop_and_an_expired_token_still_demand_the_passcode,
);

/// One guess in a new half session.
async fn guess(app: &TestApp, person: &Person, passcode: &str) -> Reply {
    let mut browser = before_passcode(app, person, 1).await.remove(0);
    browser.passcode(passcode).await
}

async fn guess_wrong(app: &TestApp, person: &Person, phone: &Phone, times: usize) {
    for _ in 0..times {
        guess(app, person, &phone.wrong_passcode()).await.expect(422);
    }
}

async fn wrong_passcodes_lock_for_a_time_and_then_until_unlocked(app: &TestApp) {
    for person in [&AOKI, &AOKI_B] {
        let bank = person.bank;
        let phone = in_use(app, person).await;
        guess_wrong(app, person, &phone, bank.lock_after()).await;
        let told = guess(app, person, &phone.passcode()).await.expect(422);
        let until =
            app.now().plus(std::time::Duration::from_mins(bank.lock_minutes().unsigned_abs()));
        let until = app.institution(bank).text(crate::text::Lang::Ja).time(until);
        assert!(told.text().contains(&until), "{}", told.text());
        // One second short of its end it still stands.
        app.advance_secs(bank.lock_minutes() * 60 - 1);
        guess(app, person, &phone.passcode()).await.expect(422);
        app.advance_secs(1);
        // The failures stay: the lock's end is no amnesty.
        guess_wrong(app, person, &phone, bank.stop_after() - bank.lock_after()).await;
        app.advance_hours(24 * 30);
        let told = guess(app, person, &phone.passcode()).await.expect(422);
        assert!(told.text().contains("ご利用を停止しています"));
        assert_eq!(app.database.count("verifiers", "locked = TRUE").await, 1);
        app.database.set("verifiers", "locked = FALSE", "TRUE").await;
    }
}

async fn a_right_passcode_during_a_lock_is_neither_evaluated_nor_counted(app: &TestApp) {
    let phone = in_use(app, &AOKI).await;
    guess_wrong(app, &AOKI, &phone, 5).await;
    let before = app.database.dump("verifiers").await;
    let mark = app.mark();
    guess(app, &AOKI, &phone.passcode()).await.expect(422);
    guess(app, &AOKI, &phone.wrong_passcode()).await.expect(422);
    assert_eq!(app.database.dump("verifiers").await, before);
    let refused = "passcode.refused|refused|locked_for_a_time";
    let recorded = app.recorded(mark).await;
    let refusals: Vec<_> = recorded.iter().filter(|r| r.starts_with("passcode.")).collect();
    assert_eq!(refusals, [refused, refused]);
    app.advance_mins(30);
    app.browser(Bank::A).sign_in_with(&AOKI, &phone.passcode()).await;
}

async fn wrong_guesses_at_once_are_all_counted(app: &TestApp) {
    for (person, first, second) in [(&AOKI, 5, 10), (&AOKI_B, 3, 6)] {
        let phone = in_use(app, person).await;
        for expected in [first, second] {
            let browsers = before_passcode(app, person, 24).await;
            let jobs = browsers.into_iter().map(|b| (b, phone.wrong_passcode()));
            at_once(jobs.map(|(mut b, wrong)| async move { b.passcode(&wrong).await.expect(422) }))
                .await;
            let failures = app.database.text("verifiers", "failures", &person.rows()).await;
            assert_eq!(failures, expected.to_string());
            app.advance_mins(person.bank.lock_minutes());
        }
        let evaluated = format!("reason = 'wrong' AND {}", person.rows());
        assert_eq!(app.database.count("audit", &evaluated).await, second);
    }
}

async fn a_right_passcode_among_many_wrong_ones_is_never_accepted_after_the_lock(app: &TestApp) {
    for person in [&AOKI, &ISHII, &AOKI_B] {
        let limit = person.bank.lock_after();
        let phone = in_use(app, person).await;
        let before = app.audited("passcode.accepted").await;
        let browsers = before_passcode(app, person, 24).await;
        let guesses = browsers.into_iter().enumerate().map(|(place, browser)| {
            let right = place == 12;
            (browser, if right { phone.passcode() } else { phone.wrong_passcode() })
        });
        at_once(guesses.map(|(mut b, guess)| async move { b.passcode(&guess).await })).await;
        let accepted = app.audited("passcode.accepted").await - before;
        // Each evaluated wrong guess has left the number it made.
        let filter = format!("reason = 'wrong' AND {}", person.rows());
        let left = app.database.texts("audit", "after_json", &filter).await;
        let times = |number: usize| {
            left.iter().filter(|json| json.contains(&format!("\"failures\":{number},"))).count()
        };
        if accepted == 0 {
            assert_eq!(left.len(), limit);
            assert!((1..=limit).all(|number| times(number) == 1));
        } else {
            // Accepted before the lock: counting began again, and at most once reached the limit.
            assert_eq!(accepted, 1);
            assert!((1..=limit).all(|number| times(number) <= 2));
            assert!(times(limit) <= 1);
        }
    }
}

async fn wrong_guesses_add_up_over_start_login_and_release(app: &TestApp) {
    let mut pc = app.signed_in(&AOKI).await;
    let phone = pc.issue_to_phone(&AOKI).await;
    pc.reach_start().await;
    pc.start(&phone.wrong_passcode()).await.expect(422).expect_screen("BOK002");
    assert_eq!(app.database.text("verifiers", "failures", "TRUE").await, "1");
    pc.start(&phone.passcode()).await.expect_to("/otp/start/done");
    app.advance_secs(60);
    guess_wrong(app, &AOKI, &phone, 3).await;
    pc.reach_release().await;
    pc.release(&phone.wrong_passcode()).await.expect(422).expect_screen("BOS001");
    let form = pc.page.clone();
    let last = pc.release(&phone.wrong_passcode()).await.expect(422);
    assert!(!last.body.contains("name=\"passcode\""), "no passcode is asked for any more");
    pc.page = form;
    assert!(last.text().contains("までご利用いただけません"));
    let locked = pc.release(&phone.passcode()).await.expect(422);
    assert!(locked.text().contains("までご利用いただけません"));
    let locked = guess(app, &AOKI, &phone.passcode()).await.expect(422);
    assert!(locked.text().contains("までご利用いただけません"));
}

// Attack 15.
async fn a_right_password_does_not_clear_the_passcodes_counter(app: &TestApp) {
    let phone = in_use(app, &AOKI).await;
    guess_wrong(app, &AOKI, &phone, 4).await;
    before_passcode(app, &AOKI, 3).await;
    assert_eq!(app.database.text("verifiers", "failures", "TRUE").await, "4");
}

async fn every_lock_is_told_to_every_address(app: &TestApp) {
    let phone = in_use(app, &AOKI).await;
    app.deliver().await;
    let addresses = AOKI.addresses.split(';').chain([AOKI.phone_address]);
    let before: Vec<_> = addresses.map(|a| (a, app.subjects(a).len())).collect();
    guess_wrong(app, &AOKI, &phone, 5).await;
    app.deliver().await;
    for (address, count) in &before {
        let subjects = app.subjects(address);
        assert_eq!(subjects.len(), count + 1, "{address}");
        assert!(subjects[0].contains("ご利用を一時的に停止しました"), "{address}");
        assert!(app.body(address, "一時的に停止").contains("ワンタイムパスワード"));
    }
    app.advance_mins(30);
    guess_wrong(app, &AOKI, &phone, 5).await;
    app.deliver().await;
    for (address, count) in &before {
        assert_eq!(app.subjects(address).len(), count + 2, "{address}");
    }
    let mut reasons = app.database.texts("audit", "reason", "kind = 'counter.locked'").await;
    reasons.sort();
    assert_eq!(reasons, ["passcode for_a_time", "passcode until_unlocked"]);
}

async fn an_unlock_clears_the_lock_and_nothing_else(app: &TestApp) {
    let phone = in_use(app, &AOKI).await;
    let other = in_use(app, &ISHII).await;
    guess_wrong(app, &ISHII, &other, 2).await;
    guess_wrong(app, &AOKI, &phone, 5).await;
    app.advance_mins(30);
    guess_wrong(app, &AOKI, &phone, 5).await;
    let origin = app.origin(Bank::A);
    let id = customers::find(&app.app, &origin, "aoki-hana").await.unwrap().unwrap();
    assert_eq!(customers::unlock(&app.app, &origin, id).await.unwrap(), 1);
    let spent = phone.passcode_of(-1);
    app.browser(Bank::A).sign_in_with(&AOKI, &phone.passcode()).await;
    guess(app, &AOKI, &spent).await.expect(422);
    let failures = app.database.text("verifiers", "failures", &ISHII.rows()).await;
    assert_eq!(failures, "2");
    assert_eq!(app.audited("counter.unlocked").await, 1);
}

// Attack 62.
async fn a_lock_a_stop_and_an_expired_token_still_demand_the_passcode(app: &TestApp) {
    let phone = in_use(app, &AOKI).await;
    app.browser(Bank::A).sign_in_with(&AOKI, &phone.passcode()).await;
    for (table, change, back) in [
        ("verifiers", "locked = TRUE", "locked = FALSE"),
        ("verifiers", "suspended = TRUE", "suspended = FALSE"),
        ("verifiers", "valid_until = 1", "valid_until = 9999999999999"),
        ("tokens", "state = 'revoked'", "state = 'in_use'"),
        ("tokens", "state = 'expired'", "state = 'in_use'"),
    ] {
        app.advance_secs(60);
        app.database.set(table, change, &AOKI.rows()).await;
        let mut browser = app.browser(Bank::A);
        let reply = browser.password(AOKI.login_id, AOKI.login_password).await;
        reply.expect_to("/login/passcode");
        // Nothing but BLI002 answers, and nothing can be issued.
        browser.get("/top").await.expect_to("/login/passcode");
        browser.get("/otp").await.expect_to("/login/passcode");
        browser.open("/login/passcode").await.expect(200);
        // The page that says so may have no form: one from another page of this session.
        browser.open("/login").await.expect(200);
        browser.post("/otp/issue", &[]).await.expect(401);
        browser.open("/login").await.expect(200);
        browser.passcode(&phone.passcode()).await.expect(422);
        let required = app.database.text("customers", "otp_required", &AOKI.row()).await;
        assert!(["1", "true"].contains(&required.as_str()), "{change}: {required}");
        app.database.set(table, back, &AOKI.rows()).await;
    }
    app.advance_secs(60);
    app.browser(Bank::A).sign_in_with(&AOKI, &phone.passcode()).await;
}
