//! Rule 9 and the two proofs of an issue: confirmation password and mail password, each with its own
//! counter, none of them worn down by sending again.

use super::harness::{
    TestApp, at_once,
    banks::{AOKI, AOKI_B, Bank, ISHII, Person},
    browser::Browser,
    http::Reply,
    on_both_engines,
};
use crate::actions::customers;

on_both_engines!(
    wrong_confirmation_passwords_lock_in_two_grades,
    a_locked_confirmation_password_ends_the_procedure_and_is_told,
    five_wrong_mail_passwords_end_the_procedure,
    tries_of_mail_passwords_add_up_over_resends,
    tries_of_mail_passwords_end_for_the_day,
    mail_passwords_are_sent_three_times_in_ten_minutes,
    mail_passwords_are_sent_ten_times_a_day,
    mail_passwords_asked_for_at_once_stay_within_the_limit,
    wrong_mail_passwords_at_once_are_all_counted,
    a_resent_mail_password_kills_the_one_before,
    an_expired_mail_password_is_refused_and_costs_no_try,
    a_mail_password_of_another_customer_is_wrong,
    a_right_mail_password_alone_issues_nothing,
    a_mail_password_is_read_in_any_width,
    the_mail_password_goes_to_the_notice_addresses_only,
    the_stop_of_mail_passwords_for_a_day_is_recorded_and_told,
    an_unlock_gives_all_tries_of_mail_passwords_back_and_is_told_to_every_address,
);

/// A mail password that is none.
fn wrong(right: &str) -> String {
    right.chars().map(|c| if c == '1' { '2' } else { '1' }).collect()
}

/// From the login to BOT002, with the mail password that came.
async fn at_confirm(app: &TestApp, person: &Person) -> (Browser, String) {
    let mut pc = app.signed_in(person).await;
    pc.reach_confirm(person).await;
    let mail_password = app.mail_password(person).await;
    (pc, mail_password)
}

/// The procedure has been stopped for safety.
#[track_caller]
fn stopped(reply: Reply) -> String {
    let text = reply.expect(422).expect_screen("BER001").text();
    assert!(text.contains("このお手続きを中止しました。"), "{text}");
    assert!(text.contains("トークンは発行されていません。"), "{text}");
    text
}

async fn wrong_confirmation_passwords_lock_in_two_grades(app: &TestApp) {
    for person in [&AOKI, &AOKI_B] {
        let bank = person.bank;
        for round in 1..=2 {
            let (mut pc, mail_password) = at_confirm(app, person).await;
            for _ in 1..bank.lock_after() {
                let reply = pc.confirm("Wrong-Pass-1", &mail_password).await.expect(422);
                assert!(reply.error("confirmation_password").unwrap().contains("正しくありません"));
            }
            stopped(pc.confirm("Wrong-Pass-1", &mail_password).await);
            // Locked: the right one does not even begin.
            let page = pc.open("/otp").await.expect(200);
            assert!(!page.body.contains("action=\"/otp/issue\""), "round {round}");
            let why = if round == 1 {
                "まで発行のお手続きを"
            } else {
                "発行のお手続きを停止"
            };
            assert!(page.text().contains("確認用パスワードが続けて正しく"), "{}", page.text());
            assert!(page.text().contains(why), "{}", page.text());
            pc.post("/otp/issue", &[]).await.expect(409);
            app.advance_mins(bank.lock_minutes());
        }
        app.advance_hours(24 * 30);
        let mut pc = app.signed_in(person).await;
        pc.open("/otp").await.expect(200);
        pc.post("/otp/issue", &[]).await.expect(409);
        let filter = format!("kind = 'confirm' AND locked = TRUE AND {}", person.rows());
        assert_eq!(app.database.count("counters", &filter).await, 1);
    }
    assert_eq!(app.database.count("tokens", "TRUE").await, 0);
}

async fn a_locked_confirmation_password_ends_the_procedure_and_is_told(app: &TestApp) {
    let (mut pc, mail_password) = at_confirm(app, &AOKI).await;
    let mut tab = pc.clone();
    for _ in 0..5 {
        pc.confirm("Wrong-Pass-1", &mail_password).await.expect(422);
    }
    tab.confirm(AOKI.confirmation_password, &mail_password).await.expect(409);
    assert_eq!(app.database.count("procedures", "ended_at IS NULL").await, 0);
    app.deliver().await;
    for address in AOKI.addresses.split(';') {
        assert!(app.body(address, "一時的に停止").contains("確認用パスワード"));
    }
    assert_eq!(app.audited("counter.locked").await, 1);
}

async fn five_wrong_mail_passwords_end_the_procedure(app: &TestApp) {
    for (person, tries) in [(&AOKI, 5), (&AOKI_B, 3)] {
        let (mut pc, mail_password) = at_confirm(app, person).await;
        for _ in 1..tries {
            let reply = pc.confirm(person.confirmation_password, &wrong(&mail_password)).await;
            assert!(reply.expect(422).error("mail_password").unwrap().contains("正しくありません"));
        }
        let mut tab = pc.clone();
        stopped(pc.confirm(person.confirmation_password, &wrong(&mail_password)).await);
        tab.confirm(person.confirmation_password, &mail_password).await.expect(409);
        assert_eq!(app.database.count("tokens", &person.rows()).await, 0);
    }
}

async fn resend(pc: &mut Browser) -> Reply {
    pc.post("/otp/issue/confirm", &[("action", "resend")]).await
}

async fn tries_of_mail_passwords_add_up_over_resends(app: &TestApp) {
    let (mut pc, first) = at_confirm(app, &AOKI).await;
    for _ in 0..2 {
        pc.confirm(AOKI.confirmation_password, &wrong(&first)).await.expect(422);
    }
    app.advance_secs(1);
    resend(&mut pc).await.expect_to("/otp/issue/confirm");
    let second = app.mail_password(&AOKI).await;
    for _ in 0..2 {
        pc.confirm(AOKI.confirmation_password, &wrong(&second)).await.expect(422);
    }
    stopped(pc.confirm(AOKI.confirmation_password, &wrong(&second)).await);
}

async fn tries_of_mail_passwords_end_for_the_day(app: &TestApp) {
    for (person, each, a_day) in [(&AOKI, 5, 15), (&AOKI_B, 3, 7)] {
        let mut tried = 0;
        while tried < a_day {
            let (mut pc, mail_password) = at_confirm(app, person).await;
            for _ in 0..each.min(a_day - tried) {
                pc.confirm(person.confirmation_password, &wrong(&mail_password)).await.expect(422);
                tried += 1;
            }
            app.advance_mins(11);
        }
        let told = blocked(app, person).await;
        assert!(told.contains("続けて正しく入力されなかったため、2026年11月2"), "{told}");
        // Not by waiting a few hours, but on the next day.
        app.advance_hours(24);
        let (mut pc, mail_password) = at_confirm(app, person).await;
        let reply = pc.confirm(person.confirmation_password, &mail_password).await;
        reply.expect_to("/otp/issue/done");
    }
}

/// What BMP001 says when nothing can be sent.
async fn blocked(app: &TestApp, person: &Person) -> String {
    let mut pc = app.signed_in(person).await;
    pc.begin_issue().await;
    let page = pc.submit("/otp/issue/select", &[]).await.expect_screen("BMP001");
    assert!(!page.body.contains("action=\"/otp/issue/mail\""));
    page.text()
}

async fn mail_passwords_are_sent_three_times_in_ten_minutes(app: &TestApp) {
    for (person, sends) in [(&AOKI, 3), (&AOKI_B, 2)] {
        let (mut pc, _) = at_confirm(app, person).await;
        for _ in 1..sends {
            app.advance_secs(10);
            resend(&mut pc).await.expect_to("/otp/issue/confirm");
        }
        let before = app.audited("mail_password.sent").await;
        app.advance_secs(1);
        let told = resend(&mut pc).await.expect(422).text();
        assert!(told.contains("短い時間に続けて送信されたため"), "{told}");
        // Another procedure is no way around it.
        assert!(blocked(app, person).await.contains("短い時間に続けて送信されたため"));
        assert_eq!(app.audited("mail_password.sent").await, before);
        app.advance_mins(10);
        app.signed_in(person).await.reach_input().await;
    }
}

// Attack 75.
async fn mail_passwords_are_sent_ten_times_a_day(app: &TestApp) {
    for (person, a_day) in [(&AOKI, 10), (&AOKI_B, 5)] {
        for _ in 0..a_day {
            app.signed_in(person).await.reach_input().await;
            app.deliver().await;
            app.advance_mins(11);
        }
        let told = blocked(app, person).await;
        assert!(told.contains("本日お送りできる回数を超えました"), "{told}");
        app.deliver().await;
        assert_eq!(app.subjects(person.address()).len(), a_day);
        // The other customers are not concerned.
        app.signed_in(&ISHII).await.reach_mail().await;
    }
}

async fn mail_passwords_asked_for_at_once_stay_within_the_limit(app: &TestApp) {
    let (pc, _) = at_confirm(app, &AOKI).await;
    let tabs = (0..12).map(|_| pc.clone());
    at_once(tabs.map(|mut tab| async move { resend(&mut tab).await })).await;
    assert_eq!(app.audited("mail_password.sent").await, 3);
    assert_eq!(app.database.count("mail_passwords", "ended_at IS NULL").await, 1);
}

async fn wrong_mail_passwords_at_once_are_all_counted(app: &TestApp) {
    let (pc, mail_password) = at_confirm(app, &AOKI).await;
    let guesses = (0..12).map(|_| (pc.clone(), wrong(&mail_password)));
    at_once(guesses.map(|(mut tab, guess)| async move {
        tab.confirm(AOKI.confirmation_password, &guess).await
    }))
    .await;
    assert_eq!(app.audited("mail_password.refused").await, 5);
    let mut tab = pc.clone();
    tab.confirm(AOKI.confirmation_password, &mail_password).await.expect(409);
    assert_eq!(app.database.count("tokens", "TRUE").await, 0);
}

async fn a_resent_mail_password_kills_the_one_before(app: &TestApp) {
    let (mut pc, first) = at_confirm(app, &AOKI).await;
    app.advance_secs(1);
    resend(&mut pc).await.expect_to("/otp/issue/confirm");
    let reply = pc.confirm(AOKI.confirmation_password, &first).await.expect(422);
    assert!(reply.error("mail_password").unwrap().contains("前に届いたメールの番号は使えません"));
    let second = app.mail_password(&AOKI).await;
    assert_ne!(first, second);
    pc.confirm(AOKI.confirmation_password, &second).await.expect_to("/otp/issue/done");
}

async fn an_expired_mail_password_is_refused_and_costs_no_try(app: &TestApp) {
    for (person, minutes) in [(&AOKI, 30), (&AOKI_B, 20)] {
        let (mut pc, mail_password) = at_confirm(app, person).await;
        for _ in 0..minutes / 5 {
            app.advance_mins(5);
            pc.get("/session").await.expect(200);
        }
        let id = pc.database_procedure().await;
        pc.open(&format!("/otp/issue/confirm?procedure={id}")).await.expect(200);
        let reply = pc.confirm(person.confirmation_password, &mail_password).await.expect(422);
        assert!(reply.error("mail_password").unwrap().contains("有効期限が過ぎました"));
        let filter = format!("kind = 'mail' AND failures > 0 AND {}", person.rows());
        assert_eq!(app.database.count("counters", &filter).await, 0);
        pc.submit("/otp/issue/confirm", &[("action", "cancel")]).await.expect(200);
    }
    assert_eq!(app.database.count("tokens", "TRUE").await, 0);
}

async fn a_mail_password_of_another_customer_is_wrong(app: &TestApp) {
    let (mut pc, _) = at_confirm(app, &AOKI).await;
    let (_, foreign) = at_confirm(app, &ISHII).await;
    let reply = pc.confirm(AOKI.confirmation_password, &foreign).await.expect(422);
    assert!(reply.error("mail_password").is_some());
    assert_eq!(app.database.count("tokens", "TRUE").await, 0);
}

async fn a_right_mail_password_alone_issues_nothing(app: &TestApp) {
    let (mut pc, mail_password) = at_confirm(app, &AOKI).await;
    let reply = pc.confirm("Wrong-Pass-1", &mail_password).await.expect(422);
    assert!(reply.error("confirmation_password").is_some());
    assert!(reply.error("mail_password").is_none());
    // The login password is not the confirmation password.
    let reply = pc.confirm(AOKI.login_password, &mail_password).await.expect(422);
    assert!(reply.error("confirmation_password").is_some());
    assert_eq!(app.database.count("tokens", "TRUE").await, 0);
    pc.confirm(AOKI.confirmation_password, &mail_password).await.expect_to("/otp/issue/done");
}

async fn a_mail_password_is_read_in_any_width(app: &TestApp) {
    let (mut pc, mail_password) = at_confirm(app, &AOKI).await;
    let wide: String = mail_password
        .bytes()
        .map(|b| char::from_u32(0xff10 + u32::from(b - b'0')).unwrap())
        .collect();
    let typed = format!("　{} {}", &wide[..12], &wide[12..]);
    pc.confirm(AOKI.confirmation_password, &typed).await.expect_to("/otp/issue/done");
}

async fn the_mail_password_goes_to_the_notice_addresses_only(app: &TestApp) {
    at_confirm(app, &AOKI).await;
    let mails: Vec<_> = app.mails().into_iter().map(|mail| mail.to).collect();
    assert_eq!(mails.len(), 2);
    for address in AOKI.addresses.split(';') {
        assert!(mails.iter().any(|to| to == address), "{mails:?}");
    }
}

// Rule 7: every change to a lock is told, and rule 2: it is recorded.
async fn the_stop_of_mail_passwords_for_a_day_is_recorded_and_told(app: &TestApp) {
    for _ in 0..3 {
        let (mut pc, mail_password) = at_confirm(app, &AOKI).await;
        for _ in 0..5 {
            pc.confirm(AOKI.confirmation_password, &wrong(&mail_password)).await.expect(422);
        }
        app.advance_mins(11);
    }
    assert_eq!(app.audited("counter.locked").await, 1);
    app.deliver().await;
    for address in AOKI.addresses.split(';') {
        let told = app.subjects(address);
        assert!(told.iter().any(|s| s.contains("停止しました")), "{address}: {told:?}");
    }
    assert_eq!(app.institution(Bank::A).policy().mail_password.tries_a_day, 15);
}

async fn an_unlock_gives_all_tries_of_mail_passwords_back_and_is_told_to_every_address(
    app: &TestApp,
) {
    for _ in 0..3 {
        let (mut pc, mail_password) = at_confirm(app, &AOKI).await;
        for _ in 0..5 {
            pc.confirm(AOKI.confirmation_password, &wrong(&mail_password)).await.expect(422);
        }
        app.advance_mins(11);
    }
    assert!(blocked(app, &AOKI).await.contains("続けて正しく入力されなかったため"));
    let origin = app.origin(Bank::A);
    let id = customers::find(&app.app, &origin, AOKI.number).await.unwrap().unwrap();
    let shown = customers::show(&app.app, &origin, id).await.unwrap().to_string();
    assert!(shown.contains("\"failures\":15,\"kind\":\"mail\""), "{shown}");
    assert_eq!(customers::unlock(&app.app, &origin, id).await.unwrap(), 1);
    // Not the next wrong one alone stops again.
    let (mut pc, mail_password) = at_confirm(app, &AOKI).await;
    for _ in 0..4 {
        let reply = pc.confirm(AOKI.confirmation_password, &wrong(&mail_password)).await;
        reply.expect(422).expect_screen("BOT002");
    }
    pc.confirm(AOKI.confirmation_password, &mail_password).await.expect_to("/otp/issue/done");
    app.deliver().await;
    for address in AOKI.addresses.split(';') {
        let told = app.subjects(address);
        assert_eq!(told.iter().filter(|s| s.contains("停止を解除しました")).count(), 1, "{told:?}");
    }
    // Nothing was locked any more: an unlock of nothing tells nobody.
    assert_eq!(customers::unlock(&app.app, &origin, id).await.unwrap(), 1, "today's failures");
    assert_eq!(customers::unlock(&app.app, &origin, id).await.unwrap(), 0);
}
