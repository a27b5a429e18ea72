//! A statement with its arguments, and rows that are read column by column in the order they were selected.

use std::borrow::Cow;

use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use serde::de::DeserializeOwned;
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::{AssertSqlSafe, Executor};

use super::value::{Column, read_json};
use super::{Conn, DbError, DbResult, Value};

/// Values that one [`Statement::push_in`] takes at its best.
pub const LIST: usize = 256;

/// A statement on its way to the database. Text never contains values: those are bound.
#[must_use]
pub struct Statement {
    text: Cow<'static, str>,
    arguments: Vec<Value>,
    #[cfg(test)]
    site: &'static std::panic::Location<'static>,
}

/// Begins a statement with placeholders `$1`, `$2`, …
#[cfg_attr(test, track_caller)]
pub fn sql(text: impl Into<Cow<'static, str>>) -> Statement {
    Statement {
        text: text.into(),
        arguments: Vec::new(),
        #[cfg(test)]
        site: std::panic::Location::caller(),
    }
}

impl Statement {
    /// The next argument: the first call gives `$1`.
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.arguments.push(value.into());
        self
    }

    /// Appends text (not values!) to a statement that is put together by conditions.
    pub fn push(mut self, text: &str) -> Self {
        self.text.to_mut().push_str(text);
        self
    }

    /// Appends `text` with each `{}` replaced by the placeholder of a further argument.
    pub fn push_bind(mut self, text: &str, value: impl Into<Value>) -> Self {
        self.arguments.push(value.into());
        let placeholder = format!("${}", self.arguments.len());
        self.text
            .to_mut()
            .push_str(&text.replace("{}", &placeholder));
        self
    }

    /// Appends ` IN ($n, …)` with these values; ` IN (NULL)`, which holds for nothing, when there are none. A long list
    /// is cut into pieces of [`LIST`] by the caller: engines bound it, and take longer than in proportion.
    pub fn push_in(mut self, values: impl IntoIterator<Item = impl Into<Value>>) -> Self {
        let mut list = Vec::new();
        for value in values {
            self.arguments.push(value.into());
            list.push(format!("${}", self.arguments.len()));
        }
        let list = if list.is_empty() {
            "NULL".to_owned()
        } else {
            list.join(", ")
        };
        self.text.to_mut().push_str(&format!(" IN ({list})"));
        self
    }

    /// Runs it and says how many rows it changed.
    pub async fn execute(self, conn: &mut Conn) -> DbResult<u64> {
        let query = self.into_query(conn)?;
        Ok(conn.raw().execute(query).await?.rows_affected())
    }

    /// Runs it and tells whether exactly one row was changed: a compare-and-swap that held.
    pub async fn swapped(self, conn: &mut Conn) -> DbResult<bool> {
        Ok(self.execute(conn).await? == 1)
    }

    /// All rows, each made by `read`.
    pub async fn all<T>(
        self,
        conn: &mut Conn,
        mut read: impl FnMut(&mut Row) -> DbResult<T>,
    ) -> DbResult<Vec<T>> {
        // Row by row, so that a row is read while the engine makes the next, and its memory serves for the one after.
        let mut rows = self.stream(conn)?;
        let mut read_rows = Vec::new();
        while let Some(mut row) = rows.try_next().await? {
            read_rows.push(read(&mut row)?);
        }
        Ok(read_rows)
    }

    /// The rows one by one, as they come.
    pub(super) fn stream(self, conn: &mut Conn) -> DbResult<BoxStream<'_, DbResult<Row>>> {
        let query = self.into_query(conn)?;
        let rows = conn.raw().fetch(query);
        Ok(rows.map(|row| Ok(Row::new(row?))).boxed())
    }

    /// The first row, if any.
    pub async fn optional<T>(
        self,
        conn: &mut Conn,
        read: impl Fn(&mut Row) -> DbResult<T>,
    ) -> DbResult<Option<T>> {
        let query = self.into_query(conn)?;
        let row = conn.raw().fetch_optional(query).await?;
        row.map(|row| read(&mut Row::new(row))).transpose()
    }

    /// The only column of the only row, as of a COUNT.
    pub async fn scalar<T: Column>(self, conn: &mut Conn) -> DbResult<T> {
        let query = self.into_query(conn)?;
        let row = conn.raw().fetch_one(query).await?;
        Row::new(row).take()
    }

    fn into_query(
        self,
        conn: &Conn,
    ) -> DbResult<sqlx::query::Query<'static, sqlx::Any, AnyArguments>> {
        #[cfg(test)]
        super::testing::sites::note(self.site);
        let rendered = conn.engine().render(&self.text);
        let mut arguments = AnyArguments::default();
        for &at in &rendered.order {
            let value = self.arguments.get(at).ok_or_else(|| DbError::Decode {
                column: at,
                reason: format!("the statement has no argument ${}: {}", at + 1, self.text),
            })?;
            value
                .clone()
                .add_to(&mut arguments)
                .map_err(|error| DbError::Engine(sqlx::Error::Encode(error)))?;
        }
        Ok(sqlx::query_with(
            AssertSqlSafe(rendered.text.clone()),
            arguments,
        ))
    }
}

/// A row, read from the left: each [`Row::take`] gives the next column.
pub struct Row {
    row: AnyRow,
    at: usize,
}

impl Row {
    fn new(row: AnyRow) -> Self {
        Self { row, at: 0 }
    }

    /// The next column as `T`.
    pub fn take<T: Column>(&mut self) -> DbResult<T> {
        self.next(T::read)
    }

    /// The next column, JSON text, as a structure.
    pub fn take_json<T: DeserializeOwned>(&mut self) -> DbResult<T> {
        self.next(read_json)
    }

    /// The next column, text, by its own parser (an enum's name for one).
    pub fn take_parsed<T: std::str::FromStr>(&mut self) -> DbResult<T> {
        self.next(|row, at| {
            let text = String::read(row, at)?;
            text.parse().map_err(|_| format!("{text:?} is not known"))
        })
    }

    /// The next column, what [`super::Engine::joined`] made, each by its own parser.
    pub fn take_joined<T: std::str::FromStr>(&mut self) -> DbResult<Vec<T>> {
        self.next(|row, at| {
            let text = String::read(row, at)?;
            let parts = text.split(',').filter(|part| !part.is_empty());
            let read = |part: &str| part.parse().map_err(|_| format!("{part:?} is not known"));
            parts.map(read).collect()
        })
    }

    fn next<T>(&mut self, read: impl Fn(&AnyRow, usize) -> Result<T, String>) -> DbResult<T> {
        let column = self.at;
        self.at += 1;
        read(&self.row, column).map_err(|reason| DbError::Decode { column, reason })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::fresh;
    use super::*;
    use crate::ids::{ServerId, Time};

    #[tokio::test]
    async fn values_come_back_as_they_went_in() {
        let (_dir, db) = fresh().await;
        let mut tx = db.begin().await.unwrap();
        sql(db.engine().render_schema(
            "CREATE TABLE t (a BIGINT, b {id}, c {double}, d {blob}, e {text}, f BIGINT)",
        ))
        .execute(&mut tx)
        .await
        .unwrap();
        let id = ServerId::new();
        let written = sql("INSERT INTO t VALUES ($1, $2, $3, $4, $5, $6)")
            .bind(Time(5))
            .bind(id)
            .bind(0.5)
            .bind(vec![1u8, 2])
            .bind(Value::json(&["x"]))
            .bind(None::<i64>);
        assert!(written.swapped(&mut tx).await.unwrap());
        tx.commit().await.unwrap();
        let mut conn = db.read().await.unwrap();
        let row = sql("SELECT a, b, c, d, e, f FROM t WHERE b")
            .push_in([id])
            .optional(&mut conn, |row| {
                Ok((
                    row.take::<Time>()?,
                    row.take::<ServerId>()?,
                    row.take::<f64>()?,
                    row.take::<Vec<u8>>()?,
                    row.take_json::<Vec<String>>()?,
                    row.take::<Option<i64>>()?,
                ))
            });
        assert_eq!(
            row.await.unwrap(),
            Some((Time(5), id, 0.5, vec![1, 2], vec!["x".into()], None))
        );
    }

    #[tokio::test]
    async fn a_transaction_that_is_dropped_leaves_nothing_and_a_taken_key_is_told() {
        let (_dir, db) = fresh().await;
        let mut tx = db.begin().await.unwrap();
        sql("CREATE TABLE t (a BIGINT PRIMARY KEY)")
            .execute(&mut tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let mut tx = db.begin().await.unwrap();
        sql("INSERT INTO t VALUES ($1)")
            .bind(1_i64)
            .execute(&mut tx)
            .await
            .unwrap();
        let again = sql("INSERT INTO t VALUES ($1)")
            .bind(1_i64)
            .execute(&mut tx)
            .await;
        assert!(matches!(again, Err(DbError::Duplicate { .. })));
        drop(tx);
        let mut conn = db.read().await.unwrap();
        assert_eq!(
            sql("SELECT COUNT(*) FROM t")
                .scalar::<i64>(&mut conn)
                .await
                .unwrap(),
            0
        );
    }
}
