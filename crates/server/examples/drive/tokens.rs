//! Tokens by the million: what each one's key is, and the fast way into a database.
//!
//! A row comes to stand as the product would write it, sealed for its own place, so that the server
//! opens it like any other; only who made it differs.

use std::{fmt::Write as _, path::Path};

use anyhow::{Context, Result};
use base64::{Engine, engine::general_purpose::STANDARD};
use indicatif::{ProgressBar, ProgressStyle};
use sha2::{Digest, Sha256};
use sqlx::{Connection, PgConnection};
use warifu::world::SystemRandom;
use warifu_core::{
    ids::CustomerId,
    oath::{Algorithm, Digits, hotp},
};
use warifu_store::{
    Settings, Store,
    seal::{Kek, Keys, Place},
};

use crate::bank::Bank;

/// Seconds of a step.
pub(crate) const PERIOD: i64 = 30;
/// Rows that go to the database together.
const CHUNK: usize = 20_000;

/// The customers of a bench: their ids are plain numbers, so that pgbench can name them as well.
#[derive(Clone)]
pub(crate) struct Tokens {
    count: usize,
}

impl Tokens {
    pub(crate) const fn new(count: usize) -> Self {
        Self { count }
    }

    pub(crate) const fn len(&self) -> usize {
        self.count
    }

    /// The id of nobody is all noughts: they begin with one.
    pub(crate) fn customer(n: usize) -> Result<CustomerId> {
        Ok(format!("cus_{:026}", n + 1).parse()?)
    }

    pub(crate) fn token(n: usize) -> String {
        format!("tok_{:026}", n + 1)
    }

    /// All of them in the order of their rows, which begin with the bucket.
    fn in_order(&self) -> Result<Vec<u32>> {
        let mut keyed = Vec::with_capacity(self.count);
        for n in 0..self.count {
            keyed.push((Self::customer(n)?.bucket(), u32::try_from(n)?));
        }
        keyed.sort_unstable();
        Ok(keyed.into_iter().map(|(_, n)| n).collect())
    }

    pub(crate) fn login_id(n: usize) -> String {
        format!("bench{n:09}")
    }

    /// The passcode of the n-th customer's token for a step.
    pub(crate) fn passcode(n: usize, step: u64) -> String {
        hotp(&key(n), step, Digits::Six, Algorithm::Sha256).expose().to_owned()
    }
}

fn key(n: usize) -> [u8; 32] {
    digest(b"key", n as u64)
}

fn digest(what: &[u8], n: u64) -> [u8; 32] {
    Sha256::new().chain_update(what).chain_update(n.to_be_bytes()).finalize().into()
}

/// One value of a row.
enum Cell {
    Int(i64),
    Bool(bool),
    Text(String),
    Bytes(Vec<u8>),
}

struct Table {
    name: &'static str,
    columns: &'static str,
    rows: fn(&Maker, usize) -> Result<Vec<Vec<Cell>>>,
}

const TABLES: [Table; 4] = [
    Table {
        name: "directory",
        columns: "institution_id, kind, value, bucket, customer_id, reference, created_at",
        rows: Maker::directory,
    },
    Table {
        name: "customers",
        columns: "bucket, customer_id, institution_id, customer_number, login_id, name, name_kana, \
             birthday, locale, login_hash, login_mac, confirmation_hash, confirmation_mac, \
             login_given, confirmation_given, otp_required, created_at, version",
        rows: Maker::customers,
    },
    Table {
        name: "tokens",
        columns: "bucket, customer_id, id, kind, state, root, signing_key, signing_mac, \
             issued_at, activated_at, started_at, valid_until, due_at, version",
        rows: Maker::tokens,
    },
    Table {
        name: "verifiers",
        columns: "bucket, customer_id, token_id, institution_id, state, suspended, mode, \
             algorithm, digits, period, sealed_key, valid_until, floor_step, last_step, era, drift, failures, locked, \
             version",
        rows: Maker::verifiers,
    },
];

/// Fills a bank's database with the tokens.
pub(crate) async fn load(bank: &Bank, tokens: &Tokens, now: i64) -> Result<()> {
    let (institution, keys) = institution(bank).await?;
    let maker = Maker { order: tokens.in_order()?, institution, keys, now };
    let bar = ProgressBar::new((tokens.len() * TABLES.len()) as u64);
    bar.set_style(ProgressStyle::with_template(
        "  {msg:10} {wide_bar} {pos}/{len} {per_sec} {eta}",
    )?);
    match bank.url.strip_prefix("sqlite:") {
        Some(path) => load_sqlite(Path::new(path), &maker, &bar)?,
        None => load_postgres(&bank.url, &maker, &bar).await?,
    }
    bar.finish_and_clear();
    Ok(())
}

async fn load_postgres(url: &str, maker: &Maker, bar: &ProgressBar) -> Result<()> {
    let mut line = PgConnection::connect(url).await?;
    for table in &TABLES {
        bar.set_message(table.name);
        for chunk in maker.order.chunks(CHUNK) {
            let mut text = String::new();
            for n in chunk {
                for row in (table.rows)(maker, usize::try_from(*n)?)? {
                    copy_line(&mut text, &row)?;
                }
            }
            let mut copy = line
                .copy_in_raw(&format!("COPY {} ({}) FROM STDIN", table.name, table.columns))
                .await?;
            copy.send(text.as_bytes()).await?;
            copy.finish().await?;
            bar.inc(chunk.len() as u64);
        }
    }
    bar.set_message("analyze");
    // Settled, as a database is that has run for a while.
    for sql in ["VACUUM (FREEZE, ANALYZE)", "CHECKPOINT"] {
        sqlx::raw_sql(sql).execute(&mut line).await?;
    }
    line.close().await?;
    Ok(())
}

fn copy_line(text: &mut String, row: &[Cell]) -> Result<()> {
    for (n, cell) in row.iter().enumerate() {
        if n > 0 {
            text.push('\t');
        }
        match cell {
            Cell::Int(value) => write!(text, "{value}")?,
            Cell::Bool(value) => text.push(if *value { 't' } else { 'f' }),
            // None of ours holds what COPY would take for its own.
            Cell::Text(value) => text.push_str(value),
            Cell::Bytes(value) => {
                text.push_str("\\\\x");
                for byte in value {
                    write!(text, "{byte:02x}")?;
                }
            }
        }
    }
    text.push('\n');
    Ok(())
}

fn load_sqlite(path: &Path, maker: &Maker, bar: &ProgressBar) -> Result<()> {
    let mut line = rusqlite::Connection::open(path)?;
    line.pragma_update(None, "cache_size", -200_000)?;
    for table in &TABLES {
        bar.set_message(table.name);
        let marks = vec!["?"; table.columns.split(',').count()].join(", ");
        let sql = format!("INSERT INTO {} ({}) VALUES ({marks})", table.name, table.columns);
        for chunk in maker.order.chunks(CHUNK) {
            let tx = line.transaction()?;
            let mut insert = tx.prepare_cached(&sql)?;
            for n in chunk {
                for row in (table.rows)(maker, usize::try_from(*n)?)? {
                    insert.execute(rusqlite::params_from_iter(row.iter()))?;
                }
            }
            drop(insert);
            tx.commit()?;
            bar.inc(chunk.len() as u64);
        }
    }
    line.execute_batch("ANALYZE; PRAGMA wal_checkpoint(TRUNCATE)")?;
    Ok(())
}

impl rusqlite::ToSql for Cell {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        match self {
            Self::Int(value) => value.to_sql(),
            Self::Bool(value) => value.to_sql(),
            Self::Text(value) => value.to_sql(),
            Self::Bytes(value) => value.to_sql(),
        }
    }
}

/// Makes the rows of one customer.
struct Maker {
    order: Vec<u32>,
    institution: String,
    keys: Keys,
    now: i64,
}

impl Maker {
    fn of(n: usize) -> Result<(i64, String, String)> {
        let customer = Tokens::customer(n)?;
        Ok((i64::from(customer.bucket()), customer.to_string(), Tokens::token(n)))
    }

    fn directory(&self, n: usize) -> Result<Vec<Vec<Cell>>> {
        let (bucket, customer, _) = Self::of(n)?;
        let row = |kind: &str, value: String| {
            vec![
                Cell::Text(self.institution.clone()),
                Cell::Text(kind.to_owned()),
                Cell::Text(value),
                Cell::Int(bucket),
                Cell::Text(customer.clone()),
                Cell::Text(customer.clone()),
                Cell::Int(self.now),
            ]
        };
        Ok(vec![row("login_id", Tokens::login_id(n)), row("customer_number", format!("{n:010}"))])
    }

    fn customers(&self, n: usize) -> Result<Vec<Vec<Cell>>> {
        let (bucket, customer, _) = Self::of(n)?;
        // Nobody logs in with them; their length is what counts.
        let hash = "$argon2id$v=19$m=19456,t=2,p=1$".to_owned() + &"A".repeat(65);
        let text = |text: &str| Cell::Text(text.to_owned());
        Ok(vec![vec![
            Cell::Int(bucket),
            Cell::Text(customer),
            Cell::Text(self.institution.clone()),
            Cell::Text(format!("{n:010}")),
            Cell::Text(Tokens::login_id(n)),
            text("計測 太郎"),
            text("ケイソク タロウ"),
            text("1951-04-02"),
            text("ja"),
            Cell::Text(hash.clone()),
            Cell::Bytes(vec![7; 32]),
            Cell::Text(hash),
            Cell::Bytes(vec![7; 32]),
            Cell::Bool(false),
            Cell::Bool(false),
            Cell::Bool(true),
            Cell::Int(self.now),
            Cell::Int(1),
        ]])
    }

    fn tokens(&self, n: usize) -> Result<Vec<Vec<Cell>>> {
        let (bucket, customer, token) = Self::of(n)?;
        let text = |text: &str| Cell::Text(text.to_owned());
        Ok(vec![vec![
            Cell::Int(bucket),
            Cell::Text(customer),
            Cell::Text(token),
            text("software"),
            text("in_use"),
            Cell::Bytes(vec![7; 65]),
            Cell::Text("k".repeat(120)),
            Cell::Bytes(vec![7; 32]),
            Cell::Int(self.now),
            Cell::Int(self.now),
            Cell::Int(self.now),
            Cell::Int(self.valid_until()),
            Cell::Int(self.valid_until()),
            Cell::Int(1),
        ]])
    }

    fn verifiers(&self, n: usize) -> Result<Vec<Vec<Cell>>> {
        let (bucket, customer, token) = Self::of(n)?;
        let place = Place {
            table: "verifiers",
            column: "sealed_key",
            institution: &self.institution,
            customer: &customer,
            kind: "",
            id: &token,
            version: 1,
        };
        // A row that could not be sealed is one that the server refuses: the bench would show it.
        let sealed = self.keys.seal(&place, &key(n), &SystemRandom).unwrap_or_default();
        let text = |text: &str| Cell::Text(text.to_owned());
        Ok(vec![vec![
            Cell::Int(bucket),
            Cell::Text(customer),
            Cell::Text(token),
            Cell::Text(self.institution.clone()),
            text("in_use"),
            Cell::Bool(false),
            text("clock"),
            text("sha256"),
            Cell::Int(6),
            Cell::Int(PERIOD),
            Cell::Bytes(sealed),
            Cell::Int(self.valid_until()),
            Cell::Int(-1),
            Cell::Int(-1),
            Cell::Int(0),
            Cell::Int(0),
            Cell::Int(0),
            Cell::Bool(false),
            Cell::Int(1),
        ]])
    }

    const fn valid_until(&self) -> i64 {
        self.now + 5 * 365 * 86_400_000
    }
}

/// The bank's id, and its keys, opened with the key file.
async fn institution(bank: &Bank) -> Result<(String, Keys)> {
    let file = std::fs::read_to_string(bank.path("warifu.keys"))?;
    let mut words = file.split_whitespace().skip(1);
    let id = u32::from_str_radix(words.next().context("key file")?, 16)?;
    let key = STANDARD.decode(words.next().context("key file")?)?;
    let key = <[u8; 32]>::try_from(key).ok().context("key file")?;
    let settings =
        Settings { url: bank.url.clone(), max_connections: 1, create: false, distributed: false };
    let store = Store::connect(&settings).await?;
    let mut tx = store.read().await?;
    let row = tx.institutions().await?.pop().context("no institution")?;
    let sealed = tx.data_keys(row.id).await?.pop().context("no data key")?;
    drop(tx);
    store.close().await;
    let id_text = row.id.to_string();
    let number = u32::try_from(sealed.key_id)?;
    let keys = Kek::new(id, key).open_data_key(&id_text, number, &sealed.sealed)?;
    Ok((id_text, keys))
}
