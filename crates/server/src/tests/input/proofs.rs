//! BOT002: confirmation password and mail password.

use super::{Told, garbage, refused};
use crate::tests::harness::{
    TestApp,
    banks::{AOKI, AOKI_B, Person},
    browser::Browser,
    on_both_engines,
};

on_both_engines!(
    empty_fields_of_the_proofs_are_told_and_cost_no_try,
    a_mail_password_that_is_no_number_is_told_and_costs_no_try,
    strange_confirmation_passwords_are_wrong_ones,
    each_wrong_proof_is_one_audit_row,
    the_confirmation_password_is_never_converted,
    nothing_of_the_entry_is_lost_by_a_wrong_proof,
);

async fn at_proofs(app: &TestApp, person: &Person) -> (Browser, String) {
    let mut browser = app.signed_in(person).await;
    browser.reach_confirm(person).await;
    let code = app.mail_password(person).await;
    // The page of before says that the mail is on its way; this one, that it was sent.
    let id = browser.page.procedure();
    browser.open(&format!("/otp/issue/confirm?procedure={id}")).await.expect(200);
    (browser, code)
}

async fn told(
    browser: &mut Browser,
    (confirmation, mail): (&str, &str),
    errors: &[(&str, &str)],
    audit: &str,
) {
    let told =
        Told { errors, kept: &[], emptied: &["confirmation_password", "mail_password"], audit };
    let fields =
        [("confirmation_password", confirmation), ("mail_password", mail), ("action", "commit")];
    refused(browser, "/otp/issue/confirm", &fields, &told).await;
}

const CONFIRM_EMPTY: (&str, &str) =
    ("confirmation_password", "確認用パスワードを入力してください。");
const MAIL_EMPTY: (&str, &str) = ("mail_password", "メール通知パスワードを入力してください。");

async fn failures(app: &TestApp) -> i64 {
    app.database.count("counters", "failures > 0 AND kind IN ('confirm', 'mail')").await
}

async fn empty_fields_of_the_proofs_are_told_and_cost_no_try(app: &TestApp) {
    let (mut browser, code) = at_proofs(app, &AOKI).await;
    let input = "input.refused|refused|";
    let right = AOKI.confirmation_password;
    told(&mut browser, ("", ""), &[CONFIRM_EMPTY, MAIL_EMPTY], input).await;
    told(&mut browser, (right, ""), &[MAIL_EMPTY], input).await;
    told(&mut browser, (right, " 　-"), &[MAIL_EMPTY], input).await;
    told(&mut browser, ("", &code), &[CONFIRM_EMPTY], input).await;
    assert_eq!(failures(app).await, 0);
    browser.confirm(right, &code).await.expect_to("/otp/issue/done");
}

async fn a_mail_password_that_is_no_number_is_told_and_costs_no_try(app: &TestApp) {
    for (person, form) in [
        (&AOKI, "メール通知パスワードは、8桁の数字で入力してください。"),
        (&AOKI_B, "メール通知パスワードは、6桁の数字で入力してください。"),
    ] {
        let (mut browser, code) = at_proofs(app, person).await;
        let right = person.confirmation_password;
        let (short, long) = (&code[1..], format!("{code}1"));
        let mut typed = garbage();
        typed.extend([short.to_owned(), long, "1".repeat(10_000)]);
        for typed in &typed {
            told(&mut browser, (right, typed), &[("mail_password", form)], "input.refused|").await;
        }
        assert_eq!(failures(app).await, 0);
        browser.confirm(right, &code).await.expect_to("/otp/issue/done");
    }
}

async fn strange_confirmation_passwords_are_wrong_ones(app: &TestApp) {
    let wrong = ("confirmation_password", "確認用パスワードが正しくありません。");
    for chunk in garbage().chunks(4) {
        let (mut browser, code) = at_proofs(app, &AOKI).await;
        for typed in chunk {
            told(&mut browser, (typed, &code), &[wrong], "confirmation.refused|refused|wrong")
                .await;
        }
        // One right one clears the count.
        browser.confirm(AOKI.confirmation_password, "00000000").await;
        app.advance_mins(11);
    }
}

async fn each_wrong_proof_is_one_audit_row(app: &TestApp) {
    let (mut browser, code) = at_proofs(app, &AOKI).await;
    let other = if code == "11111111" { "22222222" } else { "11111111" };
    let wrong_mail = ("mail_password", "メール通知パスワードが正しくありません。送信日時が");
    let wrong = ("confirmation_password", "確認用パスワードが正しくありません。");
    let right = AOKI.confirmation_password;
    told(&mut browser, (right, other), &[wrong_mail], "mail_password.refused|refused|wrong").await;
    told(&mut browser, ("Wrong-Pass-1", &code), &[wrong], "confirmation.refused|refused|wrong")
        .await;
    // Two wrong proofs are two evaluated guesses, each with its row and no row more.
    let page = browser.page.clone();
    let mark = app.mark();
    let reply = browser.confirm("Wrong-Pass-1", other).await.expect(422);
    assert!(
        reply.error("confirmation_password").is_some() && reply.error("mail_password").is_some()
    );
    assert_eq!(
        app.recorded(mark).await,
        ["confirmation.refused|refused|wrong", "mail_password.refused|refused|wrong"]
    );
    browser.page = page;
    browser.confirm(right, &code).await.expect_to("/otp/issue/done");
}

async fn the_confirmation_password_is_never_converted(app: &TestApp) {
    let (mut browser, code) = at_proofs(app, &AOKI).await;
    let wrong = ("confirmation_password", "確認用パスワードが正しくありません。");
    for typed in ["Ｋakunin-A-1951", "kakunin-a-1951", "Kakunin-A-1951 ", " Kakunin-A-1951"] {
        told(&mut browser, (typed, &code), &[wrong], "confirmation.refused|").await;
    }
    browser.confirm(AOKI.confirmation_password, &code).await.expect_to("/otp/issue/done");
}

async fn nothing_of_the_entry_is_lost_by_a_wrong_proof(app: &TestApp) {
    let (mut browser, _) = at_proofs(app, &AOKI_B).await;
    let reply = browser.confirm("Wrong-Pass-1", "111111").await.expect(422);
    assert!(reply.text().contains("hana..b@docomo.ne.jp"), "{}", reply.text());
    assert!(reply.text().contains("ha***@mail.example"), "{}", reply.text());
    assert!(!reply.text().contains("hana-b@mail.example"));
}
