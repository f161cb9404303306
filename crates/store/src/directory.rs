//! The directory: what a login ID, customer number, user ID, activation or token points to.

use std::collections::BTreeSet;

use sqlx::FromRow;
use warifu_core::{
    ids::{CustomerId, InstitutionId},
    time::Millis,
};

use crate::{
    StoreError, Tx,
    engine::{Inner, execute, fetch_all, fetch_optional},
    many::insert_all,
};

/// Where something that is found from outside points to.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Found {
    /// Shard of the customer.
    pub bucket: i64,
    /// The customer.
    #[sqlx(try_from = "String")]
    pub customer_id: CustomerId,
    /// What of the customer's is meant: an issue's id, or empty.
    pub reference: String,
}

/// What the directory is keyed by, beside the institution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// Login ID, lower case.
    LoginId,
    /// The bank's own number.
    CustomerNumber,
    /// The token holder's number of one issue.
    UserId,
    /// A phone's activation.
    Activation,
    /// A token that a phone holds.
    Token,
}

impl Key {
    fn as_str(self) -> &'static str {
        match self {
            Self::LoginId => "login_id",
            Self::CustomerNumber => "customer_number",
            Self::UserId => "user_id",
            Self::Activation => "activation",
            Self::Token => "token",
        }
    }
}

/// Each by its key, whatever the planner believes of a table that has just been filled: a plan for all of them at
/// once compared each with every row.
pub(crate) const TAKEN: &str = "SELECT wanted FROM unnest(CAST($3 AS TEXT[])) AS wanted WHERE \
     (SELECT TRUE FROM directory WHERE institution_id = $1 AND kind = $2 AND value = wanted)";

impl Tx {
    /// Finds what a login ID, customer number or user ID of this institution points to.
    pub async fn find(
        &mut self,
        institution: InstitutionId,
        key: Key,
        value: &str,
    ) -> Result<Option<Found>, StoreError> {
        const SQL: &str = "SELECT bucket, customer_id, reference FROM directory \
             WHERE institution_id = $1 AND kind = $2 AND value = $3";
        fetch_optional!(self, Found, SQL, institution.to_string(), key.as_str(), value)
    }

    /// Which of these values somebody has.
    pub async fn taken(
        &mut self,
        institution: InstitutionId,
        key: Key,
        values: &[&str],
    ) -> Result<BTreeSet<String>, StoreError> {
        const SQLITE: &str = "SELECT value FROM directory WHERE institution_id = $1 \
             AND kind = $2 AND value IN (SELECT value FROM json_each($3))";
        // Citus leads a text to its shards by what it compares with.
        const DISTRIBUTED: &str = "SELECT value FROM directory WHERE institution_id = $1 \
             AND kind = $2 AND value = ANY($3)";
        // No database keeps a text with one, and SQLite would end it there.
        let values: Vec<_> = values.iter().filter(|value| !value.contains('\0')).copied().collect();
        let postgres = if self.is_distributed { DISTRIBUTED } else { TAKEN };
        let (institution, key) = (institution.to_string(), key.as_str());
        let found: Result<Vec<String>, _> = match &mut self.inner {
            Inner::Sqlite(tx) => {
                let values = serde_json::json!(values).to_string();
                let query = sqlx::query_scalar(SQLITE).bind(institution).bind(key).bind(values);
                query.fetch_all(&mut **tx).await
            }
            Inner::Postgres(tx) => {
                let query = sqlx::query_scalar(postgres).bind(institution).bind(key).bind(values);
                query.fetch_all(&mut **tx).await
            }
        };
        Ok(found.map_err(|error| self.broke(error))?.into_iter().collect())
    }

    /// Takes a key of the directory; `Conflict` when someone has it, and another can be tried.
    pub async fn reserve(
        &mut self,
        institution: InstitutionId,
        key: Key,
        value: &str,
        customer: CustomerId,
        reference: &str,
        now: Millis,
    ) -> Result<(), StoreError> {
        self.reserve_all(institution, &[(key, value, customer, reference)], now).await
    }

    /// Takes keys of the directory; `Conflict` when someone has one of them. The others are taken then, so that
    /// this transaction is to be given up.
    pub async fn reserve_all(
        &mut self,
        institution: InstitutionId,
        keys: &[(Key, &str, CustomerId, &str)],
        now: Millis,
    ) -> Result<(), StoreError> {
        // Not by the error of a double key: that would undo the whole transaction.
        const SQL: &str = "INSERT INTO directory \
             (institution_id, kind, value, bucket, customer_id, reference, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) \
             ON CONFLICT (institution_id, kind, value) DO NOTHING";
        let taken = insert_all!(self, SQL, keys, |(key, value, customer, reference)| [
            institution.to_string(),
            key.as_str(),
            *value,
            i64::from(customer.bucket()),
            customer.to_string(),
            *reference,
            now.0,
        ])?;
        if taken == keys.len() as u64 { Ok(()) } else { Err(StoreError::Conflict) }
    }

    /// Frees a key of the directory.
    pub async fn free(
        &mut self,
        institution: InstitutionId,
        key: Key,
        value: &str,
    ) -> Result<(), StoreError> {
        const SQL: &str =
            "DELETE FROM directory WHERE institution_id = $1 AND kind = $2 AND value = $3";
        execute!(self, SQL, institution.to_string(), key.as_str(), value)?;
        Ok(())
    }

    /// Customers of an institution by their number, from the one after `after`: number and id.
    pub async fn customers_after(
        &mut self,
        institution: InstitutionId,
        after: &str,
        limit: i64,
    ) -> Result<Vec<(String, String)>, StoreError> {
        const SQL: &str = "SELECT value, customer_id FROM directory \
             WHERE institution_id = $1 AND kind = 'customer_number' AND value > $2 \
             ORDER BY value LIMIT $3";
        fetch_all!(self, (String, String), SQL, institution.to_string(), after, limit)
    }
}
