//! The bank's file: read and checked line by line, every fault of a line told. Nothing is looked up and
//! nothing written.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Read,
};

use serde::Deserialize;
use warifu_core::{
    ids::LoginId,
    issue::Birthday,
    secret::SecretText,
    text::{MailAddress, MailRules, check_static_password, is_readable_line, nfkc},
};

use super::BadLine;
use crate::{actions::address::MOST, calendar, hasher::Hasher, origin::Origin, text::Lang};

/// A line of the file as the bank writes it.
#[derive(Debug, Default, Deserialize)]
struct Record {
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

/// The columns that a file may have; the first three it must have.
const COLUMNS: [&str; 12] = [
    "customer_number",
    "login_id",
    "name",
    "name_kana",
    "birthday",
    "locale",
    "notice_addresses",
    "addresses_confirmed_at",
    "login_password",
    "login_password_hash",
    "confirmation_password",
    "confirmation_password_hash",
];
const NEEDED: usize = 3;

/// A line that has passed every check.
pub(super) struct Checked {
    pub(super) line: u64,
    pub(super) customer_number: String,
    pub(super) login_id: LoginId,
    pub(super) name: String,
    pub(super) name_kana: String,
    pub(super) birthday: String,
    pub(super) locale: Lang,
    pub(super) addresses: Vec<MailAddress>,
    pub(super) confirmed_at: Option<i64>,
    pub(super) login: Password,
    /// The bank knows it: the customer is to change it.
    pub(super) login_given: bool,
    pub(super) confirmation: Password,
    pub(super) confirmation_given: bool,
}

pub(super) enum Password {
    Plain(SecretText),
    Hashed(String),
}

// The reader counts lines that end in CR LF from the wrong end, and those that end in CR not at all.
fn unix_lines(mut file: impl Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let ends_line = |at: usize| bytes.get(at + 1) == Some(&b'\n');
    let kept = bytes.iter().enumerate().filter(|(at, byte)| **byte != b'\r' || !ends_line(*at));
    Ok(kept.map(|(_, byte)| if *byte == b'\r' { b'\n' } else { *byte }).collect())
}

/// Reads a file: the lines that are good, and each fault of the others.
pub(super) fn check_all(at: (&Origin, &Hasher), file: impl Read) -> (Vec<Checked>, Vec<BadLine>) {
    let (mut lines, mut bad) = (Vec::new(), Vec::new());
    let head = |reason: String| BadLine { line: 1, reason };
    let file = match unix_lines(file) {
        Ok(file) => file,
        Err(error) => return (lines, vec![head(error.to_string())]),
    };
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::Headers).from_reader(&*file);
    let headers = match reader.headers() {
        Ok(headers) => headers.clone(),
        Err(error) => return (lines, vec![head(csv_reason(&error))]),
    };
    let faults = faults_of_head(&headers);
    if !faults.is_empty() {
        return (lines, faults.into_iter().map(head).collect());
    }
    let mut seen = BTreeMap::new();
    for record in reader.into_records() {
        let (line, checked) = match record {
            Ok(record) => {
                let line = line_of(&file, record.position());
                let read = record.deserialize::<Record>(Some(&headers));
                let read = read.map_err(|error| vec![csv_reason(&error)]);
                (line, read.and_then(|record| check(at, line, record)))
            }
            Err(error) => {
                let line = line_of(&file, error.position());
                (line, Err(vec![csv_reason(&error)]))
            }
        };
        match checked.and_then(|checked| first_of_its_name(&mut seen, checked)) {
            Ok(checked) => lines.push(checked),
            Err(faults) => bad.extend(faults.into_iter().map(|reason| BadLine { line, reason })),
        }
    }
    (lines, bad)
}

// The reader begins a record before the empty lines that it passes over.
fn line_of(file: &[u8], begins: Option<&csv::Position>) -> u64 {
    let Some(begins) = begins else { return 0 };
    let rest = usize::try_from(begins.byte()).ok().and_then(|byte| file.get(byte..));
    let empty = rest.unwrap_or_default().iter().take_while(|byte| **byte == b'\n').count();
    begins.line() + empty as u64
}

// Told once and where it stands, not on each line below. What stands in the head may be anything, a
// password too where the head is missing: only what looks like the name of a column is repeated.
fn faults_of_head(headers: &csv::StringRecord) -> Vec<String> {
    let known = COLUMNS.join(", ");
    let is_known = |name: &str| COLUMNS.contains(&name);
    if !headers.iter().any(is_known) || headers.len() > 2 * COLUMNS.len() {
        return vec![format!("the first line must name the columns; there are {known}")];
    }
    let is_name = |name: &str| {
        (1..=40).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    };
    let mut seen = BTreeSet::new();
    let mut faults = Vec::new();
    for (at, name) in headers.iter().enumerate() {
        let shown = if is_name(name) { format!(" ({name})") } else { String::new() };
        if !is_known(name) {
            let meant = if is_name(name) { meant(name) } else { ";".to_owned() };
            let fault =
                format!("column {}{shown}: no such column{meant} there are {known}", at + 1);
            faults.push(fault);
        } else if !seen.insert(name) {
            faults.push(format!("column {}{shown}: stands there twice", at + 1));
        }
    }
    let missing = COLUMNS.iter().take(NEEDED).filter(|name| !seen.contains(**name));
    faults.extend(missing.map(|name| format!("{name}: the column is missing")));
    faults
}

// Nothing where nothing is near: a wrong guess sends people the wrong way.
fn meant(name: &str) -> String {
    const NEAR: f64 = 0.85;
    let likeness = |known: &&str| strsim::jaro_winkler(name, known);
    let nearest = COLUMNS.into_iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    let nearest = nearest.filter(|known| likeness(known) >= NEAR);
    nearest.map_or_else(|| ";".to_owned(), |known| format!(", is {known} meant?"))
}

fn first_of_its_name(
    seen: &mut BTreeMap<String, u64>,
    checked: Checked,
) -> Result<Checked, Vec<String>> {
    let names = [
        ("customer_number", format!("n{}", checked.customer_number)),
        ("login_id", format!("l{}", checked.login_id.as_str())),
    ];
    let taken = names.iter().filter_map(|(column, name)| Some((column, seen.get(name)?)));
    let faults: Vec<_> =
        taken.map(|(column, line)| format!("{column}: stands on line {line} too")).collect();
    if !faults.is_empty() {
        return Err(faults);
    }
    seen.extend(names.map(|(_, name)| (name, checked.line)));
    Ok(checked)
}

fn csv_reason(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::Utf8 { .. } => "not UTF-8: save the file as “CSV UTF-8”".to_owned(),
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{len} columns where the first line names {expected_len}")
        }
        csv::ErrorKind::Deserialize { err, .. } => {
            err.kind().to_string().escape_debug().to_string()
        }
        _ => "not CSV".to_owned(),
    }
}

// Every fault of a line, not the first alone: the bank mends its file once.
fn check(
    (origin, hasher): (&Origin, &Hasher),
    line: u64,
    r: Record,
) -> Result<Checked, Vec<String>> {
    let mut faults = Vec::new();
    let mut keep = Faults(&mut faults);
    let customer_number = keep.good(short("customer_number", nfkc(&r.customer_number).trim(), 40));
    let login_id = keep.good(login_id(&r.login_id));
    let name = keep.good(short("name", r.name.trim(), 100));
    let name_kana = keep.good(name_kana(&r.name_kana));
    let birthday = keep.good(birthday(&r.birthday));
    let locale = keep.good(locale(&r.locale));
    let addresses = keep.all_good(notice_addresses(origin, &r.notice_addresses));
    let confirmed_at = keep.good(confirmed_at(origin, &r.addresses_confirmed_at));
    let same = !r.login_password.is_empty() && r.login_password == r.confirmation_password;
    let rules = |same| (origin, hasher, login_id.as_ref(), same);
    let login = (r.login_password, r.login_password_hash);
    let login = keep.good(password(rules(same), "login_password", login));
    // That both are the same is told once.
    let confirmation = (r.confirmation_password, r.confirmation_password_hash);
    let confirmation = keep.good(password(rules(false), "confirmation_password", confirmation));
    let checked = || {
        let (login, confirmation) = (login?, confirmation?);
        Some(Checked {
            line,
            customer_number: customer_number?,
            login_id: login_id?,
            name: name?,
            name_kana: name_kana?,
            birthday: birthday?,
            locale: locale?,
            addresses: addresses?,
            confirmed_at: confirmed_at?,
            login_given: matches!(login, Password::Plain(_)),
            login,
            confirmation_given: matches!(confirmation, Password::Plain(_)),
            confirmation,
        })
    };
    checked().ok_or(faults)
}

struct Faults<'a>(&'a mut Vec<String>);

impl Faults<'_> {
    fn good<T>(&mut self, checked: Result<T, String>) -> Option<T> {
        checked.map_err(|fault| self.0.push(fault)).ok()
    }

    fn all_good<T>(&mut self, checked: Result<T, Vec<String>>) -> Option<T> {
        checked.map_err(|faults| self.0.extend(faults)).ok()
    }
}

fn login_id(text: &str) -> Result<LoginId, String> {
    LoginId::parse(text).map_err(|_| "login_id: 6 to 32 of a-z 0-9 . _ -".to_owned())
}

fn name_kana(text: &str) -> Result<String, String> {
    match nfkc(text.trim()) {
        kana if kana.is_empty() => Ok(kana),
        kana => short("name_kana", &kana, 100),
    }
}

fn birthday(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Ok(String::new()),
        text => text
            .parse::<Birthday>()
            .map(|_| text.to_owned())
            .map_err(|_| "birthday: a day like 1985-03-09".to_owned()),
    }
}

fn locale(text: &str) -> Result<Lang, String> {
    match text.trim() {
        "" => Ok(Lang::Ja),
        tag => Lang::from_tag(tag).ok_or_else(|| "locale: ja or en".to_owned()),
    }
}

fn short(column: &str, text: &str, longest: usize) -> Result<String, String> {
    if !is_readable_line(text, longest) {
        return Err(format!(
            "{column}: 1 to {longest} characters, none of them a control or an invisible one"
        ));
    }
    Ok(text.to_owned())
}

fn notice_addresses(origin: &Origin, text: &str) -> Result<Vec<MailAddress>, Vec<String>> {
    let rules = MailRules::for_notices(origin.institution.policy());
    let parts = || text.split([';', ' ', '\n']).filter(|part| !part.is_empty());
    if parts().count() > MOST {
        return Err(vec![format!("notice_addresses: {MOST} at most")]);
    }
    let (mut addresses, mut faults) = (Vec::new(), Vec::new());
    for (part, number) in parts().zip(1..) {
        match MailAddress::parse(part, &rules) {
            Ok(address) => addresses.push(address),
            Err(fault) => faults.push(format!("notice_addresses: address {number}: {fault}")),
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let keys: BTreeSet<_> = addresses.iter().map(MailAddress::comparable).collect();
    if keys.len() < addresses.len() {
        return Err(vec!["notice_addresses: one of them twice".to_owned()]);
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
    (origin, hasher, login_id, same): (&Origin, &Hasher, Option<&LoginId>, bool),
    column: &str,
    (plain, hash): (String, String),
) -> Result<Password, String> {
    match (plain.is_empty(), hash.is_empty()) {
        (true, true) => Err(format!("{column}: neither it nor {column}_hash is there")),
        (false, false) => Err(format!("{column}: both it and {column}_hash are there")),
        (true, false) if hasher.accepts(&hash) => Ok(Password::Hashed(hash)),
        (true, false) => Err(format!(
            "{column}_hash: must be a PHC string of argon2id, argon2i or pbkdf2, neither too cheap nor too dear \
                 to compute (docs/configuration.md says the bounds)"
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
