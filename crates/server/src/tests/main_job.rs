//! The main job, end to end: issue, set-up, start, login, release, and issue again.

use super::harness::{
    TestApp,
    banks::{AOKI, AOKI_B, Person},
    on_both_engines,
};

on_both_engines!(a_customer_goes_through_all_three_steps_and_back);

async fn a_customer_goes_through_all_three_steps_and_back(app: &TestApp) {
    whole_walk(app, &AOKI).await;
    insta::assert_snapshot!("trail_of_the_main_job_at_a", app.audit_lines(&AOKI).await);
    whole_walk(app, &AOKI_B).await;
    insta::assert_snapshot!("trail_of_the_main_job_at_b", app.audit_lines(&AOKI_B).await);
}

async fn whole_walk(app: &TestApp, person: &Person) {
    // Step 1, on the PC.
    let mut pc = app.browser(person.bank);
    pc.sign_in(person).await;
    app.advance_secs(10);
    let numbers = pc.issue(person).await;
    assert_eq!(numbers.service_id, person.bank.service_id());
    assert_eq!(numbers.user_id.len(), 12);
    app.deliver().await;
    let token_mail = app.body(person.phone_address, "トークン発行のご案内");
    assert!(token_mail.replace(' ', "").contains(&numbers.user_id), "{token_mail}");
    assert!(!token_mail.contains(person.start_password), "{token_mail}");

    // Step 2, on the phone.
    app.advance_mins(2);
    let mut phone = app.phone(person.bank);
    phone.set_up(&numbers, person.start_password).await;
    app.deliver().await;

    // Step 3, on the PC: the first passcode.
    app.advance_mins(2);
    pc.reach_start().await;
    let reply = pc.start(&phone.passcode()).await.expect_to("/otp/start/done");
    pc.open(reply.location()).await.expect(200).expect_screen("BOK003");
    pc.sign_out().await.expect(200);
    app.deliver().await;

    // From here on a login demands the passcode.
    app.advance_mins(5);
    let mut pc = app.browser(person.bank);
    pc.sign_in_with(person, &phone.passcode()).await;

    // Release, with another passcode.
    app.advance_mins(2);
    pc.reach_release().await;
    let reply = pc.release(&phone.passcode()).await.expect_to("/otp/release/done");
    pc.open(reply.location()).await.expect(200).expect_screen("BOS002");
    app.deliver().await;

    // Issue again, but not at once.
    let page = pc.open("/otp").await.expect(200);
    assert!(!page.body.contains("action=\"/otp/issue\""), "{}", page.text());
    pc.post("/otp/issue", &[]).await.expect(409);
    app.advance_mins(person.bank.wait_minutes());
    let mut pc = app.browser(person.bank);
    pc.sign_in(person).await;
    let again = pc.issue(person).await;
    assert_ne!(again.user_id, numbers.user_id);
    app.deliver().await;
}
