//! A request as handlers see it: whose host, which language, who asks; with or without a session.

use std::sync::Arc;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderValue, Uri, header, request::Parts},
    response::{IntoResponse, Response},
};
use warifu_core::{audit::ActorKind, random};
use warifu_store::{Customer, Session};

use super::{
    cookies::{self, BrowserSecret, DeviceSecret},
    csrf,
};
use crate::{
    actions::{
        password,
        sessions::{self, Level},
    },
    app::App,
    error::{AppError, SignedOut},
    origin::Origin,
    portal::pages::TextSize,
    text::{Lang, Text},
};

/// A request to one of an institution's hosts.
#[derive(Clone, Debug)]
pub(crate) struct Visit {
    pub(crate) app: App,
    pub(crate) origin: Origin,
    pub(crate) text: Text,
    pub(crate) text_size: TextSize,
    /// It came over the demo's own loopback socket, where mailbox and phone are.
    pub(crate) is_demo: bool,
    /// Path and query, to come back to.
    pub(crate) here: String,
    pub(crate) browser: Arc<BrowserSecret>,
    /// The browser came without a secret and was given this one.
    pub(crate) is_new: bool,
    pub(crate) device: Arc<DeviceSecret>,
}

impl Visit {
    /// Reads what every request brings.
    pub(crate) fn new(app: &App, origin: Origin, headers: &HeaderMap, uri: &Uri) -> Self {
        let given = cookies::browser(headers);
        let is_new = given.is_none();
        let browser = given.unwrap_or_else(|| BrowserSecret::fresh(random::bytes(&*app.random)));
        let device = cookies::device(headers)
            .unwrap_or_else(|| DeviceSecret::fresh(random::bytes(&*app.random)));
        let text_size = cookies::value(headers, cookies::TEXT)
            .and_then(TextSize::from_name)
            .unwrap_or(TextSize::Standard);
        let text = origin.institution.text(language(headers));
        Self {
            app: app.clone(),
            origin,
            text,
            text_size,
            is_demo: false,
            here: uri.path_and_query().map_or("/", |p| p.as_str()).to_owned(),
            browser: Arc::new(browser),
            is_new,
            device: Arc::new(device),
        }
    }

    /// Reads the clock again: a body, or a turn, may have been long in coming, and nothing may be
    /// decided by the time at which its headers came.
    pub(crate) fn catch_up(&mut self) {
        self.origin.now = self.app.clock.now();
    }

    /// Whether this address, or one below it, is asked for.
    fn is_under(&self, path: &str) -> bool {
        let rest = self.here.strip_prefix(path);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
    }

    /// A new secret for this browser. A browser keeps pages, even those that may not be stored, for its back
    /// button as long as its cookies are the same: what a session has shown must not come back after it.
    pub(crate) fn fresh_browser(&self) -> BrowserSecret {
        BrowserSecret::fresh(random::bytes(&*self.app.random))
    }

    /// A CSRF token for a page of this visit.
    pub(crate) fn csrf(&self) -> String {
        csrf::token(&self.origin.institution, &self.browser, &*self.app.random)
    }
}

impl<S: Sync> FromRequestParts<S> for Visit {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, AppError> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or_else(|| AppError::internal("a handler outside of the hosts"))
    }
}

/// A visit of a customer who is fully logged in.
#[derive(Clone, Debug)]
pub(crate) struct Signed {
    pub(crate) visit: Visit,
    pub(crate) session: Session,
    pub(crate) customer: Customer,
}

impl<S: Sync> FromRequestParts<S> for Signed {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, AppError> {
        let half = HalfSigned::from_request_parts(parts, state).await?;
        if half.level != Level::Full {
            return Err(AppError::NotSignedIn(SignedOut::PasscodeDue));
        }
        let signed = half.signed;
        // A password that the bank has given is changed before anything else.
        let due = password::due(&signed.visit.origin, &signed.customer);
        let may = ["/password", "/logout", "/session"];
        if !due.is_empty() && !may.iter().any(|path| signed.visit.is_under(path)) {
            return Err(AppError::MovedOn("/password".to_owned()));
        }
        Ok(signed)
    }
}

/// A visit of someone who has proved the login password, and perhaps more.
#[derive(Clone, Debug)]
pub(crate) struct HalfSigned {
    pub(crate) signed: Signed,
    pub(crate) level: Level,
}

impl<S: Sync> FromRequestParts<S> for HalfSigned {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, AppError> {
        let mut visit = Visit::from_request_parts(parts, state).await?;
        let (session, customer) = sessions::find(&visit.app, &visit.origin, &visit.browser).await?;
        visit.origin.actor = (ActorKind::Customer, customer.customer_id.to_string());
        visit.origin.correlation = Some(session.id.to_string());
        let level = session.level;
        Ok(Self { signed: Signed { visit, session, customer }, level })
    }
}

fn language(headers: &HeaderMap) -> Lang {
    if let Some(chosen) = cookies::value(headers, cookies::LANG).and_then(Lang::from_tag) {
        return chosen;
    }
    // Japanese unless the browser speaks English and no Japanese at all.
    let accepts = headers.get(header::ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok());
    let accepts = accepts.unwrap_or_default().to_ascii_lowercase();
    let speaks = |tag: &str| accepts.split(',').any(|part| part.trim().starts_with(tag));
    if speaks("en") && !speaks("ja") { Lang::En } else { Lang::Ja }
}

/// What kind of device calls, in words a customer recognises; never the whole header.
pub(crate) fn device_kind(headers: &HeaderMap) -> String {
    let agent = headers.get(header::USER_AGENT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let has = |word: &str| agent.contains(word);
    let machine = if has("iPhone") {
        "iPhone"
    } else if has("iPad") {
        "iPad"
    } else if has("Android") {
        "Android"
    } else if has("Windows") {
        "Windows"
    } else if has("Macintosh") {
        "Mac"
    } else if has("Linux") {
        "Linux"
    } else {
        "―"
    };
    let browser = if has("Edg") {
        "Edge"
    } else if has("Firefox") || has("FxiOS") {
        "Firefox"
    } else if has("Chrome") || has("CriOS") {
        "Chrome"
    } else if has("Safari") {
        "Safari"
    } else {
        return machine.to_owned();
    };
    format!("{machine}（{browser}）")
}

/// 303 to a page of ours.
pub(crate) fn see_other(path: &str) -> Response {
    let location = HeaderValue::try_from(path).unwrap_or_else(|_| HeaderValue::from_static("/"));
    (axum::http::StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response()
}

/// Adds a cookie to an answer.
pub(crate) fn with_cookie(mut response: Response, cookie: HeaderValue) -> Response {
    response.headers_mut().append(header::SET_COOKIE, cookie);
    response
}
