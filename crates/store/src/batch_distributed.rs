//! Batches of verifications where tables lie on many servers: of one bucket each, so that one server commits it.
//! Citus knows at once which one a statement is for when that names the bucket and has one row to do with; of a
//! statement over arrays it makes a plan each time, which takes longer than all of this.

use crate::{
    Candidate, Change, Era, Read, Store, StoreError, Tx, VerifierRow, Wanted, Whose, Write,
    engine::{execute, fetch_optional},
};

impl Store {
    /// Reads the tokens of a batch; who is named by a login ID is not found.
    pub(crate) async fn read_one_by_one(
        &self,
        wanted: Vec<Wanted>,
    ) -> Result<Vec<Read>, StoreError> {
        let mut found = Vec::new();
        let mut tx = self.read().await?;
        for (n, wanted) in wanted.iter().enumerate() {
            let Some(verifier) = tx.wanted(wanted).await.transpose() else { continue };
            let read = match verifier {
                // One that cannot be read fails alone.
                Err(error @ StoreError::Corrupt(_)) => Err(error),
                Err(error) => return Err(error),
                Ok(verifier) => {
                    let owner = (verifier.bucket, verifier.customer_id.to_string());
                    let kept = match &wanted.once {
                        Some(once) => tx.answer(&owner, once).await?,
                        None => None,
                    };
                    let (answer, mac) = kept.unzip();
                    Ok(Candidate { place: None, answer, mac, verifier })
                }
            };
            found.push((n, read));
        }
        Ok(found)
    }

    /// Writes a batch, with one commit.
    pub(crate) async fn write_one_by_one(
        &self,
        writes: &[Write],
        era: Era,
    ) -> Result<Vec<bool>, StoreError> {
        let mut tx = self.begin().await?;
        if !self.eras.is(era) {
            return Ok(vec![false; writes.len()]);
        }
        let mut done = Vec::with_capacity(writes.len());
        for write in writes {
            let is_written = match &write.change {
                None => true,
                Some(change) => tx.change_verifier(change, era).await?,
            };
            if is_written {
                tx.record(&write.line).await?;
                if let Some(answered) = &write.answered {
                    tx.keep_answer(answered).await?;
                }
            }
            done.push(is_written);
        }
        tx.commit().await?;
        Ok(done)
    }
}

impl Tx {
    async fn wanted(&mut self, wanted: &Wanted) -> Result<Option<VerifierRow>, StoreError> {
        const SQL: &str = "SELECT bucket, customer_id, token_id, institution_id, state, suspended, \
             hold_until, mode, algorithm, digits, period, sealed_key, valid_until, floor_step, \
             last_step, era, drift, drift_seen, failures, locked_until, locked, version FROM verifiers \
             WHERE bucket = $1 AND customer_id = $2 AND institution_id = $3 AND state = $4";
        let Whose::Customer(id) = &wanted.whose else { return Ok(None) };
        let (bucket, bank) = (i64::from(id.bucket()), wanted.institution.to_string());
        fetch_optional!(self, VerifierRow, SQL, bucket, id.to_string(), bank, wanted.state.as_str())
    }

    async fn change_verifier(&mut self, c: &Change, era: Era) -> Result<bool, StoreError> {
        const SQL: &str = "UPDATE verifiers SET last_step = COALESCE($5, last_step), \
             era = CASE WHEN CAST($5 AS BIGINT) IS NULL THEN era ELSE $9 END, failures = $6, locked_until = $7, \
             locked = $8, version = version + 1 WHERE bucket = $1 AND customer_id = $2 \
             AND token_id = $3 AND version = $4 AND (CAST($5 AS BIGINT) IS NULL OR (last_step < $5 \
             AND floor_step < $5 AND NOT locked AND NOT suspended))";
        let changed = execute!(
            self,
            SQL,
            c.bucket,
            c.customer.to_string(),
            c.token.to_string(),
            c.version,
            c.accept,
            i64::from(c.counter.failures),
            c.counter.locked_until.map(|t| t.0),
            c.counter.locked,
            era.began.0
        )?;
        Ok(changed == 1)
    }
}
