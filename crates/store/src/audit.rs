//! The audit trail: written in the transaction of the change it tells of.

use sqlx::FromRow;
use warifu_core::{ids::AuditId, time::Millis};

use crate::{
    StoreError, Tx,
    engine::{execute, fetch_all, fetch_optional},
    many::insert_all,
};

/// One line of the trail.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct AuditRow {
    /// Shard of the customer, or of the institution where there is none.
    pub bucket: i64,
    /// The customer, or the institution's id where there is none.
    pub customer_id: String,
    /// When (ms).
    pub at: i64,
    /// Id.
    #[sqlx(try_from = "String")]
    pub id: AuditId,
    /// The bank.
    pub institution_id: String,
    /// Who: kind.
    pub actor_kind: String,
    /// Who: id.
    pub actor_id: String,
    /// Which token.
    pub token_id: Option<String>,
    /// What happened: dotted, past tense.
    pub kind: String,
    /// `ok`, `refused`, `failed`.
    pub result: String,
    /// Why, as a stable word.
    pub reason: Option<String>,
    /// Through which door.
    pub channel: String,
    /// Screen ID.
    pub screen: Option<String>,
    /// Network address of the caller.
    pub address: Option<String>,
    /// Kind of the caller's device.
    pub device: Option<String>,
    /// Request it happened in.
    pub request_id: Option<String>,
    /// Session or procedure it belongs to.
    pub correlation: Option<String>,
    /// State before, as JSON.
    pub before_json: Option<String>,
    /// State after, as JSON.
    pub after_json: Option<String>,
    /// Version of this shape.
    pub v: i64,
}

/// What a customer is told of a line of its trail.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct EventRow {
    /// When (ms).
    pub at: i64,
    /// What happened: dotted, past tense.
    pub kind: String,
    /// Why, as a stable word.
    pub reason: Option<String>,
}

/// What happened to a customer. On SQLite an index has the lines that no batch has written, which these are.
macro_rules! events_where {
    ($more:literal) => {
        concat!(
            "SELECT at, kind, reason FROM (SELECT at, id, kind, reason, ROW_NUMBER() OVER \
             (PARTITION BY kind, CASE WHEN kind = 'passcode.refused' THEN reason ELSE '' END \
             ORDER BY at DESC, id DESC) AS nth FROM audit \
             WHERE bucket = $1 AND customer_id = $2 AND at >= $3 ",
            $more,
            "AND ((result = 'ok' AND kind IN ('token.issued', 'token.activated', \
             'token.started', 'token.released', 'token.expired', 'token.revoked', 'issue.died', \
             'counter.locked', 'counter.unlocked', 'password.changed', 'address.registered', \
             'address.removed', 'customer.stopped')) OR (result = 'ok' AND kind = 'session.ended' \
             AND reason = 'replaced') OR (kind IN ('passcode.refused', \
             'session.refused', 'confirmation.refused', 'mail_password.refused', 'password.refused') \
             AND channel = 'portal' AND reason IN ('wrong', 'used', 'credentials')))) AS e \
             WHERE kind NOT IN ('session.ended', 'passcode.refused', 'session.refused', \
             'confirmation.refused', 'mail_password.refused', 'password.refused', 'counter.locked') \
             OR nth <= $5 ORDER BY at DESC, id DESC LIMIT $4 + 8 * $5"
        )
    };
}

impl Tx {
    /// Adds a line. If this fails, the whole change fails.
    pub async fn record(&mut self, line: &AuditRow) -> Result<(), StoreError> {
        self.record_all(std::slice::from_ref(line)).await
    }

    /// Adds lines. If this fails, the whole change fails.
    pub async fn record_all(&mut self, lines: &[AuditRow]) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO audit (bucket, customer_id, at, id, institution_id, \
             actor_kind, actor_id, token_id, kind, result, reason, channel, screen, address, \
             device, request_id, correlation, before_json, after_json, v) VALUES ($1, $2, $3, $4, \
             $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)";
        insert_all!(self, SQL, lines, |a| [
            a.bucket,
            &a.customer_id,
            a.at,
            a.id.to_string(),
            &a.institution_id,
            &a.actor_kind,
            &a.actor_id,
            a.token_id.as_deref(),
            &a.kind,
            &a.result,
            a.reason.as_deref(),
            &a.channel,
            a.screen.as_deref(),
            a.address.as_deref(),
            a.device.as_deref(),
            a.request_id.as_deref(),
            a.correlation.as_deref(),
            a.before_json.as_deref(),
            a.after_json.as_deref(),
            a.v,
        ])?;
        Ok(())
    }

    /// The newest lines of one owner, oldest first.
    pub async fn newest_audit_of(
        &mut self,
        bucket: i64,
        owner: &str,
        since: Millis,
        limit: i64,
    ) -> Result<Vec<AuditRow>, StoreError> {
        const POSTGRES: &str = "SELECT bucket, customer_id, at, id, institution_id, actor_kind, \
             actor_id, token_id, kind, result, reason, channel, screen, address, device, \
             request_id, correlation, before_json, after_json, v FROM audit WHERE bucket = $1 \
             AND customer_id = $2 AND at >= $3 ORDER BY at DESC, id DESC LIMIT $4";
        // Those that batches wrote are found from the owner's tokens on, the others by the index.
        const SQLITE: &str = "WITH RECURSIVE chain (seq) AS (SELECT last_line FROM verifiers \
             WHERE bucket = ?1 AND customer_id = ?2 UNION ALL SELECT a.earlier FROM chain \
             JOIN audit a ON a.seq = chain.seq) SELECT bucket, customer_id, at, id, institution_id, \
             actor_kind, actor_id, token_id, kind, result, reason, channel, screen, address, \
             device, request_id, correlation, before_json, after_json, v FROM \
             (SELECT a.* FROM chain JOIN audit a ON a.seq = chain.seq UNION ALL SELECT * FROM audit \
             WHERE bucket = ?1 AND customer_id = ?2 AND at >= ?3 AND earlier IS NULL) \
             WHERE at >= ?3 ORDER BY at DESC, id DESC LIMIT ?4";
        let sql = if self.is_postgres() { POSTGRES } else { SQLITE };
        let mut rows = fetch_all!(self, AuditRow, sql, bucket, owner, since.0, limit)?;
        rows.reverse();
        Ok(rows)
    }

    /// What a customer is told of on its own page: what happened to it since, the newest first:
    /// `limit`, and beside them `logins` each of sessions that another login has ended, of what was typed
    /// wrongly on a page (by kind; a passcode that was used before is a kind of its own) and of locks, so that logins without end push nothing else aside.
    pub async fn events_of(
        &mut self,
        bucket: i64,
        owner: &str,
        since: Millis,
        (limit, logins): (i64, i64),
    ) -> Result<Vec<EventRow>, StoreError> {
        const POSTGRES: &str = events_where!("");
        const SQLITE: &str = events_where!("AND earlier IS NULL ");
        let sql = if self.is_postgres() { POSTGRES } else { SQLITE };
        fetch_all!(self, EventRow, sql, bucket, owner, since.0, limit, logins)
    }

    /// Makes the partition of the month that begins at `from` and ends before `to`, where the engine
    /// has partitions; what was written of that month before moves into it. `name` is
    /// `audit_YYYY_MM`.
    pub async fn add_audit_month(
        &mut self,
        name: &str,
        from: Millis,
        to: Millis,
    ) -> Result<(), StoreError> {
        const AS_LONG_AS_IT_TAKES: &str = "SET LOCAL statement_timeout = 0";
        const NO_WRITER: &str = "LOCK TABLE audit_other IN ACCESS EXCLUSIVE MODE";
        if !is_month(name) {
            return Err(StoreError::Corrupt(format!("name of a partition: {name}")));
        }
        if !self.is_postgres() || self.has_table(name).await? {
            return Ok(());
        }
        // PostgreSQL refuses a partition whose rows stand in the default one already.
        execute!(self, NO_WRITER)?;
        if self.has_table(name).await? {
            // Another node has made it while this one waited.
            return Ok(());
        }
        execute!(self, AS_LONG_AS_IT_TAKES)?;
        let (from, to) = (from.0, to.0);
        for sql in [
            format!("CREATE TABLE {name} (LIKE audit INCLUDING DEFAULTS INCLUDING CONSTRAINTS)"),
            format!(
                "WITH moved AS (DELETE FROM audit_other WHERE at >= {from} AND at < {to} \
                 RETURNING *) INSERT INTO {name} SELECT * FROM moved"
            ),
            format!("ALTER TABLE audit ATTACH PARTITION {name} FOR VALUES FROM ({from}) TO ({to})"),
        ] {
            execute!(self, sqlx::AssertSqlSafe(sql.clone()))?;
        }
        Ok(())
    }

    async fn has_table(&mut self, name: &str) -> Result<bool, StoreError> {
        const SQL: &str = "SELECT to_regclass($1) IS NOT NULL";
        Ok(fetch_optional!(self, (bool,), SQL, name)?.is_some_and(|row| row.0))
    }
}

// A name of a table cannot be a parameter: only this shape is let through.
fn is_month(name: &str) -> bool {
    let digits =
        |text: &str, count| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    name.strip_prefix("audit_")
        .and_then(|rest| rest.split_once('_'))
        .is_some_and(|(year, month)| digits(year, 4) && digits(month, 2))
}
