//! Customers from the bank's file: checked line by line, written all or none; and what the command
//! line may show of them and unlock.

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::Deserialize;
use warifu_core::{
    audit::Kind,
    ids::{AddressId, CustomerId, LoginId},
    issue::Birthday,
    secret::SecretText,
    text::{MailAddress, MailRules, check_static_password, nfkc},
    time::Millis,
};
use warifu_store::{Address, Customer, Key, Tx};

use super::{overview, places, sign_in};
use crate::{
    app::App,
    error::AppError,
    hasher::Hasher,
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
    confirmation: Password,
}

enum Password {
    Plain(SecretText),
    Hashed(String),
}

/// Imports customers. Without `skip_bad` one bad line means that nothing is written.
pub(crate) async fn import(
    app: &App,
    origin: &Origin,
    file: impl std::io::Read,
    skip_bad: bool,
    mut progress: impl FnMut(usize, usize),
) -> Result<Imported, AppError> {
    let (lines, mut bad) = check_all(origin, file);
    let mut imported = Imported::default();
    if !bad.is_empty() && !skip_bad {
        imported.bad = bad;
        return Ok(imported);
    }
    let mut tx = app.store.begin().await?;
    let count = lines.len();
    for (done, line) in lines.into_iter().enumerate() {
        let number = line.line;
        if taken(&mut tx, origin, &line).await? {
            bad.push(BadLine {
                line: number,
                reason: "customer_number or login_id: another customer has it".to_owned(),
            });
            continue;
        }
        insert(app, origin, &mut tx, line).await?;
        imported.taken += 1;
        progress(done + 1, count);
    }
    imported.bad = bad;
    if !imported.bad.is_empty() && !skip_bad {
        imported.taken = 0;
        return Ok(imported);
    }
    tx.commit().await?;
    Ok(imported)
}

fn check_all(origin: &Origin, file: impl std::io::Read) -> (Vec<Checked>, Vec<BadLine>) {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::Headers)
        .from_reader(file);
    let (mut lines, mut bad) = (Vec::new(), Vec::new());
    let headers = match reader.headers() {
        Ok(headers) => headers.clone(),
        Err(error) => {
            return (
                lines,
                vec![BadLine {
                    line: 1,
                    reason: csv_reason(&error),
                }],
            );
        }
    };
    let mut seen = std::collections::BTreeSet::new();
    for record in reader.into_records() {
        let (line, checked) = match record {
            Ok(record) => {
                let line = record.position().map_or(0, csv::Position::line);
                let read = record.deserialize::<Record>(Some(&headers));
                (
                    line,
                    read.map_err(|e| csv_reason(&e))
                        .and_then(|r| check(origin, line, r)),
                )
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
        csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => {
            format!("{len} columns where the first line names {expected_len}")
        }
        csv::ErrorKind::Deserialize { err, .. } => err.kind().to_string(),
        _ => "not CSV".to_owned(),
    }
}

fn check(origin: &Origin, line: u64, r: Record) -> Result<Checked, String> {
    let policy = origin.institution.policy();
    let customer_number = short("customer_number", &nfkc(&r.customer_number), 40)?;
    let login_id =
        LoginId::parse(&r.login_id).map_err(|_| "login_id: 6 to 32 of a-z 0-9 . _ -".to_owned())?;
    let name = short("name", r.name.trim(), 100)?;
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
    let mut addresses: Vec<MailAddress> = Vec::new();
    for part in r
        .notice_addresses
        .split([';', ' ', '\n'])
        .filter(|p| !p.is_empty())
    {
        let address = MailAddress::parse(part, &MailRules::for_notices(policy))
            .map_err(|e| format!("notice_addresses: {e}"))?;
        addresses.push(address);
    }
    let zone = origin.institution.zone();
    let confirmed_at = moment(&r.addresses_confirmed_at, zone)?;
    if confirmed_at.is_some_and(|at| at > origin.now.0) {
        return Err("addresses_confirmed_at: lies in the future".to_owned());
    }
    let same = !r.login_password.is_empty() && r.login_password == r.confirmation_password;
    let login = password(
        origin,
        "login_password",
        r.login_password,
        r.login_password_hash,
        &login_id,
        same,
    )?;
    let confirmation = password(
        origin,
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
        name_kana: nfkc(r.name_kana.trim()),
        birthday,
        locale,
        addresses,
        confirmed_at,
        login,
        confirmation,
    })
}

fn short(column: &str, text: &str, longest: usize) -> Result<String, String> {
    let count = text.chars().count();
    if text.is_empty() || count > longest || text.chars().any(char::is_control) {
        return Err(format!(
            "{column}: 1 to {longest} characters, none of them a control one"
        ));
    }
    Ok(text.to_owned())
}

fn moment(text: &str, zone: &TimeZone) -> Result<Option<i64>, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(Some(at.as_millisecond()));
    }
    text.parse::<Date>()
        .and_then(|day| day.to_zoned(zone.clone()))
        .map(|at| Some(at.timestamp().as_millisecond()))
        .map_err(|_| {
            "addresses_confirmed_at: a day, or a moment like 2026-11-22T09:00:00Z".to_owned()
        })
}

fn password(
    origin: &Origin,
    column: &str,
    plain: String,
    hash: String,
    login_id: &LoginId,
    same: bool,
) -> Result<Password, String> {
    match (plain.is_empty(), hash.is_empty()) {
        (true, true) => Err(format!("{column}: neither it nor {column}_hash is there")),
        (false, false) => Err(format!("{column}: both it and {column}_hash are there")),
        (true, false) if Hasher::accepts(&hash) => Ok(Password::Hashed(hash)),
        (true, false) => Err(format!(
            "{column}_hash: must be an argon2id hash ($argon2id$…)"
        )),
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
    let login = tx
        .find(institution, Key::LoginId, line.login_id.as_str())
        .await?;
    let number = tx
        .find(institution, Key::CustomerNumber, &line.customer_number)
        .await?;
    Ok(login.is_some() || number.is_some())
}

async fn insert(app: &App, origin: &Origin, tx: &mut Tx, line: Checked) -> Result<(), AppError> {
    let institution = &origin.institution;
    let id = CustomerId::generate(origin.now, &*app.random);
    let hashed = |password: Password| match password {
        Password::Hashed(hash) => Ok(hash),
        Password::Plain(plain) => app.hasher.hash(&plain, &*app.random),
    };
    let (login_hash, confirmation_hash) = (hashed(line.login)?, hashed(line.confirmation)?);
    let mac = |column, hash: &str| {
        let spot = places::password(institution.id, id, column);
        institution.keys.mac(&spot.place(), hash.as_bytes())
    };
    let login_id = line.login_id.as_str().to_owned();
    tx.reserve(institution.id, Key::LoginId, &login_id, id, "", origin.now)
        .await?;
    tx.reserve(
        institution.id,
        Key::CustomerNumber,
        &line.customer_number,
        id,
        "",
        origin.now,
    )
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
        must_change: true,
        otp_required: false,
        hold_until: None,
        issue_from: None,
        suspended_at: None,
        last_login_at: None,
        previous_login_at: None,
        created_at: origin.now.0,
        version: 1,
    })
    .await?;
    for address in line.addresses {
        let address_id = AddressId::generate(origin.now, &*app.random);
        let spot = places::address(institution.id, id, address_id.to_string());
        let text = address.as_typed().to_owned();
        tx.insert_address(
            id,
            &Address {
                id: address_id,
                mac: institution.keys.mac(&spot.place(), text.as_bytes()),
                address: text,
                registered_at: origin.now.0,
                confirmed_at: line.confirmed_at,
                removed_at: None,
            },
        )
        .await?;
    }
    origin
        .record(tx, &*app.random, Line::ok(Kind::CustomerImported).of(id))
        .await?;
    Ok(())
}

/// Finds a customer by number, login ID or id.
pub(crate) async fn find(
    app: &App,
    origin: &Origin,
    word: &str,
) -> Result<Option<CustomerId>, AppError> {
    let institution = origin.institution.id;
    let mut tx = app.store.read().await?;
    if let Ok(id) = word.parse::<CustomerId>() {
        let customer = tx.customer(id).await?;
        return Ok(customer
            .filter(|c| c.institution_id == institution)
            .map(|c| c.customer_id));
    }
    let number = tx
        .find(institution, Key::CustomerNumber, &nfkc(word))
        .await?;
    let found = match (number, LoginId::parse(word)) {
        (Some(found), _) => Some(found),
        (None, Ok(login)) => tx.find(institution, Key::LoginId, login.as_str()).await?,
        (None, Err(_)) => None,
    };
    Ok(found.map(|f| f.customer_id))
}

/// Clears a customer's counters: login, confirmation password, mail passwords and passcode. States,
/// stops and suspensions stay as they are.
pub(crate) async fn unlock(app: &App, origin: &Origin, id: CustomerId) -> Result<usize, AppError> {
    let mut tx = app.store.begin().await?;
    let customer = tx.take_customer(id).await?.ok_or(AppError::NotFound)?;
    let mut cleared = 0;
    let subjects = [
        sign_in::account_counter(origin, &customer.login_id),
        overview::confirmation(&customer),
        overview::mail_tries(&customer),
    ];
    for subject in subjects {
        let taken = tx.take_counter(&subject, origin.now).await?;
        if taken.counter() != warifu_core::counter::Counter::cleared() {
            let open = warifu_core::counter::Counter::cleared();
            tx.save_counter(&subject, &taken, &open, origin.now).await?;
            cleared += 1;
            let line = Line::ok(Kind::CounterUnlocked).of(id).because(subject.kind);
            origin.record(&mut tx, &*app.random, line).await?;
        }
    }
    for token in tx.tokens(id).await? {
        let Some(row) = tx.verifier(customer.bucket, token.token_no).await? else {
            continue;
        };
        if row.counter() != warifu_core::counter::Counter::cleared() {
            tx.count_failure(&row, &warifu_core::counter::Counter::cleared())
                .await?;
            cleared += 1;
            let line = Line::ok(Kind::CounterUnlocked)
                .of(id)
                .token(token.id)
                .because("passcode");
            origin.record(&mut tx, &*app.random, line).await?;
        }
    }
    tx.commit().await?;
    Ok(cleared)
}

/// What `customers show` prints: a view without any secret.
pub(crate) async fn show(
    app: &App,
    origin: &Origin,
    id: CustomerId,
) -> Result<serde_json::Value, AppError> {
    let mut tx = app.store.read().await?;
    let c = tx.customer(id).await?.ok_or(AppError::NotFound)?;
    let at = |ms: Option<i64>| {
        ms.and_then(|ms| Timestamp::from_millisecond(ms).ok())
            .map(|t| t.to_string())
    };
    let mut counters = Vec::new();
    let mine = [
        sign_in::account_counter(origin, &c.login_id),
        overview::confirmation(&c),
        overview::mail_tries(&c),
    ];
    for subject in mine {
        let Some(taken) = tx.counter(&subject).await? else {
            continue;
        };
        let counter = taken.counter();
        counters.push(serde_json::json!({
            "kind": subject.kind, "failures": counter.failures,
            "locked_until": at(counter.locked_until.map(|t: Millis| t.0)), "locked": counter.locked,
        }));
    }
    let mut tokens = Vec::new();
    for t in tx.tokens(id).await? {
        let row = tx.verifier(c.bucket, t.token_no).await?;
        tokens.push(serde_json::json!({
            "id": t.id, "kind": t.kind, "state": t.state.as_str(), "device": t.device,
            "issued_at": at(Some(t.issued_at)), "activated_at": at(t.activated_at),
            "started_at": at(t.started_at), "ended_at": at(t.ended_at),
            "valid_until": at(Some(t.valid_until)),
            "failures": row.as_ref().map(|r| r.failures),
            "locked_until": row.as_ref().and_then(|r| at(r.locked_until)),
            "locked": row.as_ref().map(|r| r.locked),
        }));
    }
    let addresses: Vec<_> = tx
        .addresses(id)
        .await?
        .into_iter()
        .map(|a| {
            serde_json::json!({
                "id": a.id, "address": a.address, "confirmed_at": at(a.confirmed_at),
                "removed_at": at(a.removed_at),
            })
        })
        .collect();
    Ok(serde_json::json!({
        "id": c.customer_id, "customer_number": c.customer_number, "login_id": c.login_id,
        "name": c.name, "locale": c.locale, "otp_required": c.otp_required,
        "hold_until": at(c.hold_until), "suspended_at": at(c.suspended_at),
        "last_login_at": at(c.last_login_at), "counters": counters, "tokens": tokens,
        "notice_addresses": addresses,
    }))
}
