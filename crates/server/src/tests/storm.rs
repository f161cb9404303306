//! Many people at once doing whatever they like, over two nodes: whatever happens, what must never
//! happen has not. The rules are read back from the audit trail and the rows.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng, SeedableRng},
};

use super::harness::{
    TestApp, at_once,
    banks::{AOKI, AOKI_B, Person},
    browser::Browser,
    on_both_engines,
    phone::Phone,
};
use crate::actions::sweep;

on_both_engines!(
    whatever_one_customer_does_the_rules_hold,
    whatever_many_hands_do_at_once_the_rules_hold,
);

/// The phones that a customer has set up; all hands share them.
type Phones = Arc<Mutex<Vec<Phone>>>;

/// Someone who acts at random for one customer.
struct Hand {
    app: TestApp,
    person: &'static Person,
    browser: Browser,
    phones: Phones,
    dice: ChaCha20Rng,
}

impl Hand {
    fn new(app: &TestApp, person: &'static Person, phones: &Phones, seed: u8) -> Self {
        let browser = app.browser(person.bank).from(&format!("198.51.100.{seed}"));
        let dice = ChaCha20Rng::from_seed([seed; 32]);
        Self { app: app.clone(), person, browser, phones: Arc::clone(phones), dice }
    }

    fn roll(&mut self, sides: u32) -> u32 {
        self.dice.next_u32() % sides
    }

    fn passcode(&mut self) -> String {
        let steps = [0, 0, 0, -1, -1, -2][self.roll(6) as usize];
        let wrong = self.roll(5) == 0;
        let phones = self.phones.lock().unwrap();
        match phones.last() {
            Some(phone) if wrong => phone.wrong_passcode(),
            Some(phone) => phone.passcode_of(steps),
            None => "123456".to_owned(),
        }
    }

    async fn act(&mut self) {
        match self.roll(10) {
            0..=2 => self.log_in().await,
            3..=4 => self.issue().await,
            5..=6 => self.start().await,
            7 => self.release().await,
            8 => drop(self.browser.get("/otp").await),
            _ => drop(sweep::sweep(&self.app.app).await),
        }
    }

    async fn log_in(&mut self) {
        self.browser.open("/login").await;
        let wrong = self.roll(8) == 0;
        let password = if wrong { "Wrong-Pass-1" } else { self.person.login_password };
        let reply = self.browser.password(self.person.login_id, password).await;
        if reply.location() == "/login/passcode" {
            self.browser.open("/login/passcode").await;
            let passcode = self.passcode();
            self.browser.passcode(&passcode).await;
        }
    }

    // Each step may fail for good reasons; whoever gets through goes on.
    async fn issue(&mut self) {
        self.browser.open("/otp").await;
        for step in ["/otp/issue", "/otp/issue/select", "/otp/issue/mail"] {
            self.browser.submit(step, &[]).await;
        }
        let person = self.person;
        let reply = self.browser.enter(person.phone_address, person.start_password).await;
        if reply.status != 303 || !reply.location().contains("/confirm") {
            return;
        }
        self.browser.open(reply.location()).await;
        self.app.deliver().await;
        let mail = self.app.mails().into_iter().find(|m| {
            m.to == person.address() && m.subject.contains("メール通知パスワードのお知らせ")
        });
        let Some(mail) = mail else { return };
        let code = mail.body.lines().find(|l| l.starts_with("メール通知パスワード　"));
        let code: String = code.unwrap().chars().filter(char::is_ascii_digit).collect();
        let reply = self.browser.confirm(person.confirmation_password, &code).await;
        if reply.location().contains("/done") {
            let page = self.browser.open(reply.location()).await;
            let numbers = super::harness::walk::Numbers::of(&page);
            let mut phone = self.app.phone(person.bank);
            if phone.activate(&numbers, person.start_password).await.status == 200 {
                phone.acknowledge().await;
                self.phones.lock().unwrap().push(phone);
            }
        }
    }

    async fn start(&mut self) {
        self.browser.open("/otp").await;
        self.browser.submit("/otp/start", &[]).await;
        self.browser.submit("/otp/start/confirm", &[]).await;
        let passcode = self.passcode();
        self.browser.start(&passcode).await;
    }

    async fn release(&mut self) {
        self.browser.open("/otp").await;
        self.browser.submit("/otp/release", &[]).await;
        let passcode = self.passcode();
        self.browser.release(&passcode).await;
    }
}

async fn whatever_one_customer_does_the_rules_hold(app: &TestApp) {
    for (seed, person) in [(1, &AOKI), (2, &AOKI_B)] {
        let mut hand = Hand::new(app, person, &Phones::default(), seed);
        for _ in 0..60 {
            hand.act().await;
            let pause = i64::from(hand.roll(90)) * i64::from(1 + hand.roll(10) / 9 * 40);
            app.advance_secs(pause);
            check(app).await;
        }
    }
    happened(app).await;
}

async fn whatever_many_hands_do_at_once_the_rules_hold(app: &TestApp) {
    let other = app.second_node().await;
    let mut hands = Vec::new();
    for (place, person) in [(0, &AOKI), (1, &AOKI_B)] {
        let phones = Phones::default();
        for (node, seed) in [(app, 10), (&other, 20), (app, 30)] {
            hands.push(Hand::new(node, person, &phones, seed + place));
        }
    }
    for _ in 0..14 {
        let acting = hands.into_iter().map(|mut hand| async move {
            hand.act().await;
            hand
        });
        hands = at_once(acting).await;
        let pause = i64::from(hands[0].roll(90));
        app.advance_secs(pause);
        check(app).await;
    }
    other.deliver().await;
    other.app.store.close().await;
}

/// The storm was one: something was issued, started and refused in it.
async fn happened(app: &TestApp) {
    for kind in ["token.issued", "token.activated", "token.started", "passcode.refused"] {
        assert!(app.audited(kind).await > 0, "nothing of {kind} ever happened");
    }
}

async fn check(app: &TestApp) {
    let rows = app
        .database
        .trail(&["at", "customer_id", "token_id", "kind", "reason", "after_json"], "TRUE")
        .await;
    let rows: Vec<Vec<&str>> = rows.iter().map(|row| row.splitn(6, '|').collect()).collect();
    once_per_step(&rows);
    proof_and_effect_together(&rows);
    nothing_during_a_lock(app, &rows).await;
    demanded_as_started_and_released(app, &rows).await;
    everyone_is_told(app, &rows).await;
    for (table, filter) in [
        ("tokens", "state = 'in_use'"),
        ("issues", "ended_at IS NULL"),
        ("sessions", "level = 'full' AND ended_at IS NULL"),
        ("mail_passwords", "ended_at IS NULL"),
    ] {
        let owners = app.database.texts(table, "customer_id", filter).await;
        let distinct: std::collections::BTreeSet<_> = owners.iter().collect();
        assert_eq!(distinct.len(), owners.len(), "{table} where {filter}");
    }
}

/// Rule 1: the accepted steps of a token only rise, and none twice.
fn once_per_step(rows: &[Vec<&str>]) {
    let mut steps: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row[3] == "passcode.accepted") {
        let after: serde_json::Value = serde_json::from_str(row[5]).unwrap();
        steps.entry(row[2]).or_default().push(after["step"].as_i64().unwrap());
    }
    for (token, mut accepted) in steps {
        let count = accepted.len();
        accepted.sort_unstable();
        accepted.dedup();
        assert_eq!(accepted.len(), count, "{token} accepted a step twice");
    }
}

/// Rule 6: each start and release has its proof in the same moment, each proof its effect.
fn proof_and_effect_together(rows: &[Vec<&str>]) {
    for (purpose, effect) in [("start", "token.started"), ("release", "token.released")] {
        let moments = |kind: &str, reason: Option<&str>| {
            let fits = |row: &&Vec<&str>| row[3] == kind && reason.is_none_or(|r| row[4] == r);
            let found = rows.iter().filter(fits).map(|row| (row[0], row[2]));
            found.collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!(moments("passcode.accepted", Some(purpose)), moments(effect, None), "{purpose}");
    }
}

/// Rule 2: between a lock and its end no passcode of that token is accepted.
async fn nothing_during_a_lock(app: &TestApp, rows: &[Vec<&str>]) {
    for lock in rows.iter().filter(|row| row[4] == "passcode for_a_time") {
        let owner = format!("customer_id = '{}'", lock[1]);
        let number = app.database.text("customers", "customer_number", &owner).await;
        let minutes = if number.starts_with('A') { 30 } else { 10 };
        let at: i64 = lock[0].parse().unwrap();
        let during = rows.iter().filter(|row| {
            let then: i64 = row[0].parse().unwrap();
            row[3] == "passcode.accepted"
                && row[2] == lock[2]
                && then > at
                && then < at + minutes * 60_000
        });
        assert_eq!(during.count(), 0, "{} accepted while locked", lock[2]);
    }
}

/// The passcode is demanded exactly as long as there was a start more than a release.
async fn demanded_as_started_and_released(app: &TestApp, rows: &[Vec<&str>]) {
    let required = app.database.texts("customers", "customer_id", "otp_required = TRUE").await;
    let mut balance: BTreeMap<&str, i64> = BTreeMap::new();
    for row in rows {
        match row[3] {
            "token.started" => *balance.entry(row[1]).or_default() += 1,
            "token.released" => *balance.entry(row[1]).or_default() -= 1,
            _ => {}
        }
    }
    for (customer, balance) in balance {
        assert_eq!(balance, i64::from(required.iter().any(|id| id == customer)), "{customer}");
    }
}

/// Rule 7: each change is told once, and to every notice address.
async fn everyone_is_told(app: &TestApp, rows: &[Vec<&str>]) {
    let sent = "kind || '|' || customer_id || '|' || reception || '|' || recipient";
    let sent = app.database.texts("mails", sent, "TRUE").await;
    let owned = app.database.texts("addresses", "customer_id || '|' || address", "TRUE").await;
    for (event, mails) in [
        ("token.issued", &["mail-issued"][..]),
        ("token.activated", &["mail-activated"]),
        ("token.started", &["mail-started"]),
        ("token.released", &["mail-released"]),
        ("issue.died", &["mail-issue-dead", "mail-second-phone"]),
        ("counter.locked", &["mail-locked-time", "mail-locked"]),
    ] {
        let mut told: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
        for mail in &sent {
            let parts: Vec<_> = mail.splitn(4, '|').collect();
            if mails.contains(&parts[0]) {
                told.entry((parts[1], parts[2])).or_default().push(parts[3]);
            }
        }
        let happened = rows.iter().filter(|row| row[3] == event).count();
        assert_eq!(told.len(), happened, "{event}");
        for ((customer, reception), recipients) in told {
            let addresses = owned.iter().filter_map(|own| own.split_once('|'));
            for (_, address) in addresses.filter(|(owner, _)| *owner == customer) {
                let times = recipients.iter().filter(|to| **to == address).count();
                assert_eq!(times, 1, "{event} {reception} to {address}");
            }
        }
    }
}
