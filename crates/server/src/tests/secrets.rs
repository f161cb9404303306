//! Rule 4 against someone who reads the database but has no key, and against everyone who reads what
//! the product writes: no secret of the whole walk is there in clear.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use warifu_core::ids::CustomerId;

use super::harness::{
    KEK, TestApp,
    banks::{AOKI, AOKI_B, Bank, Person},
    browser::Browser,
    on_both_engines,
    phone::Phone,
};

on_both_engines!(
    a_reader_of_the_database_finds_no_secret_of_the_walk,
    a_mail_that_waits_is_sealed_and_a_sent_secret_is_wiped,
    no_audit_row_holds_a_secret,
    no_mail_holds_a_secret_but_the_one_it_is_sent_for_and_none_a_link,
    what_the_command_line_shows_holds_no_secret,
    what_is_printed_for_debugging_hides_secrets,
);

/// Everything of a walk that must not be found.
struct Walked {
    secrets: Vec<(&'static str, Vec<u8>)>,
}

async fn walk(app: &TestApp, person: &Person) -> Walked {
    let mut secrets: Vec<(&'static str, Vec<u8>)> = vec![
        ("login password", person.login_password.into()),
        ("confirmation password", person.confirmation_password.into()),
        ("start password", person.start_password.into()),
        ("key-encryption key", KEK.to_vec()),
    ];
    let mut keep = |name, text: &str| {
        secrets.push((name, text.as_bytes().to_vec()));
        if let Ok(bytes) = B64.decode(text) {
            secrets.push((name, bytes));
        }
    };
    let mut pc = app.browser(person.bank);
    pc.sign_in(person).await;
    keep("session", &pc.session());
    pc.reach_confirm(person).await;
    let mail_password = app.mail_password(person).await;
    keep("mail password", &mail_password);
    let reply = pc.confirm(person.confirmation_password, &mail_password).await;
    let page = pc.open(reply.location()).await.expect_screen("BOT003");
    let numbers = super::harness::walk::Numbers::of(&page);
    keep("QR secret", &numbers.qr_secret);
    let mut phone = app.phone(person.bank);
    phone.set_up(&numbers, person.start_password).await;
    let root = phone.root.clone().unwrap();
    keep("root", &B64.encode(&root));
    pc.reach_start().await;
    pc.start(&phone.passcode()).await.expect_to("/otp/start/done");
    keep("session after the start", &pc.session());
    pc.sign_out().await.expect(200);
    app.advance_secs(60);
    let mut pc = app.browser(person.bank);
    pc.sign_in_with(person, &phone.passcode()).await;
    keep("session of the login", &pc.session());
    keep("device", &pc.cookies["__Host-device"]);
    app.advance_secs(60);
    let changed = change_address_and_password(app, person, &mut pc, &phone).await;
    keep("address number", &changed[0]);
    keep("new password", &changed[1]);
    keep("session after the change", &pc.session());
    app.deliver().await;
    // The customer's id is public; the random half of a session's cookie is its secret.
    let public = secret_part(app, person).await;
    for (_, secret) in &mut secrets {
        if secret.starts_with(&public) {
            secret.drain(..public.len());
        }
    }
    Walked { secrets }
}

// A notice address is added and the login password changed: the number and the new password.
async fn change_address_and_password(
    app: &TestApp,
    person: &Person,
    pc: &mut Browser,
    phone: &Phone,
) -> [String; 2] {
    let new = "fresh@mail.example";
    pc.open("/address").await.expect(200);
    let fields = [("act", "add"), ("address", new), ("address2", new)];
    pc.submit("/address", &fields).await.expect_screen("BMA002");
    let passcode = phone.passcode();
    let fields =
        [("confirmation_password", person.confirmation_password), ("passcode", &*passcode)];
    pc.submit("/address/confirm", &fields).await.expect_screen("BMA003");
    app.deliver().await;
    let body = app.body(new, "メールアドレス確認番号");
    let line = body.lines().find(|line| line.starts_with("確認番号")).unwrap();
    let number: String = line.chars().filter(char::is_ascii_digit).collect();
    pc.submit("/address/number", &[("number", &*number)]).await.expect_screen("BMA003");
    let password = "Atarashii-Himitsu-91";
    pc.open("/password").await.expect(200);
    let fields = [("which", "login"), ("new_password", password), ("new_password2", password)];
    pc.submit("/password", &fields).await.expect_screen("BPW002");
    let fields = [("present_password", person.login_password)];
    pc.submit("/password/confirm", &fields).await.expect_screen("BPW003");
    [number, password.to_owned()]
}

async fn secret_part(app: &TestApp, person: &Person) -> [u8; 16] {
    let id = app.database.text("customers", "customer_id", &person.row()).await;
    id.parse::<CustomerId>().unwrap().as_bytes()
}

fn contains(place: &[u8], secret: &[u8]) -> bool {
    place.windows(secret.len()).any(|window| window == secret)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |out, byte| format!("{out}{byte:02x}"))
}

// Attack 69.
async fn a_reader_of_the_database_finds_no_secret_of_the_walk(app: &TestApp) {
    for person in [&AOKI, &AOKI_B] {
        let walked = walk(app, person).await;
        assert!(walked.secrets.len() >= 17);
        let mut places = app.database.files();
        for table in app.database.tables().await {
            places.push(app.database.dump(&table).await.join("\n").to_lowercase().into_bytes());
        }
        for (name, secret) in &walked.secrets {
            for place in &places {
                assert!(!contains(place, secret), "{name} stands in clear");
                let lower = String::from_utf8_lossy(secret).to_lowercase();
                assert!(secret.len() < 4 || !contains(place, lower.as_bytes()), "{name} in a row");
                assert!(!contains(place, hex(secret).as_bytes()), "{name} stands in a blob");
            }
        }
        // The search itself finds what is there.
        let everything = places.concat();
        assert!(contains(&everything, person.login_id.as_bytes()));
    }
}

async fn a_mail_that_waits_is_sealed_and_a_sent_secret_is_wiped(app: &TestApp) {
    let mut pc = app.signed_in(&AOKI).await;
    pc.reach_input().await;
    assert_eq!(app.database.count("mails", "has_secret = TRUE AND body IS NOT NULL").await, 2);
    let rows = app.database.dump("mails").await.concat();
    assert!(!rows.contains("メール通知パスワードをお知らせします"));
    app.deliver().await;
    assert_eq!(app.database.count("mails", "has_secret = TRUE AND body IS NOT NULL").await, 0);
    let mail_password = app.mail_password(&AOKI).await;
    assert!(!contains(&app.database.files().concat(), mail_password.as_bytes()));
}

async fn no_audit_row_holds_a_secret(app: &TestApp) {
    let walked = walk(app, &AOKI).await;
    // And after every kind of refusal.
    let mut pc = app.browser(Bank::A);
    pc.password(AOKI.login_id, "Wrong-Pass-1").await.expect(422);
    pc.password("", "Wrong-Pass-1").await.expect(422);
    pc.password("Wrong-Pass-1", "").await.expect(422);
    let rows = app.database.dump("audit").await.concat();
    for (name, secret) in &walked.secrets {
        assert!(!contains(rows.as_bytes(), secret), "{name}");
        assert!(!contains(rows.to_lowercase().as_bytes(), hex(secret).as_bytes()), "{name}");
    }
    assert!(!rows.contains("Wrong-Pass-1"));
    for address in AOKI.addresses.split(';').chain([AOKI.phone_address]) {
        assert!(!rows.contains(address), "{address}");
    }
}

// Rule 8.
async fn no_mail_holds_a_secret_but_the_one_it_is_sent_for_and_none_a_link(app: &TestApp) {
    for person in [&AOKI, &AOKI_B] {
        let walked = walk(app, person).await;
        for mail in app.mails() {
            let text = format!("{}\n{}", mail.subject, mail.body);
            assert!(!text.contains("http") && !text.contains("://"), "{text}");
            let held = [
                ("mail password", "メール通知パスワードのお知らせ"),
                ("address number", "メールアドレス確認番号のお知らせ"),
            ];
            for (name, secret) in &walked.secrets {
                let found = contains(text.as_bytes(), secret);
                let may = held.iter().any(|(of, title)| of == name && mail.subject.contains(title));
                assert!(!found || may, "{name}: {text}");
            }
        }
    }
}

async fn what_the_command_line_shows_holds_no_secret(app: &TestApp) {
    let walked = walk(app, &AOKI).await;
    let origin = app.origin(Bank::A);
    let id = crate::actions::customers::find(&app.app, &origin, AOKI.login_id).await.unwrap();
    let shown = crate::actions::customers::show(&app.app, &origin, id.unwrap()).await.unwrap();
    let shown = shown.to_string();
    assert!(shown.contains(AOKI.login_id) && shown.contains("in_use"), "{shown}");
    for (name, secret) in &walked.secrets {
        assert!(!contains(shown.as_bytes(), secret), "{name}");
    }
    for word in ["argon2", "hash", "mac", "sealed", "root"] {
        assert!(!shown.contains(word), "{word}: {shown}");
    }
}

async fn what_is_printed_for_debugging_hides_secrets(app: &TestApp) {
    let pc = app.signed_in(&AOKI).await;
    let printed = format!("{:?} {:?}", app.app, app.institution(Bank::A).keys);
    assert!(!printed.contains("90, 90") && !printed.contains("5a5a"), "{printed}");
    let given = crate::actions::login_password::Credentials {
        login_id: None,
        typed: String::new(),
        password: warifu_core::secret::SecretText::new(AOKI.login_password.to_owned()),
        device: Vec::new(),
    };
    assert!(!format!("{given:?}").contains(AOKI.login_password));
    assert!(!format!("{:?}", app.app).contains(&pc.session()));
}
