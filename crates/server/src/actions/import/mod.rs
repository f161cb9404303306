//! Customers from the bank's file: checked line by line, written all or none.

use std::{collections::BTreeSet, io::Read, sync::Arc};

use serde::Deserialize;
use warifu_core::{
    audit::Kind,
    ids::{AddressId, CustomerId, LoginId},
    issue::Birthday,
    random::{self, Random},
    secret::SecretText,
    text::{MailAddress, MailRules, check_static_password, is_readable_line, nfkc},
};
use warifu_store::{Address, Customer, Key, Tx};

use super::{address::MOST, places};
use crate::{
    app::App,
    calendar,
    error::AppError,
    hasher::{Hasher, Scheme},
    origin::{Line, Origin},
    text::Lang,
};

/// A line of the file as the bank writes it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    customer_number: String,
    login_id: String,
    name: String,
    #[serde(default)]
    name_kana: String,
    #[serde(default)]
    birthday: String,
    #[serde(default)]
    locale: String,
    #[serde(default)]
    notice_addresses: String,
    #[serde(default)]
    addresses_confirmed_at: String,
    #[serde(default)]
    login_password: String,
    #[serde(default)]
    login_password_hash: String,
    #[serde(default)]
    confirmation_password: String,
    #[serde(default)]
    confirmation_password_hash: String,
}

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
    pub(crate) bad: Vec<BadLine>,
}

/// A line that has passed every check.
struct Checked {
    line: u64,
    customer_number: String,
    login_id: LoginId,
    name: String,
    name_kana: String,
    birthday: String,
    locale: Lang,
    addresses: Vec<MailAddress>,
    confirmed_at: Option<i64>,
    login: Password,
    /// The bank knows it: the customer is to change it.
    login_given: bool,
    confirmation: Password,
    confirmation_given: bool,
}

enum Password {
    Plain(SecretText),
    Hashed(String),
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
    let (lines, mut bad) = check_all((origin, &app.hasher), file);
    let mut imported = Imported::default();
    if !bad.is_empty() && !skip_bad {
        imported.bad = bad;
        return Ok(imported);
    }
    // All hashing before the transaction: on SQLite it keeps everyone else from writing.
    let count = lines.len();
    let lines = hash_all(app, lines, |done| progress(done, count)).await?;
    let mut tx = app.store.begin().await?;
    for line in lines {
        let number = line.line;
        if taken(&mut tx, origin, &line).await? {
            bad.push(BadLine {
                line: number,
                reason: "customer_number or login_id: another customer has it".to_owned(),
            });
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
    imported.bad = bad;
    if !imported.bad.is_empty() && !skip_bad {
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

// The reader counts lines that end in CR LF from the wrong end.
fn unix_lines(mut file: impl Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let ends_line = |at: usize| bytes.get(at + 1) == Some(&b'\n');
    let kept = bytes.iter().enumerate().filter(|(at, byte)| **byte != b'\r' || !ends_line(*at));
    Ok(kept.map(|(_, byte)| *byte).collect())
}

fn check_all(at: (&Origin, &Hasher), file: impl Read) -> (Vec<Checked>, Vec<BadLine>) {
    let (mut lines, mut bad) = (Vec::new(), Vec::new());
    let file = match unix_lines(file) {
        Ok(file) => file,
        Err(error) => return (lines, vec![BadLine { line: 1, reason: error.to_string() }]),
    };
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::Headers).from_reader(&*file);
    let headers = match reader.headers() {
        Ok(headers) => headers.clone(),
        Err(error) => {
            return (lines, vec![BadLine { line: 1, reason: csv_reason(&error) }]);
        }
    };
    let mut seen = BTreeSet::new();
    for record in reader.into_records() {
        let (line, checked) = match record {
            Ok(record) => {
                let line = record.position().map_or(0, csv::Position::line);
                let read = record.deserialize::<Record>(Some(&headers));
                (line, read.map_err(|e| csv_reason(&e)).and_then(|r| check(at, line, r)))
            }
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                (line, Err(csv_reason(&error)))
            }
        };
        match checked {
            Ok(c) if !seen.insert(format!("n{}", c.customer_number)) => bad.push(BadLine {
                line,
                reason: "customer_number: stands on an earlier line too".to_owned(),
            }),
            Ok(c) if !seen.insert(format!("l{}", c.login_id.as_str())) => bad.push(BadLine {
                line,
                reason: "login_id: stands on an earlier line too".to_owned(),
            }),
            Ok(c) => lines.push(c),
            Err(reason) => bad.push(BadLine { line, reason }),
        }
    }
    (lines, bad)
}

fn csv_reason(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::Utf8 { .. } => "not UTF-8".to_owned(),
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{len} columns where the first line names {expected_len}")
        }
        csv::ErrorKind::Deserialize { err, .. } => {
            err.kind().to_string().escape_debug().to_string()
        }
        _ => "not CSV".to_owned(),
    }
}

fn check((origin, hasher): (&Origin, &Hasher), line: u64, r: Record) -> Result<Checked, String> {
    let customer_number = short("customer_number", nfkc(&r.customer_number).trim(), 40)?;
    let login_id =
        LoginId::parse(&r.login_id).map_err(|_| "login_id: 6 to 32 of a-z 0-9 . _ -".to_owned())?;
    let name = short("name", r.name.trim(), 100)?;
    let name_kana = match nfkc(r.name_kana.trim()) {
        kana if kana.is_empty() => kana,
        kana => short("name_kana", &kana, 100)?,
    };
    let birthday = match r.birthday.trim() {
        "" => String::new(),
        text => text
            .parse::<Birthday>()
            .map(|_| text.to_owned())
            .map_err(|_| "birthday: a day like 1985-03-09".to_owned())?,
    };
    let locale = match r.locale.trim() {
        "" => Lang::Ja,
        tag => Lang::from_tag(tag).ok_or("locale: ja or en")?,
    };
    let addresses = notice_addresses(origin, &r.notice_addresses)?;
    let confirmed_at = confirmed_at(origin, &r.addresses_confirmed_at)?;
    let same = !r.login_password.is_empty() && r.login_password == r.confirmation_password;
    let login = password(
        (origin, hasher),
        "login_password",
        r.login_password,
        r.login_password_hash,
        &login_id,
        same,
    )?;
    let confirmation = password(
        (origin, hasher),
        "confirmation_password",
        r.confirmation_password,
        r.confirmation_password_hash,
        &login_id,
        same,
    )?;
    Ok(Checked {
        line,
        customer_number,
        login_id,
        name,
        name_kana,
        birthday,
        locale,
        addresses,
        confirmed_at,
        login_given: matches!(login, Password::Plain(_)),
        login,
        confirmation_given: matches!(confirmation, Password::Plain(_)),
        confirmation,
    })
}

fn short(column: &str, text: &str, longest: usize) -> Result<String, String> {
    if !is_readable_line(text, longest) {
        return Err(format!(
            "{column}: 1 to {longest} characters, none of them a control or an invisible one"
        ));
    }
    Ok(text.to_owned())
}

fn notice_addresses(origin: &Origin, text: &str) -> Result<Vec<MailAddress>, String> {
    let rules = MailRules::for_notices(origin.institution.policy());
    let addresses = text
        .split([';', ' ', '\n'])
        .filter(|part| !part.is_empty())
        .map(|part| MailAddress::parse(part, &rules).map_err(|e| format!("notice_addresses: {e}")))
        .collect::<Result<Vec<_>, _>>()?;
    if addresses.len() > MOST {
        return Err(format!("notice_addresses: {MOST} at most"));
    }
    let keys: BTreeSet<_> = addresses.iter().map(MailAddress::comparable).collect();
    if keys.len() < addresses.len() {
        return Err("notice_addresses: one of them twice".to_owned());
    }
    Ok(addresses)
}

fn confirmed_at(origin: &Origin, text: &str) -> Result<Option<i64>, String> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let at = calendar::read(text.trim(), origin.institution.zone()).ok_or_else(|| {
        "addresses_confirmed_at: a day, or a moment like 2026-11-22T09:00:00Z".to_owned()
    })?;
    if at > origin.now {
        return Err("addresses_confirmed_at: lies in the future".to_owned());
    }
    Ok(Some(at.0))
}

fn password(
    (origin, hasher): (&Origin, &Hasher),
    column: &str,
    plain: String,
    hash: String,
    login_id: &LoginId,
    same: bool,
) -> Result<Password, String> {
    match (plain.is_empty(), hash.is_empty()) {
        (true, true) => Err(format!("{column}: neither it nor {column}_hash is there")),
        (false, false) => Err(format!("{column}: both it and {column}_hash are there")),
        (true, false) if hasher.accepts(&hash) => Ok(Password::Hashed(hash)),
        (true, false) => {
            Err(format!("{column}_hash: must be a PHC string of argon2id, argon2i or pbkdf2"))
        }
        (false, true) => {
            let policy = &origin.institution.policy().password;
            let (min, max) = (policy.min_length, policy.max_length);
            check_static_password(&plain, min, max, login_id, same)
                .map_err(|e| format!("{column}: {e}"))?;
            Ok(Password::Plain(SecretText::new(plain)))
        }
    }
}

async fn taken(tx: &mut Tx, origin: &Origin, line: &Checked) -> Result<bool, AppError> {
    let institution = origin.institution.id;
    let login = tx.find(institution, Key::LoginId, line.login_id.as_str()).await?;
    let number = tx.find(institution, Key::CustomerNumber, &line.customer_number).await?;
    Ok(login.is_some() || number.is_some())
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
