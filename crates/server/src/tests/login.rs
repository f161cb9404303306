//! Rule 5 and the login's waits: one answer for unknown, wrong and stopped; waits grow per account and
//! per network, nobody is locked out by strangers.

use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng, SeedableRng},
};

use super::{
    harness::{
        PROXY, TestApp, at_once,
        banks::{AOKI, AOKI_B, Bank, ISHII, MUTO, Person, WAKAI},
        browser::Browser,
        http::{Reply, between},
        on_both_engines,
    },
    passcodes::in_use,
};

on_both_engines!(
    unknown_wrong_and_suspended_logins_cannot_be_told_apart,
    whatever_is_typed_the_refusal_is_the_same_page,
    a_login_from_one_network_waits_alike_whether_the_account_exists,
    waits_grow_with_each_wrong_password_and_end_with_a_right_one,
    nobody_is_locked_out_by_ninety_wrong_passwords,
    a_hundred_wrong_passwords_stop_the_account_until_unlocked,
    wrong_passwords_at_once_are_all_counted,
    a_known_browser_keeps_its_own_budget_of_tries,
    a_known_browser_gets_in_while_its_network_waits,
    fifty_ids_with_ten_wrong_passwords_each_make_the_network_wait_and_lock_nobody,
    waits_of_one_network_do_not_reach_another,
    the_networks_of_an_ipv6_house_are_one,
    a_forwarded_address_is_believed_from_a_trusted_proxy_only,
    a_login_id_is_read_in_any_case_and_width,
    a_static_password_is_never_converted,
);

/// A page without what differs from one showing to the next: CSRF token and typed ID.
fn normal(reply: &Reply, login_id: &str) -> String {
    let typed = format!("value=\"{login_id}\"");
    assert!(reply.body.contains(&typed), "what was typed still stands there");
    reply.body.replace(&reply.csrf(), "CSRF").replace(&typed, "value=\"LOGIN-ID\"")
}

async fn unknown_wrong_and_suspended_logins_cannot_be_told_apart(app: &TestApp) {
    in_use(app, &ISHII).await;
    app.database.set("customers", "suspended_at = 1", &MUTO.row()).await;
    let mut seen = Vec::new();
    for (place, (login_id, password)) in [
        ("nobody-here", "Something-1"),
        (AOKI.login_id, "Something-1"),
        (ISHII.login_id, AOKI.login_password),
        (MUTO.login_id, MUTO.login_password),
        (MUTO.login_id, "Something-1"),
        (AOKI_B.login_id, AOKI_B.login_password),
        ("!", "Something-1"),
        ("zzzzzzzzz", "a"),
    ]
    .into_iter()
    .enumerate()
    {
        let mark = app.mark();
        let mut browser = app.browser(Bank::A).from(&format!("198.51.100.{place}"));
        let reply = browser.password(login_id, password).await;
        let cookies: Vec<_> = browser.cookies.keys().cloned().collect();
        let page = normal(&reply, login_id);
        seen.push((reply.status, page, cookies));
        let recorded = app.recorded(mark).await;
        assert_eq!(recorded, ["session.refused|refused|credentials"], "{login_id}");
        assert_eq!(reply.page_errors().len(), 1);
        assert!(reply.page_errors()[0].starts_with("ログインできませんでした。ログインIDと"));
    }
    assert_eq!(seen[0].0, 422);
    for (place, one) in seen.iter().enumerate() {
        assert!(one == &seen[0], "the attempt {place} shows a difference");
    }
    // The mailboxes stay silent too.
    app.deliver().await;
    assert!(app.subjects(AOKI.address()).is_empty());
}

// Rule 5, for any text.
async fn whatever_is_typed_the_refusal_is_the_same_page(app: &TestApp) {
    let mut dice = ChaCha20Rng::from_seed([5; 32]);
    let mut refusals = std::collections::BTreeSet::new();
    for place in 0..60 {
        let mut typed = || -> String {
            let length = 1 + dice.next_u32() % 12;
            (0..length).map(|_| pick(&mut dice)).collect()
        };
        let (login_id, password) = (typed(), typed());
        let mut browser = app.browser(Bank::A).from(&format!("198.51.{place}.1"));
        let reply = browser.password(&login_id, &password).await;
        if login_id.trim().is_empty() {
            continue;
        }
        assert_eq!(reply.value("login_id").as_deref(), Some(login_id.as_str()));
        let field = "name=\"login_id\" value=\"";
        let shown = between(&reply.body, field, "\"").unwrap();
        let page = reply.body.replace(&reply.csrf(), "CSRF");
        let page = page.replace(&format!("{field}{shown}\""), field);
        refusals.insert((reply.status, page));
    }
    assert_eq!(refusals.len(), 1, "{refusals:?}");
}

fn pick(dice: &mut ChaCha20Rng) -> char {
    let signs = [
        'a', 'Z', '0', '.', '-', '@', '<', '"', '&', '　', 'ａ', '漢', '𠮷', '👍', '\0', '\u{202e}',
    ];
    signs[dice.next_u32() as usize % signs.len()]
}

async fn a_login_from_one_network_waits_alike_whether_the_account_exists(app: &TestApp) {
    app.database.set("customers", "suspended_at = 1", &MUTO.row()).await;
    let mut stories = Vec::new();
    for (place, login_id) in ["nobody-here", AOKI.login_id, MUTO.login_id].iter().enumerate() {
        let mut browser = app.browser(Bank::A).from(&format!("198.51.100.{place}"));
        let mut story = Vec::new();
        for _ in 0..6 {
            let reply = browser.password(login_id, "Wrong-Pass-1").await;
            story.push((reply.status, normal(&reply, login_id)));
            app.advance_secs(1);
        }
        stories.push(story);
    }
    assert!(stories[0][5].1.contains("ほど待ってから"), "{}", stories[0][5].1);
    assert!(stories[0] == stories[1], "a known account waits otherwise");
    assert!(stories[0] == stories[2], "a suspended account waits otherwise");
}

/// How long BLI001 asks to wait.
async fn wait_after(browser: &mut Browser, person: &Person, password: &str) -> Option<String> {
    let reply = browser.password(person.login_id, password).await;
    let told = reply.page_errors();
    told.first()
        .and_then(|told| between(told, "ログインできませんでした。", "ほど待ってから"))
        .map(str::to_owned)
}

async fn waits_grow_with_each_wrong_password_and_end_with_a_right_one(app: &TestApp) {
    let mut browser = app.browser(Bank::A);
    for _ in 0..3 {
        assert_eq!(wait_after(&mut browser, &AOKI, "Wrong-Pass-1").await, None);
    }
    for seconds in [5, 10, 20, 40, 80, 160, 320, 640, 900, 900] {
        // While it waits not even the right one is evaluated, and nothing is counted.
        let wait = wait_after(&mut browser, &AOKI, AOKI.login_password).await;
        assert!(wait.is_some(), "no wait of {seconds} s");
        app.advance_secs(seconds - 1);
        assert!(wait_after(&mut browser, &AOKI, AOKI.login_password).await.is_some());
        app.advance_secs(1);
        assert_eq!(wait_after(&mut browser, &AOKI, "Wrong-Pass-1").await, None, "{seconds}");
    }
    app.advance_secs(900);
    browser.sign_in(&AOKI).await;
    // The account's own count began again.
    let mut stranger = app.browser(Bank::A).from("198.51.100.50");
    for _ in 0..3 {
        assert_eq!(wait_after(&mut stranger, &AOKI, "Wrong-Pass-1").await, None);
    }
}

async fn wrong_ones(app: &TestApp, person: &Person, count: usize) {
    for place in 0..count {
        let mut browser = app.browser(person.bank).from(&format!("198.51.{}.7", place % 250));
        browser.password(person.login_id, "Wrong-Pass-1").await.expect(422);
        app.advance_mins(16);
    }
}

// Attack 17.
async fn nobody_is_locked_out_by_ninety_wrong_passwords(app: &TestApp) {
    for person in [&AOKI, &AOKI_B] {
        wrong_ones(app, person, 99).await;
        app.signed_in(person).await;
        assert_eq!(app.database.count("counters", "locked = TRUE").await, 0);
    }
}

async fn a_hundred_wrong_passwords_stop_the_account_until_unlocked(app: &TestApp) {
    wrong_ones(app, &AOKI, 100).await;
    app.advance_hours(24 * 30);
    let mut browser = app.browser(Bank::A);
    let reply = browser.password(AOKI.login_id, AOKI.login_password).await.expect(422);
    assert!(reply.page_errors()[0].contains("ログインを停止しています。"), "{}", reply.text());
    app.deliver().await;
    for address in AOKI.addresses.split(';') {
        assert!(app.body(address, "停止しました").contains("ログインパスワード"));
    }
    let origin = app.origin(Bank::A);
    let id = crate::actions::customers::find(&app.app, &origin, AOKI.number).await.unwrap();
    crate::actions::customers::unlock(&app.app, &origin, id.unwrap()).await.unwrap();
    browser.sign_in(&AOKI).await;
}

async fn wrong_passwords_at_once_are_all_counted(app: &TestApp) {
    let mut browsers = Vec::new();
    for place in 0..16 {
        let mut browser = app.browser(Bank::A).from(&format!("198.51.100.{place}"));
        browser.open("/login").await.expect(200);
        browsers.push(browser);
    }
    let replies = at_once(browsers.into_iter().map(|mut browser| async move {
        browser.password(AOKI.login_id, "Wrong-Pass-1").await.expect(422)
    }))
    .await;
    // Three are free; whoever comes after the third is not evaluated.
    let evaluated = app.database.count("audit", "reason = 'credentials'").await;
    assert_eq!(evaluated, 3);
    let waiting = replies.iter().filter(|r| r.text().contains("ほど待ってから")).count();
    assert_eq!(waiting, 13);
}

async fn a_known_browser_keeps_its_own_budget_of_tries(app: &TestApp) {
    let mut own = app.signed_in(&AOKI).await;
    own.sign_out().await.expect(200);
    for place in 0..8 {
        let mut stranger = app.browser(Bank::A).from(&format!("198.51.100.{place}"));
        stranger.password(AOKI.login_id, "Wrong-Pass-1").await.expect(422);
        app.advance_secs(1);
    }
    assert!(wait_after(&mut app.browser(Bank::A), &AOKI, AOKI.login_password).await.is_some());
    own.open("/login").await.expect(200);
    own.sign_in(&AOKI).await;
    // Its budget is a budget: it waits for its own wrong ones.
    own.sign_out().await.expect(200);
    own.open("/login").await.expect(200);
    for _ in 0..3 {
        assert_eq!(wait_after(&mut own, &AOKI, "Wrong-Pass-1").await, None);
    }
    assert!(wait_after(&mut own, &AOKI, AOKI.login_password).await.is_some());
    // Another customer's known browser is a stranger here.
    let mut other = app.signed_in(&ISHII).await;
    other.sign_out().await.expect(200);
    other.open("/login").await.expect(200);
    assert!(wait_after(&mut other, &AOKI, AOKI.login_password).await.is_some());
}

/// Wrong passwords for many IDs from one address until its network waits.
async fn exhaust_network(app: &TestApp, peer: &str) {
    for account in 0..50 {
        for _ in 0..10 {
            let mut browser = app.browser(Bank::A).from(peer);
            browser.password(&format!("account-{account}"), "Wrong-Pass-1").await.expect(422);
        }
    }
}

async fn a_known_browser_gets_in_while_its_network_waits(app: &TestApp) {
    let mut own = app.signed_in(&AOKI).await;
    own.sign_out().await.expect(200);
    exhaust_network(app, "203.0.113.7").await;
    assert!(wait_after(&mut app.browser(Bank::A), &ISHII, ISHII.login_password).await.is_some());
    own.open("/login").await.expect(200);
    assert_eq!(wait_after(&mut own, &AOKI, AOKI.login_password).await, None);
    own.open("/top").await.expect(200).expect_screen("BPT001");
}

// Attack 72.
async fn fifty_ids_with_ten_wrong_passwords_each_make_the_network_wait_and_lock_nobody(
    app: &TestApp,
) {
    exhaust_network(app, "203.0.113.7").await;
    let mut stuck = app.browser(Bank::A);
    assert!(wait_after(&mut stuck, &AOKI, AOKI.login_password).await.is_some());
    assert_eq!(app.database.count("counters", "locked = TRUE").await, 0);
    let evaluated = app.database.count("audit", "reason = 'credentials'").await;
    assert_eq!(evaluated, 20, "free tries of a network");
    for person in [&AOKI, &ISHII, &WAKAI] {
        let mut elsewhere = app.browser(Bank::A).from("192.0.2.1");
        elsewhere.sign_in(person).await;
    }
    // The other bank of the installation has heard nothing of it.
    app.signed_in(&AOKI_B).await;
    // A wait ends by itself.
    app.advance_mins(16);
    stuck.sign_in(&AOKI).await;
}

async fn waits_of_one_network_do_not_reach_another(app: &TestApp) {
    exhaust_network(app, "203.0.113.7").await;
    for peer in ["203.0.113.8", "2001:db8::1", "::1"] {
        app.browser(Bank::A).from(peer).sign_in(&AOKI).await;
    }
    let mapped = &mut app.browser(Bank::A).from("::ffff:203.0.113.7");
    assert!(wait_after(mapped, &AOKI, AOKI.login_password).await.is_some());
}

async fn the_networks_of_an_ipv6_house_are_one(app: &TestApp) {
    exhaust_network(app, "2001:db8:1:2::1").await;
    let mut same = app.browser(Bank::A).from("2001:db8:1:f2:ffff::9");
    assert!(wait_after(&mut same, &AOKI, AOKI.login_password).await.is_some());
    app.browser(Bank::A).from("2001:db8:1:100::1").sign_in(&AOKI).await;
}

// Attack 21.
async fn a_forwarded_address_is_believed_from_a_trusted_proxy_only(app: &TestApp) {
    let seen = async |peer: &str, forwarded: &str| {
        let mark = app.mark();
        let mut browser = app.browser(Bank::A).from(peer);
        browser.extra.push(("x-forwarded-for", forwarded.to_owned()));
        browser.password("nobody-here", "Wrong-Pass-1").await.expect(422);
        app.advance_hours(1);
        let filter = format!("at >= {}", mark.0);
        app.database.text("audit", "address", &filter).await
    };
    assert_eq!(seen("203.0.113.7", "192.0.2.55").await, "203.0.113.7");
    assert_eq!(seen("203.0.113.7", PROXY).await, "203.0.113.7");
    assert_eq!(seen(PROXY, "192.0.2.55").await, "192.0.2.55");
    // What the client itself put in front is not believed.
    assert_eq!(seen(PROXY, "192.0.2.66, 192.0.2.55").await, "192.0.2.55");
    assert_eq!(seen(PROXY, "192.0.2.55, 10.0.0.1").await, "192.0.2.55");
    // What cannot be read makes no new network: it is the proxy's own.
    for garbage in ["", "localhost", "192.0.2.55, evil", "'; --", "192.0.2.55:80, x"] {
        assert_eq!(seen(PROXY, garbage).await, PROXY, "{garbage:?}");
    }
    // So no forged header buys new tries.
    for place in 0..40 {
        let mut browser = app.browser(Bank::A).from("203.0.113.9");
        browser.extra.push(("x-forwarded-for", format!("192.0.2.{place}")));
        browser.password(&format!("account-{place}"), "Wrong-Pass-1").await.expect(422);
    }
    let stuck = &mut app.browser(Bank::A).from("203.0.113.9");
    assert!(wait_after(stuck, &AOKI, AOKI.login_password).await.is_some());
}

async fn a_login_id_is_read_in_any_case_and_width(app: &TestApp) {
    for typed in ["AOKI-HANA", " aoki-hana ", "ａｏｋｉ－ｈａｎａ", "Aoki-Hana\t"] {
        let mut browser = app.browser(Bank::A);
        browser.password(typed, AOKI.login_password).await.expect_to("/top");
    }
}

async fn a_static_password_is_never_converted(app: &TestApp) {
    for typed in ["Ｈajimete-A-2026", " Hajimete-A-2026", "Hajimete-A-2026 ", "hajimete-a-2026"] {
        let mut browser = app.browser(Bank::A);
        browser.password(AOKI.login_id, typed).await.expect(422);
        app.advance_mins(1);
    }
}
