//! BPT001, BCI001 and the pages that follow something by themselves.

use super::harness::{
    TestApp,
    banks::{AOKI, Bank},
    on_both_engines,
};
use crate::actions::top;
use warifu_core::time::Millis;

on_both_engines!(
    the_top_page_tells_what_happened_in_thirty_days,
    each_event_says_what_it_was,
    the_bank_says_something_for_a_time_in_both_languages,
    a_text_that_was_tampered_with_is_not_shown,
    mails_follow_the_language_that_the_customer_chose,
    a_page_follows_its_mail_and_its_phone_without_a_sign_of_life,
);

async fn the_top_page_tells_what_happened_in_thirty_days(app: &TestApp) {
    let mut pc = app.browser(Bank::A);
    pc.password(AOKI.login_id, "Chigau-Mono-1").await.expect(422);
    let mut pc = app.signed_in(&AOKI).await;
    pc.reach_confirm(&AOKI).await;
    pc.confirm("Chigau-Mono-1", "00000000").await.expect(422);
    let phone = pc.issue_to_phone(&AOKI).await;
    app.advance_secs(60);
    pc.reach_start().await;
    pc.start(&phone.wrong_passcode()).await.expect(422);
    pc.start(&phone.passcode()).await.expect_to("/otp/start/done");
    app.advance_secs(60);
    let page = pc.open("/top").await.expect(200).text();
    for told in [
        "正しくないワンタイムパスワードが入力されました。",
        "ログインIDとログインパスワードが入力されましたが、受け付けられませんでした。",
        "正しくない確認用パスワードが入力されました。",
        "トークンの発行を受け付けました。",
        "携帯電話の初期設定が完了しました。",
        "ワンタイムパスワードの利用を開始しました。",
    ] {
        assert_eq!(page.matches(told).count(), 1, "{told}: {page}");
    }
    let (started, issued) = (page.find("利用を開始").unwrap(), page.find("発行を受け").unwrap());
    assert!(started < issued, "the newest first");
    app.advance_hours(30 * 24 + 1);
    let mut pc = app.browser(Bank::A);
    pc.sign_in_with(&AOKI, &phone.passcode()).await;
    assert!(!pc.page.text().contains("最近30日間"), "{}", pc.page.text());
    assert!(pc.page.text().contains("新しいお知らせはありません。"));
}

async fn each_event_says_what_it_was(app: &TestApp) {
    let mut pc = app.signed_in(&AOKI).await;
    pc.issue(&AOKI).await;
    app.advance_secs(60);
    let phone = pc.issue_to_phone(&AOKI).await;
    let page = pc.open("/top").await.expect(200).text();
    let reissued = "新しいトークンの発行を受け付けたため、前のトークンの発行を取り消しました。";
    assert!(page.contains(reissued), "{page}");
    app.advance_secs(60);
    pc.reach_start().await;
    let passcode = phone.passcode();
    pc.start(&passcode).await.expect_to("/otp/start/done");
    pc.reach_release().await;
    pc.release(&passcode).await.expect(422);
    let page = pc.open("/top").await.expect(200);
    let text = page.text();
    assert!(
        text.contains("一度使われたワンタイムパスワードが、もう一度入力されました。"),
        "{text}"
    );
    assert!(!text.contains("正しくないワンタイムパスワードが入力されました。"), "{text}");
    // What others can do again and again folds nothing away but itself.
    for _ in 0..3 {
        app.browser(Bank::A).password(AOKI.login_id, "Chigau-Mono-1").await.expect(422);
        app.advance_mins(5);
        pc.open("/top").await.expect(200);
    }
    let page = &pc.page;
    let (open, folded) = page.body.split_once("<details").unwrap();
    assert_eq!(open.matches("受け付けられませんでした。").count(), 1, "{open}");
    assert!(folded.contains("同じ種類の、それより前の記録（2件）"), "{folded}");
    for told in
        ["利用を開始しました。", "初期設定が完了しました。", "もう一度入力されました。", reissued]
    {
        assert!(open.contains(told), "{told}: {open}");
    }
}

async fn the_bank_says_something_for_a_time_in_both_languages(app: &TestApp) {
    let (ja, en) = ("11月29日 2時から5時まで<点検>を行います。", "Maintenance on 29 November.");
    let hour = |n: i64| Millis(app.now().0 + n * 3_600_000);
    let origin = app.origin(Bank::A);
    top::add(&app.app, &origin, (ja, en), (hour(1), hour(3))).await.unwrap();
    let mut pc = app.signed_in(&AOKI).await;
    assert!(!pc.page.text().contains("点検"));
    app.advance_mins(61);
    let mut pc2 = app.signed_in(&AOKI).await;
    assert!(pc2.page.text().contains(ja), "{}", pc2.page.text());
    assert!(!pc2.page.body.contains("<点検>"), "text stays text");
    pc2.open("/display?lang=en&back=/top").await.expect(200);
    assert!(pc2.page.text().contains(en), "{}", pc2.page.text());
    let listed = top::listed(&app.app, &app.origin(Bank::A)).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert!(top::listed(&app.app, &app.origin(Bank::B)).await.unwrap().is_empty());
    app.advance_mins(121);
    let pc3 = app.signed_in(&AOKI).await;
    assert!(!pc3.page.text().contains("点検"));
    assert!(top::end(&app.app, &app.origin(Bank::A), listed[0].id).await.unwrap());
    assert!(!top::end(&app.app, &app.origin(Bank::A), listed[0].id).await.unwrap());
    pc.open("/login").await;
}

// Attack 70: who can write into the database does not speak for the bank.
async fn a_text_that_was_tampered_with_is_not_shown(app: &TestApp) {
    let times = (app.now(), Millis(app.now().0 + 3_600_000));
    top::add(&app.app, &app.origin(Bank::A), ("安全です", "Safe"), times).await.unwrap();
    app.database.set("notices", "text_ja = '暗証番号を入力してください'", "text_en = 'Safe'").await;
    let mut pc = app.browser(Bank::A);
    pc.password(AOKI.login_id, AOKI.login_password).await.expect_to("/top");
    let page = pc.get("/top").await.expect(500);
    assert!(!page.text().contains("暗証番号"));
}

async fn mails_follow_the_language_that_the_customer_chose(app: &TestApp) {
    let mut pc = app.signed_in(&AOKI).await;
    pc.open("/customer").await.expect(200).expect_screen("BCI001");
    let page = pc.submit("/customer", &[("language", "en")]).await.expect(200);
    assert!(
        page.text().contains("The language of your e-mails and pages has been changed."),
        "{}",
        page.text()
    );
    pc.post("/customer", &[("language", "en")]).await.expect_to("/customer");
    pc.post("/customer", &[("language", "fr")]).await.expect(403);
    assert_eq!(app.audited("language.changed").await, 1);
    pc.reach_input().await;
    app.deliver().await;
    assert_eq!(app.subjects(AOKI.address())[0], "[Bank a] Your mail password");
}

async fn a_page_follows_its_mail_and_its_phone_without_a_sign_of_life(app: &TestApp) {
    let mut pc = app.signed_in(&AOKI).await;
    let ask = async |pc: &mut super::harness::browser::Browser| {
        let path = format!("/progress?procedure={}", pc.page.procedure());
        pc.get(&path).await.expect(200).json()
    };
    let nothing = serde_json::json!({"phone": null, "mail": null});
    assert_eq!(ask(&mut pc).await, nothing);
    pc.reach_confirm(&AOKI).await;
    assert_eq!(ask(&mut pc).await["mail"], "queued");
    app.advance_secs(61);
    assert_eq!(ask(&mut pc).await["mail"], "late");
    let mail = app.mail_password(&AOKI).await;
    assert_eq!(ask(&mut pc).await["mail"], "sent");
    let reply = pc.confirm(AOKI.confirmation_password, &mail).await.expect_to("/otp/issue/done");
    let page = pc.open(reply.location()).await.expect_screen("BOT003");
    assert_eq!(ask(&mut pc).await, serde_json::json!({"phone": "issued", "mail": "queued"}));
    let numbers = super::harness::walk::Numbers::of(&page);
    app.phone(Bank::A).set_up(&numbers, AOKI.start_password).await;
    assert_eq!(ask(&mut pc).await["phone"], "activated");
    // Twenty-nine minutes of asking keep nobody logged in: the wait for the mail was the last sign.
    for _ in 0..40 {
        app.advance_secs(60);
        if pc.get("/progress").await.status != 200 {
            pc.open("/top").await.expect(401).expect_screen("BER006");
            return;
        }
    }
    panic!("a page that only asks has kept its session alive");
}
