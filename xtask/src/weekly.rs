//! Slower looks at the whole, taken once a week and before an issue is called done:
//! licences and sources of dependencies, spelling, dependencies that nobody uses.

use anyhow::{Result, bail};

use crate::process::{House, succeeds};

struct Tool {
    command: &'static [&'static str],
    version: &'static [&'static str],
    package: &'static str,
}

const TOOLS: [Tool; 3] = [
    Tool {
        // Advisories need the network's database: `cargo deny check advisories` by hand.
        command: &["cargo", "deny", "--workspace", "check", "bans", "licenses", "sources"],
        version: &["cargo", "deny", "--version"],
        package: "cargo-deny@0.20.2",
    },
    Tool { command: &["typos"], version: &["typos", "--version"], package: "typos-cli@1.52.0" },
    Tool {
        command: &["cargo", "machete", "--skip-target-dir"],
        version: &["cargo", "machete", "--version"],
        package: "cargo-machete@0.9.2",
    },
];

/// Runs every tool; a missing one is an error that says how to get it.
pub(crate) fn check(house: &House) -> Result<()> {
    let missing: Vec<&str> = TOOLS
        .iter()
        .filter(|tool| !succeeds(&mut house.command(tool.version[0], &tool.version[1..])))
        .map(|tool| tool.package)
        .collect();
    if !missing.is_empty() {
        bail!("Tools are missing. Run\n\n  cargo install --locked {}", missing.join(" "));
    }
    for tool in &TOOLS {
        println!("── {}", tool.command.join(" "));
        house.run(tool.command[0], &tool.command[1..])?;
    }
    Ok(())
}
