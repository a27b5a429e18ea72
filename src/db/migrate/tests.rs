//! Newer schemas, many starters, and starters that die.

use std::cell::Cell;

use super::super::testing::{create, fresh, url};
use super::*;

tokio::task_local! {
    /// How many more statements a starter gets to run.
    static LEFT: Cell<usize>;
}

/// Fails where a test wants a starter to die.
pub(super) fn maybe_stop() -> DbResult<()> {
    let left = LEFT.try_with(|left| left.replace(left.get().saturating_sub(1)));
    match left {
        Ok(0) => Err(DbError::Open("stopped by a test".into())),
        _ => Ok(()),
    }
}

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
    let error = Db::open(&url(dir.path()))
        .await
        .err()
        .map(|error| error.to_string())
        .unwrap();
    assert!(
        error.contains("zz_9999") && error.contains("newer version"),
        "{error}"
    );
}

#[test]
fn every_statement_is_of_a_form_that_can_be_repeated() {
    for file in MIGRATIONS.files() {
        for statement in statements(file.contents_utf8().unwrap()) {
            let known = super::super::dialect::is_repeatable(&statement);
            assert!(known, "{}: {statement}", file.path().display());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_starters_at_an_empty_database_make_one_schema() {
    let dir = tempfile::tempdir().unwrap();
    create(dir.path(), false).await;
    let url = url(dir.path());
    let starters = (0..8).map(|_| {
        let url = url.clone();
        tokio::spawn(async move { Db::open(&url).await })
    });
    let starters: Vec<_> = starters.collect();
    let mut opened = Vec::new();
    for starter in starters {
        opened.push(starter.await.unwrap().unwrap());
    }
    let mut conn = opened[0].read().await.unwrap();
    let done = sql("SELECT COUNT(*) FROM migration")
        .scalar::<i64>(&mut conn)
        .await
        .unwrap();
    assert_eq!(usize::try_from(done).unwrap(), MIGRATIONS.files().count());
}

#[tokio::test]
async fn a_starter_that_dies_in_the_middle_is_followed_by_one_that_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    create(dir.path(), false).await;
    let url = url(dir.path());
    // Each time it gets further before its connection is cut.
    let mut reached = 1;
    let db = loop {
        match LEFT.scope(Cell::new(reached), Db::open(&url)).await {
            Ok(db) => break db,
            Err(error) => {
                assert!(error.to_string().contains("stopped by a test"), "{error}");
            }
        }
        reached += 13;
    };
    assert!(reached > 14, "it was never stopped in its middle");
    let mut conn = db.read().await.unwrap();
    sql("SELECT COUNT(*) FROM volume_host")
        .scalar::<i64>(&mut conn)
        .await
        .unwrap();
}
