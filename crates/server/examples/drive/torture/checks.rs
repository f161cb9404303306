//! What must hold afterwards, whatever was killed: the trail and the answers are the same story.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use anyhow::{Result, bail};
use serde_json::Value;
use sqlx::{Connection, PgConnection};
use warifu_core::ids::VerificationId;

use super::load::{Outcome, Sent};
use crate::tokens::Tokens;

/// Makes all tokens count uses.
pub(super) async fn count_uses(url: &str) -> Result<()> {
    const SQL: &str = "UPDATE verifiers SET mode = 'event', last_step = 0, floor_step = 0";
    if let Some(path) = url.strip_prefix("sqlite:") {
        rusqlite::Connection::open(path)?.execute(SQL, [])?;
    } else {
        let mut line = PgConnection::connect(url).await?;
        sqlx::query(SQL).execute(&mut line).await?;
    }
    Ok(())
}

/// What stands of a token.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Standing {
    /// Wrong guesses since the last acceptance, by the counter.
    pub(super) failures: i64,
    pub(super) is_locked: bool,
    /// By the trail.
    pub(super) accepted: i64,
    pub(super) wrong: i64,
}

pub(super) async fn standing(url: &str) -> Result<BTreeMap<String, Standing>> {
    const SQL: &str = "SELECT v.token_id, v.failures, \
         CAST(v.locked_until IS NOT NULL OR v.locked AS INTEGER), \
         CAST(COUNT(CASE WHEN a.kind = 'passcode.accepted' THEN 1 END) AS BIGINT), \
         CAST(COUNT(CASE WHEN a.reason IN ('wrong', 'used') THEN 1 END) AS BIGINT) \
         FROM verifiers v LEFT JOIN audit a ON a.bucket = v.bucket \
         AND a.customer_id = v.customer_id AND a.token_id = v.token_id \
         GROUP BY v.token_id, v.failures, v.locked_until, v.locked";
    type Row = (String, i64, i32, i64, i64);
    let rows: Vec<Row> = if let Some(path) = url.strip_prefix("sqlite:") {
        let line = rusqlite::Connection::open(path)?;
        let mut read = line.prepare(SQL)?;
        let rows = read.query_map([], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
        })?;
        rows.collect::<Result<_, _>>()?
    } else {
        let mut line = PgConnection::connect(url).await?;
        sqlx::query_as(SQL).fetch_all(&mut line).await?
    };
    let standing = |(token, failures, locked, accepted, wrong)| {
        (token, Standing { failures, is_locked: locked != 0, accepted, wrong })
    };
    Ok(rows.into_iter().map(standing).collect())
}

/// A line of the trail: the token, what happened, and what was noted.
type Row = (String, String, String);

async fn trail(url: &str) -> Result<Vec<Row>> {
    const SQL: &str = "SELECT token_id, kind, after_json FROM audit \
         WHERE kind IN ('passcode.accepted', 'passcode.refused') AND token_id IS NOT NULL";
    if let Some(path) = url.strip_prefix("sqlite:") {
        let line = rusqlite::Connection::open(path)?;
        let mut read = line.prepare(SQL)?;
        let rows = read.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        return Ok(rows.collect::<Result<_, _>>()?);
    }
    let mut line = PgConnection::connect(url).await?;
    Ok(sqlx::query_as(SQL).fetch_all(&mut line).await?)
}

/// What was found.
#[derive(Default)]
pub(super) struct Found {
    sent: usize,
    accepted: usize,
    refused: usize,
    busy: usize,
    unknown: usize,
    /// Acceptances in the trail whose answer never came.
    unanswered: usize,
    breaches: Vec<String>,
}

// Which of them a token is.
fn number_of(token: &str) -> Option<usize> {
    token.trim_start_matches("tok_").parse::<usize>().ok()?.checked_sub(1)
}

// The milliseconds with which an id begins.
fn made_at(id: &str) -> u64 {
    let id: Option<VerificationId> = id.parse().ok();
    let bytes = id.map(VerificationId::as_bytes).unwrap_or_default();
    bytes.iter().take(6).fold(0, |ms, byte| ms << 8 | u64::from(*byte))
}

/// The acceptances of these tokens by their ids, and the ids of what was refused.
type Story = (BTreeMap<String, (String, u64)>, BTreeSet<String>);

// What the trail says; a step that was spent twice is a breach already.
async fn story(url: &str, own: &BTreeSet<String>, breaches: &mut Vec<String>) -> Result<Story> {
    let (mut accepted, mut refused) = (BTreeMap::new(), BTreeSet::new());
    let mut steps = BTreeSet::new();
    for (token, kind, after) in trail(url).await?.into_iter().filter(|row| own.contains(&row.0)) {
        let after: Value = serde_json::from_str(&after)?;
        let id = after["verification"].as_str().unwrap_or_default().to_owned();
        if kind == "passcode.refused" {
            refused.insert(id);
            continue;
        }
        let step = after["step"].as_u64().unwrap_or_default();
        if !steps.insert((token.clone(), step)) || accepted.contains_key(&id) {
            breaches.push(format!("{token} step {step} was accepted twice"));
        }
        accepted.insert(id, (token, step));
    }
    Ok((accepted, refused))
}

/// Compares what was answered of these tokens with what the trail says.
pub(super) async fn compare(url: &str, own: &BTreeSet<String>, sent: &[Sent]) -> Result<Found> {
    let mut found = Found { sent: sent.len(), ..Found::default() };
    let (accepted, refused) = story(url, own, &mut found.breaches).await?;
    let mut answered = BTreeSet::new();
    for one in sent {
        let token = Tokens::token(one.token);
        match &one.outcome {
            Outcome::Accepted(id) => {
                found.accepted += 1;
                // Two steps that are looked at may have the same passcode: then the later one is spent.
                let is_its = accepted.get(id).is_some_and(|(of, step)| {
                    let same = Tokens::passcode(one.token, *step);
                    *of == token && same == Tokens::passcode(one.token, one.step)
                });
                if !is_its {
                    let made = made_at(id);
                    found.breaches.push(format!(
                        "{id}, made at {made}, was answered as accepted and is not in the trail as that"
                    ));
                }
                // Under an idempotency key the same acceptance is told more than once.
                if !answered.insert(id.clone()) && !one.keyed {
                    found.breaches.push(format!("{id} answers two requests"));
                }
            }
            Outcome::Refused(id) => {
                found.refused += 1;
                if !refused.contains(id) {
                    found.breaches.push(format!("{id} was refused and is not in the trail"));
                }
            }
            Outcome::Busy => found.busy += 1,
            Outcome::Unknown => found.unknown += 1,
        }
    }
    let cut: BTreeSet<_> = sent
        .iter()
        .filter(|one| one.outcome == Outcome::Unknown)
        .map(|one| (Tokens::token(one.token), Tokens::passcode(one.token, one.step)))
        .collect();
    for (id, what) in &accepted {
        if !answered.contains(id) {
            found.unanswered += 1;
            let passcode = number_of(&what.0).map(|n| Tokens::passcode(n, what.1));
            if !cut.contains(&(what.0.clone(), passcode.unwrap_or_default())) {
                found.breaches.push(format!("{id} of {what:?} was accepted, and nobody was told"));
            }
        }
    }
    Ok(found)
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} requests: {} answered as accepted, {} as refused, {} not done (503), {} without a certain \
             answer, of which {} had been accepted. Breaches: {}.",
            self.sent,
            self.accepted,
            self.refused,
            self.busy,
            self.unknown,
            self.unanswered,
            self.breaches.len()
        )
    }
}

impl Found {
    pub(super) fn verdict(&self) -> Result<()> {
        if self.breaches.is_empty() {
            return Ok(());
        }
        bail!("{}", self.breaches[..self.breaches.len().min(20)].join("\n"))
    }
}
