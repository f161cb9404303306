//! Keeps the documents true: both READMEs show the same commands, each command exists, and each
//! link between documents leads somewhere.

use std::path::Path;

use anyhow::{Result, bail};

use crate::process::{House, succeeds};
use crate::{COMMANDS, suite};

const DOCUMENTS: [&str; 2] = ["README.md", "README.ja.md"];
const TEST: &str = "cargo xtask test";

/// Checks the code blocks of the READMEs against this program, the built binary and `.ci/run`.
pub(crate) fn check(house: &House) -> Result<()> {
    let [english, japanese] = [house.read(DOCUMENTS[0])?, house.read(DOCUMENTS[1])?];
    let mut complaints = Vec::new();
    if code(&english) != code(&japanese) {
        complaints.push("README.ja.md: its code blocks differ from README.md's".to_owned());
    }
    if house.read(".ci/run")?.lines().last() != Some(TEST) {
        complaints.push(format!(".ci/run: should end with the README's `{TEST}`"));
    }
    for line in code(&english) {
        let line = line.split(" # ").next().unwrap_or(line).trim();
        if let Some(words) = line.strip_prefix("cargo xtask ") {
            complaints.extend(unknown_task(words).map(|why| format!("README.md: `{line}`: {why}")));
        } else if let Some(words) = product(line)
            && !knows(house, words)
        {
            complaints.push(format!("README.md: the program does not know `{line}`"));
        }
    }
    for document in house.files()?.iter().filter(|file| is_document(file)) {
        let text = house.read(document)?;
        let folder = house.root.join(document).parent().map(Path::to_path_buf).unwrap_or_default();
        let broken = links(&text).filter(|link| !folder.join(link).exists());
        complaints
            .extend(broken.map(|link| format!("{document}: the link to {link} leads nowhere")));
    }
    if !complaints.is_empty() {
        bail!("{}", complaints.join("\n"));
    }
    println!("The documents are in step.");
    Ok(())
}

/// The lines inside fences, without blank ones.
fn code(document: &str) -> Vec<&str> {
    let mut inside = false;
    let mut lines = Vec::new();
    for line in document.lines() {
        if line.starts_with("```") {
            inside = !inside;
        } else if inside && !line.trim().is_empty() {
            lines.push(line);
        }
    }
    lines
}

fn is_document(file: &str) -> bool {
    let is_ours = !file.contains('/') || file.starts_with("docs/");
    is_ours && file.rsplit_once('.').is_some_and(|(_, extension)| extension == "md")
}

/// The files that a document links to, as written `[text](file#place)`.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let files = targets.filter(|target| !target.contains("://"));
    files.filter_map(|target| target.split('#').next()).filter(|file| !file.is_empty())
}

fn unknown_task(words: &str) -> Option<String> {
    let words: Vec<String> = words.split_whitespace().map(String::from).collect();
    let (command, arguments) = words.split_first()?;
    if !COMMANDS.contains(&command.as_str()) {
        return Some(format!("there is no task {command}"));
    }
    let options = (command == "test").then(|| suite::Options::parse(arguments))?;
    options.err().map(|error| error.to_string())
}

/// The arguments for the product, when the line calls it.
fn product(line: &str) -> Option<&str> {
    let line = line.strip_prefix("sudo ").unwrap_or(line);
    line.strip_prefix("cargo run --release -- ").or_else(|| line.strip_prefix("warifu "))
}

/// Asks the program for help on that very line: it refuses unknown commands and options, and does nothing.
fn knows(house: &House, words: &str) -> bool {
    let program = house.programs.join("warifu");
    succeeds(&mut house.command(program, words.split_whitespace().chain(["--help"])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_inside_fences_are_code() {
        assert_eq!(code("a\n```sh\nb\n\nc\n```\nd\n```\ne\n```"), ["b", "c", "e"]);
    }

    #[test]
    fn a_task_that_does_not_exist_is_told() {
        assert_eq!(unknown_task("tidy"), None);
        assert_eq!(unknown_task("test --only rust"), None);
        assert!(unknown_task("tydi").is_some());
        assert!(unknown_task("test --only rusty").is_some());
    }

    #[test]
    fn links_to_files_are_found_and_those_to_the_world_are_not() {
        let text = "[a](docs/a.md#b) [b](#tests) [c](https://example.org/c) [d](D.md)";
        assert_eq!(links(text).collect::<Vec<_>>(), ["docs/a.md", "D.md"]);
    }

    #[test]
    fn lines_that_call_the_product_are_found() {
        assert_eq!(product("cargo run --release -- demo"), Some("demo"));
        assert_eq!(product("warifu customers import FILE"), Some("customers import FILE"));
        assert_eq!(product("git clone"), None);
    }
}
