//! One database, three engines: SQLite (embedded), MariaDB, PostgreSQL; every statement is written once.
//!
//! Statements use `$1`, `ON CONFLICT` and the types that all engines share (BIGINT, VARCHAR, TEXT, double, blob);
//! [`dialect`] turns them into what an engine understands. Ids are text, times are BIGINT microseconds, flags are
//! BIGINT 0 and 1, structures are JSON text. There is no repository layer: a service's `store` holds plain SQL, and its
//! `ops` open visible transactions.
//!
//! SQLite has one writer: [`Db::begin`] takes the single write connection with `BEGIN IMMEDIATE`, so a transaction never
//! fails in its middle because another one writes; [`Db::read`] takes one of several read connections that see the last
//! committed state (WAL). **Never call something that begins a transaction while one is open**: take the connection along
//! and call its `_on_conn` twin.
//!
//! Durability on SQLite: a commit survives the death of the process at once, and the death of the machine after the next
//! checkpoint (`synchronous = NORMAL`); what a power cut may lose is a moment of history, never consistency, and
//! reconcilers compare it with the world afterwards. `?synchronous=full` in the URL buys that moment back with one
//! flush per commit.

mod dialect;
mod migrate;
mod page;
mod statement;
mod value;

use std::time::Duration;

use sqlx::any::AnyPoolOptions;
use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection, AnyPool, Connection, Transaction};

pub use dialect::Engine;
pub use page::{SortBy, push_after, push_order};
pub use statement::{LIST, Row, Statement, sql};
pub use value::{Column, Value};

/// Connections that may read at the same time.
const READERS: u32 = 8;
/// How long a connection may be waited for before the database counts as locked up.
const ACQUIRE: Duration = Duration::from_secs(20);

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
    /// Another process holds the database, or all connections are in use. Nothing was done; the same call may succeed
    /// later.
    #[error("the database is busy ({0}); try again, and see what else has it open if that lasts")]
    Busy(String),
    /// There is no room for what should be written. Nothing was done.
    #[error("the disk of the database is full ({0}); make room on it and try again")]
    Full(String),
    /// The engine failed: connection lost, a defect.
    #[error("the database failed: {0}")]
    Engine(#[source] sqlx::Error),
}

impl From<sqlx::Error> for DbError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(inner) if inner.is_unique_violation() => Self::Duplicate {
                constraint: inner.constraint().unwrap_or(inner.message()).to_owned(),
            },
            sqlx::Error::Database(inner) if inner.code().is_some_and(|code| is_busy(&code)) => {
                Self::Busy(inner.message().to_owned())
            }
            sqlx::Error::Database(inner) if inner.code().is_some_and(|code| is_full(&code)) => {
                Self::Full(inner.message().to_owned())
            }
            sqlx::Error::PoolTimedOut => {
                Self::Busy(format!("no connection within {} s", ACQUIRE.as_secs()))
            }
            _ => Self::Engine(error),
        }
    }
}

/// Whether an engine's code says that another has what is needed: SQLite's BUSY and LOCKED with what they are extended to,
/// MariaDB's lock timeout and deadlock, PostgreSQL's serialization failure, deadlock and lock not available.
fn is_busy(code: &str) -> bool {
    match code.parse::<u32>() {
        Ok(1205 | 1213) => true,
        Ok(code) => matches!(code & 0xff, 5 | 6) && code < 1024,
        Err(_) => matches!(code, "40P01" | "55P03"),
    }
}

/// Whether an engine's code says that its disk is full: SQLite, MariaDB, PostgreSQL.
fn is_full(code: &str) -> bool {
    matches!(code, "13" | "1021" | "53100")
}

/// Result of a database call.
pub type DbResult<T> = Result<T, DbError>;

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    engine: Engine,
    write: AnyPool,
    read: AnyPool,
}

impl Db {
    /// Opens `sqlite:///path`, `mysql://…` or `postgres://…`, and brings the schema up to date.
    pub async fn open(url: &str) -> DbResult<Self> {
        sqlx::any::install_default_drivers();
        let engine = Engine::of_url(url)?;
        let (url, synchronous) = engine.connect_url(url);
        let pool = |size: u32| {
            let pragmas = engine.session_statements(&synchronous);
            AnyPoolOptions::new()
                .max_connections(size)
                .acquire_timeout(ACQUIRE)
                .test_before_acquire(engine != Engine::Sqlite)
                // What ends a transaction by itself (SQLite's full disk) leaves a connection that believes to be in it.
                .before_acquire(|conn, _| {
                    let usable = !conn.is_in_transaction();
                    Box::pin(async move { Ok(usable) })
                })
                .after_connect(move |conn, _| {
                    let pragmas = pragmas.clone();
                    Box::pin(async move {
                        for statement in pragmas {
                            sqlx::raw_sql(sqlx::AssertSqlSafe(statement))
                                .execute(&mut *conn)
                                .await?;
                        }
                        Ok(())
                    })
                })
        };
        let open = |size: u32| {
            let options = pool(size);
            let url = url.clone();
            async move {
                options
                    .connect(&url)
                    .await
                    .map_err(|error| DbError::Open(error.to_string()))
            }
        };
        let write = open(if engine == Engine::Sqlite { 1 } else { READERS }).await?;
        let db = Self {
            engine,
            read: write.clone(),
            write,
        };
        migrate::run(&db).await?;
        let read = if engine == Engine::Sqlite {
            open(READERS).await?
        } else {
            db.write.clone()
        };
        Ok(Self { read, ..db })
    }

    /// Which engine this is.
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// Begins a transaction that may write. It is rolled back unless [`Tx::commit`] is reached.
    pub async fn begin(&self) -> DbResult<Tx> {
        let tx = match self.engine {
            Engine::Sqlite => self.write.begin_with("BEGIN IMMEDIATE").await?,
            Engine::Mysql | Engine::Postgres => self.write.begin().await?,
        };
        Ok(Tx {
            conn: Conn {
                raw: Raw::Tx(tx),
                engine: self.engine,
            },
        })
    }

    /// A connection for reading only. On SQLite it does not see what an open transaction has not committed.
    pub async fn read(&self) -> DbResult<Conn> {
        Ok(Conn {
            raw: Raw::Pool(self.read.acquire().await?),
            engine: self.engine,
        })
    }

    /// The SQL expression for now in microseconds, by the database's clock.
    pub fn now_expr(&self) -> &'static str {
        self.engine.now_expr()
    }

    /// Closes all connections; on SQLite this also writes the log back into the file.
    pub async fn close(&self) {
        self.read.close().await;
        self.write.close().await;
    }
}

enum Raw {
    Pool(PoolConnection<Any>),
    Tx(Transaction<'static, Any>),
}

/// A connection, inside a transaction or not.
pub struct Conn {
    raw: Raw,
    engine: Engine,
}

impl Conn {
    /// Which engine this is.
    pub fn engine(&self) -> Engine {
        self.engine
    }

    fn raw(&mut self) -> &mut AnyConnection {
        match &mut self.raw {
            Raw::Pool(conn) => conn,
            Raw::Tx(tx) => tx,
        }
    }

    /// Whether the connection still answers.
    pub async fn ping(&mut self) -> DbResult<()> {
        Ok(self.raw().ping().await?)
    }
}

/// A transaction: a [`Conn`] whose writes appear together on [`Tx::commit`] or not at all.
pub struct Tx {
    conn: Conn,
}

impl Tx {
    /// Makes the writes visible and durable.
    pub async fn commit(self) -> DbResult<()> {
        match self.conn.raw {
            Raw::Tx(tx) => Ok(tx.commit().await?),
            Raw::Pool(_) => Ok(()),
        }
    }
}

impl std::ops::Deref for Tx {
    type Target = Conn;

    fn deref(&self) -> &Conn {
        &self.conn
    }
}

impl std::ops::DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Conn {
        &mut self.conn
    }
}

#[cfg(test)]
pub(crate) mod testing {
    //! A database for one test.

    use super::Db;

    /// A fresh SQLite database in a directory that goes away with the guard.
    pub async fn fresh() -> (tempfile::TempDir, Db) {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let url = format!("sqlite://{}", dir.path().join("test.db").display());
        let db = Db::open(&url).await.expect("a fresh database opens");
        (dir, db)
    }

    /// From now on whoever writes waits only a moment for another process.
    pub async fn impatient(db: &Db) {
        let mut conn = db.write.acquire().await.expect("the write connection");
        sqlx::raw_sql("PRAGMA busy_timeout = 50")
            .execute(&mut *conn)
            .await
            .expect("a pragma");
    }

    /// Another process that holds the database of this directory until it is dropped.
    pub async fn hold(dir: &std::path::Path) -> sqlx::SqliteConnection {
        let url = format!("sqlite://{}", dir.join("test.db").display());
        let mut conn = <sqlx::SqliteConnection as sqlx::Connection>::connect(&url)
            .await
            .expect("a second connection");
        sqlx::raw_sql("BEGIN EXCLUSIVE")
            .execute(&mut conn)
            .await
            .expect("the lock");
        conn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_writer_waits_for_another_process_and_then_says_that_the_database_is_busy() {
        let (dir, db) = testing::fresh().await;
        let other = testing::hold(dir.path()).await;
        let waits = tokio::spawn({
            let db = db.clone();
            async move { db.begin().await.map(drop) }
        });
        // Readers see the last committed state meanwhile.
        sql("SELECT COUNT(*) FROM host")
            .scalar::<i64>(&mut db.read().await.unwrap())
            .await
            .unwrap();
        assert!(!waits.is_finished());
        drop(other);
        waits.await.unwrap().unwrap();
        testing::impatient(&db).await;
        let _other = testing::hold(dir.path()).await;
        let error = db.begin().await.map(drop).unwrap_err();
        assert!(matches!(error, DbError::Busy(_)), "{error}");
        assert!(error.to_string().contains("locked"), "{error}");
        assert_eq!(crate::error::Error::from(error).status(), 503);
    }
}
