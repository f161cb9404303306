//! `cargo xtask test`: everything that must pass, in order, on real parts.
//! Each step can be run alone; the first that fails ends the run and says how to repeat it.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};

use crate::needs::{self, Need};
use crate::postgres::{self, Cluster};
use crate::process::{House, run, succeeds};
use crate::{migrations, readme, tidy};

/// What the command line asked for.
#[derive(Debug)]
pub(crate) struct Options {
    may_sudo: bool,
    steps: Vec<&'static Step>,
}

struct Step {
    name: &'static str,
    needs: &'static [Need],
    run: fn(&House) -> Result<()>,
}

const STEPS: [Step; 9] = [
    Step { name: "fmt", needs: &[Need::Rustfmt], run: fmt },
    Step { name: "clippy", needs: &[Need::Clippy], run: clippy },
    Step {
        name: "rust",
        needs: &[Need::Postgres, Need::Openssl, Need::Oathtool, Need::Python, Need::Tools],
        run: rust,
    },
    Step { name: "build", needs: &[], run: build },
    Step {
        name: "phone",
        needs: &[Need::Python, Need::Tools, Need::Oathtool, Need::PhonePackages],
        run: phone,
    },
    Step {
        name: "walks",
        needs: &[
            Need::Postgres,
            Need::Openssl,
            Need::Oathtool,
            Need::Python,
            Need::Tools,
            Need::WalkPackages,
            Need::Chromium,
            Need::Webkit,
            Need::Fonts,
            Need::Hosts,
        ],
        run: walks,
    },
    Step { name: "tidy", needs: &[], run: tidy::check },
    Step { name: "migrations", needs: &[], run: migrations::check },
    Step { name: "readme", needs: &[], run: readme_in_step },
];

impl Options {
    /// Reads `[--install] [--only STEP,…]`.
    pub(crate) fn parse(arguments: &[String]) -> Result<Self> {
        let mut options = Self { may_sudo: false, steps: Vec::new() };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            match argument.as_str() {
                "--install" => options.may_sudo = true,
                "--only" => {
                    let names = rest.next().context("--only wants the name of a step")?;
                    options.add(names)?;
                }
                _ => bail!("test does not know {argument}"),
            }
        }
        if options.steps.is_empty() {
            options.steps = STEPS.iter().collect();
        }
        Ok(options)
    }

    fn add(&mut self, names: &str) -> Result<()> {
        for name in names.split(',') {
            let known = STEPS.iter().find(|step| step.name == name);
            self.steps.push(known.with_context(|| {
                format!(
                    "there is no step {name}; there are {}",
                    STEPS.map(|step| step.name).join(", ")
                )
            })?);
        }
        Ok(())
    }
}

impl fmt::Debug for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name)
    }
}

/// Meets the needs of the chosen steps and runs them, on a database of their own.
pub(crate) fn test(mut house: House, options: &Options) -> Result<()> {
    let start = now();
    println!("── needs");
    let mut wanted: Vec<Need> = options.steps.iter().flat_map(|step| step.needs).copied().collect();
    wanted.sort();
    wanted.dedup();
    meet(&mut house, &wanted, options.may_sudo)?;
    let cluster = wanted.contains(&Need::Postgres).then(Cluster::start).transpose()?;
    if let Some(cluster) = &cluster {
        println!("  PostgreSQL of this run: {}", cluster.url());
        house.export("TEST_POSTGRES_URL", cluster.url());
    }
    for step in &options.steps {
        println!("\n── {}", step.name);
        let start = now();
        let again = format!("Run only this step again: cargo xtask test --only {}", step.name);
        let ended = (step.run)(&house);
        let time = shown(start.elapsed());
        ended.map_err(|why| anyhow!("── {} failed after {time}: {why:#}\n\n{again}", step.name))?;
        println!("── {} passed after {time}", step.name);
    }
    let names: Vec<&str> = options.steps.iter().map(|step| step.name).collect();
    println!("\nEvery step passed in {}: {}.", shown(start.elapsed()), names.join(", "));
    Ok(())
}

fn meet(house: &mut House, wanted: &[Need], may_sudo: bool) -> Result<()> {
    house.export("PATH", needs::path(house)?.display());
    needs::meet(house, wanted, may_sudo)?;
    house.export("WARIFU_TEST_PYTHON", needs::python(house).display());
    house.export("WARIFU_PROGRAM", house.programs.join("warifu").display());
    house.export("WARIFU_WALK_SERVER", house.programs.join("examples/walk_server").display());
    Ok(())
}

/// What a walk needs that looks and measures: a mail server and a browser.
const LOOKING: [Need; 7] = [
    Need::Openssl,
    Need::Python,
    Need::Tools,
    Need::WalkPackages,
    Need::Chromium,
    Need::Fonts,
    Need::Hosts,
];

/// Makes the pictures of the user guide anew, from a walk through the real screens.
pub(crate) fn guide(mut house: House) -> Result<()> {
    meet(&mut house, &LOOKING, false)?;
    build(&house)?;
    let folder = house.root.join("crates/server/assets/guide");
    let script = house.root.join("e2e/guide.js");
    run(house.command("node", [script, folder]).current_dir(house.root.join("e2e")))
}

/// Prints how fast and how large everything is: the release program, measured.
pub(crate) fn bench(house: House, arguments: &[String]) -> Result<()> {
    let (what, rest) = arguments.split_first().map_or(("", arguments), |(w, r)| (w.as_str(), r));
    match what {
        "pages" if rest.is_empty() => bench_pages(house),
        "verify" => bench_verify(house, rest),
        _ => bail!("there is no bench {}; there are pages and verify", arguments.join(" ")),
    }
}

fn bench_pages(mut house: House) -> Result<()> {
    meet(&mut house, &LOOKING, false)?;
    let release = release(&house)?;
    house.export("WARIFU_PROGRAM", release.join("warifu").display());
    let script = house.root.join("e2e/bench-pages.js");
    run(house.command("node", [script]).current_dir(house.root.join("e2e")))
}

/// What the bench of verifications changes of PostgreSQL's defaults, for us and for pgbench alike: a quarter of the
/// memory, as PostgreSQL's own documents advise, and no checkpoint every few seconds. Durability stays as shipped.
fn bench_settings() -> String {
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = memory.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = total.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    let mib = kib.map_or(1_024, |kib| kib / 4 / 1_024);
    format!("shared_buffers = {mib}MB\nmax_wal_size = 8GB\n")
}

/// Kills nodes and databases under load, and compares the trail with the answers.
pub(crate) fn torture(house: House, arguments: &[String]) -> Result<()> {
    drive(house, &[&["torture".to_owned()], arguments].concat())
}

fn bench_verify(house: House, arguments: &[String]) -> Result<()> {
    drive(house, arguments)
}

fn drive(mut house: House, arguments: &[String]) -> Result<()> {
    meet(&mut house, &[Need::Postgres], false)?;
    let release = release(&house)?;
    house.run("cargo", ["build", "--release", "--locked", "-p", "warifu", "--example", "drive"])?;
    let cluster = Cluster::start_with(&bench_settings())?;
    house.export("TEST_POSTGRES_URL", cluster.url());
    house.export("WARIFU_PROGRAM", release.join("warifu").display());
    let programs = postgres::programs().context("PostgreSQL is not installed")?;
    house.export("PGBENCH", programs.join("pgbench").display());
    house.run(release.join("examples/drive"), arguments)
}

/// Builds the release program; gives the folder it is in.
fn release(house: &House) -> Result<PathBuf> {
    house.run("cargo", ["build", "--release", "--locked", "-p", "warifu", "--bin", "warifu"])?;
    Ok(house.programs.with_file_name("release"))
}

fn fmt(house: &House) -> Result<()> {
    house.run("cargo", ["fmt", "--all", "--check"])
}

fn clippy(house: &House) -> Result<()> {
    house.run(
        "cargo",
        ["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"],
    )
}

fn rust(house: &House) -> Result<()> {
    if !succeeds(&mut house.command("cargo", ["nextest", "--version"])) {
        return house.run("cargo", ["test", "--workspace", "--locked"]);
    }
    house.run("cargo", ["nextest", "run", "--workspace", "--locked"])?;
    // nextest leaves the examples in the documentation to Cargo.
    house.run("cargo", ["test", "--workspace", "--locked", "--doc"])
}

fn build(house: &House) -> Result<()> {
    house.run("cargo", ["build", "--locked", "-p", "warifu", "--bin", "warifu"])?;
    house.run("cargo", ["build", "--locked", "-p", "warifu", "--example", "walk_server"])
}

fn phone(house: &House) -> Result<()> {
    let folder = house.root.join("phone-app");
    run(house.command("npm", ["run", "--silent", "check"]).current_dir(&folder))?;
    node_tests(house, "phone-app")
}

fn walks(house: &House) -> Result<()> {
    // Alone, this step walks through what stands in the checkout now, not what was built before.
    build(house)?;
    node_tests(house, "e2e")
}

fn readme_in_step(house: &House) -> Result<()> {
    build(house)?;
    readme::check(house)
}

/// Runs every `*.test.js` of a folder: named one by one, since Node's own search differs by version.
fn node_tests(house: &House, folder: &str) -> Result<()> {
    let mut tests = Vec::new();
    for file in house.files()? {
        let Some(inside) = file.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/')) else {
            continue;
        };
        if inside.ends_with(".test.js") {
            tests.push(inside.to_owned());
        } else if is_script(inside)
            && fs::read_to_string(house.root.join(&file))?.contains("from 'node:test'")
        {
            bail!("{file}: has tests, so its name must end in .test.js or they would never run");
        }
    }
    if tests.is_empty() {
        bail!("{folder}/ has no tests (*.test.js)");
    }
    // Tells what failed once more at the end, where it is read first.
    let arguments =
        ["--test".to_owned(), "--test-reporter=spec".to_owned()].into_iter().chain(tests);
    run(house.command("node", arguments).current_dir(house.root.join(folder)))
}

fn is_script(file: &str) -> bool {
    Path::new(file).extension().is_some_and(|extension| extension == "js")
}

#[expect(clippy::disallowed_methods, reason = "only to tell a developer how long a step took")]
fn now() -> Instant {
    Instant::now()
}

fn shown(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds / 60 {
        0 => format!("{seconds} s"),
        minutes => format!("{minutes} min {} s", seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Options> {
        Options::parse(&words.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn without_words_every_step_runs_and_nothing_asks_for_roots_rights() {
        let options = parse(&[]).unwrap();
        assert_eq!(options.steps.len(), STEPS.len());
        assert!(!options.may_sudo);
    }

    #[test]
    fn only_the_named_steps_run() {
        let options = parse(&["--only", "tidy,fmt", "--install"]).unwrap();
        assert_eq!(format!("{:?}", options.steps), "[tidy, fmt]");
        assert!(options.may_sudo);
    }

    #[test]
    fn an_unknown_step_is_an_error_that_names_the_known_ones() {
        let error = parse(&["--only", "rusty"]).unwrap_err().to_string();
        assert!(error.contains("rusty") && error.contains("walks"), "{error}");
        assert!(parse(&["--only"]).is_err());
        assert!(parse(&["--just"]).is_err());
    }

    #[test]
    fn times_are_read_at_a_glance() {
        assert_eq!(shown(Duration::from_secs(59)), "59 s");
        assert_eq!(shown(Duration::from_secs(252)), "4 min 12 s");
    }
}
