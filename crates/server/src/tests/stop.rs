//! 緊急停止: it takes nothing but the login password, stops everything at once, and only two people
//! lift it.

use super::{
    harness::{
        TestApp, at_once,
        banks::{AOKI, AOKI_B, Bank, ISHII, MUTO, Person},
        browser::Browser,
        http::Reply,
        on_both_engines,
    },
    passcodes::{in_use, logged_in_with_token},
};
use crate::actions::{
    applications::{self, NotTaken},
    customers,
    stop::stop_for,
};

on_both_engines!(
    a_stop_ends_sessions_issues_and_passcodes_and_tells_every_address,
    a_stop_ends_an_issue_that_waits_for_its_phone,
    nothing_is_accepted_after_a_stop,
    a_stop_cannot_be_told_apart_for_wrong_unknown_and_empty,
    stopping_twice_tells_the_first_stop_and_changes_nothing,
    a_page_that_tells_of_a_stop_cannot_be_made_up_nor_passed_on,
    guesses_at_the_login_keep_nobody_from_stopping,
    a_stop_that_was_guessed_at_waits_for_a_day_and_is_never_closed_for_good,
    a_tampered_address_keeps_nobody_from_stopping,
    a_stop_by_the_bank_is_told_as_one,
    a_resume_is_applied_for_once_and_resumes_nothing,
    many_stops_at_once_are_one,
);

async fn stop(app: &TestApp, person: &Person) -> (Browser, Reply) {
    let mut browser = app.browser(person.bank);
    browser.open("/stop").await.expect(200).expect_screen("BES001");
    let fields = [("login_id", person.login_id), ("login_password", person.login_password)];
    let reply = browser.post("/stop", &fields).await;
    (browser, reply)
}

async fn a_stop_ends_sessions_issues_and_passcodes_and_tells_every_address(app: &TestApp) {
    let (mut pc, phone) = logged_in_with_token(app, &AOKI).await;
    pc.open("/top").await.expect(200);
    let mark = app.mark();
    let (mut elsewhere, reply) = stop(app, &AOKI).await;
    let reply = reply.expect_to("/stop/done");
    let page = elsewhere.open(reply.location()).await.expect(200).expect_screen("BES001");
    assert!(page.text().contains("ご利用を停止しました（2026年11月24日"), "{}", page.text());
    assert!(page.text().contains("受付番号 R-"));
    assert!(page.text().contains("0120-999-991"), "the desk that answers at all hours");
    assert_eq!(app.recorded(mark).await, ["customer.stopped|ok|"]);

    // The session that was open says why it ended.
    let page = pc.open("/top").await.expect(401).expect_screen("BER005");
    assert!(page.text().contains("緊急停止が行われたため"), "{}", page.text());
    // Nobody gets in, with both proofs right.
    let mut again = app.browser(Bank::A);
    let refused = again.password(AOKI.login_id, AOKI.login_password).await.expect(422);
    assert!(refused.page_errors()[0].starts_with("ログインできませんでした。"));
    assert_eq!(app.database.text("customers", "otp_required", &AOKI.row()).await, flag(app));
    assert_eq!(app.database.count("verifiers", "suspended = TRUE").await, 1);
    drop(phone);

    app.deliver().await;
    for address in AOKI.addresses.split(';').chain([AOKI.phone_address]) {
        let subject = &app.subjects(address)[0];
        assert_eq!(subject, "【みなと銀行】ご利用を停止しました（緊急停止）", "{address}");
    }
}

fn flag(app: &TestApp) -> &'static str {
    if app.database.is_postgresql() { "true" } else { "1" }
}

async fn a_stop_ends_an_issue_that_waits_for_its_phone(app: &TestApp) {
    let mut pc = app.signed_in(&AOKI).await;
    let numbers = pc.issue(&AOKI).await;
    app.advance_secs(1);
    stop(app, &AOKI).await.1.expect_to("/stop/done");
    let mut phone = app.phone(Bank::A);
    phone.activate(&numbers, AOKI.start_password).await.expect(403);
    assert_eq!(app.database.text("issues", "end_reason", "ended_at IS NOT NULL").await, "stopped");
    assert_eq!(app.database.text("tokens", "state", "ended_at IS NOT NULL").await, "revoked");
    app.deliver().await;
    let subjects = app.subjects(AOKI.phone_address);
    assert!(subjects.contains(&"【みなと銀行】トークンの発行を取り消しました".to_owned()));
    assert!(subjects.contains(&"【みなと銀行】ご利用を停止しました（緊急停止）".to_owned()));
}

// Rule 2: a passcode raced against the stop is accepted before it or not at all.
async fn nothing_is_accepted_after_a_stop(app: &TestApp) {
    let phone = in_use(app, &ISHII).await;
    let mut pc = app.browser(Bank::A);
    pc.sign_in_half(&ISHII).await;
    let (racer, passcode) = (app.clone(), phone.passcode());
    let jobs: [std::pin::Pin<Box<dyn Future<Output = u16> + Send>>; 2] = [
        Box::pin(async move { pc.passcode(&passcode).await.status }),
        Box::pin(async move { stop(&racer, &ISHII).await.1.status }),
    ];
    let done = at_once(jobs).await;
    assert_eq!(done[1], 303);
    let order = app.database.trail(&["kind"], "kind IN ('passcode.accepted', 'customer.stopped')");
    // The start of use is accepted earlier, in any case.
    let order = order.await;
    let logins = order.iter().filter(|kind| *kind == "passcode.accepted").count();
    assert!((1..=2).contains(&logins), "{order:?}");
    let mut after = app.browser(Bank::A);
    after.password(ISHII.login_id, ISHII.login_password).await.expect(422);
    assert_eq!(app.database.count("sessions", "ended_at IS NULL").await, 0);
}

async fn a_stop_cannot_be_told_apart_for_wrong_unknown_and_empty(app: &TestApp) {
    let mut seen = Vec::new();
    for (place, (login_id, password)) in [
        ("nobody-here", "Something-1"),
        (AOKI.login_id, "Something-1"),
        (AOKI_B.login_id, AOKI_B.login_password),
        ("!", "x"),
    ]
    .into_iter()
    .enumerate()
    {
        let mark = app.mark();
        let mut browser = app.browser(Bank::A).from(&format!("198.51.100.{place}"));
        browser.open("/stop").await;
        let fields = [("login_id", login_id), ("login_password", password)];
        let reply = browser.post("/stop", &fields).await.expect(422);
        assert_eq!(app.recorded(mark).await, ["session.refused|refused|credentials"]);
        let page = reply.body.replace(&reply.csrf(), "CSRF");
        seen.push(page.replace(&format!("value=\"{login_id}\""), "value"));
    }
    assert!(seen.iter().all(|page| *page == seen[0]));
    let mut browser = app.browser(Bank::A);
    browser.open("/stop").await;
    let page =
        browser.post("/stop", &[("login_id", " "), ("login_password", "")]).await.expect(422);
    assert_eq!(page.error("login_id").as_deref(), Some("ログインIDを入力してください。"));
    assert_eq!(
        page.error("login_password").as_deref(),
        Some("ログインパスワードを入力してください。")
    );
}

async fn stopping_twice_tells_the_first_stop_and_changes_nothing(app: &TestApp) {
    let first = told(&stop(app, &MUTO).await.1);
    app.advance_mins(5);
    assert_eq!(told(&stop(app, &MUTO).await.1), first);
    app.deliver().await;
    let told = app.subjects(MUTO.address());
    assert_eq!(told.len(), 1, "{told:?}");
}

// What the address of the done page says, without its seal.
fn told(reply: &Reply) -> String {
    reply.clone().expect_to("/stop/done").location().split("&seal=").next().unwrap().to_owned()
}

async fn a_page_that_tells_of_a_stop_cannot_be_made_up_nor_passed_on(app: &TestApp) {
    let (mut browser, reply) = stop(app, &MUTO).await;
    let path = reply.location().to_owned();
    browser.open(&path).await.expect(200);
    for other in [
        path.replace("at=17", "at=18"),
        path.replace("reception=R-", "reception=R-1"),
        "/stop/done".to_owned(),
        "/stop/done?at=1795482000000&reception=R-1111-1111&seal=AAAA".to_owned(),
    ] {
        browser.get(&other).await.expect(404).expect_screen("BER008");
    }
    app.browser(Bank::B).get(&path).await.expect(404);
    // Whoever is sent the address sees nothing of the kind.
    app.browser(Bank::A).get(&path).await.expect(404).expect_screen("BER008");
}

// Attack 76.
async fn guesses_at_the_login_keep_nobody_from_stopping(app: &TestApp) {
    let mut guesser = app.browser(Bank::A);
    loop {
        let reply = guesser.password(AOKI.login_id, "Ate-Zuppou-1").await;
        if reply.page_errors()[0].contains("ほど待ってから") {
            break;
        }
    }
    // From the same network, and in a browser that nobody knows.
    app.browser(Bank::A).password(AOKI.login_id, AOKI.login_password).await.expect(422);
    stop(app, &AOKI).await.1.expect_to("/stop/done");
}

async fn a_stop_that_was_guessed_at_waits_for_a_day_and_is_never_closed_for_good(app: &TestApp) {
    let mut told = Vec::new();
    for (network, login_id) in [(2, "nobody-here"), (1, AOKI.login_id)] {
        let mut guesser = app.browser(Bank::A).from(&format!("198.51.100.{network}"));
        guesser.open("/stop").await;
        let error = loop {
            let fields = [("login_id", login_id), ("login_password", "Ate-Zuppou-1")];
            let reply = guesser.post("/stop", &fields).await.expect(422);
            let error = reply.page_errors()[0].clone();
            if error.contains("24時間ほど") {
                break error;
            }
            app.advance_mins(15);
        };
        told.push(error);
    }
    assert_eq!(told[0], told[1], "a wait is told alike for an ID that nobody has");
    assert!(told[0].contains("0120-999-991"), "the desk that answers at all hours: {}", told[0]);
    app.deliver().await;
    let subject = &app.subjects(AOKI.address())[0];
    assert_eq!(subject, "【みなと銀行】画面からの緊急停止の受付を一時的に停止しました");
    // The login is not touched, and a day later the stop works, whoever has guessed at it.
    app.browser(Bank::A).password(AOKI.login_id, AOKI.login_password).await.expect_to("/top");
    stop(app, &AOKI).await.1.expect(422);
    app.advance_hours(24);
    stop(app, &AOKI).await.1.expect_to("/stop/done");
}

async fn a_tampered_address_keeps_nobody_from_stopping(app: &TestApp) {
    let mine = format!("address = '{}'", AOKI.address());
    let set = app.database.set("addresses", "address = 'thief@evil.example'", &mine).await;
    assert_eq!(set, 1);
    stop(app, &AOKI).await.1.expect_to("/stop/done");
    app.deliver().await;
    assert!(app.subjects("thief@evil.example").is_empty());
    let others: Vec<_> = AOKI.addresses.split(';').filter(|a| *a != AOKI.address()).collect();
    for address in others {
        assert_eq!(app.subjects(address).len(), 1, "{address}");
    }
}

async fn a_stop_by_the_bank_is_told_as_one(app: &TestApp) {
    let origin = app.origin(Bank::A);
    let id = customers::find(&app.app, &origin, AOKI.number).await.unwrap().unwrap();
    stop_for(&app.app, &origin, id).await.unwrap();
    assert_eq!(app.database.text("customers", "stopped_by", &AOKI.row()).await, "command_line");
    app.deliver().await;
    assert!(app.body(AOKI.address(), "緊急停止").starts_with("安全のため、当行で"));
}

// Rule 12: the command line applies, and never approves.
async fn a_resume_is_applied_for_once_and_resumes_nothing(app: &TestApp) {
    let origin = app.origin(Bank::A);
    let id = customers::find(&app.app, &origin, AOKI.number).await.unwrap().unwrap();
    let who = ("山本 窓口", "運転免許証で確認");
    let early = applications::apply_for_resume(&app.app, &origin, id, who).await;
    assert!(matches!(early, Err(NotTaken::NotStopped)), "{early:?}");
    stop(app, &AOKI).await.1.expect_to("/stop/done");
    let one = applications::apply_for_resume(&app.app, &origin, id, who).await.unwrap();
    let other =
        applications::apply_for_resume(&app.app, &origin, id, ("別の人", "")).await.unwrap();
    assert_eq!(one, other, "one that is open is given again");
    assert_eq!(app.audited("application.filed").await, 1);
    assert_eq!(app.database.count("customers", "suspended_at IS NOT NULL").await, 1);
    let mut browser = app.browser(Bank::A);
    browser.password(AOKI.login_id, AOKI.login_password).await.expect(422);
}

async fn many_stops_at_once_are_one(app: &TestApp) {
    let jobs = (0..6).map(|_| {
        let app = app.clone();
        async move { told(&stop(&app, &AOKI).await.1) }
    });
    let paths = at_once(jobs.collect::<Vec<_>>()).await;
    assert!(paths.iter().all(|path| *path == paths[0]), "{paths:?}");
    app.deliver().await;
    assert_eq!(app.subjects(AOKI.address()).len(), 1);
}
