//! Customers from the bank's file: each bad line with its number and reason, all or nothing, and no
//! reason that repeats what the line held.

use warifu_core::secret::SecretText;

use super::harness::{
    TestApp, at_once,
    banks::{AOKI, Bank},
    on_both_engines,
};
use crate::{
    actions::import::{self, Imported},
    hasher::Hasher,
};

on_both_engines!(
    each_kind_of_bad_line_is_told_with_its_number_and_reason,
    a_file_that_is_no_table_is_refused,
    a_customer_has_three_addresses_at_most_and_none_twice,
    what_a_file_calls_a_column_speaks_to_no_terminal,
    everything_that_is_wrong_is_told_in_one_run,
    one_bad_line_means_that_nothing_is_written,
    bad_lines_can_be_skipped,
    an_imported_customer_can_log_in_and_issue,
    hashes_of_our_own_cost_are_taken_as_they_are,
    hashes_of_another_scheme_are_taken_and_become_our_own,
    a_confirmation_password_of_another_scheme_becomes_our_own_when_it_is_proved,
    a_first_login_sent_thrice_at_once_leads_on_thrice,
    a_hash_that_costs_nothing_or_too_much_is_refused,
    the_same_file_twice_changes_nothing,
    more_lines_than_are_written_at_once_are_all_written_and_each_taken_one_told,
    lines_are_counted_as_an_editor_does,
);

const HEAD: &str = "customer_number,login_id,name,birthday,locale,notice_addresses,\
    addresses_confirmed_at,login_password,login_password_hash,confirmation_password,\
    confirmation_password_hash";

const GOOD: &str =
    "N-1,good-one,山田 太郎,1980-05-05,ja,taro@mail.example,2026-01-01,Login-Pass-1,,Other-Pass-2,";

async fn run(app: &TestApp, file: impl AsRef<[u8]>, skip_bad: bool) -> Imported {
    let origin = app.origin(Bank::A);
    import::import(&app.app, &origin, file.as_ref(), skip_bad, |_, _| {}).await.unwrap()
}

/// A good line with one column changed.
fn with(column: &str, value: &str) -> String {
    let columns: Vec<_> = HEAD.split(',').map(str::trim).collect();
    let place = columns.iter().position(|c| *c == column).unwrap();
    let mut values: Vec<_> = GOOD.split(',').collect();
    values[place] = value;
    values.join(",")
}

async fn each_kind_of_bad_line_is_told_with_its_number_and_reason(app: &TestApp) {
    let long = "x".repeat(10_000);
    for (column, value, reason) in [
        ("customer_number", "", "customer_number: 1 to 40 characters"),
        ("customer_number", &long[..41], "customer_number: 1 to 40 characters"),
        ("customer_number", AOKI.number, "customer_number: a registered customer has it"),
        ("login_id", "", "login_id: 6 to 32"),
        ("login_id", "short", "login_id: 6 to 32"),
        ("login_id", "日本語日本語", "login_id: 6 to 32"),
        ("login_id", "has space", "login_id: 6 to 32"),
        ("login_id", &long, "login_id: 6 to 32"),
        ("login_id", "AOKI-HANA", "login_id: a registered customer has it"),
        ("name", "", "name: 1 to 100"),
        ("name", "a\u{7}b", "name: 1 to 100"),
        ("name", &long, "name: 1 to 100"),
        ("birthday", "1980/05/05", "birthday: a day like"),
        ("birthday", "1980-02-30", "birthday: a day like"),
        ("locale", "fr", "locale: ja or en"),
        ("notice_addresses", "taro", "notice_addresses: address 1: "),
        ("notice_addresses", "taro@mail.example;a..b@example.com", "notice_addresses: address 2: "),
        ("addresses_confirmed_at", "yesterday", "addresses_confirmed_at: a day"),
        ("addresses_confirmed_at", "2026-12-24", "addresses_confirmed_at: lies in the future"),
        ("login_password", "", "login_password: neither it nor login_password_hash"),
        ("login_password", "short", "login_password:"),
        ("login_password", "password", "login_password:"),
        ("login_password", "good-one", "login_password:"),
        ("login_password", "ひみつのことば", "login_password:"),
        (
            "login_password",
            "Other-Pass-2",
            "login_password: the password is the login ID or another",
        ),
        ("login_password", &long, "login_password:"),
        ("login_password_hash", "$2y$10$abcdefgh", "login_password: both it and"),
        ("confirmation_password", "", "confirmation_password: neither it nor"),
        ("confirmation_password", "good-one", "confirmation_password:"),
    ] {
        let file = format!("{HEAD}\n{}\n", with(column, value));
        let imported = run(app, &file, false).await;
        assert_eq!((imported.taken, imported.bad.len()), (0, 1), "{column} = {value:.20}");
        let bad = &imported.bad[0];
        assert_eq!(bad.line, 2, "{column} = {value:.20}");
        assert!(bad.reason.starts_with(reason), "{column} = {value:.20}: {}", bad.reason);
        let is_secret = column.contains("password") && value != "password" && value.len() > 5;
        let repeats = bad.reason.contains(value);
        assert!(!is_secret || !repeats, "{column}: the reason repeats a secret: {}", bad.reason);
    }
    let hash = GOOD.replace("Login-Pass-1,", ",$2y$10$abcdefgh");
    let imported = run(app, format!("{HEAD}\n{hash}\n"), false).await;
    assert!(imported.bad[0].reason.starts_with("login_password_hash: must be a PHC string"));
}

async fn a_file_that_is_no_table_is_refused(app: &TestApp) {
    for (file, line, reason) in [
        (format!("{HEAD}\n{GOOD},more\n").into_bytes(), 2, "12 columns where the first line names"),
        (format!("{HEAD}\nN-1,good-one\n").into_bytes(), 2, "2 columns where the first line names"),
        (format!("{HEAD},extra\n{GOOD},x\n").into_bytes(), 1, "column 12 (extra): no such column"),
        (
            format!("{HEAD},name\n{GOOD},x\n").into_bytes(),
            1,
            "column 12 (name): stands there twice",
        ),
        (
            format!("{}\n{GOOD}\n", HEAD.replace("login_id", "login")).into_bytes(),
            1,
            "column 2 (login): no such column",
        ),
        (b"customer_number,name\nN-1,x\n".to_vec(), 1, "login_id: the column is missing"),
        (format!("{GOOD}\n").into_bytes(), 1, "the first line must name the columns"),
        (HEAD.replace(',', ";").into_bytes(), 1, "the first line must name the columns"),
        (format!("{HEAD}{}\n", ",".repeat(9_999)).into_bytes(), 1, "must name the columns"),
        ([HEAD.as_bytes(), b"\nN-1,good-one,\xff\xfe,,,,,,,,\n"].concat(), 2, "not UTF-8"),
        (
            format!("{HEAD}\n{GOOD}\n{GOOD}\n").into_bytes(),
            3,
            "customer_number: stands on line 2 too",
        ),
        (
            format!("{HEAD}\n{GOOD}\n{}\n", GOOD.replace("N-1", "N-2")).into_bytes(),
            3,
            "login_id: stands on line 2 too",
        ),
    ] {
        let imported = run(app, &file, line == 1).await;
        let told = &imported.bad[0];
        assert_eq!((told.line, imported.taken), (line, 0), "{}", told.reason);
        assert!(!told.reason.contains("Login-Pass-1"), "{}", told.reason);
        assert!(told.reason.contains(reason), "{reason}: {}", told.reason);
    }
    for nothing in ["", HEAD, &format!("{HEAD}\n")] {
        let imported = run(app, nothing, false).await;
        assert_eq!(imported.taken, 0);
    }
    assert_eq!(app.database.count("customers", "customer_number LIKE 'N-%'").await, 0);
}

/// A file with a bad line in its middle.
fn mixed() -> String {
    let second = GOOD.replace("N-1", "N-3").replace("good-one", "third-one");
    format!("{HEAD}\n{GOOD}\nN-2,bad,,,,,,,,,\n{second}\n")
}

async fn one_bad_line_means_that_nothing_is_written(app: &TestApp) {
    let before = app.database.state().await;
    let imported = run(app, mixed(), false).await;
    assert_eq!((imported.taken, imported.bad[0].line), (0, 3));
    // Also when only the database knows that it is bad.
    let taken = GOOD.replace("N-1", AOKI.number).replace("good-one", "third-one");
    let imported = run(app, format!("{HEAD}\n{GOOD}\n{taken}\n"), false).await;
    assert_eq!((imported.taken, imported.bad[0].line), (0, 3));
    assert!(app.database.state().await == before, "something was written");
    assert_eq!(app.audited("customer.imported").await, 5);
}

async fn bad_lines_can_be_skipped(app: &TestApp) {
    let imported = run(app, mixed(), true).await;
    assert_eq!((imported.taken, imported.lines_left_out()), (2, 1));
    let reasons: Vec<_> = imported.bad.iter().map(|bad| bad.reason.as_str()).collect();
    assert_eq!(reasons.len(), 4, "every fault of a line is told: {reasons:?}");
    for (reason, column) in
        reasons.iter().zip(["login_id", "name", "login_password", "confirmation_password"])
    {
        assert!(reason.starts_with(&format!("{column}: ")), "{reason}");
    }
    assert_eq!(app.database.count("customers", "customer_number IN ('N-1', 'N-3')").await, 2);
    assert_eq!(app.audited("customer.imported").await, 7);
}

async fn an_imported_customer_can_log_in_and_issue(app: &TestApp) {
    let imported = run(app, format!("{HEAD}\n{GOOD}\n"), false).await;
    assert_eq!(imported.taken, 1);
    let mut browser = app.browser(Bank::A);
    browser.password("good-one", "Login-Pass-1").await.expect_to("/top");
    browser.reach_input().await;
    app.deliver().await;
    assert_eq!(app.subjects("taro@mail.example").len(), 1);
}

async fn hashes_of_our_own_cost_are_taken_as_they_are(app: &TestApp) {
    let hash = async |hasher: Hasher| {
        let password = SecretText::new("From-The-Bank-9".to_owned());
        hasher.hash(password, [7; 16]).await.unwrap()
    };
    let ours = hash(app.app.hasher.clone()).await;
    let line = GOOD.replace("Login-Pass-1,", &format!(",\"{ours}\""));
    let imported = run(app, format!("{HEAD}\n{line}\n"), false).await;
    assert_eq!(imported.bad, []);
    app.browser(Bank::A).password("good-one", "From-The-Bank-9").await.expect_to("/top");
    assert!(app.database.dump("password_schemes").await.is_empty());
}

/// `From-The-Bank-9` by PBKDF2 with SHA-256, as Python's `hashlib` computes it.
const PBKDF2: &str =
    "$pbkdf2-sha256$i=4096,l=32$c2FsdHNhbHRzYWx0c2FsdA$Q0T3BCioZj5WtxifLqZRG0vJoXFq3VlaKpRpJWyGr7g";

async fn hashes_of_another_scheme_are_taken_and_become_our_own(app: &TestApp) {
    let argon2 = Hasher::new(2_048, 2, 1).unwrap();
    let password = SecretText::new("From-The-Bank-9".to_owned());
    let argon2 = argon2.hash(password, [7; 16]).await.unwrap();
    for (number, hash) in [("N-1", argon2.as_str()), ("N-2", PBKDF2)] {
        let login = format!("{}-one", number.to_lowercase());
        let line = GOOD.replace("N-1", number).replace("good-one", &login);
        let line = line.replace("Login-Pass-1,", &format!(",\"{hash}\""));
        let imported = run(app, format!("{HEAD}\n{line}\n"), false).await;
        assert_eq!(imported.bad, []);
        let row = format!("customer_number = '{number}'");
        assert_eq!(app.database.text("customers", "login_hash", &row).await, hash);
        app.browser(Bank::A).password(&login, "From-The-Bank-8").await.expect(422);
        assert_eq!(app.database.text("customers", "login_hash", &row).await, hash);
        app.browser(Bank::A).password(&login, "From-The-Bank-9").await.expect_to("/top");
        let now = app.database.text("customers", "login_hash", &row).await;
        assert!(now.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{now}");
        app.browser(Bank::A).password(&login, "From-The-Bank-9").await.expect_to("/top");
        // What the bank does not know, the customer need not change.
        assert_eq!(
            app.database.count("customers", &format!("{row} AND login_given = TRUE")).await,
            0
        );
    }
    assert_eq!(app.database.count("password_schemes", "TRUE").await, 2);
    // Two are computed at each login; a third would be too much.
    let third = PBKDF2.replace("i=4096", "i=5000");
    let line = GOOD.replace("N-1", "N-3").replace("good-one", "third-one");
    let line = line.replace("Login-Pass-1,", &format!(",\"{third}\""));
    let imported = run(app, format!("{HEAD}\n{line}\n"), false).await;
    assert!(imported.bad[0].reason.contains("at most 2 schemes"), "{:?}", imported.bad);
    assert_eq!(app.database.count("password_schemes", "TRUE").await, 2);
}

async fn a_confirmation_password_of_another_scheme_becomes_our_own_when_it_is_proved(
    app: &TestApp,
) {
    let line = GOOD.replace("Other-Pass-2,", &format!(",\"{PBKDF2}\""));
    assert_eq!(run(app, format!("{HEAD}\n{line}\n"), false).await.bad, []);
    let mut pc = app.browser(Bank::A);
    pc.password("good-one", "Login-Pass-1").await.expect_to("/top");
    pc.reach_input().await;
    let reply = pc.enter("phone@mail.example", AOKI.start_password).await;
    pc.open(reply.expect_to("/otp/issue/confirm").location()).await.expect(200);
    let hash =
        async || app.database.text("customers", "confirmation_hash", "login_id = 'good-one'").await;
    pc.confirm("From-The-Bank-8", "00000000").await.expect(422);
    assert_eq!(hash().await, PBKDF2);
    // Right, beside a mail password that is not.
    pc.confirm("From-The-Bank-9", "00000000").await.expect(422);
    assert!(hash().await.starts_with("$argon2id$v=19$m=64,t=1,p=1$"));
    let page = pc.confirm("From-The-Bank-9", "00000000").await.expect(422);
    assert_eq!(page.error("confirmation_password"), None);
}

/// The first of them makes the hash our own, under the feet of the others.
async fn a_first_login_sent_thrice_at_once_leads_on_thrice(app: &TestApp) {
    let line = GOOD.replace("Login-Pass-1,", &format!(",\"{PBKDF2}\""));
    assert_eq!(run(app, format!("{HEAD}\n{line}\n"), false).await.bad, []);
    let mut pc = app.browser(Bank::A);
    pc.open("/login").await.expect(200);
    let tabs = [pc.clone(), pc.clone(), pc.clone()];
    at_once(tabs.map(|mut tab| async move {
        tab.password("good-one", "From-The-Bank-9").await.expect_to("/top");
    }))
    .await;
    assert_eq!(app.audited("session.signed_in").await, 1);
    assert_eq!(app.audited("password.refused").await, 0);
}

async fn a_hash_that_costs_nothing_or_too_much_is_refused(app: &TestApp) {
    for hash in [
        PBKDF2.replace("i=4096", "i=1"),
        PBKDF2.replace("i=4096", "i=90000000"),
        "$argon2id$v=19$m=4194304,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned(),
        "$argon2id$v=19$m=2048,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA".to_owned(),
        "$2y$10$abcdefgh".to_owned(),
        "plain".to_owned(),
    ] {
        let line = GOOD.replace("Login-Pass-1,", &format!(",\"{hash}\""));
        let imported = run(app, format!("{HEAD}\n{line}\n"), false).await;
        assert!(imported.bad[0].reason.starts_with("login_password_hash: must be"), "{hash}");
        assert!(!imported.bad[0].reason.contains(&hash), "what a column holds is not told");
    }
}

async fn a_customer_has_three_addresses_at_most_and_none_twice(app: &TestApp) {
    for (addresses, reason) in [
        (
            "a@mail.example;b@mail.example;c@mail.example;d@mail.example",
            "notice_addresses: 3 at most",
        ),
        ("a@mail.example;b@mail.example;a@MAIL.example", "notice_addresses: one of them twice"),
    ] {
        let line = GOOD.replace("taro@mail.example", addresses);
        let imported = run(app, format!("{HEAD}\n{line}\n"), false).await;
        assert_eq!(imported.bad[0].reason, reason);
    }
    let three = "a@mail.example;b@mail.example;A@mail.example";
    let line = GOOD.replace("taro@mail.example", three);
    assert_eq!(run(app, format!("{HEAD}\n{line}\n"), false).await.taken, 1);
}

async fn everything_that_is_wrong_is_told_in_one_run(app: &TestApp) {
    let known = format!("{},{},x,,,,,Login-Pass-1,,Other-Pass-2,", AOKI.number, AOKI.login_id);
    let bad = "N-2,id,x,,,a@b;taro@mail.example;c..d@mail.example,,short,,password,";
    let imported = run(app, format!("{HEAD}\n{bad}\n{GOOD}\n{known}\n"), false).await;
    let told: Vec<_> = imported.bad.iter().map(|b| (b.line, b.reason.as_str())).collect();
    let begins = |at: usize, line, with: &str| {
        assert!(told[at].0 == line && told[at].1.starts_with(with), "{with}: {told:?}");
    };
    begins(0, 2, "login_id: ");
    begins(1, 2, "notice_addresses: address 1: ");
    begins(2, 2, "notice_addresses: address 3: ");
    begins(3, 2, "login_password: the password is too short");
    begins(4, 2, "confirmation_password: the password is a common one");
    begins(5, 4, "customer_number: a registered customer has it");
    begins(6, 4, "login_id: a registered customer has it");
    assert_eq!((told.len(), imported.taken), (7, 0));
    let head = HEAD.replace("birthday", "birth_day").replace("locale", "postcode");
    let imported = run(app, format!("{head}\n{GOOD}\n"), false).await;
    let told: Vec<_> = imported.bad.iter().map(|b| b.reason.as_str()).collect();
    assert!(told[0].contains("(birth_day): no such column, is birthday meant? there are"));
    assert!(told[1].contains("(postcode): no such column; there are"), "{told:?}");
}

async fn what_a_file_calls_a_column_speaks_to_no_terminal(app: &TestApp) {
    let head = HEAD.replace("birthday", "\u{1b}[31mday\u{202e}");
    let imported = run(app, format!("{head}\n{GOOD}\n"), false).await;
    let reason = &imported.bad[0].reason;
    assert!(reason.starts_with("column 4: no such column"), "{reason}");
}

async fn the_same_file_twice_changes_nothing(app: &TestApp) {
    let file = format!("{HEAD}\n{GOOD}\n");
    assert_eq!(run(app, &file, false).await.taken, 1);
    let before = app.database.state().await;
    let again = run(app, &file, true).await;
    assert_eq!((again.taken, again.lines_left_out(), again.bad.len()), (0, 1, 2));
    assert!(app.database.state().await == before);
}

async fn more_lines_than_are_written_at_once_are_all_written_and_each_taken_one_told(
    app: &TestApp,
) {
    let before = app.database.count("customers", "TRUE").await;
    let trail = app.audited("customer.imported").await;
    let line = |n: usize| {
        let (number, login) = match n {
            // The last and the first of what is written together.
            499 => (AOKI.number.to_owned(), format!("line-{n}")),
            500 => (format!("L-{n}"), AOKI.login_id.to_owned()),
            _ => (format!("L-{n}"), format!("line-{n}")),
        };
        let mails = format!("a{n}@mass.example;b{n}@mass.example");
        format!("{number},{login},山田,,ja,{mails},2026-01-01,,\"{PBKDF2}\",,\"{PBKDF2}\"\n")
    };
    let file = format!("{HEAD}\n{}", (0..1_203).map(line).collect::<String>());
    let imported = run(app, &file, true).await;
    let told: Vec<_> = imported.bad.iter().map(|b| (b.line, b.reason.as_str())).collect();
    let number = "customer_number: a registered customer has it";
    let login = "login_id: a registered customer has it";
    assert_eq!(told, [(501, number), (502, login)]);
    assert_eq!(imported.taken, 1_201);
    let ours = "customer_number LIKE 'L-%' AND login_id LIKE 'line-%'";
    assert_eq!(app.database.count("customers", ours).await, 1_201);
    assert_eq!(app.database.count("customers", "TRUE").await, before + 1_201);
    assert_eq!(app.database.count("addresses", "address LIKE '%@mass.example'").await, 2_402);
    for key in ["L-%", "line-%"] {
        let of = format!("value LIKE '{key}'");
        assert_eq!(app.database.count("directory", &of).await, 1_201, "{key}");
    }
    assert_eq!(app.audited("customer.imported").await, trail + 1_201);
    let last = "value = 'line-1202' AND reference = ''";
    assert_eq!(app.database.count("directory", last).await, 1);
}

async fn lines_are_counted_as_an_editor_does(app: &TestApp) {
    let bad = GOOD.replace("good-one", "id");
    for (end, mark) in [("\n", ""), ("\r\n", ""), ("\r", ""), ("\n", "\u{feff}")] {
        let lines = [HEAD, "", &bad, "", "", &bad, &bad, "N-2,x", ""];
        let imported = run(app, format!("{mark}{}", lines.join(end)), false).await;
        let told: Vec<_> = imported.bad.iter().map(|bad| bad.line).collect();
        assert_eq!(told, [3, 6, 7, 8], "{end:?} {mark:?}: {:?}", imported.bad);
    }
    // One that is taken takes no other line with it, wherever the lines end.
    let taken = GOOD.replace("N-1", AOKI.number).replace("good-one", "taken-one");
    let imported = run(app, format!("{HEAD}\r{taken}\r{GOOD}\r"), true).await;
    assert_eq!((imported.taken, imported.bad.len(), imported.bad[0].line), (1, 1, 2));
}
