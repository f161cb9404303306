//! The installable app: its files as they stand in `phone-app/app`, the institution's values, and the
//! worker's list of them under one version.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    extract::Query,
    http::{HeaderMap, header},
    response::{Html, IntoResponse, Response},
};
use rust_embed::RustEmbed;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::{
    error::AppError,
    institutions::Institution,
    portal::assets::typed,
    text::{Lang, Text},
    web::{
        part::Part,
        visit::{Visit, see_other},
    },
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
    /// The browser to open it in instead, where another app shows it inside itself.
    in_app: Option<&'static str>,
}

/// Windows of other apps, where what is stored may vanish with theirs; the app knows the same list.
const IN_APP: [&str; 7] = ["Line/", "FBAN", "FBAV", "Instagram", "YJApp", "Twitter", "; wv)"];

fn in_app(headers: &HeaderMap) -> Option<&'static str> {
    let agent = headers.get(header::USER_AGENT)?.to_str().ok()?;
    let is_apple = ["iPhone", "iPad", "iPod"].iter().any(|word| agent.contains(word));
    let browser = if is_apple { "Safari" } else { "Chrome" };
    IN_APP.iter().any(|word| agent.contains(word)).then_some(browser)
}

/// The guide: how to install the app; no entry field anywhere.
pub(super) async fn guide(
    visit: Visit,
    headers: HeaderMap,
    Query(query): Query<BTreeMap<String, String>>,
) -> Result<Response, AppError> {
    let lang = query.get("lang").and_then(|tag| Lang::from_tag(tag));
    let text = lang.map_or_else(|| visit.text.clone(), |lang| visit.text.in_lang(lang));
    Ok(Html(Guide { text, in_app: in_app(&headers) }.render().map_err(AppError::internal)?)
        .into_response())
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
pub(super) async fn config(visit: Visit) -> Result<Response, AppError> {
    let composed = composed(&visit)?;
    Ok(typed("config.json", composed.config.clone(), "no-cache"))
}

/// A file of the app.
pub(super) async fn file(visit: Visit, Part(path): Part) -> Result<Response, AppError> {
    let bytes = match path.as_str() {
        "sw.js" => composed(&visit)?.worker.clone(),
        "manifest.webmanifest" => composed(&visit)?.manifest.clone(),
        _ => Files::get(&path).ok_or(AppError::NotFound)?.data.into_owned(),
    };
    Ok(typed(&path, bytes, "no-cache"))
}

/// The files that differ between institutions.
#[derive(Clone, Debug)]
pub(crate) struct Composed {
    config: Vec<u8>,
    manifest: Vec<u8>,
    worker: Vec<u8>,
}

impl Composed {
    fn of(institution: &Institution, portal: &str) -> Result<Self, AppError> {
        let config = config_of(institution, portal);
        let manifest = Files::get("manifest.webmanifest").ok_or(AppError::NotFound)?;
        let worker = Files::get("sw.js").ok_or(AppError::NotFound)?;
        Ok(Self {
            manifest: manifest_of(institution, &manifest.data)?,
            worker: worker_of(&config, &worker.data).into_bytes(),
            config: config.into_bytes(),
        })
    }
}

/// The institution's own files: composed when first asked for, kept with the institution as it was
/// loaded; a version that is applied is loaded anew.
fn composed(visit: &Visit) -> Result<&Composed, AppError> {
    let institution = &visit.origin.institution;
    let portal = visit.app.link(&institution.document.hosts.ib, "/otp");
    kept(institution, &portal)
}

fn kept<'a>(institution: &'a Institution, portal: &str) -> Result<&'a Composed, AppError> {
    if let Some(composed) = institution.app_files.get() {
        return Ok(composed);
    }
    let composed = Composed::of(institution, portal)?;
    Ok(institution.app_files.get_or_init(|| composed))
}

fn config_of(institution: &Institution, portal: &str) -> String {
    let d = &institution.document;
    json!({
        "institution": {
            "id": institution.id,
            "service_id": d.service_id.as_str(),
            "name": {"ja": d.name.ja, "en": d.name.en},
            "color": d.look.color,
            "portal": portal,
            "contact": {
                "name": {"ja": d.contact.name.ja, "en": d.contact.name.en},
                "phone": d.contact.phone,
                "hours": {"ja": d.contact.hours.ja, "en": d.contact.hours.en},
            },
            "emergency": {"phone": d.emergency.phone},
        },
        "zone": d.zone,
        "start_tries": d.policy.issue.start_password_tries,
        "expiry_notice_days": d.policy.token.expiry_notice.seconds() / 86_400,
        "texts": {
            "ja": institution.text(Lang::Ja).raw_messages(PREFIXES),
            "en": institution.text(Lang::En).raw_messages(PREFIXES),
        },
    })
    .to_string()
}

// The app is installed under the bank's own name, with the bank's own colour around it.
fn manifest_of(institution: &Institution, bytes: &[u8]) -> Result<Vec<u8>, AppError> {
    let mut manifest: serde_json::Value =
        serde_json::from_slice(bytes).map_err(AppError::internal)?;
    manifest["name"] = institution.text(Lang::Ja).of("app-name").into();
    manifest["theme_color"] = institution.document.look.color.as_str().into();
    serde_json::to_vec(&manifest).map_err(AppError::internal)
}

// The worker keeps one complete version: a digest over every byte it will load.
fn worker_of(config: &str, source: &[u8]) -> String {
    let mut digest = Sha256::new();
    let mut files = vec!["/app/".to_owned(), "/app/config.json".to_owned()];
    digest.update(config);
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

#[cfg(test)]
mod tests {
    use warifu_core::{ids::InstitutionId, random::Random, time::Millis};
    use warifu_store::{InstitutionRow, seal::Kek};

    use super::*;
    use crate::institutions::{document_mac, open};

    const DOCUMENT: &str = r##"
service_id = "10203040"
zone = "Pacific/Honolulu"
name = { ja = "みなと銀行", en = "Minato Bank" }
hosts = { ib = "ib.a.test", token = "token.a.test", console = "console.a.test", api = "api.a.test" }
contact = { phone = "0120-111-111", name = { ja = "窓口", en = "Desk" }, hours = { ja = "平日", en = "weekdays" } }
emergency = { phone = "0120-999-999", name = { ja = "緊急連絡先", en = "Emergency desk" } }
mail = { sender = "otp@bank-a.example", sender_name = { ja = "みなと銀行", en = "Minato Bank" } }
look = { color = "#0b5c50" }
policy.token.expiry_notice = "45d"
"##;

    const PORTAL: &str = "https://ib.a.test/otp";

    struct Sevens;

    impl Random for Sevens {
        fn fill(&self, out: &mut [u8]) {
            out.fill(7);
        }
    }

    /// The institution of a document, as the server loads it.
    fn loaded(version: i64, document: &str) -> Institution {
        let kek = Kek::new(1, [7; 32]);
        let id = InstitutionId::generate(Millis(0), &Sevens);
        let sealed = kek.new_data_key(&id.to_string(), 1, &Sevens).unwrap();
        let keys = kek.open_data_key(&id.to_string(), 1, &sealed).unwrap();
        let mac = document_mac(&keys, id, version, document);
        let service_id = "10203040".to_owned();
        let row = InstitutionRow { id, service_id, version, document: document.to_owned(), mac };
        open(&row, keys, None).unwrap()
    }

    fn config_in(composed: &Composed) -> serde_json::Value {
        serde_json::from_slice(&composed.config).unwrap()
    }

    #[test]
    fn the_app_is_told_the_zone_and_when_an_end_is_near() {
        let config = config_in(kept(&loaded(1, DOCUMENT), PORTAL).unwrap());
        assert_eq!(config["zone"], "Pacific/Honolulu");
        assert_eq!(config["institution"]["portal"], PORTAL);
        assert_eq!(config["expiry_notice_days"], 45);
    }

    #[test]
    fn an_institutions_files_are_composed_once_for_each_version() {
        let first = loaded(1, DOCUMENT);
        let composed_first = kept(&first, PORTAL).unwrap();
        assert!(std::ptr::eq(composed_first, kept(&first, PORTAL).unwrap()));

        let second = loaded(2, &DOCUMENT.replace("みなと銀行", "あけぼの銀行"));
        let composed_second = kept(&second, PORTAL).unwrap();
        assert_eq!(config_in(composed_second)["institution"]["name"]["ja"], "あけぼの銀行");
        assert_ne!(composed_first.worker, composed_second.worker, "the worker must take it up");
        assert_ne!(composed_first.manifest, composed_second.manifest);
    }
}
