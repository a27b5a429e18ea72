//! Copies all rows of one database into another, empty one, of whatever engine.
//!
//! The source is read as it is at one moment. The rows are written in one transaction, so a copy that fails leaves a target
//! that may be tried again. Then the target is read back: each table must have the source's number of rows and the
//! same sum of their digests, a sum because engines give rows in different orders. Rows pass through one by one; no
//! more than [`BATCH_BYTES`] are held.

use futures::StreamExt;
use sha2::{Digest, Sha256};

use super::schema::{Table, tables};
use super::{Conn, Db, DbError, DbResult, Engine, Value, migrate, sql};

/// Bytes of rows that are written by one statement, about.
const BATCH_BYTES: usize = 1 << 20;
/// Arguments of one statement; SQLite allows 32,766.
const BATCH_VALUES: usize = 8000;
/// The table that the target's own start fills.
const OWN: &str = "migration";

/// What a table holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Content {
    rows: u64,
    digest: u128,
}

impl Content {
    fn add(&mut self, row: &[Value]) {
        let mut hash = Sha256::new();
        for value in row {
            match value {
                Value::Int(Some(number)) => {
                    hash.update([1]);
                    hash.update(number.to_le_bytes());
                }
                Value::Float(Some(number)) => {
                    hash.update([2]);
                    hash.update(number.to_bits().to_le_bytes());
                }
                Value::Text(Some(text)) => part(&mut hash, 3, text.as_bytes()),
                Value::Blob(Some(bytes)) => part(&mut hash, 4, bytes),
                Value::Int(None) | Value::Float(None) | Value::Text(None) | Value::Blob(None) => {
                    hash.update([0]);
                }
            }
        }
        let mut first = [0; 16];
        first.copy_from_slice(&hash.finalize()[..16]);
        self.rows += 1;
        self.digest = self.digest.wrapping_add(u128::from_le_bytes(first));
    }
}

fn part(hash: &mut Sha256, kind: u8, bytes: &[u8]) {
    hash.update([kind]);
    hash.update(bytes.len().to_le_bytes());
    hash.update(bytes);
}

/// Where a copy is.
#[derive(Clone, Copy, Debug)]
pub struct CopyProgress<'a> {
    /// The table.
    pub table: &'a str,
    /// Which of how many, from 1.
    pub number: usize,
    /// How many.
    pub of: usize,
    /// Rows of it so far.
    pub rows: u64,
    /// Whether the target is being read back.
    pub verifying: bool,
}

/// Copies everything; returns the number of rows. `from` must have this program's schema and no control process, `to`
/// no rows. `tell` hears of each table, and of each thousand rows of it.
pub async fn copy(from: &str, to: &str, mut tell: impl FnMut(CopyProgress<'_>)) -> DbResult<u64> {
    let source = Db::connect(from).await?;
    let outcome = from_source(&source, to, &mut tell).await;
    source.close().await;
    outcome
}

async fn from_source(
    source: &Db,
    to: &str,
    tell: &mut impl FnMut(CopyProgress<'_>),
) -> DbResult<u64> {
    let mut conn = source.read().await?;
    let known = tables(&mut conn).await?;
    if !known.iter().any(|table| table.name == OWN) {
        return Err(DbError::Open(
            "there is no cloud in the source; see that its URL names the right database".into(),
        ));
    }
    migrate::check_complete(&mut conn).await?;
    nobody_runs(&mut conn).await?;
    let target = Db::connect(to).await?;
    let outcome = into_target(&mut conn, &target, &known, tell).await;
    target.close().await;
    outcome
}

async fn into_target(
    source: &mut Conn,
    target: &Db,
    known: &[Table],
    tell: &mut impl FnMut(CopyProgress<'_>),
) -> DbResult<u64> {
    check_empty(target, known).await?;
    migrate::run(target).await?;
    for statement in source.engine().snapshot_begin() {
        sql(*statement).execute(source).await?;
    }
    // Nobody began meanwhile.
    nobody_runs(source).await?;
    let mut tx = target.begin().await?;
    let copied: Vec<&Table> = known.iter().filter(|table| table.name != OWN).collect();
    let mut contents = Vec::new();
    for (at, table) in copied.iter().enumerate() {
        let mut told = |rows| {
            tell(CopyProgress {
                table: &table.name,
                number: at + 1,
                of: copied.len(),
                rows,
                verifying: false,
            });
        };
        contents.push(copy_table(source, &mut tx, table, &mut told).await?);
    }
    tx.commit().await?;
    let mut back = target.read().await?;
    for (at, (table, expected)) in copied.iter().zip(&contents).enumerate() {
        tell(CopyProgress {
            table: &table.name,
            number: at + 1,
            of: copied.len(),
            rows: expected.rows,
            verifying: true,
        });
        let found = content(&mut back, table).await?;
        if found != *expected {
            return Err(DbError::Open(format!(
                "the copy differs from the source in {} ({} rows instead of {}, or other values); the source is untouched: empty the target and copy again",
                table.name, found.rows, expected.rows
            )));
        }
    }
    Ok(contents.iter().map(|content| content.rows).sum())
}

/// Fails if a control process reported to this database in the last while.
async fn nobody_runs(conn: &mut Conn) -> DbResult<()> {
    const WHILE_S: i64 = 15;
    let now = conn.engine().now_expr();
    let living = sql(format!(
        "SELECT host FROM control_process WHERE reported_at > {now} - $1 ORDER BY host LIMIT 1"
    ))
    .bind(WHILE_S * 1_000_000)
    .optional(conn, |row| row.take::<String>())
    .await?;
    match living {
        None => Ok(()),
        Some(host) => Err(DbError::Busy(format!(
            "a control process on {host} uses the source; stop it first, or wait {WHILE_S} s if it died"
        ))),
    }
}

/// Fails unless there is nothing in the target that this copy would mix with.
async fn check_empty(target: &Db, known: &[Table]) -> DbResult<()> {
    let refuse = |table: &str, what: &str| {
        Err(DbError::Open(format!(
            "the target is not empty: its table {table} {what}; give an empty database"
        )))
    };
    let mut conn = target.read().await?;
    for table in tables(&mut conn).await? {
        if !known.iter().any(|known| known.name == table.name) {
            return refuse(&table.name, "is not Skydeck's");
        }
        let any = sql(format!("SELECT 1 FROM {} LIMIT 1", table.name))
            .optional(&mut conn, |row| row.take::<i64>())
            .await?;
        if any.is_some() && table.name != OWN {
            return refuse(&table.name, "has rows");
        }
    }
    Ok(())
}

async fn copy_table(
    source: &mut Conn,
    target: &mut Conn,
    table: &Table,
    tell: &mut impl FnMut(u64),
) -> DbResult<Content> {
    tell(0);
    let mut content = Content::default();
    let mut batch: Vec<Vec<Value>> = Vec::new();
    let mut bytes = 0;
    let select = format!("SELECT {} FROM {}", table.names(), table.name);
    let mut rows = sql(select).stream(source)?;
    while let Some(row) = rows.next().await {
        let mut row = row?;
        let row = table.values(&mut row)?;
        content.add(&row);
        bytes += row.iter().map(size).sum::<usize>();
        batch.push(row);
        if bytes >= BATCH_BYTES || (batch.len() + 1) * table.columns.len() > BATCH_VALUES {
            insert(target, table, std::mem::take(&mut batch)).await?;
            bytes = 0;
        }
        if content.rows.is_multiple_of(1000) {
            tell(content.rows);
        }
    }
    insert(target, table, batch).await?;
    Ok(content)
}

fn size(value: &Value) -> usize {
    match value {
        Value::Text(Some(text)) => text.len(),
        Value::Blob(Some(bytes)) => bytes.len(),
        _ => 8,
    }
}

async fn insert(target: &mut Conn, table: &Table, rows: Vec<Vec<Value>>) -> DbResult<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut statement = sql(format!(
        "INSERT INTO {} ({}) VALUES ",
        table.name,
        table.names()
    ));
    for (at, row) in rows.into_iter().enumerate() {
        statement = statement.push(if at == 0 { "(" } else { ", (" });
        for (at, value) in row.into_iter().enumerate() {
            statement = statement.push_bind(if at == 0 { "{}" } else { ", {}" }, value);
        }
        statement = statement.push(")");
    }
    statement.execute(target).await?;
    Ok(())
}

async fn content(conn: &mut Conn, table: &Table) -> DbResult<Content> {
    let mut content = Content::default();
    let select = format!("SELECT {} FROM {}", table.names(), table.name);
    let mut rows = sql(select).stream(conn)?;
    while let Some(row) = rows.next().await {
        let mut row = row?;
        let row = table.values(&mut row)?;
        content.add(&row);
    }
    Ok(content)
}

impl Engine {
    /// Begins a transaction that sees the database as it is now, whatever others write meanwhile.
    fn snapshot_begin(self) -> &'static [&'static str] {
        match self {
            Self::Sqlite => &["BEGIN"],
            Self::Mysql => &[
                "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
                "START TRANSACTION WITH CONSISTENT SNAPSHOT",
            ],
            Self::Postgres => &["BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"],
        }
    }
}

#[cfg(test)]
mod tests;
