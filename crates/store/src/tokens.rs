//! Tokens and the hot table of verifiers.

use sqlx::FromRow;
use warifu_core::{
    counter::Counter,
    ids::{CustomerId, InstitutionId, TokenId},
    time::Millis,
    token::State,
    verify::{Drift, Mode, Off},
};

use crate::{
    Era, StoreError, Tx,
    customers::one,
    engine::{execute, fetch_all, fetch_optional},
};

/// A token. What a verification needs of it stands in its [`VerifierRow`].
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Token {
    /// Id.
    #[sqlx(try_from = "String")]
    pub id: TokenId,
    /// `software` or `hardware`.
    pub kind: String,
    /// Where it stands in its life.
    #[sqlx(try_from = "String")]
    pub state: State,
    /// Root secret, sealed.
    pub root: Option<Vec<u8>>,
    /// The phone's signing key (JWK), bound by `signing_mac`.
    pub signing_key: Option<String>,
    /// MAC of `signing_key`.
    pub signing_mac: Option<Vec<u8>>,
    /// What kind of phone was set up, for people.
    pub device: Option<String>,
    /// When it was issued (ms).
    pub issued_at: i64,
    /// When the phone was set up (ms).
    pub activated_at: Option<i64>,
    /// When its use was started (ms).
    pub started_at: Option<i64>,
    /// When it ended (ms).
    pub ended_at: Option<i64>,
    /// Its last day (ms).
    pub valid_until: i64,
    /// When time will do something to it by itself (ms): tell its end ahead, end it.
    pub due_at: Option<i64>,
    /// When it was suspended (ms).
    pub suspended_at: Option<i64>,
    /// Raised by each write.
    pub version: i64,
}

impl Token {
    /// What is left of a token that has ended: no secret, nothing to come.
    pub fn end(&mut self, state: State, now: Millis) {
        self.state = state;
        self.ended_at = Some(now.0);
        self.root = None;
        self.due_at = None;
    }
}

/// A token to which time is to do something.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct DueToken {
    /// Whose.
    #[sqlx(try_from = "String")]
    pub customer_id: CustomerId,
    /// Which.
    #[sqlx(try_from = "String")]
    pub id: TokenId,
    /// The bank.
    pub institution_id: String,
    /// Since when (ms).
    pub due_at: i64,
}

/// One row of the hot table.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct VerifierRow {
    /// Shard.
    pub bucket: i64,
    /// Whose.
    #[sqlx(try_from = "String")]
    pub customer_id: CustomerId,
    /// Which token.
    #[sqlx(try_from = "String")]
    pub token_id: TokenId,
    /// Whose customer that is.
    #[sqlx(try_from = "String")]
    pub institution_id: InstitutionId,
    /// Copy of the token's state, written with it.
    #[sqlx(try_from = "String")]
    pub state: State,
    /// Copy of the token's suspension, and of its customer's.
    pub suspended: bool,
    /// Copy of the customer's: until when transactions are held (ms).
    pub hold_until: Option<i64>,
    /// What its steps count.
    #[sqlx(try_from = "String")]
    pub mode: Mode,
    /// `sha1`, `sha256`, `sha512`.
    pub algorithm: String,
    /// Digits of a passcode.
    pub digits: i64,
    /// Seconds of a step.
    pub period: i64,
    /// The passcode key, sealed.
    pub sealed_key: Vec<u8>,
    /// The token's last day (ms).
    pub valid_until: i64,
    /// No step up to this one is accepted (after a restore, a changed timeline).
    pub floor_step: i64,
    /// Last accepted step; −1 before the first.
    pub last_step: i64,
    /// When the era began in which that was accepted, or the row made (ms).
    pub era: i64,
    /// Learned steps of a hardware token's clock.
    pub drift: i64,
    /// Since when that clock has been found off them (ms): ahead, or behind where negative.
    pub drift_seen: Option<i64>,
    /// Wrong ones in a row.
    pub failures: i64,
    /// Locked until (ms).
    pub locked_until: Option<i64>,
    /// Locked until someone unlocks.
    pub locked: bool,
    /// Raised by each write; an accepting write names the one it was decided on.
    pub version: i64,
}

impl VerifierRow {
    /// The counter as the rules know it.
    #[must_use]
    pub fn counter(&self) -> Counter {
        Counter {
            failures: u32::try_from(self.failures).unwrap_or(u32::MAX),
            locked_until: self.locked_until.map(Millis),
            locked: self.locked,
        }
    }

    /// What was learned of the token's clock, as the rules know it.
    #[must_use]
    pub fn drift(&self) -> Drift {
        let off = self.drift_seen.map(|seen| {
            let off = if seen < 0 { Off::Slow } else { Off::Fast };
            (off, Millis(seen.saturating_abs()))
        });
        Drift { steps: self.drift, off }
    }
}

fn drift_seen(drift: Drift) -> Option<i64> {
    drift.off.map(|(off, since)| if off == Off::Slow { -since.0 } else { since.0 })
}

/// Tokens of one customer: the columns once, the rest where it is used.
macro_rules! token_where {
    ($rest:literal) => {
        concat!(
            "SELECT id, kind, state, root, signing_key, signing_mac, device, issued_at, \
             activated_at, started_at, ended_at, valid_until, due_at, suspended_at, version \
             FROM tokens WHERE bucket = $1 AND customer_id = $2 ",
            $rest
        )
    };
}

impl Tx {
    /// Writes a new token, which no phone has yet.
    pub async fn insert_token(&mut self, id: CustomerId, t: &Token) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO tokens (bucket, customer_id, id, kind, state, \
             issued_at, valid_until, version) VALUES ($1, $2, $3, $4, $5, $6, $7, 1)";
        execute!(
            self,
            SQL,
            i64::from(id.bucket()),
            id.to_string(),
            t.id.to_string(),
            &t.kind,
            t.state.as_str(),
            t.issued_at,
            t.valid_until
        )?;
        Ok(())
    }

    /// All tokens of a customer, newest first.
    pub async fn tokens(&mut self, id: CustomerId) -> Result<Vec<Token>, StoreError> {
        const SQL: &str = token_where!("ORDER BY id DESC");
        fetch_all!(self, Token, SQL, i64::from(id.bucket()), id.to_string())
    }

    /// The tokens of a customer whose life has not ended, newest first: two at most.
    pub async fn living_tokens(&mut self, id: CustomerId) -> Result<Vec<Token>, StoreError> {
        const SQL: &str = token_where!("AND ended_at IS NULL ORDER BY id DESC");
        fetch_all!(self, Token, SQL, i64::from(id.bucket()), id.to_string())
    }

    /// The living tokens of a customer and the one that was issued last, which may have ended; newest
    /// first.
    pub async fn standing_tokens(&mut self, id: CustomerId) -> Result<Vec<Token>, StoreError> {
        const SQL: &str = token_where!(
            "AND (ended_at IS NULL OR id = (SELECT MAX(id) FROM tokens \
             WHERE bucket = $1 AND customer_id = $2)) ORDER BY id DESC"
        );
        fetch_all!(self, Token, SQL, i64::from(id.bucket()), id.to_string())
    }

    /// Reads one token of a customer.
    pub async fn token(
        &mut self,
        id: CustomerId,
        token: TokenId,
    ) -> Result<Option<Token>, StoreError> {
        const SQL: &str = token_where!("AND id = $3");
        fetch_optional!(self, Token, SQL, i64::from(id.bucket()), id.to_string(), token.to_string())
    }

    /// Writes a token that was read in this transaction.
    pub async fn save_token(&mut self, id: CustomerId, t: &Token) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE tokens SET state = $4, root = $5, signing_key = $6, \
             signing_mac = $7, device = $8, activated_at = $9, started_at = $10, ended_at = $11, \
             valid_until = $12, due_at = $13, suspended_at = $14, version = version + 1 \
             WHERE bucket = $1 AND customer_id = $2 AND id = $3 AND version = $15";
        one(execute!(
            self,
            SQL,
            i64::from(id.bucket()),
            id.to_string(),
            t.id.to_string(),
            t.state.as_str(),
            t.root.as_deref(),
            t.signing_key.as_deref(),
            t.signing_mac.as_deref(),
            t.device.as_deref(),
            t.activated_at,
            t.started_at,
            t.ended_at,
            t.valid_until,
            t.due_at,
            t.suspended_at,
            t.version
        )?)
    }

    /// Tokens to which time is to do something by now, the longest overdue first, `limit` of those
    /// behind `after`.
    pub async fn due_tokens(
        &mut self,
        now: Millis,
        after: Option<&DueToken>,
        limit: i64,
    ) -> Result<Vec<DueToken>, StoreError> {
        const SQL: &str = "SELECT t.customer_id, t.id, c.institution_id, t.due_at FROM tokens t \
             JOIN customers c ON c.bucket = t.bucket AND c.customer_id = t.customer_id \
             WHERE t.due_at <= $1 AND (t.due_at, t.id) > ($2, $3) \
             ORDER BY t.due_at, t.id LIMIT $4";
        let (at, id) = after.map_or((i64::MIN, String::new()), |a| (a.due_at, a.id.to_string()));
        fetch_all!(self, DueToken, SQL, now.0, at, id, limit)
    }

    /// Writes a new row of the hot table, without drift, failures or locks.
    pub async fn insert_verifier(&mut self, v: &VerifierRow) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO verifiers (bucket, customer_id, token_id, institution_id, \
             state, suspended, hold_until, mode, algorithm, digits, period, sealed_key, \
             valid_until, floor_step, last_step, era, drift, failures, locked, version) VALUES \
             ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, 0, 0, $17, 1)";
        execute!(
            self,
            SQL,
            v.bucket,
            v.customer_id.to_string(),
            v.token_id.to_string(),
            v.institution_id.to_string(),
            v.state.as_str(),
            v.suspended,
            v.hold_until,
            v.mode.as_str(),
            &v.algorithm,
            v.digits,
            v.period,
            &v.sealed_key,
            v.valid_until,
            v.floor_step,
            v.last_step,
            v.era,
            false
        )?;
        Ok(())
    }

    /// Takes a row of the hot table for this transaction: no batch writes it until the end, and none
    /// that was decided before writes it afterwards.
    pub async fn take_verifier(
        &mut self,
        customer: CustomerId,
        token: TokenId,
    ) -> Result<Option<VerifierRow>, StoreError> {
        const SQL: &str = "UPDATE verifiers SET version = version + 1 \
             WHERE bucket = $1 AND customer_id = $2 AND token_id = $3";
        let (bucket, id) = (i64::from(customer.bucket()), customer.to_string());
        match execute!(self, SQL, bucket, id, token.to_string())? {
            0 => Ok(None),
            _ => self.verifier(customer, token).await,
        }
    }

    /// Reads a row of the hot table.
    pub async fn verifier(
        &mut self,
        customer: CustomerId,
        token: TokenId,
    ) -> Result<Option<VerifierRow>, StoreError> {
        const SQL: &str = "SELECT bucket, customer_id, token_id, institution_id, state, suspended, \
             hold_until, mode, algorithm, digits, period, sealed_key, valid_until, floor_step, \
             last_step, era, drift, drift_seen, failures, locked_until, locked, version FROM verifiers \
             WHERE bucket = $1 AND customer_id = $2 AND token_id = $3";
        fetch_optional!(
            self,
            VerifierRow,
            SQL,
            i64::from(customer.bucket()),
            customer.to_string(),
            token.to_string()
        )
    }

    /// Spends a step: the one write that accepts a passcode; with it, what that teaches of the token's
    /// clock. `Conflict` when the row is not the one that was decided on any more; then nothing was
    /// accepted.
    pub async fn accept_step(
        &mut self,
        v: &VerifierRow,
        (step, era): (i64, Era),
        learned: Option<Drift>,
    ) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE verifiers SET last_step = $4, failures = 0, locked_until = NULL, \
             drift = $7, drift_seen = $8, era = $9, version = version + 1 \
             WHERE bucket = $1 AND customer_id = $2 AND token_id = $3 \
             AND last_step < $4 AND floor_step < $4 AND version = $5 AND locked = $6 \
             AND suspended = $6";
        let drift = learned.unwrap_or_else(|| v.drift());
        one(execute!(
            self,
            SQL,
            v.bucket,
            v.customer_id.to_string(),
            v.token_id.to_string(),
            step,
            v.version,
            false,
            drift.steps,
            drift_seen(drift),
            era.began.0
        )?)
    }

    /// Writes what a refused guess leaves: the counter.
    pub async fn count_failure(
        &mut self,
        v: &VerifierRow,
        counter: &Counter,
    ) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE verifiers SET failures = $4, locked_until = $5, locked = $6, \
             version = version + 1 WHERE bucket = $1 AND customer_id = $2 AND token_id = $3 \
             AND version = $7";
        one(execute!(
            self,
            SQL,
            v.bucket,
            v.customer_id.to_string(),
            v.token_id.to_string(),
            i64::from(counter.failures),
            counter.locked_until.map(|t| t.0),
            counter.locked,
            v.version
        )?)
    }

    /// How many tokens in use say something else of their customer in the hot table than its own row does:
    /// the bank, a stop, until when transactions are held. For `doctor`.
    pub async fn odd_verifiers(&mut self) -> Result<i64, StoreError> {
        const SQL: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM verifiers v LEFT JOIN customers c \
             ON c.bucket = v.bucket AND c.customer_id = v.customer_id WHERE v.state = 'in_use' \
             AND (c.customer_id IS NULL OR c.institution_id <> v.institution_id \
             OR COALESCE(c.hold_until, 0) <> COALESCE(v.hold_until, 0) \
             OR (c.suspended_at IS NOT NULL AND NOT v.suspended))";
        Ok(fetch_optional!(self, (i64,), SQL)?.map_or(0, |row| row.0))
    }

    /// Customers who are asked for a passcode and have no token in use. For a restore.
    pub async fn customers_without_token(&mut self) -> Result<Vec<CustomerId>, StoreError> {
        const SQL: &str = "SELECT customer_id FROM customers c WHERE c.otp_required \
             AND NOT EXISTS (SELECT 1 FROM tokens t WHERE t.bucket = c.bucket \
             AND t.customer_id = c.customer_id AND t.state = 'in_use') ORDER BY customer_id";
        let rows = fetch_all!(self, (String,), SQL)?;
        let corrupt = |id: &str| StoreError::Corrupt(format!("customer {id}"));
        rows.into_iter().map(|(id,)| id.parse().map_err(|_| corrupt(&id))).collect()
    }

    /// Writes until when a customer's transactions are held into the hot table. Each token's row has a
    /// new version with it: a transaction that is being decided without the hold is decided again.
    pub async fn hold_verifiers(
        &mut self,
        id: CustomerId,
        until: Option<i64>,
    ) -> Result<u64, StoreError> {
        const SQL: &str = "UPDATE verifiers SET hold_until = $3, version = version + 1 \
             WHERE bucket = $1 AND customer_id = $2";
        execute!(self, SQL, i64::from(id.bucket()), id.to_string(), until)
    }

    /// Writes state and suspension of a token into the hot table; every act on a token ends here, so
    /// that a verification that is under way writes nothing. A token that has ended keeps no key.
    pub async fn set_verifier(
        &mut self,
        customer: CustomerId,
        token: TokenId,
        state: State,
        suspended: bool,
    ) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE verifiers SET state = $4, suspended = $5, \
             sealed_key = CASE WHEN $6 THEN $7 ELSE sealed_key END, version = version + 1 \
             WHERE bucket = $1 AND customer_id = $2 AND token_id = $3";
        let ended = matches!(state, State::Released | State::Revoked | State::Expired);
        let none: &[u8] = &[];
        one(execute!(
            self,
            SQL,
            i64::from(customer.bucket()),
            customer.to_string(),
            token.to_string(),
            state.as_str(),
            suspended,
            ended,
            none
        )?)
    }
}
