//! Rows that are written many at a time, with the text of one.

/// Rows that are written with one statement: few statements, and far from as many values as an engine allows
/// (SQLite 32,766).
pub(crate) const ROWS_AT_ONCE: usize = 100;

/// The text that inserts many rows, from that of one, `… VALUES ($1, $2) …`, with its places `$1` to the last each once
/// and in their order.
pub(crate) fn of_many(
    one: &str,
    (rows, columns): (usize, usize),
    place: impl Fn(usize) -> String,
) -> String {
    let parts = one.split_once("VALUES (").and_then(|(head, rest)| {
        let (row, tail) = rest.split_once(')')?;
        Some((head, row, tail))
    });
    let (head, row, tail) = parts.unwrap_or_default();
    let own = |value: &str| value.strip_prefix('$').and_then(|n| n.parse::<usize>().ok());
    debug_assert!(row.split(", ").filter_map(own).eq(1..=columns) && !tail.contains('$'), "{one}");
    let nth = |n: usize| {
        let values = row.split(", ").map(|value| {
            own(value).map_or_else(|| value.to_owned(), |own| place(n * columns + own))
        });
        format!("({})", values.collect::<Vec<_>>().join(", "))
    };
    let rows = (0..rows).map(nth).collect::<Vec<_>>().join(", ");
    format!("{head}VALUES {rows}{tail}")
}

/// Inserts rows, many with each statement, whose text is that of one row; gives how many were inserted.
macro_rules! insert_all {
    ($tx:expr, $sql:expr, $rows:expr, |$row:pat_param| [$($value:expr),* $(,)?]) => {{
        let columns = [$(stringify!($value)),*].len();
        let mut count = 0;
        let mut done = Ok(());
        for rows in $rows.chunks(crate::many::ROWS_AT_ONCE) {
            let inserted = match &mut $tx.inner {
                crate::engine::Inner::Sqlite(t) => {
                    // Without names: SQLite looks for each one among all of them.
                    let sql = crate::many::of_many($sql, (rows.len(), columns), |_| "?".to_owned());
                    let mut query = sqlx::query(sqlx::AssertSqlSafe(sql));
                    for $row in rows {
                        query = query$(.bind($value))*;
                    }
                    query.execute(&mut **t).await.map(|r| r.rows_affected())
                }
                crate::engine::Inner::Postgres(t) => {
                    let sql = crate::many::of_many($sql, (rows.len(), columns), |n| format!("${n}"));
                    let mut query = sqlx::query(sqlx::AssertSqlSafe(sql));
                    for $row in rows {
                        query = query$(.bind($value))*;
                    }
                    query.execute(&mut **t).await.map(|r| r.rows_affected())
                }
            };
            match inserted {
                Ok(inserted) => count += inserted,
                Err(error) => {
                    done = Err($tx.broke(error));
                    break;
                }
            }
        }
        done.map(|()| count)
    }};
}

pub(crate) use insert_all;
