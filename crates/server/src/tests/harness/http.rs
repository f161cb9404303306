//! What comes back, and how a person reads it: fields, messages, hidden values.

use axum::http::HeaderMap;

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn location(&self) -> &str {
        self.header("location")
    }

    /// The title of the page, which is what it is about.
    pub(crate) fn title(&self) -> String {
        between(&self.body, "<h1>", "</h1>").map(unescaped).unwrap_or_default()
    }

    /// 画面ID.
    pub(crate) fn screen(&self) -> String {
        let told = between(&self.body, "<p class=\"screen-id\">", "</p>").unwrap_or_default();
        told.split(|c: char| !c.is_ascii_alphanumeric())
            .rfind(|w| w.len() == 6)
            .unwrap_or("")
            .into()
    }

    /// The text of the page as it is read, tags aside.
    pub(crate) fn text(&self) -> String {
        let main = between(&self.body, "<main", "</main>").unwrap_or(&self.body);
        let main = main.split_once('>').map_or(main, |(_, rest)| rest);
        unescaped(main)
    }

    /// The message beside a field.
    pub(crate) fn error(&self, field: &str) -> Option<String> {
        let line = between(&self.body, &format!("id=\"{field}-error\">"), "</p>")?;
        // After the word that only a screen reader hears.
        let (_, told) = line.split_once("</span>")?;
        Some(unescaped(told))
    }

    /// The messages that belong to no field.
    pub(crate) fn page_errors(&self) -> Vec<String> {
        let summary = between(&self.body, "id=\"errors\">", "<form").unwrap_or_default();
        let told = summary.split("<div class=\"told told-stop\">").skip(1);
        let told = told.filter(|told| !told.contains("<ul>"));
        told.filter_map(|told| between(told, "<p>", "</p>")).map(unescaped).collect()
    }

    /// What stands in a field when the page is shown.
    pub(crate) fn value(&self, field: &str) -> Option<String> {
        let start = self.body.find(&format!("name=\"{field}\""))?;
        let tag = &self.body[start..start + self.body[start..].find('>')?];
        Some(between(tag, "value=\"", "\"").map(unescaped).unwrap_or_default())
    }

    /// The CSRF token of the page's forms.
    pub(crate) fn csrf(&self) -> String {
        self.value("csrf").unwrap_or_default()
    }

    /// Whether the page asks for anything.
    pub(crate) fn has_form(&self) -> bool {
        self.body.contains("name=\"csrf\"")
    }

    /// The procedure that the page belongs to.
    pub(crate) fn procedure(&self) -> String {
        let from_form = self.value("procedure");
        let named = self.location().split("procedure=").nth(1);
        from_form.or_else(|| named.map(str::to_owned)).unwrap_or_default()
    }

    /// One of the numbers that stand in groups.
    pub(crate) fn number(&self, id: &str) -> String {
        let shown = between(&self.body, &format!("id=\"{id}\">"), "<").unwrap_or_default();
        shown.chars().filter(char::is_ascii_digit).collect()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{} {}", self.screen(), self.text());
        self
    }

    #[track_caller]
    pub(crate) fn expect_screen(self, screen: &str) -> Self {
        assert_eq!(self.screen(), screen, "{} {}", self.status, self.text());
        self
    }

    /// A 303 to this path, whatever its query.
    #[track_caller]
    pub(crate) fn expect_to(self, path: &str) -> Self {
        assert_eq!(self.status, 303, "{} {}", self.screen(), self.text());
        assert_eq!(self.location().split('?').next(), Some(path));
        self
    }
}

/// What stands between two marks.
pub(crate) fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let rest = &text[text.find(start)? + start.len()..];
    rest.find(end).map(|at| &rest[..at])
}

/// HTML's escapes undone, named and numbered.
pub(crate) fn unescaped(html: &str) -> String {
    let text = without_tags(html);
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        let end = rest[at..].find(';').map_or(rest.len(), |end| at + end + 1);
        let name = rest[at..end].trim_matches(['&', ';']);
        let number = name.strip_prefix('#').and_then(|n| n.parse().ok()).and_then(char::from_u32);
        match (name, number) {
            (_, Some(character)) => out.push(character),
            ("amp", _) => out.push('&'),
            ("lt", _) => out.push('<'),
            ("gt", _) => out.push('>'),
            ("quot", _) => out.push('"'),
            _ => out.push_str(&rest[at..end]),
        }
        rest = &rest[end..];
    }
    out + rest
}

fn without_tags(html: &str) -> String {
    let mut text = String::new();
    let mut inside = false;
    for c in html.chars() {
        match c {
            '<' => inside = true,
            '>' => inside = false,
            _ if !inside => text.push(c),
            _ => {}
        }
    }
    text
}
