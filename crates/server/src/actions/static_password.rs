//! A static password proved inside a session, by its own counter: computed before any row is taken,
//! counted in the transaction that acts on it.

use warifu_core::{
    audit::Kind,
    counter::{Counter, Gate, Grade},
    random,
    secret::SecretText,
    text::StaticPassword,
    time::Millis,
};
use warifu_store::{Customer, Subject, Tx};

use super::{counters, locks, places};
use crate::{
    app::App,
    error::AppError,
    hasher::{Fits, Lane},
    mail::messages::Which,
    origin::{Line, Origin},
};

/// What was computed, and against which hash: whoever changed it meanwhile wins.
#[derive(Debug)]
pub(crate) struct Computed {
    which: StaticPassword,
    hash: String,
    fits: Fits,
}

impl Computed {
    /// Whether the customer's password is still the one that this was computed against.
    pub(crate) fn is_of(&self, customer: &Customer) -> bool {
        self.hash == *hash(customer, self.which)
    }
}

/// How a proof was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proved {
    Right,
    Wrong,
    /// The gate is closed: until this moment, or until someone unlocks it.
    Stopped(Option<Millis>),
}

/// When something that was stopped may be done again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// At once, from its beginning.
    Now,
    /// From this moment.
    From(Millis),
    /// When the bank has lifted the lock.
    Unlocked,
}

fn hash(customer: &Customer, which: StaticPassword) -> &String {
    match which {
        StaticPassword::Login => &customer.login_hash,
        StaticPassword::Confirmation => &customer.confirmation_hash,
    }
}

/// Gives a customer another hash of a password, and its MAC; nothing is written yet.
pub(crate) fn rehash(origin: &Origin, customer: &mut Customer, which: StaticPassword, hash: &str) {
    let institution = &origin.institution;
    let spot = places::password(institution.id, customer.customer_id, column(which));
    let mac = institution.keys.mac(&spot.place(), hash.as_bytes());
    let (own_hash, own_mac) = match which {
        StaticPassword::Login => (&mut customer.login_hash, &mut customer.login_mac),
        StaticPassword::Confirmation => {
            (&mut customer.confirmation_hash, &mut customer.confirmation_mac)
        }
    };
    hash.clone_into(own_hash);
    *own_mac = mac;
}

/// The column that holds its hash.
const fn column(which: StaticPassword) -> &'static str {
    match which {
        StaticPassword::Login => "login_hash",
        StaticPassword::Confirmation => "confirmation_hash",
    }
}

fn counter(customer: &Customer, which: StaticPassword) -> Subject {
    match which {
        StaticPassword::Login => counters::present_login(customer),
        StaticPassword::Confirmation => counters::confirmation(customer),
    }
}

/// Whether a password would be evaluated inside a session.
pub(crate) async fn gate(
    tx: &mut Tx,
    customer: &Customer,
    which: StaticPassword,
    now: Millis,
) -> Result<Gate, AppError> {
    counters::gate(tx, &counter(customer, which), now).await
}

/// Computes whether a password fits. At a closed gate nothing is evaluated: the transaction that
/// follows says so.
pub(crate) async fn compute(
    app: &App,
    origin: &Origin,
    mut tx: Tx,
    customer: &Customer,
    which: StaticPassword,
    password: SecretText,
) -> Result<Computed, AppError> {
    let gate = gate(&mut tx, customer, which, origin.now).await?;
    drop(tx);
    let hash = places::checked_hash(&origin.institution, customer, column(which))?.to_owned();
    let fits = if gate == Gate::Open {
        let place = app.hasher.place(Lane::Known).await?;
        app.hasher.fits_own(place, &hash, password, random::bytes(&*app.random)).await?
    } else {
        Fits::default()
    };
    Ok(Computed { which, hash, fits })
}

/// Counts what was computed; at a closed gate it counts for nothing. A hash that the bank brought
/// along and that fits becomes one of our own scheme.
pub(crate) async fn count(
    app: &App,
    origin: &Origin,
    tx: &mut Tx,
    customer: &mut Customer,
    computed: &Computed,
) -> Result<Proved, AppError> {
    let (id, which) = (customer.customer_id, computed.which);
    let (kind, lock) = match which {
        StaticPassword::Login => (Kind::PasswordRefused, Which::PresentLogin),
        StaticPassword::Confirmation => (Kind::ConfirmationRefused, Which::Confirmation),
    };
    let subject = counter(customer, which);
    let taken = tx.take_counter(&subject, origin.now).await?;
    let closed = match taken.counter().gate(origin.now) {
        Gate::Open => None,
        Gate::Until(until) => Some(Proved::Stopped(Some(until))),
        Gate::Stopped => Some(Proved::Stopped(None)),
    };
    if let Some(closed) = closed {
        origin.record(tx, &*app.random, Line::refused(kind, "waiting").of(id)).await?;
        return Ok(closed);
    }
    if computed.fits.fits {
        tx.save_counter(&subject, &taken, &Counter::cleared(), origin.now).await?;
        if let Some(better) = &computed.fits.better {
            rehash(origin, customer, which, better);
            tx.save_customer(customer).await?;
        }
        return Ok(Proved::Right);
    }
    let policy = &origin.institution.policy().confirmation;
    let (counter, grade) = taken.counter().failed(policy, origin.now);
    tx.save_counter(&subject, &taken, &counter, origin.now).await?;
    origin.record(tx, &*app.random, Line::refused(kind, "wrong").of(id)).await?;
    let Some(grade) = grade else { return Ok(Proved::Wrong) };
    locks::tell(app, origin, tx, customer, (lock, None), grade).await?;
    Ok(Proved::Stopped(match grade {
        Grade::Until(until) => Some(until),
        Grade::Stopped => None,
    }))
}
