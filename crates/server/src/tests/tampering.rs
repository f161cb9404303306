//! Rule 4 against someone who can write into the database but has no key: a row swapped, a field
//! copied or an address changed is refused, never used.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use sha2::{Digest, Sha256};
use warifu_core::ids::CustomerId;

use super::{
    harness::{
        TestApp,
        banks::{AOKI, Bank, ISHII, MUTO, WAKAI},
        on_both_engines,
    },
    passcodes::{before_passcode, in_use},
};
use crate::limits::Rates;

on_both_engines!(
    a_copied_login_password_hash_does_not_log_in,
    a_copied_confirmation_password_hash_confirms_nothing,
    a_copied_or_changed_notice_address_receives_nothing,
    an_address_moved_to_another_customer_is_refused,
    a_copied_passcode_key_accepts_nothing,
    a_whole_verifier_row_under_another_token_accepts_nothing,
    a_copied_signing_key_acknowledges_nothing,
    a_copied_start_password_opens_nothing,
    a_copied_reply_is_not_handed_out,
    a_changed_phone_address_receives_nothing,
    a_waiting_mail_sent_elsewhere_is_not_opened,
    a_waiting_mail_under_another_subject_is_not_sent,
    a_copied_mail_password_proves_nothing,
    a_copied_procedure_input_is_refused,
    a_swapped_data_key_is_refused,
    an_edited_institution_document_changes_nothing,
    a_customer_moved_to_the_other_bank_is_nobody_there,
    a_session_cannot_be_made_moved_or_raised_in_the_database,
);

// Attack 70.
async fn a_copied_login_password_hash_does_not_log_in(app: &TestApp) {
    let columns = ["login_hash", "login_mac"];
    app.database.copy("customers", &columns, &ISHII.row(), &AOKI.row()).await;
    let mut thief = app.browser(Bank::A);
    let reply = thief.password(AOKI.login_id, ISHII.login_password).await;
    assert_eq!(reply.status, 500);
    thief.get("/top").await.expect_to("/login");
    // The hash alone, beside the right MAC of the old one.
    app.database.copy("customers", &["login_hash"], &ISHII.row(), &WAKAI.row()).await;
    let reply = thief.password(WAKAI.login_id, ISHII.login_password).await;
    assert_eq!(reply.status, 500);
    assert_eq!(app.database.count("sessions", "TRUE").await, 0);
    // Whoever was not touched is served.
    app.signed_in(&ISHII).await;
}

async fn a_copied_confirmation_password_hash_confirms_nothing(app: &TestApp) {
    let mut pc = app.signed_in(&AOKI).await;
    pc.reach_confirm(&AOKI).await;
    let mail_password = app.mail_password(&AOKI).await;
    let page = pc.page.clone();
    let columns = ["confirmation_hash", "confirmation_mac"];
    app.database.copy("customers", &columns, &ISHII.row(), &AOKI.row()).await;
    pc.confirm(ISHII.confirmation_password, &mail_password).await.expect(500);
    // The login password's own hash is no confirmation password either.
    let assignment = "confirmation_hash = login_hash, confirmation_mac = login_mac";
    app.database.set("customers", assignment, &AOKI.row()).await;
    pc.page = page;
    pc.confirm(AOKI.login_password, &mail_password).await.expect(500);
    assert_eq!(app.database.count("tokens", "TRUE").await, 0);
}

async fn a_copied_or_changed_notice_address_receives_nothing(app: &TestApp) {
    let mut pc = app.signed_in(&WAKAI).await;
    let page = pc.open("/otp").await.expect(200);
    app.database.set("addresses", "address = 'thief@evil.example'", &WAKAI.rows()).await;
    pc.get("/otp").await.expect(500);
    pc.page = page.clone();
    pc.post("/otp/issue", &[]).await.expect(500);
    let columns = ["address", "mac", "confirmed_at"];
    app.database.copy("addresses", &columns, &ISHII.rows(), &WAKAI.rows()).await;
    pc.get("/otp").await.expect(500);
    pc.page = page;
    pc.post("/otp/issue", &[]).await.expect(500);
    app.deliver().await;
    assert!(app.mails().is_empty());
}

async fn an_address_moved_to_another_customer_is_refused(app: &TestApp) {
    let mut pc = app.signed_in(&MUTO).await;
    app.database.set("addresses", "id = 'adr_x'", &MUTO.rows()).await;
    let victim = app.database.text("customers", "customer_id", &MUTO.row()).await;
    let bucket = app.database.text("customers", "bucket", &MUTO.row()).await;
    let moved = format!("customer_id = '{victim}', bucket = {bucket}");
    app.database.set("addresses", &moved, &ISHII.rows()).await;
    pc.get("/otp").await.expect(500);
    app.deliver().await;
    assert!(app.mails().is_empty());
}

// Attacks 56 and 60.
async fn a_copied_passcode_key_accepts_nothing(app: &TestApp) {
    in_use(app, &AOKI).await;
    let thief = in_use(app, &ISHII).await;
    app.database.copy("verifiers", &["sealed_key"], &ISHII.rows(), &AOKI.rows()).await;
    let accepted = app.audited("passcode.accepted").await;
    let mut browser = before_passcode(app, &AOKI, 1).await.remove(0);
    browser.passcode(&thief.passcode()).await.expect(500);
    browser.get("/top").await.expect_to("/login/passcode");
    assert_eq!(app.audited("passcode.accepted").await, accepted);
    app.browser(Bank::A).sign_in_with(&ISHII, &thief.passcode()).await;
}

async fn a_whole_verifier_row_under_another_token_accepts_nothing(app: &TestApp) {
    in_use(app, &AOKI).await;
    let thief = in_use(app, &ISHII).await;
    let mut key = Vec::new();
    for column in ["bucket", "customer_id", "token_id"] {
        let value = app.database.text("verifiers", column, &AOKI.rows()).await;
        key.push(format!("{column} = '{value}'"));
    }
    app.database.set("verifiers", "customer_id = 'away'", &AOKI.rows()).await;
    app.database.set("verifiers", &key.join(", "), &ISHII.rows()).await;
    let mut browser = before_passcode(app, &AOKI, 1).await.remove(0);
    browser.passcode(&thief.passcode()).await.expect(500);
    assert_eq!(app.audited("session.signed_in").await, 2);
}

async fn a_copied_signing_key_acknowledges_nothing(app: &TestApp) {
    let numbers = app.signed_in(&AOKI).await.issue(&AOKI).await;
    let mut phone = app.phone(Bank::A);
    phone.activate(&numbers, AOKI.start_password).await.expect(200);
    let foreign = app.signed_in(&ISHII).await.issue(&ISHII).await;
    let mut thief = app.phone(Bank::A);
    thief.activate(&foreign, ISHII.start_password).await.expect(200);
    let columns = ["signing_key", "signing_mac"];
    app.database.copy("tokens", &columns, &ISHII.rows(), &AOKI.rows()).await;
    let mut thief = app.phone(Bank::A);
    thief.activation.clone_from(&phone.activation);
    thief.acknowledge().await.expect(500);
    phone.acknowledge().await.expect(500);
    assert_eq!(app.database.count("issues", "acknowledged_at IS NOT NULL").await, 0);
}

async fn a_copied_start_password_opens_nothing(app: &TestApp) {
    let numbers = app.signed_in(&AOKI).await.issue(&AOKI).await;
    app.signed_in(&ISHII).await.issue(&ISHII).await;
    app.database.copy("issues", &["start_mac"], &ISHII.rows(), &AOKI.rows()).await;
    app.phone(Bank::A).activate(&numbers, ISHII.start_password).await.expect(403);
    app.phone(Bank::A).activate(&numbers, AOKI.start_password).await.expect(403);
    app.database.set("issues", "start_mac = NULL", &AOKI.rows()).await;
    app.phone(Bank::A).activate(&numbers, AOKI.start_password).await.expect(403);
    assert_eq!(app.database.count("verifiers", "TRUE").await, 0);
}

async fn a_copied_reply_is_not_handed_out(app: &TestApp) {
    let numbers = app.signed_in(&AOKI).await.issue(&AOKI).await;
    app.phone(Bank::A).activate(&numbers, AOKI.start_password).await.expect(200);
    let foreign = app.signed_in(&ISHII).await.issue(&ISHII).await;
    let mut thief = app.phone(Bank::A);
    thief.activate(&foreign, ISHII.start_password).await.expect(200);
    app.database.copy("issues", &["reply"], &AOKI.rows(), &ISHII.rows()).await;
    thief.activate(&foreign, ISHII.start_password).await.expect(500);
}

// The address that was typed on BOT001 is told of everything, and gets the token mail.
async fn a_changed_phone_address_receives_nothing(app: &TestApp) {
    let mut pc = app.signed_in(&AOKI).await;
    pc.issue(&AOKI).await;
    app.deliver().await;
    app.database.set("issues", "phone_address = 'thief@evil.example'", &AOKI.rows()).await;
    pc.open("/otp").await;
    pc.post("/otp/issue/mail-again", &[]).await.expect(500);
    app.deliver().await;
    assert!(app.subjects("thief@evil.example").is_empty());
}

// The mail password is in there.
async fn a_waiting_mail_sent_elsewhere_is_not_opened(app: &TestApp) {
    let mut pc = app.signed_in(&AOKI).await;
    pc.reach_input().await;
    let queued = format!("state = 'queued' AND {}", AOKI.rows());
    app.database.set("mails", "recipient = 'thief@evil.example'", &queued).await;
    app.deliver().await;
    assert!(app.mails().is_empty(), "the mail password went to the thief");
    assert_eq!(app.database.count("mails", "state = 'failed' AND body IS NULL").await, 2);
    assert_eq!(app.audited("mail.failed").await, 2);
    // The page that waits for it says so.
    let reply = pc.enter(AOKI.phone_address, AOKI.start_password).await;
    let page = pc.open(reply.location()).await.expect_screen("BOT002");
    assert!(page.text().contains("送信できませんでした"), "{}", page.text());
    app.database.set("mails", "state = 'expired'", "state = 'failed'").await;
}

async fn a_waiting_mail_under_another_subject_is_not_sent(app: &TestApp) {
    app.signed_in(&AOKI).await.reach_input().await;
    app.database.set("mails", "subject = '至急、ご確認ください'", "state = 'queued'").await;
    app.deliver().await;
    assert!(app.mails().is_empty(), "the bank's name under a thief's subject");
    assert_eq!(app.audited("mail.failed").await, 2);
    app.database.set("mails", "state = 'expired'", "state = 'failed'").await;
}

async fn a_copied_mail_password_proves_nothing(app: &TestApp) {
    let mut pc = app.signed_in(&AOKI).await;
    pc.reach_confirm(&AOKI).await;
    app.mail_password(&AOKI).await;
    let mut thief = app.signed_in(&ISHII).await;
    thief.reach_confirm(&ISHII).await;
    let own = app.mail_password(&ISHII).await;
    app.database.copy("mail_passwords", &["mac"], &ISHII.rows(), &AOKI.rows()).await;
    let reply = pc.confirm(AOKI.confirmation_password, &own).await.expect(422);
    assert!(reply.error("mail_password").is_some());
    assert_eq!(app.database.count("tokens", "TRUE").await, 0);
}

async fn a_copied_procedure_input_is_refused(app: &TestApp) {
    let mut pc = app.signed_in(&AOKI).await;
    pc.reach_confirm(&AOKI).await;
    let mail_password = app.mail_password(&AOKI).await;
    app.signed_in(&ISHII).await.reach_confirm(&ISHII).await;
    app.database.copy("procedures", &["input"], &ISHII.rows(), &AOKI.rows()).await;
    pc.confirm(AOKI.confirmation_password, &mail_password).await.expect(500);
    assert_eq!(app.database.count("tokens", "TRUE").await, 0);
}

async fn a_swapped_data_key_is_refused(app: &TestApp) {
    let service = |bank: Bank| format!("service_id = '{}'", bank.service_id());
    let a = app.database.text("institutions", "id", &service(Bank::A)).await;
    let b = app.database.text("institutions", "id", &service(Bank::B)).await;
    let (from, to) = (format!("institution_id = '{a}'"), format!("institution_id = '{b}'"));
    app.database.copy("institution_keys", &["sealed"], &from, &to).await;
    // A node that starts now knows no such bank; the other one is not concerned.
    let node = app.second_node().await;
    node.browser(Bank::B).get("/login").await.expect(421);
    node.signed_in(&AOKI).await;
}

// A writer of the database could otherwise open the window of accepted steps for a whole bank.
async fn an_edited_institution_document_changes_nothing(app: &TestApp) {
    let phone = in_use(app, &AOKI).await;
    let service = format!("service_id = '{}'", Bank::A.service_id());
    let document = app.database.text("institutions", "document", &service).await;
    // A document that could stand there, but was never applied.
    let edited = document.replacen("[contact]", "[policy.passcode]\nwindow = 2\n[contact]", 1);
    assert!(crate::actions::institutions::read(&edited).is_ok());
    let edited = edited.replace('\'', "''");
    app.database.set("institutions", &format!("document = '{edited}'"), &service).await;
    // A node that starts now knows no such institution rather than a forged one.
    let node = app.second_node().await;
    node.browser(Bank::A).get("/login").await.expect(421);
    // One that runs keeps what it knows, also when it is told of a newer version.
    app.database.set("institutions", "version = version + 1", &service).await;
    app.app.reload_institutions().await.unwrap();
    app.browser(Bank::A).sign_in_with(&AOKI, &phone.passcode()).await;
    assert_eq!(app.institution(Bank::A).policy().passcode.window, 1);
    // The document of an earlier version is not this one's either.
    let document = document.replace('\'', "''");
    app.database.set("institutions", &format!("document = '{document}'"), &service).await;
    let node = app.strict_node(Rates::unbounded()).await;
    node.browser(Bank::A).get("/login").await.expect(421);
}

async fn a_customer_moved_to_the_other_bank_is_nobody_there(app: &TestApp) {
    let service = format!("service_id = '{}'", Bank::B.service_id());
    let b = app.database.text("institutions", "id", &service).await;
    let moved = format!("institution_id = '{b}'");
    app.database.set("customers", &moved, &ISHII.row()).await;
    app.database.set("directory", &moved, &ISHII.rows()).await;
    let reply = app.browser(Bank::B).password(ISHII.login_id, ISHII.login_password).await;
    assert!([422, 500].contains(&reply.status), "{}", reply.status);
    assert_eq!(app.database.count("sessions", "TRUE").await, 0);
}

async fn a_session_cannot_be_made_moved_or_raised_in_the_database(app: &TestApp) {
    in_use(app, &AOKI).await;
    let mut half = before_passcode(app, &AOKI, 1).await.remove(0);
    let living = "ended_at IS NULL";
    app.database.set("sessions", "level = 'full', ends_at = 9999999999999", living).await;
    half.get("/top").await.expect_to("/login");
    // A session of the thief's own, moved to the victim; the cookie names the victim.
    let mut thief = app.signed_in(&ISHII).await;
    let victim = app.database.text("customers", "customer_id", &AOKI.row()).await;
    let bucket = app.database.text("customers", "bucket", &AOKI.row()).await;
    let moved = format!("customer_id = '{victim}', bucket = {bucket}");
    let own = format!("{living} AND {}", ISHII.rows());
    app.database.set("sessions", &moved, &own).await;
    let mut cookie = B64.decode(thief.session()).unwrap();
    cookie[..16].copy_from_slice(&victim.parse::<CustomerId>().unwrap().as_bytes());
    thief = thief.with_session(&B64.encode(&cookie));
    thief.get("/top").await.expect_to("/login");
    // One whose secret is hashed as anybody can.
    let hash = Sha256::digest(&cookie).iter().fold(String::new(), |out, b| format!("{out}{b:02x}"));
    let blob = if app.database.is_postgresql() {
        format!("decode('{hash}', 'hex')")
    } else {
        format!("x'{hash}'")
    };
    let made =
        format!("secret_hash = {blob}, level = 'full', ended_at = NULL, idle_until = ends_at");
    app.database.set("sessions", &made, &AOKI.rows()).await;
    thief.get("/top").await.expect_to("/login");
}
