//! Pages around a session: top page, menu, extension, language and text size.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::Query,
    response::{IntoResponse, Response},
};
use warifu_core::{time::Millis, token::State};

use super::{
    otp,
    pages::{Bci001, Bpt001, Extended, ShownEvent, TextSize},
    render,
};
use crate::{
    actions::{
        customers,
        progress::{self, MailProgress},
        sessions::{self, Level},
        top::{self, Top},
    },
    error::{AppError, SignedOut},
    text::Lang,
    web::{
        cookies,
        form::SignedForm,
        visit::{Signed, Visit, see_other, with_cookie},
    },
};

const YEAR: u32 = 365 * 86_400;

pub(super) async fn home() -> Response {
    see_other("/login")
}

/// BPT001.
pub(super) async fn top(signed: Signed) -> Result<Response, AppError> {
    let visit = &signed.visit;
    let (customer, lang) = (signed.customer.clone(), visit.text.lang());
    let Top { view, events, notices } = top::top(&visit.app, &visit.origin, customer, lang).await?;
    let hold = view.customer.hold_until.map(Millis).filter(|at| visit.origin.now < *at);
    render::page(&Bpt001 {
        frame: render::inside(&signed, "BPT001", "bpt001-title"),
        name: view.customer.name.clone(),
        last_login: view.customer.previous_login_at.map(Millis),
        state: otp::state(&view, visit.origin.now),
        hold_until: hold,
        notices,
        events: events.iter().filter_map(ShownEvent::of).collect(),
    })
}

/// BCI001.
pub(super) async fn customer(
    signed: Signed,
    Query(query): Query<BTreeMap<String, String>>,
) -> Result<Response, AppError> {
    let mut frame = render::inside(&signed, "BCI001", "bci001-title");
    if query.contains_key("language") {
        frame.notice = Some(signed.visit.text.of("bci001-language-done"));
        "/customer".clone_into(&mut frame.here);
    }
    let mails = Lang::from_tag(&signed.customer.locale).unwrap_or(Lang::Ja);
    render::page(&Bci001 { frame, mails })
}

/// BCI001, posted: the language of mails, and from here on that of the pages.
pub(super) async fn choose_language(
    SignedForm(signed, fields): SignedForm,
) -> Result<Response, AppError> {
    let visit = &signed.visit;
    let Some(lang) = Lang::from_tag(&fields.text("language")) else {
        return Err(AppError::Forged);
    };
    let origin = visit.origin.on("BCI001");
    customers::choose_language(&visit.app, &origin, &signed.session, lang).await?;
    let cookie = cookies::set(cookies::LANG, lang.tag(), Some(YEAR));
    Ok(with_cookie(see_other("/customer?language"), cookie))
}

/// What a page of this browser's session waits for; asking is no sign of life.
pub(super) async fn progress(
    visit: Visit,
    Query(query): Query<BTreeMap<String, String>>,
) -> Result<Response, AppError> {
    let (session, customer) = sessions::peek(&visit.app, &visit.origin, &visit.browser).await?;
    if session.level != Level::Full {
        return Err(AppError::NotSignedIn(SignedOut::PasscodeDue));
    }
    let procedure = query.get("procedure").and_then(|id| id.parse().ok());
    let id = customer.customer_id;
    let now = progress::progress(&visit.app, &visit.origin, id, procedure).await?;
    let phone = now.token.map(State::as_str);
    let mail = now.mail.map(MailProgress::word);
    Ok(Json(serde_json::json!({ "phone": phone, "mail": mail })).into_response())
}

/// Any request extends a session; this page is for those who only want that.
pub(super) async fn session(signed: Signed) -> Result<Response, AppError> {
    render::page(&Extended { frame: render::inside(&signed, "BPT001", "extended-title") })
}

/// Language and text size, kept in cookies; back to where the reader was.
pub(super) async fn display(
    _visit: Visit,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let value = |name: &str| query.get(name).map_or("", String::as_str);
    // Only a path of ours: `//host` and `/\host` lead elsewhere.
    let back = Some(value("back"))
        .filter(|b| b.starts_with('/') && !b.starts_with("//") && !b.contains('\\'))
        // Browsers drop tabs and line breaks: `/<tab>/host` would lead elsewhere too.
        .filter(|b| b.bytes().all(|c| c.is_ascii_graphic()))
        .unwrap_or("/login");
    let mut response = see_other(back);
    if let Some(lang) = Lang::from_tag(value("lang")) {
        response = with_cookie(response, cookies::set(cookies::LANG, lang.tag(), Some(YEAR)));
    }
    if let Some(size) = TextSize::from_name(value("text")) {
        response = with_cookie(response, cookies::set(cookies::TEXT, size.name(), Some(YEAR)));
    }
    response
}
