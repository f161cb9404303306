//! BMA001 to BMA003: a notice address is added, changed or removed.

use std::collections::BTreeMap;

use axum::{extract::Query, response::Response};
use warifu_core::{
    hold::HoldKind,
    ids::ProcedureId,
    issue::{MailPassword, MailPasswordError, address_usable_from},
    oath::{Passcode, PasscodeError},
    text::{MailAddress, MailRules},
};

use super::{
    issue::asked,
    pages::{
        self, ADDRESS_STEPS, Bma001, Bma002, Bma003, Bma003Done, FieldError, Frame, MailShown,
        ShownAddress,
    },
    passcode,
    render::{self, Unfinished},
    usage::{self, hold, holds},
};
use crate::{
    actions::{
        address::{
            self, Act, Entry, MOST, Outcome, Proofs, Refused, Second, SecondProof, Sent, Shown,
        },
        mail_password::Blocked,
        procedures::{self, Flow, Procedure, Step},
        progress::MailProgress,
    },
    error::{AppError, Problem, Stale},
    web::{
        form::{Fields, SignedForm},
        visit::{Signed, see_other, with_cookie},
    },
};

const UNFINISHED: Unfinished =
    Unfinished { unchanged: "bma-not-changed", back: ("/customer", "frame-to-customer") };

type Asked = Query<BTreeMap<String, String>>;

/// BMA001.
pub(super) async fn show(signed: Signed) -> Result<Response, AppError> {
    render::page(&input_page(&signed, "", [String::new(), String::new()]).await?)
}

async fn input_page(
    signed: &Signed,
    act: &str,
    [address, address2]: [String; 2],
) -> Result<Bma001, AppError> {
    let visit = &signed.visit;
    let id = signed.customer.customer_id;
    let ready = address::ready(&visit.app, &visit.origin, id).await?;
    let frame = render::inside(signed, "BMA001", "bma001-title");
    let frame = Frame { here: "/address".to_owned(), ..render::step(frame, ADDRESS_STEPS, 0) };
    let blocked = ready.blocked.map(|blocked| pages::blocked(&frame, &blocked));
    let closed = ready.closed.and_then(|reason| passcode::closed(visit, "BMA001", reason));
    let rules = MailRules::for_notices(visit.origin.institution.policy());
    let parsed: Option<Vec<_>> =
        ready.registered.iter().map(|a| MailAddress::parse(&a.address, &rules).ok()).collect();
    let apart = parsed.map(|parsed| MailAddress::masked_apart(&parsed)).unwrap_or_default();
    let shown = |(place, a): (usize, &address::Registered)| ShownAddress {
        id: a.id.to_string(),
        masked: apart.get(place).cloned().unwrap_or_else(|| masked(signed, &a.address)),
    };
    Ok(Bma001 {
        frame,
        may_add: ready.registered.len() < MOST,
        addresses: ready.registered.iter().enumerate().map(shown).collect(),
        act: act.to_owned(),
        address,
        address2,
        mails: ready.second == Second::MailPassword,
        holds: holds(signed, HoldKind::Address),
        closed: closed.or(blocked),
    })
}

fn masked(signed: &Signed, address: &str) -> String {
    let rules = MailRules::for_notices(signed.visit.origin.institution.policy());
    let masked = MailAddress::parse(address, &rules).map(|a| a.masked());
    masked.unwrap_or_else(|_| "***".to_owned())
}

// `add`, or a word and the address that it is about.
fn act(word: &str) -> Option<Act> {
    match word.split_once(' ') {
        None => (word == "add").then_some(Act::Add),
        Some(("replace", id)) => id.parse().ok().map(Act::Replace),
        Some(("remove", id)) => id.parse().ok().map(Act::Remove),
        Some(_) => None,
    }
}

/// BMA001, posted.
pub(super) async fn enter(SignedForm(signed, fields): SignedForm) -> Result<Response, AppError> {
    let visit = &signed.visit;
    let chosen = fields.text("act");
    let typed = [fields.text("address"), fields.text("address2")];
    let [address, address2] = typed.clone();
    let entry = Entry { act: act(&chosen), address, address2 };
    let origin = visit.origin.on("BMA001");
    let refused = match address::enter(&visit.app, &origin, &signed.session, &entry).await? {
        Ok(id) => return Ok(see_other(&procedures::path(Flow::Address, Step::Confirm, id))),
        Err(refused) => refused,
    };
    let mut page = input_page(&signed, &chosen, typed).await?;
    match refused {
        Refused::Problems(problems) => {
            let customer = Some(signed.customer.customer_id);
            page.frame.errors = render::problems(visit, "BMA001", customer, &problems).await?;
        }
        Refused::Blocked(blocked) => page.closed = Some(pages::blocked(&page.frame, &blocked)),
        Refused::Closed(reason) => page.closed = passcode::closed(visit, "BMA001", reason),
    }
    render::corrected(&page)
}

async fn look(
    signed: &Signed,
    id: Option<ProcedureId>,
    step: Step,
) -> Result<(Procedure, Shown), AppError> {
    let visit = &signed.visit;
    let procedure = usage::shown(signed, id, Flow::Address, step).await?;
    let shown = address::shown(&visit.app, &visit.origin, &signed.customer, &procedure).await?;
    Ok((procedure, shown))
}

fn mail(signed: &Signed, sent: Sent, resend_key: &'static str) -> MailShown {
    let progress = MailProgress::of(&sent.states, sent.at, signed.visit.origin.now);
    MailShown { at: sent.at, to: sent.to, progress, resend_key }
}

/// BMA002.
pub(super) async fn show_confirm(signed: Signed, query: Asked) -> Result<Response, AppError> {
    let mut page = confirm_page(&signed, asked(&query), Vec::new()).await?;
    if query.contains_key("resent") {
        page.frame.notice = Some(signed.visit.text.of("bot002-resent"));
    }
    render::page(&page)
}

async fn confirm_page(
    signed: &Signed,
    id: Option<ProcedureId>,
    errors: Vec<FieldError>,
) -> Result<Bma002, AppError> {
    let (procedure, shown) = look(signed, id, Step::Confirm).await?;
    let frame = render::inside(signed, "BMA002", "bma002-title");
    let here = procedures::path(Flow::Address, Step::Confirm, procedure.id);
    let old = &shown.input.old;
    Ok(Bma002 {
        frame: Frame { errors, here, ..render::step(frame, ADDRESS_STEPS, 1) },
        procedure: procedure.id.to_string(),
        old: if old.is_empty() { String::new() } else { masked(signed, old) },
        new: shown.input.address,
        mail: shown.mail.map(|sent| mail(signed, sent, "bot002-resend")),
        holds: holds(signed, HoldKind::Address),
    })
}

/// BMA002, posted: 確定する, キャンセル, or the mail password again.
pub(super) async fn confirm(
    SignedForm(signed, mut fields): SignedForm,
) -> Result<Response, AppError> {
    if let Some(done) = other(&signed, &fields, Step::Confirm).await? {
        return Ok(done);
    }
    let visit = &signed.visit;
    let (id, origin) = (fields.procedure(), visit.origin.on("BMA002"));
    let outcome = match proofs(&signed, &mut fields) {
        Ok(proofs) => address::confirm(&visit.app, &origin, &signed.session, id, proofs).await?,
        Err(problems) => {
            let customer = Some(signed.customer.customer_id);
            let errors = render::problems(visit, "BMA002", customer, &problems).await?;
            return render::corrected(&confirm_page(&signed, id, errors).await?);
        }
    };
    match outcome {
        Outcome::NumberSent => next(id, Step::Number),
        Outcome::Done(secret) => Ok(with_cookie(next(id, Step::Done)?, secret.cookie())),
        Outcome::Wrong(problems) => {
            let errors = render::told(visit, &problems);
            render::corrected(&confirm_page(&signed, id, errors).await?)
        }
        Outcome::Closed(reason) => {
            let told = passcode::closed(visit, "BMA002", reason);
            again(&signed, id, told.unwrap_or_default()).await
        }
        Outcome::Blocked(blocked) => {
            let frame = render::inside(&signed, "BMA002", "bma002-title");
            let told = match &blocked {
                // Of the number to the new address, not of the mail that is being looked at.
                Blocked::TooMany(until) => frame.near("bma002-too-many", "until", until),
                others => pages::blocked(&frame, others),
            };
            again(&signed, id, told).await
        }
        Outcome::Stopped(until) => render::stopped(&signed, until, UNFINISHED),
    }
}

// The page once more, with what stands in the way.
async fn again(
    signed: &Signed,
    id: Option<ProcedureId>,
    message: String,
) -> Result<Response, AppError> {
    let errors = vec![FieldError { field: "", message }];
    render::corrected(&confirm_page(signed, id, errors).await?)
}

fn next(id: Option<ProcedureId>, step: Step) -> Result<Response, AppError> {
    let id = id.ok_or(AppError::Stale(Stale::Order))?;
    Ok(see_other(&procedures::path(Flow::Address, step, id)))
}

fn proofs(signed: &Signed, fields: &mut Fields) -> Result<Proofs, Vec<Problem>> {
    let mut problems = Vec::new();
    let confirmation = fields.secret("confirmation_password");
    if confirmation.expose().is_empty() {
        problems.push(Problem::new("confirmation_password", "err-confirm-empty"));
    }
    let second = if signed.customer.otp_required {
        let typed = Passcode::typed(fields.secret("passcode").expose());
        typed.map(SecondProof::Passcode).map_err(|error| {
            problems.push(Problem::new(
                "passcode",
                match error {
                    PasscodeError::Empty => "err-passcode-empty",
                    PasscodeError::Length | PasscodeError::Digits => "err-passcode-form",
                },
            ));
        })
    } else {
        let typed =
            digits(signed, fields, "mail_password", ["err-mailpw-empty", "err-mailpw-form"]);
        typed.map(SecondProof::MailPassword).map_err(|problem| problems.push(problem))
    };
    match second {
        Ok(second) if problems.is_empty() => Ok(Proofs { confirmation, second }),
        _ => Err(problems),
    }
}

fn digits(
    signed: &Signed,
    fields: &mut Fields,
    field: &'static str,
    [empty, form]: [&'static str; 2],
) -> Result<MailPassword, Problem> {
    let count = signed.visit.origin.institution.policy().mail_password.digits as usize;
    MailPassword::parse(fields.secret(field).expose(), count).map_err(|error| {
        let is_empty = error == MailPasswordError::Empty;
        Problem::new(field, if is_empty { empty } else { form })
    })
}

// キャンセル, or the mail again; none when the form is to be worked on.
async fn other(signed: &Signed, fields: &Fields, step: Step) -> Result<Option<Response>, AppError> {
    let visit = &signed.visit;
    let screen = if step == Step::Number { "BMA003" } else { "BMA002" };
    let (id, origin) = (fields.procedure(), visit.origin.on(screen));
    match fields.text("action").as_str() {
        "cancel" => {
            let (app, session) = (&visit.app, &signed.session);
            procedures::cancel(app, &origin, session, Flow::Address, step, id).await?;
            Ok(Some(see_other("/address/cancelled")))
        }
        "resend" => {
            let at = (step, id);
            match address::send_again(&visit.app, &origin, &signed.session, at).await? {
                Ok(()) => {
                    let id = id.ok_or(AppError::Stale(Stale::Order))?;
                    let path = procedures::path(Flow::Address, step, id);
                    Ok(Some(see_other(&format!("{path}&resent"))))
                }
                Err(blocked) => Ok(Some(not_resent(signed, at, &blocked).await?)),
            }
        }
        _ => Ok(None),
    }
}

async fn not_resent(
    signed: &Signed,
    (step, id): (Step, Option<ProcedureId>),
    blocked: &Blocked,
) -> Result<Response, AppError> {
    let message = pages::blocked(&render::inside(signed, "BMA002", "bma002-title"), blocked);
    if step == Step::Number {
        let errors = vec![FieldError { field: "", message }];
        return render::corrected(&number_page(signed, id, errors).await?);
    }
    again(signed, id, message).await
}

/// BER001: the procedure was left.
pub(super) async fn cancelled(signed: Signed) -> Result<Response, AppError> {
    render::left(&signed, UNFINISHED)
}

/// BMA003.
pub(super) async fn show_number(signed: Signed, query: Asked) -> Result<Response, AppError> {
    let mut page = number_page(&signed, asked(&query), Vec::new()).await?;
    if query.contains_key("resent") {
        page.frame.notice = Some(signed.visit.text.of("bma003-resent"));
    }
    render::page(&page)
}

async fn number_page(
    signed: &Signed,
    id: Option<ProcedureId>,
    errors: Vec<FieldError>,
) -> Result<Bma003, AppError> {
    let (procedure, shown) = look(signed, id, Step::Number).await?;
    // To the address that was just typed and shown in full on BMA002.
    let to = vec![shown.input.address];
    let sent = Sent { to, ..shown.mail.ok_or(AppError::Stale(Stale::Order))? };
    let frame = render::inside(signed, "BMA003", "bma003-title");
    let here = procedures::path(Flow::Address, Step::Number, procedure.id);
    Ok(Bma003 {
        frame: Frame { errors, here, ..render::step(frame, ADDRESS_STEPS, 2) },
        procedure: procedure.id.to_string(),
        mail: mail(signed, sent, "bma003-resend"),
    })
}

/// BMA003, posted.
pub(super) async fn number(
    SignedForm(signed, mut fields): SignedForm,
) -> Result<Response, AppError> {
    if let Some(done) = other(&signed, &fields, Step::Number).await? {
        return Ok(done);
    }
    let visit = &signed.visit;
    let (id, origin) = (fields.procedure(), visit.origin.on("BMA003"));
    let typed =
        match digits(&signed, &mut fields, "number", ["err-number-empty", "err-number-form"]) {
            Ok(typed) => typed,
            Err(problem) => {
                let customer = Some(signed.customer.customer_id);
                let errors = render::problems(visit, "BMA003", customer, &[problem]).await?;
                return render::corrected(&number_page(&signed, id, errors).await?);
            }
        };
    match address::number(&visit.app, &origin, &signed.session, id, &typed).await? {
        Outcome::Done(secret) => Ok(with_cookie(next(id, Step::Done)?, secret.cookie())),
        Outcome::Wrong(problems) => {
            let errors = render::told(visit, &problems);
            render::corrected(&number_page(&signed, id, errors).await?)
        }
        Outcome::Stopped(until) => render::stopped(&signed, until, UNFINISHED),
        Outcome::NumberSent | Outcome::Closed(_) | Outcome::Blocked(_) => {
            Err(AppError::Stale(Stale::Order))
        }
    }
}

/// BMA003, done.
pub(super) async fn done(signed: Signed, query: Asked) -> Result<Response, AppError> {
    let (procedure, shown) = look(&signed, asked(&query), Step::Done).await?;
    let policy = &signed.visit.origin.institution.policy().issue;
    let changed_at = procedure.ended_at.map(warifu_core::time::Millis);
    let frame = render::inside(&signed, "BMA003", "bma003-title-done");
    let (old, new) = (shown.input.old, shown.input.address);
    render::page(&Bma003Done {
        frame: render::step(frame, ADDRESS_STEPS, 3),
        old: if old.is_empty() { old } else { masked(&signed, &old) },
        usable_from: address_usable_from(changed_at, policy).filter(|_| !new.is_empty()),
        new,
        hold_until: hold(&signed),
    })
}
