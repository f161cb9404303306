//! Every SQL text of the crate, found in its source: each is understood by both engines, finds its
//! rows by a key, and belongs to a method that some test calls.

use std::{collections::BTreeSet, fs, path::Path};

use sqlx::{AssertSqlSafe, Executor, Row, SqlSafeStr};

use crate::{
    batch_texts::{READS, WRITES},
    engine::Pools,
    testing::{Db, Engine},
};

/// What only PostgreSQL understands.
const POSTGRES_ONLY: [&str; 6] = [
    "FOR UPDATE SKIP LOCKED",
    "= ANY($3)",
    "to_regclass",
    "unnest(",
    "pg_is_in_recovery",
    "pg_stat_replication",
];

/// What only SQLite understands.
const SQLITE_ONLY: [&str; 3] = ["?1", "AND earlier IS NULL", "json_each"];

/// What SQLite would understand, and has another text of: its trail is found in two ways.
const ANOTHER_ON_SQLITE: [&str; 2] = [
    "v FROM audit WHERE bucket = $1",
    "WHERE bucket = $1 AND customer_id = $2 AND at >= $3 AND ((result",
];

/// What reads a whole table, and may: a few rows, or once for `doctor`.
const WHOLE: [&str; 9] = [
    "AND mode = 'event'",
    "FROM customers c WHERE c.otp_required",
    "FROM verifiers v LEFT JOIN customers c",
    "SELECT name, began_at FROM eras",
    "DELETE FROM institution_hosts",
    "FROM institutions ORDER BY id",
    "SUM(version), 0) AS BIGINT) FROM institutions",
    "FROM _sqlx_migrations",
    "FROM mails GROUP BY state",
];

#[tokio::test]
async fn both_engines_understand_every_text() {
    let texts = texts();
    for engine in [Engine::Sqlite, Engine::Postgresql] {
        let db = Db::migrated(engine).await;
        for text in &texts {
            let sql = AssertSqlSafe(text.clone()).into_sql_str();
            let understood = match &db.store.pools {
                Pools::Sqlite { write, .. } => write.prepare(sql).await.map(drop),
                Pools::Postgres(pool) => pool.prepare(sql).await.map(drop),
            };
            let ours = match engine {
                Engine::Sqlite => !is_postgres_only(text),
                Engine::Postgresql => !is_sqlite_only(text),
            };
            assert_eq!(understood.is_ok(), ours, "{engine:?}: {text}: {understood:?}");
        }
        db.remove().await;
    }
}

#[tokio::test]
async fn every_text_finds_its_rows_by_a_key_on_sqlite() {
    let db = Db::migrated(Engine::Sqlite).await;
    let has_another = |text: &str| ANOTHER_ON_SQLITE.iter().any(|part| text.contains(part));
    for text in texts().into_iter().filter(|text| !is_postgres_only(text) && !has_another(text)) {
        let steps = match &db.store.pools {
            Pools::Sqlite { read, .. } => {
                let sql = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {text}"));
                let rows = sqlx::query(sql).fetch_all(read).await.unwrap();
                rows.iter().map(|row| row.get("detail")).collect::<Vec<String>>()
            }
            Pools::Postgres(_) => unreachable!("this is SQLite"),
        };
        // The rows of a batch come as a parameter, and are all wanted; so are those that a chain has led to,
        // or an index within.
        let all_wanted = |s: &str| {
            s.contains("VIRTUAL TABLE")
                || ["SCAN chain", "SCAN e", "SCAN (subquery-3)"].contains(&s)
        };
        let scans = steps.iter().any(|s| s.starts_with("SCAN") && !all_wanted(s));
        assert_eq!(scans, is_whole(&text), "{text}\n{}", steps.join("\n"));
    }
    db.remove().await;
}

#[tokio::test]
async fn every_text_finds_its_rows_by_a_key_on_postgresql() {
    let db = Db::migrated(Engine::Postgresql).await;
    let Pools::Postgres(pool) = &db.store.pools else { unreachable!("this is PostgreSQL") };
    let mut line = pool.acquire().await.unwrap();
    // Empty tables are read whole unless that is forbidden; a plan that still does so has no key.
    for sql in [
        "SET enable_seqscan = off",
        "SET enable_hashjoin = off",
        "SET enable_mergejoin = off",
        "SET plan_cache_mode = force_generic_plan",
    ] {
        line.execute(sql).await.unwrap();
    }
    for text in texts().into_iter().filter(|text| !is_sqlite_only(text)) {
        line.execute(AssertSqlSafe(format!("PREPARE p AS {text}"))).await.unwrap();
        let marks = (1..100).take_while(|n| text.contains(&format!("${n}"))).count();
        let nulls = vec!["NULL"; marks].join(", ");
        let nulls = if marks == 0 { String::new() } else { format!("({nulls})") };
        let sql = AssertSqlSafe(format!("EXPLAIN EXECUTE p{nulls}"));
        let plan: Vec<String> =
            sqlx::query_scalar(sql).persistent(false).fetch_all(&mut *line).await.unwrap();
        let plan = plan.join("\n");
        let (scans, conditions) = (
            plan.matches("Index Scan").count() + plan.matches("Index Only Scan").count(),
            plan.matches("Index Cond").count(),
        );
        let whole = plan.contains("Seq Scan") || scans != conditions;
        assert_eq!(whole, is_whole(&text), "{text}\n{plan}");
        line.execute("DEALLOCATE p").await.unwrap();
    }
    drop(line);
    db.remove().await;
}

#[test]
fn every_exception_is_still_needed() {
    let texts = texts();
    let found = |exception: &str| texts.iter().filter(|text| text.contains(exception)).count();
    for exception in POSTGRES_ONLY.iter().chain(&SQLITE_ONLY) {
        assert!(found(exception) > 0, "{exception}");
    }
    for exception in WHOLE.iter().chain(&ANOTHER_ON_SQLITE) {
        assert_eq!(found(exception), 1, "{exception}");
    }
}

#[test]
fn no_text_is_put_together_at_run_time_but_the_months_of_the_trail_and_many_rows() {
    let built: Vec<_> = sources("src")
        .into_iter()
        .filter(|(_, source)| source.contains("AssertSqlSafe("))
        .map(|(name, source)| (name, source.matches("AssertSqlSafe(").count()))
        .collect();
    assert_eq!(built, [("audit.rs".to_owned(), 1), ("many.rs".to_owned(), 2)]);
}

#[test]
fn every_method_of_a_transaction_is_called_by_a_test() {
    let tests: String = sources("src/tests").into_iter().map(|(_, source)| source).collect();
    let mut methods = BTreeSet::new();
    for (name, source) in sources("src").into_iter().filter(|(name, _)| name != "engine.rs") {
        for rest in source.split("pub async fn ").skip(1) {
            let method = rest.split('(').next().unwrap();
            assert!(tests.contains(&format!(".{method}(")), "{name}: {method}");
            methods.insert(method.to_owned());
        }
    }
    assert!(methods.len() > 50 && methods.contains("accept_step"), "{methods:?}");
}

fn is_postgres_only(text: &str) -> bool {
    POSTGRES_ONLY.iter().any(|part| text.contains(part))
}

fn is_sqlite_only(text: &str) -> bool {
    SQLITE_ONLY.iter().any(|part| text.contains(part))
}

fn is_whole(text: &str) -> bool {
    WHOLE.iter().any(|part| text.contains(part))
}

fn texts() -> Vec<String> {
    let verbs = ["SELECT ", "INSERT ", "UPDATE ", "DELETE ", "WITH w AS ", "WITH RECURSIVE "];
    let texts: Vec<_> = sources("src")
        .iter()
        // Its texts are put together by macros, and given as they are.
        .filter(|(name, _)| name != "batch_texts.rs")
        // Only Citus understands them.
        .filter(|(name, _)| name != "distributed.rs")
        // Its texts are for two files at once.
        .filter(|(name, _)| name != "copies.rs")
        .flat_map(|(_, source)| literals(&expanded(source)))
        .filter(|text| verbs.iter().any(|verb| text.starts_with(verb)))
        .chain([READS, WRITES].concat().into_iter().map(str::to_owned))
        .collect();
    assert!(texts.len() > 55, "only {} texts found", texts.len());
    texts
}

/// The files of a folder by name, without the folders in it and what is for tests only.
fn sources(folder: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut sources: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file() && !path.ends_with("testing.rs"))
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect();
    sources.sort();
    sources
}

/// A source with its macro `…_where!("own")` written out: what stands in it before and after its own part.
fn expanded(source: &str) -> String {
    let macros = source.match_indices("macro_rules! ");
    let mut named =
        macros.map(|(at, mark)| (at, source[at + mark.len()..].split_once(' ').unwrap()));
    let Some((at, (name, rest))) = named.find(|(_, (name, _))| name.ends_with("_where")) else {
        return source.to_owned();
    };
    let before = &source[..at];
    let (body, after) = rest.split_once("\n}\n").unwrap();
    let parts = literals(body);
    let (begins, ends) = (&parts[0], parts.get(1).map_or("", |ends| ends));
    let call = format!("{name}!(");
    let mut calls = after.split(&call);
    let mut written = format!("{before}{}", calls.next().unwrap());
    for call in calls {
        let (own, rest) = literal(call.trim_start().strip_prefix('"').unwrap());
        written.extend(["(\"", begins, &own, ends, "\"", rest]);
    }
    written
}

/// The string literals of a source; as much of Rust's grammar as this crate's files need.
fn literals(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = source;
    while let Some(at) = rest.find(['"', '/']) {
        if rest[at..].starts_with("//") {
            rest = rest[at..].split_once('\n').map_or("", |(_, after)| after);
            continue;
        }
        let is_text = rest[at..].starts_with('"') && !rest[..at].ends_with('\'');
        rest = &rest[at + 1..];
        if is_text {
            let (text, after) = literal(rest);
            found.push(text);
            rest = after;
        }
    }
    found
}

fn literal(source: &str) -> (String, &str) {
    let mut text = String::new();
    let mut chars = source.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (text, &source[at + 1..]),
            '\\' => match chars.next() {
                Some((next, '\n')) => {
                    let indent = source[next..].len() - source[next..].trim_start().len();
                    (1..indent).for_each(|_| _ = chars.next());
                }
                Some((_, escaped)) => text.push(escaped),
                None => {}
            },
            c => text.push(c),
        }
    }
    panic!("a text without an end: {text}");
}

#[test]
fn texts_behind_a_macro_are_found_whole() {
    let source = "macro_rules! a_where {\n    ($r:literal) => { concat!(\"SELECT 1 \", $r, \" WHERE b\") };\n}\n\
                  const A: &str = a_where!(\"FROM a\"); f(\"b\");";
    assert_eq!(literals(&expanded(source)), ["SELECT 1 FROM a WHERE b", "b"]);
}

#[test]
fn texts_are_found_in_a_source() {
    let source =
        "// \"no\"\nconst A: &str = \"SELECT 1 \\\n    FROM a\";\nlet q = '\"'; f(\"b\\\"c\") / 2;";
    assert_eq!(literals(source), ["SELECT 1 FROM a", "b\"c"]);
}
