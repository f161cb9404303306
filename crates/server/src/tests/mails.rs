//! The mail worker: each mail once, by lease; failures wait longer each time; a secret never outlives
//! its moment.

use super::harness::{
    TestApp, at_once,
    banks::{AOKI, AOKI_B, Bank},
    on_both_engines,
};
use crate::mail::{
    transport::{SmtpSettings, Tls, Transport},
    worker,
};

on_both_engines!(
    two_workers_at_once_send_each_mail_once,
    a_worker_that_died_is_replaced_when_its_lease_ends,
    a_failed_try_waits_longer_each_time,
    a_mail_password_that_is_too_late_is_dropped_and_wiped,
    a_logged_out_customers_mail_password_is_never_sent,
    a_mail_that_no_relay_takes_is_given_up_after_three_days,
    a_refused_mail_is_given_up_at_once_and_the_page_says_so,
    one_bad_mail_does_not_keep_the_others_waiting,
    the_token_mail_can_be_sent_again_a_few_times,
    an_address_nobody_confirmed_gets_few_mails_a_day_however_many_issues_there_are,
    a_mail_is_in_the_customers_own_language,
    a_mail_keeps_its_message_id_over_its_tries,
    a_carriers_old_address_is_kept_as_typed,
);

/// Nobody listens there: every try fails for now.
fn dead_relay() -> Transport {
    Transport::smtp(SmtpSettings {
        host: "127.0.0.1".to_owned(),
        port: 9,
        tls: Tls::None,
        username: None,
        password: None,
        ca_file: None,
    })
    .unwrap()
}

/// One worker handles all that is due; gives how many mails that were.
async fn round(app: &TestApp, transport: &Transport) -> usize {
    let holder = worker::holder(&app.app);
    let mut handled = 0;
    loop {
        match worker::round(&app.app, transport, &holder).await.unwrap() {
            0 => return handled,
            more => handled += more,
        }
    }
}

async fn two_workers_at_once_send_each_mail_once(app: &TestApp) {
    for person in [&AOKI, &AOKI_B] {
        app.signed_in(person).await.issue_to_phone(person).await;
    }
    let waiting = app.database.count("mails", "state = 'queued'").await;
    assert!(waiting >= 4, "{waiting}");
    let nodes = [app.clone(), app.second_node().await, app.second_node().await];
    let folder = app.transport();
    let Transport::Folder(folder) = folder else { panic!("a folder") };
    let workers = nodes.iter().cloned().map(|node| {
        let folder = folder.clone();
        async move { round(&node, &Transport::Folder(folder)).await }
    });
    let handled: usize = at_once(workers).await.into_iter().sum();
    assert_eq!(i64::try_from(handled).unwrap(), waiting);
    assert_eq!(app.database.count("mails", "state = 'sent' AND attempts <> 1").await, 0);
    assert_eq!(app.database.count("mails", "state = 'queued'").await, 0);
    for node in &nodes[1..] {
        node.app.store.close().await;
    }
}

async fn a_worker_that_died_is_replaced_when_its_lease_ends(app: &TestApp) {
    app.signed_in(&AOKI).await.reach_input().await;
    let mut tx = app.app.store.begin().await.unwrap();
    let claimed = tx.claim_mails("died", app.now(), 60_000, 16).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(claimed.len(), 2);
    assert_eq!(round(app, &app.transport()).await, 0);
    app.advance_secs(59);
    assert_eq!(round(app, &app.transport()).await, 0);
    app.advance_secs(1);
    assert_eq!(round(app, &app.transport()).await, 2);
    assert_eq!(app.mails().len(), 2);
    // The dead one wakes up: what it has to say counts no more.
    let mut tx = app.app.store.begin().await.unwrap();
    let late = tx.finish_mail(&claimed[0]).await;
    assert!(matches!(late, Err(warifu_store::StoreError::Conflict)), "{late:?}");
}

async fn a_failed_try_waits_longer_each_time(app: &TestApp) {
    app.signed_in(&AOKI).await.issue(&AOKI).await;
    app.deliver().await;
    app.signed_in(&AOKI).await.issue_to_phone(&AOKI).await;
    app.deliver().await;
    app.phone(Bank::A);
    let mut pc = app.signed_in(&AOKI).await;
    pc.issue(&AOKI).await;
    // Mails without an end of their own: the notices and the token mail.
    let dead = dead_relay();
    let waiting = "state = 'queued' AND expires_at IS NULL";
    for (tries, wait) in [5, 15, 60, 300, 900, 1_800, 3_600, 3_600].into_iter().enumerate() {
        assert!(round(app, &dead).await > 0, "try {tries}");
        assert!(app.database.count("mails", waiting).await > 0);
        app.advance_secs(wait - 1);
        assert_eq!(round(app, &dead).await, 0, "try {tries} waits {wait} s");
        app.advance_secs(1);
    }
    let error = app.database.texts("mails", "last_error", waiting).await;
    assert!(!error[0].contains('@'), "{error:?}");
}

async fn a_mail_password_that_is_too_late_is_dropped_and_wiped(app: &TestApp) {
    for (person, minutes) in [(&AOKI, 30), (&AOKI_B, 20)] {
        app.signed_in(person).await.reach_input().await;
        app.advance_mins(minutes);
        app.deliver().await;
        assert!(app.subjects(person.address()).is_empty());
        let dropped = format!("state = 'expired' AND body IS NULL AND {}", person.rows());
        assert!(app.database.count("mails", &dropped).await > 0);
    }
    assert_eq!(app.audited("mail.failed").await, 3);
}

async fn a_logged_out_customers_mail_password_is_never_sent(app: &TestApp) {
    let mut pc = app.signed_in(&AOKI).await;
    pc.reach_input().await;
    pc.sign_out().await.expect(200);
    app.deliver().await;
    assert!(app.mails().is_empty());
    assert_eq!(app.database.count("mails", "body IS NOT NULL").await, 0);
}

async fn a_mail_that_no_relay_takes_is_given_up_after_three_days(app: &TestApp) {
    let mut pc = app.signed_in(&AOKI).await;
    pc.issue(&AOKI).await;
    let dead = dead_relay();
    for _ in 0..90 {
        round(app, &dead).await;
        app.advance_hours(1);
    }
    assert_eq!(app.database.count("mails", "state IN ('queued', 'sending')").await, 0);
    assert_eq!(app.database.count("mails", "state = 'failed'").await, 3);
    let told = app.database.count("audit", "kind = 'mail.failed' AND result = 'failed'").await;
    assert_eq!(told, 3, "loudly");
    app.database.set("mails", "state = 'expired'", "state = 'failed'").await;
}

async fn a_refused_mail_is_given_up_at_once_and_the_page_says_so(app: &TestApp) {
    let mut pc = app.signed_in(&AOKI).await;
    pc.issue(&AOKI).await;
    // A recipient that no transport may write into an envelope cannot come from a page; a body that
    // does not open can.
    let broken = "body = NULL";
    app.database.set("mails", broken, "kind = 'mail-token'").await;
    app.deliver().await;
    assert_eq!(app.database.count("mails", "state = 'failed'").await, 1);
    let id = app.database.text("procedures", "id", "outcome = 'done'").await;
    let done = format!("/otp/issue/done?procedure={id}");
    let page = pc.open(&done).await.expect(200);
    assert!(page.text().contains("メールを送信できませんでした"), "{}", page.text());
    app.advance_secs(1);
    pc.post("/otp/issue/mail-again", &[]).await.expect(303);
    app.deliver().await;
    assert!(app.subjects(AOKI.phone_address)[0].contains("トークン発行のご案内"));
    let page = pc.open(&done).await.expect(200);
    assert!(!page.text().contains("送信できませんでした"));
    app.database.set("mails", "state = 'expired'", "state = 'failed'").await;
}

async fn one_bad_mail_does_not_keep_the_others_waiting(app: &TestApp) {
    app.signed_in(&AOKI).await.issue(&AOKI).await;
    app.signed_in(&AOKI_B).await.issue(&AOKI_B).await;
    app.database
        .set("mails", "institution_id = 'ins_0000000000000000000000000a'", &AOKI.rows())
        .await;
    let waiting = format!("state = 'queued' AND {}", AOKI_B.rows());
    round(app, &app.transport()).await;
    assert_eq!(app.database.count("mails", &waiting).await, 0);
    app.database.set("mails", "state = 'expired', body = NULL", &AOKI.rows()).await;
}

async fn the_token_mail_can_be_sent_again_a_few_times(app: &TestApp) {
    for (person, sends) in [(&AOKI, 3), (&AOKI_B, 2)] {
        let mut pc = app.signed_in(person).await;
        pc.issue(person).await;
        // Not while the first one still waits.
        pc.open("/otp").await.expect(200);
        pc.post("/otp/issue/mail-again", &[]).await.expect(429);
        for _ in 1..sends {
            app.deliver().await;
            app.advance_secs(1);
            pc.open("/otp").await.expect(200);
            pc.post("/otp/issue/mail-again", &[]).await.expect_to("/otp");
        }
        app.deliver().await;
        pc.open("/otp").await.expect(200);
        let busy = pc.post("/otp/issue/mail-again", &[]).await.expect(429);
        assert!(busy.header("retry-after").parse::<u32>().unwrap() > 0);
        let sent = app.subjects(person.phone_address);
        let times = sent.iter().filter(|s| s.contains("トークン発行のご案内")).count();
        assert_eq!(times, sends);
    }
}

async fn a_mail_is_in_the_customers_own_language(app: &TestApp) {
    app.database.set("customers", "locale = 'en'", &AOKI.row()).await;
    let mut pc = app.signed_in(&AOKI).await;
    pc.reach_input().await;
    app.deliver().await;
    let mail = app.mails().remove(0);
    assert!(mail.subject.is_ascii(), "{}", mail.subject);
    assert!(mail.body.contains("Bank a") && !mail.body.contains("みなと"), "{}", mail.body);
}

async fn a_mail_keeps_its_message_id_over_its_tries(app: &TestApp) {
    app.signed_in(&AOKI).await.issue(&AOKI).await;
    let ids = app.database.texts("mails", "id", "TRUE ORDER BY id").await;
    // The relay took it, but the worker died before it could say so: it is sent again.
    let folder = tempfile::tempdir().unwrap();
    let first = Transport::Folder(folder.path().to_owned());
    round(app, &first).await;
    app.database.set("mails", "state = 'sending', next_at = 0", "has_secret = FALSE").await;
    app.deliver().await;
    let expected = |mail: &crate::mail::transport::folder::StoredMail| {
        ids.iter().any(|id| mail.message_id == format!("{id}@bank-a.example"))
    };
    assert!(app.mails().iter().all(expected));
    let again = crate::mail::transport::folder::read_folder(folder.path());
    for mail in app.mails().iter().filter(|m| !m.subject.contains("メール通知パスワード"))
    {
        assert!(again.iter().any(|m| m.message_id == mail.message_id));
    }
}

async fn a_carriers_old_address_is_kept_as_typed(app: &TestApp) {
    app.signed_in(&AOKI_B).await.issue(&AOKI_B).await;
    app.deliver().await;
    assert!(!app.subjects("hana..b@docomo.ne.jp").is_empty());
}

// Attack 44.
async fn an_address_nobody_confirmed_gets_few_mails_a_day_however_many_issues_there_are(
    app: &TestApp,
) {
    for (person, a_day) in [(&AOKI, 10), (&AOKI_B, 5)] {
        let mut refused = 0;
        for _ in 0..3 {
            if refused > 0 {
                break;
            }
            let mut pc = app.signed_in(person).await;
            pc.issue(person).await;
            app.deliver().await;
            for _ in 0..8 {
                app.advance_mins(11);
                let mut pc = app.signed_in(person).await;
                pc.open("/otp").await.expect(200);
                let reply = pc.post("/otp/issue/mail-again", &[]).await;
                app.deliver().await;
                if reply.status == 429 {
                    assert!(reply.text().contains("まで送信できません"), "{}", reply.text());
                    refused += 1;
                }
            }
        }
        assert!(refused > 0);
        let sent = app.subjects(person.phone_address);
        let token = sent.iter().filter(|s| s.contains("トークン発行のご案内")).count();
        assert!(token <= a_day + 1, "{token} mails");
    }
}
