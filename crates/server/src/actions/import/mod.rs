//! Customers from the bank's file: checked line by line, written all or none.

use std::{collections::BTreeSet, io::Read, sync::Arc};

use warifu_core::{
    audit::Kind,
    ids::{AddressId, CustomerId},
    random::{self, Random},
    text::MailAddress,
};
use warifu_store::{Address, Customer, Key, Tx};

use super::places;
use crate::{
    app::App,
    error::AppError,
    hasher::{Hasher, Scheme},
    origin::{Line, Origin},
};
use lines::{Checked, Password, check_all};

mod lines;

/// A line that was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BadLine {
    /// Line of the file, from 1.
    pub(crate) line: u64,
    /// Column and reason; never what the column held.
    pub(crate) reason: String,
}

/// What an import did.
#[derive(Debug, Default)]
pub(crate) struct Imported {
    pub(crate) taken: usize,
    /// Each fault; a line may have several.
    pub(crate) bad: Vec<BadLine>,
}

impl Imported {
    /// Whether nothing is written: a line is bad and may not be skipped, or the head is, and no line can be
    /// read.
    pub(crate) fn is_refused(&self, skip_bad: bool) -> bool {
        self.bad.iter().any(|bad| !skip_bad || bad.line == 1)
    }

    /// How many lines were not taken.
    pub(crate) fn lines_left_out(&self) -> usize {
        self.bad.iter().map(|bad| bad.line).collect::<BTreeSet<_>>().len()
    }
}

impl Password {
    async fn hashed(self, hasher: &Hasher, random: &dyn Random) -> Result<Self, AppError> {
        Ok(match self {
            Self::Plain(plain) => Self::Hashed(hasher.hash(plain, random::bytes(random)).await?),
            done @ Self::Hashed(_) => done,
        })
    }

    fn hash(self) -> Result<String, AppError> {
        match self {
            Self::Hashed(hash) => Ok(hash),
            Self::Plain(_) => Err(AppError::internal("a password was not hashed")),
        }
    }
}

/// Imports customers. Without `skip_bad` one bad line means that nothing is written.
pub(crate) async fn import(
    app: &App,
    origin: &Origin,
    file: impl Read,
    skip_bad: bool,
    mut progress: impl FnMut(usize, usize),
) -> Result<Imported, AppError> {
    let (lines, bad) = check_all((origin, &app.hasher), file);
    let mut imported = Imported { taken: 0, bad };
    // Told before the hashing, which takes long, and together with the faults that are known by now. Where neither
    // is, each line is looked up when it is written, as all are.
    let hashes = lines.iter().any(|line| line.login_given || line.confirmation_given);
    let lines = if hashes || imported.is_refused(skip_bad) {
        new_ones(app, origin, lines, &mut imported, &mut progress).await?
    } else {
        lines
    };
    imported.bad.sort_by_key(|bad| bad.line);
    if imported.is_refused(skip_bad) {
        return Ok(imported);
    }
    // All hashing before the transaction: on SQLite it keeps everyone else from writing.
    let count = lines.len();
    let lines = hash_all(app, lines, |done| progress(done, count)).await?;
    let mut tx = app.store.begin().await?;
    for line in lines {
        // Who was registered while the passwords were hashed.
        let faults = taken(&mut tx, origin, &line).await?;
        if !faults.is_empty() {
            imported.bad.extend(faults);
            continue;
        }
        if let Password::Hashed(hash) = &line.login
            && let Some(Scheme(scheme)) = app.hasher.scheme(hash)
        {
            tx.add_password_scheme(origin.institution.id, &scheme).await?;
        }
        insert(app, origin, &mut tx, line).await?;
        imported.taken += 1;
        progress(imported.taken, count);
    }
    if imported.is_refused(skip_bad) {
        imported.taken = 0;
        return Ok(imported);
    }
    if tx.password_schemes(origin.institution.id).await?.len() > MOST_SCHEMES {
        let reason = format!("login_password_hash: at most {MOST_SCHEMES} schemes beside our own");
        return Ok(Imported { taken: 0, bad: vec![BadLine { line: 1, reason }] });
    }
    tx.commit().await?;
    Ok(imported)
}

/// Each one is computed at every login of the institution.
const MOST_SCHEMES: usize = 2;

// Replaces plain passwords by their hashes, a few lines at a time.
async fn hash_all(
    app: &App,
    lines: Vec<Checked>,
    mut progress: impl FnMut(usize),
) -> Result<Vec<Checked>, AppError> {
    const AT_ONCE: usize = 8;
    let mut ready = Vec::with_capacity(lines.len());
    let mut lines = lines.into_iter();
    loop {
        let mut batch = tokio::task::JoinSet::new();
        for line in lines.by_ref().take(AT_ONCE) {
            let (hasher, random) = (app.hasher.clone(), Arc::clone(&app.random));
            batch.spawn(async move {
                let login = line.login.hashed(&hasher, &*random).await?;
                let confirmation = line.confirmation.hashed(&hasher, &*random).await?;
                Ok::<_, AppError>(Checked { login, confirmation, ..line })
            });
        }
        if batch.is_empty() {
            break;
        }
        for line in batch.join_all().await {
            ready.push(line?);
        }
        progress(ready.len());
    }
    ready.sort_by_key(|line| line.line);
    Ok(ready)
}

// The lines whose customers nobody is yet.
async fn new_ones(
    app: &App,
    origin: &Origin,
    lines: Vec<Checked>,
    imported: &mut Imported,
    progress: &mut impl FnMut(usize, usize),
) -> Result<Vec<Checked>, AppError> {
    /// Lines that are looked up in one transaction: a long one keeps the database from tidying up.
    const TOGETHER: usize = 500;
    let count = lines.len();
    let mut tx = app.store.read().await?;
    let mut new = Vec::with_capacity(count);
    for (done, line) in lines.into_iter().enumerate() {
        if done % TOGETHER == TOGETHER - 1 {
            progress(done, count);
            drop(tx);
            tx = app.store.read().await?;
        }
        let faults = taken(&mut tx, origin, &line).await?;
        if faults.is_empty() {
            new.push(line);
        } else {
            imported.bad.extend(faults);
        }
    }
    Ok(new)
}

async fn taken(tx: &mut Tx, origin: &Origin, line: &Checked) -> Result<Vec<BadLine>, AppError> {
    let keys = [
        ("customer_number", Key::CustomerNumber, line.customer_number.as_str()),
        ("login_id", Key::LoginId, line.login_id.as_str()),
    ];
    let mut faults = Vec::new();
    for (column, key, wanted) in keys {
        if tx.find(origin.institution.id, key, wanted).await?.is_some() {
            let reason = format!("{column}: a registered customer has it");
            faults.push(BadLine { line: line.line, reason });
        }
    }
    Ok(faults)
}

async fn insert(app: &App, origin: &Origin, tx: &mut Tx, line: Checked) -> Result<(), AppError> {
    let institution = &origin.institution;
    let id = CustomerId::generate(origin.now, &*app.random);
    let (login_given, confirmation_given) = (line.login_given, line.confirmation_given);
    let (login_hash, confirmation_hash) = (line.login.hash()?, line.confirmation.hash()?);
    let mac = |column, hash: &str| {
        let spot = places::password(institution.id, id, column);
        institution.keys.mac(&spot.place(), hash.as_bytes())
    };
    let login_id = line.login_id.as_str().to_owned();
    tx.reserve(institution.id, Key::LoginId, &login_id, id, "", origin.now).await?;
    tx.reserve(institution.id, Key::CustomerNumber, &line.customer_number, id, "", origin.now)
        .await?;
    tx.insert_customer(&Customer {
        bucket: i64::from(id.bucket()),
        customer_id: id,
        institution_id: institution.id,
        customer_number: line.customer_number,
        login_id,
        name: line.name,
        name_kana: line.name_kana,
        birthday: line.birthday,
        locale: line.locale.tag().to_owned(),
        login_mac: mac("login_hash", &login_hash),
        login_hash,
        confirmation_mac: mac("confirmation_hash", &confirmation_hash),
        confirmation_hash,
        login_given,
        confirmation_given,
        otp_required: false,
        hold_until: None,
        issue_from: None,
        suspended_at: None,
        stopped_by: None,
        stop_reception: None,
        last_login_at: None,
        previous_login_at: None,
        created_at: origin.now.0,
        version: 1,
    })
    .await?;
    for address in &line.addresses {
        register(app, origin, tx, id, address, line.confirmed_at).await?;
    }
    origin.record(tx, &*app.random, Line::ok(Kind::CustomerImported).of(id)).await?;
    Ok(())
}

async fn register(
    app: &App,
    origin: &Origin,
    tx: &mut Tx,
    customer: CustomerId,
    address: &MailAddress,
    confirmed_at: Option<i64>,
) -> Result<(), AppError> {
    let id = AddressId::generate(origin.now, &*app.random);
    let spot = places::address(origin.institution.id, customer, id.to_string());
    let text = address.as_typed().to_owned();
    tx.insert_address(
        customer,
        &Address {
            id,
            mac: origin.institution.keys.mac(&spot.place(), text.as_bytes()),
            address: text,
            registered_at: origin.now.0,
            confirmed_at,
            removed_at: None,
        },
    )
    .await?;
    Ok(())
}
