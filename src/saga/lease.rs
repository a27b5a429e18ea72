//! Keeps what this process holds: renews the leases of its operations well before they end.

use std::sync::Arc;
use std::time::Duration;

use super::store;
use crate::context::Cloud;

/// Renews until dropped. A renewal that comes too late does no harm: writes are fenced by generation.
pub(super) async fn keep(cloud: Arc<Cloud>, lease_us: i64) {
    let period = Duration::from_micros(u64::try_from(lease_us / 3).unwrap_or(1_000_000));
    loop {
        tokio::time::sleep(period).await;
        let renewed = async {
            let mut tx = cloud.db.begin().await?;
            let count = store::renew(&mut tx, &cloud.db, cloud.process, lease_us).await?;
            tx.commit().await?;
            Ok::<_, crate::db::DbError>(count)
        };
        if let Err(error) = renewed.await {
            tracing::warn!(%error, "the leases of running operations could not be renewed");
        }
    }
}
