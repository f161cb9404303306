//! Sessions: begun at each level with a new secret, found by its hash, ended for a reason.

pub(crate) use warifu_core::session::Level;
use warifu_core::{
    audit::Kind,
    ids::{CustomerId, SessionId},
    procedure::ProcedureEnd,
    random,
    session::SessionEnd,
    time::Millis,
};
use warifu_store::{Customer, Session, Tx};

use super::places;
use crate::{
    app::App,
    error::{AppError, SignedOut, Stale},
    origin::{Line, Origin},
    web::cookies::BrowserSecret,
};

/// A page of passcode entry waits this long.
const PASSCODE_WAITS: i64 = 5 * 60_000;
/// The row is written at most this often for requests of one session.
const TOUCH_EVERY: i64 = 15_000;

/// What became of the session that a login form has opened before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opened {
    Not,
    Alive,
    Over,
}

/// The secret of the session that a login opens. It follows, by our key, from the secret that the form
/// was sent with, so that the same form sent twice opens one session; whoever knows that one does not
/// know this one.
pub(crate) fn secret_after(
    origin: &Origin,
    customer: CustomerId,
    level: Level,
    form: &BrowserSecret,
) -> BrowserSecret {
    let spot = places::opened_session(origin.institution.id, customer, level.as_str());
    let mac = origin.institution.keys.mac(&spot.place(), form.bytes());
    let mut secret = [0; 32];
    secret.iter_mut().zip(mac).for_each(|(byte, of_mac)| *byte = of_mac);
    BrowserSecret::for_customer(customer, secret)
}

/// Whether a login form has opened its session before.
pub(crate) async fn opened(
    origin: &Origin,
    tx: &mut Tx,
    customer: CustomerId,
    level: Level,
    secret: &BrowserSecret,
) -> Result<Opened, AppError> {
    let found = tx.session(customer, &hash(origin, customer, level, secret)).await?;
    Ok(match found {
        None => Opened::Not,
        Some(session) if alive(&session, origin.now).is_ok() => Opened::Alive,
        Some(_) => Opened::Over,
    })
}

/// Begins a session under a secret; the one before ends (one per customer).
pub(crate) async fn begin(
    app: &App,
    origin: &Origin,
    tx: &mut Tx,
    (customer, level): (&Customer, Level),
    secret: &BrowserSecret,
) -> Result<Session, AppError> {
    let id = customer.customer_id;
    let policy = &origin.institution.policy().session;
    // A half session must not end a full one: whoever knows only the password could log others out.
    if level == Level::Full {
        let living = tx.living_sessions(id, origin.now).await?;
        if tx.end_sessions(id, SessionEnd::Replaced, origin.now).await? > 0 {
            tx.end_procedures(id, ProcedureEnd::Superseded, origin.now).await?;
            tx.drop_secret_mails(id, origin.now).await?;
        }
        // One that had run out was not taken from anybody.
        if living > 0 {
            let line = Line::ok(Kind::SessionEnded).of(id).because(SessionEnd::Replaced.as_str());
            origin.record(tx, &*app.random, line).await?;
        }
    }
    let ends_at = match level {
        Level::Password => origin.now.0 + PASSCODE_WAITS,
        Level::Full => origin.now.plus(policy.longest.duration()).0,
    };
    let session = Session {
        id: SessionId::generate(origin.now, &*app.random),
        customer_id: id,
        secret_hash: hash(origin, id, level, secret),
        level,
        created_at: origin.now.0,
        seen_at: origin.now.0,
        idle_until: origin.now.plus(policy.idle.duration()).0.min(ends_at),
        ends_at,
        ended_at: None,
        end_reason: None,
    };
    tx.insert_session(&session).await?;
    Ok(session)
}

/// Renews the secret of a session whose level rises; the old secret is worth nothing any more.
pub(crate) async fn renew(
    app: &App,
    origin: &Origin,
    tx: &mut Tx,
    customer: &Customer,
    old: &Session,
) -> Result<(Session, BrowserSecret), AppError> {
    if tx.end_session(old.customer_id, old.id, SessionEnd::Renewed, origin.now).await? != 1 {
        return Err(AppError::NotSignedIn(SignedOut::Replaced));
    }
    let secret = BrowserSecret::for_customer(customer.customer_id, random::bytes(&*app.random));
    Ok((begin(app, origin, tx, (customer, Level::Full), &secret).await?, secret))
}

/// Begins an act of a customer: takes the customer, and looks again whether the session that the
/// request began with still lives and the customer may act at all.
pub(crate) async fn take(
    app: &App,
    origin: &Origin,
    session: &Session,
) -> Result<(Tx, Customer), AppError> {
    let mut tx = app.store.begin().await?;
    let customer = tx.take_customer(session.customer_id).await?.ok_or(AppError::NotFound)?;
    still_alive(&mut tx, origin, session).await?;
    if customer.suspended_at.is_some() {
        return Err(AppError::Stale(Stale::NotOffered));
    }
    Ok((tx, customer))
}

// Whether a session that a request began with still lives; read under the customer's lock. Its secret
// may be another one by now: a second press of the same button comes with the old one.
async fn still_alive(tx: &mut Tx, origin: &Origin, session: &Session) -> Result<(), AppError> {
    let found = tx.session_of(session.customer_id, session.id).await?;
    alive(&found.ok_or(AppError::NotSignedIn(SignedOut::Replaced))?, origin.now)
}

/// Gives a living session a new secret; its row, its procedures and its times stay.
pub(crate) async fn renew_secret(
    app: &App,
    origin: &Origin,
    tx: &mut Tx,
    customer: &Customer,
    session: &Session,
) -> Result<BrowserSecret, AppError> {
    let secret = BrowserSecret::for_customer(customer.customer_id, random::bytes(&*app.random));
    let hash = hash(origin, customer.customer_id, Level::Full, &secret);
    if tx.rekey_session(session, &hash).await? != 1 {
        return Err(AppError::NotSignedIn(SignedOut::Replaced));
    }
    Ok(secret)
}

/// Finds the living session of a browser, and its customer; a sign of life.
pub(crate) async fn find(
    app: &App,
    origin: &Origin,
    browser: &BrowserSecret,
) -> Result<(Session, Customer), AppError> {
    let (session, customer) = peek(app, origin, browser).await?;
    Ok((touch(app, origin, session).await?, customer))
}

/// When a session ends if nothing is done.
pub(crate) fn until(session: &Session) -> Millis {
    Millis(session.idle_until.min(session.ends_at))
}

/// The same, for a page that asks by itself: nobody may be there any more.
pub(crate) async fn peek(
    app: &App,
    origin: &Origin,
    browser: &BrowserSecret,
) -> Result<(Session, Customer), AppError> {
    let customer = browser.customer().ok_or(AppError::NotSignedIn(SignedOut::Never))?;
    let mut tx = app.store.read().await?;
    let mut session = None;
    for level in [Level::Full, Level::Password] {
        if session.is_none() {
            let hash = hash(origin, customer, level, browser);
            session = tx.session(customer, &hash).await?.filter(|s| s.level == level);
        }
    }
    let Some(session) = session else {
        // A second press of the button whose first has brought the session a new secret.
        let hash = hash(origin, customer, Level::Full, browser);
        let renewed = tx.is_renewed(customer, &hash).await?;
        let why = if renewed { SignedOut::Renewed } else { SignedOut::Never };
        return Err(AppError::NotSignedIn(why));
    };
    let customer = tx.customer(customer).await?;
    // The same browser secret at another bank's host is nobody there.
    let customer = customer
        .filter(|c| c.institution_id == origin.institution.id)
        .ok_or(AppError::NotSignedIn(SignedOut::Never))?;
    drop(tx);
    alive(&session, origin.now)?;
    Ok((session, customer))
}

fn alive(session: &Session, now: Millis) -> Result<(), AppError> {
    let runs_out = session.idle_until.min(session.ends_at);
    // One that had run out before something else ended it has run out.
    let why = match (session.ended_at.filter(|at| *at < runs_out), session.end_reason) {
        (Some(_), Some(SessionEnd::Replaced)) => SignedOut::Replaced,
        (Some(_), Some(SessionEnd::Renewed)) => SignedOut::Renewed,
        (Some(_), Some(SessionEnd::Stopped)) => SignedOut::Stopped,
        (Some(_), Some(SessionEnd::LoggedOut) | None) => SignedOut::LoggedOut,
        // Ended is ended, also by a node whose clock is ahead.
        (None, _) if session.ended_at.is_none() && now.0 < runs_out => return Ok(()),
        (None, _) if session.level == Level::Password => SignedOut::PasscodeLate,
        (None, _) if runs_out == session.ends_at => SignedOut::TooLong,
        (None, _) => SignedOut::Idle,
    };
    Err(AppError::NotSignedIn(why))
}

async fn touch(app: &App, origin: &Origin, session: Session) -> Result<Session, AppError> {
    if origin.now.0 - session.seen_at < TOUCH_EVERY {
        return Ok(session);
    }
    let idle = origin.institution.policy().session.idle.duration();
    let session = Session {
        seen_at: origin.now.0,
        // Never earlier than promised: a page that waits for a mail was given longer.
        idle_until: session.idle_until.max(origin.now.plus(idle).0).min(session.ends_at),
        ..session
    };
    let mut tx = app.store.begin().await?;
    tx.touch_session(&session).await?;
    tx.commit().await?;
    Ok(session)
}

/// Gives a session longer, because it waits for a mail.
pub(crate) async fn wait_for_mail(
    origin: &Origin,
    tx: &mut Tx,
    session: &Session,
) -> Result<(), AppError> {
    let wait = origin.institution.policy().session.idle_waiting_for_mail.duration();
    let session = Session {
        seen_at: origin.now.0,
        idle_until: session.idle_until.max(origin.now.plus(wait).0).min(session.ends_at),
        ..session.clone()
    };
    tx.touch_session(&session).await?;
    Ok(())
}

/// Logs out: the session, its procedures and its mail passwords end. Gives the deadline of an issue
/// that still waits for its set-up, to remind of it.
pub(crate) async fn sign_out(
    app: &App,
    origin: &Origin,
    session: &Session,
) -> Result<Option<Millis>, AppError> {
    let id = session.customer_id;
    let mut tx = app.store.begin().await?;
    let customer = tx.take_customer(id).await?.ok_or(AppError::NotFound)?;
    if tx.end_session(id, session.id, SessionEnd::LoggedOut, origin.now).await? == 1 {
        tx.end_procedures(id, ProcedureEnd::Cancelled, origin.now).await?;
        tx.drop_secret_mails(id, origin.now).await?;
        let line = Line::ok(Kind::SessionEnded).of(id).because(SessionEnd::LoggedOut.as_str());
        origin.record(&mut tx, &*app.random, line).await?;
    }
    let view = super::overview::load(&mut tx, origin, customer).await?;
    tx.commit().await?;
    Ok(view.waiting().map(|issue| Millis(issue.activate_until)))
}

// Keyed, and bound to customer and level: who can write into the database still makes no session,
// moves none to another customer and raises none.
fn hash(origin: &Origin, customer: CustomerId, level: Level, secret: &BrowserSecret) -> Vec<u8> {
    let spot = places::session(origin.institution.id, customer, level.as_str());
    origin.institution.keys.mac(&spot.place(), secret.bytes())
}
