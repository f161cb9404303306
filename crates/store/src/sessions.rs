//! Sessions and the procedures that run inside them.

use sqlx::FromRow;
use warifu_core::{
    ids::{CustomerId, ProcedureId, SessionId},
    procedure::{Flow, ProcedureEnd, Step},
    session::{Level, SessionEnd},
    time::Millis,
};

use crate::{
    StoreError, Tx,
    customers::one,
    engine::{execute, fetch_optional},
    words::MaybeWord,
};

/// A session. The cookie holds the secret; the row holds its hash.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Session {
    /// Id, for logs and audit.
    #[sqlx(try_from = "String")]
    pub id: SessionId,
    /// Whose.
    #[sqlx(try_from = "String")]
    pub customer_id: CustomerId,
    /// SHA-256 of the secret.
    pub secret_hash: Vec<u8>,
    /// How far its proofs go.
    #[sqlx(try_from = "String")]
    pub level: Level,
    /// When it began (ms).
    pub created_at: i64,
    /// Last request (ms, to about 15 s).
    pub seen_at: i64,
    /// Ends here without a request (ms).
    pub idle_until: i64,
    /// Ends here at the latest (ms).
    pub ends_at: i64,
    /// When it was ended (ms).
    pub ended_at: Option<i64>,
    /// Why it was ended.
    #[sqlx(try_from = "MaybeWord")]
    pub end_reason: Option<SessionEnd>,
}

/// A procedure: a row on the server that says how far its customer has come.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Procedure {
    /// What pages carry.
    #[sqlx(try_from = "String")]
    pub id: ProcedureId,
    /// The session it was begun in; no other may go on with it.
    #[sqlx(try_from = "String")]
    pub session_id: SessionId,
    /// Which procedure it is.
    #[sqlx(try_from = "String")]
    pub kind: Flow,
    /// The step that is waited for.
    #[sqlx(try_from = "String")]
    pub step: Step,
    /// What was typed so far, sealed.
    pub input: Option<Vec<u8>>,
    /// When it was begun (ms).
    pub created_at: i64,
    /// When it dies of age (ms).
    pub expires_at: i64,
    /// When it ended (ms).
    pub ended_at: Option<i64>,
    /// How it ended.
    #[sqlx(try_from = "MaybeWord")]
    pub outcome: Option<ProcedureEnd>,
    /// Raised by each step.
    pub version: i64,
}

impl Tx {
    /// Writes a new session.
    pub async fn insert_session(&mut self, s: &Session) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO sessions (bucket, customer_id, id, secret_hash, level, \
             created_at, seen_at, idle_until, ends_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        execute!(
            self,
            SQL,
            i64::from(s.customer_id.bucket()),
            s.customer_id.to_string(),
            s.id.to_string(),
            &s.secret_hash,
            s.level.as_str(),
            s.created_at,
            s.seen_at,
            s.idle_until,
            s.ends_at
        )?;
        Ok(())
    }

    /// Finds a session by the hash of its secret; ended ones too, so that their owner is told why.
    pub async fn session(
        &mut self,
        customer: CustomerId,
        secret_hash: &[u8],
    ) -> Result<Option<Session>, StoreError> {
        const SQL: &str = "SELECT id, customer_id, secret_hash, level, created_at, seen_at, \
             idle_until, ends_at, ended_at, end_reason FROM sessions \
             WHERE bucket = $1 AND customer_id = $2 AND secret_hash = $3";
        fetch_optional!(
            self,
            Session,
            SQL,
            i64::from(customer.bucket()),
            customer.to_string(),
            secret_hash
        )
    }

    /// Reads a session by its id.
    pub async fn session_of(
        &mut self,
        customer: CustomerId,
        session: SessionId,
    ) -> Result<Option<Session>, StoreError> {
        const SQL: &str = "SELECT id, customer_id, secret_hash, level, created_at, seen_at, \
             idle_until, ends_at, ended_at, end_reason FROM sessions \
             WHERE bucket = $1 AND customer_id = $2 AND id = $3";
        fetch_optional!(
            self,
            Session,
            SQL,
            i64::from(customer.bucket()),
            customer.to_string(),
            session.to_string()
        )
    }

    /// Notes a request of a living session.
    pub async fn touch_session(&mut self, s: &Session) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE sessions SET seen_at = $4, \
             idle_until = CASE WHEN idle_until < $5 THEN $5 ELSE idle_until END \
             WHERE bucket = $1 AND customer_id = $2 AND id = $3 AND ended_at IS NULL";
        execute!(
            self,
            SQL,
            i64::from(s.customer_id.bucket()),
            s.customer_id.to_string(),
            s.id.to_string(),
            s.seen_at,
            s.idle_until
        )?;
        Ok(())
    }

    /// Gives a living session a new secret; zero rows when it has ended or has another by now.
    pub async fn rekey_session(&mut self, s: &Session, hash: &[u8]) -> Result<u64, StoreError> {
        const SQL: &str = "UPDATE sessions SET secret_hash = $4, old_hash = $5 WHERE bucket = $1 \
             AND customer_id = $2 AND id = $3 AND secret_hash = $5 AND ended_at IS NULL";
        execute!(
            self,
            SQL,
            i64::from(s.customer_id.bucket()),
            s.customer_id.to_string(),
            s.id.to_string(),
            hash,
            &s.secret_hash
        )
    }

    /// Whether a living session had this secret before its last renewal.
    pub async fn is_renewed(
        &mut self,
        customer: CustomerId,
        old_hash: &[u8],
    ) -> Result<bool, StoreError> {
        const SQL: &str = "SELECT created_at FROM sessions WHERE bucket = $1 \
             AND customer_id = $2 AND old_hash = $3 AND ended_at IS NULL";
        let bucket = i64::from(customer.bucket());
        let row = fetch_optional!(self, (i64,), SQL, bucket, customer.to_string(), old_hash)?;
        Ok(row.is_some())
    }

    /// Ends one session; zero rows when it had ended already.
    pub async fn end_session(
        &mut self,
        customer: CustomerId,
        session: SessionId,
        reason: SessionEnd,
        now: Millis,
    ) -> Result<u64, StoreError> {
        const SQL: &str = "UPDATE sessions SET ended_at = $4, end_reason = $5 \
             WHERE bucket = $1 AND customer_id = $2 AND id = $3 AND ended_at IS NULL";
        execute!(
            self,
            SQL,
            i64::from(customer.bucket()),
            customer.to_string(),
            session.to_string(),
            now.0,
            reason.as_str()
        )
    }

    /// Ends all sessions of a customer that nothing has ended, those too that have run out.
    pub async fn end_sessions(
        &mut self,
        customer: CustomerId,
        reason: SessionEnd,
        now: Millis,
    ) -> Result<u64, StoreError> {
        const SQL: &str = "UPDATE sessions SET ended_at = $3, end_reason = $4 \
             WHERE bucket = $1 AND customer_id = $2 AND ended_at IS NULL";
        execute!(
            self,
            SQL,
            i64::from(customer.bucket()),
            customer.to_string(),
            now.0,
            reason.as_str()
        )
    }

    /// How many sessions of a customer have neither been ended nor run out.
    pub async fn living_sessions(
        &mut self,
        customer: CustomerId,
        now: Millis,
    ) -> Result<i64, StoreError> {
        const SQL: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM sessions \
             WHERE bucket = $1 AND customer_id = $2 AND ended_at IS NULL \
             AND level = 'full' AND idle_until > $3 AND ends_at > $3";
        let bucket = i64::from(customer.bucket());
        let row = fetch_optional!(self, (i64,), SQL, bucket, customer.to_string(), now.0)?;
        Ok(row.map_or(0, |r| r.0))
    }

    /// The same for all sessions of a customer but one.
    pub async fn end_other_sessions(
        &mut self,
        customer: CustomerId,
        but: SessionId,
        reason: SessionEnd,
        now: Millis,
    ) -> Result<u64, StoreError> {
        const SQL: &str = "UPDATE sessions SET ended_at = $4, end_reason = $5 \
             WHERE bucket = $1 AND customer_id = $2 AND id <> $3 AND ended_at IS NULL";
        execute!(
            self,
            SQL,
            i64::from(customer.bucket()),
            customer.to_string(),
            but.to_string(),
            now.0,
            reason.as_str()
        )
    }

    /// Removes sessions, procedures and mail passwords whose end lies before `before`; the cookies and
    /// pages that name them mean nothing any more.
    pub async fn sweep_sessions(&mut self, before: Millis) -> Result<u64, StoreError> {
        const SESSIONS: &str = "DELETE FROM sessions WHERE ends_at < $1";
        const PROCEDURES: &str = "DELETE FROM procedures WHERE expires_at < $1";
        const MAIL_PASSWORDS: &str = "DELETE FROM mail_passwords WHERE expires_at < $1";
        Ok(execute!(self, SESSIONS, before.0)?
            + execute!(self, PROCEDURES, before.0)?
            + execute!(self, MAIL_PASSWORDS, before.0)?)
    }

    /// Writes a new procedure; a newer one of the same kind ends the older, whatever its session.
    pub async fn begin_procedure(
        &mut self,
        customer: CustomerId,
        p: &Procedure,
    ) -> Result<(), StoreError> {
        const END: &str = "UPDATE procedures SET ended_at = $4, outcome = 'superseded', \
             input = NULL, version = version + 1 \
             WHERE bucket = $1 AND customer_id = $2 AND kind = $3 AND ended_at IS NULL";
        const SQL: &str = "INSERT INTO procedures (bucket, customer_id, id, session_id, kind, step, \
             input, created_at, expires_at, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1)";
        let bucket = i64::from(customer.bucket());
        execute!(self, END, bucket, customer.to_string(), p.kind.as_str(), p.created_at)?;
        execute!(
            self,
            SQL,
            bucket,
            customer.to_string(),
            p.id.to_string(),
            p.session_id.to_string(),
            p.kind.as_str(),
            p.step.as_str(),
            p.input.as_deref(),
            p.created_at,
            p.expires_at
        )?;
        Ok(())
    }

    /// Reads a procedure of this customer.
    pub async fn procedure(
        &mut self,
        customer: CustomerId,
        id: ProcedureId,
    ) -> Result<Option<Procedure>, StoreError> {
        const SQL: &str = "SELECT id, session_id, kind, step, input, created_at, expires_at, \
             ended_at, outcome, version FROM procedures \
             WHERE bucket = $1 AND customer_id = $2 AND id = $3";
        fetch_optional!(
            self,
            Procedure,
            SQL,
            i64::from(customer.bucket()),
            customer.to_string(),
            id.to_string()
        )
    }

    /// Moves a procedure on; `Conflict` when someone moved it since it was read.
    pub async fn save_procedure(
        &mut self,
        customer: CustomerId,
        p: &Procedure,
    ) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE procedures SET step = $4, input = $5, expires_at = $6, \
             ended_at = $7, outcome = $8, version = version + 1 \
             WHERE bucket = $1 AND customer_id = $2 AND id = $3 AND version = $9";
        one(execute!(
            self,
            SQL,
            i64::from(customer.bucket()),
            customer.to_string(),
            p.id.to_string(),
            p.step.as_str(),
            p.input.as_deref(),
            p.expires_at,
            p.ended_at,
            p.outcome.map(ProcedureEnd::as_str),
            p.version
        )?)
    }

    /// Ends what still runs in a session that ends: its procedures and mail passwords.
    pub async fn end_procedures(
        &mut self,
        customer: CustomerId,
        outcome: ProcedureEnd,
        now: Millis,
    ) -> Result<(), StoreError> {
        const PROCEDURES: &str = "UPDATE procedures SET ended_at = $3, outcome = $4, input = NULL, \
             version = version + 1 WHERE bucket = $1 AND customer_id = $2 AND ended_at IS NULL";
        let bucket = i64::from(customer.bucket());
        execute!(self, PROCEDURES, bucket, customer.to_string(), now.0, outcome.as_str())?;
        self.end_mail_passwords(customer, now).await
    }
}
