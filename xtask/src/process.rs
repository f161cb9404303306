//! Where the house stands, and how its commands are run: in its root, with its environment,
//! on this terminal.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fmt};

use anyhow::{Context, Result, bail};

/// The checkout, the folder of its built programs, and what its commands find in their environment.
#[derive(Debug)]
pub(crate) struct House {
    pub(crate) root: PathBuf,
    pub(crate) programs: PathBuf,
    environment: Vec<(&'static str, String)>,
}

impl House {
    /// Finds the checkout by Cargo's own word for it, and the programs beside this one, which
    /// honours every way to move the target folder.
    pub(crate) fn find() -> Result<Self> {
        let manifest = env::var("CARGO_MANIFEST_DIR").context("run me as `cargo xtask`")?;
        let root = Path::new(&manifest).parent().context("xtask lies in no folder")?;
        let this = env::current_exe()?;
        let programs = this.parent().context("this program lies in no folder")?;
        Ok(Self {
            root: root.to_path_buf(),
            programs: programs.to_path_buf(),
            environment: Vec::new(),
        })
    }

    /// From now on, every command finds this in its environment.
    pub(crate) fn export(&mut self, name: &'static str, value: impl fmt::Display) {
        self.environment.push((name, value.to_string()));
    }

    /// A command that will run in the root of the checkout.
    pub(crate) fn command<I, S>(&self, program: impl AsRef<OsStr>, arguments: I) -> Command
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&self.root);
        for (name, _) in env::vars_os().filter(|(name, _)| is_about_xtask(name)) {
            command.env_remove(name);
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a command in the root of the checkout; an error names what failed.
    pub(crate) fn run<I, S>(&self, program: impl AsRef<OsStr>, arguments: I) -> Result<()>
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        run(&mut self.command(program, arguments))
    }

    /// The files of the checkout, relative to its root: what is committed, and what could be.
    pub(crate) fn files(&self) -> Result<Vec<String>> {
        let list = ["ls-files", "--cached", "--others", "--exclude-standard", "-z"];
        let output = self.command("git", list).stderr(Stdio::inherit()).output();
        let output = output.context("git does not start")?;
        if !output.status.success() {
            bail!("git ls-files failed: the house rules are checked in a git checkout");
        }
        let names = String::from_utf8(output.stdout).context("a file name is not UTF-8")?;
        let mut files: Vec<String> = names.split_terminator('\0').map(String::from).collect();
        files.retain(|file| self.root.join(file).is_file());
        files.sort();
        files.dedup();
        Ok(files)
    }

    /// The text of a file of the checkout.
    pub(crate) fn read(&self, file: &str) -> Result<String> {
        fs::read_to_string(self.root.join(file)).with_context(|| format!("{file} cannot be read"))
    }
}

/// Runs a command on this terminal; an error names what failed.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let shown = shown(command);
    let status = command.status().with_context(|| format!("`{shown}` does not start"))?;
    if !status.success() {
        bail!("`{shown}` failed ({status})");
    }
    Ok(())
}

/// Whether a command starts and succeeds; its words are for nobody.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// What a command prints, or nothing when it cannot.
pub(crate) fn printed(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output();
    output.map_or_else(
        |_| String::new(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}

/// What `cargo run` says of this program; it would mislead other tools of Cargo.
fn is_about_xtask(name: &OsStr) -> bool {
    let names = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"];
    name.to_str().is_some_and(|name| names.iter().any(|prefix| name.starts_with(prefix)))
}

fn shown(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy()];
    words.extend(command.get_args().map(OsStr::to_string_lossy));
    words.join(" ")
}
