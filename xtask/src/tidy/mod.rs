//! The house rules as a check: each breach is told with its file and line.
//! A rule is a function of a path and its text; only this file reads files.

use std::fmt;

use anyhow::{Result, bail};

use crate::migrations;
use crate::process::House;

mod rust;
mod source;
mod text;

/// One breach of one rule.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Complaint {
    path: String,
    line: usize,
    why: String,
}

impl Complaint {
    fn new(path: &str, line: usize, why: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, why: why.into() }
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}", self.path, self.line, self.why)
    }
}

/// Checks every file of the checkout.
pub(crate) fn check(house: &House) -> Result<()> {
    let files = house.files()?;
    let mut complaints: Vec<String> = migrations::complaints(&files);
    let mut codes = Vec::new();
    let mut api = None;
    for path in files.iter().filter(|path| !text::is_binary(path)) {
        let content = house.read(path)?;
        complaints.extend(rules(path, &content).iter().map(ToString::to_string));
        codes.extend(rust::problem_codes(path, &content));
        if path == text::API_DOCUMENT {
            api = Some(content);
        }
    }
    if let Some(api) = api {
        complaints.extend(text::undocumented(&api, codes).iter().map(ToString::to_string));
    }
    if !complaints.is_empty() {
        bail!("{}\n\n{} breaches of the house rules", complaints.join("\n"), complaints.len());
    }
    println!("{} files keep the house rules.", files.len());
    Ok(())
}

fn rules(path: &str, content: &str) -> Vec<Complaint> {
    let mut complaints = text::complaints(path, content);
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("rs") => complaints.extend(rust::complaints(path, content)),
        Some("toml") => complaints.extend(rust::manifest(path, content)),
        _ => {}
    }
    complaints
}
