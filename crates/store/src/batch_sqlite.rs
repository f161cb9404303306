//! Batches of verifications on SQLite: one thread with a connection of its own, and statements that are
//! prepared once. Handing each row from thread to thread, as sqlx must, would cost more than what the
//! database does for it.

use std::{
    path::PathBuf,
    sync::{Mutex, PoisonError, mpsc},
    thread,
    time::Duration,
};

use rusqlite::{
    Connection, OptionalExtension, Row, Transaction, TransactionBehavior, config::DbConfig,
};
use tokio::sync::oneshot;

use crate::{
    Era, StoreError, VerifierRow,
    audit::AuditRow,
    verify_queue::{Answered, Candidate, Change, Read, Wanted, Whose, Write},
};

const WHO: &str = "SELECT bucket, customer_id FROM directory \
     WHERE institution_id = ?1 AND kind = 'login_id' AND value = ?2";

const TOKEN: &str = "SELECT bucket, customer_id, token_id, institution_id, state, suspended, \
     hold_until, mode, algorithm, digits, period, sealed_key, valid_until, floor_step, last_step, \
     era, drift, drift_seen, failures, locked_until, locked, version, last_line, rowid FROM verifiers \
     WHERE bucket = ?1 \
     AND customer_id = ?2 AND institution_id = ?3 AND state = ?4";

const ANSWER: &str = "SELECT answer, mac FROM answers WHERE bucket = ?1 \
     AND customer_id = ?2 AND api_key_id = ?3 AND purpose = ?4 AND key_hash = ?5";

const CHANGE: &str = "UPDATE verifiers SET last_step = COALESCE(?5, last_step), \
     era = CASE WHEN ?5 IS NULL THEN era ELSE ?9 END, failures = ?6, \
     locked_until = ?7, locked = ?8, version = version + 1, last_line = ?10 \
     WHERE rowid = ?11 AND bucket = ?1 AND customer_id = ?2 AND token_id = ?3 AND version = ?4 AND (?5 IS NULL \
     OR (last_step < ?5 AND floor_step < ?5 AND NOT locked AND NOT suspended))";

const LAST: &str = "SELECT COALESCE(MAX(seq), 0) FROM audit WHERE seq > ?1";

const LINE: &str = "INSERT INTO audit (bucket, customer_id, at, id, institution_id, actor_kind, \
     actor_id, token_id, kind, result, reason, channel, screen, address, device, request_id, \
     correlation, before_json, after_json, v, seq, earlier) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, \
     ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22)";

const KEEP: &str = "INSERT INTO answers (bucket, customer_id, api_key_id, purpose, key_hash, \
     mac, answer, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

/// Pages that the connection keeps (KiB).
const CACHE_KIB: i64 = 26 * 1_024;

type Job = Box<dyn FnOnce(Result<&Connection, StoreError>) + Send>;

/// A connection on a thread of its own, opened when it is first needed.
#[derive(Debug)]
pub(crate) struct Line {
    path: PathBuf,
    patience: Duration,
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
}

impl Line {
    pub(crate) fn new(path: PathBuf, patience: Duration) -> Self {
        Self { path, patience, jobs: Mutex::new(None) }
    }

    /// Has something done on the connection.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |line| drop(reply.send(line.and_then(work))));
        self.send(job);
        // Without an answer the thread has died over it; what it was about may have been done.
        answer.await.unwrap_or(Err(StoreError::Unsure(sqlx::Error::WorkerCrashed)))
    }

    /// Ends the thread when it has done what it was given.
    pub(crate) fn close(&self) {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    fn send(&self, job: Job) {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let job = match jobs.as_ref() {
            Some(line) => match line.send(job) {
                Ok(()) => return,
                Err(mpsc::SendError(job)) => job,
            },
            None => job,
        };
        // The first, or the thread has died.
        let (line, waiting) = mpsc::channel();
        drop(line.send(job));
        *jobs = Some(line);
        let (path, patience) = (self.path.clone(), self.patience);
        let thread = thread::Builder::new().name("warifu-sqlite".to_owned());
        // Without a thread the job is dropped, and who waits for it hears so.
        if let Err(error) = thread.spawn(move || work(&path, patience, &waiting)) {
            tracing::error!(%error, "no thread for SQLite");
        }
    }
}

fn work(path: &std::path::Path, patience: Duration, waiting: &mpsc::Receiver<Job>) {
    let mut line = None;
    while let Ok(job) = waiting.recv() {
        if line.is_none() {
            match open(path, patience) {
                Ok(opened) => line = Some(opened),
                Err(error) => {
                    job(Err(error.into()));
                    continue;
                }
            }
        }
        if let Some(line) = &line {
            job(Ok(line));
        }
    }
}

fn open(path: &std::path::Path, patience: Duration) -> rusqlite::Result<Connection> {
    let flags =
        rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE | rusqlite::OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let line = Connection::open_with_flags(path, flags)?;
    line.busy_timeout(patience)?;
    // As every other connection: nothing is answered before it is on the disk.
    line.pragma_update(None, "synchronous", "FULL")?;
    line.pragma_update(None, "foreign_keys", true)?;
    line.pragma_update(None, "wal_autocheckpoint", crate::engine::CHECKPOINT_PAGES)?;
    line.pragma_update(None, "cache_size", -CACHE_KIB)?;
    // Without it a statement is planned anew whenever other values are bound, once ANALYZE has run.
    line.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    line.set_prepared_statement_cache_capacity(16);
    Ok(line)
}

/// Copies what the log holds into the file as far as nobody has to wait for it; gives how many pages
/// the log has.
pub(crate) fn checkpoint(line: &Connection) -> Result<i64, StoreError> {
    Ok(line.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get(1))?)
}

/// Copies the rest, so that the log is written from its beginning again. Nobody may be writing.
pub(crate) fn restart_log(line: &Connection) -> Result<(), StoreError> {
    line.busy_timeout(Duration::from_millis(100))?;
    Ok(line.query_row("PRAGMA wal_checkpoint(RESTART)", [], |_| Ok(()))?)
}

/// Reads the tokens of a batch, as they stand at one moment.
pub(crate) fn read(line: &Connection, wanted: &[Wanted]) -> Result<Vec<Read>, StoreError> {
    let tx = Transaction::new_unchecked(line, TransactionBehavior::Deferred)?;
    let mut found = Vec::new();
    for (n, wanted) in wanted.iter().enumerate() {
        let who = match &wanted.whose {
            Whose::Customer(id) => Some((i64::from(id.bucket()), id.to_string())),
            Whose::LoginId(login) => {
                let of = (wanted.institution.to_string(), login);
                let row = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
                tx.prepare_cached(WHO)?.query_row(of, row).optional()?
            }
        };
        let Some((bucket, customer)) = who else { continue };
        let of = (bucket, &customer, wanted.institution.to_string(), wanted.state.as_str());
        let mut token = tx.prepare_cached(TOKEN)?;
        let Some(read) = token.query_row(of, |row| Ok(candidate(row))).optional()? else {
            continue;
        };
        let answer = match &wanted.once {
            None => None,
            Some(once) => {
                let of = (bucket, &customer, &once.api_key, once.purpose, &once.key_hash);
                let row = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
                tx.prepare_cached(ANSWER)?.query_row(of, row).optional()?
            }
        };
        let (answer, mac) = answer.unzip();
        found.push((n, read.map(|token| Candidate { answer, mac, ..token })));
    }
    Ok(found)
}

// One that cannot be read fails alone.
fn candidate(row: &Row<'_>) -> Result<Candidate, StoreError> {
    let text = |n| row.get::<_, String>(n);
    let (last_line, place): (Option<i64>, i64) = (row.get(22)?, row.get(23)?);
    Ok(Candidate {
        place: Some(format!("{place} {}", last_line.unwrap_or_default())),
        answer: None,
        mac: None,
        verifier: VerifierRow {
            bucket: row.get(0)?,
            customer_id: text(1)?.parse().map_err(corrupt)?,
            token_id: text(2)?.parse().map_err(corrupt)?,
            institution_id: text(3)?.parse().map_err(corrupt)?,
            state: text(4)?.parse()?,
            suspended: row.get(5)?,
            hold_until: row.get(6)?,
            mode: text(7)?.parse()?,
            algorithm: row.get(8)?,
            digits: row.get(9)?,
            period: row.get(10)?,
            sealed_key: row.get(11)?,
            valid_until: row.get(12)?,
            floor_step: row.get(13)?,
            last_step: row.get(14)?,
            era: row.get(15)?,
            drift: row.get(16)?,
            drift_seen: row.get(17)?,
            failures: row.get(18)?,
            locked_until: row.get(19)?,
            locked: row.get(20)?,
            version: row.get(21)?,
        },
    })
}

fn corrupt(error: impl std::fmt::Display) -> StoreError {
    StoreError::Corrupt(error.to_string())
}

/// Writes a batch, with one commit.
pub(crate) fn write(
    line: &Connection,
    writes: &[Write],
    era: Era,
) -> Result<Vec<bool>, StoreError> {
    let tx = Transaction::new_unchecked(line, TransactionBehavior::Immediate)?;
    let mut done = Vec::with_capacity(writes.len());
    let mut last: i64 = tx.prepare_cached(LAST)?.query_row([0], |row| row.get(0))?;
    for write in writes {
        let seq = last + 1;
        let (is_written, earlier) = match &write.change {
            None => (true, None),
            Some(change) => {
                let (place, earlier) = place(change)?;
                (apply(&tx, change, (place, seq), era)?, Some(earlier))
            }
        };
        if is_written {
            last = seq;
            record(&tx, &write.line, seq, earlier)?;
            if let Some(answered) = &write.answered {
                keep(&tx, answered)?;
            }
        }
        done.push(is_written);
    }
    tx.commit()?;
    Ok(done)
}

// Where the token's row lies, and its line before this one: the version that was decided on is that line's.
fn place(change: &Change) -> Result<(i64, i64), StoreError> {
    let place = change.place.as_deref().and_then(|place| place.split_once(' '));
    let (row, line) =
        place.ok_or_else(|| StoreError::Corrupt("a row without its place".to_owned()))?;
    Ok((row.parse().map_err(corrupt)?, line.parse().map_err(corrupt)?))
}

fn apply(
    tx: &Transaction<'_>,
    c: &Change,
    (place, line): (i64, i64),
    era: Era,
) -> Result<bool, StoreError> {
    let until = c.counter.locked_until.map(|until| until.0);
    let changed = tx.prepare_cached(CHANGE)?.execute((
        c.bucket,
        c.customer.to_string(),
        c.token.to_string(),
        c.version,
        c.accept,
        c.counter.failures,
        until,
        c.counter.locked,
        era.began.0,
        line,
        place,
    ))?;
    Ok(changed == 1)
}

fn record(
    tx: &Transaction<'_>,
    a: &AuditRow,
    seq: i64,
    earlier: Option<i64>,
) -> Result<(), StoreError> {
    tx.prepare_cached(LINE)?.execute(rusqlite::params![
        a.bucket,
        a.customer_id,
        a.at,
        a.id.to_string(),
        a.institution_id,
        a.actor_kind,
        a.actor_id,
        a.token_id,
        a.kind,
        a.result,
        a.reason,
        a.channel,
        a.screen,
        a.address,
        a.device,
        a.request_id,
        a.correlation,
        a.before_json,
        a.after_json,
        a.v,
        seq,
        earlier,
    ])?;
    Ok(())
}

fn keep(tx: &Transaction<'_>, a: &Answered) -> Result<(), StoreError> {
    tx.prepare_cached(KEEP)?.execute((
        a.bucket,
        &a.customer_id,
        &a.once.api_key,
        a.once.purpose,
        &a.once.key_hash,
        &a.mac,
        &a.answer,
        a.created_at,
    ))?;
    Ok(())
}
