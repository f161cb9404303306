//! The house's own tasks: `cargo xtask test | bench | torture | guide | tidy | migrations | demo | weekly`.
//! Owns what is done around the code; the product itself knows nothing of it.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool speaks on its terminal"
)]

use std::env;
use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::process::House;

mod migrations;
mod needs;
mod postgres;
mod process;
mod readme;
mod suite;
mod tidy;
mod weekly;

const USAGE: &str = "\
cargo xtask COMMAND

  test [--install] [--only STEP,…]   everything that must pass; --install may use sudo
  bench pages                        start, memory, sizes, times of pages, an import
  bench verify [--parts PART,…] …    verifications a second beside what the database can do
  torture [--seed N] [--kills N] …   nodes and databases die under load; nothing may be lost or doubled
  guide                              the pictures of the user guide, from a walk
  tidy                               the house rules, each breach with its file and line
  migrations                         migrations in pairs, numbered without gaps
  demo [ARGUMENT …]                  cargo run --release -- demo ARGUMENT …
  weekly                             licences, spelling, unused dependencies";

/// The commands that documents may name.
const COMMANDS: [&str; 8] =
    ["test", "bench", "torture", "guide", "tidy", "migrations", "demo", "weekly"];

fn main() -> ExitCode {
    match run(env::args().skip(1).collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\n{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(mut arguments: Vec<String>) -> Result<()> {
    if arguments.is_empty() {
        bail!("{USAGE}");
    }
    let command = arguments.remove(0);
    let house = House::find()?;
    match command.as_str() {
        "test" => suite::test(house, &suite::Options::parse(&arguments)?),
        "demo" => demo(&house, &arguments),
        "bench" => suite::bench(house, &arguments),
        "torture" => suite::torture(house, &arguments),
        _ if !arguments.is_empty() => bail!("{command} takes no arguments\n\n{USAGE}"),
        "guide" => suite::guide(house),
        "tidy" => tidy::check(&house),
        "migrations" => migrations::check(&house),
        "weekly" => weekly::check(&house),
        "help" | "--help" | "-h" => {
            println!("{USAGE}");
            Ok(())
        }
        _ => bail!("there is no command {command}\n\n{USAGE}"),
    }
}

fn demo(house: &House, arguments: &[String]) -> Result<()> {
    let fixed = ["run", "--release", "--", "demo"].map(String::from);
    house.run("cargo", fixed.iter().chain(arguments))
}
