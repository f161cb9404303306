//! Sessions: a new secret at each level, one full session per customer, ends by time and by logout.

use super::{
    harness::{
        TestApp, at_once,
        banks::{AOKI, AOKI_B, Bank, ISHII},
        on_both_engines,
    },
    passcodes::{before_passcode, in_use},
};

on_both_engines!(
    the_secret_is_renewed_at_each_level_and_the_old_one_is_dead,
    a_browser_cannot_be_given_a_session_in_advance,
    logout_kills_the_session_and_what_ran_in_it,
    a_browser_has_another_secret_after_logout_and_after_a_stop,
    an_idle_session_ends_and_says_so,
    a_session_ends_at_the_latest_after_its_longest_time,
    a_page_of_passcode_entry_waits_five_minutes,
    waiting_for_a_mail_gives_more_time_and_never_less,
    a_second_login_ends_the_first_and_says_so,
    a_half_login_ends_nobodys_session,
    a_half_session_reaches_nothing_but_the_passcode,
    a_stolen_cookie_of_an_ended_session_reaches_nothing,
    cookies_of_garbage_are_nobody,
    a_login_form_sent_twice_opens_one_session,
    a_login_form_from_before_a_log_out_opens_another_session,
    a_start_and_a_release_sent_twice_at_once_lead_both_on,
);

const PAGES: [&str; 5] = ["/top", "/customer", "/otp", "/session", "/otp/issue/select"];

// Attack 41.
async fn the_secret_is_renewed_at_each_level_and_the_old_one_is_dead(app: &TestApp) {
    for person in [&AOKI, &AOKI_B] {
        let mut pc = app.browser(person.bank);
        pc.open("/login").await.expect(200);
        let mut secrets = vec![pc.session()];
        pc.sign_in(person).await;
        secrets.push(pc.session());
        let phone = pc.issue_to_phone(person).await;
        pc.reach_start().await;
        pc.start(&phone.passcode()).await.expect_to("/otp/start/done");
        secrets.push(pc.session());
        pc.sign_out().await.expect(200);
        app.advance_secs(60);
        let mut pc = app.browser(person.bank);
        pc.sign_in_half(person).await;
        secrets.push(pc.session());
        pc.passcode(&phone.passcode()).await.expect_to("/top");
        secrets.push(pc.session());
        app.advance_secs(60);
        pc.reach_release().await;
        pc.release(&phone.passcode()).await.expect_to("/otp/release/done");
        let alive = pc.session();
        for (place, old) in secrets.iter().enumerate() {
            assert_ne!(*old, alive, "level {place} kept its secret");
            let mut thief = app.browser(person.bank).with_session(old);
            let reply = thief.get("/top").await;
            assert_ne!(reply.status, 200, "the secret of level {place} still opens pages");
        }
        pc.open("/top").await.expect(200);
    }
}

async fn a_browser_cannot_be_given_a_session_in_advance(app: &TestApp) {
    let mut attacker = app.browser(Bank::A);
    attacker.open("/login").await.expect(200);
    let planted = attacker.session();
    let mut victim = app.browser(Bank::A).with_session(&planted);
    victim.sign_in(&AOKI).await;
    assert_ne!(victim.session(), planted);
    attacker.get("/top").await.expect_to("/login");
}

// Attack 42.
async fn logout_kills_the_session_and_what_ran_in_it(app: &TestApp) {
    let mut pc = app.signed_in(&AOKI).await;
    pc.reach_confirm(&AOKI).await;
    let mail_password = app.mail_password(&AOKI).await;
    let mut tab = pc.clone();
    pc.sign_out().await.expect(200);
    for page in PAGES {
        tab.get(page).await.expect(401).expect_screen("BER006");
    }
    tab.confirm(AOKI.confirmation_password, &mail_password).await.expect(401);
    assert_eq!(app.database.count("tokens", "TRUE").await, 0);
    // The mail password is dead in the next session too.
    let mut next = app.signed_in(&AOKI).await;
    next.reach_confirm(&AOKI).await;
    let wrong = next.confirm(AOKI.confirmation_password, &mail_password).await.expect(422);
    assert!(wrong.error("mail_password").is_some());
    assert_eq!(app.database.count("tokens", "TRUE").await, 0);
}

/// Browsers keep pages for their back button, even those that may not be stored, while cookies are the same.
async fn a_browser_has_another_secret_after_logout_and_after_a_stop(app: &TestApp) {
    let mut pc = app.signed_in(&AOKI).await;
    let inside = pc.session();
    pc.sign_out().await;
    let outside = pc.session();
    assert_ne!(outside, inside);
    pc.open("/stop").await.expect(200);
    let proofs = [("login_id", AOKI.login_id), ("login_password", AOKI.login_password)];
    let reply = pc.post("/stop", &proofs).await.expect(303);
    assert_ne!(pc.session(), outside);
    pc.open(reply.location()).await.expect(200).expect_screen("BES001");
}

async fn an_idle_session_ends_and_says_so(app: &TestApp) {
    for (person, idle) in [(&AOKI, 10), (&AOKI_B, 30)] {
        let mut pc = app.signed_in(person).await;
        for _ in 0..3 {
            app.advance_secs(idle * 60 - 1);
            pc.get("/top").await.expect(200);
        }
        app.advance_mins(idle);
        let told = pc.get("/top").await.expect(401).expect_screen("BER006");
        assert_eq!(told.title(), "自動的にログアウトしました");
        pc.post("/otp/issue", &[]).await.expect(401);
        // It does not come back.
        app.advance_secs(-60);
        pc.get("/top").await.expect(200);
        app.advance_secs(60);
    }
}

async fn a_session_ends_at_the_latest_after_its_longest_time(app: &TestApp) {
    for (person, longest) in [(&AOKI, 8 * 60), (&AOKI_B, 2 * 60)] {
        let mut pc = app.signed_in(person).await;
        for _ in 0..(longest / 5 - 1) {
            app.advance_mins(5);
            pc.get("/top").await.expect(200);
        }
        app.advance_secs(5 * 60 - 1);
        pc.get("/top").await.expect(200);
        app.advance_secs(1);
        pc.get("/top").await.expect(401);
    }
}

async fn a_page_of_passcode_entry_waits_five_minutes(app: &TestApp) {
    let phone = in_use(app, &AOKI).await;
    let mut browser = before_passcode(app, &AOKI, 1).await.remove(0);
    app.advance_mins(5);
    let late = browser.passcode(&phone.passcode()).await.expect(401);
    assert!(late.text().contains("時間が過ぎたため、ログインを取りやめました"));
    // Nothing was evaluated.
    let accepted = app.audited("passcode.accepted").await;
    assert_eq!(accepted, 1, "the start's only");
    app.browser(Bank::A).sign_in_with(&AOKI, &phone.passcode()).await;
}

async fn waiting_for_a_mail_gives_more_time_and_never_less(app: &TestApp) {
    for person in [&AOKI, &AOKI_B] {
        let mut pc = app.signed_in(person).await;
        pc.reach_input().await;
        // Bank A: 30 minutes instead of 10. Bank B promises 30 anyway, whatever it says of mails;
        // a few seconds may lie between the last request and the one that was noted.
        app.advance_secs(30 * 60 - 15);
        pc.get("/top").await.expect(200);
    }
}

async fn a_second_login_ends_the_first_and_says_so(app: &TestApp) {
    let mut first = app.signed_in(&AOKI).await;
    first.reach_mail().await;
    let mut bystander = app.signed_in(&ISHII).await;
    let mut second = app.signed_in(&AOKI).await;
    for page in PAGES {
        let told = first.get(page).await.expect(401).expect_screen("BER005");
        assert!(told.text().contains("別の画面または別の機器でログインされたため"));
    }
    first.post("/otp/issue/mail", &[]).await.expect(401);
    second.get("/top").await.expect(200);
    bystander.get("/top").await.expect(200);
    assert_eq!(app.audited("mail_password.sent").await, 0);
}

async fn a_half_login_ends_nobodys_session(app: &TestApp) {
    let phone = in_use(app, &AOKI).await;
    let mut pc = app.browser(Bank::A);
    pc.sign_in_with(&AOKI, &phone.passcode()).await;
    // Whoever knows only the password cannot throw the customer out.
    before_passcode(app, &AOKI, 3).await;
    pc.get("/top").await.expect(200);
}

async fn a_half_session_reaches_nothing_but_the_passcode(app: &TestApp) {
    in_use(app, &AOKI).await;
    let mut half = before_passcode(app, &AOKI, 1).await.remove(0);
    for page in PAGES {
        half.get(page).await.expect_to("/login/passcode");
    }
    for form in ["/otp/issue", "/otp/start", "/otp/release", "/otp/issue/confirm", "/logout"] {
        half.open("/login/passcode").await.expect(200);
        half.post(form, &[]).await.expect(401);
    }
    assert_eq!(app.database.count("procedures", "kind = 'release'").await, 0);
}

async fn a_stolen_cookie_of_an_ended_session_reaches_nothing(app: &TestApp) {
    let mut pc = app.signed_in(&AOKI).await;
    let mut thief = app.browser(Bank::A).from("192.0.2.66").with_session(&pc.session());
    thief.get("/top").await.expect(200);
    pc.sign_out().await.expect(200);
    for page in PAGES {
        thief.get(page).await.expect(401);
    }
}

async fn cookies_of_garbage_are_nobody(app: &TestApp) {
    let pc = app.signed_in(&AOKI).await;
    let session = pc.session();
    let mut flipped = session.clone().into_bytes();
    flipped[40] = if flipped[40] == b'A' { b'B' } else { b'A' };
    for garbage in [
        String::new(),
        "x".to_owned(),
        "A".repeat(64),
        "A".repeat(5_000),
        "../../etc".to_owned(),
        String::from_utf8(flipped).unwrap(),
        session[..session.len() - 4].to_owned(),
        format!("{session}AAAA"),
    ] {
        let mut browser = app.browser(Bank::A).with_session(&garbage);
        browser.get("/top").await.expect_to("/login");
    }
}

async fn a_login_form_sent_twice_opens_one_session(app: &TestApp) {
    for person in [&AOKI, &AOKI_B] {
        let mut pc = app.browser(person.bank);
        pc.open("/login").await.expect(200);
        let tabs = [pc.clone(), pc.clone(), pc.clone()];
        let replies = at_once(tabs.map(|mut tab| async move {
            let reply = tab.password(person.login_id, person.login_password).await;
            (reply.expect_to("/top"), tab.session())
        }))
        .await;
        let secrets: std::collections::BTreeSet<_> =
            replies.into_iter().map(|(_, secret)| secret).collect();
        assert_eq!(secrets.len(), 1, "each answer brings the same session");
        assert!(!secrets.contains(&pc.session()), "and not the secret from before");
        assert_eq!(app.database.count("sessions", &person.rows()).await, 1);
        let signed_in = format!("kind = 'session.signed_in' AND {}", person.rows());
        assert_eq!(app.database.count("audit", &signed_in).await, 1);
    }
}

async fn a_login_form_from_before_a_log_out_opens_another_session(app: &TestApp) {
    let mut pc = app.browser(Bank::A);
    pc.open("/login").await.expect(200);
    let mut back = pc.clone();
    pc.sign_in(&AOKI).await;
    let first = pc.session();
    pc.sign_out().await.expect(200);
    back.sign_in(&AOKI).await;
    assert_ne!(back.session(), first);
    pc = pc.with_session(&first);
    assert_ne!(pc.get("/top").await.status, 200);
}

async fn a_start_and_a_release_sent_twice_at_once_lead_both_on(app: &TestApp) {
    let mut pc = app.signed_in(&AOKI).await;
    let phone = pc.issue_to_phone(&AOKI).await;
    pc.reach_start().await;
    let passcode = phone.passcode();
    let tabs = [pc.clone(), pc.clone()].map(|tab| (tab, passcode.clone()));
    let replies = at_once(tabs.map(|(mut tab, passcode)| async move {
        let reply = tab.start(&passcode).await.expect_to("/otp/start/done");
        (reply, tab)
    }))
    .await;
    assert_eq!(app.audited("token.started").await, 1);
    // One of the two has brought the new secret.
    let mut going = None;
    for (_, mut tab) in replies {
        if tab.get("/top").await.status == 200 {
            going = Some(tab);
        }
    }
    let mut pc = going.expect("a session that goes on");
    app.advance_secs(60);
    pc.reach_release().await;
    let passcode = phone.passcode();
    let tabs = [pc.clone(), pc.clone()].map(|tab| (tab, passcode.clone()));
    at_once(tabs.map(|(mut tab, passcode)| async move {
        tab.release(&passcode).await.expect_to("/otp/release/done");
    }))
    .await;
    assert_eq!(app.audited("token.released").await, 1);
}
