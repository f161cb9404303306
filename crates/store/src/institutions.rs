//! Institutions: versioned documents, hosts, sealed data keys.

use sqlx::FromRow;
use warifu_core::{ids::InstitutionId, time::Millis};

use crate::{
    StoreError, Tx,
    engine::{execute, fetch_all, fetch_optional},
};

/// An institution as stored.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct InstitutionRow {
    /// Id.
    #[sqlx(try_from = "String")]
    pub id: InstitutionId,
    /// Service ID, 8 digits.
    pub service_id: String,
    /// Version of the document, from 1.
    pub version: i64,
    /// The TOML that was applied.
    pub document: String,
    /// MAC of version and document.
    pub mac: Vec<u8>,
}

/// A sealed data key.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct SealedKey {
    /// Number that sealed fields name.
    pub key_id: i64,
    /// The key, sealed under the key-encryption key.
    pub sealed: Vec<u8>,
}

impl Tx {
    /// All institutions.
    pub async fn institutions(&mut self) -> Result<Vec<InstitutionRow>, StoreError> {
        const SQL: &str =
            "SELECT id, service_id, version, document, mac FROM institutions ORDER BY id";
        fetch_all!(self, InstitutionRow, SQL)
    }

    /// The sum of all versions: changes when any institution was made or changed.
    pub async fn institutions_version(&mut self) -> Result<i64, StoreError> {
        const SQL: &str = "SELECT CAST(COALESCE(SUM(version), 0) AS BIGINT) FROM institutions";
        Ok(fetch_optional!(self, (i64,), SQL)?.map_or(0, |r| r.0))
    }

    /// The schemes of password hashes that customers of an institution brought along.
    pub async fn password_schemes(
        &mut self,
        institution: InstitutionId,
    ) -> Result<Vec<String>, StoreError> {
        const SQL: &str = "SELECT scheme FROM password_schemes WHERE institution_id = $1 \
             ORDER BY scheme";
        let rows = fetch_all!(self, (String,), SQL, institution.to_string())?;
        Ok(rows.into_iter().map(|row| row.0).collect())
    }

    /// Notes a scheme that some customer's hash is of.
    pub async fn add_password_scheme(
        &mut self,
        institution: InstitutionId,
        scheme: &str,
    ) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO password_schemes (institution_id, scheme) VALUES ($1, $2) \
             ON CONFLICT (institution_id, scheme) DO NOTHING";
        execute!(self, SQL, institution.to_string(), scheme)?;
        Ok(())
    }

    /// Writes a new institution with its first data key.
    pub async fn insert_institution(
        &mut self,
        row: &InstitutionRow,
        key: &SealedKey,
        now: Millis,
    ) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO institutions \
             (id, service_id, version, document, applied_at, mac) VALUES ($1, $2, $3, $4, $5, $6)";
        const KEY: &str = "INSERT INTO institution_keys \
             (institution_id, key_id, sealed, created_at) VALUES ($1, $2, $3, $4)";
        let id = row.id.to_string();
        execute!(self, SQL, &id, &row.service_id, row.version, &row.document, now.0, &row.mac)?;
        execute!(self, KEY, &id, key.key_id, &key.sealed, now.0)?;
        self.keep_version(row, now).await
    }

    /// Writes a changed document as the next version; `Conflict` when someone was first.
    pub async fn update_institution(
        &mut self,
        row: &InstitutionRow,
        now: Millis,
    ) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE institutions SET service_id = $2, version = $3, document = $4, \
             applied_at = $5, mac = $7 WHERE id = $1 AND version = $6";
        crate::customers::one(execute!(
            self,
            SQL,
            row.id.to_string(),
            &row.service_id,
            row.version,
            &row.document,
            now.0,
            row.version - 1,
            &row.mac
        )?)?;
        self.keep_version(row, now).await
    }

    async fn keep_version(&mut self, row: &InstitutionRow, now: Millis) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO institution_versions \
             (institution_id, version, document, applied_at) VALUES ($1, $2, $3, $4)";
        execute!(self, SQL, row.id.to_string(), row.version, &row.document, now.0)?;
        Ok(())
    }

    /// Gives an institution its hosts; `Conflict` when another has one of them.
    pub async fn set_hosts(
        &mut self,
        institution: InstitutionId,
        hosts: &[(&str, &str)],
    ) -> Result<(), StoreError> {
        const CLEAR: &str = "DELETE FROM institution_hosts WHERE institution_id = $1";
        const SQL: &str =
            "INSERT INTO institution_hosts (host, institution_id, kind) VALUES ($1, $2, $3)";
        let id = institution.to_string();
        execute!(self, CLEAR, &id)?;
        for (kind, host) in hosts {
            execute!(self, SQL, *host, &id, *kind)?;
        }
        Ok(())
    }

    /// The data keys of an institution, newest last.
    pub async fn data_keys(
        &mut self,
        institution: InstitutionId,
    ) -> Result<Vec<SealedKey>, StoreError> {
        const SQL: &str = "SELECT key_id, sealed FROM institution_keys \
             WHERE institution_id = $1 ORDER BY key_id";
        fetch_all!(self, SealedKey, SQL, institution.to_string())
    }
}
