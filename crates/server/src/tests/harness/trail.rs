//! The audit trail as tests read it.

use warifu_core::time::Millis;

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
        let mut lines: Vec<_> = rows.iter().map(|row| line(row)).collect();
        // Within one moment the order follows from random ids.
        lines.sort();
        lines.join("\n")
    }

    /// A moment before which everything so far has happened.
    pub(crate) fn mark(&self) -> Millis {
        self.advance_secs(1);
        self.now()
    }

    /// What was recorded since a mark, sorted: kind, result and reason.
    pub(crate) async fn recorded(&self, since: Millis) -> Vec<String> {
        let filter = format!("at >= {}", since.0);
        let mut rows = self.database.trail(&["kind", "result", "reason"], &filter).await;
        rows.sort();
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

// Identifiers and reception numbers follow from randomness, so each becomes its prefix.
fn stable(part: &str) -> String {
    if let Some(at) = part.find("\"R-") {
        return format!("{}R-…{}", stable(&part[..=at]), stable(&part[at + 12..]));
    }
    let words = part.split_inclusive(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let told = words.map(|word| {
        let (id, end) = word.split_at(word.trim_end_matches(|c: char| !c.is_alphanumeric()).len());
        let is_id = id.len() == 30 && id.as_bytes()[3] == b'_';
        if is_id { format!("{}…{end}", &id[..4]) } else { word.to_owned() }
    });
    told.collect()
}
