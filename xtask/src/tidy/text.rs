//! Rules for every text file: nothing left undone, nothing of one machine, nothing undocumented.

use super::Complaint;
use super::rust::has_word;

/// Where each problem code is explained.
pub(super) const API_DOCUMENT: &str = "docs/api.md";

/// Words for unfinished work; put together here so that this file keeps its own rule.
const UNDONE: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];

/// Folders of one machine or one person; `/etc/warifu` and `/var/lib/warifu` are everybody's.
const MACHINE: [&str; 4] =
    [concat!("/", "work"), concat!("/", "home"), concat!("/", "root"), concat!("/", "tmp")];

const BINARY: [&str; 9] = ["png", "webp", "ico", "jpg", "woff2", "gz", "br", "pdf", "db"];

/// Whether a file is no text, by its name.
pub(super) fn is_binary(path: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, extension)| BINARY.contains(&extension))
}

/// Checks one text file.
pub(super) fn complaints(path: &str, text: &str) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    let is_lock = path.ends_with("package-lock.json");
    for (index, line) in text.lines().enumerate() {
        let mut complain = |why: String| complaints.push(Complaint::new(path, index + 1, why));
        if is_lock {
            if line.contains("\"resolved\":") || line.contains("://registry") {
                complain("no registry's address: npm install with this folder's .npmrc".to_owned());
            }
            // Digests may hold any word.
            continue;
        }
        if path.rsplit('/').next() == Some(".npmrc") && line.contains("registry=") {
            complain("no registry of anybody's own".to_owned());
        }
        if path == "Cargo.lock"
            && line.starts_with("source = ")
            && !line.contains("github.com/rust-lang/crates.io-index")
        {
            complain("every dependency comes from crates.io".to_owned());
        }
        for word in UNDONE.iter().filter(|word| has_word(line, word)) {
            complain(format!("{word}: do it, or write an issue"));
        }
        for folder in MACHINE.iter().filter(|folder| has_folder(line, folder)) {
            complain(format!("{folder}: a path of one machine"));
        }
    }
    if wants_opening(path) && !text.starts_with("/**") {
        complaints.push(Complaint::new(
            path,
            1,
            "open with a /** comment that says what this file owns",
        ));
    }
    complaints
}

/// The problem codes that the document does not explain.
pub(super) fn undocumented(document: &str, codes: Vec<(String, usize, String)>) -> Vec<Complaint> {
    let missing = codes.into_iter().filter(|(_, _, code)| !document.contains(&format!("`{code}`")));
    missing
        .map(|(path, line, code)| {
            Complaint::new(&path, line, format!("{code} is not in {API_DOCUMENT}"))
        })
        .collect()
}

/// Whether the line names that folder as an absolute path, not as the end of another one.
fn has_folder(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + folder.len()..].chars().next();
        let is_absolute = !before.is_some_and(|c| c.is_alphanumeric() || ".-_~*/)}]<".contains(c));
        let is_whole = after.is_none_or(|c| !(c.is_alphanumeric() || "-_.".contains(c)));
        is_absolute && is_whole
    })
}

fn wants_opening(path: &str) -> bool {
    let is_ours = ["phone-app/", "e2e/", "crates/server/assets/"]
        .iter()
        .any(|folder| path.starts_with(folder));
    let is_script = path.rsplit_once('.').is_some_and(|(_, extension)| extension == "js");
    is_ours && is_script && !path.contains("/vendor/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(path: &str, text: &str) -> Vec<String> {
        complaints(path, text).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn unfinished_work_is_told_with_its_line() {
        let text = format!("fine\n// {}: later", UNDONE[0]);
        assert_eq!(
            told("docs/a.md", &text),
            [format!("docs/a.md:2: {}: do it, or write an issue", UNDONE[0])]
        );
        assert!(told("docs/a.md", "mktemp name.XXXXXX").is_empty());
    }

    #[test]
    fn paths_of_one_machine_are_told_and_those_of_everybody_are_not() {
        for folder in MACHINE {
            assert_eq!(told("a.md", &format!("see {folder}/x")).len(), 1);
            assert_eq!(told("a.md", &format!("see \"{folder}\"")).len(), 1);
            assert!(told("a.md", &format!("see ..{folder}/x and app{folder}")).is_empty());
            assert!(told("a.md", &format!("see {folder}er/x")).is_empty());
        }
        assert!(told("a.md", "/etc/warifu/keys and /var/lib/warifu").is_empty());
    }

    #[test]
    fn addresses_of_registries_in_lock_files_are_told() {
        let line = "\"resolved\": \"https://registry.example/a.tgz\"";
        assert_eq!(told("e2e/package-lock.json", line).len(), 1);
        assert!(told("e2e/package-lock.json", "\"integrity\": \"sha512-a\"").is_empty());
        assert_eq!(told("Cargo.lock", "source = \"git+https://example.org/a\"").len(), 1);
        let known = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";
        assert!(told("Cargo.lock", known).is_empty());
        assert_eq!(told("e2e/.npmrc", "registry=https://npm.example").len(), 1);
        assert!(told("e2e/.npmrc", "omit-lockfile-registry-resolved=true").is_empty());
    }

    #[test]
    fn a_script_without_an_opening_is_told() {
        assert_eq!(told("e2e/a.test.js", "import x from 'y';").len(), 1);
        assert!(told("e2e/a.test.js", "/** Walks. */").is_empty());
    }

    #[test]
    fn a_problem_code_without_its_explanation_is_told() {
        let code = |code: &str| ("error.rs".to_owned(), 7, code.to_owned());
        let complaints = undocumented("| `gone` | 410 |", vec![code("gone"), code("conflict")]);
        assert_eq!(complaints[0].to_string(), "error.rs:7: conflict is not in docs/api.md");
        assert_eq!(complaints.len(), 1);
    }
}
