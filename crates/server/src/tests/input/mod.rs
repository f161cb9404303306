//! Bad input, field by field: a status of the 4xx, the reason beside the field, nothing lost but
//! secrets, exactly one audit row, and no hint for a guesser.

mod entry;
mod login;
mod passcode;
mod phone;
mod proofs;
mod requests;

use super::harness::{browser::Browser, http::Reply};

/// What must come of a form that is refused.
pub(super) struct Told<'a> {
    /// Fields and how the message beside each begins; no other field has one.
    pub(super) errors: &'a [(&'a str, &'a str)],
    /// Fields and what still stands in them.
    pub(super) kept: &'a [(&'a str, &'a str)],
    /// Fields of secrets: they are shown again, empty.
    pub(super) emptied: &'a [&'a str],
    /// How the one audit row begins.
    pub(super) audit: &'a str,
}

/// Sends a form that must be refused so; afterwards the browser shows the page it showed before.
pub(super) async fn refused(
    browser: &mut Browser,
    path: &str,
    fields: &[(&str, &str)],
    told: &Told<'_>,
) -> Reply {
    let page = browser.page.clone();
    let mark = browser.test.mark();
    let case = shortened(fields);
    let reply = browser.post(path, fields).await;
    assert_eq!(reply.status, 422, "{case}: {} {}", reply.screen(), reply.text());
    assert_eq!(reply.screen(), page.screen(), "{case}");
    for (field, message) in told.errors {
        let shown = reply.error(field).unwrap_or_else(|| panic!("{case}: nothing beside {field}"));
        assert!(shown.starts_with(message), "{case}: {field}: {shown}");
        assert!(
            reply.body.contains(&format!("<a href=\"#{field}\">")),
            "{case}: no link to {field}"
        );
    }
    let count = reply.body.matches("class=\"wrong\"").count();
    assert_eq!(count, told.errors.len(), "{case}: messages beside fields");
    for (field, value) in told.kept {
        assert_eq!(reply.value(field).as_deref(), Some(*value), "{case}: {field} was lost");
    }
    for field in told.emptied {
        assert_eq!(reply.value(field).as_deref(), Some(""), "{case}: {field} was shown again");
    }
    let recorded = browser.test.recorded(mark).await;
    assert_eq!(recorded.len(), 1, "{case}: {recorded:?}");
    assert!(recorded[0].starts_with(told.audit), "{case}: {recorded:?}");
    let typed = fields.iter().filter(|(_, value)| value.len() > 3);
    for (field, value) in typed {
        assert!(!recorded[0].contains(value), "{case}: {field} stands in the trail");
    }
    browser.page = page;
    reply
}

fn shortened(fields: &[(&str, &str)]) -> String {
    let parts: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={value:.30?}")).collect();
    parts.join(" ")
}

/// Texts that are no number of any kind.
pub(super) fn garbage() -> Vec<String> {
    [
        "abcdef",
        "12345a",
        "😀😀😀😀😀😀",
        "一二三四五六",
        "12\u{0}345",
        "１２３４５a",
        "\u{1b}[31m",
        "1.5e3",
    ]
    .map(str::to_owned)
    .into_iter()
    .chain(["x".repeat(10_000), "😀".repeat(2_000), "<script>alert(1)</script>".to_owned()])
    .collect()
}
