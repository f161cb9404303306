//! The outbox: mails wait here in the transaction that caused them; a worker claims them by lease.

use sqlx::FromRow;
use warifu_core::{
    ids::{CustomerId, InstitutionId, MailId},
    mail::MailState,
    time::Millis,
};

use crate::{
    StoreError, Tx,
    customers::one,
    engine::{execute, fetch_all, fetch_optional},
};

/// A mail in the outbox.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct MailRow {
    /// Id; the Message-ID is made from it, so a mail sent twice is known as the same.
    #[sqlx(try_from = "String")]
    pub id: MailId,
    /// Whose.
    #[sqlx(try_from = "String")]
    pub customer_id: CustomerId,
    /// The bank.
    #[sqlx(try_from = "String")]
    pub institution_id: InstitutionId,
    /// `mail-code`, `mail-token`, …
    pub kind: String,
    /// What it belongs to: a procedure or an issue, or empty.
    pub reference: String,
    /// Language of its reader.
    pub locale: String,
    /// Address as typed.
    pub recipient: String,
    /// Subject line.
    pub subject: String,
    /// Body, sealed; gone when a mail with a secret is sent or has expired.
    pub body: Option<Vec<u8>>,
    /// Carries the mail password.
    pub has_secret: bool,
    /// Reception number.
    pub reception: String,
    /// Where it stands.
    #[sqlx(try_from = "String")]
    pub state: MailState,
    /// Tries so far.
    pub attempts: i64,
    /// Next try, or end of the lease (ms).
    pub next_at: i64,
    /// Who holds the lease.
    pub leased_by: Option<String>,
    /// When it was written (ms).
    pub created_at: i64,
    /// After this it is dropped unsent (ms).
    pub expires_at: Option<i64>,
    /// When it was handed over (ms).
    pub sent_at: Option<i64>,
    /// Why the last try failed; never an address or a body.
    pub last_error: Option<String>,
}

impl Tx {
    /// Writes a mail beside the change that it tells of.
    pub async fn enqueue(&mut self, m: &MailRow) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO mails (bucket, customer_id, id, institution_id, kind, \
             reference, locale, recipient, subject, body, has_secret, reception, state, attempts, \
             next_at, created_at, expires_at) VALUES \
             ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'queued', 0, $13, $13, $14)";
        execute!(
            self,
            SQL,
            i64::from(m.customer_id.bucket()),
            m.customer_id.to_string(),
            m.id.to_string(),
            m.institution_id.to_string(),
            &m.kind,
            &m.reference,
            &m.locale,
            &m.recipient,
            &m.subject,
            m.body.as_deref(),
            m.has_secret,
            &m.reception,
            m.created_at,
            m.expires_at
        )?;
        Ok(())
    }

    /// Whether any mail is due.
    pub async fn mails_due(&mut self, now: Millis) -> Result<bool, StoreError> {
        const SQL: &str = "SELECT next_at FROM mails \
             WHERE state IN ('queued', 'sending') AND next_at <= $1 LIMIT 1";
        Ok(fetch_optional!(self, (i64,), SQL, now.0)?.is_some())
    }

    /// Claims mails that are due, for `lease` milliseconds; what an earlier holder did not finish in
    /// its lease is due again.
    pub async fn claim_mails(
        &mut self,
        holder: &str,
        now: Millis,
        lease: i64,
        limit: i64,
    ) -> Result<Vec<MailRow>, StoreError> {
        // PostgreSQL's workers step over each other's rows; SQLite has one writer, and rows on many servers
        // cannot be locked by one statement: of those, each is had by whoever takes it first.
        const DUE: &str = "SELECT bucket, customer_id, id FROM mails \
             WHERE state IN ('queued', 'sending') AND next_at <= $1 ORDER BY next_at LIMIT $2";
        const DUE_SKIPPING: &str = "SELECT bucket, customer_id, id FROM mails \
             WHERE state IN ('queued', 'sending') AND next_at <= $1 ORDER BY next_at LIMIT $2 \
             FOR UPDATE SKIP LOCKED";
        const TAKE: &str = "UPDATE mails SET state = 'sending', leased_by = $4, next_at = $5, \
             attempts = attempts + 1 WHERE bucket = $1 AND customer_id = $2 AND id = $3 \
             AND state IN ('queued', 'sending') AND next_at <= $6";
        const READ: &str = "SELECT id, customer_id, institution_id, kind, reference, locale, \
             recipient, subject, body, has_secret, reception, state, attempts, next_at, leased_by, created_at, \
             expires_at, sent_at, last_error FROM mails \
             WHERE bucket = $1 AND customer_id = $2 AND id = $3";
        let skips = self.is_postgres() && !self.is_distributed;
        let sql = if skips { DUE_SKIPPING } else { DUE };
        let due = fetch_all!(self, (i64, String, String), sql, now.0, limit)?;
        let mut mails = Vec::with_capacity(due.len());
        for (bucket, customer, id) in due {
            let until = now.0.saturating_add(lease);
            if execute!(self, TAKE, bucket, &customer, &id, holder, until, now.0)? == 0 {
                continue;
            }
            mails.extend(fetch_optional!(self, MailRow, READ, bucket, &customer, &id)?);
        }
        Ok(mails)
    }

    /// Writes the outcome of a try, if the lease is still this holder's; wipes a secret that was sent
    /// or has expired.
    pub async fn finish_mail(&mut self, m: &MailRow) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE mails SET state = $4, next_at = $5, sent_at = $6, \
             last_error = $7, body = $8, leased_by = NULL \
             WHERE bucket = $1 AND customer_id = $2 AND id = $3 AND leased_by = $9";
        one(execute!(
            self,
            SQL,
            i64::from(m.customer_id.bucket()),
            m.customer_id.to_string(),
            m.id.to_string(),
            m.state.as_str(),
            m.next_at,
            m.sent_at,
            m.last_error.as_deref(),
            m.body.as_deref(),
            m.leased_by.as_deref()
        )?)
    }

    /// Drops a customer's unsent mails that carry a secret: it is worth nothing any more. One that a
    /// worker holds just now is dropped when its try fails.
    pub async fn drop_secret_mails(
        &mut self,
        customer: CustomerId,
        now: Millis,
    ) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE mails SET expires_at = $3, \
             state = CASE WHEN state = 'queued' THEN 'expired' ELSE state END, \
             body = CASE WHEN state = 'queued' THEN NULL ELSE body END \
             WHERE bucket = $1 AND customer_id = $2 AND has_secret = $4 \
             AND state IN ('queued', 'sending')";
        execute!(self, SQL, i64::from(customer.bucket()), customer.to_string(), now.0, true)?;
        Ok(())
    }

    /// The states of the newest mails of one kind and reference, one per recipient.
    pub async fn mail_states(
        &mut self,
        customer: CustomerId,
        kind: &str,
        reference: &str,
    ) -> Result<Vec<MailState>, StoreError> {
        const SQL: &str = "SELECT state, created_at FROM mails \
             WHERE bucket = $1 AND customer_id = $2 AND kind = $3 AND reference = $4 \
             ORDER BY created_at DESC, id DESC";
        let rows = fetch_all!(
            self,
            (String, i64),
            SQL,
            i64::from(customer.bucket()),
            customer.to_string(),
            kind,
            reference
        )?;
        let newest = rows.first().map(|r| r.1);
        let states = rows.iter().filter(|r| Some(r.1) == newest).map(|r| r.0.parse());
        Ok(states.collect::<Result<_, _>>()?)
    }

    /// When the newest mail of one kind and reference was written.
    pub async fn newest_mail_at(
        &mut self,
        customer: CustomerId,
        kind: &str,
        reference: &str,
    ) -> Result<Option<Millis>, StoreError> {
        const SQL: &str = "SELECT created_at FROM mails \
             WHERE bucket = $1 AND customer_id = $2 AND kind = $3 AND reference = $4 \
             ORDER BY created_at DESC LIMIT 1";
        let row = fetch_optional!(
            self,
            (i64,),
            SQL,
            i64::from(customer.bucket()),
            customer.to_string(),
            kind,
            reference
        )?;
        Ok(row.map(|row| Millis(row.0)))
    }

    /// How many mails of one kind were written to a customer since `since`, and when the first was.
    pub async fn mails_since(
        &mut self,
        customer: CustomerId,
        kind: &str,
        since: Millis,
    ) -> Result<(i64, Option<i64>), StoreError> {
        const SQL: &str = "SELECT CAST(COUNT(*) AS BIGINT), MIN(created_at) FROM mails \
             WHERE bucket = $1 AND customer_id = $2 AND kind = $3 AND created_at > $4";
        let row = fetch_optional!(
            self,
            (i64, Option<i64>),
            SQL,
            i64::from(customer.bucket()),
            customer.to_string(),
            kind,
            since.0
        )?;
        Ok(row.unwrap_or((0, None)))
    }

    /// Removes mails that were written before `before` and wait for nothing.
    pub async fn sweep_mails(&mut self, before: Millis) -> Result<u64, StoreError> {
        const SQL: &str = "DELETE FROM mails WHERE created_at < $1 \
             AND state IN ('sent', 'failed', 'expired', 'bounced')";
        execute!(self, SQL, before.0)
    }

    /// A mail by its id alone: what a bounce names.
    pub async fn mail(&mut self, id: MailId) -> Result<Option<MailRow>, StoreError> {
        const SQL: &str = "SELECT id, customer_id, institution_id, kind, reference, locale, \
             recipient, subject, body, has_secret, reception, state, attempts, next_at, leased_by, \
             created_at, expires_at, sent_at, last_error FROM mails WHERE id = $1";
        fetch_optional!(self, MailRow, SQL, id.to_string())
    }

    /// Mails of an institution that were written before `before`, the newest first; of all states,
    /// or of one.
    pub async fn mails_of(
        &mut self,
        institution: InstitutionId,
        state: Option<MailState>,
        before: Millis,
        limit: i64,
    ) -> Result<Vec<MailRow>, StoreError> {
        const SQL: &str = "SELECT id, customer_id, institution_id, kind, reference, locale, \
             recipient, subject, body, has_secret, reception, state, attempts, next_at, leased_by, \
             created_at, expires_at, sent_at, last_error FROM mails \
             WHERE institution_id = $1 AND created_at < $2 AND ($3 = '' OR state = $3) \
             ORDER BY created_at DESC, id DESC LIMIT $4";
        let state = state.map_or("", MailState::as_str);
        fetch_all!(self, MailRow, SQL, institution.to_string(), before.0, state, limit)
    }

    /// Moves a mail from one state to another, with what came back and the time of its next try;
    /// zero rows when it stands elsewhere by now.
    pub async fn move_mail(&mut self, m: &MailRow, from: MailState) -> Result<u64, StoreError> {
        const SQL: &str = "UPDATE mails SET state = $4, last_error = $5, next_at = $6, \
             attempts = $7, expires_at = $8 \
             WHERE bucket = $1 AND customer_id = $2 AND id = $3 AND state = $9";
        execute!(
            self,
            SQL,
            i64::from(m.customer_id.bucket()),
            m.customer_id.to_string(),
            m.id.to_string(),
            m.state.as_str(),
            m.last_error.as_deref(),
            m.next_at,
            m.attempts,
            m.expires_at,
            from.as_str()
        )
    }

    /// How many mails stand in each state, for `doctor`.
    pub async fn mails_by_state(&mut self) -> Result<Vec<(MailState, i64)>, StoreError> {
        const SQL: &str =
            "SELECT state, CAST(COUNT(*) AS BIGINT) FROM mails GROUP BY state ORDER BY state";
        let rows = fetch_all!(self, (String, i64), SQL)?;
        rows.into_iter().map(|(state, count)| Ok((state.parse()?, count))).collect()
    }
}
