//! Reads Rust just well enough to tell code, string literals and comments apart.

/// A Rust file, taken apart; lines are counted from 1.
#[derive(Debug, Default)]
pub(super) struct Source {
    /// The code of each line, without comments and without what stands in string literals.
    pub(super) code: Vec<String>,
    /// Each string literal with the line on which it begins.
    pub(super) literals: Vec<(usize, String)>,
}

impl Source {
    /// Takes a file apart.
    pub(super) fn parse(text: &str) -> Self {
        let mut source = Self { code: vec![String::new()], literals: Vec::new() };
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let length = source.piece(rest, first);
            rest = &rest[length..];
        }
        source
    }

    /// The lines of code with their numbers, up to the tests at the end of the file.
    pub(super) fn before_tests(&self) -> impl Iterator<Item = (usize, &str)> {
        let tests = self.code.windows(2).position(|pair| {
            pair[0].trim() == "#[cfg(test)]" && pair[1].trim_start().starts_with("mod ")
        });
        let end = tests.unwrap_or(self.code.len());
        self.code[..end].iter().enumerate().map(|(index, line)| (index + 1, line.as_str()))
    }

    /// Takes the piece that `rest` begins with, and gives its length in bytes.
    fn piece(&mut self, rest: &str, first: char) -> usize {
        if rest.starts_with("//") {
            return rest.find('\n').unwrap_or(rest.len());
        }
        if rest.starts_with("/*") {
            let length = block_comment(rest);
            self.new_lines(&rest[..length]);
            return length;
        }
        if !self.is_inside_a_word()
            && let Some((length, content)) = raw_string(rest)
        {
            return self.literal(&rest[..length], content);
        }
        match first {
            '"' => {
                let length = quoted(rest);
                let content = rest[1..length].strip_suffix('"').unwrap_or(&rest[1..length]);
                self.literal(&rest[..length], content)
            }
            '\'' => character(rest),
            '\n' => {
                self.code.push(String::new());
                1
            }
            _ => {
                self.line().push(first);
                first.len_utf8()
            }
        }
    }

    fn literal(&mut self, whole: &str, content: &str) -> usize {
        self.literals.push((self.code.len(), content.to_owned()));
        self.line().push_str("\"\"");
        self.new_lines(whole);
        whole.len()
    }

    fn new_lines(&mut self, piece: &str) {
        self.code.extend(piece.matches('\n').map(|_| String::new()));
    }

    fn line(&mut self) -> &mut String {
        if self.code.is_empty() {
            self.code.push(String::new());
        }
        let last = self.code.len() - 1;
        &mut self.code[last]
    }

    /// Whether the code so far ends in a name, so that an `r` that follows begins no raw string.
    fn is_inside_a_word(&mut self) -> bool {
        self.line().ends_with(|last: char| last.is_alphanumeric() || last == '_')
    }
}

/// The length of a comment `/* … */`, which may hold others.
fn block_comment(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

/// The length and content of `r"…"`, `r#"…"#`, `br#"…"#`, `cr"…"`.
fn raw_string(rest: &str) -> Option<(usize, &str)> {
    let prefix = ["r", "br", "cr"].into_iter().find(|prefix| {
        rest.strip_prefix(prefix).is_some_and(|after| after.starts_with(['"', '#']))
    })?;
    let after = &rest[prefix.len()..];
    let marks = after.len() - after.trim_start_matches('#').len();
    let content = after[marks..].strip_prefix('"')?;
    let end = format!("\"{}", &after[..marks]);
    let length = content.find(&end)?;
    Some((prefix.len() + marks + 1 + length + end.len(), &content[..length]))
}

/// The length of `"…"` with its escapes.
fn quoted(rest: &str) -> usize {
    let mut escaped = false;
    for (index, next) in rest.char_indices().skip(1) {
        match next {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return index + 1,
            _ => {}
        }
    }
    rest.len()
}

/// The length of a character literal, or of the mark alone where it begins a lifetime.
fn character(rest: &str) -> usize {
    let inside = &rest[1..];
    if let Some(escape) = inside.strip_prefix('\\') {
        let length = escape.char_indices().skip(1).find(|(_, next)| *next == '\'');
        return length.map_or(1, |(index, _)| 1 + 1 + index + 1);
    }
    match inside.chars().next() {
        Some(one) if inside[one.len_utf8()..].starts_with('\'') => 1 + one.len_utf8() + 1,
        Some(_) | None => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literals(text: &str) -> Vec<(usize, String)> {
        Source::parse(text).literals
    }

    #[test]
    fn strings_are_found_with_the_line_they_begin_on() {
        let text = "let a = \"one\";\nlet b = \"two\n  three\"; let c = \"four\";";
        let found = literals(text);
        assert_eq!(found[0], (1, "one".to_owned()));
        assert_eq!(found[1], (2, "two\n  three".to_owned()));
        assert_eq!(found[2], (3, "four".to_owned()));
    }

    #[test]
    fn comments_hold_no_strings_and_strings_no_comments() {
        assert!(literals("// \"a\"\n/* \"b\" /* \"c\" */ \"d\" */").is_empty());
        assert_eq!(literals("\"http://x\"")[0].1, "http://x");
        assert_eq!(Source::parse("a /* b\n c */ d // e").code, ["a ", " d "]);
    }

    #[test]
    fn escapes_raw_strings_characters_and_lifetimes_are_understood() {
        assert_eq!(literals(r#"f("say \"hi\"", 2)"#)[0].1, r#"say \"hi\""#);
        assert_eq!(literals("r#\"a \"b\" c\"#")[0].1, "a \"b\" c");
        assert_eq!(literals("br\"raw\"")[0].1, "raw");
        assert_eq!(
            literals("fn f<'a>(x: &'a str) { g('\"', '\\'', '\\u{22}', \"s\") }"),
            [(1, "s".to_owned())]
        );
        assert_eq!(literals("let r#type = \"t\"; for \"x\"").len(), 2);
    }

    #[test]
    fn tests_at_the_end_are_left_out() {
        let source = Source::parse("a\n#[cfg(test)]\nuse x;\nb\n#[cfg(test)]\nmod tests {\nc");
        let lines: Vec<usize> = source.before_tests().map(|(line, _)| line).collect();
        assert_eq!(lines, [1, 2, 3, 4]);
    }
}
