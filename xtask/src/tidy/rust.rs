//! Rules for Rust files and manifests: who may name what, and how a file begins.

use super::Complaint;
use super::source::Source;

/// What the rules may build on: nothing that waits, reads a clock, or makes randomness.
const CORE_MAY_USE: [&str; 15] = [
    "aes-gcm",
    "argon2",
    "base64",
    "hkdf",
    "hmac",
    "jiff",
    "p256",
    "serde",
    "sha1",
    "sha2",
    "subtle",
    "thiserror",
    "unicode-normalization",
    "uuid",
    "zeroize",
];

/// What no rule may name, with the reason.
const CORE_MAY_NOT: [(&str, &str); 9] = [
    ("std::fs", "rules read no files"),
    ("std::net", "rules reach no network"),
    ("std::io", "rules do no I/O"),
    ("std::env", "rules read no environment"),
    ("std::process", "rules start nothing"),
    ("std::thread", "rules never wait"),
    ("SystemTime", "time is passed in"),
    ("Instant", "time is passed in"),
    ("async", "rules never wait"),
];

/// Only actions may reach the store; these call actions.
const HANDLERS: [&str; 4] = ["portal", "phone", "api", "console"];

/// Checks one Rust file.
pub(super) fn complaints(path: &str, text: &str) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    if !text.starts_with("//!") {
        complaints.push(Complaint::new(
            path,
            1,
            "open with //! lines that say what this file owns",
        ));
    }
    let source = Source::parse(text);
    if path.starts_with("crates/") && !path.starts_with("crates/store/") {
        complaints.extend(sql(path, &source));
    }
    if path.starts_with("crates/core/src/") && !path.ends_with("tests.rs") {
        complaints.extend(impure(path, &source));
    }
    if is_handler(path) {
        let why = "handlers call actions, only actions reach the store";
        complaints.extend(named(path, &source, "warifu_store", why));
    }
    if path.starts_with("crates/server/src/actions/") {
        complaints.extend(unfinished(path, &source));
    }
    complaints
}

/// Checks one Cargo manifest or configuration.
pub(super) fn manifest(path: &str, text: &str) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    let mut section = String::new();
    for (index, line) in text.lines().enumerate() {
        let mut complain = |why: String| complaints.push(Complaint::new(path, index + 1, why));
        if line.starts_with('[') {
            line.trim_matches(['[', ']']).clone_into(&mut section);
        }
        if path.starts_with(".cargo/")
            && (section.starts_with("source") || section.starts_with("registries"))
        {
            complain("no registry of anybody's own: everyone builds from crates.io".to_owned());
        }
        let Some(name) = dependency(&section, line) else {
            continue;
        };
        // Tests look behind the product's back with it.
        let is_product = path.starts_with("crates/") && !section.contains("dev-dependencies");
        if name == "sqlx" && is_product && path != "crates/store/Cargo.toml" {
            complain("only crates/store speaks SQL".to_owned());
        }
        let is_core = path == "crates/core/Cargo.toml" && !section.contains("dev-dependencies");
        if is_core && !CORE_MAY_USE.contains(&name) {
            complain(format!("{name}: the rules may build only on what xtask lists"));
        }
    }
    complaints
}

/// The problem codes of the server's error tables: `(StatusCode::GONE, "gone")`.
pub(super) fn problem_codes(path: &str, text: &str) -> Vec<(String, usize, String)> {
    let file = path.rsplit('/').next().unwrap_or(path);
    if !path.starts_with("crates/server/src/") || !file.starts_with("error") {
        return Vec::new();
    }
    let source = Source::parse(text);
    let end = source.before_tests().count();
    let in_table = |line: usize| line <= end && source.code[line - 1].contains("StatusCode::");
    let is_code =
        |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    let codes = source.literals.iter().filter(|(line, word)| in_table(*line) && is_code(word));
    codes.map(|(line, code)| (path.to_owned(), *line, code.clone())).collect()
}

fn sql(path: &str, source: &Source) -> Vec<Complaint> {
    // A test that plays a thief with the database in hand needs words of its own; so does a bench that
    // fills one, and what it is compared with.
    let apart = ["crates/server/src/tests/", "crates/server/examples/drive/"];
    if apart.iter().any(|folder| path.starts_with(folder)) {
        return Vec::new();
    }
    let why = "SQL lives in crates/store";
    let mut complaints = named(path, source, "sqlx", why);
    let literals = source.literals.iter().filter(|(_, literal)| is_sql(literal));
    complaints.extend(literals.map(|(line, _)| Complaint::new(path, *line, why)));
    complaints
}

fn is_sql(literal: &str) -> bool {
    let words = literal.split_whitespace().collect::<Vec<_>>().join(" ");
    let update = words.find("UPDATE ").is_some_and(|at| words[at..].contains(" SET "));
    update || ["SELECT ", "INSERT INTO ", "DELETE FROM "].iter().any(|word| words.contains(word))
}

fn impure(path: &str, source: &Source) -> Vec<Complaint> {
    let banned = CORE_MAY_NOT.iter();
    banned.flat_map(|(name, why)| named(path, source, name, why)).collect()
}

fn unfinished(path: &str, source: &Source) -> Option<Complaint> {
    let first = |call: &str| source.before_tests().find(|(_, code)| code.contains(call));
    let (line, _) = first(".begin(")?;
    let why = "begins a transaction that is never committed";
    // By itself, or by the helper that also wakes the mail worker.
    let commits = first(".commit(").or_else(|| first("commit(app"));
    commits.is_none().then(|| Complaint::new(path, line, why))
}

/// Each line of code, tests apart, that holds that name as a whole word.
fn named(path: &str, source: &Source, name: &str, why: &str) -> Vec<Complaint> {
    let lines = source.before_tests().filter(|(_, code)| has_word(code, name));
    lines.map(|(line, _)| Complaint::new(path, line, format!("{name}: {why}"))).collect()
}

/// Whether the text holds that word, neither end of it being part of a longer one.
pub(super) fn has_word(text: &str, word: &str) -> bool {
    let is_part =
        |next: Option<char>| next.is_some_and(|next| next.is_alphanumeric() || next == '_');
    text.match_indices(word).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + word.len()..]);
        !is_part(before.chars().next_back()) && !is_part(after.chars().next())
    })
}

fn is_handler(path: &str) -> bool {
    path.strip_prefix("crates/server/src/").is_some_and(|inside| {
        let first = inside.split(['/', '.']).next();
        first.is_some_and(|first| HANDLERS.contains(&first))
    })
}

/// The name of the dependency that a manifest's line declares.
fn dependency<'a>(section: &'a str, line: &'a str) -> Option<&'a str> {
    if line.starts_with('[') {
        let (_, name) = section.split_once("dependencies.")?;
        return Some(name);
    }
    let is_list = section.ends_with("dependencies") && !section.starts_with("workspace");
    let name = line.split(['.', '=', ' ']).next()?;
    (is_list && !name.is_empty() && !name.starts_with('#')).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(path: &str, text: &str) -> Vec<String> {
        complaints(path, text).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_file_without_an_opening_is_told() {
        assert_eq!(told("crates/core/src/a.rs", "fn f() {}").len(), 1);
        assert!(told("crates/core/src/a.rs", "//! Owns f.\nfn f() {}").is_empty());
    }

    #[test]
    fn sql_outside_the_store_is_told_with_its_line() {
        let text = "//! A.\n/// SELECT no\nconst A: &str = \"UPDATE tokens \\\n  SET a = 1\";\nuse sqlx::x;";
        let told = told("crates/server/src/a.rs", text);
        let expected = [
            "crates/server/src/a.rs:5: sqlx: SQL lives in crates/store",
            "crates/server/src/a.rs:3: SQL lives in crates/store",
        ];
        assert_eq!(told, expected);
        assert!(complaints("crates/store/src/a.rs", text).is_empty());
    }

    #[test]
    fn the_english_words_alone_are_no_sql() {
        let text = "//! A.\nconst A: &str = \"Please UPDATE or select from the list\";";
        assert!(told("crates/server/src/a.rs", text).is_empty());
    }

    #[test]
    fn rules_that_wait_or_look_at_a_clock_are_told_but_their_tests_may() {
        let text = "//! A.\nuse std::time::SystemTime;\nasync fn f() {}\n#[cfg(test)]\nmod tests {\nuse std::fs;\n}";
        assert_eq!(told("crates/core/src/a.rs", text).len(), 2);
        assert!(told("crates/store/src/a.rs", text).is_empty());
    }

    #[test]
    fn a_handler_that_names_the_store_is_told() {
        let text = "//! A.\nuse warifu_store::Store;";
        for path in ["portal/login.rs", "api/mod.rs", "phone.rs"] {
            assert_eq!(told(&format!("crates/server/src/{path}"), text).len(), 1);
        }
        assert!(told("crates/server/src/actions/login.rs", text).is_empty());
    }

    #[test]
    fn an_action_that_never_commits_is_told() {
        let begun = "//! A.\nlet tx = store.begin().await?;";
        assert_eq!(told("crates/server/src/actions/a.rs", begun).len(), 1);
        let ended = format!("{begun}\ntx.commit().await?;");
        assert!(told("crates/server/src/actions/a.rs", &ended).is_empty());
    }

    #[test]
    fn manifests_keep_the_borders() {
        let core = "[dependencies]\nserde.workspace = true\ntokio = \"1\"\n[dev-dependencies]\nproptest = \"1\"";
        let told = manifest("crates/core/Cargo.toml", core);
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].line, 3);
        assert_eq!(
            manifest("crates/core/Cargo.toml", "[dependencies.rand]\nversion = \"1\"").len(),
            1
        );
        let sql = "[dependencies]\nsqlx.workspace = true";
        assert_eq!(manifest("crates/server/Cargo.toml", sql).len(), 1);
        assert!(manifest("crates/store/Cargo.toml", sql).is_empty());
        assert!(manifest("Cargo.toml", "[workspace.dependencies]\nsqlx = \"0.9\"").is_empty());
    }

    #[test]
    fn a_registry_of_ones_own_is_told() {
        assert_eq!(manifest(".cargo/config.toml", "[source.crates-io]").len(), 1);
        assert!(manifest(".cargo/config.toml", "[alias]\nxtask = \"run\"").is_empty());
    }

    #[test]
    fn problem_codes_are_read_from_the_error_table_alone() {
        let text = "(StatusCode::GONE, \"gone\"),\nlet a = \"not_one\";";
        let codes = problem_codes("crates/server/src/error.rs", text);
        assert_eq!(codes, [("crates/server/src/error.rs".to_owned(), 1, "gone".to_owned())]);
        assert!(problem_codes("crates/server/src/router.rs", text).is_empty());
    }
}
