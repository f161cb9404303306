//! Batches of verifications on PostgreSQL: one statement that reads a batch, one that writes it and is
//! its own commit. Rows come as arrays, one of each column.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use sqlx::{ConnectOptions, Connection, FromRow, PgConnection, Row, postgres::PgConnectOptions};

use crate::{
    StoreError,
    batch_texts::{READS, WRITES},
    engine::{is_cut, unsure_where_cut},
    eras::{Era, Eras},
    verify_queue::{Candidate, Once, Read, Wanted, Write},
};

/// Binds rows as arrays, one of each column.
macro_rules! bind_columns {
    ($query:expr, $rows:expr; $($column:expr),+ $(,)?) => {
        $query$(.bind($rows.map($column).collect::<Vec<_>>()))+
    };
}

/// Connections that only batches use. A pool's would be asked whether they still answer each time they
/// come back, which costs the database as much as a batch's own reading.
pub(crate) struct Lines {
    options: PgConnectOptions,
    patience: Duration,
    eras: Arc<Eras>,
    /// With the number of the era that each was opened in.
    idle: Mutex<Vec<(u64, PgConnection)>>,
}

// The options may hold a password, in more than one place.
impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines").field("idle", &self.idle).finish_non_exhaustive()
    }
}

impl Lines {
    pub(crate) fn new(options: PgConnectOptions, patience: Duration, eras: Arc<Eras>) -> Self {
        // What is planned for one batch fits every other: rows are found by their keys, also in a table
        // that was empty when the plan was made.
        let options = options.options([
            ("plan_cache_mode", "force_generic_plan"),
            ("enable_seqscan", "off"),
            ("enable_hashjoin", "off"),
            ("enable_mergejoin", "off"),
        ]);
        Self { options, patience, eras, idle: Mutex::default() }
    }

    /// Reads the tokens of a batch.
    pub(crate) async fn read(&self, wanted: &[Wanted]) -> Result<Vec<Read>, StoreError> {
        while let Some(mut line) = self.take_idle() {
            match self.in_time(read(&mut line.1, wanted)).await {
                // The server has cut it while it was idle; another may be alive.
                Err(StoreError::Unavailable(error)) if is_cut(&error) => {}
                done => return self.back(line, done),
            }
        }
        let mut line = self.open().await?;
        let done = self.in_time(read(&mut line.1, wanted)).await;
        self.back(line, done)
    }

    /// Writes a batch; its commit is the statement's own. What was decided in another era is not written.
    pub(crate) async fn write(&self, writes: &[Write], era: Era) -> Result<Vec<bool>, StoreError> {
        // The one that came back last has just answered. Who gets none has written nothing.
        let mut line = match self.take_idle() {
            Some(line) => line,
            None => self.open().await?,
        };
        if !self.eras.is(era) {
            return self.back(line, Ok(vec![false; writes.len()]));
        }
        // Whether it was written is not known when nobody answers any more.
        let done = match self.in_time(write(&mut line.1, writes, era)).await {
            Err(StoreError::Unavailable(late @ sqlx::Error::PoolTimedOut)) => {
                Err(StoreError::Unsure(late))
            }
            done => done,
        };
        self.back(line, done)
    }

    /// Closes those that nobody uses.
    pub(crate) async fn close(&self) {
        while let Some((_, line)) = self.take_idle() {
            if let Err(error) = line.close().await {
                tracing::debug!(%error, "a connection of the verify queue");
            }
        }
    }

    // One that was opened in another era may lead to a primary that is none any more.
    fn take_idle(&self) -> Option<(u64, PgConnection)> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.eras.number();
        idle.retain(|(number, _)| *number == now);
        idle.pop()
    }

    // A server that has gone without a word is not waited for until the system gives the line up. Longer
    // than the server's own limit of a statement.
    async fn in_time<T>(
        &self,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let done = tokio::time::timeout(self.patience * 5, work).await;
        done.unwrap_or_else(|_| Err(sqlx::Error::PoolTimedOut.into()))
    }

    async fn open(&self) -> Result<(u64, PgConnection), StoreError> {
        let line = async {
            let mut line = self.options.connect().await?;
            self.eras.greet(&mut line).await?;
            Ok::<_, sqlx::Error>((self.eras.number(), line))
        };
        let line = tokio::time::timeout(self.patience, line).await;
        Ok(line.map_err(|_| sqlx::Error::PoolTimedOut)??)
    }

    // Only one that has answered is used again.
    fn back<T>(
        &self,
        line: (u64, PgConnection),
        done: Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if matches!(done, Ok(_) | Err(StoreError::Conflict | StoreError::Corrupt(_))) {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        }
        done
    }
}

async fn read(line: &mut PgConnection, wanted: &[Wanted]) -> Result<Vec<Read>, StoreError> {
    let with_answers = wanted.iter().any(|w| w.once.is_some());
    let once = |w: &Wanted, part: fn(&Once) -> &str| w.once.as_ref().map(|o| part(o).to_owned());
    let rows = || wanted.iter().zip(0_i64..);
    let mut query = bind_columns!(sqlx::query(READS[usize::from(with_answers)]), rows();
        |(_, n)| n,
        |(w, _)| w.institution.to_string(),
        |(w, _)| w.login(),
        |(w, _)| w.bucket(),
        |(w, _)| w.customer(),
        |(w, _)| w.state.as_str(),
    );
    if with_answers {
        query = bind_columns!(query, rows();
            |(w, _)| once(w, |o| &o.api_key),
            |(w, _)| once(w, |o| o.purpose),
            |(w, _)| once(w, |o| &o.key_hash),
        );
    }
    let rows = query.fetch_all(line).await?;
    // One that cannot be read fails alone.
    let read = |row: &sqlx::postgres::PgRow| {
        let place = usize::try_from(row.try_get::<i64, _>("n")?).unwrap_or(usize::MAX);
        Ok((place, Candidate::from_row(row).map_err(StoreError::from)))
    };
    rows.iter().map(read).collect()
}

async fn write(
    line: &mut PgConnection,
    writes: &[Write],
    era: Era,
) -> Result<Vec<bool>, StoreError> {
    let placed = || writes.iter().zip(0_i64..);
    let changes = || placed().filter_map(|(w, n)| w.change.as_ref().map(|c| (n, c)));
    let answers = || placed().filter_map(|(w, n)| w.answered.as_ref().map(|a| (n, w, a)));
    let is_kept = answers().next().is_some();
    let query = bind_columns!(sqlx::query_scalar(WRITES[usize::from(is_kept)]), changes();
        |(n, _)| n,
        |(_, c)| c.bucket,
        |(_, c)| c.customer.to_string(),
        |(_, c)| c.token.to_string(),
        |(_, c)| c.place.as_deref(),
        |(_, c)| c.version,
        |(_, c)| c.accept,
        |(_, c)| i64::from(c.counter.failures),
        |(_, c)| c.counter.locked_until.map(|t| t.0),
        |(_, c)| c.counter.locked,
    );
    let mut query = bind_columns!(query, placed();
        |(_, n)| n,
        |(w, _)| w.change.is_none(),
        |(w, _)| w.line.bucket,
        |(w, _)| w.line.customer_id.as_str(),
        |(w, _)| w.line.at,
        |(w, _)| w.line.id.to_string(),
        |(w, _)| w.line.institution_id.as_str(),
        |(w, _)| w.line.actor_kind.as_str(),
        |(w, _)| w.line.actor_id.as_str(),
        |(w, _)| w.line.token_id.as_deref(),
        |(w, _)| w.line.kind.as_str(),
        |(w, _)| w.line.result.as_str(),
        |(w, _)| w.line.reason.as_deref(),
        |(w, _)| w.line.channel.as_str(),
        |(w, _)| w.line.screen.as_deref(),
        |(w, _)| w.line.address.as_deref(),
        |(w, _)| w.line.device.as_deref(),
        |(w, _)| w.line.request_id.as_deref(),
        |(w, _)| w.line.correlation.as_deref(),
        |(w, _)| w.line.before_json.as_deref(),
        |(w, _)| w.line.after_json.as_deref(),
        |(w, _)| w.line.v,
    )
    .bind(era.began.0);
    if is_kept {
        query = bind_columns!(query, answers();
            |(n, ..)| n,
            |(_, w, _)| w.change.is_none(),
            |(.., a)| a.bucket,
            |(.., a)| a.customer_id.as_str(),
            |(.., a)| a.once.api_key.as_str(),
            |(.., a)| a.once.purpose,
            |(.., a)| a.once.key_hash.as_str(),
            |(.., a)| a.mac.as_slice(),
            |(.., a)| a.answer.as_str(),
            |(.., a)| a.created_at,
        );
    }
    let written: Vec<i64> = query.fetch_all(line).await.map_err(unsure_where_cut)?;
    Ok(placed().map(|(w, n)| w.change.is_none() || written.contains(&n)).collect())
}
