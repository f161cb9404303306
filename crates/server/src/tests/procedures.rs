//! Procedures: their steps come in order, in their own session, once.

use super::harness::{
    TestApp, at_once,
    banks::{AOKI, AOKI_B, Bank, ISHII, WAKAI},
    browser::Browser,
    on_both_engines,
    walk::Numbers,
};

on_both_engines!(
    steps_out_of_order_are_refused_and_change_nothing,
    the_pages_of_a_later_step_are_not_shown_before_their_turn,
    a_procedure_of_another_session_is_as_good_as_none,
    a_newer_procedure_ends_the_older,
    a_double_submit_issues_one_token_and_sends_one_mail_each,
    a_double_submit_of_the_mail_step_sends_one_mail,
    a_double_submit_of_the_entry_goes_on_to_the_next_page,
    a_second_submit_of_the_start_has_one_effect_and_a_clear_page,
    a_page_of_a_done_procedure_says_that_it_is_done,
    a_cancelled_procedure_leaves_nothing,
    a_new_issue_ends_the_one_that_still_runs,
    issues_of_one_day_are_limited,
    the_day_ends_at_midnight_of_the_bank,
    nothing_is_issued_to_a_young_or_unconfirmed_address,
    a_customer_with_a_token_in_use_cannot_issue_another,
    the_done_page_is_shown_again_after_a_lost_reply,
    the_done_page_of_an_issue_that_is_over_says_why,
);

const STEPS: [&str; 4] =
    ["/otp/issue/select", "/otp/issue/mail", "/otp/issue/input", "/otp/issue/confirm"];

async fn steps_out_of_order_are_refused_and_change_nothing(app: &TestApp) {
    let mut pc = app.signed_in(&AOKI).await;
    pc.begin_issue().await;
    let page = pc.page.clone();
    for step in &STEPS[1..] {
        pc.page = page.clone();
        let mark = app.mark();
        pc.post(step, &[("mail_password", "12345678"), ("confirmation_password", "x")])
            .await
            .expect(409)
            .expect_screen("BER004");
        assert_eq!(app.recorded(mark).await, ["access.refused|refused|out_of_order"]);
    }
    // Another procedure's form, with this one's id.
    for form in ["/otp/start/confirm", "/otp/start/passcode", "/otp/release/passcode"] {
        pc.page = page.clone();
        pc.post(form, &[("passcode", "123456")]).await.expect(409);
    }
    assert_eq!(app.database.count("mails", "TRUE").await, 0);
    assert_eq!(app.database.text("procedures", "step", "TRUE").await, "select");
}

async fn the_pages_of_a_later_step_are_not_shown_before_their_turn(app: &TestApp) {
    let mut pc = app.signed_in(&AOKI).await;
    pc.begin_issue().await;
    let id = pc.page.procedure();
    for step in STEPS[1..].iter().chain(&["/otp/issue/done"]) {
        pc.get(&format!("{step}?procedure={id}")).await.expect(409).expect_screen("BER004");
        pc.get(step).await.expect(409);
        pc.get(&format!("{step}?procedure=prc_0000000000000000000000000a")).await.expect(409);
        pc.get(&format!("{step}?procedure=%00")).await.expect(409);
    }
}

async fn a_procedure_of_another_session_is_as_good_as_none(app: &TestApp) {
    let mut pc = app.signed_in(&AOKI).await;
    pc.reach_input().await;
    let foreign = pc.page.procedure();
    let mut other = app.signed_in(&ISHII).await;
    other.reach_input().await;
    let own = other.page.clone();
    let before = app.database.dump("procedures").await;
    let fields = [
        ("address", ISHII.phone_address),
        ("address2", ISHII.phone_address),
        ("start_password", ISHII.start_password),
        ("start_password2", ISHII.start_password),
        ("procedure", foreign.as_str()),
    ];
    other.post("/otp/issue/input", &fields).await.expect(409).expect_screen("BER003");
    other.page = own;
    other.get(&format!("/otp/issue/input?procedure={foreign}")).await.expect(409);
    assert_eq!(app.database.dump("procedures").await, before);
    // The customer's own next session is another session too.
    let mut next = app.signed_in(&AOKI).await;
    next.open("/otp").await.expect(200);
    let fields = [("procedure", foreign.as_str()), ("address", "x@phone.example")];
    next.post("/otp/issue/input", &fields).await.expect(409);
}

async fn a_newer_procedure_ends_the_older(app: &TestApp) {
    let mut pc = app.signed_in(&AOKI).await;
    pc.reach_confirm(&AOKI).await;
    let mail_password = app.mail_password(&AOKI).await;
    let mut tab = pc.clone();
    pc.begin_issue().await;
    let stale = tab.confirm(AOKI.confirmation_password, &mail_password).await.expect(409);
    stale.expect_screen("BER003");
    assert_eq!(app.database.count("tokens", "TRUE").await, 0);
    // The newer one goes on, with a mail password of its own only.
    pc.submit("/otp/issue/select", &[]).await.expect_screen("BMP001");
    pc.submit("/otp/issue/mail", &[]).await.expect_screen("BOT001");
    let reply = pc.enter(AOKI.phone_address, AOKI.start_password).await;
    pc.open(reply.location()).await.expect_screen("BOT002");
    let wrong = pc.confirm(AOKI.confirmation_password, &mail_password).await.expect(422);
    assert!(wrong.error("mail_password").is_some());
    let own = app.mail_password(&AOKI).await;
    pc.confirm(AOKI.confirmation_password, &own).await.expect_to("/otp/issue/done");
}

async fn a_double_submit_issues_one_token_and_sends_one_mail_each(app: &TestApp) {
    for person in [&AOKI, &AOKI_B] {
        let mut pc = app.signed_in(person).await;
        pc.reach_confirm(person).await;
        let mail_password = app.mail_password(person).await;
        let mails = app.mails().len();
        let tabs = (0..8).map(|_| (pc.clone(), mail_password.clone()));
        let person = *person;
        let replies = at_once(tabs.map(|(mut tab, mail_password)| async move {
            tab.confirm(person.confirmation_password, &mail_password).await
        }))
        .await;
        // Every tab arrives at the same page.
        for reply in &replies {
            assert_eq!(
                reply.clone().expect_to("/otp/issue/done").location(),
                replies[0].location()
            );
        }
        assert_eq!(app.database.count("tokens", &person.rows()).await, 1);
        assert_eq!(app.database.count("issues", &person.rows()).await, 1);
        let page = pc.open(replies[0].location()).await.expect(200).expect_screen("BOT003");
        assert_eq!(Numbers::of(&page).user_id.len(), 12);
        app.deliver().await;
        let told = person.addresses.split(';').count();
        assert_eq!(app.mails().len(), mails + 1 + told, "the token mail and the notices");
    }
}

async fn a_double_submit_of_the_mail_step_sends_one_mail(app: &TestApp) {
    let mut pc = app.signed_in(&AOKI).await;
    pc.reach_mail().await;
    let tabs = (0..6).map(|_| pc.clone());
    let replies =
        at_once(tabs.map(|mut tab| async move { tab.post("/otp/issue/mail", &[]).await })).await;
    assert!(replies.iter().all(|r| r.status == 303 && r.location().contains("/otp/issue/input")));
    assert_eq!(app.audited("mail_password.sent").await, 1);
    app.deliver().await;
    assert_eq!(app.subjects(AOKI.address()).len(), 1);
}

async fn a_double_submit_of_the_entry_goes_on_to_the_next_page(app: &TestApp) {
    let mut pc = app.signed_in(&AOKI).await;
    pc.reach_input().await;
    let tabs = (0..6).map(|_| pc.clone());
    let replies =
        at_once(tabs.map(|mut tab| async move {
            tab.enter(AOKI.phone_address, AOKI.start_password).await
        }))
        .await;
    for reply in replies {
        reply.expect_to("/otp/issue/confirm");
    }
}

async fn a_second_submit_of_the_start_has_one_effect_and_a_clear_page(app: &TestApp) {
    let mut pc = app.signed_in(&AOKI).await;
    let phone = pc.issue_to_phone(&AOKI).await;
    pc.reach_start().await;
    let mut again = pc.clone();
    pc.start(&phone.passcode()).await.expect_to("/otp/start/done");
    let second = again.start(&phone.passcode()).await;
    assert_eq!(app.audited("token.started").await, 1);
    assert_eq!(app.audited("passcode.accepted").await, 1);
    // A double click shows the second answer. It must not say that nothing was done.
    let told = second.text();
    assert!(!told.contains("お手続きを行いませんでした"), "{}: {told}", second.status);
}

async fn a_page_of_a_done_procedure_says_that_it_is_done(app: &TestApp) {
    let mut pc = app.signed_in(&AOKI).await;
    let numbers = pc.issue(&AOKI).await;
    let id = pc.page.body.split("procedure=").nth(1).unwrap()[..30].to_owned();
    for step in STEPS {
        let told = pc.get(&format!("{step}?procedure={id}")).await.expect(409);
        assert!(
            told.expect_screen("BER002").text().contains("（トークン発行）はすでに完了しています")
        );
    }
    let again = pc.get(&format!("/otp/issue/done?procedure={id}")).await.expect(200);
    assert_eq!(Numbers::of(&again).user_id, numbers.user_id);
}

async fn a_cancelled_procedure_leaves_nothing(app: &TestApp) {
    let mut pc = app.signed_in(&AOKI).await;
    pc.reach_confirm(&AOKI).await;
    let mail_password = app.mail_password(&AOKI).await;
    let mut tab = pc.clone();
    let told = pc.submit("/otp/issue/confirm", &[("action", "cancel")]).await.expect(200);
    told.expect_screen("BER001");
    tab.confirm(AOKI.confirmation_password, &mail_password).await.expect(409);
    assert_eq!(app.database.count("tokens", "TRUE").await, 0);
    assert_eq!(app.database.count("procedures", "input IS NOT NULL").await, 0);
    assert_eq!(app.database.count("mail_passwords", "ended_at IS NULL").await, 0);
    assert_eq!(app.audited("procedure.cancelled").await, 1);
}

async fn a_new_issue_ends_the_one_that_still_runs(app: &TestApp) {
    let mut pc = app.signed_in(&AOKI).await;
    let old = pc.issue(&AOKI).await;
    let new = pc.issue(&AOKI).await;
    assert_ne!(old.user_id, new.user_id);
    let mut phone = app.phone(Bank::A);
    phone.activate(&old, AOKI.start_password).await.expect(403);
    phone.activate(&new, AOKI.start_password).await.expect(200);
    assert_eq!(app.database.count("issues", "ended_at IS NULL").await, 1);
    assert_eq!(app.database.text("issues", "end_reason", "ended_at > 0").await, "reissued");
    app.deliver().await;
    for address in AOKI.addresses.split(';').chain([AOKI.phone_address]) {
        let told = app.subjects(address);
        assert!(told.iter().any(|s| s.contains("取り消しました")), "{address}: {told:?}");
    }
}

async fn issues_of_one_day_are_limited(app: &TestApp) {
    for (person, a_day) in [(&AOKI, 3), (&AOKI_B, 2)] {
        let mut pc = app.signed_in(person).await;
        for _ in 0..a_day {
            pc.issue(person).await;
            app.advance_mins(11);
            pc = app.signed_in(person).await;
        }
        pc.open("/otp").await.expect(200);
        let told = pc.post("/otp/issue", &[]).await.expect(409).expect_screen("BER001");
        assert!(told.text().contains("本日お申込みいただける回数を超えました"));
        assert_eq!(app.database.count("tokens", &person.rows()).await, a_day);
    }
}

async fn the_day_ends_at_midnight_of_the_bank(app: &TestApp) {
    let mut pc = app.signed_in(&AOKI_B).await;
    for _ in 0..2 {
        pc.issue(&AOKI_B).await;
        app.advance_mins(11);
        pc = app.signed_in(&AOKI_B).await;
    }
    // To the last minute of the day in Tokyo, and over it.
    let midnight = 14 * 60 - 22;
    app.advance_mins(midnight - 1);
    let mut pc = app.signed_in(&AOKI_B).await;
    pc.open("/otp").await.expect(200);
    pc.post("/otp/issue", &[]).await.expect(409);
    app.advance_mins(1);
    pc.issue(&AOKI_B).await;
}

// Attack 77 and rule 9.
async fn nothing_is_issued_to_a_young_or_unconfirmed_address(app: &TestApp) {
    let mut pc = app.signed_in(&WAKAI).await;
    pc.begin_issue().await;
    let page = pc.submit("/otp/issue/select", &[]).await.expect_screen("BMP001");
    assert!(page.text().contains("登録から7日間は"), "{}", page.text());
    assert!(!page.body.contains("action=\"/otp/issue/mail\""));
    let mark = app.mark();
    // The form that the page does not have, sent all the same.
    let id = pc.database_procedure().await;
    pc.post("/otp/issue/mail", &[("procedure", &id)]).await.expect(422);
    assert_eq!(app.recorded(mark).await.len(), 1, "a refusal is recorded");
    assert_eq!(app.database.count("mails", "TRUE").await, 0);
    // Seven days after its confirmation it serves.
    app.advance_hours(24 * 4);
    let mut pc = app.signed_in(&WAKAI).await;
    pc.issue(&WAKAI).await;
    let mut pc = app.signed_in(&super::harness::banks::MUTO).await;
    pc.begin_issue().await;
    let page = pc.submit("/otp/issue/select", &[]).await.expect_screen("BMP001");
    assert!(page.text().contains("登録されていません"), "{}", page.text());
}

async fn a_customer_with_a_token_in_use_cannot_issue_another(app: &TestApp) {
    let mut pc = app.signed_in(&AOKI).await;
    let phone = pc.issue_to_phone(&AOKI).await;
    // An issue that has come to its last page before the use of the token was started.
    let mut tab = pc.clone();
    tab.reach_confirm(&AOKI).await;
    let mail_password = app.mail_password(&AOKI).await;
    pc.reach_start().await;
    let reply = pc.start(&phone.passcode()).await.expect_to("/otp/start/done");
    pc.open(reply.location()).await.expect(200).expect_screen("BOK003");
    let page = pc.open("/otp").await.expect(200);
    assert!(!page.body.contains("action=\"/otp/issue\""));
    pc.post("/otp/issue", &[]).await.expect(409);
    // It does not help: the session has gone on under a new secret, which the browser has, and with
    // that one too.
    let page = tab.page.clone();
    tab.confirm(AOKI.confirmation_password, &mail_password).await.expect_to("/top");
    assert_eq!(app.database.count("tokens", "TRUE").await, 1);
    tab = pc.clone();
    tab.page = page;
    let csrf = pc.page.csrf();
    let fields = [
        ("csrf", csrf.as_str()),
        ("confirmation_password", AOKI.confirmation_password),
        ("mail_password", &mail_password),
    ];
    tab.post("/otp/issue/confirm", &fields).await.expect(409);
    assert_eq!(app.database.count("tokens", "TRUE").await, 1);
}

async fn the_done_page_is_shown_again_after_a_lost_reply(app: &TestApp) {
    let mut pc = app.signed_in(&AOKI).await;
    pc.reach_confirm(&AOKI).await;
    let mail_password = app.mail_password(&AOKI).await;
    // The answer never arrives; the customer sends the form once more, much later.
    pc.clone().confirm(AOKI.confirmation_password, &mail_password).await;
    app.advance_mins(9);
    let reply = pc.confirm(AOKI.confirmation_password, &mail_password).await;
    let page = pc.open(reply.location()).await.expect(200).expect_screen("BOT003");
    let shown = pc.open("/otp").await.expect(200);
    assert_eq!(Numbers::of(&shown).user_id, Numbers::of(&page).user_id);
    assert_eq!(app.database.count("tokens", "TRUE").await, 1);
}

async fn the_done_page_of_an_issue_that_is_over_says_why(app: &TestApp) {
    let mut pc = app.signed_in(&AOKI).await;
    let over = async |pc: &mut Browser, id: &str| {
        let page = pc.get(&format!("/otp/issue/done?procedure={id}")).await.expect(409);
        (page.screen(), page.text())
    };
    let issued = async |pc: &mut Browser| {
        app.advance_mins(8);
        pc.open("/otp").await.expect(200);
        let numbers = pc.issue(&AOKI).await;
        (numbers, pc.page.body.split("procedure=").nth(1).unwrap()[..30].to_owned())
    };

    let (numbers, id) = issued(&mut pc).await;
    let mut stranger = app.phone(Bank::A);
    for _ in 0..Bank::A.start_tries() {
        stranger.activate(&numbers, "39517").await.expect(403);
    }
    let (screen, told) = over(&mut pc, &id).await;
    assert_eq!(screen, "BER001");
    assert!(told.contains("続けて正しく入力されなかったため"), "{told}");

    let (_, replaced) = issued(&mut pc).await;
    let (numbers, id) = issued(&mut pc).await;
    let (_, told) = over(&mut pc, &replaced).await;
    assert!(told.contains("この画面のユーザIDは使えません"), "{told}");

    let mut phone = app.phone(Bank::A);
    phone.set_up(&numbers, AOKI.start_password).await;
    pc.reach_start().await;
    pc.start(&phone.passcode()).await.expect_to("/otp/start/done");
    let (screen, _) = over(&mut pc, &id).await;
    assert_eq!(screen, "BER002");
}
