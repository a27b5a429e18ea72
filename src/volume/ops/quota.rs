//! How many volumes, snapshots and GiB a project may have. Counted when asked, never kept.

use std::collections::BTreeMap;

use crate::context::Context;
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::ids::ProjectId;
use crate::volume::model::Usage;
use crate::volume::store;

/// Bounds by Cinder's names; -1 is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotas {
    /// Volumes.
    pub volumes: i64,
    /// GiB of volumes and snapshots.
    pub gigabytes: i64,
    /// Snapshots.
    pub snapshots: i64,
    /// GiB of one volume.
    pub per_volume_gigabytes: i64,
}

/// The configured bounds.
pub fn quota_defaults(cx: &Context) -> Quotas {
    bounds(cx, &BTreeMap::new())
}

/// The bounds of a project.
pub async fn quota_show(cx: &Context, project: ProjectId) -> Result<Quotas> {
    cx.check_owner(project, "project", project)?;
    let mut conn = cx.db.read().await?;
    quotas_on_conn(&mut conn, cx, project).await
}

/// What a project has.
pub async fn quota_usage(cx: &Context, project: ProjectId) -> Result<Usage> {
    cx.check_owner(project, "project", project)?;
    let mut conn = cx.db.read().await?;
    Ok(store::usage(&mut conn, project).await?)
}

/// Sets bounds of a project, by Cinder's names; -1 is none.
pub async fn quota_set(
    cx: &Context,
    project: ProjectId,
    changes: &BTreeMap<&'static str, i64>,
) -> Result<Quotas> {
    let mut tx = cx.db.begin().await?;
    for (&resource, &bound) in changes {
        if bound < -1 {
            return Err(Error::invalid(
                resource,
                format!("{bound}; -1 (no bound) and more is allowed"),
            ));
        }
        store::quota_set(&mut tx, project, resource, bound).await?;
    }
    let quotas = quotas_on_conn(&mut tx, cx, project).await?;
    tx.commit().await?;
    Ok(quotas)
}

/// Back to the configured bounds.
pub async fn quota_reset(cx: &Context, project: ProjectId) -> Result<()> {
    let mut tx = cx.db.begin().await?;
    store::quota_delete(&mut tx, project).await?;
    Ok(tx.commit().await?)
}

async fn quotas_on_conn(conn: &mut Conn, cx: &Context, project: ProjectId) -> Result<Quotas> {
    Ok(bounds(cx, &store::quota_list(conn, project).await?))
}

fn bounds(cx: &Context, own: &BTreeMap<String, i64>) -> Quotas {
    let bound = |name: &str| {
        let configured = || cx.config.quota.get(name).copied();
        own.get(name).copied().or_else(configured).unwrap_or(-1)
    };
    Quotas {
        volumes: bound("volumes"),
        gigabytes: bound("gigabytes"),
        snapshots: bound("snapshots"),
        per_volume_gigabytes: bound("per_volume_gigabytes"),
    }
}

/// Fails unless the project may have so much more, and `size_gb` in one volume.
pub(super) async fn room_on_conn(
    conn: &mut Conn,
    cx: &Context,
    project: ProjectId,
    more: Usage,
    size_gb: u64,
) -> Result<()> {
    let quotas = quotas_on_conn(conn, cx, project).await?;
    let used = store::usage(conn, project).await?;
    let size = i64::try_from(size_gb).unwrap_or(i64::MAX);
    for (resource, limit, wanted, used) in [
        ("volumes", quotas.volumes, more.volumes, used.volumes),
        (
            "gigabytes",
            quotas.gigabytes,
            more.gigabytes,
            used.gigabytes,
        ),
        (
            "snapshots",
            quotas.snapshots,
            more.snapshots,
            used.snapshots,
        ),
        ("per_volume_gigabytes", quotas.per_volume_gigabytes, size, 0),
    ] {
        if limit >= 0 && wanted > 0 && used.saturating_add(wanted) > limit {
            return Err(Error::Quota {
                resource,
                wanted,
                used,
                limit,
            });
        }
    }
    Ok(())
}
