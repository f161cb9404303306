//! What time does by itself: deadlines hold with and without the sweeper, and one broken row stops
//! nobody else's.

use super::harness::{
    TestApp,
    banks::{AOKI, AOKI_B, Bank, ISHII},
    on_both_engines,
};
use crate::{actions::sweep, calendar};

on_both_engines!(
    a_deadline_holds_whether_or_not_the_sweeper_has_come_by,
    the_sweeper_ends_what_is_overdue_and_tells_everyone,
    two_sweepers_at_once_end_an_issue_once,
    a_row_that_cannot_be_read_does_not_stop_the_sweeper,
    old_sessions_and_idle_counters_are_forgotten_and_locks_are_not,
    months_of_the_trail_are_made_ahead_and_again_when_they_are_gone,
    waits_and_holds_are_told_with_their_moments,
    a_hold_runs_after_start_and_release_and_the_later_one_counts,
    a_tokens_end_is_told_ahead_and_on_its_last_day_it_ends_and_the_passcode_stays_demanded,
    one_banks_broken_rows_do_not_keep_another_banks_from_ending,
    known_browsers_and_old_mails_are_forgotten_in_time,
);

async fn a_deadline_holds_whether_or_not_the_sweeper_has_come_by(app: &TestApp) {
    for swept in [false, true] {
        let mut pc = app.signed_in(&AOKI).await;
        let numbers = pc.issue(&AOKI).await;
        app.advance_hours(72);
        if swept {
            // This one, and the first one, which nobody has swept.
            assert_eq!(sweep::sweep(&app.app).await.unwrap(), 2);
        }
        let mut pc = app.signed_in(&AOKI).await;
        let page = pc.open("/otp").await.expect(200);
        assert!(page.text().contains("期限までに初期設定が行われなかったため"), "{}", page.text());
        assert!(!page.text().contains(&numbers.user_id));
        pc.post("/otp/issue/qr", &[]).await.expect(409);
        pc.open("/otp").await.expect(200);
        pc.post("/otp/issue/mail-again", &[]).await.expect(409);
        app.phone(Bank::A).activate(&numbers, AOKI.start_password).await.expect(403);
    }
    // An overdue issue that nobody swept does not stand in the way of the next one.
    let mut pc = app.signed_in(&AOKI).await;
    pc.issue(&AOKI).await;
    app.advance_hours(73);
    let mut pc = app.signed_in(&AOKI).await;
    pc.issue_to_phone(&AOKI).await;
}

async fn the_sweeper_ends_what_is_overdue_and_tells_everyone(app: &TestApp) {
    app.signed_in(&AOKI).await.issue(&AOKI).await;
    app.signed_in(&AOKI_B).await.issue_to_phone(&AOKI_B).await;
    app.signed_in(&ISHII).await.issue_to_phone(&ISHII).await;
    app.deliver().await;
    assert_eq!(sweep::sweep(&app.app).await.unwrap(), 0);
    app.advance_hours(72);
    assert_eq!(sweep::sweep(&app.app).await.unwrap(), 2);
    assert_eq!(sweep::sweep(&app.app).await.unwrap(), 0);
    let states = app.database.texts("tokens", "state", "TRUE ORDER BY state").await;
    assert_eq!(states, ["activated", "expired", "expired"]);
    app.deliver().await;
    for person in [&AOKI, &AOKI_B] {
        for address in person.addresses.split(';').chain([person.phone_address]) {
            assert!(app.body(address, "取り消しました").contains("期限"), "{address}");
        }
    }
    // No secret of it is left, and its number may go to someone else.
    let kept = "ended_at IS NOT NULL AND (start_mac IS NOT NULL OR reply IS NOT NULL)";
    assert_eq!(app.database.count("issues", kept).await, 0);
    assert_eq!(app.database.count("tokens", "state = 'expired' AND root IS NOT NULL").await, 0);
    assert_eq!(app.database.count("directory", "kind = 'user_id'").await, 1);
    assert_eq!(app.audited("issue.died").await, 2);
}

async fn two_sweepers_at_once_end_an_issue_once(app: &TestApp) {
    app.signed_in(&AOKI).await.issue(&AOKI).await;
    app.advance_hours(72);
    let other = app.second_node().await;
    let (one, two) = tokio::join!(sweep::sweep(&app.app), sweep::sweep(&other.app));
    one.unwrap();
    two.unwrap();
    assert_eq!(app.audited("issue.died").await, 1);
    assert_eq!(app.database.count("mails", "kind = 'mail-issue-dead'").await, 3);
    other.app.store.close().await;
}

async fn a_row_that_cannot_be_read_does_not_stop_the_sweeper(app: &TestApp) {
    app.signed_in(&AOKI).await.issue(&AOKI).await;
    app.advance_secs(10);
    app.signed_in(&ISHII).await.issue(&ISHII).await;
    app.deliver().await;
    app.database.set("addresses", "address = 'evil@thief.example'", &AOKI.rows()).await;
    app.advance_hours(72);
    // Whatever it says of the first, the second one's time is over.
    let _ended = sweep::sweep(&app.app).await;
    assert_eq!(app.database.text("tokens", "state", &ISHII.rows()).await, "expired");
    assert_eq!(app.database.text("tokens", "state", &AOKI.rows()).await, "issued");
    app.deliver().await;
    assert!(app.subjects("evil@thief.example").is_empty());
    // And what follows it is done: the trail has its months.
    if app.database.is_postgresql() {
        let (month, ..) = calendar::month(app.now(), 2).unwrap();
        assert!(app.database.tables().await.contains(&month));
    }
}

async fn old_sessions_and_idle_counters_are_forgotten_and_locks_are_not(app: &TestApp) {
    let mut pc = app.signed_in(&AOKI).await;
    pc.sign_out().await.expect(200);
    app.browser(Bank::A).password(AOKI.login_id, "Wrong-Pass-1").await.expect(422);
    app.database.set("counters", "locked = TRUE", "kind = 'login'").await;
    app.browser(Bank::A).password("nobody-here", "Wrong-Pass-1").await.expect(422);
    let locked = app.database.count("counters", "locked = TRUE").await;
    app.advance_hours(24 * 91);
    sweep::sweep(&app.app).await.unwrap();
    assert_eq!(app.database.count("sessions", "TRUE").await, 0);
    assert_eq!(app.database.count("counters", "TRUE").await, locked);
    assert!(locked > 0);
}

async fn months_of_the_trail_are_made_ahead_and_again_when_they_are_gone(app: &TestApp) {
    let months = ["audit_2026_11", "audit_2026_12", "audit_2027_01"];
    sweep::sweep(&app.app).await.unwrap();
    if !app.database.is_postgresql() {
        // One table holds all of SQLite's trail.
        assert!(!app.database.tables().await.contains(&months[0].to_owned()));
        return;
    }
    for month in months {
        assert!(app.database.tables().await.contains(&month.to_owned()), "{month}");
    }
    app.database.drop_table("audit_2027_01").await;
    sweep::sweep(&app.app).await.unwrap();
    assert!(app.database.tables().await.contains(&months[2].to_owned()));
    // Rows land in the month they belong to, and in no other.
    app.advance_hours(24 * 30);
    app.signed_in(&AOKI).await;
    assert_eq!(app.database.count("audit_2026_12", "TRUE").await, 1);
    // A server that was off for a year finds its way too.
    app.advance_hours(24 * 365);
    app.signed_in(&AOKI).await;
    sweep::sweep(&app.app).await.unwrap();
    app.signed_in(&AOKI).await;
    assert_eq!(app.audited("session.signed_in").await, 3);
}

async fn waits_and_holds_are_told_with_their_moments(app: &TestApp) {
    let mut pc = app.signed_in(&AOKI).await;
    let phone = pc.issue_to_phone(&AOKI).await;
    pc.reach_start().await;
    let reply = pc.start(&phone.passcode()).await;
    let page = pc.open(reply.location()).await.expect_screen("BOK003");
    // 120 hours after Tuesday morning.
    assert!(page.text().contains("2026年11月29日"), "{}", page.text());
    app.advance_secs(60);
    pc.reach_release().await;
    let reply = pc.release(&phone.passcode()).await;
    let page = pc.open(reply.location()).await.expect_screen("BOS002");
    assert!(page.text().contains("10時31分"), "{}", page.text());
    let page = pc.open("/otp").await.expect(200);
    assert!(page.text().contains("10時31分"), "{}", page.text());
}

// Rule 11.
async fn a_hold_runs_after_start_and_release_and_the_later_one_counts(app: &TestApp) {
    for (person, hours) in [(&AOKI, 120), (&AOKI_B, 48)] {
        let hold = async || {
            let text = app.database.text("customers", "hold_until", &person.row()).await;
            text.parse::<i64>().unwrap()
        };
        let mut pc = app.signed_in(person).await;
        let phone = pc.issue_to_phone(person).await;
        pc.reach_start().await;
        pc.start(&phone.passcode()).await.expect_to("/otp/start/done");
        assert_eq!(hold().await, app.now().0 + hours * 3_600_000);
        app.advance_mins(5);
        pc.reach_release().await;
        pc.release(&phone.passcode()).await.expect_to("/otp/release/done");
        assert_eq!(hold().await, app.now().0 + hours * 3_600_000);
        // A later hold is never shortened by a new one.
        let far = app.now().0 + 9_999 * 3_600_000;
        app.database.set("customers", &format!("hold_until = {far}"), &person.row()).await;
        app.advance_mins(person.bank.wait_minutes());
        let mut pc = app.signed_in(person).await;
        pc.until_in_use(person).await;
        assert_eq!(hold().await, far);
    }
}

async fn a_tokens_end_is_told_ahead_and_on_its_last_day_it_ends_and_the_passcode_stays_demanded(
    app: &TestApp,
) {
    let mut pc = app.signed_in(&AOKI).await;
    let phone = pc.until_in_use(&AOKI).await;
    app.deliver().await;
    let addresses: Vec<_> = AOKI.addresses.split(';').chain([AOKI.phone_address]).collect();
    let told = |part: &str| {
        let count = |a: &&str| app.subjects(a).iter().filter(|s| s.contains(part)).count();
        addresses.iter().map(count).collect::<Vec<_>>()
    };
    // The day before the notice nothing happens, on its day everyone is told, once.
    app.advance_hours(24 * (3 * 365 - 31));
    assert_eq!(sweep::sweep(&app.app).await.unwrap(), 0);
    app.advance_hours(72);
    assert_eq!(sweep::sweep(&app.app).await.unwrap(), 1);
    assert_eq!(sweep::sweep(&app.app).await.unwrap(), 0);
    app.deliver().await;
    assert_eq!(told("有効期限が近づいています"), vec![1; addresses.len()]);
    app.browser(Bank::A).sign_in_with(&AOKI, &phone.passcode()).await;
    // On its last day the passcode is good until midnight, whether or not the sweeper comes by.
    app.advance_hours(24 * 31);
    let mut late = app.browser(Bank::A);
    late.password(AOKI.login_id, AOKI.login_password).await.expect_to("/login/passcode");
    let page = late.open("/login/passcode").await.expect(200);
    assert!(page.text().contains("再発行のお手続き"), "{}", page.text());
    late.passcode(&phone.passcode()).await.expect(422);
    assert_eq!(sweep::sweep(&app.app).await.unwrap(), 1);
    assert_eq!(sweep::sweep(&app.app).await.unwrap(), 0);
    app.deliver().await;
    assert_eq!(told("有効期限が過ぎました"), vec![1; addresses.len()]);
    assert_eq!(app.database.text("tokens", "state", "TRUE").await, "expired");
    assert_eq!(app.database.count("tokens", "root IS NULL AND due_at IS NULL").await, 1);
    assert_eq!(app.audited("token.expired").await, 1);
    let mut late = app.browser(Bank::A);
    late.password(AOKI.login_id, AOKI.login_password).await.expect_to("/login/passcode");
    late.get("/otp").await.expect_to("/login/passcode");
}

async fn one_banks_broken_rows_do_not_keep_another_banks_from_ending(app: &TestApp) {
    for person in [&AOKI, &AOKI_B] {
        app.signed_in(person).await.issue(person).await;
    }
    // The customers of the first one to be listed belong to a bank that no node knows.
    app.database.set("customers", "institution_id = 'ins_x'", &AOKI.rows()).await;
    app.advance_hours(24 * 7);
    assert_eq!(sweep::sweep(&app.app).await.unwrap(), 1);
    let ended = format!("state = 'expired' AND {}", AOKI_B.rows());
    assert_eq!(app.database.count("tokens", &ended).await, 1);
    app.deliver().await;
}

async fn known_browsers_and_old_mails_are_forgotten_in_time(app: &TestApp) {
    let mut own = app.signed_in(&AOKI).await;
    own.reach_input().await;
    app.deliver().await;
    app.advance_hours(24 * 364);
    sweep::sweep(&app.app).await.unwrap();
    assert_eq!(app.database.count("devices", "TRUE").await, 1);
    assert!(app.database.count("mails", "TRUE").await > 0);
    app.advance_hours(24 * 40);
    sweep::sweep(&app.app).await.unwrap();
    assert_eq!(app.database.count("devices", "TRUE").await, 0);
    assert_eq!(app.database.count("mails", "TRUE").await, 0);
}
