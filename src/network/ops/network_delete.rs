//! Deleting networks.

use super::check::is_owner;
use super::dhcp_service::dhcp_port_on_conn;
use super::port_delete::port_delete_on_conn;
use crate::context::{Change, Context, Event};
use crate::error::Result;
use crate::ids::NetworkId;
use crate::network::model::RbacKind;
use crate::network::refusal;
use crate::network::store;

/// Deletes a network without ports other than that of its DHCP, and its subnets with it.
pub async fn network_delete(cx: &Context, id: NetworkId) -> Result<()> {
    let mut tx = cx.db.begin().await?;
    let network = super::network_show_on_conn(&mut tx, cx, id).await?;
    if !is_owner(cx, network.project) {
        return Err(refusal::not_owner("network", id));
    }
    // From here on nobody adds a port or a subnet.
    store::network::lock(&mut tx, id).await?;
    if let Some(port) = dhcp_port_on_conn(&mut tx, id).await?
        && store::port::ids_of_network(&mut tx, id).await? == [port.id]
    {
        port_delete_on_conn(&mut tx, port.id).await?;
    }
    let ports = store::port::ids_of_network(&mut tx, id).await?;
    if !ports.is_empty() {
        return Err(refusal::network_in_use(id, &ports));
    }
    for subnet in &network.subnets {
        store::subnet::delete(&mut tx, *subnet).await?;
    }
    store::network::delete(&mut tx, id).await?;
    store::rbac::delete_of(&mut tx, RbacKind::Network, &id.to_string()).await?;
    tx.commit().await?;
    for subnet in &network.subnets {
        cx.events
            .changed("subnet", subnet, Some(network.project), Change::Deleted);
    }
    cx.events.publish(
        Event::new("network", id, Some(network.project), Change::Deleted).named(&network.name),
    );
    Ok(())
}
