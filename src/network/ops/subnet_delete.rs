//! Deleting subnets.

use super::check::is_owner;
use super::desired::network_changed_on_conn;
use super::dhcp_service::dhcp_fit_on_conn;
use super::subnet_list::subnet_show_on_conn;
use super::subnet_modes::made_take_on_conn;
use crate::context::{Change, Context, Event};
use crate::error::Result;
use crate::ids::SubnetId;
use crate::network::refusal;
use crate::network::store;

/// Deletes a subnet of which no port has an address but that of its network's DHCP, and guests' who make theirs themselves.
pub async fn subnet_delete(cx: &Context, id: SubnetId) -> Result<()> {
    let mut tx = cx.db.begin().await?;
    let subnet = subnet_show_on_conn(&mut tx, cx, id).await?;
    if !is_owner(cx, subnet.project) {
        return Err(refusal::not_owner("subnet", subnet.network));
    }
    store::network::lock(&mut tx, subnet.network).await?;
    // From here on nobody gets an address of it.
    store::subnet::lock(&mut tx, id).await?;
    let ports = made_take_on_conn(&mut tx, &subnet).await?;
    if !ports.is_empty() {
        return Err(refusal::subnet_in_use(id, &ports));
    }
    store::subnet::delete(&mut tx, id).await?;
    dhcp_fit_on_conn(&mut tx, subnet.network, None).await?;
    network_changed_on_conn(&mut tx, subnet.network).await?;
    tx.commit().await?;
    cx.events.publish(
        Event::new("subnet", id, Some(subnet.project), Change::Deleted).named(&subnet.name),
    );
    Ok(())
}
