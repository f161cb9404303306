//! BOP001: what stands of a customer's token, and what can be done next.

use std::collections::BTreeMap;

use axum::{extract::Query, response::Response};
use warifu_core::{
    issue::{IssueEnd, IssueRefused},
    purpose::Purpose,
    time::Millis,
    token::State,
    verify::Reason,
};

use super::{
    pages::{Bop001, NoIssue, Offer, OtpState, Qr, TokenIds},
    render,
};
use crate::{
    actions::{
        issue,
        overview::{self, Customer, Issue, Overview},
        procedures::{self, Flow, Step},
    },
    error::AppError,
    origin::Origin,
    web::{
        form::SignedForm,
        visit::{Signed, Visit, see_other},
    },
};

/// BOP001.
pub(super) async fn show(
    signed: Signed,
    Query(query): Query<BTreeMap<String, String>>,
) -> Result<Response, AppError> {
    let visit = &signed.visit;
    let now = visit.origin.now;
    let id = signed.customer.customer_id;
    let (view, may_issue) = overview::offered(&visit.app, &visit.origin, id).await?;
    let waiting = view.waiting();
    let mut qr = None;
    let mut ids = None;
    if let Some(issue) = waiting {
        ids = Some(token_ids(&visit.origin, issue)?);
        qr = present_qr(visit, &view.customer, issue)?;
    }
    let second_phone = view
        .last_issue
        .as_ref()
        .filter(|i| i.end_reason == Some(IssueEnd::SecondPhone))
        .and_then(|i| i.ended_at.map(Millis));
    render::page(&Bop001 {
        frame: render::inside(&signed, "BOP001", "bop001-title"),
        state: state(&view, now),
        offers: offers(&view, may_issue, now),
        ids,
        qr,
        second_phone,
        no_issue: match may_issue {
            Err(IssueRefused::WaitUntil(until)) => Some(NoIssue::Released(until)),
            Err(IssueRefused::LockedUntil(until)) => Some(NoIssue::LockedUntil(until)),
            Err(IssueRefused::Locked) => Some(NoIssue::Locked),
            _ => None,
        },
        after_issue: query.contains_key("after") && waiting.is_some(),
    })
}

/// What the customer is told of the token.
pub(super) fn state(view: &Overview, now: Millis) -> OtpState {
    if view.customer.suspended_at.is_some() {
        return OtpState::Suspended;
    }
    if let Some((token, _)) = &view.in_use {
        let closed = view.closed(Purpose::Login, now);
        let in_use = OtpState::InUse { valid_until: Millis(token.valid_until) };
        return closed.map_or(in_use, shut);
    }
    match (&view.open, &view.last_issue) {
        (Some(open), _) if open.token.state == State::Activated => {
            let deadline = Millis(open.issue.start_until);
            view.closed(Purpose::Start, now).map_or(OtpState::Activated { deadline }, shut)
        }
        (Some(open), _) => OtpState::Issued { deadline: Millis(open.issue.activate_until) },
        (None, Some(last)) if ended_by_deadline(last, now) => {
            if last.activation_id.is_some() {
                OtpState::StartExpired
            } else {
                OtpState::IssueExpired
            }
        }
        (None, _) => without_token(view),
    }
}

const fn shut(reason: Reason) -> OtpState {
    match reason {
        Reason::LockedUntil(until) => OtpState::LockedUntil(until),
        Reason::Locked => OtpState::Locked,
        Reason::Suspended => OtpState::Suspended,
        Reason::Expired => OtpState::Expired,
        Reason::NotUsable | Reason::Wrong | Reason::Used => OtpState::NoToken,
    }
}

fn without_token(view: &Overview) -> OtpState {
    match view.last_token.as_ref().map(|token| token.state) {
        Some(State::Expired) if view.customer.otp_required => OtpState::Expired,
        _ if view.customer.otp_required => OtpState::NoToken,
        _ if view.last_issue.as_ref().is_some_and(was_cancelled) => OtpState::IssueCancelled,
        Some(State::Released) => OtpState::Released,
        _ => OtpState::None,
    }
}

fn was_cancelled(issue: &Issue) -> bool {
    use IssueEnd::{Deadline, Reissued, SecondPhone, StartPassword, Stopped, TakenBack};
    match issue.end_reason {
        Some(StartPassword | SecondPhone | Stopped | TakenBack) => true,
        Some(Deadline | Reissued) | None => false,
    }
}

fn ended_by_deadline(issue: &Issue, now: Millis) -> bool {
    issue.end_reason == Some(IssueEnd::Deadline)
        || (issue.ended_at.is_none() && issue.deadline.is_some_and(|at| at <= now.0))
}

fn offers(view: &Overview, may_issue: Result<(), IssueRefused>, now: Millis) -> Vec<Offer> {
    let may_issue = matches!(
        may_issue,
        // BMP001 says what is wrong with the address.
        Ok(())
            | Err(IssueRefused::NoAddress | IssueRefused::AddressYoung(_) | IssueRefused::DayLimit)
    );
    let mut offers = Vec::new();
    // What asks for a passcode is offered while one would be looked at.
    if let Some(open) = &view.open
        && open.token.state == State::Activated
        && view.closed(Purpose::Start, now).is_none()
    {
        offers.push(Offer::Start);
    }
    if view.in_use.is_some() {
        if view.closed(Purpose::Release, now).is_none() {
            offers.push(Offer::Release);
        }
    } else if may_issue {
        offers.push(match &view.open {
            None => Offer::Issue,
            Some(open) if open.token.state == State::Activated => Offer::IssueAgainSetUp,
            Some(_) => Offer::IssueAgain,
        });
    }
    offers
}

/// The numbers of an issue as they are shown.
pub(super) fn token_ids(origin: &Origin, waiting: &Issue) -> Result<TokenIds, AppError> {
    let (service, user) = issue::numbers(origin, waiting)?;
    Ok(TokenIds {
        service: service.grouped(),
        user: user.grouped(),
        deadline: Millis(waiting.activate_until),
    })
}

// The address of the phone app with an issue's numbers in its fragment, which is never sent.
fn app_link(visit: &Visit, customer: &Customer, waiting: &Issue) -> Result<String, AppError> {
    let (service, user) = issue::numbers(&visit.origin, waiting)?;
    let secret = issue::qr_secret(&visit.origin, customer, waiting);
    let fragment = format!("/app/#1.{}.{}.{secret}", service.as_str(), user.as_str());
    Ok(visit.app.link(&visit.origin.institution.document.hosts.token, &fragment))
}

/// What carries an issue's numbers to the phone, for as long as it can be used.
pub(super) fn present_qr(
    visit: &Visit,
    customer: &Customer,
    waiting: &Issue,
) -> Result<Option<Qr>, AppError> {
    let until = Millis(waiting.qr_until);
    if until <= visit.origin.now {
        return Ok(None);
    }
    let link = app_link(visit, customer, waiting)?;
    Ok(Some(Qr { svg: drawn(&link)?, link, until }))
}

// An SVG of attributes only, so that it needs no inline style.
fn drawn(link: &str) -> Result<String, AppError> {
    let code = fast_qr::QRBuilder::new(link)
        .ecl(fast_qr::ECL::M)
        .build()
        .map_err(|e| AppError::internal(format!("QR: {e:?}")))?;
    // Four modules of quiet around it (ISO/IEC 18004).
    let side = code.size + 8;
    let mut path = String::new();
    for y in 0..code.size {
        for x in 0..code.size {
            if code[y][x].value() {
                let [x, y] = [x + 4, y + 4].map(|n: usize| n.to_string());
                path.extend(["M", &x, " ", &y, "h1v1h-1z"]);
            }
        }
    }
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" \
         width=\"264\" height=\"264\" shape-rendering=\"crispEdges\" aria-hidden=\"true\">\
         <path fill=\"#fff\" d=\"M0 0h{side}v{side}H0z\"/><path fill=\"#000\" d=\"{path}\"/></svg>"
    ))
}

/// A new QR code; back to the page that shows it.
pub(super) async fn renew_qr(SignedForm(signed, fields): SignedForm) -> Result<Response, AppError> {
    let visit = &signed.visit;
    issue::renew_qr(&visit.app, &visit.origin.on("BOP001"), &signed.session).await?;
    Ok(match fields.procedure() {
        Some(procedure) => see_other(&procedures::path(Flow::Issue, Step::Done, procedure)),
        None => see_other("/otp"),
    })
}

/// The token mail again; back to the page that offers it.
pub(super) async fn mail_again(
    SignedForm(signed, fields): SignedForm,
) -> Result<Response, AppError> {
    let visit = &signed.visit;
    issue::send_token_mail_again(&visit.app, &visit.origin.on("BOT003"), &signed.session).await?;
    Ok(match fields.procedure() {
        Some(procedure) => see_other(&procedures::path(Flow::Issue, Step::Done, procedure)),
        None => see_other("/otp"),
    })
}
