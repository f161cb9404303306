//! The database cluster of one test run: its own port, its own folder, gone at the end.
//! Never touches a cluster that was there before.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::needs;

/// Debian keeps each version's programs in a folder of its own.
const VERSIONS: &str = "/usr/lib/postgresql";
const OLDEST: u32 = 15;

/// A running cluster; dropping it stops and removes it.
#[derive(Debug)]
pub(crate) struct Cluster {
    keeper: Child,
    port: u16,
}

impl Cluster {
    /// Starts a cluster as PostgreSQL ships it.
    pub(crate) fn start() -> Result<Self> {
        Self::start_with("")
    }

    /// Starts a cluster with these settings beside. A port found free can be lost before it is taken,
    /// so it tries again.
    pub(crate) fn start_with(settings: &str) -> Result<Self> {
        let mut last = None;
        for _ in 0..3 {
            match Self::start_once(settings) {
                Ok(cluster) => return Ok(cluster),
                Err(error) => last = Some(error),
            }
        }
        Err(last.context("never tried")?)
    }

    fn start_once(settings: &str) -> Result<Self> {
        let programs = programs().context("PostgreSQL 15 or newer is not installed")?;
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let script = include_str!("postgres.sh");
        let keeper = shell()?
            .args(["-c", script, "postgres.sh"])
            .arg(programs)
            .arg(port.to_string())
            .arg(settings)
            // Ctrl-C reaches a whole process group; in its own, the keeper lives to clean up.
            .process_group(0)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("the shell that keeps PostgreSQL does not start")?;
        let mut cluster = Self { keeper, port };
        let output = cluster.keeper.stdout.take().context("no output to wait for")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        if line.trim() != "READY" {
            bail!("PostgreSQL did not start; its own words stand above");
        }
        Ok(cluster)
    }

    /// Where tests find it: a superuser without a password, on the loopback address only.
    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        if let Err(error) = self.keeper.wait() {
            eprintln!("PostgreSQL may still be running: {error}");
        }
    }
}

/// The newest installed programs that are new enough.
pub(crate) fn programs() -> Option<PathBuf> {
    let folders = fs::read_dir(VERSIONS).ok()?.filter_map(Result::ok);
    let numbered = folders.filter_map(|folder| {
        let version = folder.file_name().to_str()?.parse::<u32>().ok()?;
        let programs = folder.path().join("bin");
        (version >= OLDEST && programs.join("initdb").exists()).then_some((version, programs))
    });
    numbered.max().map(|(_, programs)| programs)
}

/// A shell as somebody whom the database serves: it refuses root.
fn shell() -> Result<Command> {
    if !needs::is_root()? {
        return Ok(Command::new("sh"));
    }
    let mut command = Command::new("runuser");
    // A folder for temporary files may be root's alone.
    command.args(["-u", "postgres", "--", "sh"]).env_remove("TMPDIR");
    Ok(command)
}
