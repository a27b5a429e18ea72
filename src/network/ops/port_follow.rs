//! Ports of guests follow what OVN says of them: one that no chassis has is down, whatever it was, until one has it again.
//!
//! Invariant: only a port that works is lost here, and only one that was lost here is found again. What becomes of one that
//! waits for its node, or moves, is said elsewhere.

use super::port_list::port_announce;
use crate::context::{Change, Context};
use crate::error::{Error, Result};
use crate::ids::PortId;
use crate::network::model::PortStatus;
use crate::network::store;

/// Asks which ports no chassis has, and notes it. To be called every few seconds: one that is missing twice in succession is
/// down. Nothing is asked where the engine is another.
///
/// # Errors
/// `Unavailable` if no server of the northbound database answers; asking again is right.
pub async fn ports_follow(cx: &Context) -> Result<()> {
    let Some(northbound) = &cx.northbound else {
        return Ok(());
    };
    let missing = northbound.missing().await.map_err(|error| {
        Error::Unavailable(format!(
            "OVN's northbound database does not say which ports work, so their status stays as it is: {error}"
        ))
    })?;
    let lost: Vec<PortId> = missing.lasting.into_iter().collect();
    let mut conn = cx.db.read().await?;
    let lost = store::port::working(&mut conn, &lost).await?;
    let mut found = store::port::lost(&mut conn).await?;
    drop(conn);
    found.retain(|port| !missing.now.contains(&port.id));
    if lost.is_empty() && found.is_empty() {
        return Ok(());
    }
    let mut changed = Vec::new();
    let mut tx = cx.db.begin().await?;
    for (ports, status) in [(lost, PortStatus::Down), (found, PortStatus::Active)] {
        for mut port in ports {
            if store::port::turn(&mut tx, &mut port, status).await? {
                changed.push(port);
            }
        }
    }
    tx.commit().await?;
    for port in &changed {
        if port.status == PortStatus::Down {
            tracing::warn!(port = %port.id, host = port.host, "no chassis of OVN has the port any more");
        }
        port_announce(cx, port, Change::Updated);
    }
    Ok(())
}
