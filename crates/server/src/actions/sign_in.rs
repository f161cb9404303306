//! Login: the password first, one answer for unknown, wrong and stopped; then, where demanded, the
//! passcode.

use std::time::Duration;

use warifu_core::{
    audit::{ActorKind, Kind},
    counter::{Counter, Gate, Grade},
    ids::LoginId,
    oath::Passcode,
    policy::LoginPolicy,
    purpose::Purpose,
    secret::SecretText,
    time::{Millis, Span},
    verify::Reason,
};
use warifu_store::{Customer, Key, Session, Subject, Taken, Tx};

use super::{
    again_on_conflict, commit, locks, places,
    prove::{self, Answer, Proof},
    sessions::{self, Level},
};
use crate::{
    app::App,
    calendar,
    error::AppError,
    mail::messages::Which,
    origin::{Line, Origin},
    web::cookies::{BrowserSecret, DeviceSecret},
};

/// How a login with the password ended.
#[derive(Debug)]
pub(crate) enum SignIn {
    /// One text for unknown, wrong and stopped.
    Refused,
    /// Not evaluated: wait this many seconds.
    Wait(u64),
    /// The password was right.
    Begun { browser: BrowserSecret, level: Level },
}

/// What a login is made with.
#[derive(Debug)]
pub(crate) struct Credentials {
    pub(crate) login_id: Option<LoginId>,
    /// What was typed, for the counter of an ID that cannot be one.
    pub(crate) typed: String,
    pub(crate) password: SecretText,
    /// Hash of the browser's device secret.
    pub(crate) device: Vec<u8>,
}

/// Proves the login password.
pub(crate) async fn sign_in(
    app: &App,
    origin: &Origin,
    given: Credentials,
) -> Result<SignIn, AppError> {
    let known = find(app, origin, given.login_id.as_ref()).await?;
    let counters = counters(app, origin, &given, known.as_ref()).await?;
    // The password is checked before any row is taken: 40 ms of work under a lock would queue people.
    let hash = match &known {
        Some(c) => Some(places::checked_hash(&origin.institution, c, "login_hash")?.to_owned()),
        None => None,
    };
    if let Some(wait) = waiting(app, origin, &counters).await? {
        return Ok(SignIn::Wait(wait));
    }
    let place = app.hasher.place().await?;
    // Many may have waited for this place: what the first of them have counted holds for the rest.
    if let Some(wait) = waiting(app, origin, &counters).await? {
        return Ok(SignIn::Wait(wait));
    }
    let fits = app.hasher.fits(place, hash.clone(), given.password).await?;
    let known = known.filter(|c| fits && c.suspended_at.is_none());
    again_on_conflict(|| {
        let proved =
            Proved { customer: known.as_ref(), hash: hash.as_deref(), device: &given.device };
        write(app, origin, &counters, proved)
    })
    .await
}

// What was found about a password, before any row was taken.
struct Proved<'a> {
    /// The customer whose password it is; none when it was wrong.
    customer: Option<&'a Customer>,
    hash: Option<&'a str>,
    device: &'a [u8],
}

async fn write(
    app: &App,
    origin: &Origin,
    counters: &Counters,
    proved: Proved<'_>,
) -> Result<SignIn, AppError> {
    let mut tx = app.store.begin().await?;
    if let Gates::Closed(until) =
        take(app, origin, &mut tx, counters, proved.customer.is_some()).await?
    {
        tx.commit().await?;
        return Ok(SignIn::Wait(calendar::seconds_until(origin.now, until)));
    }
    let taken = match proved.customer {
        Some(c) => tx.take_customer(c.customer_id).await?,
        None => None,
    };
    // Between check and lock the password may have been changed or the customer stopped.
    let Some(customer) =
        taken.filter(|c| proved.hash == Some(&c.login_hash) && c.suspended_at.is_none())
    else {
        if proved.customer.is_some() {
            record_refusal(app, origin, &mut tx, counters, "changed_meanwhile").await?;
        }
        commit(app, tx).await?;
        return Ok(SignIn::Refused);
    };
    let begun = enter(app, origin, &mut tx, customer, proved.device).await?;
    commit(app, tx).await?;
    Ok(begun)
}

async fn enter(
    app: &App,
    origin: &Origin,
    tx: &mut Tx,
    customer: Customer,
    device: &[u8],
) -> Result<SignIn, AppError> {
    let id = customer.customer_id;
    let level = if customer.otp_required { Level::Password } else { Level::Full };
    let (session, browser) = sessions::begin(app, origin, tx, &customer, level).await?;
    if level == Level::Full {
        finish(app, origin, tx, customer, &session).await?;
        tx.remember_device(id, device, origin.now).await?;
    } else {
        // Who stops here knows the password: just what a customer's story must show.
        origin.record(tx, &*app.random, Line::ok(Kind::PasswordProved).of(id)).await?;
    }
    Ok(SignIn::Begun { browser, level })
}

// The login is complete: its time is what the next login shows.
async fn finish(
    app: &App,
    origin: &Origin,
    tx: &mut Tx,
    mut customer: Customer,
    session: &Session,
) -> Result<(), AppError> {
    let id = customer.customer_id;
    customer.previous_login_at = customer.last_login_at;
    customer.last_login_at = Some(origin.now.0);
    tx.save_customer(&customer).await?;
    let origin = Origin {
        actor: (ActorKind::Customer, id.to_string()),
        correlation: Some(session.id.to_string()),
        ..origin.clone()
    };
    origin.record(tx, &*app.random, Line::ok(Kind::SessionSignedIn).of(id)).await?;
    Ok(())
}

/// Proves the passcode of a login and makes the session a full one, in one transaction.
pub(crate) async fn prove_passcode(
    app: &App,
    origin: &Origin,
    session: &Session,
    passcode: &Passcode,
    device: &DeviceSecret,
) -> Result<Answer, AppError> {
    again_on_conflict(|| async {
        let mut tx = app.store.begin().await?;
        let customer = tx.take_customer(session.customer_id).await?.ok_or(AppError::NotFound)?;
        // A passcode is not evaluated for a session that has ended meanwhile.
        sessions::still_alive(&mut tx, origin, session).await?;
        let view = super::overview::load(&mut tx, origin, customer.clone()).await?;
        let Some((token, row)) = view.in_use else {
            let line = Line::refused(Kind::PasscodeRefused, "no_token").of(customer.customer_id);
            origin.record(&mut tx, &*app.random, line).await?;
            tx.commit().await?;
            return Ok(Answer::Refused(Reason::NotUsable));
        };
        let asked = prove::Asked { customer: &customer, token: &token, purpose: Purpose::Login };
        match prove::prove(app, origin, &mut tx, &asked, &row, passcode).await? {
            Proof::Refused(reason) => {
                commit(app, tx).await?;
                Ok(Answer::Refused(reason))
            }
            Proof::Accepted => {
                let (begun, browser) =
                    sessions::renew(app, origin, &mut tx, &customer, session).await?;
                tx.remember_device(customer.customer_id, &device.hash(), origin.now).await?;
                finish(app, origin, &mut tx, customer, &begun).await?;
                commit(app, tx).await?;
                Ok(Answer::Done(browser))
            }
        }
    })
    .await
}

async fn find(
    app: &App,
    origin: &Origin,
    login_id: Option<&LoginId>,
) -> Result<Option<Customer>, AppError> {
    let Some(login_id) = login_id else {
        return Ok(None);
    };
    let mut tx = app.store.read().await?;
    let found = tx.find(origin.institution.id, Key::LoginId, login_id.as_str()).await?;
    Ok(match found {
        Some(found) => tx.customer(found.customer_id).await?,
        None => None,
    })
}

/// The two counters of a login: the account's (or, in a browser the customer knows, that browser's
/// own), and the network's. Filed by keyed hash, alike for known and unknown IDs.
struct Counters {
    account: Subject,
    /// None for a browser that the customer knows: what its network does is not its doing.
    network: Option<Subject>,
    /// Whom a refusal is recorded for.
    customer: Option<Customer>,
}

impl Counters {
    // Always in this order, so that no two logins wait for each other.
    fn all(&self) -> impl Iterator<Item = &Subject> {
        self.network.iter().chain([&self.account])
    }
}

/// A network's failures are forgotten after this long without one: many people share it.
const NETWORK_FORGETS: Duration = Duration::from_hours(1);

/// What a counter of logins says now.
pub(crate) fn present(subject: &Subject, taken: &Taken, now: Millis) -> Counter {
    let forgotten = subject.kind == "network" && now >= taken.changed_at().plus(NETWORK_FORGETS);
    if forgotten { Counter::cleared() } else { taken.counter() }
}

async fn counters(
    app: &App,
    origin: &Origin,
    given: &Credentials,
    known: Option<&Customer>,
) -> Result<Counters, AppError> {
    let own_browser = match known {
        Some(c) => {
            let mut tx = app.store.read().await?;
            tx.knows_device(c.customer_id, &given.device).await?
        }
        None => false,
    };
    let account = given.login_id.as_ref().map_or(given.typed.as_str(), LoginId::as_str);
    let mut account = account_counter(origin, account);
    if own_browser {
        account.subject = name(&given.device);
    }
    let network = (!own_browser).then(|| network(origin));
    Ok(Counters { account, network, customer: known.cloned() })
}

/// The counter of a login ID from browsers that its customer does not know.
pub(crate) fn account_counter(origin: &Origin, login_id: &str) -> Subject {
    filed(origin, "login", login_id.as_bytes())
}

/// The counter of the caller's network: the address, or its /64.
pub(crate) fn network(origin: &Origin) -> Subject {
    let address = origin.address.clone().unwrap_or_default();
    let network = match address.parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V6(v6)) => {
            v6.segments()[..4].iter().fold(String::new(), |out, s| format!("{out}{s:x}:"))
        }
        _ => address,
    };
    filed(origin, "network", network.as_bytes())
}

fn filed(origin: &Origin, kind: &'static str, key: &[u8]) -> Subject {
    let spot = places::counter_subject(origin.institution.id, kind);
    let hash = origin.institution.keys.mac(&spot.place(), key);
    let owner = name(&hash);
    let bucket = i64::from(hash.first().copied().unwrap_or(0));
    Subject { bucket, subject: owner.clone(), owner, kind }
}

fn name(hash: &[u8]) -> String {
    hash.iter().take(16).fold(String::new(), |out, b| format!("{out}{b:02x}"))
}

pub(crate) fn network_policy(policy: &LoginPolicy) -> LoginPolicy {
    // A network waits a little, it is never stopped: a branch or a carrier shares one address.
    LoginPolicy {
        free_tries: policy.network_free_tries,
        longest_wait: Span::of_seconds(60),
        stop_after: u32::MAX,
        ..policy.clone()
    }
}

// A login at a closed gate costs no argon2 and moves no counter; it is recorded.
async fn waiting(app: &App, origin: &Origin, counters: &Counters) -> Result<Option<u64>, AppError> {
    let mut tx = app.store.read().await?;
    let mut until = None;
    for subject in counters.all() {
        let gate = match tx.counter(subject).await? {
            Some(taken) => present(subject, &taken, origin.now).gate(origin.now),
            None => Gate::Open,
        };
        until = until.max(closed(gate, origin));
    }
    drop(tx);
    let Some(until) = until else { return Ok(None) };
    let mut tx = app.store.begin().await?;
    record_refusal(app, origin, &mut tx, counters, "waiting").await?;
    tx.commit().await?;
    Ok(Some(calendar::seconds_until(origin.now, until)))
}

fn closed(gate: Gate, origin: &Origin) -> Option<Millis> {
    match gate {
        Gate::Open => None,
        Gate::Until(until) => Some(until),
        Gate::Stopped => {
            Some(origin.now.plus(origin.institution.policy().login.longest_wait.duration()))
        }
    }
}

enum Gates {
    Open,
    Closed(Millis),
}

// Takes both counters, network first, and writes what this guess leaves in them.
async fn take(
    app: &App,
    origin: &Origin,
    tx: &mut Tx,
    counters: &Counters,
    right: bool,
) -> Result<Gates, AppError> {
    let policy = &origin.institution.policy().login;
    let network = network_policy(policy);
    let mut locked = false;
    for subject in counters.all() {
        let policy = if subject.kind == "network" { &network } else { policy };
        let taken = tx.take_counter(subject, origin.now).await?;
        let counter = present(subject, &taken, origin.now);
        if let Some(until) = closed(counter.gate(origin.now), origin) {
            record_refusal(app, origin, tx, counters, "waiting").await?;
            return Ok(Gates::Closed(until));
        }
        let next =
            if right { Counter::cleared() } else { counter.failed_login(policy, origin.now).0 };
        // One right login from a shared network does not pay for the others' wrong ones.
        if !(right && subject.kind == "network") {
            tx.save_counter(subject, &taken, &next, origin.now).await?;
        }
        locked |= next.locked;
    }
    if !right {
        record_refusal(app, origin, tx, counters, "credentials").await?;
    }
    if let (true, Some(customer)) = (locked, &counters.customer) {
        locks::tell(app, origin, tx, customer, (Which::Login, None), Grade::Stopped).await?;
    }
    Ok(Gates::Open)
}

async fn record_refusal(
    app: &App,
    origin: &Origin,
    tx: &mut Tx,
    counters: &Counters,
    reason: &str,
) -> Result<(), AppError> {
    let line = Line::refused(Kind::SessionRefused, reason);
    let line = match &counters.customer {
        Some(customer) => line.of(customer.customer_id),
        None => line,
    };
    Ok(origin.record(tx, &*app.random, line).await?)
}
