//! Institutions as the running server knows them: by host, with opened keys and texts.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock, PoisonError, RwLock},
};

use jiff::tz::TimeZone;
use warifu_core::{ids::InstitutionId, institution, policy::Policy};
use warifu_store::{
    InstitutionRow, SealedKey, Store, StoreError,
    seal::{Kek, Keys},
};

use crate::{
    actions::places,
    phone::app_files::Composed,
    text::{Both, Facts, Lang, Numbers, Text},
};

/// Which of an institution's hosts a request came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum HostKind {
    /// Customers' pages.
    Ib,
    /// Phone app.
    Token,
    /// Staff console.
    Console,
    /// The bank's API.
    Api,
}

/// One institution, ready to serve.
#[derive(Clone, Debug)]
pub(crate) struct Institution {
    pub(crate) id: InstitutionId,
    pub(crate) version: i64,
    pub(crate) document: institution::Institution,
    pub(crate) keys: Arc<Keys>,
    facts: Arc<Facts>,
    /// The app's files of this bank, once they were asked for.
    pub(crate) app_files: OnceLock<Composed>,
}

impl Institution {
    pub(crate) fn text(&self, lang: Lang) -> Text {
        Text::new(lang, Arc::clone(&self.facts))
    }

    pub(crate) fn policy(&self) -> &Policy {
        &self.document.policy
    }

    pub(crate) fn zone(&self) -> &TimeZone {
        &self.facts.zone
    }
}

/// All institutions of the installation, looked up by host; reloaded when a version changes.
#[derive(Debug)]
pub(crate) struct Institutions {
    now: RwLock<Arc<Loaded>>,
    /// The port that people must type, where it is not the scheme's own.
    port: Option<u16>,
}

#[derive(Debug, Default)]
struct Loaded {
    version: i64,
    all: Vec<Arc<Institution>>,
    /// How many could not be opened.
    refused: usize,
    hosts: BTreeMap<String, (HostKind, Arc<Institution>)>,
}

impl Institutions {
    /// None yet; whoever is served under a port of its own says so in texts.
    pub(crate) fn new(port: Option<u16>) -> Self {
        Self { now: RwLock::default(), port }
    }

    /// The institution that a host belongs to.
    pub(crate) fn by_host(&self, host: &str) -> Option<(HostKind, Arc<Institution>)> {
        self.loaded().hosts.get(host).cloned()
    }

    pub(crate) fn by_id(&self, id: InstitutionId) -> Option<Arc<Institution>> {
        self.loaded().all.iter().find(|i| i.id == id).cloned()
    }

    pub(crate) fn all(&self) -> Vec<Arc<Institution>> {
        self.loaded().all.clone()
    }

    /// How many institutions of the database could not be opened when they were read last.
    pub(crate) fn refused(&self) -> usize {
        self.loaded().refused
    }

    fn loaded(&self) -> Arc<Loaded> {
        // A poisoned lock only means that a reader panicked; the pointer in it is whole.
        Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads all institutions again if any was made or changed.
    pub(crate) async fn reload(&self, store: &Store, kek: &Kek) -> Result<(), StoreError> {
        let mut tx = store.read().await?;
        let version = tx.institutions_version().await?;
        if version == self.loaded().version {
            return Ok(());
        }
        let mut loaded = Loaded { version, ..Loaded::default() };
        for row in tx.institutions().await? {
            let keys = tx.data_keys(row.id).await?;
            // A document that is not the one that was applied changes nothing: what is known stays.
            let institution = match unseal(&row, &keys, kek, self.port) {
                Ok(institution) => Arc::new(institution),
                Err(error) => {
                    tracing::error!(institution = %row.id, %error, "institution refused");
                    loaded.refused += 1;
                    match self.by_id(row.id) {
                        Some(present) => present,
                        None => continue,
                    }
                }
            };
            loaded.take(institution);
        }
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(loaded);
        Ok(())
    }
}

impl Loaded {
    fn take(&mut self, institution: Arc<Institution>) {
        let hosts = &institution.document.hosts;
        for (kind, host) in [
            (HostKind::Ib, &hosts.ib),
            (HostKind::Token, &hosts.token),
            (HostKind::Console, &hosts.console),
            (HostKind::Api, &hosts.api),
        ] {
            self.hosts.insert(host.clone(), (kind, Arc::clone(&institution)));
        }
        self.all.push(institution);
    }
}

fn unseal(
    row: &InstitutionRow,
    keys: &[SealedKey],
    kek: &Kek,
    port: Option<u16>,
) -> Result<Institution, StoreError> {
    let key = keys.last().ok_or_else(|| StoreError::Corrupt("no data key".to_owned()))?;
    let key_id = u32::try_from(key.key_id).unwrap_or(0);
    let keys = kek.open_data_key(&row.id.to_string(), key_id, &key.sealed)?;
    open(row, keys, port)
}

/// What binds a document to its institution and version.
pub(crate) fn document_mac(
    keys: &Keys,
    id: InstitutionId,
    version: i64,
    document: &str,
) -> Vec<u8> {
    let spot = places::document(id, version);
    keys.mac(&spot.place(), document.as_bytes())
}

/// Makes an institution of its row and opened keys; texts name its hosts with the port, if any.
pub(crate) fn open(
    row: &InstitutionRow,
    keys: Keys,
    port: Option<u16>,
) -> Result<Institution, StoreError> {
    let corrupt = |what: String| StoreError::Corrupt(format!("institution {}: {what}", row.id));
    let spot = places::document(row.id, row.version);
    if !keys.fits(&spot.place(), row.document.as_bytes(), &row.mac) {
        return Err(corrupt("its document is not the one that was applied".to_owned()));
    }
    let document: institution::Institution =
        toml::from_str(&row.document).map_err(|e| corrupt(e.to_string()))?;
    document.check().map_err(|wrong| corrupt(format!("{wrong:?}")))?;
    let zone = TimeZone::get(&document.zone).map_err(|e| corrupt(e.to_string()))?;
    let facts = Arc::new(facts(&document, zone, port));
    Ok(Institution {
        id: row.id,
        version: row.version,
        document,
        keys: Arc::new(keys),
        facts,
        app_files: OnceLock::new(),
    })
}

fn facts(d: &institution::Institution, zone: TimeZone, port: Option<u16>) -> Facts {
    let typed = |host: &str| port.map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let both = |b: &institution::Bilingual| Both { ja: b.ja.clone(), en: b.en.clone() };
    let p = &d.policy;
    let minutes = |seconds: u32| seconds / 60;
    Facts {
        zone,
        bank: both(&d.name),
        contact: both(&d.contact.name),
        phone: d.contact.phone.clone(),
        hours: both(&d.contact.hours),
        emergency: both(&d.emergency.name),
        emergency_phone: d.emergency.phone.clone(),
        sender: d.mail.sender.clone(),
        sender_domain: d.mail.sender.rsplit('@').next().unwrap_or_default().to_owned(),
        ib_host: typed(&d.hosts.ib),
        token_host: typed(&d.hosts.token),
        lock_for: p.passcode.lock_for,
        wait_after_release: p.issue.wait_after_release,
        hold_for: p.hold.span,
        numbers: Numbers {
            passcode_digits: p.passcode.digits,
            passcode_period: p.passcode.period.seconds(),
            lock_after: p.passcode.lock_after,
            stop_after: p.passcode.stop_after,
            mail_digits: p.mail_password.digits,
            mail_minutes: minutes(p.mail_password.valid.seconds()),
            mail_tries: p.mail_password.tries,
            address_days: p.issue.address_age.seconds() / 86_400,
            session_minutes: minutes(p.session.idle.seconds()),
            warning_minutes: minutes(p.session.warning.seconds()),
            activate_hours: p.issue.activate_within.seconds() / 3_600,
            start_tries: p.issue.start_password_tries,
            confirm_tries: p.confirmation.lock_after,
            password_least: p.password.min_length,
            password_most: p.password.max_length,
        },
    }
}
