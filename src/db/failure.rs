//! What the database answers instead of rows, in terms of what to do about it.

use sqlx::error::DatabaseError;
use sqlx::mysql::MySqlDatabaseError;
use sqlx::postgres::PgDatabaseError;

use super::ACQUIRE;

/// What the database answered instead of rows.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// A unique or primary key is taken. `constraint` names it as far as the engine does.
    #[error("already exists ({constraint})")]
    Duplicate {
        /// Constraint or columns.
        constraint: String,
    },
    /// A value can not be read as what it should be: the schema and the program differ.
    #[error("column {column} holds something unexpected: {reason}")]
    Decode {
        /// Position in the row.
        column: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// The database can not be opened, or its schema is newer than this program.
    #[error("the database can not be opened: {0}")]
    Open(String),
    /// Another process holds the database or some of its rows, or all connections are in use. Nothing was done; the same call may succeed
    /// later.
    #[error("the database is busy ({0}); try again, and see what else has it open if that lasts")]
    Busy(String),
    /// The server went away, or is only just starting or stopping. Whatever transaction was open left nothing, unless the
    /// answer to its commit is what was lost; the same call may succeed once the server is back.
    #[error(
        "the connection to the database was lost ({0}); try again, and see that its server runs if that lasts"
    )]
    Lost(String),
    /// There is no room for what should be written. Nothing was done.
    #[error("the disk of the database is full ({0}); make room on it and try again")]
    Full(String),
    /// The engine failed: connection lost, a defect.
    #[error("the database failed: {0}")]
    Engine(#[source] sqlx::Error),
}

/// What an engine's code means.
enum Meaning {
    Busy,
    Full,
    Lost,
}

impl From<sqlx::Error> for DbError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(inner) if inner.is_unique_violation() => Self::Duplicate {
                constraint: inner.constraint().unwrap_or(inner.message()).to_owned(),
            },
            sqlx::Error::Database(inner) => match meaning(inner.as_ref()) {
                Some(Meaning::Busy) => Self::Busy(inner.message().to_owned()),
                Some(Meaning::Full) => Self::Full(inner.message().to_owned()),
                Some(Meaning::Lost) => Self::Lost(inner.message().to_owned()),
                None => Self::Engine(error),
            },
            sqlx::Error::Io(inner) => Self::Lost(inner.to_string()),
            sqlx::Error::Tls(inner) => Self::Lost(inner.to_string()),
            sqlx::Error::PoolTimedOut => {
                Self::Busy(format!("no connection within {} s", ACQUIRE.as_secs()))
            }
            _ => Self::Engine(error),
        }
    }
}

fn meaning(error: &dyn DatabaseError) -> Option<Meaning> {
    if let Some(error) = error.try_downcast_ref::<MySqlDatabaseError>() {
        return of_mysql(error.number());
    }
    if let Some(error) = error.try_downcast_ref::<PgDatabaseError>() {
        return of_postgres(error.code());
    }
    error.code().and_then(|code| of_sqlite(code.parse().ok()?))
}

/// BUSY and LOCKED with what they are extended to, FULL.
fn of_sqlite(code: u32) -> Option<Meaning> {
    match code & 0xff {
        5 | 6 => Some(Meaning::Busy),
        13 => Some(Meaning::Full),
        _ => None,
    }
}

/// MariaDB's own numbers; its SQLSTATE says too little.
fn of_mysql(number: u16) -> Option<Meaning> {
    match number {
        // A row changed since it was read, too many connections, lock wait timeout, deadlock, a node of Galera that is
        // not (yet) part of its cluster.
        1020 | 1040 | 1205 | 1213 | 1047 => Some(Meaning::Busy),
        1021 | 1114 => Some(Meaning::Full),
        // Shutdown, a statement or connection that was killed, a server that was made read-only: a failover.
        1053 | 1290 | 1317 | 1836 | 1927 => Some(Meaning::Lost),
        _ => None,
    }
}

/// SQLSTATE.
fn of_postgres(code: &str) -> Option<Meaning> {
    match code {
        // Serialization failure, deadlock, lock not available, too many connections.
        "40001" | "40P01" | "55P03" | "53300" => Some(Meaning::Busy),
        "53100" => Some(Meaning::Full),
        // Shutdown, crash, not yet started, a server that became a standby.
        "57P01" | "57P02" | "57P03" | "25006" => Some(Meaning::Lost),
        code if code.starts_with("08") => Some(Meaning::Lost),
        _ => None,
    }
}
