//! Pages around a session: top page, menu, extension, language and text size.

use std::collections::BTreeMap;

use axum::{extract::Query, response::Response};
use warifu_core::time::Millis;

use super::{
    otp,
    pages::{Bci001, Bpt001, Extended, TextSize},
    render,
};
use crate::{
    actions::overview,
    error::AppError,
    text::Lang,
    web::{
        cookies,
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
    let view = overview::overview(&visit.app, &visit.origin, signed.customer.customer_id).await?;
    let hold = view.customer.hold_until.map(Millis).filter(|at| visit.origin.now < *at);
    render::page(&Bpt001 {
        frame: render::inside(&signed, "BPT001", "bpt001-title"),
        name: view.customer.name.clone(),
        last_login: view.customer.previous_login_at.map(Millis),
        state: otp::state(&view, visit.origin.now),
        hold_until: hold,
    })
}

/// BCI001.
pub(super) async fn customer(signed: Signed) -> Result<Response, AppError> {
    render::page(&Bci001 { frame: render::inside(&signed, "BCI001", "bci001-title") })
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
