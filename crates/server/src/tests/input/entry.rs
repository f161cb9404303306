//! BOT001: phone address twice, start password twice.

use super::{Told, garbage, refused};
use crate::tests::harness::{
    TestApp,
    banks::{AOKI, AOKI_B, Bank, ISHII},
    browser::Browser,
    http::Reply,
    on_both_engines,
};

on_both_engines!(
    empty_fields_of_the_entry_are_told_beside_them,
    addresses_that_are_none_are_told_why,
    an_address_is_taken_as_people_type_it,
    a_second_address_that_differs_is_told,
    start_passwords_that_are_too_short_long_or_no_digits_are_told,
    start_passwords_that_are_easy_to_guess_are_told,
    a_start_password_is_read_in_any_width,
    a_second_start_password_that_differs_is_told,
    a_bank_takes_only_the_domains_it_wants,
    what_was_typed_is_never_shown_as_markup,
);

const GOOD: [(&str, &str); 4] = [
    ("address", "hana@phone.example"),
    ("address2", "hana@phone.example"),
    ("start_password", "40718293"),
    ("start_password2", "40718293"),
];

/// The good entry with some fields changed.
fn with<'a>(changed: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let value = |name: &str| changed.iter().find(|(n, _)| *n == name).map(|(_, value)| *value);
    GOOD.iter().map(|(name, good)| (*name, value(name).unwrap_or(good))).collect()
}

/// Sends it to BOT001, where it must be refused with these messages.
async fn told(browser: &mut Browser, changed: &[(&str, &str)], errors: &[(&str, &str)]) -> Reply {
    let fields = with(changed);
    let told = Told {
        errors,
        kept: &[fields[0], fields[1]],
        emptied: &["start_password", "start_password2"],
        audit: "input.refused|refused|",
    };
    refused(browser, "/otp/issue/input", &fields, &told).await
}

async fn at_entry(app: &TestApp) -> Browser {
    let mut browser = app.signed_in(&AOKI).await;
    browser.reach_input().await;
    browser.secrets.push("40718293".to_owned());
    browser
}

async fn empty_fields_of_the_entry_are_told_beside_them(app: &TestApp) {
    let mut browser = at_entry(app).await;
    let address = ("address", "携帯電話メールアドレスを入力してください。");
    let start = ("start_password", "利用開始パスワードを入力してください。");
    let nothing =
        [("address", ""), ("address2", ""), ("start_password", ""), ("start_password2", "")];
    told(&mut browser, &nothing, &[address, start]).await;
    told(&mut browser, &nothing[..2], &[address]).await;
    told(&mut browser, &nothing[2..], &[start]).await;
    told(&mut browser, &[("address", " 　")], &[address]).await;
    told(&mut browser, &[("start_password", "　- ")], &[start]).await;
    let second = ("address2", "2つの携帯電話メールアドレスが同じではありません。");
    told(&mut browser, &[("address2", "")], &[second]).await;
    let second = ("start_password2", "2つの利用開始パスワードが同じではありません。");
    told(&mut browser, &[("start_password2", "")], &[second]).await;
    // After all of it the procedure goes on where it was.
    browser.enter(AOKI.phone_address, "40718293").await.expect_to("/otp/issue/confirm");
}

async fn addresses_that_are_none_are_told_why(app: &TestApp) {
    let mut browser = at_entry(app).await;
    let (form, dots, domain, chars, long) = (
        "メールアドレスの形を確認してください。",
        "「@」の前の「.」を確認してください。",
        "「@」のあとを確認してください",
        "メールアドレスに使えない文字「",
        "メールアドレスが長すぎます",
    );
    let local = format!("{}@x.jp", "a".repeat(65));
    let whole = format!("a@{}.jp", "b.".repeat(130));
    let endless = format!("a@{}.jp", "b".repeat(10_000));
    for (typed, message) in [
        ("hana", form),
        ("@phone.example", form),
        ("hana@", domain),
        ("hana@phone", domain),
        ("hana@@phone.example", form),
        ("hana@phone.example@x.jp", form),
        ("hana@-phone.example", domain),
        ("hana@phone..example", domain),
        ("hana@127.0.0.1", domain),
        ("hana phone@x.jp", "メールアドレスに空白が入っています。"),
        ("花@phone.example", chars),
        ("hana@電話.example", chars),
        ("ha😀na@phone.example", chars),
        ("hana\u{0}@phone.example", "メールアドレスに使えない文字「U+0000」"),
        ("hana@phone.example\r\nBcc: x@evil.example", "メールアドレスに使えない文字「U+000D」"),
        ("\"hana\"@phone.example", chars),
        ("hana@phone.example,x@evil.example", chars),
        ("<hana@phone.example>", chars),
        ("a..b@example.com", dots),
        (".ab@example.com", dots),
        ("ab.@example.com", dots),
        (&local, long),
        (&whole, long),
        (&endless, long),
    ] {
        let both = [("address", typed), ("address2", typed)];
        told(&mut browser, &both, &[("address", message)]).await;
    }
    assert_eq!(app.database.count("procedures", "input IS NOT NULL").await, 0);
}

/// A new entry with this address; gives what BOT002 shows as the address that will be used.
async fn taken(app: &TestApp, typed: &str) -> String {
    let mut browser = app.signed_in(&ISHII).await;
    browser.reach_input().await;
    let reply = browser.enter(typed, "62849175").await.expect_to("/otp/issue/confirm");
    let page = browser.open(reply.location()).await.expect_screen("BOT002");
    app.advance_mins(11);
    let shown = page.body.split("class=\"address exact\">").nth(1).unwrap();
    super::super::harness::http::unescaped(shown.split('<').next().unwrap())
}

async fn an_address_is_taken_as_people_type_it(app: &TestApp) {
    for (typed, used) in [
        ("hana@phone.example", "hana@phone.example"),
        ("　ｈａｎａ＠ｐｈｏｎｅ．ｅｘａｍｐｌｅ ", "hana@phone.example"),
        ("Hana.T+1@Phone.Example", "Hana.T+1@Phone.Example"),
        ("a..b@docomo.ne.jp", "a..b@docomo.ne.jp"),
        (".ab.@ezweb.ne.jp", ".ab.@ezweb.ne.jp"),
    ] {
        assert_eq!(taken(app, typed).await, used);
    }
    // Both fields are read alike, so the second may be typed otherwise.
    let mut browser = app.signed_in(&AOKI).await;
    browser.reach_input().await;
    let fields = with(&[("address2", "ｈａｎａ＠PHONE.example")]);
    browser.post("/otp/issue/input", &fields).await.expect_to("/otp/issue/confirm");
}

async fn a_second_address_that_differs_is_told(app: &TestApp) {
    let mut browser = at_entry(app).await;
    let message = ("address2", "2つの携帯電話メールアドレスが同じではありません。");
    for other in ["hanna@phone.example", "hana@phone.example.jp", "Hana@phone.example", "x"] {
        told(&mut browser, &[("address2", other)], &[message]).await;
    }
}

async fn start_passwords_that_are_too_short_long_or_no_digits_are_told(app: &TestApp) {
    let mut browser = at_entry(app).await;
    let length = ("start_password", "利用開始パスワードは、4桁以上8桁以下の数字で");
    let digits = ("start_password", "利用開始パスワードには、数字だけを");
    for typed in ["718", "123456789", "407182934", "1", &"7".repeat(10_000)] {
        let both = [("start_password", typed), ("start_password2", typed)];
        told(&mut browser, &both, &[length]).await;
    }
    for typed in garbage() {
        let both = [("start_password", typed.as_str()), ("start_password2", typed.as_str())];
        told(&mut browser, &both, &[digits]).await;
    }
}

async fn start_passwords_that_are_easy_to_guess_are_told(app: &TestApp) {
    let mut browser = at_entry(app).await;
    let weak = ("start_password", "推測されやすい番号です。");
    for typed in [
        "1111",
        "99999999",
        "1234",
        "4321",
        "7890",
        "0123456",
        "19510402",
        "510402",
        "0402",
        "0204",
        "１１１１",
        "19 51-04 02",
    ] {
        let both = [("start_password", typed), ("start_password2", typed)];
        told(&mut browser, &both, &[weak]).await;
    }
    // Somebody else's birthday is a number like any other.
    browser.enter(AOKI.phone_address, "19881017").await.expect_to("/otp/issue/confirm");
}

async fn a_start_password_is_read_in_any_width(app: &TestApp) {
    let mut browser = at_entry(app).await;
    let fields = with(&[("start_password", "４０７１ ８２９３"), ("start_password2", "4071-8293")]);
    let reply = browser.post("/otp/issue/input", &fields).await.expect_to("/otp/issue/confirm");
    browser.open(reply.location()).await.expect_screen("BOT002");
    let code = app.mail_password(&AOKI).await;
    let reply = browser.confirm(AOKI.confirmation_password, &code).await;
    let page = browser.open(reply.location()).await.expect_screen("BOT003");
    let numbers = crate::tests::harness::walk::Numbers::of(&page);
    app.phone(Bank::A).activate(&numbers, "40718293").await.expect(200);
}

async fn a_second_start_password_that_differs_is_told(app: &TestApp) {
    let mut browser = at_entry(app).await;
    let message = ("start_password2", "2つの利用開始パスワードが同じではありません。");
    for other in ["40718294", "4071829", "abc", "１１１１"] {
        told(&mut browser, &[("start_password2", other)], &[message]).await;
    }
    // Both mistakes at once are told at once.
    let both = [("address2", "x@y.example"), ("start_password2", "5555")];
    let messages = [("address2", "2つの携帯電話"), ("start_password2", "2つの利用開始")];
    told(&mut browser, &both, &messages).await;
}

async fn a_bank_takes_only_the_domains_it_wants(app: &TestApp) {
    let mut browser = app.signed_in(&AOKI_B).await;
    browser.reach_input().await;
    let message = ("address", "このメールアドレスは、トークンの発行にはお使いになれません。");
    for typed in ["hana@gmail.example", "hana@docomo.ne.jp.evil.example", "hana@evildocomo.ne.jp"] {
        let both = [("address", typed), ("address2", typed)];
        let reply = told(&mut browser, &both, &[message]).await;
        assert!(reply.error("address").unwrap().contains("docomo.ne.jp、phone.example"));
    }
    browser.enter("hana@DOCOMO.ne.jp", "71936254").await.expect_to("/otp/issue/confirm");
}

async fn what_was_typed_is_never_shown_as_markup(app: &TestApp) {
    let mut browser = at_entry(app).await;
    for typed in ["\"><script>alert(1)</script>", "' onfocus='x' '", "<img src=x>@x.jp"] {
        let both = [("address", typed), ("address2", typed)];
        let reply = told(&mut browser, &both, &[("address", "メールアドレス")]).await;
        assert!(!reply.body.contains("<script>alert") && !reply.body.contains("<img"));
    }
    // What is allowed in an address is allowed on a page too.
    let reply = browser.enter("o'neil&co{x}@phone.example", "40718293").await;
    let page = browser.open(reply.location()).await.expect_screen("BOT002");
    assert!(page.text().contains("o'neil&co{x}@phone.example"), "{}", page.text());
    assert!(!page.body.contains("o'neil&co{"));
}
