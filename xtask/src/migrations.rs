//! Migrations: the same number and name for both engines, numbered from 1 without a gap.
//! That both give the same tables is a test of the store.

use std::collections::BTreeSet;

use anyhow::{Result, bail};

use crate::process::House;

const ENGINES: [&str; 2] = ["sqlite", "postgres"];

/// Checks the two folders of migrations.
pub(crate) fn check(house: &House) -> Result<()> {
    let complaints = complaints(&house.files()?);
    if !complaints.is_empty() {
        bail!("{}", complaints.join("\n"));
    }
    println!("Migrations are in pairs.");
    Ok(())
}

/// What is wrong with the migrations among these files.
pub(crate) fn complaints(files: &[String]) -> Vec<String> {
    let [sqlite, postgres] = ENGINES.map(|engine| names(files, engine));
    let mut complaints = Vec::new();
    if sqlite.is_empty() && postgres.is_empty() {
        complaints.push("crates/store/migrations: there are no migrations".to_owned());
    }
    for (engine, mine, other) in [("sqlite", &sqlite, &postgres), ("postgres", &postgres, &sqlite)]
    {
        let folder = format!("crates/store/migrations/{engine}");
        complaints
            .extend(other.difference(mine).map(|name| format!("{folder}/{name}: is missing")));
        for (index, name) in mine.iter().enumerate() {
            let number = format!("{:04}_", index + 1);
            if !name.starts_with(&number) {
                complaints.push(format!(
                    "{folder}/{name}: a name that begins with {number} should stand here"
                ));
                break;
            }
        }
    }
    complaints
}

fn names<'a>(files: &'a [String], engine: &str) -> BTreeSet<&'a str> {
    let folder = format!("crates/store/migrations/{engine}/");
    files.iter().filter_map(|file| file.strip_prefix(&folder)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(names: &[&str]) -> Vec<String> {
        let files = names.iter().map(|name| format!("crates/store/migrations/{name}"));
        complaints(&files.collect::<Vec<_>>())
    }

    #[test]
    fn pairs_in_order_are_fine() {
        let none: Vec<String> = Vec::new();
        let names = [
            "sqlite/0001_a.sql",
            "sqlite/0002_b.sql",
            "postgres/0001_a.sql",
            "postgres/0002_b.sql",
        ];
        assert_eq!(of(&names), none);
    }

    #[test]
    fn a_missing_half_is_named() {
        let complaints = of(&["sqlite/0001_a.sql", "sqlite/0002_b.sql", "postgres/0001_a.sql"]);
        assert_eq!(complaints, ["crates/store/migrations/postgres/0002_b.sql: is missing"]);
    }

    #[test]
    fn a_gap_and_a_doubled_number_are_named() {
        let gap = of(&[
            "sqlite/0001_a.sql",
            "sqlite/0003_b.sql",
            "postgres/0001_a.sql",
            "postgres/0003_b.sql",
        ]);
        assert_eq!(gap.len(), 2);
        let doubled = of(&[
            "sqlite/0001_a.sql",
            "sqlite/0001_b.sql",
            "postgres/0001_a.sql",
            "postgres/0001_b.sql",
        ]);
        assert_eq!(doubled.len(), 2);
    }

    #[test]
    fn no_migrations_at_all_is_an_error() {
        assert_eq!(of(&[]).len(), 1);
    }
}
