//! A batch of verifications on SQLite: each statement takes its rows as one parameter, an array of
//! arrays in JSON. What a driver does for each row would cost more than what the database does.

use std::collections::BTreeSet;

use serde::Serialize;
use sqlx::{Sqlite, SqlitePool, Transaction};
use warifu_core::counter::Counter;

use crate::{
    StoreError,
    audit::AuditRow,
    verify_queue::{Candidate, Wanted, Write},
};

const READ: &str = "SELECT w.n, c.hold_until, c.suspended_at, a.answer, a.body_mac, v.bucket, \
     v.token_no, v.customer_id, v.token_id, v.state, v.suspended, v.algorithm, v.digits, \
     v.period, v.sealed_key, v.valid_until, v.floor_step, v.last_step, v.drift, v.failures, \
     v.locked_until, v.locked, v.version FROM (SELECT value ->> '$[0][0]' AS n, \
     value ->> '$[0][1]' AS institution, value ->> '$[0][2]' AS login_id, \
     value ->> '$[0][3]' AS bucket, value ->> '$[0][4]' AS customer, \
     value ->> '$[0][5]' AS state, value ->> '$[1][0]' AS api_key, \
     value ->> '$[1][1]' AS purpose, value ->> '$[1][2]' AS key_hash FROM json_each($1)) AS w \
     LEFT JOIN directory d ON d.institution_id = w.institution AND d.kind = 'login_id' \
     AND d.value = w.login_id JOIN customers c ON c.bucket = COALESCE(d.bucket, w.bucket) \
     AND c.customer_id = COALESCE(d.customer_id, w.customer) \
     AND c.institution_id = w.institution \
     JOIN verifiers v ON v.bucket = c.bucket AND v.customer_id = c.customer_id \
     AND v.state = w.state LEFT JOIN answers a ON a.bucket = c.bucket \
     AND a.customer_id = c.customer_id AND a.api_key_id = w.api_key \
     AND a.purpose = w.purpose AND a.key_hash = w.key_hash";

/// Reads the tokens of a batch.
pub(crate) async fn read(
    pool: &SqlitePool,
    wanted: &[Wanted],
) -> Result<Vec<Candidate>, StoreError> {
    let row = |(w, n): (&'_ Wanted, i64)| {
        let who =
            (n, w.institution, w.login().map(str::to_owned), w.bucket(), w.customer(), w.state);
        let once = w.once.as_ref().map(|o| (o.api_key.clone(), o.purpose, o.key_hash.clone()));
        (who, once)
    };
    let rows: Vec<_> = wanted.iter().zip(0..).map(row).collect();
    Ok(sqlx::query_as(READ).bind(json(&rows)).fetch_all(pool).await?)
}

// The rows of a batch as one parameter.
fn json(rows: &impl Serialize) -> String {
    serde_json::to_string(rows).unwrap_or_default()
}

/// Writes a batch, in a transaction that is open.
pub(crate) async fn write(
    tx: &mut Transaction<'_, Sqlite>,
    writes: &[Write],
) -> Result<Vec<bool>, StoreError> {
    const CHANGE: &str = "UPDATE verifiers SET \
         last_step = CASE WHEN w.step IS NULL THEN last_step ELSE w.step END, \
         failures = w.failures, locked_until = w.locked_until, locked = w.locked, \
         version = version + 1 FROM (SELECT value ->> 0 AS bucket, value ->> 1 AS token_no, \
         value ->> 2 AS decided_on, value ->> 3 AS step, value ->> 4 AS failures, \
         value ->> 5 AS locked_until, value ->> 6 AS locked FROM json_each($1)) AS w \
         WHERE verifiers.bucket = w.bucket AND verifiers.token_no = w.token_no \
         AND version = w.decided_on AND (w.step IS NULL OR (last_step < w.step \
         AND floor_step < w.step AND verifiers.locked = 0 AND suspended = 0)) \
         RETURNING bucket, token_no";
    const LINES: &str = "INSERT INTO audit (bucket, customer_id, at, id, institution_id, \
         actor_kind, actor_id, token_id, kind, result, reason, channel, screen, address, device, \
         request_id, correlation, before_json, after_json, v) SELECT \
         value ->> '$[0][0]', value ->> '$[0][1]', value ->> '$[0][2]', value ->> '$[0][3]', \
         value ->> '$[0][4]', value ->> '$[1][0]', value ->> '$[1][1]', value ->> '$[1][2]', \
         value ->> '$[1][3]', value ->> '$[1][4]', value ->> '$[2][0]', value ->> '$[2][1]', \
         value ->> '$[2][2]', value ->> '$[2][3]', value ->> '$[2][4]', value ->> '$[3][0]', \
         value ->> '$[3][1]', value ->> '$[3][2]', value ->> '$[3][3]', value ->> '$[3][4]' \
         FROM json_each($1)";
    const ANSWERS: &str = "INSERT INTO answers (bucket, customer_id, api_key_id, purpose, \
         key_hash, body_mac, answer, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let rows: Vec<_> = writes
        .iter()
        .filter_map(|w| w.change.as_ref())
        .map(|c| {
            let Counter { failures, locked_until, locked } = c.counter;
            let until = locked_until.map(|t| t.0);
            (c.bucket, c.token_no, c.version, c.accept, failures, until, i64::from(locked))
        })
        .collect();
    let mut changed: BTreeSet<(i64, i64)> = BTreeSet::new();
    if !rows.is_empty() {
        let rows: Vec<(i64, i64)> =
            sqlx::query_as(CHANGE).bind(json(&rows)).fetch_all(&mut **tx).await?;
        changed.extend(rows);
    }
    let done =
        |w: &Write| w.change.as_ref().is_none_or(|c| changed.contains(&(c.bucket, c.token_no)));
    let done: Vec<bool> = writes.iter().map(done).collect();
    let written = || writes.iter().zip(&done).filter(|(_, done)| **done).map(|(w, _)| w);
    let lines: Vec<_> = written().map(|w| line(&w.line)).collect();
    sqlx::query(LINES).bind(json(&lines)).execute(&mut **tx).await?;
    for a in written().filter_map(|w| w.answered.as_ref()) {
        sqlx::query(ANSWERS)
            .bind(a.bucket)
            .bind(&a.customer_id)
            .bind(&a.once.api_key)
            .bind(a.once.purpose)
            .bind(&a.once.key_hash)
            .bind(&a.body_mac)
            .bind(&a.answer)
            .bind(a.created_at)
            .execute(&mut **tx)
            .await?;
    }
    Ok(done)
}

fn line(a: &AuditRow) -> impl Serialize + use<'_> {
    let head = (a.bucket, &a.customer_id, a.at, a.id.to_string(), &a.institution_id);
    let who = (&a.actor_kind, &a.actor_id, &a.token_id, &a.kind, &a.result);
    let how = (&a.reason, &a.channel, &a.screen, &a.address, &a.device);
    let rest = (&a.request_id, &a.correlation, &a.before_json, &a.after_json, a.v);
    (head, who, how, rest)
}
