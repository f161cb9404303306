//! The harness: one `TestApp` per test with its own database, clock, randomness and mail folder, two
//! banks with different policies, and callers that are types. Nothing here replaces a part of the
//! product: requests go through the real router, mails through the real worker.

pub(crate) mod banks;
pub(crate) mod browser;
pub(crate) mod database;
pub(crate) mod http;
pub(crate) mod mailbox;
pub(crate) mod phone;
pub(crate) mod program;
mod trail;
pub(crate) mod walk;

use std::{
    ops::Deref,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicU8, Ordering},
    },
};

use axum::{
    body::{Body, to_bytes},
    extract::Request,
};
use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng, SeedableRng},
};
use warifu_core::{
    audit::Channel,
    random::Random,
    time::{Clock, Millis},
};
use warifu_store::{Settings as StoreSettings, Store, seal::Kek};

use self::{
    banks::{Bank, Person},
    browser::Browser,
    database::Database,
    http::Reply,
    phone::Phone,
};
use crate::{
    actions::{import, institutions},
    app::{App, Settings},
    hasher::Hasher,
    institutions::{HostKind, Institution},
    limits::Rates,
    origin::Origin,
    web::enter::{Doors, Way},
};

/// 2026-11-24 10:00:00 in Tokyo, a Tuesday.
pub(crate) const START: Millis = Millis(1_795_482_000_000);

/// The key-encryption key of every test.
pub(crate) const KEK: [u8; 32] = [0x5a; 32];

/// The proxy that the process trusts.
pub(crate) const PROXY: &str = "10.0.0.1";

/// Makes two tests of each named function: one on SQLite, one on PostgreSQL.
macro_rules! on_both_engines {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            use crate::tests::harness::{TestApp, database::Engine};

            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn on_sqlite() {
                let app = TestApp::start(Engine::Sqlite).await;
                Box::pin(super::$name(&app)).await;
                app.finish().await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn on_postgresql() {
                let app = TestApp::start(Engine::Postgresql).await;
                Box::pin(super::$name(&app)).await;
                app.finish().await;
            }
        }
    )+};
}
pub(crate) use on_both_engines;

/// A clock that only the test moves.
#[derive(Debug)]
struct Hand(AtomicI64);

impl Clock for Hand {
    fn now(&self) -> Millis {
        Millis(self.0.load(Ordering::SeqCst))
    }
}

/// Randomness that is the same in every run.
struct Seeded(Mutex<ChaCha20Rng>);

impl Random for Seeded {
    fn fill(&self, out: &mut [u8]) {
        self.0.lock().unwrap().fill_bytes(out);
    }
}

/// The server under test, with its world.
#[derive(Clone)]
pub(crate) struct TestApp(Arc<Parts>);

pub(crate) struct Parts {
    pub(crate) app: App,
    doors: Doors,
    clock: Arc<Hand>,
    pub(crate) database: Database,
    mails: tempfile::TempDir,
    /// Seeds of further nodes: two of the same would draw the same ids.
    seeds: Arc<AtomicU8>,
}

impl Deref for TestApp {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl TestApp {
    /// A new installation: a fresh database, two banks, their customers.
    pub(crate) async fn start(engine: database::Engine) -> Self {
        let database = Database::fresh(engine).await;
        let clock = Arc::new(Hand(AtomicI64::new(START.0)));
        let store = connect(&database).await;
        store.migrate().await.unwrap();
        let seeds = Arc::new(AtomicU8::new(7));
        let test = Self::over(store, database, clock, seeds, Rates::unbounded()).await;
        for bank in Bank::ALL {
            institutions::create(&test.app, &bank.document()).await.unwrap();
            test.import(bank, &banks::csv(bank)).await;
        }
        test
    }

    /// Another process on the same database and clock.
    pub(crate) async fn second_node(&self) -> Self {
        let store = connect(&self.database).await;
        let (clock, seeds) = (Arc::clone(&self.clock), Arc::clone(&self.seeds));
        Self::over(store, self.database.clone(), clock, seeds, Rates::unbounded()).await
    }

    /// A process on a copy of the database, with the same clock.
    pub(crate) async fn on(&self, copy: Database) -> Self {
        let store = connect(&copy).await;
        let (clock, seeds) = (Arc::clone(&self.clock), Arc::clone(&self.seeds));
        Self::over(store, copy, clock, seeds, Rates::unbounded()).await
    }

    /// The same, with limits for callers who have proved nothing.
    pub(crate) async fn strict_node(&self, rates: Rates) -> Self {
        let store = connect(&self.database).await;
        let (clock, seeds) = (Arc::clone(&self.clock), Arc::clone(&self.seeds));
        Self::over(store, self.database.clone(), clock, seeds, rates).await
    }

    async fn over(
        store: Store,
        database: Database,
        clock: Arc<Hand>,
        seeds: Arc<AtomicU8>,
        rates: Rates,
    ) -> Self {
        let seed = seeds.fetch_add(1, Ordering::SeqCst);
        let random = Arc::new(Seeded(Mutex::new(ChaCha20Rng::from_seed([seed; 32]))));
        let settings = Settings {
            trusted_proxies: vec![PROXY.parse().unwrap()],
            rates,
            ..Settings::default()
        };
        let hasher = Hasher::new(64, 1, 2).unwrap();
        let kek = Kek::new(1, KEK);
        let app =
            App::new(store, Arc::clone(&clock) as _, random, hasher, kek, settings).await.unwrap();
        let doors = Doors::new(&app);
        let mails = tempfile::tempdir().unwrap();
        Self(Arc::new(Parts { app, doors, clock, database, mails, seeds }))
    }

    async fn import(&self, bank: Bank, csv: &str) {
        let imported =
            import::import(&self.app, &self.origin(bank), csv.as_bytes(), false, |_, _| {}).await;
        let imported = imported.unwrap();
        assert_eq!(imported.bad, [], "the harness's own customers");
    }

    /// The end of every test: no mail was given up, and no secret outlives its sending.
    pub(crate) async fn finish(&self) {
        self.deliver().await;
        let given_up = self.database.texts("mails", "kind", "state = 'failed'").await;
        assert_eq!(given_up, [] as [String; 0], "mails given up");
        let kept = "has_secret = TRUE AND state <> 'queued' AND body IS NOT NULL";
        assert_eq!(self.database.count("mails", kept).await, 0, "secret bodies kept");
        self.abandon().await;
    }

    /// The end of a test that leaves mails which can never be sent.
    pub(crate) async fn abandon(&self) {
        self.app.store.close().await;
        self.database.remove().await;
    }

    pub(crate) fn now(&self) -> Millis {
        self.clock.now()
    }

    pub(crate) fn advance_secs(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds * 1_000, Ordering::SeqCst);
    }

    pub(crate) fn advance_mins(&self, minutes: i64) {
        self.advance_secs(minutes * 60);
    }

    pub(crate) fn advance_hours(&self, hours: i64) {
        self.advance_secs(hours * 3_600);
    }

    pub(crate) fn institution(&self, bank: Bank) -> Arc<Institution> {
        self.app.institutions.by_host(bank.ib()).unwrap().1
    }

    /// Work at the command line of this bank.
    pub(crate) fn origin(&self, bank: Bank) -> Origin {
        Origin::inside(self.institution(bank), Channel::CommandLine, self.now())
    }

    /// A browser that has never been here.
    pub(crate) fn browser(&self, bank: Bank) -> Browser {
        Browser::new(self, bank)
    }

    /// A browser whose customer has logged in with the password, without a passcode.
    pub(crate) async fn signed_in(&self, person: &Person) -> Browser {
        let mut browser = self.browser(person.bank);
        browser.sign_in(person).await;
        browser
    }

    /// A phone of this bank's customer, with new keys.
    pub(crate) fn phone(&self, bank: Bank) -> Phone {
        Phone::new(self, bank)
    }

    /// One request into the router, as the listener would hand it over.
    pub(crate) async fn send(&self, request: Request<Body>, peer: &str) -> Reply {
        let serves = [HostKind::Ib, HostKind::Token, HostKind::Api, HostKind::Console].into();
        let way = Way { peer: peer.parse().unwrap(), serves, is_demo: false };
        let response = Box::pin(self.doors.answer(&way, request)).await;
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, 4 << 20).await.unwrap();
        let body = String::from_utf8_lossy(&bytes).into_owned();
        Reply { status: parts.status.as_u16(), headers: parts.headers, body }
    }
}

/// Runs all of them at once; gives what each gave.
pub(crate) async fn at_once<T: Send + 'static>(
    jobs: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    let running: Vec<_> = jobs.into_iter().map(tokio::spawn).collect();
    let mut given = Vec::new();
    for job in running {
        given.push(job.await.unwrap());
    }
    given
}

async fn connect(database: &Database) -> Store {
    let url = database.url().to_owned();
    let distributed = database::is_distributed() && url.starts_with("postgres");
    let settings = StoreSettings { url, max_connections: 8, create: true, distributed };
    Store::connect(&settings).await.unwrap()
}
