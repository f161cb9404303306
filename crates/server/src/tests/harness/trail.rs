//! The audit trail as tests read it.

use super::{START, TestApp, banks::Person};

impl TestApp {
    /// A customer's trail, one readable line each: when, what, how, why, where, from which state.
    pub(crate) async fn audit_lines(&self, person: &Person) -> String {
        let columns = [
            "at",
            "kind",
            "result",
            "reason",
            "channel",
            "screen",
            "actor_kind",
            "address",
            "device",
            "before_json",
            "after_json",
        ];
        let rows = self.database.trail(&columns, &person.rows()).await;
        let lines: Vec<_> = rows.iter().map(|row| line(row)).collect();
        lines.join("\n")
    }

    /// How many rows the whole trail has.
    pub(crate) async fn audit_count(&self) -> i64 {
        self.database.count("audit", "TRUE").await
    }

    /// The newest rows beyond the first `seen`: kind, result and reason.
    pub(crate) async fn audit_since(&self, seen: i64) -> Vec<String> {
        let mut rows = self.database.trail(&["kind", "result", "reason"], "TRUE").await;
        // Rows of one moment are ordered by their kind, so the count alone tells the new ones only
        // when the clock has moved; tests of single requests move it first.
        rows.drain(..usize::try_from(seen).unwrap());
        rows
    }

    /// How many rows there are of a kind.
    pub(crate) async fn audited(&self, kind: &str) -> i64 {
        self.database.count("audit", &format!("kind = '{kind}'")).await
    }
}

fn line(row: &str) -> String {
    let parts: Vec<&str> = row.split('|').collect();
    let since = (parts[0].parse::<i64>().unwrap() - START.0) / 1_000;
    let time = format!("+{:03}:{:02}:{:02}", since / 3_600, since / 60 % 60, since % 60);
    let told: Vec<_> =
        parts[1..].iter().map(|part| stable(part)).filter(|p| !p.is_empty()).collect();
    format!("{time} {}", told.join(" "))
}

// Identifiers follow from randomness, so each becomes its prefix.
fn stable(part: &str) -> String {
    let words = part.split_inclusive(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let told = words.map(|word| {
        let (id, end) = word.split_at(word.trim_end_matches(|c: char| !c.is_alphanumeric()).len());
        let is_id = id.len() == 30 && id.as_bytes()[3] == b'_';
        if is_id { format!("{}…{end}", &id[..4]) } else { word.to_owned() }
    });
    told.collect()
}
