//! Mail passwords and confirmation numbers that were sent: one at a time is good for a procedure.

use sqlx::FromRow;
use warifu_core::{
    ids::{CustomerId, ProcedureId, SessionId},
    time::Millis,
};

use crate::{
    StoreError, Tx,
    engine::{execute, fetch_optional},
};

/// A mail password that was sent; the row holds its MAC.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct MailPassword {
    /// Id, bound into the MAC.
    pub id: String,
    /// The procedure it was sent for.
    #[sqlx(try_from = "String")]
    pub procedure_id: ProcedureId,
    /// The session it was sent in.
    #[sqlx(try_from = "String")]
    pub session_id: SessionId,
    /// MAC of the secret, bound to id, session, procedure and addresses.
    pub mac: Vec<u8>,
    /// Masked addresses, one a line.
    pub sent_to: String,
    /// When it was sent (ms).
    pub sent_at: i64,
    /// When it dies (ms).
    pub expires_at: i64,
    /// When it was used or replaced (ms).
    pub ended_at: Option<i64>,
}

impl Tx {
    /// Ends all mail passwords of a customer: used, replaced or logged out.
    pub async fn end_mail_passwords(
        &mut self,
        customer: CustomerId,
        now: Millis,
    ) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE mail_passwords SET ended_at = $3 \
             WHERE bucket = $1 AND customer_id = $2 AND ended_at IS NULL";
        execute!(self, SQL, i64::from(customer.bucket()), customer.to_string(), now.0)?;
        Ok(())
    }

    /// Writes a mail password; the ones before it die.
    pub async fn insert_mail_password(
        &mut self,
        customer: CustomerId,
        m: &MailPassword,
    ) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO mail_passwords (bucket, customer_id, id, procedure_id, \
             session_id, mac, sent_to, sent_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        self.end_mail_passwords(customer, Millis(m.sent_at)).await?;
        execute!(
            self,
            SQL,
            i64::from(customer.bucket()),
            customer.to_string(),
            &m.id,
            m.procedure_id.to_string(),
            m.session_id.to_string(),
            &m.mac,
            &m.sent_to,
            m.sent_at,
            m.expires_at
        )?;
        Ok(())
    }

    /// The newest mail password of a procedure.
    pub async fn mail_password(
        &mut self,
        customer: CustomerId,
        procedure: ProcedureId,
    ) -> Result<Option<MailPassword>, StoreError> {
        const SQL: &str = "SELECT id, procedure_id, session_id, mac, sent_to, sent_at, expires_at, \
             ended_at FROM mail_passwords \
             WHERE bucket = $1 AND customer_id = $2 AND procedure_id = $3 \
             ORDER BY sent_at DESC, ended_at IS NULL DESC, id DESC LIMIT 1";
        fetch_optional!(
            self,
            MailPassword,
            SQL,
            i64::from(customer.bucket()),
            customer.to_string(),
            procedure.to_string()
        )
    }

    /// How many mail passwords were sent to a customer since `since`, and when the earliest was.
    pub async fn mail_passwords_since(
        &mut self,
        customer: CustomerId,
        since: Millis,
    ) -> Result<(i64, Option<i64>), StoreError> {
        const SQL: &str = "SELECT CAST(COUNT(*) AS BIGINT), MIN(sent_at) FROM mail_passwords \
             WHERE bucket = $1 AND customer_id = $2 AND sent_at > $3";
        let row = fetch_optional!(
            self,
            (i64, Option<i64>),
            SQL,
            i64::from(customer.bucket()),
            customer.to_string(),
            since.0
        )?;
        Ok(row.unwrap_or((0, None)))
    }
}
