//! The database as a whole: who waits for whom, and what is said when it fails.

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
