//! BPW: one static password is changed, with the present one of it.

use serde::{Deserialize, Serialize};
use warifu_core::{
    audit::Kind,
    counter::Gate,
    hold::HoldKind,
    ids::{CustomerId, LoginId, ProcedureId},
    procedure::ProcedureEnd,
    random,
    secret::SecretText,
    session::SessionEnd,
    text::{StaticPassword, StaticPasswordError, check_static_password},
};
use warifu_store::{Customer, Procedure, Session, Tx};

use super::{
    again_on_conflict, commit, notices, places,
    procedures::{self, Flow, Step},
    sessions, start,
    static_password::{self, Again, Proved},
};
use crate::{
    app::App,
    error::{AppError, Problem, Stale},
    hasher::Lane,
    mail::messages::Mail,
    origin::{Line, Origin},
    web::cookies::BrowserSecret,
};

/// What BPW001 has gathered.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Input {
    which: Option<StaticPassword>,
    /// Hash of the new password; the password itself is kept nowhere.
    hash: String,
    /// Whether it is the customer's login password, for a new confirmation password.
    #[serde(default)]
    is_login: bool,
}

/// What BPW001 asks for, as typed.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) which: Option<StaticPassword>,
    pub(crate) new: SecretText,
    pub(crate) new2: SecretText,
}

/// Which passwords were given by the bank and are to be changed before anything else.
pub(crate) fn due(origin: &Origin, customer: &Customer) -> Vec<StaticPassword> {
    if !origin.institution.policy().password.change_first {
        return Vec::new();
    }
    let login = customer.login_given.then_some(StaticPassword::Login);
    let confirmation = customer.confirmation_given.then_some(StaticPassword::Confirmation);
    login.into_iter().chain(confirmation).collect()
}

/// A password that BPW001 names.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Offered {
    pub(crate) which: StaticPassword,
    /// Whether its present one would be evaluated now: without it nothing is changed.
    pub(crate) gate: Gate,
}

/// What BPW001 names: those that are due, or all.
pub(crate) async fn offered(
    app: &App,
    origin: &Origin,
    customer: &Customer,
) -> Result<Vec<Offered>, AppError> {
    let due = due(origin, customer);
    let named = if due.is_empty() { StaticPassword::ALL } else { &*due };
    let mut tx = app.store.read().await?;
    let mut offered = Vec::with_capacity(named.len());
    for &which in named {
        let gate = static_password::gate(&mut tx, customer, which, origin.now).await?;
        offered.push(Offered { which, gate });
    }
    Ok(offered)
}

/// BPW001: the new password is taken, and a procedure begins that waits for the present one.
pub(crate) async fn enter(
    app: &App,
    origin: &Origin,
    session: &Session,
    entry: Entry,
) -> Result<ProcedureId, AppError> {
    let mut tx = app.store.read().await?;
    let customer = tx.customer(session.customer_id).await?.ok_or(AppError::NotFound)?;
    if let Some(which) = entry.which
        && static_password::gate(&mut tx, &customer, which, origin.now).await? != Gate::Open
    {
        // The page that was open knows nothing of the lock; the one it goes to does.
        return Err(AppError::MovedOn("/password".to_owned()));
    }
    drop(tx);
    let input = read(app, origin, &customer, entry).await?;
    let (mut tx, customer) = sessions::take(app, origin, session).await?;
    let mut procedure = procedures::begin(app, origin, &mut tx, session, Flow::Password).await?;
    let id = customer.customer_id;
    procedures::keep(app, origin, id, &mut procedure, &input)?;
    procedures::advance(&mut tx, id, &mut procedure, Step::Confirm).await?;
    tx.commit().await?;
    Ok(procedure.id)
}

async fn read(
    app: &App,
    origin: &Origin,
    customer: &Customer,
    entry: Entry,
) -> Result<Input, AppError> {
    let refused = |field, key| Err(AppError::InvalidField(vec![Problem::new(field, key)]));
    let Some(which) = entry.which else { return refused("which", "err-which-empty") };
    if entry.new.expose().is_empty() {
        return refused("new_password", "err-new-empty");
    }
    let policy = &origin.institution.policy().password;
    let login_id = customer.login_id.parse::<LoginId>().map_err(AppError::internal)?;
    // Not compared with a stored password here: whoever has the session could guess at it, uncounted.
    let (min, max) = (policy.min_length, policy.max_length);
    if let Err(error) = check_static_password(entry.new.expose(), min, max, Some(&login_id), false)
    {
        let key = match error {
            StaticPasswordError::Short => "err-new-short",
            StaticPasswordError::Long => "err-new-long",
            StaticPasswordError::Width => "err-new-width",
            StaticPasswordError::Common => "err-new-common",
            StaticPasswordError::Same => "err-new-same",
        };
        return refused("new_password", key);
    }
    if entry.new.expose() != entry.new2.expose() {
        return refused("new_password2", "err-new-differs");
    }
    let is_login = which == StaticPassword::Confirmation
        && is_login_password(app, origin, customer, &entry.new).await?;
    let hash = app.hasher.hash(entry.new, random::bytes(&*app.random)).await?;
    Ok(Input { which: Some(which), hash, is_login })
}

// Told on BPW002 only, to who proves the present confirmation password. The other way round nothing is
// compared: who knows the login password could guess at the confirmation password by changing the former
// again and again, and none of it would be counted.
async fn is_login_password(
    app: &App,
    origin: &Origin,
    customer: &Customer,
    new: &SecretText,
) -> Result<bool, AppError> {
    let hash = places::checked_hash(&origin.institution, customer, "login_hash")?.to_owned();
    let place = app.hasher.place(Lane::Known).await?;
    let (new, salt) = (SecretText::new(new.expose().to_owned()), random::bytes(&*app.random));
    Ok(app.hasher.fits(place, Some(hash), new, (Vec::new(), salt)).await?.fits)
}

/// What BPW002 and BPW003 show.
pub(crate) fn chosen(
    origin: &Origin,
    customer: CustomerId,
    procedure: &Procedure,
) -> Result<StaticPassword, AppError> {
    let input: Input = procedures::kept(origin, customer, procedure)?;
    input.which.ok_or(AppError::Stale(Stale::Ended))
}

/// How BPW002 ended; all are committed.
#[derive(Debug)]
pub(crate) enum Changed {
    /// It is changed; the session goes on under a new secret.
    Done(BrowserSecret),
    /// The present one is wrong, and was counted; or the new one is the present one.
    Wrong(Problem),
    /// Too many wrong ones: the procedure has ended.
    Stopped(Again),
}

/// BPW002: the present password is right, and the new one takes its place.
pub(crate) async fn confirm(
    app: &App,
    origin: &Origin,
    session: &Session,
    id: Option<ProcedureId>,
    present: SecretText,
    device: &[u8],
) -> Result<Changed, AppError> {
    if present.expose().is_empty() {
        let problem = Problem::new("present_password", "err-present-empty");
        return Err(AppError::InvalidField(vec![problem]));
    }
    let mut tx = app.store.read().await?;
    let customer = tx.customer(session.customer_id).await?.ok_or(AppError::NotFound)?;
    let procedure = tx.procedure(session.customer_id, id.ok_or(ORDER)?).await?;
    let procedure =
        procedures::check(procedure, session, Flow::Password, Step::Confirm, origin.now)?;
    let input: Input = procedures::kept(origin, customer.customer_id, &procedure)?;
    let which = input.which.ok_or(AppError::Stale(Stale::Ended))?;
    let place = app.hasher.place(Lane::Known).await?;
    let typed = SecretText::new(present.expose().to_owned());
    let salt = random::bytes(&*app.random);
    let is_same = app.hasher.fits_own(place, &input.hash, typed, salt).await?.fits;
    let computed = static_password::compute(app, origin, tx, &customer, which, present).await?;
    again_on_conflict(|| async {
        let (mut tx, mut customer, mut procedure) =
            procedures::take(app, origin, session, Flow::Password, Step::Confirm, id).await?;
        if !computed.is_of(&customer) {
            return Err(AppError::Stale(Stale::Ended));
        }
        let id = customer.customer_id;
        match static_password::count(app, origin, &mut tx, &mut customer, &computed).await? {
            // Said only to who has proved the present one.
            Proved::Right if is_same => {
                commit(app, tx).await?;
                Ok(Changed::Wrong(Problem::new("", "err-new-present")))
            }
            Proved::Right if input.is_login => {
                commit(app, tx).await?;
                Ok(Changed::Wrong(Problem::new("", "err-new-other")))
            }
            Proved::Right => {
                let about = (customer, procedure);
                let secret = take_effect(app, origin, &mut tx, session, about, device).await?;
                commit(app, tx).await?;
                Ok(Changed::Done(secret))
            }
            Proved::Wrong => {
                commit(app, tx).await?;
                Ok(Changed::Wrong(Problem::new("present_password", "err-present")))
            }
            Proved::Stopped(until) => {
                let stopped = ProcedureEnd::Stopped;
                procedures::end(&mut tx, origin, id, &mut procedure, stopped).await?;
                commit(app, tx).await?;
                Ok(Changed::Stopped(until.map_or(Again::Unlocked, Again::From)))
            }
        }
    })
    .await
}

const ORDER: AppError = AppError::Stale(Stale::Order);

async fn take_effect(
    app: &App,
    origin: &Origin,
    tx: &mut Tx,
    session: &Session,
    (mut customer, mut procedure): (Customer, Procedure),
    device: &[u8],
) -> Result<BrowserSecret, AppError> {
    let id = customer.customer_id;
    let input: Input = procedures::kept(origin, id, &procedure)?;
    let which = input.which.ok_or(AppError::Stale(Stale::Ended))?;
    static_password::rehash(origin, &mut customer, which, &input.hash);
    match which {
        StaticPassword::Login => customer.login_given = false,
        StaticPassword::Confirmation => customer.confirmation_given = false,
    }
    start::hold(origin, tx, &mut customer, HoldKind::Password).await?;
    tx.save_customer(&customer).await?;
    if which == StaticPassword::Login {
        // Who knew the old one may have logged in by it: no other browser is known any more.
        tx.forget_devices(id).await?;
        tx.remember_device(id, device, origin.now).await?;
    }
    // The done page shows which one it was; the hash has served.
    let shown = Input { which: Some(which), ..Input::default() };
    procedures::keep(app, origin, id, &mut procedure, &shown)?;
    procedures::end(tx, origin, id, &mut procedure, ProcedureEnd::Done).await?;
    let others = tx.end_other_sessions(id, session.id, SessionEnd::Replaced, origin.now).await?;
    if others > 0 {
        let line = Line::ok(Kind::SessionEnded).of(id).because(SessionEnd::Replaced.as_str());
        origin.record(tx, &*app.random, line).await?;
    }
    let mail = Mail::Password { at: origin.now, which };
    notices::tell(app, origin, tx, &customer, notices::To::Everyone, &mail, "").await?;
    let line = Line::ok(Kind::PasswordChanged)
        .of(id)
        .because(which.as_str())
        .after(serde_json::json!({"hold_until": customer.hold_until}));
    origin.record(tx, &*app.random, line).await?;
    sessions::renew_secret(app, origin, tx, &customer, session).await
}
