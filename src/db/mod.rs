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
//! MariaDB and PostgreSQL have many writers, in several processes, at READ COMMITTED: a transaction sees what others
//! committed meanwhile. So whatever is decided by what was read is guarded: a write says what it expects to find
//! ([`Statement::swapped`]), a key is unique, or who counts before adding takes a turn ([`Conn::take_turn`]).
//!
//! A connection that is lost ([`DbError::Lost`]), a deadlock and a lock that is not given ([`DbError::Busy`]) pass: the
//! transaction left nothing, its request is answered 503, its saga's step is run again, and the next transaction waits for
//! the server to come back, up to 20 s.
//!
//! Durability on SQLite: a commit survives the death of the process at once, and the death of the machine after the next
//! checkpoint (`synchronous = NORMAL`); what a power cut may lose is a moment of history, never consistency, and
//! reconcilers compare it with the world afterwards. `?synchronous=full` in the URL buys that moment back with one
//! flush per commit.

mod copy;
mod dialect;
mod failure;
mod migrate;
mod page;
pub(crate) mod schema;
mod statement;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod turn;
mod value;

use std::time::Duration;

use sqlx::any::AnyPoolOptions;
use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection, AnyPool, Connection, Transaction};

pub use copy::{CopyProgress, copy};
pub use dialect::Engine;
pub use failure::DbError;
pub use page::{SortBy, push_after, push_order};
pub use statement::{LIST, Row, Statement, sql};
pub use value::{Column, Value};

/// Connections that may read at the same time.
const READERS: u32 = 8;
/// Connections that may write at the same time, where the engine has many writers.
const WRITERS: u32 = 16;
/// How long a connection may be waited for before the database counts as locked up.
const ACQUIRE: Duration = Duration::from_secs(20);
/// How long a server may take to answer the first time.
const REACH: Duration = Duration::from_secs(10);

/// Tries the server once, so that a start says what is wrong with it; a pool would only say that it waited.
async fn reach(engine: Engine, url: &str) -> DbResult<()> {
    let place = engine.place(url)?;
    let fail = |reason: String| {
        DbError::Open(format!(
            "{place} can not be reached: {reason}; see that it runs and lets this machine in, and that database.url names it, its user and an existing database"
        ))
    };
    match tokio::time::timeout(REACH, AnyConnection::connect(url)).await {
        Ok(Ok(conn)) => Ok(conn.close().await?),
        Ok(Err(error)) => Err(fail(error.to_string())),
        Err(_) => Err(fail(format!("no answer within {} s", REACH.as_secs()))),
    }
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
        let db = Self::connect(url).await?;
        migrate::run(&db).await?;
        Ok(db)
    }

    /// The same without looking at the schema.
    async fn connect(url: &str) -> DbResult<Self> {
        sqlx::any::install_default_drivers();
        let engine = Engine::of_url(url)?;
        let (url, synchronous) = engine.connect_url(url);
        if engine != Engine::Sqlite {
            reach(engine, &url).await?;
        }
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
        let write = open(if engine == Engine::Sqlite { 1 } else { WRITERS }).await?;
        // Of their own also on a server: who reads while it waits to write must not keep the last connection.
        let read = open(READERS).await?;
        Ok(Self {
            engine,
            write,
            read,
        })
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
