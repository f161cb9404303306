//! Two institutions in one installation never see each other; hosts decide whose request it is, and
//! documents are taken whole or not at all.

use axum::{body::Body, extract::Request, http::header};

use super::{
    harness::{
        TestApp,
        banks::{AOKI, AOKI_B, Bank, ISHII},
        on_both_engines,
    },
    passcodes::in_use,
};
use crate::actions::{customers, institutions, institutions::NotTaken};

on_both_engines!(
    customers_of_one_bank_do_not_exist_at_the_other,
    a_session_of_one_bank_is_nobody_at_the_other,
    forms_of_one_bank_are_forged_at_the_other,
    phones_of_one_bank_are_unknown_at_the_other,
    a_passcode_of_one_bank_is_a_wrong_one_at_the_other,
    the_command_line_of_one_bank_finds_nobody_of_the_other,
    each_bank_speaks_with_its_own_name_colour_and_sender,
    an_unknown_host_is_misdirected,
    a_poisoned_host_reaches_no_page_and_no_mail,
    the_console_and_api_hosts_serve_nothing_yet,
    an_applied_document_takes_effect,
    a_changed_policy_counts_from_the_next_request,
    a_document_beyond_floors_and_ceilings_is_refused_with_its_keys,
    hosts_and_numbers_of_another_bank_are_refused,
    two_documents_applied_at_once_make_two_versions_or_one_refusal,
);

async fn customers_of_one_bank_do_not_exist_at_the_other(app: &TestApp) {
    let mut browser = app.browser(Bank::B);
    browser.password(ISHII.login_id, ISHII.login_password).await.expect(422);
    browser.password(AOKI.login_id, AOKI.login_password).await.expect(422);
    browser.sign_in(&AOKI_B).await;
    // Their failures are counted apart.
    for _ in 0..4 {
        app.browser(Bank::A).password(AOKI.login_id, "Wrong-Pass-1").await.expect(422);
    }
    app.browser(Bank::B).sign_in(&AOKI_B).await;
}

async fn a_session_of_one_bank_is_nobody_at_the_other(app: &TestApp) {
    let pc = app.signed_in(&AOKI).await;
    let mut elsewhere = app.browser(Bank::B).with_session(&pc.session());
    for page in ["/top", "/otp", "/customer", "/session"] {
        elsewhere.get(page).await.expect_to("/login");
    }
    elsewhere.open("/login").await.expect(200);
    elsewhere.post("/otp/issue", &[]).await.expect(401);
    // And a login there does not end the one here.
    app.signed_in(&AOKI_B).await;
    app.browser(Bank::A).with_session(&pc.session()).get("/top").await.expect(200);
}

async fn forms_of_one_bank_are_forged_at_the_other(app: &TestApp) {
    let mut a = app.browser(Bank::A);
    a.open("/login").await.expect(200);
    let mut b = app.browser(Bank::B).with_session(&a.session());
    b.page = a.page.clone();
    let fields = [("login_id", AOKI_B.login_id), ("login_password", AOKI_B.login_password)];
    b.post("/login", &fields).await.expect(403);
}

async fn phones_of_one_bank_are_unknown_at_the_other(app: &TestApp) {
    let numbers = app.signed_in(&AOKI).await.issue(&AOKI).await;
    let mut elsewhere = app.phone(Bank::B);
    // With the other bank's number the phone is told so at once.
    elsewhere.activate(&numbers, AOKI.start_password).await.expect(422);
    let mut claimed = numbers.clone();
    Bank::B.service_id().clone_into(&mut claimed.service_id);
    elsewhere.activate(&claimed, AOKI.start_password).await.expect(403);
    app.phone(Bank::A).set_up(&numbers, AOKI.start_password).await;
}

async fn a_passcode_of_one_bank_is_a_wrong_one_at_the_other(app: &TestApp) {
    let phone = in_use(app, &AOKI).await;
    in_use(app, &AOKI_B).await;
    let mut browser = app.browser(Bank::B);
    browser.sign_in_half(&AOKI_B).await;
    let mut foreign = phone.clone();
    foreign.bank = Bank::B;
    browser.passcode(&foreign.passcode()).await.expect(422);
    assert_eq!(app.database.text("verifiers", "failures", &AOKI.rows()).await, "0");
}

async fn the_command_line_of_one_bank_finds_nobody_of_the_other(app: &TestApp) {
    let a = app.origin(Bank::A);
    let id = app.database.text("customers", "customer_id", &AOKI_B.row()).await;
    for word in [id.as_str(), AOKI_B.number] {
        assert_eq!(customers::find(&app.app, &a, word).await.unwrap(), None, "{word}");
    }
    let found = customers::find(&app.app, &a, AOKI_B.login_id).await.unwrap().unwrap();
    assert_ne!(found.to_string(), id);
}

async fn each_bank_speaks_with_its_own_name_colour_and_sender(app: &TestApp) {
    for (person, color) in [(&AOKI, "#0b5c50"), (&AOKI_B, "#7a1f3d")] {
        let other =
            if person.bank == Bank::A { "やまて信用金庫" } else { "みなと銀行" };
        let mut pc = app.signed_in(person).await;
        pc.issue(person).await;
        for path in ["/top", "/otp", "/customer"] {
            let page = pc.open(path).await.expect(200);
            assert!(!page.body.contains(other), "{path}");
        }
        let css = pc.get("/assets/institution.css").await.expect(200);
        assert!(css.body.contains(color), "{}", css.body);
        app.deliver().await;
        for address in [person.address(), person.phone_address] {
            let mail = app.mails().into_iter().find(|m| m.to == address).unwrap();
            assert!(!mail.body.contains(other) && !mail.subject.contains(other));
            assert!(mail.from.contains(&format!("bank-{}.", &person.bank.ib()[3..4])));
        }
    }
    // Only bank B wants names in mails.
    let body = |person: &super::harness::banks::Person| {
        app.body(person.phone_address, "トークン発行のご案内")
    };
    assert!(body(&AOKI_B).starts_with("青木 葉奈 様"), "{}", body(&AOKI_B));
    assert!(!body(&AOKI).contains(AOKI.name));
}

/// A login page asked for with these Host headers.
async fn ask(app: &TestApp, uri: &str, hosts: &[&str]) -> super::harness::http::Reply {
    let mut request = Request::get(uri);
    for host in hosts {
        request = request.header(header::HOST, *host);
    }
    app.send(request.body(Body::empty()).unwrap(), "203.0.113.7").await
}

async fn an_unknown_host_is_misdirected(app: &TestApp) {
    for hosts in [
        &["evil.example"] as &[&str],
        &["ib.a.test.evil.example"],
        &["ib.c.test"],
        &["a.test"],
        &["127.0.0.1"],
        &[""],
        &[],
        &["ib.a.test", "ib.b.test"],
        &["ib.a.test", "evil.example"],
        &["ib.a.test evil.example"],
        &["ib.a.test:80:80"],
    ] {
        let mark = app.mark();
        let reply = ask(app, "/login", hosts).await;
        assert_eq!(reply.status, 421, "{hosts:?}");
        assert!(!reply.body.contains("銀行"), "{hosts:?}");
        assert_eq!(app.recorded(mark).await, ["access.refused|refused|misdirected"], "{hosts:?}");
    }
    for host in ["ib.a.test", "IB.A.TEST", "ib.a.test:443", "ib.a.test:8443"] {
        ask(app, "/login", &[host]).await.expect(200);
    }
}

// Attack 39.
async fn a_poisoned_host_reaches_no_page_and_no_mail(app: &TestApp) {
    let mut pc = app.browser(Bank::A);
    for name in ["x-forwarded-host", "x-host", "x-original-host", "forwarded", "x-forwarded-server"]
    {
        let value = if name == "forwarded" { "host=evil.example" } else { "evil.example" };
        pc.extra.push((name, value.to_owned()));
    }
    pc.extra.push(("referer", "https://evil.example/".to_owned()));
    pc.extra.push(("host", "ib.a.test:6666".to_owned()));
    pc.sign_in(&AOKI).await;
    pc.issue(&AOKI).await;
    assert!(pc.page.body.contains("https://token.a.test/app/#1."), "{}", pc.page.body);
    for path in ["/top", "/otp", "/customer", "/nothing"] {
        let page = pc.get(path).await;
        assert!(!page.body.contains("evil") && !page.body.contains("6666"), "{path}");
    }
    app.deliver().await;
    for mail in app.mails() {
        assert!(!mail.body.contains("evil") && !mail.subject.contains("evil"));
    }
    // A request that names one host in its line and another in its header belongs to the line's.
    let reply = ask(app, "https://ib.b.test/login", &["ib.a.test"]).await.expect(200);
    assert!(reply.body.contains("やまて信用金庫") && !reply.body.contains("みなと銀行"));
}

async fn the_console_and_api_hosts_serve_nothing_yet(app: &TestApp) {
    for host in ["console.a.test", "api.a.test"] {
        for path in ["/", "/login", "/api/v1/verify", "/phone/v1/clock", "/app/"] {
            ask(app, path, &[host]).await.expect(404);
        }
    }
    // And the doors are apart: no page at the phone's host, no phone at the pages'.
    for path in ["/login", "/top", "/assets/warifu.css"] {
        ask(app, path, &["token.a.test"]).await.expect(404);
    }
    for path in ["/app/", "/phone/v1/clock"] {
        ask(app, path, &["ib.a.test"]).await.expect(404);
    }
}

async fn an_applied_document_takes_effect(app: &TestApp) {
    let mut pc = app.signed_in(&AOKI).await;
    let changed = Bank::A
        .document()
        .replace("みなと銀行", "あけぼの銀行")
        .replace("#0b5c50", "#123456")
        .replace("ib.a.test", "www.a.test");
    assert_eq!(institutions::apply(&app.app, &changed).await.unwrap(), 2);
    ask(app, "/login", &["ib.a.test"]).await.expect(421);
    let page = ask(app, "/login", &["www.a.test"]).await.expect(200);
    assert!(page.body.contains("あけぼの銀行") && !page.body.contains("みなと銀行"));
    pc.extra.push(("host", "www.a.test".to_owned()));
    assert!(pc.get("/assets/institution.css").await.expect(200).body.contains("#123456"));
    pc.get("/top").await.expect(200);
    // Every version is kept, and each change is recorded.
    assert_eq!(app.database.count("institution_versions", "TRUE").await, 3);
    assert_eq!(app.audited("institution.applied").await, 1);
    // Another node takes it up when it looks.
    let node = app.second_node().await;
    institutions::apply(&app.app, &Bank::A.document()).await.unwrap();
    ask(&node, "/login", &["ib.a.test"]).await.expect(421);
    node.app.reload_institutions().await.unwrap();
    ask(&node, "/login", &["ib.a.test"]).await.expect(200);
    node.app.store.close().await;
}

async fn a_changed_policy_counts_from_the_next_request(app: &TestApp) {
    let phone = in_use(app, &AOKI).await;
    let strict =
        format!("{}\n[policy.passcode]\nlock_after = 3\nstop_after = 5\n", Bank::A.document());
    institutions::apply(&app.app, &strict).await.unwrap();
    for _ in 0..3 {
        let mut browser = app.browser(Bank::A);
        browser.sign_in_half(&AOKI).await;
        browser.passcode(&phone.wrong_passcode()).await.expect(422);
    }
    let mut browser = app.browser(Bank::A);
    browser.sign_in_half(&AOKI).await;
    let locked = browser.passcode(&phone.passcode()).await.expect(422);
    assert!(locked.text().contains("までご利用いただけません"));
}

async fn a_document_beyond_floors_and_ceilings_is_refused_with_its_keys(app: &TestApp) {
    let before = app.database.dump("institutions").await;
    for (from, to, key) in [
        ("digits = 8", "digits = 5", "policy.passcode.digits"),
        ("period = \"30s\"", "period = \"29s\"", "policy.passcode.period"),
        ("period = \"30s\"", "period = \"61s\"", "policy.passcode.period"),
        ("lock_after = 3", "lock_after = 2", "lock_after"),
        ("stop_after = 6", "stop_after = 21", "stop_after"),
        ("stop_after = 6", "stop_after = 3", "stop_after"),
        ("tries = 3", "tries = 11", "policy.mail_password.tries"),
        ("span = \"48h\"", "span = \"23h\"", "policy.hold.span"),
        ("[policy.issue]", "[policy.issue]\naddress_age = \"6d\"", "policy.issue.address_age"),
        ("[policy.issue]", "[policy.issue]\nqr = 1", "qr"),
        ("[policy.login]", "[policy.login]\nstop_after = 99", "policy.login.stop_after"),
        ("longest = \"2h\"", "longest = \"13h\"", "policy.session.longest"),
        ("#7a1f3d", "#ffff00", "look.color"),
        ("#7a1f3d", "red", "look.color"),
        ("Asia/Tokyo", "Asia/Tokio", "zone"),
        ("ib.b.test", "ib b test", "hosts.ib"),
        ("ib.b.test", "token.b.test", "host"),
        ("otp@bank-b.example", "otp", "mail.sender"),
        ("ja = \"やまて信用金庫\"", "ja = \"\"", "name.ja"),
        ("service_id = \"50607080\"", "service_id = \"506\"", "service_id"),
        ("[policy.mail]", "[policy.mail]\nnotices = false", "notices"),
        ("[policy.passcode]", "[policy.passcod]", "passcod"),
    ] {
        let document = Bank::B.document();
        assert!(document.contains(from), "{from}");
        let changed = document.replacen(from, to, 1);
        match institutions::apply(&app.app, &changed).await {
            Err(NotTaken::Document(told)) => {
                assert!(told.iter().any(|line| line.contains(key)), "{to}: {told:?}");
            }
            other => panic!("{to} was taken: {other:?}"),
        }
    }
    assert_eq!(app.database.dump("institutions").await, before);
}

async fn hosts_and_numbers_of_another_bank_are_refused(app: &TestApp) {
    let before = app.database.dump("institution_hosts").await;
    let thief = Bank::B.document().replace("token.b.test", "ib.a.test");
    let taken = institutions::apply(&app.app, &thief).await;
    assert!(matches!(taken, Err(NotTaken::Taken)), "{taken:?}");
    let thief = Bank::B.document().replace(".b.test", ".c.test");
    let taken = institutions::create(&app.app, &thief).await;
    assert!(matches!(taken, Err(NotTaken::Taken)), "the service ID is taken: {taken:?}");
    let unknown = Bank::B.document().replace("50607080", "99999999");
    let told = institutions::apply(&app.app, &unknown).await;
    assert!(matches!(told, Err(NotTaken::Unknown)), "{told:?}");
    assert_eq!(app.database.dump("institution_hosts").await, before);
    app.signed_in(&AOKI).await;
}

async fn two_documents_applied_at_once_make_two_versions_or_one_refusal(app: &TestApp) {
    let node = app.second_node().await;
    let one = Bank::A.document().replace("#0b5c50", "#111111");
    let two = Bank::A.document().replace("#0b5c50", "#222222");
    let (one, two) =
        tokio::join!(institutions::apply(&app.app, &one), institutions::apply(&node.app, &two));
    let done = [&one, &two].iter().filter(|r| r.is_ok()).count();
    assert!(done >= 1, "{one:?} {two:?}");
    let service = format!("service_id = '{}'", Bank::A.service_id());
    let version = app.database.text("institutions", "version", &service).await;
    assert_eq!(version, (done + 1).to_string());
    assert_eq!(app.audited("institution.applied").await, i64::try_from(done).unwrap());
    node.app.store.close().await;
}
