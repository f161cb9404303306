//! The login password, proved where anyone can come: one answer and the same work for unknown, wrong
//! and stopped, every evaluated guess counted before it is answered.

use std::time::Duration;

use warifu_core::{
    audit::Kind,
    counter::{Counter, Gate, Grade},
    ids::{CustomerId, LoginId},
    random,
    secret::SecretText,
    text::StaticPassword,
    time::Millis,
};
use warifu_store::{Customer, Key, Subject, Taken, Tx};

use super::{
    commit, counters, locks,
    network::{self, Door},
    places, refusals, static_password,
};
use crate::{
    app::App,
    error::AppError,
    hasher::{Fits, Lane, Scheme},
    limits::PASSWORD_EACH,
    mail::messages::Which,
    origin::{Line, Origin},
};

/// Who says to be whom.
#[derive(Debug)]
pub(crate) struct Credentials {
    pub(crate) login_id: Option<LoginId>,
    /// What was typed, for the counter of an ID that cannot be one.
    pub(crate) typed: String,
    pub(crate) password: SecretText,
    /// Hash of the browser's device secret.
    pub(crate) device: Vec<u8>,
}

/// How a login password was answered.
#[derive(Debug)]
pub(crate) enum Answer<T> {
    /// One text for unknown, wrong and, at the login, stopped.
    Refused,
    /// Not evaluated: too many were wrong before.
    Closed(Gate),
    /// It was right, and this came of it.
    Right(T),
}

/// What the password opens. A stopped customer may stop again, and is told that it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opens {
    Login,
    Stop,
}

impl Opens {
    /// The counter of its guesses: the two have one each, so that whoever guesses at the login keeps
    /// nobody from stopping.
    pub(crate) const fn counter(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Stop => "stop",
        }
    }

    const fn door(self) -> Door {
        match self {
            Self::Login => Door::Login,
            Self::Stop => Door::Stop,
        }
    }

    /// The stop is never closed for good: it can only stop, and whoever is kept from it may be in need.
    /// Where the login would be, it waits a day after each guess.
    fn lasting(self, counter: Counter, now: Millis) -> Counter {
        if self == Self::Login || !counter.locked {
            return counter;
        }
        let locked_until = Some(now.plus(Duration::from_hours(24)));
        Counter { locked_until, locked: false, ..counter }
    }

    const fn locked(self) -> Which {
        match self {
            Self::Login => Which::Login,
            Self::Stop => Which::Stop,
        }
    }

    fn admits(self, customer: &Customer) -> bool {
        self == Self::Stop || customer.suspended_at.is_none()
    }
}

/// A login password that was computed, and for whom; nothing is counted yet.
pub(crate) struct Computed {
    asked: AskedFor,
    opens: Opens,
    hash: Option<String>,
    fits: bool,
    /// The hash of our own scheme, where the one before came from elsewhere.
    better: Option<String>,
}

/// Computes a login password. The same work is done whoever was named, and nothing of it is left undone
/// by a caller who hangs up: requests run in tasks of their own. At a closed gate nothing is computed.
pub(crate) async fn compute(
    app: &App,
    origin: &Origin,
    given: &Credentials,
    opens: Opens,
) -> Result<Result<Computed, Gate>, AppError> {
    let asked = look_up(app, origin, given, opens).await?;
    // The password is checked before any row is taken: 40 ms of work under a lock would queue people.
    let hash = match &asked.customer {
        Some(c) => Some(places::checked_hash(&origin.institution, c, "login_hash")?.to_owned()),
        None => None,
    };
    if let Some(closed) = closed(app, origin, &asked).await? {
        return Ok(Err(closed));
    }
    // Right ones cost as much as wrong ones, and no counter slows them.
    // A browser that the customer knows has a budget of its own, which strangers cannot use up.
    let account = format!("{} {}", asked.account.owner, asked.account.subject);
    if !app.limits.admits_password(&account) {
        refusals::record(app, origin, refusal(&asked, "waiting")).await?;
        return Ok(Err(Gate::Until(origin.now.plus(PASSWORD_EACH))));
    }
    let lane = match (opens, &asked.network) {
        (Opens::Stop, _) => Lane::Stop,
        (Opens::Login, Some(_)) => Lane::Strangers,
        (Opens::Login, None) => Lane::Known,
    };
    let place = app.hasher.place(lane).await?;
    // Many may have waited for this place: what the first of them have counted holds for the rest.
    if let Some(closed) = closed(app, origin, &asked).await? {
        return Ok(Err(closed));
    }
    let with = (asked.elsewhere.clone(), random::bytes(&*app.random));
    let password = SecretText::new(given.password.expose().to_owned());
    let Fits { fits, better } = app.hasher.fits(place, hash.clone(), password, with).await?;
    Ok(Ok(Computed { asked, opens, hash, fits, better }))
}

/// Counts what was computed. Where it was right, its customer is taken and the transaction is still
/// open: what the password opens is done in it and committed with it.
pub(crate) async fn count(
    app: &App,
    origin: &Origin,
    computed: &Computed,
) -> Result<Answer<(Tx, Customer)>, AppError> {
    let Computed { asked, opens, hash, fits, better } = computed;
    let known = asked.customer.as_ref().filter(|c| *fits && opens.admits(c));
    let mut tx = app.store.begin().await?;
    if let Some(closed) = count_in(app, origin, &mut tx, computed, known.is_some()).await? {
        tx.commit().await?;
        return Ok(Answer::Closed(closed));
    }
    let taken = match known {
        Some(c) => tx.take_customer(c.customer_id).await?,
        None => None,
    };
    // Between check and lock the password may have been changed, its hash become our own by the same
    // form sent twice, or the customer been stopped: then nothing of this counts, and all is done anew.
    let same = |c: &Customer| hash.as_deref() == Some(&c.login_hash) && opens.admits(c);
    if let Some(mut customer) = taken.filter(same) {
        if let Some(better) = better {
            static_password::rehash(origin, &mut customer, StaticPassword::Login, better);
            tx.save_customer(&customer).await?;
        }
        return Ok(Answer::Right((tx, customer)));
    }
    if known.is_some() {
        return Err(AppError::Conflict);
    }
    commit(app, tx).await?;
    Ok(Answer::Refused)
}

/// Who is asked for, and what counts the guess: the account's counter (or, in a browser the customer
/// knows, that browser's own), and the network's.
#[derive(Debug)]
struct AskedFor {
    customer: Option<Customer>,
    /// Schemes of hashes that customers of this institution brought along.
    elsewhere: Vec<Scheme>,
    account: Subject,
    /// None for a browser that the customer knows: what its network does is not its doing.
    network: Option<Subject>,
}

impl AskedFor {
    // Always in this order, so that no two logins wait for each other.
    fn counters(&self) -> impl Iterator<Item = &Subject> {
        self.network.iter().chain([&self.account])
    }
}

// The same look-ups for an ID that nobody has: they find nobody.
async fn look_up(
    app: &App,
    origin: &Origin,
    given: &Credentials,
    opens: Opens,
) -> Result<AskedFor, AppError> {
    let typed = given.login_id.as_ref().map_or(given.typed.as_str(), LoginId::as_str);
    let mut tx = app.store.read().await?;
    // What cannot be a login ID is looked up all the same, but not as it was typed.
    let wanted = given.login_id.as_ref().map_or("", LoginId::as_str);
    let found = tx.find(origin.institution.id, Key::LoginId, wanted).await?;
    let id = found.map_or(NOBODY, |found| found.customer_id);
    let customer = tx.customer(id).await?;
    let elsewhere = tx.password_schemes(origin.institution.id).await?;
    let elsewhere = elsewhere.into_iter().map(Scheme).collect();
    let is_known = tx.knows_device(id, &given.device, origin.now.minus(KNOWN_FOR)).await?;
    let account = counters::login(origin, opens.counter(), typed);
    let account = if is_known { counters::of_browser(account, &given.device) } else { account };
    let network = (!is_known).then(|| network::subject(origin, opens.door()));
    Ok(AskedFor { customer, elsewhere, account, network })
}

/// A browser is known for as long after a login as it keeps its cookie.
pub(crate) const KNOWN_FOR: Duration = Duration::from_hours(365 * 24);

/// An ID that no customer has: its time is the beginning of all times.
const NOBODY: CustomerId = CustomerId::from_bytes([0; 16]);

fn present(subject: &Subject, taken: &Taken, now: Millis) -> Counter {
    if subject.kind == "network" { network::present(taken, now) } else { taken.counter() }
}

// A login at a closed gate costs no argon2 and moves no counter; it is recorded.
async fn closed(app: &App, origin: &Origin, asked: &AskedFor) -> Result<Option<Gate>, AppError> {
    let mut tx = app.store.read().await?;
    let mut gate = Gate::Open;
    for subject in asked.counters() {
        let taken = tx.counter(subject).await?;
        let counter = taken.map_or(Counter::cleared(), |t| present(subject, &t, origin.now));
        gate = gate.max(counter.gate(origin.now));
    }
    drop(tx);
    if gate == Gate::Open {
        return Ok(None);
    }
    refusals::record(app, origin, refusal(asked, "waiting")).await?;
    Ok(Some(gate))
}

// Takes the counters and writes what this guess leaves in them, or says which gate is closed. Then
// nothing is written: what a guess at a closed gate leaves must not depend on its being right.
async fn count_in(
    app: &App,
    origin: &Origin,
    tx: &mut Tx,
    Computed { asked, opens, .. }: &Computed,
    right: bool,
) -> Result<Option<Gate>, AppError> {
    let mut taken = Vec::new();
    for subject in asked.counters() {
        let row = tx.take_counter(subject, origin.now).await?;
        let counter = present(subject, &row, origin.now);
        taken.push((subject, row, counter));
    }
    let gates = taken.iter().map(|(.., counter)| counter.gate(origin.now));
    let gate = gates.max().unwrap_or(Gate::Open);
    if gate != Gate::Open {
        origin.record(tx, &*app.random, refusal(asked, "waiting")).await?;
        return Ok(Some(gate));
    }
    let login = &origin.institution.policy().login;
    let mut stopped = false;
    for (subject, row, counter) in &taken {
        let is_network = subject.kind == "network";
        // One right login from a shared network does not pay for the others' wrong ones.
        if right && is_network {
            continue;
        }
        let policy = if is_network { network::policy(login) } else { login.clone() };
        let wrong = || counter.failed_login(&policy, origin.now).0;
        let next = if right { Counter::cleared() } else { wrong() };
        stopped |= next.locked && next.failures == policy.stop_after;
        let next = opens.lasting(next, origin.now);
        tx.save_counter(subject, row, &next, origin.now).await?;
    }
    if !right {
        origin.record(tx, &*app.random, refusal(asked, "credentials")).await?;
    }
    if let (true, Some(customer)) = (stopped, &asked.customer) {
        let grade = match opens {
            Opens::Login => Grade::Stopped,
            Opens::Stop => Grade::Until(origin.now.plus(Duration::from_hours(24))),
        };
        locks::tell(app, origin, tx, customer, (opens.locked(), None), grade).await?;
    }
    Ok(None)
}

fn refusal(asked: &AskedFor, reason: &str) -> Line {
    let line = Line::refused(Kind::SessionRefused, reason);
    match &asked.customer {
        Some(customer) => line.of(customer.customer_id),
        None => line,
    }
}
