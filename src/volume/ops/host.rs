//! Nodes that keep volumes, as they report themselves.

use crate::context::Context;
use crate::db::Conn;
use crate::error::Result;
use crate::ids::{Time, VolumeId};
use crate::volume::model::{Candidate, VolumeHost};
use crate::volume::reconcile;
use crate::volume::rpc::VolumeReport;
use crate::volume::store;

/// A node that keeps volumes, as a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeService {
    /// The node and its room.
    pub host: VolumeHost,
    /// Whether it has reported lately.
    pub up: bool,
}

/// Takes a node's report: its room, and its files, which are compared with the rows.
pub async fn volume_host_report(cx: &Context, report: &VolumeReport) -> Result<()> {
    let host = VolumeHost {
        host: report.host.clone(),
        total_gb: report.capacity.total_gb,
        free_gb: report.capacity.free_gb,
        reported_at: Time::now(),
    };
    let mut tx = cx.db.begin().await?;
    store::host_put(&mut tx, &host).await?;
    tx.commit().await?;
    reconcile::compare(cx, report).await
}

/// All nodes that ever reported.
pub async fn volume_services(cx: &Context) -> Result<Vec<VolumeService>> {
    let mut conn = cx.db.read().await?;
    let hosts = store::host_list(&mut conn).await?;
    let since = alive_since(cx);
    Ok(hosts
        .into_iter()
        .map(|host| VolumeService {
            up: host.reported_at >= since,
            host,
        })
        .collect())
}

/// Id and name of the volumes whose files a node has, by name; at most a hundred.
pub async fn volumes_on_host(cx: &Context, host: &str) -> Result<Vec<(VolumeId, String)>> {
    let mut conn = cx.db.read().await?;
    Ok(store::host_volumes(&mut conn, host).await?)
}

/// Room for volumes on all nodes together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VolumeRoom {
    /// GiB that their disks have.
    pub total_gb: u64,
    /// GiB of them that are free.
    pub free_gb: u64,
    /// GiB of all volumes there.
    pub promised_gb: u64,
}

/// Room for volumes on the nodes that have reported lately.
pub async fn volume_room(cx: &Context) -> Result<VolumeRoom> {
    let mut conn = cx.db.read().await?;
    let mut room = VolumeRoom::default();
    for host in candidates_on_conn(&mut conn, cx).await? {
        room.total_gb += host.total_gb;
        room.free_gb += host.free_gb;
        room.promised_gb += host.promised_gb;
    }
    Ok(room)
}

/// Nodes that may be given a volume now.
pub(in crate::volume) async fn candidates_on_conn(
    conn: &mut Conn,
    cx: &Context,
) -> Result<Vec<Candidate>> {
    let promised = store::host_promised(conn).await?;
    let since = alive_since(cx);
    let hosts = store::host_list(conn).await?;
    Ok(hosts
        .into_iter()
        .filter(|host| host.reported_at >= since)
        .map(|host| Candidate {
            promised_gb: promised.get(&host.host).copied().unwrap_or(0),
            host: host.host,
            total_gb: host.total_gb,
            free_gb: host.free_gb,
        })
        .collect())
}

fn alive_since(cx: &Context) -> Time {
    let patience = i64::try_from(cx.config.agent.down_after).unwrap_or(15);
    Time::now().plus_seconds(-patience)
}
