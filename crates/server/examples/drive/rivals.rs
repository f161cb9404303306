//! What the machine does without us: the equal transaction (one conditional UPDATE of a token's row, one
//! INSERT into the trail), committed one by one, on the same database, in the same run.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use hdrhistogram::Histogram;

use crate::{bank::Bank, tokens::Tokens};

/// The update changes nothing that a passcode hangs on, and costs what the product's own does.
const UPDATE: &str = "UPDATE verifiers SET last_step = last_step, failures = 0, \
     locked_until = NULL, version = version + 1 WHERE bucket = :b AND customer_id = :c \
     AND token_id = :t AND last_step < 9000000000000000000 AND NOT locked AND NOT suspended";

/// A line as long as the product's own.
const INSERT: &str = "INSERT INTO audit (bucket, customer_id, at, id, institution_id, actor_kind, \
     actor_id, token_id, kind, result, reason, channel, address, device, request_id, after_json, v) \
     VALUES (:b, :c, :at, 'aud_0000000' || :r, 'ins_01jd9zq5w0e8m3k7v2n4x6y8za', 'api_key', \
     'key_01jd9zq5w0e8m3k7v2n4x6y8za', :t, 'passcode.accepted', 'ok', 'login', 'api', \
     '127.0.0.1', '―', '0123456789012345', \
     '{\"step\":59850000,\"verification\":\"ver_01jd9zq5w0e8m3k7v2n4x6y8za\"}', 1)";

/// pgbench with the equal transaction.
pub(crate) struct Pgbench {
    program: PathBuf,
    url: String,
    script: PathBuf,
}

impl Pgbench {
    pub(crate) fn new(program: &Path, bank: &Bank, tokens: &Tokens) -> Result<Self> {
        let script = bank.path("equal.sql");
        let last = tokens.len();
        // The keys are made of a number, as ours are; that is all that the server computes more.
        let named = |sql: &str| {
            sql.replace(":b", "get_byte(sha256(('cus_' || lpad(:n, 26, '0'))::bytea), 0)")
                .replace(":c", "'cus_' || lpad(:n, 26, '0')")
                .replace(":t", "'tok_' || lpad(:n, 26, '0')")
        };
        let text = format!(
            "\\set n random(1, {last})\n\\set r random(1000000000000000000, \
             9000000000000000000)\n\\set at 1700000000000 + :r % 1000000000\n\
             BEGIN;\n{};\n{};\nCOMMIT;\n",
            named(UPDATE),
            named(INSERT)
        );
        fs::write(&script, text)?;
        Ok(Self { program: program.to_owned(), url: bank.url.clone(), script })
    }

    /// Transactions a second with this many clients.
    pub(crate) fn rate(&self, clients: usize, length: Duration) -> Result<f64> {
        let output = self.command(clients, length).output().context("pgbench does not start")?;
        let told = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() {
            bail!("pgbench: {told}{}", String::from_utf8_lossy(&output.stderr));
        }
        let rate = told.lines().find_map(|line| line.strip_prefix("tps = "));
        let rate = rate.and_then(|rest| rest.split_whitespace().next());
        Ok(rate.with_context(|| told.clone().into_owned())?.parse()?)
    }

    /// The median of one client's transactions (ms), from pgbench's own log of each.
    pub(crate) fn median(&self, length: Duration) -> Result<f64> {
        let folder = tempfile::tempdir()?;
        let mut command = self.command(1, length);
        command.args(["--log", "--log-prefix=lone"]).current_dir(folder.path());
        if !command.output()?.status.success() {
            bail!("pgbench --log");
        }
        let mut times = Vec::new();
        for file in fs::read_dir(folder.path())? {
            for line in fs::read_to_string(file?.path())?.lines() {
                times.extend(line.split(' ').nth(2).and_then(|us| us.parse::<u64>().ok()));
            }
        }
        times.sort_unstable();
        let median = times.get(times.len() / 2).context("pgbench logged nothing")?;
        Ok(*median as f64 / 1_000.0)
    }

    fn command(&self, clients: usize, length: Duration) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(["--no-vacuum", "--protocol=prepared", "--jobs=2"])
            .arg(format!("--client={clients}"))
            .arg(format!("--time={}", length.as_secs().max(1)))
            .arg("--file")
            .arg(&self.script)
            .arg(&self.url);
        command
    }
}

/// One-by-one commits of the equal transaction on a SQLite file, as fast as one connection goes.
pub(crate) fn sqlite_commits(path: &Path, tokens: &Tokens, length: Duration) -> Result<f64> {
    let line = rusqlite::Connection::open(path)?;
    line.busy_timeout(Duration::from_secs(10))?;
    line.pragma_update(None, "synchronous", "FULL")?;
    let named = |sql: &str| sql.replace(":b", "?1").replace(":c", "?2").replace(":t", "?3");
    // With what the product's own has here: a line that is found from its token's row on.
    let linked = "version = version + 1, last_line = ?4";
    let mut update = line.prepare(&named(&UPDATE.replace("version = version + 1", linked)))?;
    let insert =
        INSERT.replace("after_json, v)", "after_json, v, earlier)").replace("', 1)", "', 1, 0)");
    let insert = named(&insert.replace(":at", "?4").replace(":r", "?5"));
    let mut insert = line.prepare(&insert)?;
    let mut start = line.prepare("BEGIN IMMEDIATE")?;
    let mut commit = line.prepare("COMMIT")?;
    let stamp = i64::try_from(crate::client::unix_seconds())? % 1_000_000 * 1_000_000_000_000;
    let begun = Instant::now();
    let mut done = 0_i64;
    while begun.elapsed() < length {
        let n = usize::try_from(done)?.wrapping_mul(7_919_777) % tokens.len();
        let customer = Tokens::customer(n)?;
        let (bucket, customer) = (i64::from(customer.bucket()), customer.to_string());
        let token = Tokens::token(n);
        start.execute([])?;
        insert.execute((bucket, &customer, &token, 1_700_000_000_000 + done, stamp + done))?;
        if update.execute((bucket, &customer, &token, line.last_insert_rowid()))? != 1 {
            bail!("no {token} of {customer}");
        }
        commit.execute([])?;
        done += 1;
    }
    Ok(done as f64 / begun.elapsed().as_secs_f64())
}

/// A bare commit, fifty times a second beside the load, until it is stopped: the time that the disk and
/// the database need for nothing at all.
pub(crate) struct BareCommits {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<Histogram<u64>>>,
}

impl BareCommits {
    const EVERY: Duration = Duration::from_millis(20);

    pub(crate) fn on_postgres(url: &str) -> Self {
        let url = url.to_owned();
        Self::start(move |stop| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let mut line = <sqlx::PgConnection as sqlx::Connection>::connect(&url).await?;
                let make = "CREATE TABLE IF NOT EXISTS bare_commits (n BIGINT)";
                sqlx::query(make).execute(&mut line).await?;
                let mut times = histogram();
                while !stop.load(Ordering::Relaxed) {
                    let begun = Instant::now();
                    sqlx::query("INSERT INTO bare_commits VALUES (1)").execute(&mut line).await?;
                    times.saturating_record(u64::try_from(begun.elapsed().as_micros())?);
                    std::thread::sleep(Self::EVERY);
                }
                Ok(times)
            })
        })
    }

    /// On a file of its own on the same disk: one that two write would measure their waiting in turn.
    pub(crate) fn on_sqlite(path: PathBuf) -> Self {
        Self::start(move |stop| {
            let line = rusqlite::Connection::open(path)?;
            line.execute_batch(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                 CREATE TABLE IF NOT EXISTS bare_commits (n BIGINT)",
            )?;
            let mut insert = line.prepare("INSERT INTO bare_commits VALUES (1)")?;
            let mut times = histogram();
            while !stop.load(Ordering::Relaxed) {
                let begun = Instant::now();
                insert.execute([])?;
                times.saturating_record(u64::try_from(begun.elapsed().as_micros())?);
                std::thread::sleep(Self::EVERY);
            }
            Ok(times)
        })
    }

    fn start(
        commits: impl FnOnce(Arc<AtomicBool>) -> Result<Histogram<u64>> + Send + 'static,
    ) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let own = Arc::clone(&stop);
        Self { stop, thread: std::thread::spawn(move || commits(own)) }
    }

    /// Ends them; gives a quantile in milliseconds.
    pub(crate) fn end(self) -> Result<impl Fn(f64) -> f64> {
        self.stop.store(true, Ordering::Relaxed);
        let times = self.thread.join().ok().context("the bare commits died")??;
        Ok(move |quantile| times.value_at_quantile(quantile) as f64 / 1_000.0)
    }
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_max(60_000_000, 3).expect("bounds that fit")
}
