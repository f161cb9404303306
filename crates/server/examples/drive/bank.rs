//! The installation under test: its folder, its database, the release program, its API key.

use std::{
    fs::{self, File},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

/// Its bank: nothing in it matters here but the hosts.
const DOCUMENT: &str = r##"service_id = "40210735"
zone = "Asia/Tokyo"
name = { ja = "計測信託", en = "Measured Trust" }
[hosts]
ib = "ib.bench.localhost"
token = "token.bench.localhost"
console = "console.bench.localhost"
api = "api.bench.localhost"
[contact]
name = { ja = "ネット窓口", en = "Internet Desk" }
phone = "0120-111-222"
hours = { ja = "平日 9時～17時", en = "weekdays 9:00-17:00" }
[emergency]
name = { ja = "緊急連絡先", en = "Emergency desk" }
phone = "0120-111-333"
[mail]
sender = "otp@bench.example"
sender_name = { ja = "計測信託", en = "Measured Trust" }
[look]
color = "#0b5c50"
"##;

/// An installation in a folder of its own, which goes with it.
pub(crate) struct Bank {
    folder: TempDir,
    program: PathBuf,
    pub(crate) url: String,
    pub(crate) port: u16,
    pub(crate) ib_port: u16,
    ops: u16,
    pub(crate) api_key: String,
}

/// The running server; told to stop when it is dropped, as by whoever runs it.
pub(crate) struct Server {
    child: Child,
}

impl Bank {
    pub(crate) const API_HOST: &str = "api.bench.localhost";
    pub(crate) const IB_HOST: &str = "ib.bench.localhost";
    pub(crate) const SERVICE: &str = "40210735";

    /// Sets one up by the command line, as an engineer would. `url` is the database's; `{folder}` in it
    /// stands for the installation's folder.
    pub(crate) fn found(program: &Path, url: &str, distributed: bool) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let url = url.replace("{folder}", &folder.path().display().to_string());
        let [port, ib_port, ops] = free_ports()?;
        let path = |name: &str| folder.path().join(name);
        fs::write(
            path("warifu.toml"),
            format!(
                "[listen]\napi = [\"127.0.0.1:{port}\"]\nib = [\"127.0.0.1:{ib_port}\"]\n\
                 token = [\"127.0.0.1:{ib_port}\"]\nops = [\"127.0.0.1:{ops}\"]\n\
                 [database]\nurl = \"{url}\"\ndistributed = {distributed}\n[keys]\nfile = \"{}\"\n\
                 [proxies]\ntrusted = [\"127.0.0.1\"]\n",
                path("warifu.keys").display()
            ),
        )?;
        fs::write(path("bank.toml"), DOCUMENT)?;
        let mut bank = Self {
            program: program.to_owned(),
            url,
            port,
            ib_port,
            ops,
            api_key: String::new(),
            folder,
        };
        bank.run(&["keys", "create"])?;
        bank.run(&["migrate"])?;
        bank.run(&["institution", "create", "bank.toml"])?;
        let scopes = "verifications:login,verifications:transaction,verifications:reason";
        let institution = ["--institution", Self::SERVICE];
        let made = bank.run(
            &[&["--json", "api-keys", "create", "bench", "--scope", scopes], &institution[..]]
                .concat(),
        )?;
        let made: serde_json::Value = serde_json::from_str(&made)?;
        made["key"].as_str().context("no API key was shown")?.clone_into(&mut bank.api_key);
        Ok(bank)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("WARIFU_")) {
            command.env_remove(name);
        }
        command.current_dir(self.folder.path()).args(["--config", "warifu.toml"]);
        command
    }

    fn run(&self, words: &[&str]) -> Result<String> {
        let output = self.command().args(words).output()?;
        if !output.status.success() {
            bail!("warifu {}: {}", words.join(" "), String::from_utf8_lossy(&output.stderr));
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Starts the server; its log goes to a file, as it would.
    pub(crate) fn serve(&self) -> Result<Server> {
        let log = File::create(self.path("server.log"))?;
        let mut command = self.command();
        command.arg("serve").stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let server = Server { child: command.spawn()? };
        for _ in 0..6_000 {
            if std::net::TcpStream::connect(("127.0.0.1", self.ops)).is_ok() {
                return Ok(server);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        bail!("the server did not start: {}", fs::read_to_string(self.path("server.log"))?)
    }
}

impl Server {
    /// Resident memory at its highest so far and now (MiB).
    pub(crate) fn memory(&self) -> Result<(u64, u64)> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let of = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib / 1024)
        };
        Ok((of("VmHWM:").context("VmHWM")?, of("VmRSS:").context("VmRSS")?))
    }
}

impl Server {
    /// The time that its threads have had of a processor so far.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let (_, fields) = stat.rsplit_once(')').context("stat")?;
        let of = |n| fields.split_whitespace().nth(n)?.parse::<u64>().ok();
        // utime and stime, in hundredths of a second.
        let ticks = of(11).context("utime")? + of(12).context("stime")?;
        Ok(Duration::from_millis(ticks * 10))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let told = Command::new("kill").arg(self.child.id().to_string()).status();
        if !told.is_ok_and(|told| told.success()) {
            drop(self.child.kill());
        }
        drop(self.child.wait());
    }
}

pub(crate) fn free_ports<const N: usize>() -> Result<[u16; N]> {
    let mut held = Vec::new();
    let mut ports = [0; N];
    for port in &mut ports {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        *port = listener.local_addr()?.port();
        held.push(listener);
    }
    Ok(ports)
}
