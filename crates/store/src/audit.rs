//! The audit trail: written in the transaction of the change it tells of.

use sqlx::FromRow;
use warifu_core::{ids::AuditId, time::Millis};

use crate::{
    StoreError, Tx,
    engine::{execute, fetch_all},
};

/// One line of the trail.
#[derive(Clone, Debug, FromRow)]
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

impl Tx {
    /// Adds a line. If this fails, the whole change fails.
    pub async fn record(&mut self, a: &AuditRow) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO audit (bucket, customer_id, at, id, institution_id, \
             actor_kind, actor_id, token_id, kind, result, reason, channel, screen, address, \
             device, request_id, correlation, before_json, after_json, v) VALUES ($1, $2, $3, $4, \
             $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)";
        execute!(
            self,
            SQL,
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
            a.v
        )?;
        Ok(())
    }

    /// The trail of one owner, oldest first.
    pub async fn audit_of(
        &mut self,
        bucket: i64,
        owner: &str,
        since: Millis,
        limit: i64,
    ) -> Result<Vec<AuditRow>, StoreError> {
        const SQL: &str = "SELECT bucket, customer_id, at, id, institution_id, actor_kind, \
             actor_id, token_id, kind, result, reason, channel, screen, address, device, \
             request_id, correlation, before_json, after_json, v FROM audit \
             WHERE bucket = $1 AND customer_id = $2 AND at >= $3 ORDER BY at, id LIMIT $4";
        fetch_all!(self, AuditRow, SQL, bucket, owner, since.0, limit)
    }

    /// Makes the partition of the month that begins at `from` and ends before `to`, where the engine
    /// has partitions. `name` is `audit_YYYY_MM`.
    pub async fn add_audit_month(
        &mut self,
        name: &str,
        from: Millis,
        to: Millis,
    ) -> Result<(), StoreError> {
        if !self.is_postgres() {
            return Ok(());
        }
        // A name of a table cannot be a parameter: only this shape is let through.
        let fits = name.len() == 13
            && name.starts_with("audit_")
            && name.bytes().skip(6).all(|b| b.is_ascii_digit() || b == b'_');
        if !fits {
            return Err(StoreError::Corrupt(format!("name of a partition: {name}")));
        }
        let sql = format!(
            "CREATE TABLE IF NOT EXISTS {name} PARTITION OF audit FOR VALUES FROM ({}) TO ({})",
            from.0, to.0
        );
        execute!(self, sqlx::AssertSqlSafe(sql.clone()))?;
        Ok(())
    }
}
