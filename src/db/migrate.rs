//! Brings the schema up to date, once, at start.
//!
//! Each service has its own numbered files in `src/db/migrations` (`compute_0001.sql`), applied in order of name; services
//! have no foreign keys into each other, so their order among themselves does not matter. A file that was released is
//! never changed. Many processes may start at once: they take turns by a lock of the database.

use include_dir::{Dir, include_dir};

use super::{Conn, Db, DbError, DbResult, Engine, sql};
use crate::ids::Time;

static MIGRATIONS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/src/db/migrations");

/// Number of the lock that starters take turns by (an arbitrary constant).
const LOCK: i64 = 0x5b_dec4;

pub(super) async fn run(db: &Db) -> DbResult<()> {
    let mut tx = db.begin().await?;
    if db.engine == Engine::Postgres {
        sql("SELECT pg_advisory_xact_lock($1)")
            .bind(LOCK)
            .execute(&mut tx)
            .await?;
    }
    if db.engine == Engine::Mysql {
        sql("SELECT GET_LOCK('skydeck_migrate', 120)")
            .execute(&mut tx)
            .await?;
    }
    let outcome = apply_all(&mut tx).await;
    if db.engine == Engine::Mysql {
        sql("SELECT RELEASE_LOCK('skydeck_migrate')")
            .execute(&mut tx)
            .await?;
    }
    outcome?;
    tx.commit().await
}

async fn apply_all(conn: &mut Conn) -> DbResult<()> {
    sql("CREATE TABLE IF NOT EXISTS migration (name VARCHAR(64) NOT NULL PRIMARY KEY, applied_at BIGINT NOT NULL)")
        .execute(conn)
        .await?;
    let done = sql("SELECT name FROM migration")
        .all(conn, |row| row.take::<String>())
        .await?;
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
        for statement in statements(&conn.engine().render_schema(text)) {
            sql(statement).execute(conn).await?;
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
mod tests {
    use super::super::testing::fresh;
    use super::*;

    #[tokio::test]
    async fn a_newer_schema_is_refused_with_advice() {
        let (dir, db) = fresh().await;
        let mut tx = db.begin().await.unwrap();
        sql("INSERT INTO migration (name, applied_at) VALUES ('zz_9999', 0)")
            .execute(&mut tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        db.close().await;
        let url = format!("sqlite://{}", dir.path().join("test.db").display());
        let error = Db::open(&url)
            .await
            .err()
            .map(|error| error.to_string())
            .unwrap();
        assert!(
            error.contains("zz_9999") && error.contains("newer version"),
            "{error}"
        );
    }
}
