//! BLI001.

use super::{Told, garbage, refused};
use crate::tests::harness::{
    TestApp,
    banks::{AOKI, Bank},
    on_both_engines,
};

on_both_engines!(
    empty_fields_of_the_login_are_told_beside_them,
    a_login_with_strange_text_is_one_more_wrong_login,
    what_was_typed_as_a_login_id_is_shown_again_and_never_as_markup,
    the_login_says_the_same_in_english,
);

const ID_EMPTY: (&str, &str) = ("login_id", "ログインIDを入力してください。");
const PASSWORD_EMPTY: (&str, &str) = ("login_password", "ログインパスワードを入力してください。");

async fn empty_fields_of_the_login_are_told_beside_them(app: &TestApp) {
    let mut browser = app.browser(Bank::A);
    browser.open("/login").await.expect(200);
    for (login_id, password, errors) in [
        ("", "", &[ID_EMPTY, PASSWORD_EMPTY] as &[_]),
        ("", AOKI.login_password, &[ID_EMPTY]),
        (" 　\t", AOKI.login_password, &[ID_EMPTY]),
        (AOKI.login_id, "", &[PASSWORD_EMPTY]),
    ] {
        let told = Told {
            errors,
            kept: &[("login_id", login_id)],
            emptied: &["login_password"],
            audit: "input.refused|refused|login_",
        };
        let fields = [("login_id", login_id), ("login_password", password)];
        refused(&mut browser, "/login", &fields, &told).await;
    }
    // Fields that are missing altogether are empty ones.
    let told = Told {
        errors: &[ID_EMPTY, PASSWORD_EMPTY],
        kept: &[],
        emptied: &["login_password"],
        audit: "input.refused|refused|",
    };
    refused(&mut browser, "/login", &[], &told).await;
    assert_eq!(app.database.count("counters", "TRUE").await, 0);
}

async fn a_login_with_strange_text_is_one_more_wrong_login(app: &TestApp) {
    for (place, strange) in garbage().iter().enumerate() {
        let mut browser = app.browser(Bank::A).from(&format!("198.51.100.{place}"));
        browser.open("/login").await.expect(200);
        let told = Told {
            errors: &[],
            kept: &[("login_id", strange)],
            emptied: &["login_password"],
            audit: "session.refused|refused|credentials",
        };
        let fields = [("login_id", strange.as_str()), ("login_password", strange.as_str())];
        let reply = refused(&mut browser, "/login", &fields, &told).await;
        assert!(reply.page_errors()[0].starts_with("ログインできませんでした。ログインIDと"));
        let fields = [("login_id", AOKI.login_id), ("login_password", strange.as_str())];
        let told = Told { kept: &[("login_id", AOKI.login_id)], ..told };
        refused(&mut browser, "/login", &fields, &told).await;
        app.advance_hours(1);
    }
}

async fn what_was_typed_as_a_login_id_is_shown_again_and_never_as_markup(app: &TestApp) {
    let mut browser = app.browser(Bank::A);
    for typed in ["\"><script>alert(1)</script>", "' onfocus='x", "&lt;b&gt;", "{{7*7}}"] {
        browser.open("/login").await.expect(200);
        let reply = browser.password(typed, "Wrong-Pass-1").await.expect(422);
        assert_eq!(reply.value("login_id").as_deref(), Some(typed));
        assert!(!reply.body.contains("<script>alert") && !reply.body.contains("' onfocus='"));
        app.advance_mins(1);
    }
}

async fn the_login_says_the_same_in_english(app: &TestApp) {
    let mut browser = app.browser(Bank::A);
    browser.language = "en-GB,en;q=0.8";
    browser.open("/login").await.expect(200);
    let reply = browser.post("/login", &[]).await.expect(422);
    let told = reply.error("login_id").unwrap();
    assert!(told.is_ascii(), "{told}");
    assert!(reply.body.contains("<html lang=\"en\""));
    // Chosen by hand, it stays.
    browser.get("/display?lang=ja&back=/login").await.expect_to("/login");
    let reply = browser.open("/login").await.expect(200);
    assert!(reply.body.contains("<html lang=\"ja\""));
    for elsewhere in ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:x"] {
        let path = format!("/display?text=large&back={elsewhere}");
        browser.get(&path).await.expect_to("/login");
    }
}
