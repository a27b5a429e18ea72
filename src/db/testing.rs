//! A database for one test, on the engine that the process is told to test with.
//!
//! Without being told, that is SQLite: a file in a directory of the test's own. `SKYDECK_TEST_DATABASE` names a server
//! (`mysql://root@127.0.0.1:3306`), on which each test gets a database of its own; [`server`] starts such servers, and
//! `roles/tests/engines.rs` runs the stories of all services on them.

pub mod server;
pub mod sites;

use std::path::Path;

use sqlx::{AnyConnection, AssertSqlSafe, Connection, Executor};
use tokio::sync::OnceCell;

use super::{Db, Engine};

/// Which server tests have their databases on.
pub const SERVER: &str = "SKYDECK_TEST_DATABASE";
fn server_url() -> Option<String> {
    std::env::var(SERVER).ok()
}

/// Where [`fresh`] keeps the database of this directory.
pub fn url(dir: &Path) -> String {
    match server_url() {
        None => format!("sqlite://{}", dir.join("test.db").display()),
        Some(server) => format!("{server}/{}", name(dir)),
    }
}

/// Names of directories differ in case alone, which not every engine keeps.
fn name(dir: &Path) -> String {
    let last = dir.file_name().unwrap_or_default();
    format!("t_{}", hex::encode(last.as_encoded_bytes()))
}

/// A fresh database in a directory that goes away with the guard.
pub async fn fresh() -> (tempfile::TempDir, Db) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    create(dir.path(), true).await;
    let db = Db::open(&url(dir.path()))
        .await
        .expect("a fresh database opens");
    (dir, db)
}

/// Makes the database of this directory, with or without the schema in it. SQLite's makes itself.
pub async fn create(dir: &Path, schema: bool) {
    static TEMPLATE: OnceCell<String> = OnceCell::const_new();
    let Some(server) = server_url() else {
        return;
    };
    let mut statement = format!("CREATE DATABASE {}", name(dir));
    if schema && Engine::of_url(&server).expect("a known engine") == Engine::Postgres {
        let made = TEMPLATE.get_or_init(async || template(&server).await).await;
        statement += &format!(" TEMPLATE {made}");
    }
    administer(&server, &statement).await;
}

/// Makes a database with the schema in it, of which PostgreSQL makes others by copying files; returns its name.
async fn template(server: &str) -> String {
    let name = format!("template_{}", std::process::id());
    administer(server, &format!("CREATE DATABASE {name}")).await;
    let url = format!("{server}/{name}");
    let db = Db::open(&url).await.expect("the template opens");
    db.close().await;
    name
}

/// Runs a statement on the server itself.
pub async fn administer(server: &str, statement: &str) {
    sqlx::any::install_default_drivers();
    let database = match Engine::of_url(server).expect("a known engine") {
        Engine::Postgres => "postgres",
        _ => "mysql",
    };
    let url = format!("{server}/{database}");
    let mut conn = AnyConnection::connect(&url).await.expect("the server");
    conn.execute(sqlx::raw_sql(AssertSqlSafe(statement.to_owned())))
        .await
        .expect("a statement for the server");
    conn.close().await.expect("the server");
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
pub async fn hold(dir: &Path) -> sqlx::SqliteConnection {
    let url = format!("sqlite://{}", dir.join("test.db").display());
    let mut conn = <sqlx::SqliteConnection as Connection>::connect(&url)
        .await
        .expect("a second connection");
    sqlx::raw_sql("BEGIN EXCLUSIVE")
        .execute(&mut conn)
        .await
        .expect("the lock");
    conn
}
