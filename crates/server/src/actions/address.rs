//! BMA: a notice address is added, changed or removed. The customer proves the confirmation password and
//! the passcode, or, before a token is in use, a mail password sent to an address registered long ago;
//! a new address proves by a number that its mails are read.

use serde::{Deserialize, Serialize};
use warifu_core::{
    audit::Kind,
    hold::HoldKind,
    ids::{AddressId, CustomerId, ProcedureId},
    issue::MailPassword as TypedMail,
    oath::Passcode,
    procedure::ProcedureEnd,
    purpose::Purpose,
    secret::SecretText,
    text::{AddressError, MailAddress, MailRules, StaticPassword},
    time::Millis,
    verify::Reason,
};
use warifu_store::{Address, Customer, MailPassword, Procedure, Session, Tx};

use super::{
    again_on_conflict, commit,
    mail_password::{self, Blocked, Fit},
    notices, overview, places,
    procedures::{self, Flow, Step},
    prove::{self, Proof},
    sessions, start,
    static_password::{self, Again, Proved},
};
use crate::{
    app::App,
    error::{AppError, Problem, Stale},
    mail::messages::Mail,
    origin::{Line, Origin},
    web::cookies::BrowserSecret,
};

/// A customer has so many notice addresses at most.
pub(crate) const MOST: usize = 3;

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Act {
    Add,
    Replace(AddressId),
    Remove(AddressId),
}

/// What BMA001 has gathered.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Input {
    pub(crate) act: Option<Act>,
    /// The new address as typed; empty for a removal.
    pub(crate) address: String,
    /// The address that goes, as registered; empty where none does.
    pub(crate) old: String,
}

/// A registered address as it is shown and named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Registered {
    pub(crate) id: AddressId,
    pub(crate) address: String,
}

/// By which second proof an address is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Second {
    Passcode,
    MailPassword,
}

/// What BMA001 shows.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) registered: Vec<Registered>,
    pub(crate) second: Second,
    /// Why no mail password could be sent.
    pub(crate) blocked: Option<Blocked>,
    /// Why no passcode would be looked at.
    pub(crate) closed: Option<Reason>,
}

/// What can be changed now, and by which proofs.
pub(crate) async fn ready(
    app: &App,
    origin: &Origin,
    customer: CustomerId,
) -> Result<Ready, AppError> {
    let mut tx = app.store.read().await?;
    let customer = tx.customer(customer).await?.ok_or(AppError::NotFound)?;
    look(&mut tx, origin, customer).await
}

async fn look(tx: &mut Tx, origin: &Origin, customer: Customer) -> Result<Ready, AppError> {
    let registered = registered(tx, origin, &customer).await?;
    if customer.otp_required {
        let view = overview::load(tx, origin, customer).await?;
        let closed = view.closed(Purpose::StepUp, origin.now);
        return Ok(Ready { registered, second: Second::Passcode, blocked: None, closed });
    }
    let blocked = mail_password::ready(tx, origin, &customer).await?.blocked;
    Ok(Ready { registered, second: Second::MailPassword, blocked, closed: None })
}

async fn registered(
    tx: &mut Tx,
    origin: &Origin,
    customer: &Customer,
) -> Result<Vec<Registered>, AppError> {
    let all = notices::checked_addresses(origin, tx, customer).await?;
    let living = all.into_iter().filter(|a| a.removed_at.is_none());
    Ok(living.map(|a| Registered { id: a.id, address: a.address }).collect())
}

/// What BMA001 asks for, as typed.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) act: Option<Act>,
    pub(crate) address: String,
    pub(crate) address2: String,
}

/// Why BMA001 led nowhere.
#[derive(Debug)]
pub(crate) enum Refused {
    Problems(Vec<Problem>),
    Blocked(Blocked),
    Closed(Reason),
}

/// BMA001: what is to be done is taken, and a procedure begins that waits for the proofs.
pub(crate) async fn enter(
    app: &App,
    origin: &Origin,
    session: &Session,
    entry: &Entry,
) -> Result<Result<ProcedureId, Refused>, AppError> {
    let (mut tx, customer) = sessions::take(app, origin, session).await?;
    let ready = look(&mut tx, origin, customer.clone()).await?;
    if let Some(reason) = ready.closed {
        return Ok(Err(Refused::Closed(reason)));
    }
    let input = match read(origin, &ready.registered, entry) {
        Ok(input) => input,
        Err(problems) => return Ok(Err(Refused::Problems(problems))),
    };
    let id = customer.customer_id;
    let mut procedure = procedures::begin(app, origin, &mut tx, session, Flow::Address).await?;
    procedures::keep(app, origin, id, &mut procedure, &input)?;
    procedures::advance(&mut tx, id, &mut procedure, Step::Confirm).await?;
    if ready.second == Second::MailPassword {
        let sent = mail_password::send(app, origin, &mut tx, session, &customer, &procedure);
        if let Err(blocked) = sent.await? {
            return Ok(Err(Refused::Blocked(blocked)));
        }
    }
    commit(app, tx).await?;
    Ok(Ok(procedure.id))
}

fn read(origin: &Origin, all: &[Registered], entry: &Entry) -> Result<Input, Vec<Problem>> {
    let one = |field, key| vec![Problem::new(field, key)];
    let named = |id: AddressId| all.iter().find(|a| a.id == id).map(|a| a.address.clone());
    let act = entry.act.ok_or_else(|| one("act", "err-act-empty"))?;
    let old = match act {
        Act::Add if all.len() >= MOST => return Err(one("act", "err-act-full")),
        Act::Add => String::new(),
        Act::Replace(id) => named(id).ok_or_else(|| one("act", "err-act-gone"))?,
        Act::Remove(_) if all.len() < 2 => return Err(one("act", "err-act-last")),
        Act::Remove(id) => named(id).ok_or_else(|| one("act", "err-act-gone"))?,
    };
    if let Act::Remove(_) = act {
        return Ok(Input { act: Some(act), address: String::new(), old });
    }
    let rules = MailRules::for_notices(origin.institution.policy());
    let address = MailAddress::parse(&entry.address, &rules)
        .map_err(|error| vec![address_problem(error, &[])])?;
    if MailAddress::parse(&entry.address2, &rules).ok().as_ref() != Some(&address) {
        return Err(one("address2", "err-address-differs"));
    }
    let is_known =
        |a: &Registered| MailAddress::parse(&a.address, &rules).ok().as_ref() == Some(&address);
    if all.iter().any(is_known) {
        return Err(one("address", "err-address-known"));
    }
    Ok(Input { act: Some(act), address: address.as_typed().to_owned(), old })
}

/// What is wrong with an address, for the field that it was typed into.
pub(crate) fn address_problem(error: AddressError, domains: &[String]) -> Problem {
    let problem = |key| Problem::new("address", key);
    match error {
        AddressError::Empty => problem("err-address-empty"),
        AddressError::Form => problem("err-address-form"),
        AddressError::Domain => problem("err-address-domain"),
        AddressError::Chars(c) => {
            // A control character would not be seen: its number is told instead.
            let shown = if c.is_control() { format!("U+{:04X}", u32::from(c)) } else { c.into() };
            problem("err-address-chars").with("char", shown)
        }
        AddressError::Long => problem("err-address-long"),
        AddressError::Policy => problem("err-address-policy").with("domains", domains.join("、")),
    }
}

/// What the pages after BMA001 show.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) input: Input,
    /// The mail that the page waits for: when it went, where to, and how far it has come.
    pub(crate) mail: Option<Sent>,
}

/// A mail with a secret, as a page tells of it.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) at: Millis,
    pub(crate) to: Vec<String>,
    pub(crate) states: Vec<warifu_core::mail::MailState>,
}

/// BMA002 and BMA003: what was typed, and what is waited for.
pub(crate) async fn shown(
    app: &App,
    origin: &Origin,
    customer: &Customer,
    procedure: &Procedure,
) -> Result<Shown, AppError> {
    let id = customer.customer_id;
    let mut tx = app.store.read().await?;
    let input = procedures::kept(origin, id, procedure)?;
    let second = if customer.otp_required { Second::Passcode } else { Second::MailPassword };
    let kind = match procedure.step {
        Step::Number => Some("mail-address-code"),
        Step::Confirm if second == Second::MailPassword => Some("mail-code"),
        _ => None,
    };
    let mail = match (kind, tx.mail_password(id, procedure.id).await?) {
        (Some(kind), Some(sent)) => Some(Sent {
            at: Millis(sent.sent_at),
            to: sent.sent_to.lines().map(str::to_owned).collect(),
            states: tx.mail_states(id, kind, &procedure.id.to_string()).await?,
        }),
        _ => None,
    };
    Ok(Shown { input, mail })
}

/// The proofs of BMA002, as typed and read.
#[derive(Debug)]
pub(crate) struct Proofs {
    pub(crate) confirmation: SecretText,
    pub(crate) second: SecondProof,
}

/// The second proof, as read.
#[derive(Debug)]
pub(crate) enum SecondProof {
    Passcode(Passcode),
    MailPassword(TypedMail),
}

/// How BMA002 or BMA003 ended; all are committed.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The number is on its way to the new address.
    NumberSent,
    /// It is changed; the session goes on under a new secret.
    Done(BrowserSecret),
    /// A proof is wrong; it was counted.
    Wrong(Vec<Problem>),
    /// No passcode is looked at for now.
    Closed(Reason),
    /// Too many wrong ones: the procedure has ended.
    Stopped(Again),
    /// The number could not be sent now: no proof was looked at.
    Blocked(Blocked),
}

/// BMA002: both proofs are right; the number goes to the new address, or the old one goes.
pub(crate) async fn confirm(
    app: &App,
    origin: &Origin,
    session: &Session,
    id: Option<ProcedureId>,
    proofs: Proofs,
) -> Result<Outcome, AppError> {
    let mut tx = app.store.read().await?;
    let customer = tx.customer(session.customer_id).await?.ok_or(AppError::NotFound)?;
    let procedure = tx.procedure(session.customer_id, id.ok_or(ORDER)?).await?;
    procedures::check(procedure, session, Flow::Address, Step::Confirm, origin.now)?;
    let which = StaticPassword::Confirmation;
    let computed =
        static_password::compute(app, origin, tx, &customer, which, proofs.confirmation).await?;
    let second = &proofs.second;
    again_on_conflict(|| async {
        let (mut tx, customer, mut procedure) =
            procedures::take(app, origin, session, Flow::Address, Step::Confirm, id).await?;
        if !computed.is_of(&customer) {
            return Err(AppError::Stale(Stale::Ended));
        }
        // Looked at first: no proof is spent for a number that could not be sent.
        if let Some(blocked) = mail_password::limits(&mut tx, origin, &customer).await? {
            return Ok(Outcome::Blocked(blocked));
        }
        let proved = static_password::count(app, origin, &mut tx, &customer, &computed).await?;
        // A passcode is not spent beside a wrong password; what is wrong is told one after the other.
        let refused = match proved {
            Proved::Right => {
                prove_second(app, origin, &mut tx, (&customer, &procedure), second).await?
            }
            Proved::Wrong => {
                Some(Outcome::Wrong(vec![Problem::new("confirmation_password", "err-confirm")]))
            }
            Proved::Stopped(until) => {
                Some(Outcome::Stopped(until.map_or(Again::Unlocked, Again::From)))
            }
        };
        let customer_id = customer.customer_id;
        match refused {
            Some(Outcome::Stopped(again)) => {
                let stopped = ProcedureEnd::Stopped;
                procedures::end(&mut tx, origin, customer_id, &mut procedure, stopped).await?;
                tx.end_mail_passwords(customer_id, origin.now).await?;
                commit(app, tx).await?;
                return Ok(Outcome::Stopped(again));
            }
            Some(refused) => {
                commit(app, tx).await?;
                return Ok(refused);
            }
            None => {}
        }
        let input: Input = procedures::kept(origin, customer_id, &procedure)?;
        if let Some(Act::Remove(_)) = input.act {
            let done = change(app, origin, &mut tx, session, (customer, procedure, input)).await?;
            commit(app, tx).await?;
            return Ok(Outcome::Done(done));
        }
        let rules = MailRules::for_notices(origin.institution.policy());
        let address = MailAddress::parse(&input.address, &rules).map_err(AppError::internal)?;
        procedures::advance(&mut tx, customer_id, &mut procedure, Step::Number).await?;
        let about = (&customer, &procedure);
        match mail_password::send_number(app, origin, &mut tx, session, about, &address).await? {
            Ok(()) => {
                commit(app, tx).await?;
                Ok(Outcome::NumberSent)
            }
            Err(blocked) => Ok(Outcome::Blocked(blocked)),
        }
    })
    .await
}

const ORDER: AppError = AppError::Stale(Stale::Order);

// None where it is right.
async fn prove_second(
    app: &App,
    origin: &Origin,
    tx: &mut Tx,
    (customer, procedure): (&Customer, &Procedure),
    second: &SecondProof,
) -> Result<Option<Outcome>, AppError> {
    match second {
        // A form that was made before the use began: the passcode is asked for now.
        SecondProof::MailPassword(_) if customer.otp_required => Err(AppError::Stale(Stale::Ended)),
        SecondProof::MailPassword(typed) => {
            let sent = tx.mail_password(customer.customer_id, procedure.id).await?;
            let sent = sent.ok_or(ORDER)?;
            let fit = mail_password::prove(app, origin, tx, &sent, customer, typed).await?;
            Ok(unfit(fit, &sent, "mail_password", "err-mailpw"))
        }
        SecondProof::Passcode(passcode) => {
            let view = overview::load(tx, origin, customer.clone()).await?;
            let Some((token, row)) = view.in_use else {
                return Ok(Some(Outcome::Closed(Reason::NotUsable)));
            };
            let asked = prove::Asked { customer, token: &token, purpose: Purpose::StepUp };
            Ok(match prove::prove(app, origin, tx, &asked, &row, passcode).await? {
                Proof::Accepted => None,
                Proof::Refused(Reason::Wrong) => Some(passcode_problem("bli002-wrong")),
                Proof::Refused(Reason::Used) => Some(passcode_problem("bli002-used")),
                Proof::Refused(reason) => Some(Outcome::Closed(reason)),
            })
        }
    }
}

fn passcode_problem(key: &'static str) -> Outcome {
    Outcome::Wrong(vec![Problem::new("passcode", key)])
}

fn unfit(
    fit: Fit,
    sent: &MailPassword,
    field: &'static str,
    wrong: &'static str,
) -> Option<Outcome> {
    match fit {
        Fit::Right => None,
        Fit::Wrong => {
            let problem = Problem::new(field, wrong).at("at", Millis(sent.sent_at));
            Some(Outcome::Wrong(vec![problem]))
        }
        Fit::Expired => Some(Outcome::Wrong(vec![Problem::new(field, "err-mailpw-expired")])),
        Fit::Stopped(until) => Some(Outcome::Stopped(until.map_or(Again::Now, Again::From))),
    }
}

/// BMA002 and BMA003: the mail that is waited for is sent again.
pub(crate) async fn send_again(
    app: &App,
    origin: &Origin,
    session: &Session,
    (step, id): (Step, Option<ProcedureId>),
) -> Result<Result<(), Blocked>, AppError> {
    let (mut tx, customer, procedure) =
        procedures::take(app, origin, session, Flow::Address, step, id).await?;
    let about = (&customer, &procedure);
    let sent = if step == Step::Number {
        let input: Input = procedures::kept(origin, customer.customer_id, &procedure)?;
        let rules = MailRules::for_notices(origin.institution.policy());
        let address = MailAddress::parse(&input.address, &rules).map_err(AppError::internal)?;
        mail_password::send_number(app, origin, &mut tx, session, about, &address).await?
    } else {
        mail_password::send(app, origin, &mut tx, session, about.0, about.1).await?
    };
    commit(app, tx).await?;
    Ok(sent)
}

/// BMA003: the number is right, and the address is registered.
pub(crate) async fn number(
    app: &App,
    origin: &Origin,
    session: &Session,
    id: Option<ProcedureId>,
    typed: &TypedMail,
) -> Result<Outcome, AppError> {
    again_on_conflict(|| async {
        let (mut tx, customer, mut procedure) =
            procedures::take(app, origin, session, Flow::Address, Step::Number, id).await?;
        let customer_id = customer.customer_id;
        let sent = tx.mail_password(customer_id, procedure.id).await?.ok_or(ORDER)?;
        let fit = mail_password::prove(app, origin, &mut tx, &sent, &customer, typed).await?;
        match unfit(fit, &sent, "number", "err-number") {
            None => {
                let input: Input = procedures::kept(origin, customer_id, &procedure)?;
                let about = (customer, procedure, input);
                let done = change(app, origin, &mut tx, session, about).await?;
                commit(app, tx).await?;
                Ok(Outcome::Done(done))
            }
            Some(Outcome::Stopped(again)) => {
                let stopped = ProcedureEnd::Stopped;
                procedures::end(&mut tx, origin, customer_id, &mut procedure, stopped).await?;
                tx.end_mail_passwords(customer_id, origin.now).await?;
                commit(app, tx).await?;
                Ok(Outcome::Stopped(again))
            }
            Some(refused) => {
                commit(app, tx).await?;
                Ok(refused)
            }
        }
    })
    .await
}

// The change itself, told to every address, those that go and those that come.
async fn change(
    app: &App,
    origin: &Origin,
    tx: &mut Tx,
    session: &Session,
    (mut customer, mut procedure, input): (Customer, Procedure, Input),
) -> Result<BrowserSecret, AppError> {
    let id = customer.customer_id;
    if !input.address.is_empty() {
        register(app, origin, tx, id, &input.address).await?;
    }
    if let Some(Act::Replace(old) | Act::Remove(old)) = input.act {
        if tx.remove_address(id, old, origin.now).await? != 1 {
            return Err(AppError::Stale(Stale::Ended));
        }
        let line = Line::ok(Kind::AddressRemoved).of(id).because(old.to_string());
        origin.record(tx, &*app.random, line).await?;
    }
    start::hold(origin, &mut customer, HoldKind::Address);
    tx.save_customer(&customer).await?;
    tx.end_mail_passwords(id, origin.now).await?;
    procedures::end(tx, origin, id, &mut procedure, ProcedureEnd::Done).await?;
    let rules = MailRules::for_notices(origin.institution.policy());
    let [new, old] = [&input.address, &input.old]
        .map(|text| MailAddress::parse(text, &rules).map(|a| a.masked()).ok());
    let (new_masked, old_masked) = (new.as_deref(), old.as_deref());
    let mail = Mail::Address { at: origin.now, new_masked, old_masked };
    notices::tell(app, origin, tx, &customer, notices::To::Everyone, &mail, "").await?;
    sessions::renew_secret(app, origin, tx, &customer, session).await
}

async fn register(
    app: &App,
    origin: &Origin,
    tx: &mut Tx,
    customer: CustomerId,
    address: &str,
) -> Result<(), AppError> {
    let id = AddressId::generate(origin.now, &*app.random);
    let spot = places::address(origin.institution.id, customer, id.to_string());
    let row = Address {
        id,
        mac: origin.institution.keys.mac(&spot.place(), address.as_bytes()),
        address: address.to_owned(),
        registered_at: origin.now.0,
        confirmed_at: Some(origin.now.0),
        removed_at: None,
    };
    tx.insert_address(customer, &row).await?;
    let line = Line::ok(Kind::AddressRegistered).of(customer).because(id.to_string());
    Ok(origin.record(tx, &*app.random, line).await?)
}
