//! Institutions are made and changed as whole documents, each change a new version.

use std::sync::Arc;

use warifu_core::{
    audit::{Channel, Kind},
    ids::InstitutionId,
    institution::Institution as Document,
};
use warifu_store::{InstitutionRow, SealedKey, StoreError, Tx};

use crate::{
    app::App,
    error::AppError,
    institutions::{Institution, document_mac, open},
    origin::{Line, Origin},
};

/// Why a document was not taken; each line names its key.
#[derive(Debug)]
pub(crate) enum NotTaken {
    /// What is wrong with the document.
    Document(Vec<String>),
    /// Another institution has the service ID or one of the hosts.
    Taken,
    /// There is none with this service ID.
    Unknown,
    /// Something of ours failed.
    Failed(AppError),
}

impl std::fmt::Display for NotTaken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Document(lines) => {
                write!(f, "the document was not taken:\n  {}", lines.join("\n  "))
            }
            Self::Taken => f.write_str(
                "an institution has this service ID or one of these hosts, or it was changed at the \
                 same time: `institution apply` changes one that is there",
            ),
            Self::Unknown => f.write_str(
                "there is no institution with this service ID: use `institution create`",
            ),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl From<StoreError> for NotTaken {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict => Self::Taken,
            other => Self::Failed(other.into()),
        }
    }
}

impl From<AppError> for NotTaken {
    fn from(error: AppError) -> Self {
        Self::Failed(error)
    }
}

/// Reads and checks a document.
pub(crate) fn read(text: &str) -> Result<Document, NotTaken> {
    let document: Document =
        toml::from_str(text).map_err(|e| NotTaken::Document(vec![e.to_string()]))?;
    let mut wrong: Vec<String> = match document.check() {
        Ok(()) => Vec::new(),
        Err(errors) => errors.iter().map(ToString::to_string).collect(),
    };
    if jiff::tz::TimeZone::get(&document.zone).is_err() {
        wrong.push(format!("zone: there is no time zone {:?}", document.zone));
    }
    if wrong.is_empty() { Ok(document) } else { Err(NotTaken::Document(wrong)) }
}

/// Sets up a new institution with its own data key.
pub(crate) async fn create(app: &App, text: &str) -> Result<InstitutionId, NotTaken> {
    let document = read(text)?;
    let now = app.clock.now();
    let id = InstitutionId::generate(now, &*app.random);
    let sealed = app.kek.new_data_key(&id.to_string(), 1, &*app.random)?;
    let keys = app.kek.open_data_key(&id.to_string(), 1, &sealed)?;
    let row = InstitutionRow {
        mac: document_mac(&keys, id, 1, text),
        id,
        service_id: document.service_id.as_str().to_owned(),
        version: 1,
        document: text.to_owned(),
    };
    let mut tx = app.store.begin().await?;
    tx.insert_institution(&row, &SealedKey { key_id: 1, sealed }, now).await?;
    tx.set_hosts(id, &hosts(&document)).await?;
    note(
        app,
        &mut tx,
        Arc::new(open(&row, keys, app.settings.public_port)?),
        Kind::InstitutionCreated,
    )
    .await?;
    tx.commit().await?;
    app.reload_institutions().await?;
    Ok(id)
}

/// Replaces an institution's document by a newer version; gives its number.
pub(crate) async fn apply(app: &App, text: &str) -> Result<i64, NotTaken> {
    let document = read(text)?;
    let now = app.clock.now();
    let mut tx = app.store.begin().await?;
    let service = document.service_id.as_str();
    let old = tx.institutions().await?.into_iter().find(|i| i.service_id == service);
    let old = old.ok_or(NotTaken::Unknown)?;
    let present = app.institutions.by_id(old.id).ok_or(NotTaken::Unknown)?;
    let version = old.version + 1;
    let mac = document_mac(&present.keys, old.id, version, text);
    let row = InstitutionRow { version, document: text.to_owned(), mac, ..old };
    tx.update_institution(&row, now).await?;
    tx.set_hosts(row.id, &hosts(&document)).await?;
    let mut changed = Institution::clone(&present);
    changed.version = row.version;
    note(app, &mut tx, Arc::new(changed), Kind::InstitutionApplied).await?;
    tx.commit().await?;
    app.reload_institutions().await?;
    Ok(row.version)
}

fn hosts(document: &Document) -> [(&'static str, &str); 4] {
    let hosts = &document.hosts;
    [
        ("ib", hosts.ib.as_str()),
        ("token", hosts.token.as_str()),
        ("console", hosts.console.as_str()),
        ("api", hosts.api.as_str()),
    ]
}

async fn note(
    app: &App,
    tx: &mut Tx,
    institution: Arc<Institution>,
    kind: Kind,
) -> Result<(), NotTaken> {
    let version = institution.version;
    let origin = Origin::inside(institution, Channel::CommandLine, app.clock.now());
    let line = Line::ok(kind).after(serde_json::json!({ "version": version }));
    Ok(origin.record(tx, &*app.random, line).await?)
}
