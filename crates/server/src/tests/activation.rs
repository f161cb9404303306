//! Rules 4 and 10: the root leaves for one phone only, repeated to the same two keys until that phone
//! says that it holds it.

use super::harness::{
    TestApp, at_once,
    banks::{AOKI, AOKI_B, Bank, ISHII, Person},
    on_both_engines,
    phone::Phone,
    walk::Numbers,
};

on_both_engines!(
    a_repeat_with_the_same_keys_gives_the_same_root,
    after_the_acknowledgement_nothing_is_repeated,
    a_second_phone_kills_the_issue_and_everyone_is_told,
    one_other_key_is_refused_and_kills_nothing,
    phones_at_once_get_one_root_and_the_issue_does_not_survive_two,
    the_same_phone_at_once_gets_one_root,
    wrong_start_passwords_kill_the_issue,
    wrong_start_passwords_at_once_are_all_counted,
    wrong_start_passwords_after_the_set_up_end_the_issue_too,
    all_refusals_of_a_phone_look_alike,
    an_expired_issue_is_refused,
    a_qr_code_is_worthless_after_its_time_and_without_the_start_password,
    a_renewed_qr_code_kills_the_one_before,
    a_late_scan_is_no_guess_of_the_start_password,
    the_start_must_come_in_time,
    an_acknowledgement_of_another_phone_is_refused,
    a_network_that_guesses_user_ids_has_to_wait,
    the_reply_is_sealed_to_one_phone,
    a_suspended_customers_phone_gets_nothing,
    a_phone_set_up_shows_on_the_pc,
);

async fn issued(app: &TestApp, person: &Person) -> Numbers {
    let numbers = app.signed_in(person).await.issue(person).await;
    app.advance_secs(1);
    numbers
}

async fn a_repeat_with_the_same_keys_gives_the_same_root(app: &TestApp) {
    for person in [&AOKI, &AOKI_B] {
        let numbers = issued(app, person).await;
        let mut phone = app.phone(person.bank);
        phone.activate(&numbers, person.start_password).await.expect(200);
        let first = phone.root.take();
        for _ in 0..3 {
            app.advance_mins(10);
            phone.activate(&numbers, person.start_password).await.expect(200);
            assert_eq!(phone.root.take(), first);
        }
    }
    assert_eq!(app.audited("token.activated").await, 2);
    assert_eq!(app.audited("activation.repeated").await, 6);
    assert_eq!(app.database.count("verifiers", "TRUE").await, 2);
}

async fn after_the_acknowledgement_nothing_is_repeated(app: &TestApp) {
    let numbers = issued(app, &AOKI).await;
    let mut phone = app.phone(Bank::A);
    phone.set_up(&numbers, AOKI.start_password).await;
    assert_eq!(app.database.count("issues", "reply IS NOT NULL").await, 0);
    phone.activate(&numbers, AOKI.start_password).await.expect(403);
    // Said again it changes nothing.
    phone.acknowledge().await.expect(204);
    assert_eq!(app.database.text("issues", "COALESCE(end_reason, 'open')", "TRUE").await, "open");
}

// Attack 66.
async fn a_second_phone_kills_the_issue_and_everyone_is_told(app: &TestApp) {
    for person in [&AOKI, &AOKI_B] {
        let mut pc = app.signed_in(person).await;
        let numbers = pc.issue(person).await;
        let mut phone = app.phone(person.bank);
        phone.set_up(&numbers, person.start_password).await;
        pc.reach_start().await;
        let mut thief = app.phone(person.bank);
        thief.activate(&numbers, person.start_password).await.expect(410);
        // The first phone's passcodes are worth nothing any more.
        pc.start(&phone.passcode()).await.expect(409);
        phone.activate(&numbers, person.start_password).await.expect(403);
        assert_eq!(app.database.text("tokens", "state", &person.rows()).await, "revoked");
        let shown = pc.open("/otp").await.expect(200).text();
        assert!(shown.contains("別の携帯電話で初期設定が行われたため"), "{shown}");
        app.deliver().await;
        for address in person.addresses.split(';').chain([person.phone_address]) {
            let body = app.body(address, "トークン");
            assert!(!body.contains(person.start_password));
            let told = app.subjects(address);
            assert!(told.iter().any(|s| s.contains("別の携帯電話")), "{address}: {told:?}");
        }
    }
}

// Attack 67.
async fn one_other_key_is_refused_and_kills_nothing(app: &TestApp) {
    let numbers = issued(app, &AOKI).await;
    let mut phone = app.phone(Bank::A);
    phone.activate(&numbers, AOKI.start_password).await.expect(200);
    let root = phone.root.clone();
    for mut other in [phone.with_other_signing_key(), phone.with_other_delivery_key()] {
        other.activate(&numbers, AOKI.start_password).await.expect(403);
    }
    phone.activate(&numbers, AOKI.start_password).await.expect(200);
    assert_eq!(phone.root, root);
    phone.acknowledge().await.expect(204);
}

async fn phones_at_once_get_one_root_and_the_issue_does_not_survive_two(app: &TestApp) {
    let numbers = issued(app, &AOKI).await;
    let phones: Vec<_> = (0..8).map(|_| (app.phone(Bank::A), numbers.clone())).collect();
    let replies = at_once(phones.into_iter().map(|(mut phone, numbers)| async move {
        phone.activate(&numbers, AOKI.start_password).await.status
    }))
    .await;
    let times = |status| replies.iter().filter(|s| **s == status).count();
    assert_eq!((times(200), times(410), times(403)), (1, 1, 6), "{replies:?}");
    assert_eq!(app.database.text("tokens", "state", "TRUE").await, "revoked");
    assert_eq!(app.audited("token.activated").await, 1);
}

async fn the_same_phone_at_once_gets_one_root(app: &TestApp) {
    let numbers = issued(app, &AOKI).await;
    let phone = app.phone(Bank::A);
    let phones: Vec<_> = (0..8).map(|_| (phone.clone(), numbers.clone())).collect();
    let roots = at_once(phones.into_iter().map(|(mut phone, numbers)| async move {
        phone.activate(&numbers, AOKI.start_password).await.expect(200);
        phone.root
    }))
    .await;
    assert!(roots.iter().all(|root| root.is_some() && *root == roots[0]));
    assert_eq!(app.audited("token.activated").await, 1);
    assert_eq!(app.database.count("verifiers", "TRUE").await, 1);
}

async fn wrong_start_passwords_kill_the_issue(app: &TestApp) {
    for person in [&AOKI, &AOKI_B] {
        let tries = person.bank.start_tries();
        // One short of it the right one is still taken.
        let numbers = issued(app, person).await;
        let mut phone = app.phone(person.bank);
        for _ in 1..tries {
            phone.activate(&numbers, "39517").await.expect(403);
        }
        phone.set_up(&numbers, person.start_password).await;
        app.advance_mins(11);
        let numbers = issued(app, person).await;
        let mut phone = app.phone(person.bank);
        for _ in 0..tries {
            phone.activate(&numbers, "39517").await.expect(403);
        }
        phone.activate(&numbers, person.start_password).await.expect(403);
        let reason = format!("end_reason = 'start_password' AND {}", person.rows());
        assert_eq!(app.database.count("issues", &reason).await, 1);
        app.deliver().await;
        for address in person.addresses.split(';').chain([person.phone_address]) {
            assert!(
                app.body(address, "取り消しました").contains("利用開始パスワード"),
                "{address}"
            );
        }
        app.advance_mins(20);
    }
}

async fn wrong_start_passwords_at_once_are_all_counted(app: &TestApp) {
    let numbers = issued(app, &AOKI).await;
    let phones: Vec<_> = (0..16).map(|_| (app.phone(Bank::A), numbers.clone())).collect();
    at_once(phones.into_iter().enumerate().map(|(place, (mut phone, numbers))| async move {
        phone.peer = format!("198.51.100.{place}");
        phone.activate(&numbers, "39517").await.expect(403)
    }))
    .await;
    let evaluated = app.database.count("audit", "reason = 'start_password' AND result = 'refused'");
    assert_eq!(evaluated.await, 5);
    app.phone(Bank::A).activate(&numbers, AOKI.start_password).await.expect(403);
}

// A thief who was first must not be able to use the tries up before the customer's own phone comes.
async fn wrong_start_passwords_after_the_set_up_end_the_issue_too(app: &TestApp) {
    let mut pc = app.signed_in(&AOKI).await;
    let numbers = pc.issue(&AOKI).await;
    let mut phone = app.phone(Bank::A);
    phone.set_up(&numbers, AOKI.start_password).await;
    for place in 0..9 {
        let mut stranger = app.phone(Bank::A);
        stranger.peer = format!("192.0.2.{place}");
        stranger.activate(&numbers, "39517").await.expect(403);
    }
    pc.get("/otp").await.expect(200);
    pc.submit("/otp/start", &[]).await.expect(409);
    assert_eq!(app.audited("issue.died").await, 1);
    assert_eq!(app.database.count("verifiers", "state = 'revoked'").await, 1);
}

// Attack 23, for phones: nobody learns which user IDs there are.
async fn all_refusals_of_a_phone_look_alike(app: &TestApp) {
    let numbers = issued(app, &AOKI).await;
    let foreign = issued(app, &AOKI_B).await;
    let dead = issued(app, &ISHII).await;
    app.advance_hours(80);
    let fresh = {
        let mut pc = app.signed_in(&AOKI).await;
        pc.issue(&AOKI).await
    };
    let unknown = Numbers { user_id: other_user_id(&numbers.user_id), ..numbers.clone() };
    let foreign = Numbers { service_id: numbers.service_id.clone(), ..foreign };
    let mut replies = Vec::new();
    for (name, asked, start, qr) in [
        ("unknown", &unknown, "39517", None),
        ("wrong", &fresh, "39517", None),
        ("ended", &dead, ISHII.start_password, None),
        ("superseded", &numbers, AOKI.start_password, None),
        ("of the other bank", &foreign, AOKI_B.start_password, None),
        ("old picture", &fresh, AOKI.start_password, Some(numbers.qr_secret.as_str())),
    ] {
        let mark = app.mark();
        let phone = app.phone(Bank::A);
        let request = phone.request(asked, start, qr).to_string();
        let reply = phone.post("/phone/v1/activations", &request).await.expect(403);
        let recorded = app.recorded(mark).await;
        assert_eq!(recorded.len(), 1, "{name}: {recorded:?}");
        assert!(recorded[0].starts_with("activation.refused|refused|"), "{name}");
        replies.push((name, reply.headers.clone(), reply.body));
    }
    for (name, headers, body) in &replies {
        assert_eq!(headers, &replies[0].1, "{name}");
        assert_eq!(body, &replies[0].2, "{name}");
    }
}

/// Another number that is well formed.
fn other_user_id(number: &str) -> String {
    let mut digits = number[..11].to_owned();
    let last = if digits.ends_with('0') { '1' } else { '0' };
    digits.pop();
    digits.push(last);
    let found = (0..10).map(|check| format!("{digits}{check}"));
    let mut sound = found.filter(|n| warifu_core::ids::UserId::parse(n).is_ok());
    sound.next().unwrap()
}

async fn an_expired_issue_is_refused(app: &TestApp) {
    for (person, hours) in [(&AOKI, 72), (&AOKI_B, 24)] {
        let numbers = app.signed_in(person).await.issue(person).await;
        let mut phone = app.phone(person.bank);
        app.advance_secs(hours * 3_600 - 1);
        phone.activate(&numbers, "39517").await.expect(403);
        app.advance_secs(1);
        phone.activate(&numbers, person.start_password).await.expect(403);
        assert_eq!(app.database.count("verifiers", "TRUE").await, 0);
    }
}

// Attack 68.
async fn a_qr_code_is_worthless_after_its_time_and_without_the_start_password(app: &TestApp) {
    for (person, minutes) in [(&AOKI, 10), (&AOKI_B, 5)] {
        let numbers = app.signed_in(person).await.issue(person).await;
        let phone = app.phone(person.bank);
        let qr = Some(numbers.qr_secret.as_str());
        for start in ["39517", "00000000"] {
            ask(&phone, &numbers, start, qr).await.expect(403);
        }
        app.advance_secs(minutes * 60 - 1);
        ask(&phone, &numbers, person.start_password, qr).await.expect(200);
        // The same phone may repeat what it scanned, even later.
        app.advance_mins(minutes);
        ask(&phone, &numbers, person.start_password, qr).await.expect(200);
        // And a picture of it is nothing to another phone, not even a second phone.
        let photographer = app.phone(person.bank);
        ask(&photographer, &numbers, "39517", qr).await.expect(403);
        app.advance_mins(30);
    }
    let mut pc = app.signed_in(&ISHII).await;
    let numbers = pc.issue(&ISHII).await;
    app.advance_mins(10);
    let qr = Some(numbers.qr_secret.as_str());
    ask(&app.phone(Bank::A), &numbers, ISHII.start_password, qr).await.expect(403);
    // Typing the numbers still works.
    ask(&app.phone(Bank::A), &numbers, ISHII.start_password, None).await.expect(200);
}

async fn ask(
    phone: &Phone,
    numbers: &Numbers,
    start: &str,
    qr: Option<&str>,
) -> super::harness::http::Reply {
    let request = phone.request(numbers, start, qr).to_string();
    phone.post("/phone/v1/activations", &request).await
}

async fn a_renewed_qr_code_kills_the_one_before(app: &TestApp) {
    let mut pc = app.signed_in(&AOKI).await;
    let old = pc.issue(&AOKI).await;
    app.advance_secs(30);
    pc.post("/otp/issue/qr", &[]).await.expect(303);
    let id = app.database.text("procedures", "id", "outcome = 'done'").await;
    let page = pc.open(&format!("/otp/issue/done?procedure={id}")).await.expect(200);
    let new = Numbers::of(&page);
    assert_ne!(old.qr_secret, new.qr_secret);
    let phone = app.phone(Bank::A);
    ask(&phone, &old, AOKI.start_password, Some(&old.qr_secret)).await.expect(403);
    ask(&phone, &new, AOKI.start_password, Some(&new.qr_secret)).await.expect(200);
}

async fn a_late_scan_is_no_guess_of_the_start_password(app: &TestApp) {
    let numbers = issued(app, &AOKI).await;
    app.advance_mins(11);
    for place in 0..8 {
        let mut phone = app.phone(Bank::A);
        phone.peer = format!("192.0.2.{place}");
        ask(&phone, &numbers, AOKI.start_password, Some(&numbers.qr_secret)).await.expect(403);
    }
    app.phone(Bank::A).activate(&numbers, AOKI.start_password).await.expect(200);
}

async fn the_start_must_come_in_time(app: &TestApp) {
    for (person, days) in [(&AOKI, 7), (&AOKI_B, 3)] {
        let mut pc = app.signed_in(person).await;
        let phone = pc.issue_to_phone(person).await;
        app.advance_secs(days * 86_400 - 60);
        let mut pc = app.signed_in(person).await;
        pc.reach_start().await;
        app.advance_secs(60);
        pc.start(&phone.passcode()).await.expect(409);
        assert_eq!(app.audited("token.started").await, 0);
        // Nothing is demanded of someone whose start never came.
        app.signed_in(person).await;
    }
}

async fn an_acknowledgement_of_another_phone_is_refused(app: &TestApp) {
    let numbers = issued(app, &AOKI).await;
    let mut phone = app.phone(Bank::A);
    phone.activate(&numbers, AOKI.start_password).await.expect(200);
    let mut stranger = phone.with_other_signing_key();
    stranger.activation.clone_from(&phone.activation);
    let mark = app.mark();
    stranger.acknowledge().await.expect(403);
    assert_eq!(app.recorded(mark).await.len(), 1, "a refusal is recorded");
    // What is unknown is gone for good: the phone stops asking. It is recorded too.
    stranger.activation = "act_0000000000000000000000000a".to_owned();
    let mark = app.mark();
    stranger.acknowledge().await.expect(410);
    assert_eq!(app.recorded(mark).await.len(), 1);
    stranger.activation = "x".to_owned();
    stranger.acknowledge().await.expect(404);
    // At the other bank it does not exist.
    let mut elsewhere = phone.clone();
    elsewhere.bank = Bank::B;
    elsewhere.acknowledge().await.expect(410);
    // So the phone may still repeat, and then say so itself.
    phone.activate(&numbers, AOKI.start_password).await.expect(200);
    phone.acknowledge().await.expect(204);
}

async fn a_network_that_guesses_user_ids_has_to_wait(app: &TestApp) {
    let numbers = issued(app, &AOKI).await;
    let unknown = Numbers { user_id: other_user_id(&numbers.user_id), ..numbers.clone() };
    for _ in 0..20 {
        app.phone(Bank::A).activate(&unknown, "39517").await.expect(403);
    }
    let mark = app.mark();
    let waits = app.phone(Bank::A).activate(&numbers, AOKI.start_password).await.expect(429);
    assert!(waits.header("retry-after").parse::<u32>().unwrap() >= 1);
    assert_eq!(app.recorded(mark).await.len(), 1, "a refusal is recorded");
    app.advance_mins(1);
    app.phone(Bank::A).activate(&numbers, AOKI.start_password).await.expect(200);
}

async fn the_reply_is_sealed_to_one_phone(app: &TestApp) {
    let numbers = issued(app, &AOKI).await;
    let mut phone = app.phone(Bank::A);
    let reply = phone.activate(&numbers, AOKI.start_password).await.expect(200);
    let root = phone.root.clone().unwrap();
    let listener = reply.body.as_bytes();
    assert!(!listener.windows(32).any(|window| window == root));
    assert_eq!(reply.header("cache-control"), "no-store");
    let json = reply.json();
    assert_eq!(json["passcode"]["digits"], 6);
    assert_eq!(json["passcode"]["period"], 60);
    assert_eq!(json["institution_name"], "みなと銀行");
    assert_eq!(json["now"], app.now().0);
}

async fn a_suspended_customers_phone_gets_nothing(app: &TestApp) {
    let numbers = issued(app, &AOKI).await;
    app.database.set("customers", "suspended_at = 1", &AOKI.row()).await;
    app.phone(Bank::A).activate(&numbers, AOKI.start_password).await.expect(403);
    assert_eq!(app.database.count("verifiers", "TRUE").await, 0);
}

async fn a_phone_set_up_shows_on_the_pc(app: &TestApp) {
    let mut pc = app.signed_in(&AOKI).await;
    let numbers = pc.issue(&AOKI).await;
    let waiting = pc.open("/otp").await.expect(200);
    assert!(waiting.text().contains("手順2が残っています"), "{}", waiting.text());
    app.advance_mins(3);
    app.phone(Bank::A).set_up(&numbers, AOKI.start_password).await;
    let ready = pc.open("/otp").await.expect(200);
    assert!(ready.text().contains("手順3が残っています"), "{}", ready.text());
    let page = pc.submit("/otp/start", &[]).await.expect_screen("BOK001");
    assert!(page.text().contains("iPhone（Safari）"), "{}", page.text());
    assert!(page.text().contains("10時03分"), "{}", page.text());
}
