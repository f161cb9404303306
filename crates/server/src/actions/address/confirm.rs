//! BMA002 and BMA003: both proofs, then the number that was sent to the new address, then the change.

use warifu_core::{
    audit::Kind,
    hold::HoldKind,
    ids::{AddressId, CustomerId, ProcedureId},
    issue::MailPassword as TypedMail,
    oath::Passcode,
    procedure::ProcedureEnd,
    purpose::Purpose,
    secret::SecretText,
    text::{MailAddress, MailRules, StaticPassword},
    time::Millis,
    verify::Reason,
};
use warifu_store::{Address, Customer, MailPassword, Procedure, Session, Tx};

use super::{Act, Input};
use crate::{
    actions::{
        again_on_conflict, commit,
        mail_password::{self, Blocked, Fit},
        notices, overview, places,
        procedures::{self, Flow, Step},
        prove::{self, Proof},
        sessions, start,
        static_password::{self, Again, Proved},
    },
    app::App,
    error::{AppError, Problem, Stale},
    mail::messages::Mail,
    origin::{Line, Origin},
    web::cookies::BrowserSecret,
};

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
    prove::with_effect(app, origin, session.customer_id, || async {
        let (mut tx, mut customer, procedure) =
            procedures::take(app, origin, session, Flow::Address, Step::Confirm, id).await?;
        if !computed.is_of(&customer) {
            return Err(AppError::Stale(Stale::Ended));
        }
        // Looked at first: no proof is spent for a number that could not be sent. A removal sends none.
        let input: Input = procedures::kept(origin, customer.customer_id, &procedure)?;
        let sends = !matches!(input.act, Some(Act::Remove(_)));
        if sends && let Some(blocked) = mail_password::limits(&mut tx, origin, &customer).await? {
            return Ok(Outcome::Blocked(blocked));
        }
        let proved = static_password::count(app, origin, &mut tx, &mut customer, &computed).await?;
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
        let about = (customer, procedure);
        match refused {
            Some(refused) => settle(app, origin, tx, about, refused).await,
            None => proved_both(app, origin, tx, session, about).await,
        }
    })
    .await
}

const ORDER: AppError = AppError::Stale(Stale::Order);

// Commits a refusal; too many of them end the procedure.
async fn settle(
    app: &App,
    origin: &Origin,
    mut tx: Tx,
    (customer, mut procedure): (Customer, Procedure),
    refused: Outcome,
) -> Result<Outcome, AppError> {
    if let Outcome::Stopped(_) = refused {
        let (id, stopped) = (customer.customer_id, ProcedureEnd::Stopped);
        procedures::end(&mut tx, origin, id, &mut procedure, stopped).await?;
        tx.end_mail_passwords(id, origin.now).await?;
        tx.drop_secret_mails(id, origin.now).await?;
    }
    commit(app, tx).await?;
    Ok(refused)
}

// Both proofs are right: the old address goes, or the number goes to the new one.
async fn proved_both(
    app: &App,
    origin: &Origin,
    mut tx: Tx,
    session: &Session,
    (customer, mut procedure): (Customer, Procedure),
) -> Result<Outcome, AppError> {
    let id = customer.customer_id;
    let input: Input = procedures::kept(origin, id, &procedure)?;
    if let Some(Act::Remove(_)) = input.act {
        let done = change(app, origin, &mut tx, session, (customer, procedure, input)).await?;
        commit(app, tx).await?;
        return Ok(Outcome::Done(done));
    }
    let address = new_address(origin, &input)?;
    procedures::advance(&mut tx, id, &mut procedure, Step::Number).await?;
    let about = (&customer, &procedure);
    match mail_password::send_number(app, origin, &mut tx, session, about, &address).await? {
        Ok(()) => {
            commit(app, tx).await?;
            Ok(Outcome::NumberSent)
        }
        Err(blocked) => Ok(Outcome::Blocked(blocked)),
    }
}

fn new_address(origin: &Origin, input: &Input) -> Result<MailAddress, AppError> {
    let rules = MailRules::for_notices(origin.institution.policy());
    MailAddress::parse(&input.address, &rules).map_err(AppError::internal)
}

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
    if step == Step::Confirm && customer.otp_required {
        // A passcode is asked for there: no mail is waited for.
        return Err(ORDER);
    }
    let about = (&customer, &procedure);
    let sent = if step == Step::Number {
        let input: Input = procedures::kept(origin, customer.customer_id, &procedure)?;
        let address = new_address(origin, &input)?;
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
        let (mut tx, customer, procedure) =
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
            Some(refused) => settle(app, origin, tx, (customer, procedure), refused).await,
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
    start::hold(origin, tx, &mut customer, HoldKind::Address).await?;
    tx.save_customer(&customer).await?;
    tx.end_mail_passwords(id, origin.now).await?;
    tx.drop_secret_mails(id, origin.now).await?;
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
    tx.insert_addresses(&[(customer, row)]).await?;
    let line = Line::ok(Kind::AddressRegistered).of(customer).because(id.to_string());
    Ok(origin.record(tx, &*app.random, line).await?)
}
