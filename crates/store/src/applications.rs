//! Acts that one person applies for and another approves.

use sqlx::FromRow;
use warifu_core::{
    ids::{ApplicationId, CustomerId, InstitutionId},
    time::Millis,
};

use crate::{
    StoreError, Tx,
    engine::{execute, fetch_all, fetch_optional},
};

/// An application, open or decided.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Application {
    /// Id.
    #[sqlx(try_from = "String")]
    pub id: ApplicationId,
    /// The customer it is about.
    #[sqlx(try_from = "String")]
    pub customer_id: CustomerId,
    /// The bank.
    #[sqlx(try_from = "String")]
    pub institution_id: InstitutionId,
    /// What is applied for: `resume`.
    pub kind: String,
    /// Why, in the applicant's words.
    pub reason: String,
    /// Reception number.
    pub reception: String,
    /// Who applied: kind of actor and name.
    pub applied_by: String,
    /// When (ms).
    pub applied_at: i64,
    /// Who decided.
    pub decided_by: Option<String>,
    /// When it was decided (ms).
    pub decided_at: Option<i64>,
    /// `approved` or `refused`.
    pub decision: Option<String>,
}

impl Tx {
    /// Writes a new application, still open.
    pub async fn insert_application(&mut self, a: &Application) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO applications (bucket, customer_id, id, institution_id, kind, \
             reason, reception, applied_by, applied_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        execute!(
            self,
            SQL,
            i64::from(a.customer_id.bucket()),
            a.customer_id.to_string(),
            a.id.to_string(),
            a.institution_id.to_string(),
            &a.kind,
            &a.reason,
            &a.reception,
            &a.applied_by,
            a.applied_at
        )?;
        Ok(())
    }

    /// The newest application of one kind for a customer, open or decided.
    pub async fn newest_application(
        &mut self,
        customer: CustomerId,
        kind: &str,
    ) -> Result<Option<Application>, StoreError> {
        const SQL: &str = "SELECT id, customer_id, institution_id, kind, reason, reception, \
             applied_by, applied_at, decided_by, decided_at, decision FROM applications \
             WHERE bucket = $1 AND customer_id = $2 AND kind = $3 ORDER BY id DESC LIMIT 1";
        let bucket = i64::from(customer.bucket());
        fetch_optional!(self, Application, SQL, bucket, customer.to_string(), kind)
    }

    /// The open applications of an institution, the oldest first.
    pub async fn open_applications(
        &mut self,
        institution: InstitutionId,
        since: Millis,
        limit: i64,
    ) -> Result<Vec<Application>, StoreError> {
        const SQL: &str = "SELECT id, customer_id, institution_id, kind, reason, reception, \
             applied_by, applied_at, decided_by, decided_at, decision FROM applications \
             WHERE institution_id = $1 AND applied_at >= $2 AND decided_at IS NULL \
             ORDER BY applied_at LIMIT $3";
        fetch_all!(self, Application, SQL, institution.to_string(), since.0, limit)
    }
}
