//! A database server of one test's own, and an empty database on it for control processes.

#[path = "../../../src/db/testing/server.rs"]
#[expect(dead_code, reason = "the tests of the library use more of it")]
mod server;

pub use server::Server;
pub use skydeck::db::Engine;
use sqlx::{AnyConnection, Connection, Executor};

/// A connection to a server's own database, or to one of it.
pub async fn connect(url: &str) -> AnyConnection {
    sqlx::any::install_default_drivers();
    AnyConnection::connect(url).await.expect("the database")
}

/// A new MariaDB with an empty database `skydeck`; and the URL of that.
pub async fn mariadb() -> (Server, String) {
    let server = start(Engine::Mysql).await;
    let url = format!("{}/skydeck", server.url());
    (server, url)
}

/// A new server with an empty database `skydeck`.
pub async fn start(engine: Engine) -> Server {
    // It waits for the server with a runtime of its own.
    let server = tokio::task::block_in_place(|| Server::start(engine));
    let first = match engine {
        Engine::Postgres => "postgres",
        _ => "mysql",
    };
    let mut conn = connect(&format!("{}/{first}", server.url())).await;
    conn.execute("CREATE DATABASE skydeck")
        .await
        .expect("a database");
    server
}
