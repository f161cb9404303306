//! BMA: notice addresses are added, changed and removed, each with its proofs; a new one proves that its
//! mails are read, and serves an issue only after its time.

use super::{
    harness::{
        TestApp,
        banks::{AOKI, AOKI_B, Bank, ISHII, MUTO, Person, WAKAI},
        browser::Browser,
        http::Reply,
        on_both_engines,
    },
    passcodes::logged_in_with_token,
};
use crate::actions::customers;

on_both_engines!(
    an_address_is_changed_and_the_old_one_is_told_for_thirty_days,
    with_a_token_the_passcode_is_the_second_proof,
    an_address_is_added_and_another_removed,
    an_address_that_cannot_be_one_says_why,
    wrong_proofs_change_nothing_and_are_counted,
    a_wrong_number_five_times_ends_the_procedure,
    without_an_old_address_or_a_token_nothing_can_be_changed,
    a_new_address_serves_no_issue_for_seven_days,
    leaving_the_procedure_changes_nothing,
    an_address_with_misplaced_dots_is_taken_as_typed,
);

const NEW: &str = "atarashii@mail.example";

async fn choose(pc: &mut Browser, act: &str, address: &str) -> Reply {
    pc.test.advance_secs(1);
    pc.open("/address").await.expect(200).expect_screen("BMA001");
    let fields = [("act", act), ("address", address), ("address2", address)];
    pc.post("/address", &fields).await
}

/// The id of the customer's only address, or of its first.
async fn first(app: &TestApp, person: &Person) -> String {
    let filter = format!("{} AND removed_at IS NULL", person.rows());
    app.database.texts("addresses", "id", &filter).await.remove(0)
}

async fn reach_confirm(pc: &mut Browser, act: &str, address: &str) {
    let reply = choose(pc, act, address).await.expect_to("/address/confirm");
    pc.open(reply.location()).await.expect(200).expect_screen("BMA002");
}

async fn confirm(pc: &mut Browser, confirmation: &str, second: (&str, &str)) -> Reply {
    let fields = [("confirmation_password", confirmation), second, ("action", "commit")];
    pc.post("/address/confirm", &fields).await
}

/// The number in the newest mail to an address that is to be registered.
async fn number(app: &TestApp, address: &str) -> String {
    app.deliver().await;
    let body = app.body(address, "メールアドレス確認番号");
    let line = body.lines().find(|line| line.starts_with("確認番号")).unwrap();
    line.chars().filter(char::is_ascii_digit).collect()
}

async fn type_number(pc: &mut Browser, number: &str) -> Reply {
    pc.post("/address/number", &[("number", number), ("action", "commit")]).await
}

async fn to_number(app: &TestApp, pc: &mut Browser, person: &Person, act: &str, address: &str) {
    reach_confirm(pc, act, address).await;
    let mail = app.mail_password(person).await;
    let second = ("mail_password", mail.as_str());
    let reply = confirm(pc, person.confirmation_password, second).await;
    let reply = reply.expect_to("/address/number");
    pc.open(reply.location()).await.expect(200).expect_screen("BMA003");
}

async fn changed(app: &TestApp, pc: &mut Browser, address: &str) -> Reply {
    let number = number(app, address).await;
    // Mails of one moment have no order.
    app.advance_secs(1);
    let reply = type_number(pc, &number).await.expect_to("/address/done");
    pc.open(reply.location()).await.expect(200).expect_screen("BMA003")
}

async fn an_address_is_changed_and_the_old_one_is_told_for_thirty_days(app: &TestApp) {
    let mut pc = app.signed_in(&ISHII).await;
    let old = first(app, &ISHII).await;
    let mark = app.mark();
    to_number(app, &mut pc, &ISHII, &format!("replace {old}"), NEW).await;
    assert!(pc.page.text().contains(NEW), "{}", pc.page.text());
    let page = changed(app, &mut pc, NEW).await;
    assert!(page.text().contains("メールアドレスを変更しました。"), "{}", page.text());
    assert!(page.text().contains("2026年12月1日 からトークン発行"), "{}", page.text());
    let recorded = app.recorded(mark).await;
    let kinds: Vec<_> = recorded.iter().map(|row| row.split('|').next().unwrap()).collect();
    for kind in
        ["address.registered", "address.removed", "mail_password.sent", "address_number.sent"]
    {
        assert_eq!(kinds.iter().filter(|k| **k == kind).count(), 1, "{kind}: {recorded:?}");
    }
    app.deliver().await;
    for address in [ISHII.address(), NEW] {
        assert_eq!(app.subjects(address)[0], "【みなと銀行】ご登録のメールアドレスを変更しました");
    }
    // Rule 7: the removed one is told of everything for thirty more days.
    for (days, told) in [(29, true), (2, false)] {
        app.advance_hours(days * 24);
        let before = app.subjects(ISHII.address()).len();
        lock(app).await;
        app.deliver().await;
        let after = app.subjects(ISHII.address()).len();
        assert_eq!(after > before, told, "after {days} more days");
        assert!(app.subjects(NEW)[0].contains("停止"));
    }
}

// Something that every address is told of: five wrong confirmation passwords.
async fn lock(app: &TestApp) {
    let mut pc = app.browser(Bank::A);
    pc.password(ISHII.login_id, ISHII.login_password).await.expect_to("/top");
    pc.open("/password").await.expect(200);
    let new = "Nanika-Atarashii-3";
    let fields = [("which", "confirmation"), ("new_password", new), ("new_password2", new)];
    pc.submit("/password", &fields).await.expect_screen("BPW002");
    for _ in 0..5 {
        pc.post("/password/confirm", &[("present_password", "Chigau-Mono-1")]).await.expect(422);
    }
    let origin = app.origin(Bank::A);
    let id = customers::find(&app.app, &origin, ISHII.number).await.unwrap().unwrap();
    customers::unlock(&app.app, &origin, id).await.unwrap();
}

async fn with_a_token_the_passcode_is_the_second_proof(app: &TestApp) {
    let (mut pc, phone) = logged_in_with_token(app, &AOKI).await;
    reach_confirm(&mut pc, "add", NEW).await;
    app.deliver().await;
    let mails = app.subjects(AOKI.address()).len();
    let passcode = phone.passcode();
    // A wrong password spends no passcode.
    let page = confirm(&mut pc, "Chigau-Mono-1", ("passcode", &passcode)).await.expect(422);
    assert!(page.error("confirmation_password").is_some() && page.error("passcode").is_none());
    let page =
        confirm(&mut pc, AOKI.confirmation_password, ("passcode", "000000")).await.expect(422);
    assert!(page.error("passcode").unwrap().contains("正しくありません"));
    let page = confirm(&mut pc, AOKI.confirmation_password, ("passcode", "12ab")).await.expect(422);
    assert!(page.error("passcode").unwrap().contains("6桁"));
    let reply = confirm(&mut pc, AOKI.confirmation_password, ("passcode", &passcode)).await;
    pc.open(reply.expect_to("/address/number").location()).await.expect_screen("BMA003");
    changed(app, &mut pc, NEW).await;
    assert_eq!(app.subjects(AOKI.address()).len(), mails, "no mail password was sent");
    let accepted = "kind = 'passcode.accepted' AND reason = 'step_up'";
    assert_eq!(app.database.count("audit", accepted).await, 1);
}

async fn an_address_is_added_and_another_removed(app: &TestApp) {
    let mut pc = app.signed_in(&AOKI).await;
    to_number(app, &mut pc, &AOKI, "add", NEW).await;
    let page = changed(app, &mut pc, NEW).await;
    assert!(page.text().contains("メールアドレスを登録しました。"));
    // Three are enough.
    let page = choose(&mut pc, "add", "yottsume@mail.example").await.expect(422);
    assert_eq!(page.error("act").as_deref(), Some("登録できるメールアドレスは3つまでです。"));
    app.advance_mins(11);
    let old = first(app, &AOKI).await;
    reach_confirm(&mut pc, &format!("remove {old}"), "").await;
    let mail = app.mail_password(&AOKI).await;
    let reply = confirm(&mut pc, AOKI.confirmation_password, ("mail_password", &mail)).await;
    let reply = reply.expect_to("/address/done");
    let page = pc.open(reply.location()).await.expect(200);
    assert!(page.text().contains("メールアドレスの登録を削除しました。"));
    let living = format!("{} AND removed_at IS NULL", AOKI.rows());
    assert_eq!(app.database.count("addresses", &living).await, 2);
}

async fn an_address_that_cannot_be_one_says_why(app: &TestApp) {
    let mut pc = app.signed_in(&ISHII).await;
    let own = first(app, &ISHII).await;
    let foreign = first(app, &AOKI).await;
    for (act, address, field, told) in [
        ("", NEW, "act", "お手続きの内容をお選びください。"),
        ("replace nonsense", NEW, "act", "お手続きの内容をお選びください。"),
        (&*format!("replace {foreign}"), NEW, "act", "すでに登録されていません。"),
        (&*format!("remove {own}"), "", "act", "最後の1つの"),
        ("add", "", "address", "入力してください"),
        ("add", "ken@", "address", "「@」のあとを"),
        ("add", "ken..x@mail.example", "address", "「@」の前の「.」"),
        ("add", "kén@mail.example", "address", "使えない文字「é」"),
        ("add", "ken@MAIL.EXAMPLE", "address", "すでに登録されています"),
        ("add", &*format!("{}@mail.example", "a".repeat(65)), "address", "長すぎます"),
    ] {
        let page = choose(&mut pc, act, address).await.expect(422).expect_screen("BMA001");
        let error = page.error(field).unwrap_or_else(|| panic!("{act} {address}: {}", page.text()));
        assert!(error.contains(told), "{act} {address}: {error}");
        assert_eq!(page.value("address").as_deref(), Some(address), "what was typed stays");
    }
    pc.open("/address").await;
    let fields = [("act", "add"), ("address", NEW), ("address2", "x@mail.example")];
    let page = pc.post("/address", &fields).await.expect(422);
    assert!(page.error("address2").is_some());
    assert_eq!(app.audited("mail_password.sent").await, 0);
}

async fn wrong_proofs_change_nothing_and_are_counted(app: &TestApp) {
    let mut pc = app.signed_in(&ISHII).await;
    reach_confirm(&mut pc, "add", NEW).await;
    let mail = app.mail_password(&ISHII).await;
    let page = confirm(&mut pc, ISHII.confirmation_password, ("mail_password", "00000000")).await;
    assert!(page.expect(422).error("mail_password").is_some());
    for _ in 1..5 {
        let page = confirm(&mut pc, "Chigau-Mono-1", ("mail_password", &mail)).await.expect(422);
        assert!(page.error("confirmation_password").is_some());
    }
    let page = confirm(&mut pc, "Chigau-Mono-1", ("mail_password", &mail)).await.expect(422);
    assert!(page.text().contains("メールアドレスは変更されていません。"), "{}", page.text());
    confirm(&mut pc, ISHII.confirmation_password, ("mail_password", &mail)).await.expect(409);
    assert_eq!(app.database.count("addresses", &ISHII.rows()).await, 1);
}

async fn a_wrong_number_five_times_ends_the_procedure(app: &TestApp) {
    let mut pc = app.signed_in(&ISHII).await;
    to_number(app, &mut pc, &ISHII, "add", NEW).await;
    let right = number(app, NEW).await;
    let page = type_number(&mut pc, "").await.expect(422);
    assert_eq!(page.error("number").as_deref(), Some("確認番号を入力してください。"));
    for _ in 1..5 {
        let page = type_number(&mut pc, "00000000").await.expect(422).expect_screen("BMA003");
        assert!(page.error("number").unwrap().starts_with("確認番号が正しくありません。"));
    }
    type_number(&mut pc, "00000000").await.expect(422).expect_screen("BER001");
    type_number(&mut pc, &right).await.expect(409);
    assert_eq!(app.database.count("addresses", &ISHII.rows()).await, 1);
}

async fn without_an_old_address_or_a_token_nothing_can_be_changed(app: &TestApp) {
    for person in [&MUTO, &WAKAI] {
        let mut pc = app.signed_in(person).await;
        let page = pc.open("/address").await.expect(200).expect_screen("BMA001");
        assert!(!page.body.contains("action=\"/address\""), "{}", page.text());
        // Whoever sends the form all the same is told the same.
        let fields = [("act", "add"), ("address", NEW), ("address2", NEW)];
        pc.post("/address", &fields).await.expect(422);
    }
    assert_eq!(app.database.count("procedures", "ended_at IS NULL").await, 0);
}

// Rule 9.
async fn a_new_address_serves_no_issue_for_seven_days(app: &TestApp) {
    let mut pc = app.signed_in(&ISHII).await;
    let old = first(app, &ISHII).await;
    to_number(app, &mut pc, &ISHII, &format!("replace {old}"), NEW).await;
    changed(app, &mut pc, NEW).await;
    pc.reach_mail().await;
    assert!(pc.page.text().contains("登録から7日間"), "{}", pc.page.text());
    app.advance_hours(7 * 24);
    let mut pc = app.signed_in(&ISHII).await;
    pc.reach_mail().await;
    pc.submit("/otp/issue/mail", &[]).await.expect(200).expect_screen("BOT001");
    app.deliver().await;
    assert!(app.subjects(NEW)[0].contains("メール通知パスワード"));
}

async fn leaving_the_procedure_changes_nothing(app: &TestApp) {
    let mut pc = app.signed_in(&ISHII).await;
    reach_confirm(&mut pc, "add", NEW).await;
    let page = pc.submit("/address/confirm", &[("action", "cancel")]).await.expect(200);
    assert!(page.text().contains("メールアドレスは変更されていません。"), "{}", page.text());
    app.advance_mins(11);
    to_number(app, &mut pc, &ISHII, "add", NEW).await;
    let sent = number(app, NEW).await;
    app.advance_secs(1);
    pc.submit("/address/number", &[("action", "resend")]).await.expect(200).expect_screen("BMA003");
    let again = number(app, NEW).await;
    assert_ne!(sent, again);
    assert!(type_number(&mut pc, &sent).await.expect(422).error("number").is_some());
    pc.submit("/address/number", &[("action", "cancel")]).await.expect(200);
    type_number(&mut pc, &again).await.expect(409);
    assert_eq!(app.database.count("addresses", &ISHII.rows()).await, 1);
}

async fn an_address_with_misplaced_dots_is_taken_as_typed(app: &TestApp) {
    let mut pc = app.signed_in(&AOKI_B).await;
    let broken = "hana..b.@docomo.ne.jp";
    to_number(app, &mut pc, &AOKI_B, "add", broken).await;
    let page = changed(app, &mut pc, broken).await;
    assert!(page.text().contains(broken), "{}", page.text());
    assert_eq!(app.subjects(broken).len(), 1);
}
