//! A PostgreSQL primary and its synchronous standby, which die and take over when they are told to.

use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::bank::free_ports;

pub(super) struct Cluster {
    programs: PathBuf,
    folder: PathBuf,
    primary: Member,
    standby: Option<Member>,
    made: usize,
}

#[derive(Clone)]
struct Member {
    name: String,
    data: PathBuf,
    port: u16,
}

impl Cluster {
    /// A primary and a standby that is waited for.
    pub(super) fn start() -> Result<Self> {
        let pgbench = PathBuf::from(std::env::var("PGBENCH").context("PGBENCH")?);
        let programs = pgbench.parent().context("PGBENCH")?.to_owned();
        let folder = said(as_owner("mktemp").args(["-d", "-t", "warifu-torture.XXXXXX"]))?;
        let folder = PathBuf::from(folder.trim());
        let [port] = free_ports()?;
        let primary = Member { name: "m0".to_owned(), data: folder.join("m0"), port };
        let mut cluster = Self { programs, folder, primary, standby: None, made: 1 };
        cluster.initdb()?;
        cluster.control(&cluster.primary.clone(), &["--wait", "start"])?;
        cluster.add_standby()?;
        Ok(cluster)
    }

    pub(super) const fn port(&self) -> u16 {
        self.primary.port
    }

    fn initdb(&self) -> Result<()> {
        let data = &self.primary.data;
        let mut initdb = as_owner(self.programs.join("initdb"));
        initdb.arg("--pgdata").arg(data).args(["--username=postgres", "--auth=trust"]);
        said(initdb.args(["--encoding=UTF8", "--no-locale"]))?;
        // A standby that lost its primary looks for it at once: until it is back commits wait for it, and that
        // would be measured instead of ours.
        let settings = format!(
            "wal_retrieve_retry_interval = '100ms'\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '{}'\nmax_connections = 200\n\
             max_wal_size = 1GB\nport = {}\nwal_keep_size = 256MB\n",
            self.folder.display(),
            self.primary.port
        );
        append(&self.primary, &settings)
    }

    fn control(&self, member: &Member, words: &[&str]) -> Result<()> {
        let mut command = as_owner(self.programs.join("pg_ctl"));
        command.arg("--pgdata").arg(&member.data);
        command.arg("--log").arg(self.folder.join(format!("{}.log", member.name)));
        let output = File::create(self.folder.join("pg_ctl.log"))?;
        command.args(words).stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        if !command.status()?.success() {
            let said = fs::read_to_string(self.folder.join("pg_ctl.log"))?;
            bail!("pg_ctl {}: {said}", words.join(" "));
        }
        Ok(())
    }

    fn ask(&self, member: &Member, sql: &str) -> Result<String> {
        let mut psql = as_owner(self.programs.join("psql"));
        psql.args(["--host", "127.0.0.1", "--username", "postgres", "--no-psqlrc"]);
        psql.args(["--tuples-only", "--no-align", "--quiet", "--port"])
            .arg(member.port.to_string());
        said(psql.args(["--command", sql, "postgres"]))
    }

    /// Stops in the middle of everything, as without power, and comes back.
    pub(super) fn crash_and_start(&self) -> Result<()> {
        self.control(&self.primary, &["--mode=immediate", "stop"])?;
        self.control(&self.primary, &["--wait", "start"])
    }

    /// The primary is gone; its standby takes over, alone.
    pub(super) fn fail_over(&mut self) -> Result<()> {
        let next = self.standby.take().context("there is no standby")?;
        self.control(&self.primary, &["--mode=immediate", "stop"])?;
        self.control(&next, &["--wait", "promote"])?;
        let old = std::mem::replace(&mut self.primary, next);
        said(as_owner("rm").arg("-rf").arg(&old.data)).map(drop)
    }

    /// Copies the primary, has the copy follow it, and has commits wait for it.
    pub(super) fn add_standby(&mut self) -> Result<()> {
        let [port] = free_ports()?;
        let name = format!("m{}", self.made);
        self.made += 1;
        let standby = Member { data: self.folder.join(&name), name, port };
        let mut copy = as_owner(self.programs.join("pg_basebackup"));
        copy.args(["--host", "127.0.0.1", "--username", "postgres", "--checkpoint=fast"]);
        copy.args(["--write-recovery-conf", "--port"]).arg(self.primary.port.to_string());
        said(copy.arg("--pgdata").arg(&standby.data))?;
        // It is a primary without a standby itself, once it has taken over.
        append(&standby, &format!("port = {port}\n"))?;
        said(
            as_owner("sh")
                .args(["-c", "sed -i /synchronous_standby_names/d \"$1\"", "sh"])
                .arg(standby.data.join("postgresql.auto.conf")),
        )?;
        self.control(&standby, &["--wait", "start"])?;
        self.standby = Some(standby);
        let streams = "SELECT COUNT(*) FROM pg_stat_replication WHERE state = 'streaming'";
        self.until(streams, "1")?;
        self.ask(&self.primary, "ALTER SYSTEM SET synchronous_standby_names = '*'")?;
        self.ask(&self.primary, "SELECT pg_reload_conf()")?;
        // Commits wait once the checkpointer has read it, which it does before it makes a checkpoint; and
        // what was committed until then has to get there too. Whoever lets a standby take over looks as well.
        std::thread::sleep(Duration::from_millis(200));
        self.ask(&self.primary, "CHECKPOINT")?;
        let now = self.ask(&self.primary, "SELECT pg_current_wal_lsn()")?;
        let there = format!(
            "SELECT COUNT(*) FROM pg_stat_replication WHERE sync_state = 'sync' \
             AND flush_lsn >= '{}'",
            now.trim()
        );
        self.until(&there, "1")
    }

    fn until(&self, sql: &str, said: &str) -> Result<()> {
        let begun = Instant::now();
        while self.ask(&self.primary, sql)?.trim() != said {
            if begun.elapsed() > Duration::from_mins(1) {
                bail!("the standby does not follow: {sql}");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for member in self.standby.iter().chain([&self.primary]) {
            if let Err(error) = self.control(member, &["--mode=immediate", "stop"]) {
                eprintln!("{error:#}");
            }
        }
        drop(said(as_owner("rm").arg("-rf").arg(&self.folder)));
    }
}

fn append(member: &Member, settings: &str) -> Result<()> {
    let mut file = OpenOptions::new().append(true).open(member.data.join("postgresql.conf"))?;
    Ok(file.write_all(settings.as_bytes())?)
}

// PostgreSQL refuses root.
fn as_owner(program: impl AsRef<Path>) -> Command {
    if !is_root() {
        return Command::new(program.as_ref());
    }
    let mut command = Command::new("runuser");
    command.args(["-u", "postgres", "--"]).arg(program.as_ref()).current_dir("/");
    // A folder for temporary files may be root's alone.
    command.env_remove("TMPDIR");
    command
}

fn is_root() -> bool {
    fs::read_to_string("/proc/self/status")
        .is_ok_and(|status| status.lines().any(|line| line.starts_with("Uid:\t0\t")))
}

fn said(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output()?;
    if !output.status.success() {
        bail!("{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?)
}
