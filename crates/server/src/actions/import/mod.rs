//! Customers from the bank's file: checked line by line, written all or none.

use std::{collections::BTreeSet, io::Read, sync::Arc};

use warifu_core::{
    audit::Kind,
    ids::{AddressId, CustomerId},
    random::{self, Random},
    text::MailAddress,
};
use warifu_store::{Address, Customer, Key, Tx, audit::AuditRow};

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
    let mut lines = hash_all(app, lines, |done| progress(done, count)).await?.into_iter();
    let mut tx = app.store.begin().await?;
    loop {
        let some = lines.by_ref().take(TOGETHER).collect::<Vec<_>>();
        if some.is_empty() {
            break;
        }
        // Without those that were registered while the passwords were hashed.
        let some = not_taken(&mut tx, origin, some, &mut imported.bad).await?;
        imported.taken += some.len();
        insert(app, origin, &mut tx, some).await?;
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
    imported.bad.sort_by_key(|bad| bad.line);
    Ok(imported)
}

/// Lines that are looked up or written together. A long look-up in one transaction would keep the database from
/// tidying up.
const TOGETHER: usize = 500;

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
    let count = lines.len();
    let mut new = Vec::with_capacity(count);
    let mut lines = lines.into_iter();
    loop {
        let some = lines.by_ref().take(TOGETHER).collect::<Vec<_>>();
        if some.is_empty() {
            break;
        }
        let mut tx = app.store.read().await?;
        new.extend(not_taken(&mut tx, origin, some, &mut imported.bad).await?);
        progress(count - lines.len(), count);
    }
    Ok(new)
}

// Leaves out whose number or login ID somebody has, and tells of them.
async fn not_taken(
    tx: &mut Tx,
    origin: &Origin,
    lines: Vec<Checked>,
    bad: &mut Vec<BadLine>,
) -> Result<Vec<Checked>, AppError> {
    let numbers: Vec<_> = lines.iter().map(|line| line.customer_number.as_str()).collect();
    let login_ids: Vec<_> = lines.iter().map(|line| line.login_id.as_str()).collect();
    let numbers = tx.taken(origin.institution.id, Key::CustomerNumber, &numbers).await?;
    let login_ids = tx.taken(origin.institution.id, Key::LoginId, &login_ids).await?;
    let mut new = Vec::with_capacity(lines.len());
    for line in lines {
        let taken = [
            ("customer_number", numbers.contains(&line.customer_number)),
            ("login_id", login_ids.contains(line.login_id.as_str())),
        ];
        let faults = taken.into_iter().filter(|(_, is_taken)| *is_taken);
        let before = bad.len();
        bad.extend(faults.map(|(column, _)| BadLine {
            line: line.line,
            reason: format!("{column}: a registered customer has it"),
        }));
        if bad.len() == before {
            new.push(line);
        }
    }
    Ok(new)
}

/// All that is written of a line.
struct New {
    customer: Customer,
    addresses: Vec<(CustomerId, Address)>,
    trail: AuditRow,
    scheme: Option<String>,
}

impl New {
    fn from(app: &App, origin: &Origin, line: Checked) -> Result<Self, AppError> {
        let institution = &origin.institution;
        let id = CustomerId::generate(origin.now, &*app.random);
        let (login_hash, confirmation_hash) = (line.login.hash()?, line.confirmation.hash()?);
        let mac = |column, hash: &str| {
            let spot = places::password(institution.id, id, column);
            institution.keys.mac(&spot.place(), hash.as_bytes())
        };
        let address =
            |address: &MailAddress| (id, registered(app, origin, id, address, line.confirmed_at));
        Ok(Self {
            addresses: line.addresses.iter().map(address).collect(),
            trail: origin.row(&*app.random, Line::ok(Kind::CustomerImported).of(id)),
            scheme: app.hasher.scheme(&login_hash).map(|Scheme(scheme)| scheme),
            customer: Customer {
                bucket: i64::from(id.bucket()),
                customer_id: id,
                institution_id: institution.id,
                customer_number: line.customer_number,
                login_id: line.login_id.as_str().to_owned(),
                name: line.name,
                name_kana: line.name_kana,
                birthday: line.birthday,
                locale: line.locale.tag().to_owned(),
                login_mac: mac("login_hash", &login_hash),
                login_hash,
                confirmation_mac: mac("confirmation_hash", &confirmation_hash),
                confirmation_hash,
                login_given: line.login_given,
                confirmation_given: line.confirmation_given,
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
            },
        })
    }
}

fn registered(
    app: &App,
    origin: &Origin,
    customer: CustomerId,
    address: &MailAddress,
    confirmed_at: Option<i64>,
) -> Address {
    let id = AddressId::generate(origin.now, &*app.random);
    let spot = places::address(origin.institution.id, customer, id.to_string());
    let address = address.as_typed().to_owned();
    Address {
        id,
        mac: origin.institution.keys.mac(&spot.place(), address.as_bytes()),
        address,
        registered_at: origin.now.0,
        confirmed_at,
        removed_at: None,
    }
}

async fn insert(
    app: &App,
    origin: &Origin,
    tx: &mut Tx,
    lines: Vec<Checked>,
) -> Result<(), AppError> {
    let institution = origin.institution.id;
    let (mut customers, mut addresses, mut trail) = (Vec::new(), Vec::new(), Vec::new());
    let mut schemes = BTreeSet::new();
    for line in lines {
        let new = New::from(app, origin, line)?;
        schemes.extend(new.scheme);
        customers.push(new.customer);
        addresses.extend(new.addresses);
        trail.push(new.trail);
    }
    for scheme in schemes {
        tx.add_password_scheme(institution, &scheme).await?;
    }
    let keys = customers.iter().flat_map(|customer| {
        let id = customer.customer_id;
        [
            (Key::LoginId, customer.login_id.as_str(), id, ""),
            (Key::CustomerNumber, customer.customer_number.as_str(), id, ""),
        ]
    });
    tx.reserve_all(institution, &keys.collect::<Vec<_>>(), origin.now).await?;
    tx.insert_customers(&customers).await?;
    tx.insert_addresses(&addresses).await?;
    Ok(tx.record_all(&trail).await?)
}
