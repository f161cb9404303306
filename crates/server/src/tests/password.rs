//! BPW: one static password is changed, with the present one; those that the bank gave are changed
//! before anything else.

use super::harness::{
    TestApp,
    banks::{AOKI, Bank, ISHII, Person},
    browser::Browser,
    http::Reply,
    on_both_engines,
};
use crate::actions::{customers, institutions};

on_both_engines!(
    a_login_password_is_changed_and_told_and_the_old_one_is_dead,
    a_confirmation_password_is_changed_and_serves_the_next_issue,
    a_new_password_that_cannot_be_one_says_why,
    a_stored_password_cannot_be_guessed_by_changing_one,
    a_confirmation_password_is_never_the_login_password_and_only_who_proves_it_hears_so,
    only_the_own_browser_is_known_after_a_login_password_is_changed,
    wrong_present_passwords_are_counted_and_lock_the_change_alone,
    a_lock_is_told_before_anything_is_typed_and_the_other_password_can_be_changed,
    a_lock_that_came_from_elsewhere_is_not_evaded_by_a_page_that_was_open,
    a_change_sent_twice_is_done_once,
    a_newer_change_ends_the_one_before,
    passwords_that_the_bank_gave_are_changed_before_anything_else,
    nothing_of_a_password_is_kept_in_a_procedure,
);

const NEW: &str = "Aratani-Kimeta-88";

async fn enter(pc: &mut Browser, which: &str, new: &str, new2: &str) -> Reply {
    pc.open("/password").await.expect(200).expect_screen("BPW001");
    let fields = [("which", which), ("new_password", new), ("new_password2", new2)];
    pc.post("/password", &fields).await
}

async fn reach_confirm(pc: &mut Browser, which: &str, new: &str) {
    pc.secrets.push(new.to_owned());
    let reply = enter(pc, which, new, new).await.expect_to("/password/confirm");
    pc.open(reply.location()).await.expect(200).expect_screen("BPW002");
}

async fn present(pc: &mut Browser, password: &str) -> Reply {
    pc.post("/password/confirm", &[("present_password", password)]).await
}

async fn change(pc: &mut Browser, person: &Person, which: &str, new: &str) -> Reply {
    reach_confirm(pc, which, new).await;
    let old = if which == "login" { person.login_password } else { person.confirmation_password };
    let reply = present(pc, old).await.expect_to("/password/done");
    pc.open(reply.location()).await.expect(200).expect_screen("BPW003")
}

async fn a_login_password_is_changed_and_told_and_the_old_one_is_dead(app: &TestApp) {
    let mut pc = app.signed_in(&AOKI).await;
    let before = pc.session();
    let mark = app.mark();
    let page = change(&mut pc, &AOKI, "login", NEW).await;
    assert!(page.text().contains("ログインパスワードを変更しました。"), "{}", page.text());
    assert!(page.text().contains("2026年11月29日"), "the hold is told");
    assert_eq!(app.recorded(mark).await, ["password.changed|ok|login"]);
    assert_ne!(pc.session(), before, "the session has a new secret");
    pc.open("/top").await.expect(200);
    assert!(pc.page.text().contains("ログインパスワードを変更しました。"));
    app.deliver().await;
    for address in AOKI.addresses.split(';') {
        assert_eq!(app.subjects(address)[0], "【みなと銀行】パスワードを変更しました");
    }
    pc.sign_out().await;
    let mut other = app.browser(Bank::A);
    other.password(AOKI.login_id, AOKI.login_password).await.expect(422);
    other.password(AOKI.login_id, NEW).await.expect_to("/top");
}

async fn a_confirmation_password_is_changed_and_serves_the_next_issue(app: &TestApp) {
    let mut pc = app.signed_in(&AOKI).await;
    change(&mut pc, &AOKI, "confirmation", NEW).await;
    pc.reach_confirm(&AOKI).await;
    let mail = app.mail_password(&AOKI).await;
    pc.confirm(AOKI.confirmation_password, &mail).await.expect(422);
    pc.confirm(NEW, &mail).await.expect_to("/otp/issue/done");
}

async fn a_new_password_that_cannot_be_one_says_why(app: &TestApp) {
    let mut pc = app.browser(Bank::A);
    pc.password(AOKI.login_id, AOKI.login_password).await.expect_to("/top");
    for (which, new, new2, field, told) in [
        ("", NEW, NEW, "which", "変更するパスワードをお選びください。"),
        ("mail", NEW, NEW, "which", "変更するパスワードをお選びください。"),
        ("login", "", "", "new_password", "新しいパスワードを入力してください。"),
        ("login", "short-1", "short-1", "new_password", "8文字以上で入力してください。"),
        ("login", &"a1-".repeat(22), "", "new_password", "64文字以下で入力してください。"),
        ("login", "ｐａｓｓｗｏｒｄ９９", "", "new_password", "全角の文字は使えません。"),
        ("login", "password1", "password1", "new_password", "よく使われている"),
        ("login", "aoki-hana", "aoki-hana", "new_password", "ログインIDと同じ"),
        ("login", NEW, "Aratani-Kimeta-89", "new_password2", "2つの新しいパスワードが同じ"),
    ] {
        let mark = app.mark();
        let page = enter(&mut pc, which, new, new2).await.expect(422).expect_screen("BPW001");
        let error = page.error(field).unwrap_or_else(|| panic!("{which} {new}: {}", page.text()));
        assert!(error.contains(told), "{new}: {error}");
        assert_eq!(page.value("new_password").unwrap_or_default(), "", "never filled in");
        assert_eq!(app.recorded(mark).await.len(), 1);
    }
    assert_eq!(app.database.count("procedures", "kind = 'password'").await, 0);
}

/// BPW001 says nothing about a stored password: whoever has the session could guess at it, uncounted.
async fn a_stored_password_cannot_be_guessed_by_changing_one(app: &TestApp) {
    let mut pc = app.signed_in(&AOKI).await;
    for guess in [AOKI.login_password, AOKI.confirmation_password, NEW] {
        enter(&mut pc, "login", guess, guess).await.expect_to("/password/confirm");
    }
    // The same one is refused to who proves it, and that is no wrong try.
    for (which, old) in
        [("login", AOKI.login_password), ("confirmation", AOKI.confirmation_password)]
    {
        reach_confirm(&mut pc, which, old).await;
        let page = present(&mut pc, "Chigau-Mono-1").await.expect(422).expect_screen("BPW002");
        let error = page.error("present_password").unwrap();
        assert!(error.starts_with("現在のパスワードが正しくありません。"), "{error}");
        let page = present(&mut pc, old).await.expect(422).expect_screen("BPW002");
        let error = &page.page_errors()[0];
        assert!(error.starts_with("新しいパスワードが現在のパスワードと同じです。"), "{error}");
    }
    assert_eq!(app.audited("password.changed").await, 0);
}

async fn a_confirmation_password_is_never_the_login_password_and_only_who_proves_it_hears_so(
    app: &TestApp,
) {
    let mut pc = app.signed_in(&AOKI).await;
    reach_confirm(&mut pc, "confirmation", AOKI.login_password).await;
    for (typed, told) in [
        ("Chigau-Mono-1", "現在のパスワードが正しくありません。"),
        (AOKI.confirmation_password, "新しい確認用パスワードが、ログインパスワードと同じです。"),
    ] {
        let page = present(&mut pc, typed).await.expect(422).expect_screen("BPW002");
        let error = page.error("present_password").unwrap_or_else(|| page.page_errors().remove(0));
        assert!(error.starts_with(told), "{error}");
    }
    assert_eq!(app.audited("password.changed").await, 0);
}

/// Who knew the old password may have logged in by it: its browser is a stranger again.
async fn only_the_own_browser_is_known_after_a_login_password_is_changed(app: &TestApp) {
    app.signed_in(&AOKI).await;
    let mut pc = app.signed_in(&AOKI).await;
    assert_eq!(app.database.count("devices", &AOKI.rows()).await, 2);
    change(&mut pc, &AOKI, "confirmation", "Betsuno-Mono-77").await;
    assert_eq!(app.database.count("devices", &AOKI.rows()).await, 2);
    change(&mut pc, &AOKI, "login", NEW).await;
    assert_eq!(app.database.count("devices", &AOKI.rows()).await, 1);
    // And it is this one: its waits are its own.
    pc.sign_out().await.expect(200);
    pc.open("/login").await.expect(200);
    for _ in 0..4 {
        app.browser(Bank::A).password(AOKI.login_id, "Ate-Zuppou-1").await.expect(422);
    }
    pc.password(AOKI.login_id, NEW).await.expect_to("/top");
}

async fn wrong_present_passwords_are_counted_and_lock_the_change_alone(app: &TestApp) {
    let mut pc = app.signed_in(&AOKI).await;
    reach_confirm(&mut pc, "login", NEW).await;
    let empty = present(&mut pc, "").await.expect(422);
    assert_eq!(
        empty.error("present_password").as_deref(),
        Some("現在のパスワードを入力してください。")
    );
    for _ in 1..5 {
        let page = present(&mut pc, "Chigau-Mono-1").await.expect(422).expect_screen("BPW002");
        assert!(
            page.error("present_password")
                .unwrap()
                .starts_with("現在のパスワードが正しくありません。")
        );
    }
    let page = present(&mut pc, "Chigau-Mono-1").await.expect(422).expect_screen("BER001");
    assert!(page.text().contains("パスワードは変更されていません。"), "{}", page.text());
    assert!(page.text().contains("10時30分"), "until when: {}", page.text());
    app.deliver().await;
    assert_eq!(
        app.subjects(AOKI.address())[0],
        "【みなと銀行】パスワード変更のお手続きを一時的に停止しました"
    );
    pc.sign_out().await;
    app.signed_in(&AOKI).await;
    // Unlocked by the bank, it goes on.
    let id = customers::find(&app.app, &app.origin(Bank::A), AOKI.number).await.unwrap().unwrap();
    assert_eq!(customers::unlock(&app.app, &app.origin(Bank::A), id).await.unwrap(), 1);
    let mut pc = app.signed_in(&AOKI).await;
    change(&mut pc, &AOKI, "login", NEW).await;
}

async fn a_lock_is_told_before_anything_is_typed_and_the_other_password_can_be_changed(
    app: &TestApp,
) {
    let mut pc = app.signed_in(&AOKI).await;
    let before = pc.open("/password").await.expect(200);
    reach_confirm(&mut pc, "login", NEW).await;
    for _ in 0..5 {
        present(&mut pc, "Chigau-Mono-1").await.expect(422);
    }
    let page = pc.open("/password").await.expect(200).expect_screen("BPW001");
    let told = "ログインパスワードが続けて正しく入力されなかったため、10時30分00秒 まで";
    assert!(page.text().contains(told), "{}", page.text());
    assert!(page.text().contains("新しい確認用パスワードを2回入力し"), "{}", page.text());
    assert!(!page.body.contains("value=\"login\""), "it is not offered");
    // A page that was open before the lock leads to where it is told; nothing is gathered.
    pc.page = before;
    let fields = [("which", "login"), ("new_password", NEW), ("new_password2", NEW)];
    pc.post("/password", &fields).await.expect_to("/password");
    assert_eq!(app.database.count("procedures", "1 = 1").await, 1);
    change(&mut pc, &AOKI, "confirmation", "Kakunin-Atarashii-2").await;
}

async fn a_lock_that_came_from_elsewhere_is_not_evaded_by_a_page_that_was_open(app: &TestApp) {
    let mut pc = app.signed_in(&AOKI).await;
    reach_confirm(&mut pc, "confirmation", "Kakunin-Atarashii-2").await;
    let open = pc.page.clone();
    pc.reach_confirm(&AOKI).await;
    let mail = app.mail_password(&AOKI).await;
    for _ in 0..5 {
        pc.confirm("Chigau-Mono-1", &mail).await.expect(422);
    }
    pc.page = open;
    // The right one is not looked at.
    let page = present(&mut pc, AOKI.confirmation_password).await.expect(422);
    page.expect_screen("BER001");
    assert_eq!(app.audited("password.changed").await, 0);
}

async fn a_change_sent_twice_is_done_once(app: &TestApp) {
    let mut pc = app.signed_in(&AOKI).await;
    reach_confirm(&mut pc, "login", NEW).await;
    let mut second = pc.clone();
    present(&mut pc, AOKI.login_password).await.expect_to("/password/done");
    // The same form again comes with the secret before.
    let reply = present(&mut second, AOKI.login_password).await.expect_to("/password/done");
    pc.open(reply.location()).await.expect(200).expect_screen("BPW003");
    assert_eq!(app.audited("password.changed").await, 1);
    app.deliver().await;
    assert_eq!(app.subjects(AOKI.address()).len(), 1);
}

async fn a_newer_change_ends_the_one_before(app: &TestApp) {
    let mut pc = app.signed_in(&AOKI).await;
    reach_confirm(&mut pc, "login", NEW).await;
    let first = pc.page.clone();
    reach_confirm(&mut pc, "login", "Atoni-Kimeta-55").await;
    let second = std::mem::replace(&mut pc.page, first);
    present(&mut pc, AOKI.login_password).await.expect(409).expect_screen("BER003");
    pc.page = second;
    present(&mut pc, AOKI.login_password).await.expect_to("/password/done");
    assert_eq!(app.audited("password.changed").await, 1);
}

async fn passwords_that_the_bank_gave_are_changed_before_anything_else(app: &TestApp) {
    let document = Bank::A.document().replace("change_first = false", "change_first = true");
    institutions::apply(&app.app, &document).await.unwrap();
    let mut pc = app.browser(Bank::A);
    pc.password(ISHII.login_id, ISHII.login_password).await.expect_to("/top");
    for path in ["/top", "/otp", "/customer", "/address"] {
        pc.get(path).await.expect_to("/password");
    }
    let page = pc.open("/top").await.expect(200).expect_screen("BPW001");
    assert!(
        page.text().contains("お知らせしたログインパスワードと確認用パスワードは、最初に"),
        "{}",
        page.text()
    );
    pc.post("/otp/issue", &[]).await.expect_to("/password");
    let page = change(&mut pc, &ISHII, "login", NEW).await;
    assert!(page.text().contains("続けて、確認用パスワードも変更してください。"));
    pc.get("/top").await.expect_to("/password");
    let page = pc.open("/password").await.expect(200).expect_screen("BPW001");
    assert!(page.text().contains("当行からお知らせした確認用パスワードは、最初に"));
    change(&mut pc, &ISHII, "confirmation", "Kakunin-Atarashii-2").await;
    pc.open("/top").await.expect(200).expect_screen("BPT001");
    pc.sign_out().await.expect(200);
}

// Rule 4.
async fn nothing_of_a_password_is_kept_in_a_procedure(app: &TestApp) {
    let mut pc = app.signed_in(&AOKI).await;
    reach_confirm(&mut pc, "login", NEW).await;
    for table in app.database.tables().await {
        for row in app.database.dump(&table).await {
            assert!(!row.contains(NEW), "{table}: {row}");
        }
    }
}
