//! Copies of a SQLite database: made while others write, put in the place of another, and what must never
//! go back taken over from the one that stood there. PostgreSQL has tools of its own for all of it.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, ErrorKind},
    os::unix::fs::{MetadataExt, OpenOptionsExt, chown},
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use tokio::task::spawn_blocking;

use crate::{Store, StoreError, engine::Pools};

/// Says that a process uses a database file, so that nobody puts another in its place meanwhile.
#[derive(Debug)]
pub struct InUse {
    _lock: File,
}

/// What was taken over from the database that stood there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TakenOver {
    /// Tokens of which more was used, or known, than in the copy.
    pub verifiers: usize,
    /// Tokens that had ended.
    pub tokens: usize,
    /// Customers whose stop, hold, passwords or demand for a passcode had changed.
    pub customers: usize,
    /// Keys of programs that were revoked.
    pub api_keys: usize,
}

const VERIFIERS: &str = "UPDATE verifiers AS v SET last_step = MAX(v.last_step, b.last_step), \
     floor_step = MAX(v.floor_step, b.floor_step), era = MAX(v.era, b.era), failures = MAX(v.failures, b.failures), \
     locked = v.locked OR b.locked, locked_until = NULLIF(MAX(COALESCE(v.locked_until, \
     0), COALESCE(b.locked_until, 0)), 0), suspended = v.suspended OR b.suspended, \
     version = v.version + 1 FROM before.verifiers b \
     WHERE b.bucket = v.bucket AND b.customer_id = v.customer_id AND b.token_id = v.token_id \
     AND (b.last_step > v.last_step OR b.floor_step > v.floor_step OR b.failures > v.failures \
     OR (b.locked AND NOT v.locked) OR (b.suspended AND NOT v.suspended) \
     OR COALESCE(b.locked_until, 0) > COALESCE(v.locked_until, 0))";

/// Whatever the two histories are, the hot table says what customer and token say.
const AGREE: &str = "UPDATE verifiers AS v SET state = t.state, hold_until = c.hold_until, \
     suspended = v.suspended OR c.suspended_at IS NOT NULL, \
     sealed_key = CASE WHEN t.ended_at IS NULL THEN v.sealed_key ELSE x'' END, \
     version = v.version + 1 FROM customers c JOIN tokens t ON t.bucket = c.bucket \
     AND t.customer_id = c.customer_id WHERE c.bucket = v.bucket \
     AND c.customer_id = v.customer_id AND t.id = v.token_id AND (v.state <> t.state \
     OR COALESCE(v.hold_until, 0) <> COALESCE(c.hold_until, 0) \
     OR (c.suspended_at IS NOT NULL AND NOT v.suspended))";

const TOKENS: &str = "UPDATE tokens AS t SET state = b.state, ended_at = b.ended_at, root = NULL, \
     due_at = NULL, version = t.version + 1 FROM before.tokens b WHERE b.bucket = t.bucket \
     AND b.customer_id = t.customer_id AND b.id = t.id AND t.ended_at IS NULL \
     AND b.ended_at IS NOT NULL";

/// An issue that was over there is over: its token is, and would not be ended again.
const ISSUES: &str = "UPDATE issues AS i SET ended_at = b.ended_at, end_reason = b.end_reason, \
     start_mac = NULL, reply = NULL, deadline = NULL FROM before.issues b \
     WHERE b.bucket = i.bucket AND b.customer_id = i.customer_id AND b.id = i.id \
     AND i.ended_at IS NULL AND b.ended_at IS NOT NULL";

const STOPS: &str = "UPDATE customers AS c SET suspended_at = COALESCE(b.suspended_at, \
     c.suspended_at), stopped_by = COALESCE(b.stopped_by, c.stopped_by), \
     stop_reception = COALESCE(b.stop_reception, c.stop_reception), \
     hold_until = NULLIF(MAX(COALESCE(b.hold_until, 0), COALESCE(c.hold_until, 0)), 0), \
     issue_from = NULLIF(MAX(COALESCE(b.issue_from, 0), COALESCE(c.issue_from, 0)), 0) \
     FROM before.customers b WHERE b.bucket = c.bucket AND b.customer_id = c.customer_id \
     AND (b.suspended_at IS NOT NULL OR COALESCE(b.hold_until, 0) > COALESCE(c.hold_until, 0) \
     OR COALESCE(b.issue_from, 0) > COALESCE(c.issue_from, 0))";

/// Only what is newer there: the file that stood here may be an older copy itself.
const PASSWORDS: &str = "UPDATE customers AS c SET otp_required = b.otp_required, \
     login_hash = b.login_hash, login_mac = b.login_mac, login_given = b.login_given, \
     confirmation_hash = b.confirmation_hash, confirmation_mac = b.confirmation_mac, \
     confirmation_given = b.confirmation_given, version = b.version + 1 \
     FROM before.customers b WHERE b.bucket = c.bucket AND b.customer_id = c.customer_id \
     AND b.version > c.version";

const COUNTERS: &str = "INSERT INTO counters SELECT * FROM before.counters WHERE TRUE \
     ON CONFLICT (bucket, customer_id, subject, kind) DO UPDATE SET \
     failures = MAX(counters.failures, excluded.failures), \
     locked = counters.locked OR excluded.locked, \
     locked_until = NULLIF(MAX(COALESCE(counters.locked_until, 0), \
     COALESCE(excluded.locked_until, 0)), 0), version = counters.version + 1";

const APPLICATIONS: &str = "INSERT OR REPLACE INTO applications \
     SELECT * FROM before.applications WHERE decided_at IS NOT NULL";

const API_KEYS: &str = "UPDATE api_keys AS k SET revoked_at = b.revoked_at, mac = b.mac \
     FROM before.api_keys b WHERE b.institution_id = k.institution_id AND b.id = k.id AND k.revoked_at IS NULL \
     AND b.revoked_at IS NOT NULL";

const ADDRESSES: &str = "UPDATE addresses AS a SET removed_at = b.removed_at \
     FROM before.addresses b WHERE b.bucket = a.bucket AND b.customer_id = a.customer_id \
     AND b.id = a.id AND a.removed_at IS NULL AND b.removed_at IS NOT NULL";

/// Two files of one history have the same lines up to some place.
const APART: &str = "SELECT COALESCE(MIN(b.seq), 0) FROM before.audit b LEFT JOIN audit a ON a.seq = b.seq \
     WHERE a.id IS NOT b.id";

/// What no token's row leads to is found by the index.
const LINES: &str = "INSERT INTO audit (bucket, customer_id, at, id, institution_id, actor_kind, actor_id, \
     token_id, kind, result, reason, channel, screen, address, device, request_id, correlation, \
     before_json, after_json, v) SELECT bucket, customer_id, at, id, institution_id, actor_kind, actor_id, \
     token_id, kind, result, reason, channel, screen, address, device, request_id, correlation, \
     before_json, after_json, v FROM before.audit WHERE seq >= ?1 \
     AND id NOT IN (SELECT id FROM main.audit WHERE seq >= ?1) ORDER BY seq";

const ANSWERS: &str = "INSERT OR IGNORE INTO answers SELECT * FROM before.answers";

const ERAS: &str = "INSERT OR IGNORE INTO eras SELECT * FROM before.eras";

impl InUse {
    /// Takes part in the use of the file.
    pub(crate) fn share(database: &Path) -> io::Result<Self> {
        let lock = Self::file(database)?;
        match lock.try_lock_shared() {
            Ok(()) => Ok(Self { _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(io::Error::other("it is being restored")),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Takes the file for itself; none where another process uses it.
    pub fn alone(database: &Path) -> io::Result<Option<Self>> {
        let lock = Self::file(database)?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(Self { _lock: lock })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    // Beside the database itself, by whatever name it is reached: SQLite's own locks would be lost with the
    // first handle that is closed.
    fn file(database: &Path) -> io::Result<File> {
        let real = fs::canonicalize(database).unwrap_or_else(|_| database.to_owned());
        let path = beside(&real, ".lock");
        let file =
            OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path)?;
        if real.exists() {
            own_like(&path, &real)?;
        }
        Ok(file)
    }
}

impl Store {
    /// Copies the database into a new file, as it stands at one moment, while others go on writing.
    /// Readable by its owner only; checked and durable before this returns. `Settings` on PostgreSQL.
    pub async fn back_up(&self, to: &Path) -> Result<(), StoreError> {
        let Pools::Sqlite { path, .. } = &self.pools else {
            return Err(StoreError::Settings("PostgreSQL is copied by its own tools".to_owned()));
        };
        let (from, to) = (path.clone(), to.to_owned());
        blocking(move || copy(&from, &to)).await
    }

    /// Takes over what must never go back from the database that stood in this one's place: spent steps,
    /// ends, stops, locks, passwords, revocations. SQLite only.
    pub async fn take_over(&self, from: &Path) -> Result<TakenOver, StoreError> {
        let Pools::Sqlite { path, .. } = &self.pools else { return Ok(TakenOver::default()) };
        let (into, from) = (path.clone(), from.to_owned());
        blocking(move || take_over(&into, &from)).await
    }
}

impl Store {
    /// Takes over the trail, and answers under idempotency keys; gives how many lines. SQLite only.
    pub async fn take_over_trail(&self, from: &Path) -> Result<usize, StoreError> {
        let Pools::Sqlite { path, .. } = &self.pools else { return Ok(0) };
        let (into, from) = (path.clone(), from.to_owned());
        blocking(move || take_over_trail(&into, &from)).await
    }
}

pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    spawn_blocking(work).await.unwrap_or_else(|died| Err(broken(io::Error::other(died))))
}

fn broken(error: io::Error) -> StoreError {
    StoreError::Unavailable(sqlx::Error::Io(error))
}

/// The path with more behind its name.
#[must_use]
pub fn beside(database: &Path, ending: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Copies a database, whoever else has it open, into a file that is not there yet.
pub fn copy(from: &Path, to: &Path) -> Result<(), StoreError> {
    // Made here and not by SQLite: for the owner only.
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to);
    made.map_err(broken)?;
    let done = copy_into(from, to);
    if done.is_err()
        && let Err(error) = fs::remove_file(to)
    {
        tracing::warn!(%error, "what was begun of a copy");
    }
    done
}

fn copy_into(from: &Path, to: &Path) -> Result<(), StoreError> {
    let source = Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    source.busy_timeout(std::time::Duration::from_secs(10))?;
    let name = to.to_str().ok_or_else(|| broken(ErrorKind::InvalidFilename.into()))?;
    source.execute("VACUUM INTO ?1", [name])?;
    drop(source);
    let copied = Connection::open_with_flags(to, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    sound(&copied)?;
    drop(copied);
    File::open(to).and_then(|file| file.sync_all()).map_err(broken)?;
    sync_folder(to).map_err(broken)
}

/// Gives a file the owner of another: what root makes is of use to the server's own user.
pub fn own_like(file: &Path, other: &Path) -> io::Result<()> {
    let (is, wanted) = (fs::metadata(file)?, fs::metadata(other)?);
    if (is.uid(), is.gid()) == (wanted.uid(), wanted.gid()) {
        return Ok(());
    }
    match chown(file, Some(wanted.uid()), Some(wanted.gid())) {
        // Only root may; to anybody else the files of another are of no use anyway.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(()),
        done => done,
    }
}

/// Makes what was renamed or made beside this file durable.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or_else(|| Path::new(".")))?.sync_all()
}

/// Whether every page and every index of the file is in order.
pub(crate) fn sound(line: &Connection) -> Result<(), StoreError> {
    let said: String = line.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if said == "ok" { Ok(()) } else { Err(StoreError::Corrupt(said)) }
}

fn beside_each_other(into: &Path, from: &Path) -> Result<Connection, StoreError> {
    let line = Connection::open_with_flags(into, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    line.pragma_update(None, "synchronous", "FULL")?;
    let name = from.to_str().ok_or_else(|| broken(ErrorKind::InvalidFilename.into()))?;
    line.execute("ATTACH DATABASE ?1 AS before", [name])?;
    Ok(line)
}

// The largest tables, on their own: a bad page of the trail costs none of what protects somebody.
fn take_over_trail(into: &Path, from: &Path) -> Result<usize, StoreError> {
    let line = beside_each_other(into, from)?;
    let tx = Transaction::new_unchecked(&line, TransactionBehavior::Immediate)?;
    let apart: i64 = tx.query_row(APART, [], |row| row.get(0))?;
    let lines = if apart == 0 { 0 } else { tx.execute(LINES, [apart])? };
    tx.execute(ANSWERS, [])?;
    tx.commit()?;
    Ok(lines)
}

fn take_over(into: &Path, from: &Path) -> Result<TakenOver, StoreError> {
    let line = beside_each_other(into, from)?;
    let tx = Transaction::new_unchecked(&line, TransactionBehavior::Immediate)?;
    // Before passwords, which raise versions.
    let stops = tx.execute(STOPS, [])?;
    let taken = TakenOver {
        verifiers: tx.execute(VERIFIERS, [])?,
        tokens: tx.execute(TOKENS, [])?,
        customers: stops.max(tx.execute(PASSWORDS, [])?),
        api_keys: tx.execute(API_KEYS, [])?,
    };
    for sql in [ISSUES, ADDRESSES, COUNTERS, APPLICATIONS, ERAS, AGREE] {
        tx.execute(sql, [])?;
    }
    tx.commit()?;
    Ok(taken)
}
