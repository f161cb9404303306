//! The demo's mailbox and phone. Compiled in, but routed only for the demo's loopback socket.

use askama::Template;
use axum::{
    body::Bytes,
    extract::Query,
    http::{HeaderValue, header},
    response::{Html, IntoResponse, Response},
};
use serde::Deserialize;
use warifu_core::{
    audit::{Channel, Kind},
    ids::UserId,
    time::Millis,
};
use warifu_store::Key;

use super::{
    people::{PEOPLE, Until},
    seed::root_of,
};
use crate::{
    actions::{activate, again_on_conflict, commit},
    error::AppError,
    mail::transport::folder::read_folder,
    origin::Line,
    phone::keys::Jwk,
    portal::assets::typed,
    text::{Lang, Text},
    web::visit::{Visit, see_other},
};

/// The demo's own pages are on two hosts, which share no cookie: each link says the language.
#[derive(Deserialize)]
pub(super) struct Asked {
    lang: Option<String>,
}

impl Asked {
    fn text(&self, visit: &Visit) -> Text {
        let chosen = self.lang.as_deref().and_then(Lang::from_tag);
        chosen.map_or_else(|| visit.text.clone(), |lang| visit.text.in_lang(lang))
    }
}

/// The language that a page is not in, by its own name, and its tag.
struct Other {
    tag: &'static str,
    name: String,
}

impl Other {
    fn than(text: &Text) -> Self {
        let lang = match text.lang() {
            Lang::Ja => Lang::En,
            Lang::En => Lang::Ja,
        };
        Self { tag: lang.tag(), name: text.in_lang(lang).of("frame-language") }
    }
}

struct Letter {
    subject: String,
    to: String,
    at: String,
    body: String,
}

#[derive(Template)]
#[template(path = "demo/mailbox.html")]
struct Mailbox {
    text: Text,
    other: Other,
    letters: Vec<Letter>,
    waiting: i64,
    portal: String,
    phone: String,
}

/// The mails of everyone, newest first.
pub(super) async fn mailbox(
    visit: Visit,
    Query(asked): Query<Asked>,
) -> Result<Response, AppError> {
    let text = asked.text(&visit);
    let folder = visit.app.settings.demo.as_ref().ok_or(AppError::NotFound)?.dir.join("mail");
    let letters = read_folder(&folder)
        .into_iter()
        .map(|mail| Letter {
            subject: mail.subject,
            to: mail.to,
            at: text.moment(Millis(mail.date_ms)),
            body: mail.body,
        })
        .collect();
    let mut tx = visit.app.store.read().await?;
    let waiting = tx.mails_by_state().await?;
    let waiting = waiting.iter().filter(|(s, _)| s.is_waiting()).map(|(_, n)| n).sum();
    let page = Mailbox {
        other: Other::than(&text),
        letters,
        waiting,
        portal: portal(&visit, &text),
        phone: here(&visit, &text, "token", "/demo/phone"),
        text,
    };
    Ok(Html(page.render().map_err(AppError::internal)?).into_response())
}

struct Holder {
    name: String,
    state: String,
    user_id: String,
}

#[derive(Template)]
#[template(path = "demo/phone.html")]
struct Phone {
    text: Text,
    other: Other,
    service_id: String,
    holders: Vec<Holder>,
    portal: String,
    mailbox: String,
}

/// A phone for the seeded customers: sets their tokens up in this browser, as often as wanted.
pub(super) async fn phone(visit: Visit, Query(asked): Query<Asked>) -> Result<Response, AppError> {
    let text = asked.text(&visit);
    if visit.origin.channel != Channel::Phone {
        return Ok(see_other(&here(&visit, &text, "token", "/demo/phone")));
    }
    let mut holders = Vec::new();
    let mut tx = visit.app.store.read().await?;
    for person in PEOPLE.iter().filter(|p| p.until != Until::Fresh) {
        let found = tx.find(visit.origin.institution.id, Key::LoginId, person.login_id).await?;
        let Some(found) = found else { continue };
        for token in tx.living_tokens(found.customer_id).await? {
            let Some(issue) = tx.issue_of(found.customer_id, token.id).await? else {
                continue;
            };
            if token.root.is_some() {
                holders.push(Holder {
                    name: text.args(
                        "demo-holder",
                        &[
                            ("name", person.name.to_owned()),
                            ("login-id", person.login_id.to_owned()),
                        ],
                    ),
                    state: text.of(if token.started_at.is_some() {
                        "demo-in-use"
                    } else {
                        "demo-waiting"
                    }),
                    user_id: issue.user_id,
                });
            }
        }
    }
    let page = Phone {
        other: Other::than(&text),
        service_id: visit.origin.institution.document.service_id.as_str().to_owned(),
        holders,
        portal: portal(&visit, &text),
        mailbox: here(&visit, &text, "ib", "/demo/mailbox"),
        text,
    };
    Ok(Html(page.render().map_err(AppError::internal)?).into_response())
}

fn portal(visit: &Visit, text: &Text) -> String {
    let path = format!("/display?lang={}&back=/login", text.lang().tag());
    visit.app.link(&visit.origin.institution.document.hosts.ib, &path)
}

// The demo's own pages are on loopback, whatever name the bank is served under.
fn here(visit: &Visit, text: &Text, host: &str, path: &str) -> String {
    let port = visit.app.settings.demo.as_ref().map_or(80, |demo| demo.port);
    format!("http://{host}.localhost:{port}{path}?lang={}", text.lang().tag())
}

pub(super) async fn phone_script() -> Response {
    typed("phone.js", include_bytes!("phone.js").to_vec(), "no-store")
}

pub(super) async fn style() -> Response {
    typed("demo.css", include_bytes!("demo.css").to_vec(), "no-store")
}

#[derive(Deserialize)]
struct Body {
    user_id: String,
    ecdh_jwk: Jwk,
    ecdsa_jwk: Jwk,
}

/// Gives a seeded token's root to any browser that asks, and takes that browser for its phone from then
/// on: what no product may ever do.
pub(super) async fn activate(visit: Visit, body: Bytes) -> Result<Response, AppError> {
    let body: Body = serde_json::from_slice(&body).map_err(|_| AppError::Forbidden)?;
    let user_id = UserId::parse(&body.user_id).map_err(|_| AppError::Forbidden)?;
    let json = again_on_conflict(|| hand_out(&visit, &body, &user_id)).await?;
    let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    Ok((kind, json).into_response())
}

async fn hand_out(visit: &Visit, body: &Body, user_id: &UserId) -> Result<String, AppError> {
    let (app, origin) = (&visit.app, &visit.origin);
    let mut tx = app.store.begin().await?;
    for person in PEOPLE.iter().filter(|p| p.until != Until::Fresh) {
        let found = tx.find(origin.institution.id, Key::LoginId, person.login_id).await?;
        let Some(id) = found.map(|found| found.customer_id) else { continue };
        for mut token in tx.living_tokens(id).await? {
            let Some(issue) = tx.issue_of(id, token.id).await? else { continue };
            if issue.user_id != user_id.as_str() {
                continue;
            }
            let root = root_of(origin, &token, id)?;
            activate::bind(origin, id, &mut token, &body.ecdsa_jwk)?;
            tx.save_token(id, &token).await?;
            let line = Line::ok(Kind::ActivationRepeated).of(id).token(token.id);
            origin.record(&mut tx, &*app.random, line).await?;
            let to = activate::Recipient { user_id, ecdh: &body.ecdh_jwk, ecdsa: &body.ecdsa_jwk };
            let activation = issue.activation_id.clone().unwrap_or_default();
            let reply = activate::reply(app, origin, &to, (&issue, &token), &activation, &root)?;
            commit(app, tx).await?;
            return serde_json::to_string(&reply).map_err(AppError::internal);
        }
    }
    Err(AppError::Forbidden)
}
