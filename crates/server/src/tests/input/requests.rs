//! Requests that no page of ours sends: forged, oversized, mistyped, misdirected.

use axum::body::Body;
use futures_util::stream;

use crate::tests::harness::{
    TestApp,
    banks::{AOKI, Bank, ISHII},
    browser::{Browser, FORM},
    http::Reply,
    on_both_engines,
};

on_both_engines!(
    a_form_without_its_token_is_refused_everywhere,
    a_forged_or_foreign_token_is_refused_and_recorded_once,
    a_token_of_a_page_is_good_for_its_session_only,
    a_form_of_nobody_is_refused,
    a_body_that_is_too_large_is_refused,
    a_body_of_another_kind_is_refused,
    a_body_that_is_not_utf_8_is_told_beside_its_field,
    a_field_sent_twice_counts_once,
    a_form_cannot_be_sent_by_get,
    unknown_pages_are_told_so,
    every_answer_carries_its_protection,
    a_form_of_another_site_does_not_log_the_customer_out,
);

const FORMS: [&str; 12] = [
    "/logout",
    "/otp/issue",
    "/otp/issue/select",
    "/otp/issue/mail",
    "/otp/issue/input",
    "/otp/issue/confirm",
    "/otp/issue/qr",
    "/otp/issue/mail-again",
    "/otp/start",
    "/otp/start/passcode",
    "/otp/release",
    "/otp/release/passcode",
];

#[track_caller]
fn forged(reply: Reply) {
    let told = reply.expect(403).expect_screen("BER004").text();
    assert!(told.contains("安全を確認できなかったため、お手続きを行いませんでした"), "{told}");
}

// Attack 43.
async fn a_form_without_its_token_is_refused_everywhere(app: &TestApp) {
    let mut pc = app.signed_in(&AOKI).await;
    let before = app.database.state().await;
    for form in FORMS {
        let mark = app.mark();
        forged(pc.post(form, &[("csrf", "")]).await);
        forged(pc.post_raw(form, FORM, "").await);
        let refused = "access.refused|refused|forged";
        assert_eq!(app.recorded(mark).await, [refused, refused], "{form}");
    }
    let mut open = app.browser(Bank::A);
    let fields = [("login_id", AOKI.login_id), ("login_password", AOKI.login_password)];
    forged(open.post("/login", &fields).await);
    assert!(app.database.state().await == before);
    pc.get("/top").await.expect(200);
}

async fn a_forged_or_foreign_token_is_refused_and_recorded_once(app: &TestApp) {
    let other = app.signed_in(&ISHII).await.page.csrf();
    let mut pc = app.signed_in(&AOKI).await;
    let own = pc.page.csrf();
    let mut flipped = own.clone().into_bytes();
    flipped[60] = if flipped[60] == b'A' { b'B' } else { b'A' };
    for token in [
        other,
        String::from_utf8(flipped).unwrap(),
        own[..own.len() - 4].to_owned(),
        format!("{own}{own}"),
        "A".repeat(86),
        "x".repeat(10_000),
        "😀".to_owned(),
        "\0".to_owned(),
    ] {
        let mark = app.mark();
        forged(pc.post("/otp/issue", &[("csrf", &token)]).await);
        assert_eq!(app.recorded(mark).await, ["access.refused|refused|forged"]);
    }
    // Each page masks it anew, and all of them are good.
    let again = pc.open("/otp").await.csrf();
    assert_ne!(again, own);
    pc.post("/otp/issue", &[("csrf", &own)]).await.expect(303);
}

async fn a_token_of_a_page_is_good_for_its_session_only(app: &TestApp) {
    let mut browser = app.browser(Bank::A);
    let before = browser.open("/login").await.csrf();
    browser.sign_in(&AOKI).await;
    forged(browser.post("/otp/issue", &[("csrf", &before)]).await);
    let inside = browser.open("/top").await.csrf();
    browser.sign_out().await.expect(200);
    let mut next = app.signed_in(&AOKI).await;
    forged(next.post("/otp/issue", &[("csrf", &inside)]).await);
}

async fn a_form_of_nobody_is_refused(app: &TestApp) {
    for form in FORMS {
        let mut nobody = app.browser(Bank::A);
        nobody.open("/login").await.expect(200);
        let mark = app.mark();
        let told = nobody.post(form, &[]).await.expect(401).expect_screen("BER006");
        assert!(told.text().contains("この画面では、ログインされていません"), "{}", told.text());
        assert_eq!(app.recorded(mark).await, ["access.refused|refused|not_signed_in"], "{form}");
        nobody.open(form).await;
    }
}

async fn a_body_that_is_too_large_is_refused(app: &TestApp) {
    let mut pc = app.signed_in(&AOKI).await;
    pc.reach_input().await;
    let page = pc.page.clone();
    let large = format!("{}&address={}", pc.form(&[]), "x".repeat(64 * 1024));
    let mark = app.mark();
    forged(pc.post_raw("/otp/issue/input", FORM, large.clone()).await);
    assert_eq!(app.recorded(mark).await.len(), 1);
    // The same without saying beforehand how much will come: what was read is no whole form.
    pc.page = page.clone();
    let chunks: Vec<_> =
        large.as_bytes().chunks(1_000).map(|c| Ok::<_, std::io::Error>(c.to_vec())).collect();
    let streamed = Body::from_stream(stream::iter(chunks));
    let mark = app.mark();
    forged(pc.post_raw("/otp/issue/input", FORM, streamed).await);
    assert_eq!(app.recorded(mark).await.len(), 1);
    let phone = app.phone(Bank::A);
    let mark = app.mark();
    phone.post("/phone/v1/activations", &"x".repeat(64 * 1024 + 1)).await.expect(422);
    assert_eq!(app.recorded(mark).await.len(), 1);
    // Just below it is a form like any other.
    pc.page = page;
    let body = pc.form(&[("address", "")]);
    let filled = format!("{body}&note={}", "x".repeat(64 * 1024 - body.len() - 6));
    pc.post_raw("/otp/issue/input", FORM, filled).await.expect(422).expect_screen("BOT001");
}

async fn a_body_of_another_kind_is_refused(app: &TestApp) {
    let mut pc = app.signed_in(&AOKI).await;
    let csrf = pc.page.csrf();
    let json = serde_json::json!({ "csrf": csrf }).to_string();
    let multipart =
        format!("--x\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n{csrf}\r\n--x--\r\n");
    for (kind, body) in [
        ("application/json", json),
        ("multipart/form-data; boundary=x", multipart),
        ("text/plain", format!("csrf={csrf}")),
        ("", format!("csrf={csrf}")),
    ] {
        let mark = app.mark();
        let reply = pc.post_raw("/otp/issue", kind, body).await;
        assert!((400..500).contains(&reply.status), "{kind}: {}", reply.status);
        assert_eq!(app.recorded(mark).await, ["access.refused|refused|forged"], "{kind}");
    }
    assert_eq!(app.database.count("procedures", "TRUE").await, 0);
}

async fn a_body_that_is_not_utf_8_is_told_beside_its_field(app: &TestApp) {
    let mut pc = app.signed_in(&AOKI).await;
    pc.reach_input().await;
    for raw in ["%ff%fe@x.jp", "%e3%81@x.jp"] {
        let page = pc.page.clone();
        let mark = app.mark();
        let body = format!("{}&address={raw}&address2={raw}", pc.form(&[]));
        let reply = pc.post_raw("/otp/issue/input", FORM, body).await.expect(422);
        assert!(reply.error("address").unwrap().contains("使えない文字"), "{raw}");
        assert_eq!(app.recorded(mark).await.len(), 1, "{raw}");
        pc.page = page;
    }
    let bytes = [pc.form(&[]).as_bytes(), b"&address=\xff\xfe"].concat();
    pc.post_raw("/otp/issue/input", FORM, bytes).await.expect(422).expect_screen("BOT001");
}

async fn a_field_sent_twice_counts_once(app: &TestApp) {
    let mut browser = app.browser(Bank::A);
    browser.open("/login").await.expect(200);
    let body = browser.form(&[
        ("login_id", ISHII.login_id),
        ("login_id", AOKI.login_id),
        ("login_password", ISHII.login_password),
        ("login_password", AOKI.login_password),
    ]);
    browser.post_raw("/login", FORM, body).await.expect_to("/top");
    assert!(browser.open("/top").await.text().contains(ISHII.name));
}

async fn a_form_cannot_be_sent_by_get(app: &TestApp) {
    let mut pc = app.signed_in(&AOKI).await;
    let form = pc.form(&[]);
    // A page that says goodbye may be there, but it says it to nobody.
    pc.get(&format!("/logout?{form}")).await;
    for path in ["/otp/issue", "/otp/start", "/otp/release", "/otp/issue/qr"] {
        pc.get(&format!("{path}?{form}")).await.expect(404);
    }
    pc.get("/top").await.expect(200);
    assert_eq!(app.database.count("procedures", "TRUE").await, 0);
    let secret = format!("/login?login_id={}&login_password=x", AOKI.login_id);
    app.browser(Bank::A).get(&secret).await.expect(200);
    assert_eq!(app.audited("session.refused").await, 0);
}

async fn unknown_pages_are_told_so(app: &TestApp) {
    let mut browser = app.browser(Bank::A);
    for path in [
        "/nothing",
        "/otp/nothing",
        "/assets/nothing.css",
        "/assets/../Cargo.toml",
        "/assets/..%2fCargo.toml",
        "/demo/mailbox",
        "/demo/phone",
        "/login/",
        "/%00",
        "/otp/issue/select/x",
    ] {
        let told = browser.get(path).await.expect(404).expect_screen("BER008");
        assert!(told.text().contains("お探しのページが見つかりません"), "{path}");
    }
}

async fn every_answer_carries_its_protection(app: &TestApp) {
    let mut pc = app.signed_in(&AOKI).await;
    let answers: Vec<(&str, Reply)> = vec![
        ("page", pc.get("/top").await),
        ("redirection", pc.get("/").await),
        ("unknown", pc.get("/nothing").await),
        ("forged", pc.post("/otp/issue", &[("csrf", "x")]).await),
        ("asset", pc.get("/assets/warifu.css").await),
        ("large", pc.post_raw("/login", FORM, "x".repeat(70_000)).await),
        ("phone", app.phone(Bank::A).post("/phone/v1/activations", "{}").await),
        ("misdirected", elsewhere(app).await),
    ];
    let of_pages = "base-uri 'none'; connect-src 'self'; default-src 'none'; form-action 'self'; \
                    frame-ancestors 'none'; img-src 'self' data:; script-src 'self'; \
                    style-src 'self'";
    let of_the_app = "base-uri 'none'; connect-src 'self'; default-src 'none'; \
                      form-action 'none'; frame-ancestors 'none'; img-src 'self'; \
                      manifest-src 'self'; require-trusted-types-for 'script'; script-src 'self'; \
                      style-src 'self'; trusted-types warifu-worker; worker-src 'self'";
    for (name, reply) in &answers {
        let mut policy: Vec<_> = reply.header("content-security-policy").split("; ").collect();
        policy.sort_unstable();
        let expected = if *name == "phone" { of_the_app } else { of_pages };
        assert_eq!(policy.join("; "), expected, "{name}");
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{name}");
        assert_eq!(reply.header("referrer-policy"), "no-referrer", "{name}");
        assert!(reply.header("strict-transport-security").contains("max-age="), "{name}");
        let cache = reply.header("cache-control");
        assert!(cache == "no-store" || *name == "asset", "{name}: {cache}");
    }
}

async fn elsewhere(app: &TestApp) -> Reply {
    let mut browser: Browser = app.browser(Bank::A);
    browser.extra.push(("host", "evil.example".to_owned()));
    browser.get("/login").await
}

// Attack 43: SameSite keeps the session's cookie back, so the answer must not bring another one.
async fn a_form_of_another_site_does_not_log_the_customer_out(app: &TestApp) {
    let mut pc = app.signed_in(&AOKI).await;
    let session = pc.session();
    let mut foreign = app.browser(Bank::A);
    for form in FORMS.iter().chain(&["/login", "/login/passcode", "/nothing"]) {
        let reply = foreign.post_raw(form, FORM, "x=1").await;
        assert!([401, 403, 404].contains(&reply.status), "{form}: {}", reply.status);
        let set = reply.headers.get_all("set-cookie").iter().count();
        assert_eq!(set, 0, "{form} brought a cookie");
    }
    assert_eq!(pc.session(), session);
    pc.open("/top").await.expect(200).expect_screen("BPT001");
}
