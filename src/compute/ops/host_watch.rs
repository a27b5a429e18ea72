//! Notices hosts that stopped reporting, and those an operator declared down or up again.

use super::host_list::down_us;
use super::host_report::tell;
use crate::compute::store;
use crate::context::{Change, Context};
use crate::error::Result;
use crate::ids::Time;

/// Compares what each host is with what watchers were last told, and tells them. Any control process may call this at
/// any time: whoever notes a change first tells it. Returns the names of the hosts that went down.
pub async fn hosts_watch(cx: &Context) -> Result<Vec<String>> {
    let mut conn = cx.db.read().await?;
    let hosts = store::host::list(&mut conn, down_us(cx)).await?;
    drop(conn);
    let mut went_down = Vec::new();
    for host in hosts.iter().filter(|host| host.up != host.shown_up) {
        let mut tx = cx.db.begin().await?;
        let first = store::host::show_up(&mut tx, &host.name, host.up).await?;
        tx.commit().await?;
        if !first {
            continue;
        }
        let message = if host.up {
            format!("{} is up", host.name)
        } else if host.forced_down {
            format!("{} was declared down", host.name)
        } else {
            let silent = (Time::now().0 - host.reported_at.0).max(0) / 1_000_000;
            format!("{} heartbeat lost {silent} s", host.name)
        };
        tell(cx, &host.name, Change::Updated, Some(message));
        if !host.up {
            went_down.push(host.name.clone());
        }
    }
    Ok(went_down)
}
