//! Tokens with clocks of their own, and tokens that count their uses: what they know and how far they
//! may be off. Their rows are made of a phone's, as a binding at the branch will make them.

use warifu_core::access::Scope;

use super::{
    harness::{
        TestApp, at_once,
        banks::{AOKI, Bank},
        on_both_engines,
        phone::Phone,
        program::{Program, accepts, said},
    },
    passcodes::in_use,
};

on_both_engines!(
    a_clock_that_runs_fast_is_followed_by_one_step_for_two_days_and_never_beyond_five,
    one_sitting_teaches_nothing,
    what_a_clock_teaches_is_learned_at_the_login_too,
    a_token_that_counts_uses_goes_on_from_the_last_one_and_no_use_counts_twice,
    a_use_too_far_ahead_is_a_wrong_guess_and_is_not_spent_by_it,
);

async fn bound(app: &TestApp, mode: &str) -> (Phone, Program) {
    let phone = in_use(app, &AOKI).await;
    app.database.set("verifiers", mode, &AOKI.rows()).await;
    app.advance_secs(120);
    (phone, app.program(Bank::A, Scope::ALL).await)
}

async fn drift(app: &TestApp) -> String {
    app.database.text("verifiers", "drift", &AOKI.rows()).await
}

async fn a_clock_that_runs_fast_is_followed_by_one_step_for_two_days_and_never_beyond_five(
    app: &TestApp,
) {
    let (phone, program) = bound(app, "mode = 'own_clock'").await;
    for ahead in 1..=5 {
        for expected in [ahead - 1, ahead] {
            assert!(accepts(&program.verify(&AOKI, &phone.passcode_of(ahead)).await), "{ahead}");
            assert_eq!(drift(app).await, expected.to_string());
            app.advance_hours(24);
        }
    }
    for _ in 0..3 {
        assert!(accepts(&program.verify(&AOKI, &phone.passcode_of(6)).await));
        assert_eq!(drift(app).await, "5");
        app.advance_hours(24);
    }
    assert!(!accepts(&program.verify(&AOKI, &phone.passcode_of(7)).await));
    // Its clock was set right.
    assert!(accepts(&program.verify(&AOKI, &phone.passcode()).await));
    assert!(!accepts(&program.verify(&AOKI, &phone.passcode()).await));
    // Each acceptance, and each of them once, is in the trail.
    assert_eq!(app.audited("passcode.accepted").await, 1 + 10 + 3 + 1);
}

async fn one_sitting_teaches_nothing(app: &TestApp) {
    let (phone, program) = bound(app, "mode = 'own_clock'").await;
    for _ in 0..5 {
        assert!(accepts(&program.verify(&AOKI, &phone.passcode_of(1)).await));
        app.advance_mins(60);
    }
    assert_eq!(drift(app).await, "0");
    // A phone of today corrects itself: it teaches nothing in years.
    app.database.set("verifiers", "mode = 'clock', drift_seen = NULL", &AOKI.rows()).await;
    for _ in 0..3 {
        assert!(accepts(&program.verify(&AOKI, &phone.passcode_of(1)).await));
        app.advance_hours(25);
    }
    assert_eq!(drift(app).await, "0");
}

async fn what_a_clock_teaches_is_learned_at_the_login_too(app: &TestApp) {
    let (phone, _) = bound(app, "mode = 'own_clock'").await;
    for expected in ["0", "-1"] {
        let mut pc = app.browser(Bank::A);
        pc.sign_in_with(&AOKI, &phone.passcode_of(-1)).await;
        assert_eq!(drift(app).await, expected);
        app.advance_hours(24);
    }
}

async fn a_token_that_counts_uses_goes_on_from_the_last_one_and_no_use_counts_twice(app: &TestApp) {
    let (phone, program) = bound(app, "mode = 'event', last_step = 40").await;
    for (counter, accepted, reason) in [
        (41, true, None),
        (41, false, Some("used")),
        (51, true, None),
        // Presses that nobody typed in are behind now.
        (45, false, Some("wrong")),
        (52, true, None),
    ] {
        let reply = program.verify(&AOKI, &phone.passcode_at(counter)).await;
        assert_eq!(accepts(&reply), accepted, "{counter}");
        assert_eq!(said(&reply)["reason"].as_str(), reason, "{counter}");
    }
    let passcode = phone.passcode_at(53);
    let calls = (0..30).map(|_| {
        let (program, passcode) = (program.clone(), passcode.clone());
        async move { accepts(&program.verify(&AOKI, &passcode).await) }
    });
    let accepted = at_once(calls.collect::<Vec<_>>()).await;
    assert_eq!(accepted.into_iter().filter(|yes| *yes).count(), 1);
    assert_eq!(app.database.text("verifiers", "last_step", &AOKI.rows()).await, "53");
}

async fn a_use_too_far_ahead_is_a_wrong_guess_and_is_not_spent_by_it(app: &TestApp) {
    let (phone, program) = bound(app, "mode = 'event', last_step = 40").await;
    let reply = program.verify(&AOKI, &phone.passcode_at(55)).await;
    assert_eq!(said(&reply)["reason"], "wrong");
    assert!(accepts(&program.verify(&AOKI, &phone.passcode_at(50)).await));
    assert!(accepts(&program.verify(&AOKI, &phone.passcode_at(55)).await));
}
