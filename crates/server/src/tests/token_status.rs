//! A phone asks how its token stands: the phone alone, and for its own token alone.

use super::harness::{
    TestApp,
    banks::{AOKI, Bank, ISHII},
    on_both_engines,
};

on_both_engines!(
    a_phone_hears_how_its_token_goes_on,
    nobody_else_hears_of_a_token,
    a_question_is_not_good_for_ever,
    a_phone_hears_that_its_customer_is_stopped_and_that_the_use_goes_on,
);

async fn a_phone_hears_how_its_token_goes_on(app: &TestApp) {
    let mut pc = app.signed_in(&AOKI).await;
    let phone = pc.issue_to_phone(&AOKI).await;
    let state = async || {
        let reply = phone.ask_status(&phone.token, app.now().0).await.expect(200).json();
        reply["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(state().await, "activated");
    pc.reach_start().await;
    pc.start(&phone.passcode()).await.expect_to("/otp/start/done");
    assert_eq!(state().await, "in_use");
    app.advance_secs(60);
    pc.reach_release().await;
    pc.release(&phone.passcode()).await.expect_to("/otp/release/done");
    assert_eq!(state().await, "released");
    // Years later too.
    app.advance_hours(24 * 365 * 4);
    assert_eq!(state().await, "released");
}

async fn a_phone_hears_that_its_customer_is_stopped_and_that_the_use_goes_on(app: &TestApp) {
    let phone = app.signed_in(&AOKI).await.until_in_use(&AOKI).await;
    let told = async || phone.ask_status(&phone.token, app.now().0).await.expect(200).json();
    assert_eq!(told().await["stopped"], false);
    app.database.set("customers", "suspended_at = 1", &AOKI.rows()).await;
    let stopped = told().await;
    assert_eq!((&stopped["stopped"], &stopped["state"]), (&true.into(), &"in_use".into()));
    app.database.set("customers", "suspended_at = NULL", &AOKI.rows()).await;
    assert_eq!(told().await["stopped"], false);
}

async fn nobody_else_hears_of_a_token(app: &TestApp) {
    let mut pc = app.signed_in(&AOKI).await;
    let phone = pc.issue_to_phone(&AOKI).await;
    let mut pc = app.signed_in(&ISHII).await;
    let other = pc.issue_to_phone(&ISHII).await;
    let now = app.now().0;
    let mut seen = Vec::new();
    for (asker, token) in [
        (&other, phone.token.as_str()),
        (&phone, "tok_06f3k9w2q8v7m4x1t5z0n6b3cd"),
        (&phone, other.token.as_str()),
    ] {
        seen.push(asker.ask_status(token, now).await.expect(403).body);
    }
    // The same phone at another bank's host.
    let mut elsewhere = phone.clone();
    elsewhere.bank = Bank::B;
    elsewhere.ask_status(&phone.token, now).await.expect(403);
    phone.ask_status("nonsense", now).await.expect(404);
    let body = format!("{{\"at\":\"{now}\",\"signature\":\"x\"}}");
    phone.post(&format!("/phone/v1/tokens/{}", phone.token), &body).await.expect(422);
    assert_eq!(app.audited("access.refused").await, 4);
}

async fn a_question_is_not_good_for_ever(app: &TestApp) {
    let mut pc = app.signed_in(&AOKI).await;
    let phone = pc.issue_to_phone(&AOKI).await;
    let at = app.now().0;
    phone.ask_status(&phone.token, at).await.expect(200);
    phone.ask_status(&phone.token, at + 601_000).await.expect(403);
    app.advance_mins(11);
    phone.ask_status(&phone.token, at).await.expect(403);
    phone.ask_status(&phone.token, i64::MAX).await.expect(403);
}
