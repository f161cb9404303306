//! Rule 6: a change, its audit row and its notice mails are there together or not at all; and what is
//! told is told to everyone who must hear it (rule 7).

use warifu_core::ids::AddressId;
use warifu_store::Address;

use super::{
    harness::{
        TestApp,
        banks::{AOKI, AOKI_B, Bank, ISHII, Person},
        on_both_engines,
    },
    passcodes::{before_passcode, in_use},
};
use crate::actions::{institutions, places};

on_both_engines!(
    without_its_audit_row_no_step_of_the_walk_happens,
    without_its_notice_mails_no_step_of_the_walk_happens,
    nobody_gets_in_while_the_trail_cannot_be_written,
    an_institution_is_not_changed_without_its_audit_row,
    every_change_is_told_to_every_address,
    removed_addresses_are_told_for_thirty_days,
    a_database_that_is_away_gives_a_plain_page_and_comes_back,
);

/// Does one step while such rows are refused: it fails, nothing happens, and afterwards it works.
struct Broken<'a> {
    app: &'a TestApp,
    table: &'static str,
    rows: &'static str,
}

impl Broken<'_> {
    async fn fails<T>(&self, step: impl AsyncFnOnce() -> T) -> T {
        let before = self.app.database.state().await;
        let trail = self.app.audited("token.issued").await;
        self.app.database.refuse(self.table, self.rows).await;
        let given = step().await;
        self.app.database.accept(self.table).await;
        assert!(self.app.database.state().await == before, "{}: something happened", self.rows);
        assert_eq!(self.app.audited("token.issued").await, trail);
        given
    }
}

async fn without_its_audit_row_no_step_of_the_walk_happens(app: &TestApp) {
    let broken = |rows| Broken { app, table: "audit", rows };
    walk_with_failures(
        app,
        &AOKI,
        [
            broken("kind = 'mail_password.sent'"),
            broken("kind = 'token.issued'"),
            broken("kind = 'token.activated'"),
            broken("kind = 'token.started'"),
            broken("kind = 'token.released'"),
        ],
    )
    .await;
}

async fn without_its_notice_mails_no_step_of_the_walk_happens(app: &TestApp) {
    let broken = |rows| Broken { app, table: "mails", rows };
    walk_with_failures(
        app,
        &AOKI,
        [
            broken("kind = 'mail-code'"),
            broken("kind = 'mail-issued'"),
            broken("kind = 'mail-activated'"),
            broken("kind = 'mail-started'"),
            broken("kind = 'mail-released'"),
        ],
    )
    .await;
}

async fn walk_with_failures(app: &TestApp, person: &Person, broken: [Broken<'_>; 5]) {
    let [sent, issued, activated, started, released] = broken;
    let mut pc = app.signed_in(person).await;
    pc.reach_mail().await;
    sent.fails(async || pc.clone().post("/otp/issue/mail", &[]).await.expect(503)).await;
    assert_eq!(app.database.count("mails", "TRUE").await, 0);
    pc.submit("/otp/issue/mail", &[]).await.expect_screen("BOT001");
    let reply = pc.enter(person.phone_address, person.start_password).await;
    pc.open(reply.location()).await.expect_screen("BOT002");
    let code = app.mail_password(person).await;
    let tab = pc.clone();
    let reply = issued
        .fails(async || tab.clone().confirm(person.confirmation_password, &code).await.expect(503))
        .await;
    assert!(reply.text().contains("お手続きは行われていません"), "{}", reply.text());
    // The proofs are as good as before.
    let reply = pc.confirm(person.confirmation_password, &code).await;
    let page = pc.open(reply.location()).await.expect_screen("BOT003");
    let numbers = super::harness::walk::Numbers::of(&page);
    let mut phone = app.phone(person.bank);
    let other = phone.clone();
    activated
        .fails(async || other.clone().activate(&numbers, person.start_password).await.expect(503))
        .await;
    phone.set_up(&numbers, person.start_password).await;
    pc.reach_start().await;
    let (tab, passcode) = (pc.clone(), phone.passcode());
    started.fails(async || tab.clone().start(&passcode).await.expect(503)).await;
    // The passcode was not spent, for nothing was given for it.
    pc.start(&passcode).await.expect_to("/otp/start/done");
    app.advance_secs(60);
    pc.reach_release().await;
    let (tab, passcode) = (pc.clone(), phone.passcode());
    released.fails(async || tab.clone().release(&passcode).await.expect(503)).await;
    pc.release(&passcode).await.expect_to("/otp/release/done");
}

async fn nobody_gets_in_while_the_trail_cannot_be_written(app: &TestApp) {
    let phone = in_use(app, &AOKI).await;
    let mut half = before_passcode(app, &AOKI, 1).await.remove(0);
    let sessions = app.database.count("sessions", "TRUE").await;
    let verifiers = app.database.dump("verifiers").await;
    app.database.refuse("audit", "kind <> ''").await;
    app.browser(Bank::A).password(ISHII.login_id, ISHII.login_password).await.expect(503);
    app.browser(Bank::A).password("nobody-here", "Wrong-Pass-1").await.expect(503);
    half.passcode(&phone.wrong_passcode()).await.expect(503);
    half.open("/login/passcode").await.expect(200);
    half.passcode(&phone.passcode()).await.expect(503);
    assert_eq!(app.database.count("sessions", "TRUE").await, sessions);
    // Neither counted nor spent: what is not recorded has not happened.
    assert_eq!(app.database.dump("verifiers").await, verifiers);
    app.database.accept("audit").await;
    half.open("/login/passcode").await.expect(200);
    half.passcode(&phone.passcode()).await.expect_to("/top");
}

async fn an_institution_is_not_changed_without_its_audit_row(app: &TestApp) {
    let before = app.database.dump("institutions").await;
    app.database.refuse("audit", "kind = 'institution.applied'").await;
    let changed = Bank::A.document().replace("#0b5c50", "#123456");
    institutions::apply(&app.app, &changed).await.unwrap_err();
    app.database.accept("audit").await;
    assert!(app.database.dump("institutions").await == before, "applied all the same");
    app.database.refuse("audit", "kind = 'institution.created'").await;
    let third = Bank::A.document().replace(".a.test", ".c.test").replace("10203040", "11112222");
    institutions::create(&app.app, &third).await.unwrap_err();
    app.database.accept("audit").await;
    assert!(app.database.dump("institutions").await == before, "created all the same");
    assert_eq!(app.database.count("institution_hosts", "TRUE").await, 8);
}

async fn every_change_is_told_to_every_address(app: &TestApp) {
    for person in [&AOKI, &AOKI_B] {
        let mut pc = app.signed_in(person).await;
        let phone = pc.until_in_use(person).await;
        pc.reach_release().await;
        pc.release(&phone.passcode()).await.expect_to("/otp/release/done");
        app.deliver().await;
        let told = [
            "受け付けました",
            "初期設定が完了しました",
            "利用を開始しました",
            "利用を解除しました",
        ];
        for address in person.addresses.split(';') {
            let subjects = app.subjects(address);
            for change in told {
                let times = subjects.iter().filter(|s| s.contains(change)).count();
                assert_eq!(times, 1, "{address}: {change} {subjects:?}");
            }
            // Each with a reception number that the addresses share.
            let body = app.body(address, "利用を開始しました");
            let first = app.body(person.address(), "利用を開始しました");
            let number = |b: &str| b.split("R-").nth(1).map(|n| n[..9].to_owned()).unwrap();
            assert_eq!(number(&body), number(&first));
        }
        let phone_told = app.subjects(person.phone_address);
        for change in &told[1..] {
            assert!(phone_told.iter().any(|s| s.contains(change)), "{change} {phone_told:?}");
        }
    }
}

// Rule 7.
async fn removed_addresses_are_told_for_thirty_days(app: &TestApp) {
    let day = 86_400_000;
    let now = app.now().0;
    for (place, removed) in [(1, now - 29 * day), (2, now - 31 * day)] {
        add_address(app, &AOKI, &format!("removed{place}@mail.example"), removed).await;
    }
    app.signed_in(&AOKI).await.issue(&AOKI).await;
    app.deliver().await;
    let told = app.subjects("removed1@mail.example");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("受け付けました"), "but no mail password");
    assert!(app.subjects("removed2@mail.example").is_empty());
    // The day it was removed on does not matter, the moment does.
    app.advance_hours(24);
    app.signed_in(&AOKI).await.issue(&AOKI).await;
    app.deliver().await;
    assert_eq!(app.subjects("removed1@mail.example").len(), 1);
}

async fn add_address(app: &TestApp, person: &Person, address: &str, removed_at: i64) {
    let institution = app.institution(person.bank);
    let customer = app.database.text("customers", "customer_id", &person.row()).await;
    let customer = customer.parse().unwrap();
    let id = AddressId::generate(app.now(), &*app.app.random);
    let spot = places::address(institution.id, customer, id.to_string());
    let row = Address {
        id,
        address: address.to_owned(),
        mac: institution.keys.mac(&spot.place(), address.as_bytes()),
        registered_at: 1,
        confirmed_at: Some(1),
        removed_at: Some(removed_at),
    };
    let mut tx = app.app.store.begin().await.unwrap();
    tx.insert_addresses(&[(customer, row)]).await.unwrap();
    tx.commit().await.unwrap();
}

async fn a_database_that_is_away_gives_a_plain_page_and_comes_back(app: &TestApp) {
    let mut pc = app.signed_in(&AOKI).await;
    let node = app.second_node().await;
    pc.test = node.clone();
    pc.open("/otp").await.expect(200);
    let page = pc.page.clone();
    node.app.store.close().await;
    for path in ["/top", "/otp"] {
        let away = pc.get(path).await.expect(503).expect_screen("BER008");
        assert!(away.text().contains("お手続きは行われていません"), "{}", away.text());
        assert_eq!(away.header("retry-after"), "5");
    }
    pc.page = page.clone();
    pc.post("/otp/issue", &[]).await.expect(503);
    app.browser(Bank::A);
    node.phone(Bank::A).post("/phone/v1/activations", "{}").await.expect(503);
    // Another node of the same database serves on.
    pc.test = app.clone();
    pc.page = page;
    pc.submit("/otp/issue", &[]).await.expect(200).expect_screen("BOT000");
}
