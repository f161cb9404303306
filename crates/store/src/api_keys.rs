//! Keys of the bank's programs.

use sqlx::FromRow;
use warifu_core::{
    ids::{ApiKeyId, InstitutionId},
    time::Millis,
};

use crate::{
    StoreError, Tx,
    engine::{execute, fetch_all, fetch_optional},
};

/// A key as stored.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct ApiKey {
    /// Id; the first part of what a program sends.
    #[sqlx(try_from = "String")]
    pub id: ApiKeyId,
    /// What the bank calls it.
    pub name: String,
    /// The words of its scopes, with a space between.
    pub scopes: String,
    /// MAC of secret and scopes.
    pub mac: Vec<u8>,
    /// When it was made (ms).
    pub created_at: i64,
    /// From when on it opens nothing (ms).
    pub revoked_at: Option<i64>,
    /// When it was last used, to the minute or so (ms).
    pub last_used_at: Option<i64>,
}

/// Keys of one institution: the columns once, the rest where it is used.
macro_rules! key_where {
    ($rest:literal) => {
        concat!(
            "SELECT id, name, scopes, mac, created_at, revoked_at, last_used_at FROM api_keys \
             WHERE institution_id = $1 ",
            $rest
        )
    };
}

impl Tx {
    /// Writes a new key.
    pub async fn insert_api_key(
        &mut self,
        institution: InstitutionId,
        k: &ApiKey,
    ) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO api_keys (institution_id, id, name, scopes, mac, \
             created_at) VALUES ($1, $2, $3, $4, $5, $6)";
        execute!(
            self,
            SQL,
            institution.to_string(),
            k.id.to_string(),
            &k.name,
            &k.scopes,
            &k.mac,
            k.created_at
        )?;
        Ok(())
    }

    /// All keys of an institution, the newest first; revoked ones too.
    pub async fn api_keys(
        &mut self,
        institution: InstitutionId,
    ) -> Result<Vec<ApiKey>, StoreError> {
        const SQL: &str = key_where!("ORDER BY id DESC");
        fetch_all!(self, ApiKey, SQL, institution.to_string())
    }

    /// Reads one key.
    pub async fn api_key(
        &mut self,
        institution: InstitutionId,
        id: ApiKeyId,
    ) -> Result<Option<ApiKey>, StoreError> {
        const SQL: &str = key_where!("AND id = $2");
        fetch_optional!(self, ApiKey, SQL, institution.to_string(), id.to_string())
    }

    /// Revokes a key, which keeps no MAC: no edit of its row brings it back. Zero rows when there is
    /// none, or it has been revoked.
    pub async fn revoke_api_key(
        &mut self,
        institution: InstitutionId,
        id: ApiKeyId,
        now: Millis,
    ) -> Result<u64, StoreError> {
        const SQL: &str = "UPDATE api_keys SET revoked_at = $3, mac = $4 \
             WHERE institution_id = $1 AND id = $2 AND revoked_at IS NULL";
        let none: &[u8] = &[];
        execute!(self, SQL, institution.to_string(), id.to_string(), now.0, none)
    }

    /// Notes that a key was used; zero rows when that was noted after `before`.
    pub async fn touch_api_key(
        &mut self,
        institution: InstitutionId,
        id: ApiKeyId,
        (before, now): (Millis, Millis),
    ) -> Result<u64, StoreError> {
        const SQL: &str = "UPDATE api_keys SET last_used_at = $4 WHERE institution_id = $1 \
             AND id = $2 AND (last_used_at IS NULL OR last_used_at < $3)";
        execute!(self, SQL, institution.to_string(), id.to_string(), before.0, now.0)
    }
}
