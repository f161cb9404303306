//! The server's clock is put back and forward between requests, and goes past where others end.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha20Rng;
use warifu_core::access::Scope;

use super::{
    harness::{
        TestApp,
        banks::{AOKI, Bank},
        on_both_engines,
        program::{accepts, said},
    },
    passcodes::in_use,
};

on_both_engines!(
    a_clock_that_is_put_back_opens_no_passcode_again,
    a_clock_that_jumps_between_requests_spends_each_step_once,
    a_lock_lasts_until_its_moment_whichever_way_the_clock_goes,
    the_year_2038_goes_by_unnoticed,
    a_token_that_counts_uses_ends_with_its_last_number,
);

async fn a_clock_that_is_put_back_opens_no_passcode_again(app: &TestApp) {
    let phone = in_use(app, &AOKI).await;
    let program = app.program(Bank::A, Scope::ALL).await;
    app.advance_secs(600);
    let spent = phone.passcode();
    assert!(accepts(&program.verify(&AOKI, &spent).await));
    // By an hour, by a step, by ten minutes: nothing of before, and never the spent one.
    for back in [3_600, 60, 600] {
        app.advance_secs(-back);
        let reply = program.verify(&AOKI, &phone.passcode()).await;
        assert_eq!(said(&reply)["reason"], "used", "{back}");
        assert!(!accepts(&program.verify(&AOKI, &spent).await), "{back}");
        app.advance_secs(back);
    }
    assert!(!accepts(&program.verify(&AOKI, &spent).await));
    // Each of them was counted as wrong.
    app.database.set("verifiers", "failures = 0, locked_until = NULL", &AOKI.rows()).await;
    let mut pc = app.browser(Bank::A);
    app.advance_secs(60);
    pc.sign_in_with(&AOKI, &phone.passcode()).await;
}

async fn a_clock_that_jumps_between_requests_spends_each_step_once(app: &TestApp) {
    let phone = in_use(app, &AOKI).await;
    let program = app.program(Bank::A, Scope::ALL).await;
    let mut random = ChaCha20Rng::seed_from_u64(2_038);
    let (mut accepted, mut shown) = (0, Vec::new());
    for _ in 0..60 {
        app.advance_secs(random.random_range(-400..600));
        shown.push(phone.passcode());
        // The one of now, and any that was ever shown.
        let again = shown[random.random_range(0..shown.len())].clone();
        for passcode in [shown.last().unwrap().clone(), again] {
            accepted += usize::from(accepts(&program.verify(&AOKI, &passcode).await));
        }
        app.database.set("verifiers", "failures = 0, locked_until = NULL", &AOKI.rows()).await;
    }
    let steps = app.database.texts("audit", "after_json", "kind = 'passcode.accepted'").await;
    let distinct: BTreeSet<_> = steps
        .iter()
        .map(|json| serde_json::from_str::<serde_json::Value>(json).unwrap()["step"].as_i64())
        .collect();
    // One was of the start of use.
    assert_eq!((distinct.len(), steps.len()), (accepted + 1, accepted + 1));
    assert!((10..60).contains(&accepted), "{accepted}");
}

async fn a_lock_lasts_until_its_moment_whichever_way_the_clock_goes(app: &TestApp) {
    let phone = in_use(app, &AOKI).await;
    let program = app.program(Bank::A, Scope::ALL).await;
    app.advance_secs(600);
    for _ in 0..5 {
        program.verify(&AOKI, &phone.wrong_passcode()).await;
    }
    for (moved, reason) in [(-86_400, "locked_for_a_time"), (86_400, "locked_for_a_time")] {
        app.advance_secs(moved);
        let reply = program.verify(&AOKI, &phone.passcode()).await;
        assert_eq!(said(&reply)["reason"], reason, "{moved}");
    }
    app.advance_secs(30 * 60);
    assert!(accepts(&program.verify(&AOKI, &phone.passcode()).await));
}

async fn the_year_2038_goes_by_unnoticed(app: &TestApp) {
    // Seconds as others count them end at 03:14:07.
    let last: Timestamp = "2038-01-19T03:14:07Z".parse().unwrap();
    app.advance_secs(last.as_second() - app.now().0 / 1_000 - 3_600);
    let phone = in_use(app, &AOKI).await;
    let program = app.program(Bank::A, Scope::ALL).await;
    app.advance_secs(last.as_second() - app.now().0 / 1_000 - 90);
    for _ in 0..4 {
        assert!(accepts(&program.verify(&AOKI, &phone.passcode()).await), "{}", app.now().0);
        app.advance_secs(60);
    }
    let mut pc = app.browser(Bank::A);
    pc.sign_in_with(&AOKI, &phone.passcode()).await;
    let top = pc.get("/top").await.expect(200).text();
    assert!(top.contains("2038年1月19日"), "{top}");
}

async fn a_token_that_counts_uses_ends_with_its_last_number(app: &TestApp) {
    let phone = in_use(app, &AOKI).await;
    let program = app.program(Bank::A, Scope::ALL).await;
    let most = i64::MAX;
    let set = format!("mode = 'event', last_step = {}", most - 3);
    app.database.set("verifiers", &set, &AOKI.rows()).await;
    for (counter, is_accepted) in [(most - 2, true), (most, true), (most - 1, false), (most, false)]
    {
        let reply = program.verify(&AOKI, &phone.passcode_at(counter)).await;
        assert_eq!(accepts(&reply), is_accepted, "{counter}");
    }
    assert_eq!(app.database.text("verifiers", "last_step", &AOKI.rows()).await, most.to_string());
}
