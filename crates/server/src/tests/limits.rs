//! Callers who have proved nothing: their work is bounded, what is too much is counted, and hanging up
//! takes nothing back.

use std::{
    future::Future,
    num::NonZeroU32,
    task::{Context, Waker},
};

use super::{
    harness::{
        TestApp,
        banks::{AOKI, Bank, ISHII},
        browser::FORM,
        on_both_engines,
    },
    passcodes::in_use,
};
use crate::{actions::sweep, limits::Rates};

on_both_engines!(
    requests_to_unknown_hosts_do_not_fill_the_trail,
    a_form_that_a_browser_says_came_from_elsewhere_is_forged,
    forged_forms_beyond_a_measure_are_recorded_together,
    one_network_cannot_send_forms_without_end,
    who_hangs_up_is_counted_all_the_same,
    right_passwords_of_strangers_use_up_nothing_of_a_known_browser,
    what_a_guess_at_a_closed_gate_leaves_does_not_depend_on_its_being_right,
    a_suspended_customer_begins_and_continues_nothing,
);

fn rates(network: u32, refusals: u32) -> Rates {
    let number = |n| NonZeroU32::new(n).unwrap();
    Rates {
        network: (number(network), number(1)),
        refusals: (number(refusals), number(1)),
        ..Rates::unbounded()
    }
}

async fn requests_to_unknown_hosts_do_not_fill_the_trail(app: &TestApp) {
    let node = app.strict_node(rates(1_000, 5)).await;
    let mut stranger = node.browser(Bank::A);
    stranger.extra.push(("host", "evil.example".to_owned()));
    for _ in 0..40 {
        stranger.get("/").await.expect(421);
    }
    let misdirected = "reason = 'misdirected' AND institution_id = '-'";
    assert_eq!(app.database.count("audit", misdirected).await, 5);
    sweep::sweep(&node.app).await.unwrap();
    let summed = format!("{misdirected} AND after_json = '{{\"count\":35}}'");
    assert_eq!(app.database.count("audit", &summed).await, 1);
    // Nothing is left to be summed, and later ones are recorded one by one again.
    app.advance_secs(60);
    stranger.get("/").await.expect(421);
    sweep::sweep(&node.app).await.unwrap();
    assert_eq!(app.database.count("audit", misdirected).await, 7);
    node.app.store.close().await;
}

/// A second lock beside the token (Fetch Metadata).
async fn a_form_that_a_browser_says_came_from_elsewhere_is_forged(app: &TestApp) {
    for (site, status) in
        [("cross-site", 403), ("same-site", 403), ("same-origin", 303), ("none", 303)]
    {
        let mut pc = app.browser(Bank::A);
        pc.open("/login").await.expect(200);
        pc.extra.push(("sec-fetch-site", site.to_owned()));
        pc.password(AOKI.login_id, AOKI.login_password).await.expect(status);
    }
}

async fn forged_forms_beyond_a_measure_are_recorded_together(app: &TestApp) {
    let node = app.strict_node(rates(1_000, 5)).await;
    let mut stranger = node.browser(Bank::A);
    for _ in 0..20 {
        stranger.post_raw("/login", FORM, "csrf=x").await.expect(403);
    }
    assert_eq!(app.database.count("audit", "reason = 'forged'").await, 5);
    sweep::sweep(&node.app).await.unwrap();
    let bank = node.institution(Bank::A).id;
    let summed = format!(
        "reason = 'forged' AND after_json = '{{\"count\":15}}' AND institution_id = '{bank}'"
    );
    assert_eq!(app.database.count("audit", &summed).await, 1);
    // A customer of the bank is served meanwhile.
    node.signed_in(&AOKI).await;
    node.app.store.close().await;
}

async fn one_network_cannot_send_forms_without_end(app: &TestApp) {
    let node = app.strict_node(rates(10, 1_000)).await;
    let mut stranger = node.browser(Bank::A).from("198.51.100.1");
    stranger.open("/login").await.expect(200);
    for _ in 0..10 {
        stranger.post_raw("/login", FORM, "csrf=x").await.expect(403);
    }
    let page = stranger.post_raw("/login", FORM, "csrf=x").await.expect(429);
    assert!(page.text().contains("1秒ほど待ってから"), "{}", page.text());
    assert_eq!(page.header("retry-after"), "1");
    let mut phone = node.phone(Bank::A);
    "198.51.100.1".clone_into(&mut phone.peer);
    phone.post("/phone/v1/activations", "{}").await.expect(429);
    // Pages can still be read, and another network is not concerned.
    stranger.open("/login").await.expect(200);
    node.browser(Bank::A).from("198.51.100.2").sign_in(&AOKI).await;
    sweep::sweep(&node.app).await.unwrap();
    let summed = "reason = 'too_many_from_one_network' AND after_json = '{\"count\":2}'";
    assert_eq!(app.database.count("audit", summed).await, 1);
    app.advance_secs(1);
    stranger.post_raw("/login", FORM, "csrf=x").await.expect(403);
    node.app.store.close().await;
}

async fn who_hangs_up_is_counted_all_the_same(app: &TestApp) {
    let mut browser = app.browser(Bank::A);
    browser.open("/login").await.expect(200);
    {
        let mut asking = Box::pin(browser.password(AOKI.login_id, "Wrong-Pass-1"));
        let begun = asking.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(begun.is_pending(), "the server has begun, and the caller leaves");
    }
    let counted = "reason = 'credentials'";
    while app.database.count("audit", counted).await == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(app.database.count("counters", "kind = 'login' AND failures = 1").await, 1);
    assert_eq!(app.database.count("counters", "kind = 'network' AND failures = 1").await, 1);
}

async fn what_a_guess_at_a_closed_gate_leaves_does_not_depend_on_its_being_right(app: &TestApp) {
    let mut left = Vec::new();
    for (place, password) in ["Wrong-Pass-1", AOKI.login_password].iter().enumerate() {
        for _ in 0..3 {
            let mut browser = app.browser(Bank::A).from(&format!("198.51.100.{place}"));
            browser.password(AOKI.login_id, "Wrong-Pass-1").await.expect(422);
        }
        let before = app.database.dump("counters").await;
        let mark = app.mark();
        let mut browser = app.browser(Bank::A).from(&format!("198.51.100.{place}"));
        browser.password(AOKI.login_id, password).await.expect(422);
        assert_eq!(app.database.dump("counters").await, before);
        left.push(app.recorded(mark).await);
        app.advance_hours(1);
        app.database.set("counters", "failures = 0, locked_until = NULL", "TRUE").await;
    }
    assert_eq!(left[0], left[1]);
}

/// Who knows the login password keeps nobody out by logging in without end.
async fn right_passwords_of_strangers_use_up_nothing_of_a_known_browser(app: &TestApp) {
    let node = app
        .strict_node(Rates { passwords: NonZeroU32::new(3).unwrap(), ..Rates::unbounded() })
        .await;
    let mut own = node.browser(Bank::A);
    own.sign_in(&AOKI).await;
    own.sign_out().await.expect(200);
    own.open("/login").await.expect(200);
    for status in [303, 303, 422] {
        let mut stranger = node.browser(Bank::A).from("198.51.100.9");
        stranger.password(AOKI.login_id, AOKI.login_password).await.expect(status);
    }
    own.password(AOKI.login_id, AOKI.login_password).await.expect_to("/top");
    node.app.store.close().await;
}

// Before a command can stop a customer, what it will write has its effect already.
async fn a_suspended_customer_begins_and_continues_nothing(app: &TestApp) {
    let mut pc = app.signed_in(&ISHII).await;
    pc.reach_confirm(&ISHII).await;
    let mail_password = app.mail_password(&ISHII).await;
    let form = pc.page.clone();
    app.database.set("customers", "suspended_at = 1", &ISHII.row()).await;
    let mark = app.mark();
    pc.confirm("Wrong-Pass-1", &mail_password).await.expect(409);
    assert_eq!(app.recorded(mark).await, ["access.refused|refused|stale_procedure"]);
    assert_eq!(app.database.count("counters", "failures > 0").await, 0, "nothing was evaluated");
    for act in ["/otp/issue", "/otp/start", "/otp/release", "/otp/issue/qr"] {
        pc.page = form.clone();
        pc.post(act, &[]).await.expect(409);
    }
    app.database.set("customers", "suspended_at = NULL", &ISHII.row()).await;
    let phone = in_use(app, &AOKI).await;
    let mut half = app.browser(Bank::A);
    half.sign_in_half(&AOKI).await;
    app.database.set("customers", "suspended_at = 1", &AOKI.row()).await;
    half.passcode(&phone.passcode()).await.expect(409);
    assert_eq!(app.audited("passcode.accepted").await, 1, "the start alone");
}
