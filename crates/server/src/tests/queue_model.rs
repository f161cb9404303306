//! The verify queue against a model of a database that takes its turns in any order: hundreds of
//! schedules, each from a seed that is told when it fails. What the model does not have, such as threads, the
//! torture of the released program has.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use warifu_core::{
    audit::Channel,
    ids::CustomerId,
    oath::{Digits, Passcode},
    purpose::Purpose,
    time::Millis,
};
use warifu_store::{Batching, Candidate, Era, Read, StoreError, VerifierRow, Wanted, Whose, Write};

use super::{
    harness::{
        TestApp,
        banks::{AOKI, Bank, ISHII, Person},
        database::Engine,
        phone::Phone,
    },
    passcodes::in_use,
};
use crate::{
    actions::verify::Ask,
    book::Book,
    error::AppError,
    origin::Origin,
    verify_queue::{Answer, Queue},
};

/// Schedules that are tried.
const SEEDS: u64 = 400;
/// Callers of one schedule.
const CALLERS: usize = 90;

/// A database in memory, and a schedule of it.
#[derive(Clone)]
struct Model(Arc<Mutex<Inner>>);

struct Inner {
    random: ChaCha20Rng,
    rows: BTreeMap<CustomerId, VerifierRow>,
    names: BTreeMap<String, CustomerId>,
    batching: Batching,
    /// What was committed: whose, and the step that was spent.
    lines: Vec<(CustomerId, Option<i64>)>,
    /// Whose rows are being read just now.
    reading: BTreeSet<Whose>,
    flights: usize,
    /// The most batches that were written at once.
    most: usize,
    unsure: usize,
}

impl Model {
    fn with<T>(&self, act: impl FnOnce(&mut Inner) -> T) -> T {
        act(&mut self.0.lock().unwrap())
    }

    /// Lets the others go on for a while.
    async fn turn(&self) {
        for _ in 0..self.with(|inner| inner.random.random_range(0..5)) {
            tokio::task::yield_now().await;
        }
    }

    fn chance(&self, of: f64) -> bool {
        self.with(|inner| inner.random.random_bool(of))
    }
}

impl Book for Model {
    fn batching(&self) -> Batching {
        self.with(|inner| inner.batching)
    }

    fn era(&self, _: Millis) -> Era {
        Era::default()
    }

    async fn read(&self, wanted: Vec<Wanted>) -> Result<Vec<Read>, StoreError> {
        let own: Vec<_> = wanted.iter().map(|wanted| wanted.whose.clone()).collect();
        let buckets: BTreeSet<_> = own
            .iter()
            .map(|whose| match whose {
                Whose::Customer(id) => Some(id.bucket()),
                Whose::LoginId(_) => None,
            })
            .collect();
        let is_one = buckets.len() == 1 || !self.batching().by_bucket;
        assert!(is_one, "{buckets:?} in one batch");
        self.with(|inner| {
            for whose in &own {
                assert!(inner.reading.insert(whose.clone()), "{whose:?} twice at once");
            }
        });
        self.turn().await;
        self.with(|inner| inner.reading.retain(|whose| !own.contains(whose)));
        if self.chance(0.03) {
            return Err(StoreError::Conflict);
        }
        let found = self.with(|inner| {
            let rows = wanted.iter().enumerate().filter_map(|(n, wanted)| {
                let id = match &wanted.whose {
                    Whose::Customer(id) => *id,
                    Whose::LoginId(login) => *inner.names.get(login)?,
                };
                let verifier = inner.rows.get(&id)?.clone();
                let (place, answer, mac) = (None, None, None);
                Some((n, Ok(Candidate { place, answer, mac, verifier })))
            });
            rows.collect()
        });
        self.turn().await;
        Ok(found)
    }

    async fn write(&self, writes: Arc<Vec<Write>>, _: Era) -> Result<Vec<bool>, StoreError> {
        self.with(|inner| {
            inner.flights += 1;
            inner.most = inner.most.max(inner.flights);
            assert!(inner.flights <= inner.batching.most, "more batches than the database takes");
        });
        self.turn().await;
        // One of them is what a batch cannot go with.
        let is_poisoned = writes
            .iter()
            .any(|w| w.line.after_json.as_ref().is_some_and(|json| json.contains("poison")));
        let outcome = if is_poisoned || self.chance(0.03) {
            Err(StoreError::Conflict)
        } else {
            Ok(self.with(|inner| inner.apply(&writes)))
        };
        self.turn().await;
        self.with(|inner| inner.flights -= 1);
        if outcome.is_ok() && self.chance(0.02) {
            self.with(|inner| inner.unsure += 1);
            return Err(StoreError::Unavailable(sqlx::Error::PoolClosed));
        }
        outcome
    }
}

impl Inner {
    fn apply(&mut self, writes: &[Write]) -> Vec<bool> {
        writes
            .iter()
            .map(|write| {
                let customer = write.line.customer_id.parse().unwrap();
                let step = write.change.as_ref().and_then(|change| change.accept);
                if let Some(change) = &write.change {
                    let row = self.rows.get_mut(&change.customer).unwrap();
                    if row.version != change.version {
                        return false;
                    }
                    row.version += 1;
                    row.last_step = change.accept.unwrap_or(row.last_step);
                    row.failures = change.counter.failures.into();
                    row.locked_until = change.counter.locked_until.map(|until| until.0);
                    row.locked = change.counter.locked;
                }
                self.lines.push((customer, step));
                true
            })
            .collect()
    }
}

/// A customer as callers know it.
struct Known {
    id: CustomerId,
    person: &'static Person,
    phone: Phone,
}

#[tokio::test]
async fn whatever_the_order_each_is_answered_once_and_no_step_is_spent_twice() {
    let app = TestApp::start(Engine::Sqlite).await;
    let mut known = Vec::new();
    let mut rows = BTreeMap::new();
    for person in [&AOKI, &ISHII] {
        let phone = in_use(&app, person).await;
        let id = app.database.text("customers", "customer_id", &person.rows()).await;
        let id: CustomerId = id.parse().unwrap();
        let token = app.database.text("verifiers", "token_id", &person.rows()).await;
        let mut tx = app.app.store.read().await.unwrap();
        rows.insert(id, tx.verifier(id, token.parse().unwrap()).await.unwrap().unwrap());
        known.push(Known { id, person, phone });
    }
    app.advance_secs(180);
    let mut most = [0; 3];
    for seed in 0..SEEDS {
        let own = &mut most[usize::try_from(seed % 3).unwrap()];
        *own = one_schedule(&app, &known, rows.clone(), seed).await.max(*own);
    }
    assert_eq!(most[1], 2, "no schedule had two batches on their way");
    assert_eq!(most[2], 3, "no schedule had held-up batches passed by");
    assert!((2..=8).contains(&most[0]), "{most:?}: no schedule had two buckets on their way");
    app.finish().await;
}

async fn one_schedule(
    app: &TestApp,
    known: &[Known],
    rows: BTreeMap<CustomerId, VerifierRow>,
    seed: u64,
) -> usize {
    let mut random = ChaCha20Rng::seed_from_u64(seed);
    let model = Model(Arc::new(Mutex::new(Inner {
        random: ChaCha20Rng::seed_from_u64(seed ^ 0xFACE),
        rows,
        names: known.iter().map(|k| (k.person.login_id.to_owned(), k.id)).collect(),
        batching: batching(seed),
        lines: Vec::new(),
        reading: BTreeSet::new(),
        flights: 0,
        most: 0,
        unsure: 0,
    })));
    let clock = Arc::clone(&app.app.clock);
    let queue = Arc::new(Queue::start(model.clone(), clock, Arc::clone(&app.app.random)));
    let mut callers = tokio::task::JoinSet::new();
    let mut impatient = 0;
    for _ in 0..CALLERS {
        let (origin, ask) = entry(app, known, &mut random);
        let (queue, waits) = (Arc::clone(&queue), random.random_range(0..30));
        let hangs_up = random.random_bool(0.1).then(|| random.random_range(0..20));
        impatient += usize::from(hangs_up.is_some());
        callers.spawn(async move {
            for _ in 0..waits {
                tokio::task::yield_now().await;
            }
            let asked = queue.verify(&origin, &ask);
            let Some(turns) = hangs_up else { return Some(asked.await) };
            tokio::select! {
                biased;
                () = yields(turns) => None,
                answer = asked => Some(answer),
            }
        });
    }
    settled(&model, callers, impatient, seed).await;
    // Everybody's place is free again.
    for known in known {
        let ask = Arc::new(Ask {
            whose: Whose::Customer(known.id),
            purpose: Purpose::Login,
            passcode: Passcode::parse(&known.phone.wrong_passcode(), Digits::Six).unwrap(),
            context: None,
            same: None,
        });
        let answer = queue.verify(&app.origin(Bank::A), &ask).await;
        assert!(!matches!(answer, Ok(Answer::Crowded)), "seed {seed}: a place is lost");
    }
    model.with(|inner| inner.most)
}

// Many servers; one where two batches are on their way; one where each counts as held up at once.
fn batching(seed: u64) -> Batching {
    let many =
        Batching { at_once: 8, worth_another: 1, most: 8, held_up: Duration::MAX, by_bucket: true };
    let one = Batching { at_once: 2, worth_another: 24, most: 2, by_bucket: false, ..many };
    match seed % 3 {
        0 => many,
        1 => one,
        _ => Batching { most: 3, held_up: Duration::ZERO, ..one },
    }
}

type Callers = tokio::task::JoinSet<Option<Result<Answer, AppError>>>;

// Everybody has an answer, and it is what was written.
async fn settled(model: &Model, mut callers: Callers, impatient: usize, seed: u64) {
    let mut accepted = 0;
    while let Some(done) = callers.join_next().await {
        match done.unwrap() {
            Some(Ok(Answer::Decided(verdict))) => accepted += usize::from(verdict.accepted),
            // Refused for the crowd, a lock, the model's own failures; and who has hung up.
            None | Some(Ok(Answer::Alone(_) | Answer::Crowded) | Err(AppError::Overloaded)) => {}
            Some(Err(error)) => panic!("seed {seed}: {error:?}"),
        }
    }
    // Who hung up is decided all the same.
    yields(2_000).await;
    model.with(|inner| {
        let spent: Vec<_> =
            inner.lines.iter().filter_map(|(who, step)| step.map(|step| (*who, step))).collect();
        let distinct: BTreeSet<_> = spent.iter().collect();
        assert_eq!(distinct.len(), spent.len(), "seed {seed}: a step was spent twice");
        let untold = inner.unsure * CALLERS + impatient;
        assert!(accepted <= spent.len(), "seed {seed}: accepted and not written");
        assert!(spent.len() <= accepted + untold, "seed {seed}: written and not told");
        assert_eq!((inner.flights, inner.reading.len()), (0, 0), "seed {seed}");
    });
}

fn entry(app: &TestApp, known: &[Known], random: &mut ChaCha20Rng) -> (Origin, Arc<Ask>) {
    let who = &known[random.random_range(0..known.len())];
    // Names that nobody has fill the line, so that two batches are on their way.
    let whose = match random.random_range(0..6) {
        0 => Whose::Customer(who.id),
        1 => Whose::LoginId(who.person.login_id.to_owned()),
        _ => Whose::LoginId(format!("nobody{}", random.random_range(0..60))),
    };
    let passcode = match random.random_range(0..8) {
        0 => who.phone.wrong_passcode(),
        n => who.phone.passcode_of(i64::from(n % 3) - 1),
    };
    let context = random.random_bool(0.05).then(|| "poison".to_owned());
    let passcode = Passcode::parse(&passcode, Digits::Six).unwrap();
    let origin = Origin { channel: Channel::Api, ..app.origin(Bank::A) };
    let purpose = Purpose::Login;
    (origin, Arc::new(Ask { whose, purpose, passcode, context, same: None }))
}

async fn yields(turns: usize) {
    for _ in 0..turns {
        tokio::task::yield_now().await;
    }
}
