//! The mail password: sent to addresses that were confirmed long ago, proved once, limited in tries
//! and sends so that neither it nor a mailbox can be worn down.

use std::time::Duration;

use warifu_core::{
    audit::Kind,
    counter::{Counter, Gate, Grade},
    issue::{self, MailPassword as Typed},
    procedure::{Flow, Step},
    random,
    text::{MailAddress, MailRules},
    time::Millis,
};
use warifu_store::{Customer, MailPassword, Procedure, Session, Subject, Taken, Tx};

use super::{counters, locks, notices, places, sessions};
use crate::{
    app::App,
    calendar,
    error::AppError,
    mail::messages::{Mail, Which},
    origin::{Line, Origin},
};

/// Why no mail password can be sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blocked {
    NoAddress,
    Young(Millis),
    /// Enough mails for today.
    DayLimit,
    /// Enough mails for a while.
    TooMany(Millis),
    /// Too many wrong ones.
    Tries(Millis),
}

/// Where it would go, masked, and why it cannot be sent now.
#[derive(Clone, Debug)]
pub(crate) struct Ready {
    pub(crate) addresses: Vec<String>,
    pub(crate) masked: Vec<String>,
    pub(crate) blocked: Option<Blocked>,
}

/// Whether and where a mail password can be sent for an issue now.
pub(crate) async fn ready(
    tx: &mut Tx,
    origin: &Origin,
    customer: &Customer,
) -> Result<Ready, AppError> {
    let policy = origin.institution.policy();
    let rules = MailRules::for_notices(policy);
    let mut ready = Ready { addresses: Vec::new(), masked: Vec::new(), blocked: None };
    let mut earliest: Option<Millis> = None;
    for address in notices::checked_addresses(origin, tx, customer).await? {
        let from = issue::address_usable_from(address.confirmed_at.map(Millis), &policy.issue);
        let Some(from) = from.filter(|_| address.removed_at.is_none()) else {
            continue;
        };
        earliest = Some(earliest.map_or(from, |e| e.min(from)));
        if origin.now >= from {
            let masked = MailAddress::parse(&address.address, &rules).map(|a| a.masked());
            ready.masked.push(masked.unwrap_or_else(|_| "***".to_owned()));
            ready.addresses.push(address.address);
        }
    }
    ready.blocked = match earliest {
        None => Some(Blocked::NoAddress),
        Some(from) if ready.addresses.is_empty() => Some(Blocked::Young(from)),
        Some(_) => limits(tx, origin, customer).await?,
    };
    Ok(ready)
}

/// Why nothing can be sent to this customer now.
pub(crate) async fn limits(
    tx: &mut Tx,
    origin: &Origin,
    customer: &Customer,
) -> Result<Option<Blocked>, AppError> {
    let policy = &origin.institution.policy().mail_password;
    let id = customer.customer_id;
    let today = calendar::day_start(origin.now, origin.institution.zone());
    // Just before midnight counts for the day: `sent_at > since`.
    let (sent_today, _) =
        tx.mail_passwords_since(id, today.minus(Duration::from_millis(1))).await?;
    if sent_today >= i64::from(policy.sends_a_day) {
        return Ok(Some(Blocked::DayLimit));
    }
    match counters::gate(tx, &counters::mail_tries(customer), origin.now).await? {
        Gate::Open => {}
        Gate::Until(until) => return Ok(Some(Blocked::Tries(until))),
        Gate::Stopped => return Ok(Some(Blocked::Tries(tomorrow(origin)))),
    }
    let window = policy.sends_window.duration();
    let (sent, first) = tx.mail_passwords_since(id, origin.now.minus(window)).await?;
    Ok(first
        .filter(|_| sent >= i64::from(policy.sends))
        .map(|first| Blocked::TooMany(Millis(first).plus(window))))
}

/// Sends a new mail password for a procedure; the one before is worth nothing any more.
pub(crate) async fn send(
    app: &App,
    origin: &Origin,
    tx: &mut Tx,
    session: &Session,
    customer: &Customer,
    procedure: &Procedure,
) -> Result<Result<(), Blocked>, AppError> {
    let ready = ready(tx, origin, customer).await?;
    send_to(app, origin, tx, session, (customer, procedure), ready).await
}

/// Sends a number to an address that is to be registered: whoever types it reads mails there. It is
/// limited together with mail passwords.
pub(crate) async fn send_number(
    app: &App,
    origin: &Origin,
    tx: &mut Tx,
    session: &Session,
    (customer, procedure): (&Customer, &Procedure),
    address: &MailAddress,
) -> Result<Result<(), Blocked>, AppError> {
    let ready = Ready {
        addresses: vec![address.as_typed().to_owned()],
        masked: vec![address.masked()],
        blocked: limits(tx, origin, customer).await?,
    };
    send_to(app, origin, tx, session, (customer, procedure), ready).await
}

async fn send_to(
    app: &App,
    origin: &Origin,
    tx: &mut Tx,
    session: &Session,
    (customer, procedure): (&Customer, &Procedure),
    ready: Ready,
) -> Result<Result<(), Blocked>, AppError> {
    if let Some(blocked) = ready.blocked {
        return Ok(Err(blocked));
    }
    let policy = &origin.institution.policy().mail_password;
    let id = customer.customer_id;
    let secret = zeroize::Zeroizing::new(random::digits(&*app.random, policy.digits as usize));
    let row_id = format!("{}-{}", procedure.id, random::digits(&*app.random, 8));
    let sent_to = ready.masked.join("\n");
    let expires_at = origin.now.plus(policy.valid.duration());
    let bound = bound(&secret, session, procedure, &sent_to);
    let spot = places::mail_password(origin.institution.id, id, &row_id);
    let mac = origin.institution.keys.mac(&spot.place(), &bound);
    tx.insert_mail_password(
        id,
        &MailPassword {
            id: row_id,
            procedure_id: procedure.id,
            session_id: session.id,
            mac,
            sent_to,
            sent_at: origin.now.0,
            expires_at: expires_at.0,
            ended_at: None,
        },
    )
    .await?;
    tx.drop_secret_mails(id, origin.now).await?;
    let (secret, sent_at, valid_until) = (secret.as_str(), origin.now, expires_at);
    let (mail, kind) = match (procedure.kind, procedure.step) {
        (Flow::Address, Step::Number) => {
            (Mail::AddressNumber { secret, sent_at, valid_until }, Kind::AddressNumberSent)
        }
        (Flow::Address, _) => {
            let procedure = "mail-procedure-address";
            (Mail::Code { secret, procedure, sent_at, valid_until }, Kind::MailPasswordSent)
        }
        _ => {
            let procedure = "mail-procedure-issue";
            (Mail::Code { secret, procedure, sent_at, valid_until }, Kind::MailPasswordSent)
        }
    };
    let to = notices::To::Only(&ready.addresses);
    notices::tell(app, origin, tx, customer, to, &mail, &procedure.id.to_string()).await?;
    sessions::wait_for_mail(origin, tx, session).await?;
    let line = Line::ok(kind).of(id).because(procedure.kind.as_str());
    origin.record(tx, &*app.random, line).await?;
    Ok(Ok(()))
}

/// How a mail password fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    Right,
    Wrong,
    Expired,
    /// Too many tries: the procedure ends; a new one may begin at once, or from this moment.
    Stopped(Option<Millis>),
}

/// Proves a mail password of this session and procedure; every evaluated guess is counted.
pub(crate) async fn prove(
    app: &App,
    origin: &Origin,
    tx: &mut Tx,
    sent: &MailPassword,
    customer: &Customer,
    typed: &Typed,
) -> Result<Fit, AppError> {
    let day = counters::mail_tries(customer);
    let each = Subject { subject: sent.procedure_id.to_string(), ..day.clone() };
    let per_day = tx.take_counter(&day, origin.now).await?;
    let per_procedure = tx.take_counter(&each, origin.now).await?;
    for counter in [per_day.counter(), per_procedure.counter()] {
        let until = match counter.gate(origin.now) {
            Gate::Open => continue,
            Gate::Until(until) => until,
            Gate::Stopped => tomorrow(origin),
        };
        refuse(app, origin, tx, customer, "waiting").await?;
        return Ok(Fit::Stopped(Some(until)));
    }
    if sent.ended_at.is_some() || origin.now.0 >= sent.expires_at {
        refuse(app, origin, tx, customer, "expired").await?;
        return Ok(Fit::Expired);
    }
    let spot = places::mail_password(origin.institution.id, customer.customer_id, &sent.id);
    let bound = bound_to(typed.expose(), sent);
    if origin.institution.keys.fits(&spot.place(), &bound, &sent.mac) {
        tx.save_counter(&each, &per_procedure, &Counter::cleared(), origin.now).await?;
        return Ok(Fit::Right);
    }
    refuse(app, origin, tx, customer, "wrong").await?;
    count(app, origin, tx, customer, (&day, per_day), (&each, &per_procedure)).await
}

// A wrong one counts for the procedure and for the day; the day's last one locks until midnight.
async fn count(
    app: &App,
    origin: &Origin,
    tx: &mut Tx,
    customer: &Customer,
    (day, mut per_day): (&Subject, Taken),
    (each, per_procedure): (&Subject, &Taken),
) -> Result<Fit, AppError> {
    let policy = &origin.institution.policy().mail_password;
    let today = calendar::day_number(origin.now, origin.institution.zone());
    if per_day.day != today {
        per_day.day = today;
        per_day.day_total = 0;
    }
    per_day.day_total += 1;
    let failures = per_procedure.counter().failures.saturating_add(1);
    let for_today = per_day.day_total >= i64::from(policy.tries_a_day);
    let locked_until = for_today.then(|| tomorrow(origin));
    let failures_today = u32::try_from(per_day.day_total).unwrap_or(u32::MAX);
    let daily = Counter { failures: failures_today, locked_until, locked: false };
    tx.save_counter(day, &per_day, &daily, origin.now).await?;
    let counter = Counter { failures, ..Counter::cleared() };
    tx.save_counter(each, per_procedure, &counter, origin.now).await?;
    if for_today {
        let until = tomorrow(origin);
        let which = (Which::MailPassword, None);
        locks::tell(app, origin, tx, customer, which, Grade::Until(until)).await?;
        return Ok(Fit::Stopped(Some(until)));
    }
    Ok(if failures >= policy.tries { Fit::Stopped(None) } else { Fit::Wrong })
}

async fn refuse(
    app: &App,
    origin: &Origin,
    tx: &mut Tx,
    customer: &Customer,
    reason: &str,
) -> Result<(), AppError> {
    let line = Line::refused(Kind::MailPasswordRefused, reason).of(customer.customer_id);
    Ok(origin.record(tx, &*app.random, line).await?)
}

fn tomorrow(origin: &Origin) -> Millis {
    calendar::next_day(origin.now, origin.institution.zone())
}

fn bound(secret: &str, session: &Session, procedure: &Procedure, sent_to: &str) -> Vec<u8> {
    format!("{secret}\n{}\n{}\n{sent_to}", session.id, procedure.id).into_bytes()
}

fn bound_to(secret: &str, sent: &MailPassword) -> Vec<u8> {
    format!("{secret}\n{}\n{}\n{}", sent.session_id, sent.procedure_id, sent.sent_to).into_bytes()
}
