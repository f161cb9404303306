//! The pages that tell what went wrong: BER001 to BER009.

use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use warifu_core::{
    audit::ActorKind,
    ids::{CustomerId, ReceptionNumber, SessionId},
    issue::IssueEnd,
};

use super::{
    pages::{Ber, Frame},
    render,
};
use crate::{
    actions::{
        refusals,
        sessions::{self, Level},
    },
    calendar,
    error::{AppError, SignedOut, Stale},
    origin::Origin,
    text::Text,
    web::visit::{Visit, see_other, with_cookie},
};

/// Gives a bare error answer its page, and a browser without a secret its own. Never for a form: one
/// that another site sends comes without the cookie, and a new one would log the customer out.
pub(crate) async fn render(visit: Visit, is_post: bool, mut response: Response) -> Response {
    if let Some(error) = response.extensions_mut().remove::<AppError>() {
        response = page(&visit, is_post, error).await;
    }
    let has_own = response
        .headers()
        .get_all(header::SET_COOKIE)
        .iter()
        .any(|c| c.to_str().is_ok_and(|c| c.starts_with(crate::web::cookies::BROWSER)));
    if visit.is_new && !is_post && !has_own && !visit.here.starts_with("/assets/") {
        response = with_cookie(response, visit.browser.cookie());
    }
    response
}

async fn page(visit: &Visit, is_post: bool, error: AppError) -> Response {
    match (&error, is_post) {
        (AppError::MovedOn(path), _) => return see_other(path),
        // A second click outside of a procedure: the answer to the first has brought the new secret.
        (AppError::NotSignedIn(SignedOut::Renewed), true) => return see_other("/top"),
        // That answer got lost: whoever still comes with the old secret logs in again.
        (AppError::NotSignedIn(SignedOut::Never | SignedOut::Renewed), false) => {
            return see_other("/login");
        }
        (AppError::NotSignedIn(SignedOut::PasscodeDue), false) => {
            return see_other("/login/passcode");
        }
        _ => {}
    }
    let found = sessions::find(&visit.app, &visit.origin, &visit.browser).await.ok();
    let session = found.map(|(session, _)| session);
    let signed_in = session.as_ref().is_some_and(|session| session.level == Level::Full);
    let ids = session.map(|session| (session.customer_id, session.id));
    if let Err(failed) = note(visit, is_post, ids, &error).await {
        tracing::error!(error = ?failed, "a refusal could not be recorded");
        return rendered(visit, signed_in, AppError::Overloaded);
    }
    rendered(visit, signed_in, error)
}

// Refused requests that no action has recorded; reading a page too late is no refusal worth a row.
async fn note(
    visit: &Visit,
    is_post: bool,
    session: Option<(CustomerId, SessionId)>,
    error: &AppError,
) -> Result<(), AppError> {
    let reason = match error {
        AppError::Forged => "forged",
        AppError::Forbidden => "forbidden",
        AppError::NotSignedIn(_) if is_post => "not_signed_in",
        AppError::Stale(Stale::Order) => "out_of_order",
        AppError::Stale(Stale::Foreign) => "foreign_procedure",
        AppError::Stale(_) if is_post => "stale_procedure",
        AppError::TooMany(_) | AppError::TooManyMails(_) => "too_many",
        _ => return Ok(()),
    };
    let mut origin =
        Origin { screen: screen(visit.here.split('?').next()), ..visit.origin.clone() };
    if let Some((customer, session)) = session {
        origin.actor = (ActorKind::Customer, customer.to_string());
        origin.correlation = Some(session.to_string());
    }
    let customer = session.map(|(customer, _)| customer);
    refusals::access(&visit.app, &origin, customer, reason).await
}

// Which screen a form came from, for the trail.
fn screen(path: Option<&str>) -> Option<&'static str> {
    Some(match path? {
        "/login" => "BLI001",
        "/login/passcode" => "BLI002",
        "/stop" => "BES001",
        "/customer" => "BCI001",
        "/password" => "BPW001",
        "/password/confirm" => "BPW002",
        "/password/done" => "BPW003",
        "/address" => "BMA001",
        "/address/confirm" => "BMA002",
        "/address/number" | "/address/done" => "BMA003",
        "/otp" | "/otp/issue" | "/otp/start" | "/otp/release" | "/otp/issue/qr" => "BOP001",
        "/otp/issue/select" => "BOT000",
        "/otp/issue/mail" => "BMP001",
        "/otp/issue/input" => "BOT001",
        "/otp/issue/confirm" => "BOT002",
        "/otp/issue/done" | "/otp/issue/mail-again" => "BOT003",
        "/otp/start/confirm" => "BOK001",
        "/otp/start/passcode" => "BOK002",
        "/otp/start/done" => "BOK003",
        "/otp/release/passcode" => "BOS001",
        "/otp/release/done" => "BOS002",
        _ => return None,
    })
}

/// The page of an error, for someone of whom nothing else is known.
pub(crate) fn rendered(visit: &Visit, signed_in: bool, error: AppError) -> Response {
    let status = error.parts().0;
    let mut frame = render::outside(visit, "BER009", "ber-title");
    frame.signed_in = signed_in;
    (if signed_in { "/otp" } else { "/login" }).clone_into(&mut frame.here);
    let retry = match &error {
        AppError::TooMany(until) | AppError::TooManyMails(until) => {
            Some(calendar::seconds_until(visit.origin.now, *until))
        }
        AppError::Overloaded | AppError::Unsure => Some(5),
        _ => None,
    };
    let page = told(visit, frame, error);
    let Ok(page) = render::page(&page) else {
        return status.into_response();
    };
    let mut response = (status, page).into_response();
    if let Some(seconds) = retry {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

// The words of a page: screen, paragraphs, where to go.
fn told(visit: &Visit, mut frame: Frame, error: AppError) -> Ber {
    let text = &visit.text;
    let first = first_of(&visit.here);
    let onward = onward(&error, frame.signed_in, first);
    let links = onward.into_iter().map(|(path, key)| (path.to_owned(), text.of(key))).collect();
    let (screen, paragraphs) = match error {
        AppError::Stale(Stale::Done) => {
            ("BER002", vec![text.with("again-done", "what", text.of(procedure(&visit.here)))])
        }
        AppError::Stale(Stale::IssueOver(end)) => ("BER001", vec![issue_over(text, end)]),
        AppError::Stale(Stale::Order) => ("BER004", vec![text.of("order-text")]),
        AppError::Stale(Stale::DayLimit) => ("BER001", vec![text.of("issue-day-limit")]),
        AppError::Stale(_) | AppError::Conflict | AppError::Gone | AppError::MovedOn(_) => {
            let again = text.with("again-stale", "first", text.of(first.1));
            ("BER003", vec![again, text.of("lost-reply")])
        }
        AppError::NotSignedIn(SignedOut::Replaced) => ("BER005", vec![text.of("replaced-text")]),
        AppError::NotSignedIn(SignedOut::Idle) => {
            frame.title = "expired-title";
            ("BER006", vec![text.of("expired-text"), text.of("expired-issue")])
        }
        AppError::NotSignedIn(SignedOut::TooLong) => {
            frame.title = "expired-title";
            ("BER006", vec![text.of("expired-long"), text.of("expired-issue")])
        }
        AppError::NotSignedIn(SignedOut::Stopped) => ("BER005", vec![text.of("stopped-text")]),
        AppError::NotSignedIn(SignedOut::PasscodeLate) => {
            ("BER006", vec![text.of("bli002-expired")])
        }
        // A second click on a form whose first has renewed the session comes here too.
        AppError::NotSignedIn(_) => {
            ("BER006", vec![text.of("signed-out-text"), text.of("lost-reply")])
        }
        AppError::Forged
        | AppError::Forbidden
        | AppError::InvalidField(_)
        | AppError::OtherBody => ("BER004", vec![text.of("csrf-text")]),
        AppError::NotFound | AppError::Misdirected => ("BER008", vec![text.of("error-404")]),
        AppError::TooMany(until) => {
            let wait = text.wait(calendar::seconds_until(visit.origin.now, until));
            ("BER008", vec![text.with("error-429", "wait", wait)])
        }
        AppError::TooManyMails(until) => {
            let until = text.near(until, visit.origin.now);
            ("BER001", vec![text.with("bmp001-too-many", "until", until)])
        }
        AppError::Overloaded => ("BER008", vec![text.of("error-503")]),
        AppError::Unsure => ("BER008", vec![text.of("error-unsure"), text.of("lost-reply")]),
        AppError::Internal(source) => {
            let reception = ReceptionNumber::generate(&*visit.app.random);
            let request = visit.origin.request_id.as_deref().unwrap_or_default();
            tracing::error!(request.id = request, reception = %reception, error = %source, "internal");
            let told = text.with("error-500", "reception", reception.as_str());
            ("BER009", vec![told, text.of("lost-reply")])
        }
    };
    frame.screen = screen;
    Ber { frame, paragraphs, links }
}

// Where to go, the likeliest first: path and label.
fn onward(
    error: &AppError,
    signed_in: bool,
    first: (&'static str, &'static str),
) -> Vec<(&'static str, &'static str)> {
    const TOP: (&str, &str) = ("/top", "frame-to-top");
    match error {
        _ if !signed_in => vec![("/login", "frame-to-login")],
        // Nothing is left to do where it began.
        AppError::Stale(Stale::Done) => vec![TOP, first],
        _ => vec![first, TOP],
    }
}

// The procedure of an address, as its button on the menu names it.
fn procedure(path: &str) -> &'static str {
    match path {
        path if path.starts_with("/password") => "bci001-password",
        path if path.starts_with("/address") => "bci001-address",
        path if path.starts_with("/otp/start") => "bop001-start",
        path if path.starts_with("/otp/release") => "bop001-release",
        _ => "bop001-issue",
    }
}

// Where what stands at this address is begun.
fn first_of(path: &str) -> (&'static str, &'static str) {
    if ["/customer", "/password", "/address"].iter().any(|start| path.starts_with(start)) {
        return ("/customer", "frame-to-customer");
    }
    ("/otp", "frame-to-otp")
}

fn issue_over(text: &Text, end: IssueEnd) -> String {
    match end {
        IssueEnd::StartPassword => text.of("over-start-password"),
        IssueEnd::SecondPhone => text.of("over-second-phone"),
        IssueEnd::Deadline => text.of("over-deadline"),
        IssueEnd::Reissued => text.of("over-reissued"),
        IssueEnd::Stopped => text.of("over-stopped"),
        IssueEnd::TakenBack => text.of("over-taken-back"),
    }
}
