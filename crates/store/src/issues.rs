//! Issues: what one token issue needs until its use is started, and what is left of it.

use sqlx::FromRow;
use warifu_core::{
    ids::{CustomerId, InstitutionId, IssueId, TokenId},
    issue::IssueEnd,
    time::Millis,
};

use crate::{
    StoreError, Tx,
    customers::one,
    engine::{execute, fetch_all, fetch_optional},
    words::MaybeWord,
};

/// One issue of a token.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Issue {
    /// Id.
    #[sqlx(try_from = "String")]
    pub id: IssueId,
    /// The token it makes.
    #[sqlx(try_from = "String")]
    pub token_id: TokenId,
    /// The token holder's number, 12 digits.
    pub user_id: String,
    /// Phone address of BOT001, as typed.
    pub phone_address: String,
    /// MAC of `phone_address`.
    pub address_mac: Vec<u8>,
    /// MAC of the start password, bound to this row; gone when the issue ends.
    pub start_mac: Option<Vec<u8>>,
    /// The phone must be set up by then (ms).
    pub activate_until: i64,
    /// The use must be started by then (ms).
    pub start_until: i64,
    /// Until when the QR that was shown is good (ms); its secret follows from this.
    pub qr_until: i64,
    /// RFC 7638 thumbprint of the phone's ECDH key.
    pub ecdh_thumbprint: Option<String>,
    /// RFC 7638 thumbprint of the phone's ECDSA key.
    pub ecdsa_thumbprint: Option<String>,
    /// The activation, once there was one.
    pub activation_id: Option<String>,
    /// The answer that was given to the phone, sealed, for a repeat; gone when acknowledged.
    pub reply: Option<Vec<u8>>,
    /// When the phone acknowledged (ms).
    pub acknowledged_at: Option<i64>,
    /// When it was made (ms).
    pub created_at: i64,
    /// The deadline that runs (ms); none once the issue has ended.
    pub deadline: Option<i64>,
    /// When it ended (ms).
    pub ended_at: Option<i64>,
    /// Why it ended, unless by the start of its token's use.
    #[sqlx(try_from = "MaybeWord")]
    pub end_reason: Option<IssueEnd>,
}

impl Issue {
    /// What is left of an issue that has ended: no secret, no deadline.
    pub fn end(&mut self, reason: Option<IssueEnd>, now: Millis) {
        self.start_mac = None;
        self.reply = None;
        self.deadline = None;
        self.ended_at = Some(now.0);
        self.end_reason = reason;
    }
}

/// An issue whose deadline has passed.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Overdue {
    /// Whose.
    #[sqlx(try_from = "String")]
    pub customer_id: CustomerId,
    /// Which.
    #[sqlx(try_from = "String")]
    pub id: IssueId,
    /// The bank.
    pub institution_id: String,
    /// Since when (ms).
    pub deadline: i64,
}

/// A running issue in a list.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct RunningIssue {
    /// Whose.
    #[sqlx(try_from = "String")]
    pub customer_id: CustomerId,
    /// The bank's own number of that customer.
    pub customer_number: String,
    /// Which.
    #[sqlx(try_from = "String")]
    pub id: IssueId,
    /// When it ends by itself (ms).
    pub deadline: i64,
    /// A phone was set up; the start of use is waited for.
    pub is_set_up: bool,
}

/// Issues of one customer: the columns once, the rest where it is used.
macro_rules! issue_where {
    ($rest:literal) => {
        concat!(
            "SELECT id, token_id, user_id, phone_address, address_mac, start_mac, activate_until, \
             start_until, qr_until, ecdh_thumbprint, ecdsa_thumbprint, activation_id, reply, \
             acknowledged_at, created_at, deadline, ended_at, end_reason \
             FROM issues WHERE bucket = $1 AND customer_id = $2 ",
            $rest
        )
    };
}

impl Tx {
    /// Writes a new issue, which no phone has taken up yet.
    pub async fn insert_issue(&mut self, id: CustomerId, i: &Issue) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO issues (bucket, customer_id, id, token_id, user_id, \
             phone_address, address_mac, start_mac, activate_until, start_until, qr_until, \
             created_at, deadline) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
        execute!(
            self,
            SQL,
            i64::from(id.bucket()),
            id.to_string(),
            i.id.to_string(),
            i.token_id.to_string(),
            &i.user_id,
            &i.phone_address,
            &i.address_mac,
            i.start_mac.as_deref(),
            i.activate_until,
            i.start_until,
            i.qr_until,
            i.created_at,
            i.deadline
        )?;
        Ok(())
    }

    /// The issue of a customer that runs: one at most.
    pub async fn running_issue(&mut self, id: CustomerId) -> Result<Option<Issue>, StoreError> {
        const SQL: &str = issue_where!("AND ended_at IS NULL ORDER BY id DESC LIMIT 1");
        fetch_optional!(self, Issue, SQL, i64::from(id.bucket()), id.to_string())
    }

    /// The issue of a customer that runs, or else the newest.
    pub async fn newest_issue(&mut self, id: CustomerId) -> Result<Option<Issue>, StoreError> {
        const SQL: &str = issue_where!("ORDER BY ended_at IS NULL DESC, id DESC LIMIT 1");
        fetch_optional!(self, Issue, SQL, i64::from(id.bucket()), id.to_string())
    }

    /// The issue that made a token.
    pub async fn issue_of(
        &mut self,
        id: CustomerId,
        token: TokenId,
    ) -> Result<Option<Issue>, StoreError> {
        const SQL: &str = issue_where!("AND token_id = $3");
        let token = token.to_string();
        fetch_optional!(self, Issue, SQL, i64::from(id.bucket()), id.to_string(), token)
    }

    /// Reads one issue of a customer.
    pub async fn issue(
        &mut self,
        id: CustomerId,
        issue: IssueId,
    ) -> Result<Option<Issue>, StoreError> {
        const SQL: &str = issue_where!("AND id = $3");
        let issue = issue.to_string();
        fetch_optional!(self, Issue, SQL, i64::from(id.bucket()), id.to_string(), issue)
    }

    /// Writes an issue of a customer that this transaction has taken.
    pub async fn save_issue(&mut self, id: CustomerId, i: &Issue) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE issues SET start_mac = $4, qr_until = $5, ecdh_thumbprint = $6, \
             ecdsa_thumbprint = $7, activation_id = $8, reply = $9, acknowledged_at = $10, \
             deadline = $11, ended_at = $12, end_reason = $13, start_until = $14 \
             WHERE bucket = $1 AND customer_id = $2 AND id = $3";
        one(execute!(
            self,
            SQL,
            i64::from(id.bucket()),
            id.to_string(),
            i.id.to_string(),
            i.start_mac.as_deref(),
            i.qr_until,
            i.ecdh_thumbprint.as_deref(),
            i.ecdsa_thumbprint.as_deref(),
            i.activation_id.as_deref(),
            i.reply.as_deref(),
            i.acknowledged_at,
            i.deadline,
            i.ended_at,
            i.end_reason.map(IssueEnd::as_str),
            i.start_until
        )?)
    }

    /// How many tokens were issued to a customer since `since`.
    pub async fn issues_since(&mut self, id: CustomerId, since: Millis) -> Result<i64, StoreError> {
        const SQL: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM issues \
             WHERE bucket = $1 AND customer_id = $2 AND created_at >= $3";
        let row =
            fetch_optional!(self, (i64,), SQL, i64::from(id.bucket()), id.to_string(), since.0)?;
        Ok(row.map_or(0, |r| r.0))
    }

    /// The running issues of an institution, the one that ends next first.
    pub async fn running_issues(
        &mut self,
        institution: InstitutionId,
        now: Millis,
        limit: i64,
    ) -> Result<Vec<RunningIssue>, StoreError> {
        // By subqueries and not by a join: that might begin with all customers of the institution.
        const SQL: &str = "SELECT i.customer_id, (SELECT c.customer_number FROM customers c \
             WHERE c.bucket = i.bucket AND c.customer_id = i.customer_id) AS customer_number, \
             i.id, i.deadline, i.activation_id IS NOT NULL AS is_set_up FROM issues i \
             WHERE i.deadline > $1 AND (SELECT c.institution_id FROM customers c \
             WHERE c.bucket = i.bucket AND c.customer_id = i.customer_id) = $2 \
             ORDER BY i.deadline LIMIT $3";
        fetch_all!(self, RunningIssue, SQL, now.0, institution.to_string(), limit)
    }

    /// Open issues whose deadline has passed, oldest first, `limit` of those behind `after`.
    pub async fn overdue_issues(
        &mut self,
        now: Millis,
        after: Option<&Overdue>,
        limit: i64,
    ) -> Result<Vec<Overdue>, StoreError> {
        const SQL: &str = "SELECT i.customer_id, i.id, c.institution_id, i.deadline FROM issues i \
             JOIN customers c ON c.bucket = i.bucket AND c.customer_id = i.customer_id \
             WHERE i.deadline <= $1 AND (i.deadline, i.id) > ($2, $3) \
             ORDER BY i.deadline, i.id LIMIT $4";
        let (at, id) = after.map_or((i64::MIN, String::new()), |a| (a.deadline, a.id.to_string()));
        fetch_all!(self, Overdue, SQL, now.0, at, id, limit)
    }
}
