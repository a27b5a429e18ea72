//! Groups of hosts.

use std::collections::{BTreeMap, HashMap};

use crate::compute::model::Aggregate;
use crate::db::{Conn, DbResult, Row, Value, sql};
use crate::ids::{AggregateId, Time};

const COLUMNS: &str = "number, id, name, metadata, created_at, updated_at";

fn aggregate(row: &mut Row) -> DbResult<Aggregate> {
    Ok(Aggregate {
        number: row.take()?,
        id: row.take()?,
        name: row.take()?,
        metadata: row.take_json()?,
        created_at: row.take()?,
        updated_at: row.take()?,
        hosts: Vec::new(),
    })
}

/// All of them with their hosts, by number. An operator makes a few dozen.
pub async fn list(conn: &mut Conn) -> DbResult<Vec<Aggregate>> {
    let mut hosts: HashMap<i64, Vec<String>> = HashMap::new();
    let members = sql("SELECT aggregate_number, host FROM host_aggregate_member ORDER BY host")
        .all(conn, |row| Ok((row.take::<i64>()?, row.take()?)))
        .await?;
    for (number, host) in members {
        hosts.entry(number).or_default().push(host);
    }
    let mut all = sql(format!(
        "SELECT {COLUMNS} FROM host_aggregate ORDER BY number"
    ))
    .all(conn, aggregate)
    .await?;
    for one in &mut all {
        one.hosts = hosts.remove(&one.number).unwrap_or_default();
    }
    Ok(all)
}

/// Makes one, which gets the next number.
pub async fn insert(
    conn: &mut Conn,
    id: AggregateId,
    name: &str,
    metadata: &BTreeMap<String, String>,
) -> DbResult<()> {
    sql(format!(
        "INSERT INTO host_aggregate ({COLUMNS}) SELECT COALESCE(MAX(number), 0) + 1, $1, $2, $3, $4, $5 FROM host_aggregate"
    ))
    .bind(id)
    .bind(name)
    .bind(Value::json(metadata))
    .bind(Time::now())
    .bind(None::<Time>)
    .execute(conn)
    .await?;
    Ok(())
}

/// Waits for whoever else changes it; `false` if there is none. Within a transaction, before it is read to be changed.
pub async fn lock(conn: &mut Conn, number: i64) -> DbResult<bool> {
    sql("UPDATE host_aggregate SET number = number WHERE number = $1")
        .bind(number)
        .swapped(conn)
        .await
}

/// Writes name and metadata.
pub async fn update(conn: &mut Conn, aggregate: &Aggregate) -> DbResult<()> {
    sql("UPDATE host_aggregate SET name = $2, metadata = $3, updated_at = $4 WHERE number = $1")
        .bind(aggregate.number)
        .bind(&aggregate.name)
        .bind(Value::json(&aggregate.metadata))
        .bind(Time::now())
        .execute(conn)
        .await?;
    Ok(())
}

/// Removes it.
pub async fn delete(conn: &mut Conn, number: i64) -> DbResult<()> {
    sql("DELETE FROM host_aggregate WHERE number = $1")
        .bind(number)
        .execute(conn)
        .await?;
    Ok(())
}

/// Puts a host into it; `false` if it is there already.
pub async fn host_add(conn: &mut Conn, number: i64, host: &str) -> DbResult<bool> {
    sql("INSERT INTO host_aggregate_member (aggregate_number, host) VALUES ($1, $2) ON CONFLICT DO NOTHING")
        .bind(number)
        .bind(host)
        .swapped(conn)
        .await
}

/// Takes a host out of it; `false` if it is not in it.
pub async fn host_remove(conn: &mut Conn, number: i64, host: &str) -> DbResult<bool> {
    sql("DELETE FROM host_aggregate_member WHERE aggregate_number = $1 AND host = $2")
        .bind(number)
        .bind(host)
        .swapped(conn)
        .await
}

/// Takes a host that is forgotten out of all of them.
pub async fn host_forget(conn: &mut Conn, host: &str) -> DbResult<()> {
    sql("DELETE FROM host_aggregate_member WHERE host = $1")
        .bind(host)
        .execute(conn)
        .await?;
    Ok(())
}
