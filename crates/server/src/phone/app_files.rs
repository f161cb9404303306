//! The installable app: its files as they stand in `phone-app/app`, the institution's values, and the
//! worker's list of them under one version.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    extract::{Path, Query},
    response::{Html, IntoResponse, Response},
};
use rust_embed::RustEmbed;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::{
    error::AppError,
    portal::assets::typed,
    text::{Lang, Text},
    web::visit::{Visit, see_other},
};

#[derive(RustEmbed)]
#[folder = "../../phone-app/app/"]
struct Files;

/// Texts of these prefixes go to the app.
const PREFIXES: &[&str] = &["app-", "guide-"];

#[derive(Template)]
#[template(path = "phone/guide.html")]
struct Guide {
    text: Text,
}

/// The guide: how to install the app; no entry field anywhere.
pub(super) async fn guide(
    visit: Visit,
    Query(query): Query<BTreeMap<String, String>>,
) -> Result<Response, AppError> {
    let lang = query.get("lang").and_then(|tag| Lang::from_tag(tag));
    let text = lang.map_or_else(|| visit.text.clone(), |lang| visit.text.in_lang(lang));
    Ok(Html(Guide { text }.render().map_err(AppError::internal)?).into_response())
}

pub(super) async fn to_app() -> Response {
    see_other("/app/")
}

pub(super) async fn index() -> Result<Response, AppError> {
    let page = Files::get("index.html").ok_or(AppError::NotFound)?;
    Ok(typed("index.html", page.data.into_owned(), "no-cache"))
}

/// The bank's colour for the guide; the app itself takes it from its configuration.
pub(super) async fn brand(visit: Visit) -> Response {
    let color = &visit.origin.institution.document.look.color;
    typed("brand.css", format!(":root{{--brand:{color}}}\n").into_bytes(), "no-cache")
}

/// What the app knows of the institution, and its words in both languages.
pub(super) async fn config(visit: Visit) -> Response {
    typed("config.json", config_of(&visit).into_bytes(), "no-cache")
}

fn config_of(visit: &Visit) -> String {
    let institution = &visit.origin.institution;
    let d = &institution.document;
    json!({
        "institution": {
            "id": institution.id,
            "service_id": d.service_id.as_str(),
            "name": {"ja": d.name.ja, "en": d.name.en},
            "color": d.look.color,
            "contact": {
                "name": {"ja": d.contact.name.ja, "en": d.contact.name.en},
                "phone": d.contact.phone,
                "hours": {"ja": d.contact.hours.ja, "en": d.contact.hours.en},
            },
        },
        "start_tries": d.policy.issue.start_password_tries,
        "texts": {
            "ja": institution.text(Lang::Ja).raw_messages(PREFIXES),
            "en": institution.text(Lang::En).raw_messages(PREFIXES),
        },
    })
    .to_string()
}

/// A file of the app.
pub(super) async fn file(visit: Visit, Path(path): Path<String>) -> Result<Response, AppError> {
    let file = Files::get(&path).ok_or(AppError::NotFound)?;
    let bytes = match path.as_str() {
        "sw.js" => worker(&visit, &file.data).into_bytes(),
        "manifest.webmanifest" => manifest(&visit, &file.data)?,
        _ => file.data.into_owned(),
    };
    Ok(typed(&path, bytes, "no-cache"))
}

// The app is installed under the bank's own name.
fn manifest(visit: &Visit, bytes: &[u8]) -> Result<Vec<u8>, AppError> {
    let mut manifest: serde_json::Value =
        serde_json::from_slice(bytes).map_err(AppError::internal)?;
    manifest["name"] = visit.text.in_lang(Lang::Ja).of("app-name").into();
    serde_json::to_vec(&manifest).map_err(AppError::internal)
}

// The worker keeps one complete version: a digest over every byte it will load.
fn worker(visit: &Visit, source: &[u8]) -> String {
    let config = config_of(visit);
    let mut digest = Sha256::new();
    let mut files = vec!["/app/".to_owned(), "/app/config.json".to_owned()];
    digest.update(&config);
    for path in Files::iter() {
        if let Some(file) = Files::get(&path) {
            digest.update(file.metadata.sha256_hash());
        }
        if path != "sw.js" && path != "index.html" {
            files.push(format!("/app/{path}"));
        }
    }
    let version =
        digest.finalize().iter().take(12).fold(String::new(), |v, b| format!("{v}{b:02x}"));
    let list = files.iter().map(|f| format!("\"{f}\"")).collect::<Vec<_>>().join(", ");
    String::from_utf8_lossy(source).replace("__VERSION__", &version).replace("\"__FILES__\"", &list)
}
