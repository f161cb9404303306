//! Texts of a bank for the top page of its customers.

use sqlx::FromRow;
use warifu_core::{
    ids::{InstitutionId, NoticeId},
    time::Millis,
};

use crate::{
    StoreError, Tx,
    engine::{execute, fetch_all},
};

/// A text with the time in which it is shown.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Notice {
    /// Id.
    #[sqlx(try_from = "String")]
    pub id: NoticeId,
    /// In Japanese.
    pub text_ja: String,
    /// In English.
    pub text_en: String,
    /// MAC of both texts and their time.
    pub mac: Vec<u8>,
    /// Shown from here (ms).
    pub shown_from: i64,
    /// Shown until here (ms).
    pub shown_until: i64,
    /// When it was written (ms).
    pub created_at: i64,
}

impl Tx {
    /// Writes a text.
    pub async fn insert_notice(
        &mut self,
        institution: InstitutionId,
        n: &Notice,
    ) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO notices (institution_id, id, text_ja, text_en, mac, \
             shown_from, shown_until, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        execute!(
            self,
            SQL,
            institution.to_string(),
            n.id.to_string(),
            &n.text_ja,
            &n.text_en,
            &n.mac,
            n.shown_from,
            n.shown_until,
            n.created_at
        )?;
        Ok(())
    }

    /// The texts of an institution that are shown after `now`, the newest first; those to come too.
    pub async fn notices(
        &mut self,
        institution: InstitutionId,
        now: Millis,
    ) -> Result<Vec<Notice>, StoreError> {
        const SQL: &str = "SELECT id, text_ja, text_en, mac, shown_from, shown_until, created_at \
             FROM notices WHERE institution_id = $1 AND shown_until > $2 \
             ORDER BY shown_from DESC, id DESC";
        fetch_all!(self, Notice, SQL, institution.to_string(), now.0)
    }

    /// Takes a text down; zero rows when there is none of this id.
    pub async fn remove_notice(
        &mut self,
        institution: InstitutionId,
        id: NoticeId,
    ) -> Result<u64, StoreError> {
        const SQL: &str = "DELETE FROM notices WHERE institution_id = $1 AND id = $2";
        execute!(self, SQL, institution.to_string(), id.to_string())
    }
}
