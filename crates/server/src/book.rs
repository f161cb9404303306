//! What the verify queue needs of a database.

use std::sync::Arc;

use warifu_core::time::Millis;
use warifu_store::{Batching, Era, Read, Store, StoreError, Wanted, Write};

/// A store, or in the queue's own tests a model of one.
pub(crate) trait Book: Clone + Send + Sync + 'static {
    /// How it takes batches best.
    fn batching(&self) -> Batching;
    /// The era at this moment, to be asked before a batch is read.
    fn era(&self, now: Millis) -> Era;
    /// Reads the tokens of a batch.
    fn read(
        &self,
        wanted: Vec<Wanted>,
    ) -> impl Future<Output = Result<Vec<Read>, StoreError>> + Send;
    /// Writes what was decided in that era with one commit; gives which entries were written.
    fn write(
        &self,
        writes: Arc<Vec<Write>>,
        era: Era,
    ) -> impl Future<Output = Result<Vec<bool>, StoreError>> + Send;
}

impl Book for Store {
    fn batching(&self) -> Batching {
        Self::batching(self)
    }

    fn era(&self, now: Millis) -> Era {
        Self::era(self, now)
    }

    fn read(
        &self,
        wanted: Vec<Wanted>,
    ) -> impl Future<Output = Result<Vec<Read>, StoreError>> + Send {
        self.read_verifiers(wanted)
    }

    fn write(
        &self,
        writes: Arc<Vec<Write>>,
        era: Era,
    ) -> impl Future<Output = Result<Vec<bool>, StoreError>> + Send {
        self.write_verifications(writes, era)
    }
}
