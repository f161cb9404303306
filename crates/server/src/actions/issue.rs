//! Issuing a software token: choose, mail password, phone address and start password, both proofs.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use warifu_core::{
    audit::Kind,
    counter::{Counter, Gate},
    ids::{IssueId, ProcedureId, ServiceId, TokenId, UserId},
    issue::{
        Birthday, IssueRefused, MailPassword as TypedMail, MailPasswordError, StartPassword,
        StartPasswordError,
    },
    random,
    secret::SecretText,
    text::{AddressError, MailAddress, MailRules},
    time::Millis,
    token::{Event, State},
};
use warifu_store::{Customer, Issue, Key, Session, Token, Tx};

use super::{
    again_on_conflict, commit,
    mail_password::{self, Blocked, Fit},
    notices, overview, places,
    procedures::{self, Flow, Input},
};
use crate::{
    app::App,
    calendar,
    error::{AppError, Problem, Stale},
    mail::messages::{Mail, Which, Why},
    origin::{Line, Origin},
};

/// Begins an issue, if the customer may have one now.
pub(crate) async fn begin(
    app: &App,
    origin: &Origin,
    session: &Session,
) -> Result<ProcedureId, AppError> {
    let mut tx = app.store.begin().await?;
    let customer = tx.take_customer(session.customer_id).await?.ok_or(AppError::NotFound)?;
    let view = overview::load(&mut tx, origin, customer).await?;
    match view.may_issue {
        // BMP001 tells what is wrong with the address; the page before it must be reachable.
        Ok(()) | Err(IssueRefused::NoAddress | IssueRefused::AddressYoung(_)) => {}
        Err(IssueRefused::DayLimit) => return Err(AppError::Stale(Stale::DayLimit)),
        Err(_) => return Err(AppError::Stale(Stale::NotOffered)),
    }
    let procedure = procedures::begin(app, origin, &mut tx, session, Flow::Issue).await?;
    tx.commit().await?;
    Ok(procedure.id)
}

/// BOT000: the software token is chosen.
pub(crate) async fn select(
    app: &App,
    origin: &Origin,
    session: &Session,
    id: Option<ProcedureId>,
) -> Result<(), AppError> {
    let (mut tx, customer, mut procedure) =
        procedures::take(app, origin, session, Flow::Issue, "select", id).await?;
    procedures::advance(&mut tx, customer.customer_id, &mut procedure, "mail").await?;
    tx.commit().await?;
    Ok(())
}

/// BMP001: the mail password is sent.
pub(crate) async fn send_mail_password(
    app: &App,
    origin: &Origin,
    session: &Session,
    id: Option<ProcedureId>,
) -> Result<Result<(), Blocked>, AppError> {
    let (mut tx, customer, mut procedure) =
        procedures::take(app, origin, session, Flow::Issue, "mail", id).await?;
    let sent = mail_password::send(app, origin, &mut tx, session, &customer, &procedure).await?;
    if sent.is_ok() {
        procedures::advance(&mut tx, customer.customer_id, &mut procedure, "input").await?;
        commit(app, tx).await?;
    }
    Ok(sent)
}

/// BOT002: the mail password is sent again; the first one dies.
pub(crate) async fn resend_mail_password(
    app: &App,
    origin: &Origin,
    session: &Session,
    id: Option<ProcedureId>,
) -> Result<Result<(), Blocked>, AppError> {
    let (mut tx, customer, procedure) =
        procedures::take(app, origin, session, Flow::Issue, "confirm", id).await?;
    let sent = mail_password::send(app, origin, &mut tx, session, &customer, &procedure).await?;
    if sent.is_ok() {
        commit(app, tx).await?;
    }
    Ok(sent)
}

/// What BOT001 asks for, as typed.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) address: String,
    pub(crate) address2: String,
    pub(crate) start_password: SecretText,
    pub(crate) start_password2: SecretText,
}

/// BOT001: phone address and start password.
pub(crate) async fn enter(
    app: &App,
    origin: &Origin,
    session: &Session,
    id: Option<ProcedureId>,
    entry: &Entry,
) -> Result<(), AppError> {
    let (mut tx, customer, mut procedure) =
        procedures::take(app, origin, session, Flow::Issue, "input", id).await?;
    let (address, start) = read(origin, &customer, entry).map_err(AppError::InvalidField)?;
    // The start password goes no further than this MAC, which fits one issue only.
    let issue = IssueId::generate(origin.now, &*app.random);
    let customer_id = customer.customer_id;
    let spot = places::issue(origin.institution.id, customer_id, "start_mac", issue);
    let mac = origin.institution.keys.mac(&spot.place(), start.expose().as_bytes());
    let input = Input {
        address: address.as_typed().to_owned(),
        start_password: URL_SAFE_NO_PAD.encode(mac),
        issue: issue.to_string(),
    };
    procedures::keep(app, origin, customer_id, &mut procedure, &input)?;
    procedures::advance(&mut tx, customer_id, &mut procedure, "confirm").await?;
    tx.commit().await?;
    Ok(())
}

fn read(
    origin: &Origin,
    customer: &Customer,
    entry: &Entry,
) -> Result<(MailAddress, StartPassword), Vec<Problem>> {
    let policy = origin.institution.policy();
    let rules = MailRules::for_phones(policy);
    let mut problems = Vec::new();
    let address = MailAddress::parse(&entry.address, &rules)
        .map_err(|error| problems.push(address_problem(error, &policy.issue.phone_address_domains)))
        .ok();
    let again = MailAddress::parse(&entry.address2, &rules).ok();
    if address.is_some() && address != again {
        problems.push(Problem::new("address2", "err-address-differs"));
    }
    let birthday = customer.birthday.parse::<Birthday>().ok();
    let start = StartPassword::parse(entry.start_password.expose(), birthday)
        .map_err(|error| problems.push(Problem::new("start_password", start_key(error))))
        .ok();
    let again = StartPassword::typed(entry.start_password2.expose()).ok();
    let same = |a: &StartPassword| again.as_ref().is_some_and(|b| a.expose() == b.expose());
    if start.as_ref().is_some_and(|a| !same(a)) {
        problems.push(Problem::new("start_password2", "err-start-differs"));
    }
    match (address, start) {
        (Some(address), Some(start)) if problems.is_empty() => Ok((address, start)),
        _ => Err(problems),
    }
}

fn address_problem(error: AddressError, domains: &[String]) -> Problem {
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

const fn start_key(error: StartPasswordError) -> &'static str {
    match error {
        StartPasswordError::Empty => "err-start-empty",
        StartPasswordError::Digits => "err-start-digits",
        StartPasswordError::Length => "err-start-length",
        StartPasswordError::Weak => "err-start-weak",
    }
}

/// How BOT002 ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Commit {
    /// The token is issued.
    Done,
    /// Too many wrong proofs: the procedure has ended; again from this moment, or not by itself.
    Stopped(Option<Millis>),
}

/// The two proofs of BOT002, as typed.
#[derive(Debug)]
pub(crate) struct Proofs {
    pub(crate) confirmation: SecretText,
    pub(crate) mail: SecretText,
}

/// BOT002: both proofs are right, and the token is issued; or one is wrong, and is counted.
pub(crate) async fn confirm(
    app: &App,
    origin: &Origin,
    session: &Session,
    id: Option<ProcedureId>,
    proofs: Proofs,
) -> Result<Commit, AppError> {
    let digits = origin.institution.policy().mail_password.digits as usize;
    let typed = form(&proofs, digits)?;
    // Argon2 before any row is taken; whether the hash still is the one is checked below.
    let (hash, fits) = confirmation_fits(app, origin, session, id, proofs.confirmation).await?;
    again_on_conflict(|| async {
        let (mut tx, customer, mut procedure) =
            procedures::take(app, origin, session, Flow::Issue, "confirm", id).await?;
        if customer.confirmation_hash != hash {
            return Err(AppError::Stale(Stale::Ended));
        }
        let confirmed = confirmation(app, origin, &mut tx, &customer, fits).await?;
        let sent = tx
            .mail_password(customer.customer_id, procedure.id)
            .await?
            .ok_or(AppError::Stale(Stale::Order))?;
        let mailed = match confirmed {
            // A locked confirmation password ends it: nothing else is evaluated.
            Confirmed::Stopped(_) => Fit::Wrong,
            _ => mail_password::prove(app, origin, &mut tx, &sent, &customer, &typed).await?,
        };
        match (confirmed, mailed) {
            (Confirmed::Right, Fit::Right) => {
                let again = make(app, origin, &mut tx, &customer, &mut procedure).await?;
                commit(app, tx).await?;
                Ok(again)
            }
            (Confirmed::Stopped(until), _) => {
                stop(app, origin, tx, &customer, &mut procedure).await?;
                Ok(Commit::Stopped(until))
            }
            (_, Fit::Stopped(until)) => {
                stop(app, origin, tx, &customer, &mut procedure).await?;
                Ok(Commit::Stopped(Some(until)))
            }
            (confirmed, mailed) => {
                commit(app, tx).await?;
                let at = notices::text_for(origin, &customer).time(Millis(sent.sent_at));
                Err(AppError::InvalidField(wrong(confirmed, mailed, &at)))
            }
        }
    })
    .await
}

async fn stop(
    app: &App,
    origin: &Origin,
    mut tx: Tx,
    customer: &Customer,
    procedure: &mut warifu_store::Procedure,
) -> Result<(), AppError> {
    procedures::end(&mut tx, origin, customer.customer_id, procedure, "stopped").await?;
    tx.end_mail_passwords(customer.customer_id, origin.now).await?;
    commit(app, tx).await
}

fn form(proofs: &Proofs, digits: usize) -> Result<TypedMail, AppError> {
    let mut problems = Vec::new();
    if proofs.confirmation.expose().is_empty() {
        problems.push(Problem::new("confirmation_password", "err-confirm-empty"));
    }
    let typed = TypedMail::parse(proofs.mail.expose(), digits)
        .map_err(|error| {
            let key = match error {
                MailPasswordError::Empty => "err-mailpw-empty",
                MailPasswordError::Digits | MailPasswordError::Length => "err-mailpw-form",
            };
            problems.push(Problem::new("mail_password", key));
        })
        .ok();
    typed.filter(|_| problems.is_empty()).ok_or(AppError::InvalidField(problems))
}

fn wrong(confirmed: Confirmed, mailed: Fit, sent_at: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    if confirmed == Confirmed::Wrong {
        problems.push(Problem::new("confirmation_password", "err-confirm"));
    }
    match mailed {
        Fit::Wrong => {
            problems.push(Problem::new("mail_password", "err-mailpw").with("at", sent_at));
        }
        Fit::Expired => problems.push(Problem::new("mail_password", "err-mailpw-expired")),
        Fit::Right | Fit::Stopped(_) => {}
    }
    problems
}

async fn confirmation_fits(
    app: &App,
    origin: &Origin,
    session: &Session,
    id: Option<ProcedureId>,
    password: SecretText,
) -> Result<(String, bool), AppError> {
    let id = id.ok_or(AppError::Stale(Stale::Order))?;
    let mut tx = app.store.read().await?;
    let customer = tx.customer(session.customer_id).await?.ok_or(AppError::NotFound)?;
    let procedure = tx.procedure(session.customer_id, id).await?;
    procedures::check(procedure, session, Flow::Issue, "confirm", origin.now)?;
    drop(tx);
    let hash =
        places::checked_hash(&origin.institution, &customer, "confirmation_hash")?.to_owned();
    let fits = app.hasher.fits(Some(hash.clone()), password).await?;
    Ok((hash, fits))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Confirmed {
    Right,
    Wrong,
    Stopped(Option<Millis>),
}

// Counts the confirmation password; at a closed gate it is not evaluated.
async fn confirmation(
    app: &App,
    origin: &Origin,
    tx: &mut Tx,
    customer: &Customer,
    fits: bool,
) -> Result<Confirmed, AppError> {
    let subject = overview::confirmation(customer);
    let taken = tx.take_counter(&subject, origin.now).await?;
    match taken.counter().gate(origin.now) {
        Gate::Open => {}
        Gate::Until(until) => return Ok(Confirmed::Stopped(Some(until))),
        Gate::Stopped => return Ok(Confirmed::Stopped(None)),
    }
    if fits {
        tx.save_counter(&subject, &taken, &Counter::cleared(), origin.now).await?;
        return Ok(Confirmed::Right);
    }
    let policy = &origin.institution.policy().confirmation;
    let (counter, grade) = taken.counter().failed(policy, origin.now);
    tx.save_counter(&subject, &taken, &counter, origin.now).await?;
    let id = customer.customer_id;
    let line = Line::refused(Kind::ConfirmationRefused, "wrong").of(id);
    origin.record(tx, &*app.random, line).await?;
    let Some(grade) = grade else {
        return Ok(Confirmed::Wrong);
    };
    let (mail, until) = match grade {
        warifu_core::counter::Grade::Until(until) => {
            (Mail::LockedUntil { at: origin.now, which: Which::Confirmation, until }, Some(until))
        }
        warifu_core::counter::Grade::Stopped => {
            (Mail::Locked { at: origin.now, which: Which::Confirmation }, None)
        }
    };
    origin
        .record(tx, &*app.random, Line::ok(Kind::CounterLocked).of(id).because("confirm"))
        .await?;
    notices::tell(app, origin, tx, customer, notices::To::Everyone, &mail, "").await?;
    Ok(Confirmed::Stopped(until))
}

// Both proofs were right: token, issue, mails and audit row, all in the caller's transaction.
async fn make(
    app: &App,
    origin: &Origin,
    tx: &mut Tx,
    customer: &Customer,
    procedure: &mut warifu_store::Procedure,
) -> Result<Commit, AppError> {
    let id = customer.customer_id;
    let input = procedures::kept(origin, id, procedure)?;
    let view = overview::load(tx, origin, customer.clone()).await?;
    if view.may_issue.is_err() {
        return Err(AppError::Stale(Stale::NotOffered));
    }
    if let Some((issue, token)) = view.open {
        let ending = Ending { event: Event::Superseded, reason: "reissued", why: Why::Reissued };
        end_issue(app, origin, tx, customer, (issue, token), ending).await?;
    }
    let token = new_token(app, origin);
    tx.insert_token(id, &token).await?;
    let issue = new_issue(app, origin, customer, &token, &input)?;
    // A number that is taken already (one in a hundred thousand million) makes the whole act run again.
    let reference = issue.id.to_string();
    tx.reserve(origin.institution.id, Key::UserId, &issue.user_id, id, &reference, origin.now)
        .await?;
    tx.insert_issue(id, &issue).await?;
    procedures::end(tx, origin, id, procedure, "done").await?;
    tx.end_mail_passwords(id, origin.now).await?;
    tell_issued(app, origin, tx, customer, &issue).await?;
    let line = Line::ok(Kind::TokenIssued)
        .of(id)
        .token(token.id)
        .changed(serde_json::json!({"state": null}), serde_json::json!({"state": "issued"}));
    origin.record(tx, &*app.random, line).await?;
    Ok(Commit::Done)
}

fn new_token(app: &App, origin: &Origin) -> Token {
    let years = origin.institution.policy().token.software_years;
    // Time first, so that new rows of the hot table lie together; 20 random bits keep them apart.
    let [a, b, c] = random::bytes::<3>(&*app.random);
    let low = i64::from(u32::from_be_bytes([0, a, b, c]) & 0x000F_FFFF);
    Token {
        id: TokenId::generate(origin.now, &*app.random),
        kind: "software".to_owned(),
        state: State::Issued,
        token_no: (origin.now.0 << 20) | low,
        root: None,
        signing_key: None,
        signing_mac: None,
        device: None,
        issued_at: origin.now.0,
        activated_at: None,
        started_at: None,
        ended_at: None,
        valid_until: calendar::years_later(origin.now, years, origin.institution.zone()).0,
        suspended_at: None,
        version: 1,
    }
}

fn new_issue(
    app: &App,
    origin: &Origin,
    customer: &Customer,
    token: &Token,
    input: &Input,
) -> Result<Issue, AppError> {
    let policy = &origin.institution.policy().issue;
    let id: IssueId = input.issue.parse().map_err(AppError::internal)?;
    let start_mac = URL_SAFE_NO_PAD.decode(&input.start_password).map_err(AppError::internal)?;
    let spot = places::issue(origin.institution.id, customer.customer_id, "phone_address", id);
    let activate_until = origin.now.plus(policy.activate_within.duration()).0;
    Ok(Issue {
        id,
        token_id: token.id,
        user_id: UserId::generate(&*app.random).as_str().to_owned(),
        phone_address: input.address.clone(),
        address_mac: origin.institution.keys.mac(&spot.place(), input.address.as_bytes()),
        start_mac: Some(start_mac),
        activate_until,
        start_until: origin.now.plus(policy.start_within.duration()).0,
        qr_until: origin.now.plus(policy.qr_valid.duration()).0,
        ecdh_thumbprint: None,
        ecdsa_thumbprint: None,
        activation_id: None,
        reply: None,
        acknowledged_at: None,
        created_at: origin.now.0,
        deadline: Some(activate_until),
        ended_at: None,
        end_reason: None,
    })
}

async fn tell_issued(
    app: &App,
    origin: &Origin,
    tx: &mut Tx,
    customer: &Customer,
    issue: &Issue,
) -> Result<(), AppError> {
    tell_token(app, origin, tx, customer, issue).await?;
    let rules = MailRules::for_phones(origin.institution.policy());
    let masked = MailAddress::parse(&issue.phone_address, &rules).map(|a| a.masked());
    let masked = masked.unwrap_or_else(|_| "***".to_owned());
    let mail = Mail::Issued { at: origin.now, phone_address_masked: &masked };
    let reference = issue.id.to_string();
    notices::tell(app, origin, tx, customer, notices::To::Notice, &mail, &reference).await?;
    Ok(())
}

async fn tell_token(
    app: &App,
    origin: &Origin,
    tx: &mut Tx,
    customer: &Customer,
    issue: &Issue,
) -> Result<(), AppError> {
    let (service, user) = numbers(origin, issue)?;
    let named = origin.institution.policy().mail.name_in_mail;
    let mail = Mail::Token {
        name: named.then_some(customer.name.as_str()),
        service: &service.grouped(),
        user: &user.grouped(),
        deadline: Millis(issue.activate_until),
    };
    let to = [issue.phone_address.clone()];
    let reference = issue.id.to_string();
    notices::tell(app, origin, tx, customer, notices::To::Only(&to), &mail, &reference).await?;
    Ok(())
}

/// The numbers that the phone app asks for.
pub(crate) fn numbers(origin: &Origin, issue: &Issue) -> Result<(ServiceId, UserId), AppError> {
    let user = UserId::parse(&issue.user_id).map_err(AppError::internal)?;
    Ok((origin.institution.document.service_id.clone(), user))
}

/// Sends the token mail again, at most as often as mail passwords.
pub(crate) async fn send_token_mail_again(
    app: &App,
    origin: &Origin,
    session: &Session,
) -> Result<(), AppError> {
    let mut tx = app.store.begin().await?;
    let customer = tx.take_customer(session.customer_id).await?.ok_or(AppError::NotFound)?;
    let view = overview::load(&mut tx, origin, customer.clone()).await?;
    let Some((issue, _)) = view.open.filter(|(i, _)| i.activation_id.is_none()) else {
        return Err(AppError::Stale(Stale::NotOffered));
    };
    let policy = &origin.institution.policy().mail_password;
    let sent = tx.mail_states(customer.customer_id, "mail-token", &issue.id.to_string()).await?;
    let waiting = sent.iter().any(|state| state == "queued" || state == "sending");
    let times = tx.mails_of(customer.customer_id, "mail-token", &issue.id.to_string()).await?;
    if waiting || times >= i64::from(policy.sends) {
        return Err(AppError::TooMany(origin.now.plus(policy.sends_window.duration())));
    }
    tell_token(app, origin, &mut tx, &customer, &issue).await?;
    commit(app, tx).await
}

/// A new QR code for the running issue; the one before can no longer be used.
pub(crate) async fn renew_qr(
    app: &App,
    origin: &Origin,
    session: &Session,
) -> Result<(), AppError> {
    let mut tx = app.store.begin().await?;
    let customer = tx.take_customer(session.customer_id).await?.ok_or(AppError::NotFound)?;
    let id = customer.customer_id;
    let view = overview::load(&mut tx, origin, customer).await?;
    let Some((mut issue, _)) = view.open.filter(|(i, _)| i.activation_id.is_none()) else {
        return Err(AppError::Stale(Stale::NotOffered));
    };
    let valid = origin.institution.policy().issue.qr_valid.duration();
    issue.qr_until = origin.now.plus(valid).0;
    tx.save_issue(id, &issue).await?;
    tx.commit().await?;
    Ok(())
}

/// The secret in the QR code that is shown until `qr_until`: it follows from row and key, so that
/// nothing of it is stored and a page can be shown again.
pub(crate) fn qr_secret(origin: &Origin, customer: &Customer, issue: &Issue) -> String {
    let spot = places::issue(origin.institution.id, customer.customer_id, "qr", issue.id);
    let mut mac = origin.institution.keys.mac(&spot.place(), &issue.qr_until.to_be_bytes());
    mac.truncate(16);
    URL_SAFE_NO_PAD.encode(mac)
}

/// How and why an issue ends before its token is in use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ending {
    pub(crate) event: Event,
    pub(crate) reason: &'static str,
    pub(crate) why: Why,
}

/// Ends an issue and its token, and tells everyone.
pub(crate) async fn end_issue(
    app: &App,
    origin: &Origin,
    tx: &mut Tx,
    customer: &Customer,
    (mut issue, mut token): (Issue, Token),
    ending: Ending,
) -> Result<(), AppError> {
    let id = customer.customer_id;
    let before = token.state;
    token.state = token.state.after(ending.event).map_err(AppError::internal)?;
    token.ended_at = Some(origin.now.0);
    token.root = None;
    tx.save_token(id, &token).await?;
    if issue.activation_id.is_some() {
        tx.set_verifier(customer.bucket, token.token_no, token.state, false).await?;
    }
    issue.start_mac = None;
    issue.reply = None;
    issue.deadline = None;
    issue.ended_at = Some(origin.now.0);
    issue.end_reason = Some(ending.reason.to_owned());
    tx.save_issue(id, &issue).await?;
    tx.free(origin.institution.id, Key::UserId, &issue.user_id).await?;
    let mail = if ending.reason == "second_phone" {
        Mail::SecondPhone { at: origin.now }
    } else {
        Mail::IssueDead { at: origin.now, why: ending.why }
    };
    let to = notices::To::NoticeAnd(&issue.phone_address);
    notices::tell(app, origin, tx, customer, to, &mail, &issue.id.to_string()).await?;
    let line = Line::ok(Kind::IssueDied).of(id).token(token.id).because(ending.reason).changed(
        serde_json::json!({"state": before.as_str()}),
        serde_json::json!({"state": token.state.as_str()}),
    );
    origin.record(tx, &*app.random, line).await?;
    Ok(())
}
