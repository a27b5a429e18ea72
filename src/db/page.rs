//! Paging by the last row seen, not by number: a page stays right while rows come and go before it.
//!
//! A list is sorted by some columns and, last, by one that is unique. The next page holds the rows that come after the
//! marker's values in that order. Columns that may be NULL are given as an expression that is not (`COALESCE(size, -1)`),
//! because engines disagree on where NULL sorts.

use super::{Statement, Value};

/// A column or expression to sort by, and which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SortBy {
    /// SQL of the column; never what a user wrote.
    pub column: &'static str,
    /// Largest first.
    pub descending: bool,
}

/// Appends the condition that a row comes after the one with these values: ` AND (a > x OR (a = x AND (b > y …)))`.
pub fn push_after(mut statement: Statement, sort: &[SortBy], values: &[Value]) -> Statement {
    let pairs: Vec<_> = sort.iter().zip(values).collect();
    let Some(last) = pairs.len().checked_sub(1) else {
        return statement;
    };
    statement = statement.push(" AND ");
    for (at, (by, value)) in pairs.iter().enumerate() {
        let relation = if by.descending { "<" } else { ">" };
        let text = format!("({} {relation} {{}}", by.column);
        statement = statement.push_bind(&text, (*value).clone());
        if at < last {
            let text = format!(" OR ({} = {{}} AND ", by.column);
            statement = statement.push_bind(&text, (*value).clone());
        }
    }
    statement.push(&format!("{})", "))".repeat(last)))
}

/// Appends ` ORDER BY …`.
pub fn push_order(statement: Statement, sort: &[SortBy]) -> Statement {
    let columns: Vec<String> = sort
        .iter()
        .map(|by| format!("{}{}", by.column, if by.descending { " DESC" } else { "" }))
        .collect();
    statement.push(&format!(" ORDER BY {}", columns.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::super::{sql, testing::fresh};
    use super::*;

    #[tokio::test]
    async fn pages_join_without_gap_or_repeat_in_any_direction() {
        let (_dir, db) = fresh().await;
        let mut tx = db.begin().await.unwrap();
        let schema = "CREATE TABLE t (id BIGINT PRIMARY KEY, a BIGINT, b {id})";
        sql(db.engine().render_schema(schema))
            .execute(&mut tx)
            .await
            .unwrap();
        for id in 0..30_i64 {
            let statement = sql("INSERT INTO t VALUES ($1, $2, $3)").bind(id);
            let statement = statement.bind((id % 3 != 0).then_some(id % 3));
            statement
                .bind(format!("{}", id % 5))
                .execute(&mut tx)
                .await
                .unwrap();
        }
        for (first, second, third) in [
            (false, false, false),
            (true, false, true),
            (false, true, false),
        ] {
            let sort = [
                SortBy {
                    column: "COALESCE(a, -1)",
                    descending: first,
                },
                SortBy {
                    column: "b",
                    descending: second,
                },
                SortBy {
                    column: "id",
                    descending: third,
                },
            ];
            let mut seen: Vec<(i64, String, i64)> = Vec::new();
            loop {
                let mut page = sql("SELECT COALESCE(a, -1), b, id FROM t WHERE 1 = 1");
                if let Some((a, b, id)) = seen.last() {
                    page = push_after(page, &sort, &[(*a).into(), b.into(), (*id).into()]);
                }
                let rows = push_order(page, &sort)
                    .push(" LIMIT 7")
                    .all(&mut tx, |row| Ok((row.take()?, row.take()?, row.take()?)))
                    .await
                    .unwrap();
                if rows.is_empty() {
                    break;
                }
                seen.extend(rows);
            }
            let ids: std::collections::BTreeSet<i64> = seen.iter().map(|row| row.2).collect();
            assert_eq!((seen.len(), ids.len()), (30, 30));
            let flip =
                |order: std::cmp::Ordering, down: bool| if down { order.reverse() } else { order };
            assert!(seen.is_sorted_by(|x, y| {
                flip(x.0.cmp(&y.0), first)
                    .then(flip(x.1.cmp(&y.1), second))
                    .then(flip(x.2.cmp(&y.2), third))
                    .is_lt()
            }));
        }
    }
}
