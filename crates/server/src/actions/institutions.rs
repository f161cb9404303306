//! Institutions are made and changed as whole documents, each change a new version.

use warifu_core::{
    audit::{Channel, Kind},
    ids::InstitutionId,
    institution::Institution as Document,
};
use warifu_store::{InstitutionRow, SealedKey, StoreError};

use crate::{
    app::App,
    error::AppError,
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
    let row = InstitutionRow {
        id,
        service_id: document.service_id.as_str().to_owned(),
        version: 1,
        document: text.to_owned(),
    };
    let mut tx = app.store.begin().await?;
    tx.insert_institution(&row, &SealedKey { key_id: 1, sealed }, now).await?;
    tx.set_hosts(id, &hosts(&document)).await?;
    tx.commit().await?;
    app.reload_institutions().await?;
    note(app, id, Kind::InstitutionCreated, 1).await?;
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
    let row = InstitutionRow { version: old.version + 1, document: text.to_owned(), ..old };
    tx.update_institution(&row, now).await?;
    tx.set_hosts(row.id, &hosts(&document)).await?;
    tx.commit().await?;
    app.reload_institutions().await?;
    note(app, row.id, Kind::InstitutionApplied, row.version).await?;
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

async fn note(app: &App, id: InstitutionId, kind: Kind, version: i64) -> Result<(), NotTaken> {
    let institution = app.institutions.by_id(id).ok_or(NotTaken::Unknown)?;
    let origin = Origin::inside(institution, Channel::CommandLine, app.clock.now());
    let mut tx = app.store.begin().await?;
    let line = Line::ok(kind).after(serde_json::json!({ "version": version }));
    origin.record(&mut tx, &*app.random, line).await?;
    tx.commit().await?;
    Ok(())
}
