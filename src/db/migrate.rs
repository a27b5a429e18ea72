//! Brings the schema up to date, once, at start.
//!
//! Each service has its own numbered files in `src/db/migrations` (`compute_0001.sql`), applied in order of name; services
//! have no foreign keys into each other, so their order among themselves does not matter. A file that was released is
//! never changed. Many processes may start at once: they take turns by a lock of the database.
//!
//! On SQLite and PostgreSQL all changes of a start are one transaction: a starter that dies leaves nothing. MariaDB commits
//! each change of the schema by itself (and each is atomic since 10.6), so a starter may leave a file half applied. The
//! next one applies that file again from its beginning, hence each of its statements is rendered as one that may be
//! repeated (`Engine::render_schema`). A file that changes data must bear that, too.

use include_dir::{Dir, include_dir};

use super::{Conn, Db, DbError, DbResult, Engine, sql};
use crate::ids::Time;

static MIGRATIONS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/src/db/migrations");

/// Number of the lock that starters take turns by (an arbitrary constant).
const LOCK: i64 = 0x5b_dec4;
/// How long a starter waits for another one, in seconds.
const PATIENCE_S: u32 = 120;

pub(super) async fn run(db: &Db) -> DbResult<()> {
    let mut tx = db.begin().await?;
    lock(&mut tx).await?;
    let outcome = apply_all(&mut tx).await;
    if db.engine == Engine::Mysql {
        sql("SELECT RELEASE_LOCK(CONCAT('skydeck ', MD5(DATABASE())))")
            .execute(&mut tx)
            .await?;
    }
    outcome?;
    tx.commit().await
}

/// Waits for this starter's turn. SQLite's transaction is one already.
async fn lock(conn: &mut Conn) -> DbResult<()> {
    match conn.engine() {
        Engine::Sqlite => {}
        Engine::Postgres => {
            sql(format!("SET LOCAL lock_timeout = '{PATIENCE_S}s'"))
                .execute(conn)
                .await?;
            sql("SELECT pg_advisory_xact_lock($1)")
                .bind(LOCK)
                .execute(conn)
                .await?;
        }
        Engine::Mysql => {
            // A lock of the connection: it outlives the commits that MariaDB makes by itself, and dies with its starter.
            let mine = sql(format!(
                "SELECT CAST(COALESCE(GET_LOCK(CONCAT('skydeck ', MD5(DATABASE())), {PATIENCE_S}), 0) AS SIGNED)"
            ))
            .scalar::<bool>(conn)
            .await?;
            if !mine {
                return Err(DbError::Busy(format!(
                    "another process has been changing the schema for {PATIENCE_S} s"
                )));
            }
        }
    }
    Ok(())
}

async fn apply_all(conn: &mut Conn) -> DbResult<()> {
    sql(conn.engine().render_schema(
        "CREATE TABLE IF NOT EXISTS migration (name {id} NOT NULL PRIMARY KEY, applied_at BIGINT NOT NULL)",
    ))
    .execute(conn)
        .await?;
    let done = done(conn).await?;
    let mut files: Vec<_> = MIGRATIONS
        .files()
        .filter_map(|file| Some((file.path().file_stem()?.to_str()?, file.contents_utf8()?)))
        .collect();
    files.sort_unstable();
    if let Some(unknown) = done
        .iter()
        .find(|name| files.iter().all(|(known, _)| known != name))
    {
        return Err(DbError::Open(format!(
            "it was last used by a newer version (it has the change {unknown}); install that version again, or restore the backup made before"
        )));
    }
    for (name, text) in files {
        if done.iter().any(|known| known == name) {
            continue;
        }
        for statement in statements(text) {
            #[cfg(test)]
            tests::maybe_stop()?;
            sql(conn.engine().render_schema(&statement))
                .execute(conn)
                .await?;
        }
        sql("INSERT INTO migration (name, applied_at) VALUES ($1, $2)")
            .bind(name)
            .bind(Time::now())
            .execute(conn)
            .await?;
        tracing::info!(name, "schema change applied");
    }
    Ok(())
}

async fn done(conn: &mut Conn) -> DbResult<Vec<String>> {
    sql("SELECT name FROM migration")
        .all(conn, |row| row.take::<String>())
        .await
}

/// Fails unless the schema is this program's.
pub(super) async fn check_complete(conn: &mut Conn) -> DbResult<()> {
    let mut done = done(conn).await?;
    done.sort_unstable();
    let mut known: Vec<&str> = MIGRATIONS
        .files()
        .filter_map(|file| file.path().file_stem()?.to_str())
        .collect();
    known.sort_unstable();
    if done == known {
        return Ok(());
    }
    Err(DbError::Open(
        "the source was last used by another version of Skydeck; start this version on it once, or copy with that version"
            .into(),
    ))
}

/// Statements end with a semicolon at the end of a line; lines that begin with `--` are comments.
fn statements(text: &str) -> Vec<String> {
    let code: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("--"))
        .collect();
    code.join("\n")
        .split(";\n")
        .map(|part| part.trim().trim_end_matches(';').to_owned())
        .filter(|part| !part.is_empty())
        .collect()
}

#[cfg(test)]
mod tests;
