//! Keeps what this process holds: renews the leases of its operations well before they end, and learns which of them
//! others were asked to stop.

use std::sync::Arc;
use std::time::Duration;

use super::store;
use crate::context::Cloud;

/// Renews until dropped. A renewal that comes too late does no harm: writes are fenced by generation.
pub(super) async fn keep(cloud: Arc<Cloud>, lease_us: i64) {
    let period = Duration::from_micros(u64::try_from(lease_us / 3).unwrap_or(1_000_000));
    loop {
        tokio::time::sleep(period).await;
        // Only what is worked on: what could not be recorded is given back by its lease's end.
        let running = cloud.sagas.running();
        if running.is_empty() {
            continue;
        }
        let renewed = async {
            let mut tx = cloud.db.begin().await?;
            for &id in &running {
                store::renew(&mut tx, &cloud.db, id, cloud.process, lease_us).await?;
            }
            // Where there is one process only, it was told when it was asked.
            let aborted = if cloud.config.is_single() {
                Vec::new()
            } else {
                store::aborted(&mut tx, cloud.process).await?
            };
            tx.commit().await?;
            Ok::<_, crate::db::DbError>(aborted)
        };
        match renewed.await {
            Ok(aborted) => {
                for id in aborted.into_iter().filter(|id| running.contains(id)) {
                    cloud.sagas.abort(id);
                }
            }
            Err(error) => {
                tracing::warn!(%error, "the leases of running operations could not be renewed");
            }
        }
    }
}
