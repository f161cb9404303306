//! English is complete: a customer who reads no Japanese gets through the whole walk.

use super::harness::{
    TestApp,
    banks::{AOKI, Bank},
    http::Reply,
    on_both_engines,
};

on_both_engines!(the_whole_walk_can_be_read_in_english);

#[track_caller]
fn readable(reply: &Reply) {
    let page = reply.body.replace(AOKI.name, "NAME").replace("日本語", "JAPANESE");
    let strange = page.chars().find(|c| ('\u{3040}'..'\u{a000}').contains(c));
    assert!(strange.is_none(), "{}: {strange:?}: {}", reply.screen(), reply.text());
}

async fn the_whole_walk_can_be_read_in_english(app: &TestApp) {
    app.database.set("customers", "locale = 'en'", &AOKI.row()).await;
    let mut pc = app.browser(Bank::A);
    pc.language = "en";
    for path in ["/login", "/top", "/nothing"] {
        readable(&pc.open(path).await);
    }
    readable(&pc.password(AOKI.login_id, "Wrong-Pass-1").await);
    pc.sign_in(&AOKI).await;
    for path in ["/top", "/customer", "/otp", "/session"] {
        readable(&pc.open(path).await.expect(200));
    }
    pc.open("/otp").await;
    for step in ["/otp/issue", "/otp/issue/select", "/otp/issue/mail"] {
        readable(&pc.submit(step, &[]).await.expect(200));
    }
    readable(&pc.enter("x", "1111").await.expect(422));
    let reply = pc.enter(AOKI.phone_address, AOKI.start_password).await;
    readable(&pc.open(reply.location()).await.expect(200));
    app.deliver().await;
    let mail = app.mails().remove(0);
    let mut words = mail.body.split(|c: char| !c.is_ascii_digit());
    let code = words.rfind(|digits| digits.len() == 8).unwrap().to_owned();
    readable(&pc.confirm("Wrong-Pass-1", &code).await.expect(422));
    let reply = pc.confirm(AOKI.confirmation_password, &code).await;
    let page = pc.open(reply.location()).await.expect(200).expect_screen("BOT003");
    readable(&page);
    let mut phone = app.phone(Bank::A);
    let numbers = super::harness::walk::Numbers::of(&page);
    phone.set_up(&numbers, AOKI.start_password).await;
    pc.open("/otp").await;
    for step in ["/otp/start", "/otp/start/confirm"] {
        // The kind of phone is told with full-width brackets; its words are English.
        readable(&pc.submit(step, &[]).await.expect(200));
    }
    readable(&pc.start("x").await.expect(422));
    let reply = pc.start(&phone.passcode()).await;
    readable(&pc.open(reply.location()).await.expect(200).expect_screen("BOK003"));
    readable(&pc.sign_out().await.expect(200));
    app.deliver().await;
    for mail in app.mails() {
        assert!(!mail.body.chars().any(|c| ('\u{3040}'..'\u{a000}').contains(&c)), "{}", mail.body);
        assert!(mail.subject.is_ascii(), "{}", mail.subject);
    }
}
