//! Copies, and what is refused.

use super::super::testing::{create, fresh, url};
use super::*;
use crate::db::Db;

async fn fill(db: &Db, rows: i64) {
    let mut tx = db.begin().await.unwrap();
    for number in 0..rows {
        sql("INSERT INTO sample (resource, grain, start_at, data) VALUES ($1, 1, $2, $3)")
            .bind(format!("server:ä {number}"))
            .bind(i64::MAX - number)
            .bind(vec![0_u8, 255, u8::try_from(number % 256).unwrap()])
            .execute(&mut tx)
            .await
            .unwrap();
    }
    sql("INSERT INTO flavor (id, name, vcpus, memory_mb, disk_gb, ephemeral_gb, swap_mb, rxtx_factor, is_public, description, extra_specs, created_at) \
         VALUES ('1', 'Tiny ', 1, 1, 1, 0, 0, $1, 1, NULL, $2, 0)")
        .bind(0.1)
        .bind("{\"a\\\\\":\"'$1\u{1f980}\"}".repeat(1000))
        .execute(&mut tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

/// An SQLite database beside the one that is tested.
fn beside(dir: &std::path::Path) -> String {
    format!("sqlite://{}", dir.join("other.db").display())
}

#[tokio::test]
async fn a_copy_to_another_engine_and_back_has_every_value() {
    let (dir, db) = fresh().await;
    db.close().await;
    let (here, there) = (beside(dir.path()), url(dir.path()));
    let first = Db::open(&here).await.unwrap();
    fill(&first, 3000).await;
    first.close().await;
    let mut tables = 0;
    let count = |progress: CopyProgress<'_>| tables = tables.max(progress.of);
    assert_eq!(copy(&here, &there, count).await.unwrap(), 3001);
    assert!(tables > 40, "{tables}");
    // What has rows is no target, from whichever side.
    let message = copy(&here, &there, |_| ()).await.unwrap_err().to_string();
    assert!(
        message.contains("not empty") && message.contains("empty database"),
        "{message}"
    );
    let back = tempfile::tempdir().unwrap();
    let back = beside(back.path());
    assert_eq!(copy(&there, &back, |_| ()).await.unwrap(), 3001);
    let back = Db::open(&back).await.unwrap();
    let mut conn = back.read().await.unwrap();
    let name = sql("SELECT name FROM flavor").scalar::<String>(&mut conn);
    assert_eq!(name.await.unwrap(), "Tiny ");
}

#[tokio::test]
async fn a_source_in_use_a_source_that_is_none_and_a_strangers_target_are_refused() {
    let (dir, db) = fresh().await;
    let target = beside(dir.path());
    let now = db.now_expr();
    let mut tx = db.begin().await.unwrap();
    sql(format!(
        "INSERT INTO control_process (place, host, id, number, version, started_at, reported_at) \
         VALUES ('p', 'n1', 'i', 1, '1', 0, {now} - $1)"
    ))
    .bind(5_000_000_i64)
    .execute(&mut tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
    let from = url(dir.path());
    let message = copy(&from, &target, |_| ()).await.unwrap_err().to_string();
    assert!(
        message.contains("n1") && message.contains("stop it"),
        "{message}"
    );
    let mut tx = db.begin().await.unwrap();
    for statement in [
        "DELETE FROM control_process",
        "DELETE FROM migration WHERE name = 'volume_0001'",
    ] {
        sql(statement).execute(&mut tx).await.unwrap();
    }
    tx.commit().await.unwrap();
    let message = copy(&from, &target, |_| ()).await.unwrap_err().to_string();
    assert!(message.contains("another version"), "{message}");
    let empty = tempfile::tempdir().unwrap();
    create(empty.path(), false).await;
    let message = copy(&url(empty.path()), &target, |_| ())
        .await
        .unwrap_err()
        .to_string();
    assert!(message.contains("no cloud in the source"), "{message}");
    let mut tx = db.begin().await.unwrap();
    for statement in [
        "INSERT INTO migration (name, applied_at) VALUES ('volume_0001', 0)",
        "CREATE TABLE theirs (a BIGINT)",
    ] {
        sql(statement).execute(&mut tx).await.unwrap();
    }
    tx.commit().await.unwrap();
    let other = tempfile::tempdir().unwrap();
    let other = beside(other.path());
    Db::open(&other).await.unwrap().close().await;
    let message = copy(&other, &from, |_| ()).await.unwrap_err().to_string();
    assert!(message.contains("theirs"), "{message}");
}
