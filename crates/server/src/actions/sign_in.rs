//! Login: the password first, one answer for unknown, wrong and stopped; then, where demanded, the
//! passcode.

use std::{sync::Arc, time::Duration};

use warifu_core::{
    audit::{ActorKind, Kind},
    counter::{Counter, Gate, Grade},
    ids::{CustomerId, LoginId},
    oath::Passcode,
    purpose::Purpose,
    random,
    secret::SecretText,
    time::Millis,
    verify::Reason,
};
use warifu_store::{Customer, Key, Session, Subject, Taken, Tx};

use super::{
    again_on_conflict, commit, counters, locks,
    network::{self, Door},
    places,
    prove::{self, Answer, Proof},
    refusals,
    sessions::{self, Level, Opened},
};
use crate::{
    app::App,
    calendar,
    error::AppError,
    hasher::Lane,
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
    /// The browser's secret that the form was sent with.
    pub(crate) browser: Arc<BrowserSecret>,
}

/// Proves the login password. The same work is done whoever was named, and nothing of it is left
/// undone by a caller who hangs up: requests run in tasks of their own.
pub(crate) async fn sign_in(
    app: &App,
    origin: &Origin,
    given: Credentials,
) -> Result<SignIn, AppError> {
    let asked = look_up(app, origin, &given).await?;
    // The password is checked before any row is taken: 40 ms of work under a lock would queue people.
    let hash = match &asked.customer {
        Some(c) => Some(places::checked_hash(&origin.institution, c, "login_hash")?.to_owned()),
        None => None,
    };
    if let Some(wait) = waiting(app, origin, &asked).await? {
        return Ok(SignIn::Wait(wait));
    }
    let lane = if asked.network.is_some() { Lane::Strangers } else { Lane::Known };
    let place = app.hasher.place(lane).await?;
    // Many may have waited for this place: what the first of them have counted holds for the rest.
    if let Some(wait) = waiting(app, origin, &asked).await? {
        return Ok(SignIn::Wait(wait));
    }
    let fits = app.hasher.fits(place, hash.clone(), given.password).await?;
    let known = asked.customer.as_ref().filter(|c| fits && c.suspended_at.is_none());
    again_on_conflict(|| {
        let (device, browser) = (&given.device, &given.browser);
        let proved = Proved { customer: known, hash: hash.as_deref(), device, browser };
        write(app, origin, &asked, proved)
    })
    .await
}

// What was found about a password, before any row was taken.
struct Proved<'a> {
    /// The customer whose password it is; none when it was wrong.
    customer: Option<&'a Customer>,
    hash: Option<&'a str>,
    device: &'a [u8],
    browser: &'a BrowserSecret,
}

async fn write(
    app: &App,
    origin: &Origin,
    asked: &AskedFor,
    proved: Proved<'_>,
) -> Result<SignIn, AppError> {
    let mut tx = app.store.begin().await?;
    let right = proved.customer.is_some();
    if let Some(until) = count(app, origin, &mut tx, asked, right).await? {
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
            origin.record(&mut tx, &*app.random, refusal(asked, "changed_meanwhile")).await?;
        }
        commit(app, tx).await?;
        return Ok(SignIn::Refused);
    };
    let begun = enter(app, origin, &mut tx, customer, &proved).await?;
    commit(app, tx).await?;
    Ok(begun)
}

async fn enter(
    app: &App,
    origin: &Origin,
    tx: &mut Tx,
    customer: Customer,
    proved: &Proved<'_>,
) -> Result<SignIn, AppError> {
    let id = customer.customer_id;
    let level = if customer.otp_required { Level::Password } else { Level::Full };
    let secret = sessions::secret_after(origin, id, level, proved.browser);
    let secret = match sessions::opened(origin, tx, id, level, &secret).await? {
        // The same form again, by a double click or after a lost answer: the same session.
        Opened::Alive => return Ok(SignIn::Begun { browser: secret, level }),
        Opened::Over => BrowserSecret::for_customer(id, random::bytes(&*app.random)),
        Opened::Not => secret,
    };
    let session = sessions::begin(app, origin, tx, (&customer, level), &secret).await?;
    if level == Level::Full {
        finish(app, origin, tx, customer, &session).await?;
        tx.remember_device(id, proved.device, origin.now).await?;
    } else {
        // Who stops here knows the password: just what a customer's story must show.
        origin.record(tx, &*app.random, Line::ok(Kind::PasswordProved).of(id)).await?;
    }
    Ok(SignIn::Begun { browser: secret, level })
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
        // A passcode is not evaluated for a session that has ended meanwhile.
        let (mut tx, customer) = sessions::take(app, origin, session).await?;
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

/// Who is asked for, and what counts the guess: the account's counter (or, in a browser the customer
/// knows, that browser's own), and the network's.
struct AskedFor {
    customer: Option<Customer>,
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
async fn look_up(app: &App, origin: &Origin, given: &Credentials) -> Result<AskedFor, AppError> {
    let typed = given.login_id.as_ref().map_or(given.typed.as_str(), LoginId::as_str);
    let mut tx = app.store.read().await?;
    // What cannot be a login ID is looked up all the same, but not as it was typed.
    let wanted = given.login_id.as_ref().map_or("", LoginId::as_str);
    let found = tx.find(origin.institution.id, Key::LoginId, wanted).await?;
    let id = found.map_or(NOBODY, |found| found.customer_id);
    let customer = tx.customer(id).await?;
    let is_known = tx.knows_device(id, &given.device, origin.now.minus(KNOWN_FOR)).await?;
    let account = if is_known {
        counters::login_in(origin, typed, &given.device)
    } else {
        counters::login(origin, typed)
    };
    let network = (!is_known).then(|| network::subject(origin, Door::Login));
    Ok(AskedFor { customer, account, network })
}

/// A browser is known for as long after a login as it keeps its cookie.
pub(crate) const KNOWN_FOR: Duration = Duration::from_hours(365 * 24);

/// An ID that no customer has: its time is the beginning of all times.
const NOBODY: CustomerId = CustomerId::from_bytes([0; 16]);

fn present(subject: &Subject, taken: &Taken, now: Millis) -> Counter {
    if subject.kind == "network" { network::present(taken, now) } else { taken.counter() }
}

// A login at a closed gate costs no argon2 and moves no counter; it is recorded.
async fn waiting(app: &App, origin: &Origin, asked: &AskedFor) -> Result<Option<u64>, AppError> {
    let mut tx = app.store.read().await?;
    let mut until = None;
    for subject in asked.counters() {
        let taken = tx.counter(subject).await?;
        let counter = taken.map_or(Counter::cleared(), |t| present(subject, &t, origin.now));
        until = until.max(closed(counter.gate(origin.now), origin));
    }
    drop(tx);
    let Some(until) = until else { return Ok(None) };
    refusals::record(app, origin, refusal(asked, "waiting")).await?;
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

// Takes the counters and writes what this guess leaves in them; until when the gate is closed, if it
// is. Then nothing is written: what a guess at a closed gate leaves must not depend on its being right.
async fn count(
    app: &App,
    origin: &Origin,
    tx: &mut Tx,
    asked: &AskedFor,
    right: bool,
) -> Result<Option<Millis>, AppError> {
    let mut taken = Vec::new();
    for subject in asked.counters() {
        let row = tx.take_counter(subject, origin.now).await?;
        let counter = present(subject, &row, origin.now);
        taken.push((subject, row, counter));
    }
    let gates = taken.iter().map(|(.., counter)| closed(counter.gate(origin.now), origin));
    if let Some(until) = gates.max().flatten() {
        origin.record(tx, &*app.random, refusal(asked, "waiting")).await?;
        return Ok(Some(until));
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
        tx.save_counter(subject, row, &next, origin.now).await?;
        stopped |= next.locked;
    }
    if !right {
        origin.record(tx, &*app.random, refusal(asked, "credentials")).await?;
    }
    if let (true, Some(customer)) = (stopped, &asked.customer) {
        locks::tell(app, origin, tx, customer, (Which::Login, None), Grade::Stopped).await?;
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
