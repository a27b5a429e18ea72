//! Changing subnets. Their range never changes.

use super::check::{self, is_owner};
use super::desired::network_changed_on_conn;
use super::dhcp_service::dhcp_fit_on_conn;
use super::subnet_create::{check_dns, check_routes, sorted};
use super::subnet_list::subnet_show_on_conn;
use super::subnet_modes::check_modes;
use crate::context::{Change, Context, Event};
use crate::error::{Error, Result};
use crate::ids::{SubnetId, Time};
use crate::network::ipam;
use crate::network::model::{Subnet, SubnetChanges};
use crate::network::refusal;
use crate::network::store;

/// Changes a subnet. Nodes that have it follow; guests learn of it when they renew their leases.
pub async fn subnet_update(cx: &Context, id: SubnetId, changes: SubnetChanges) -> Result<Subnet> {
    let mut tx = cx.db.begin().await?;
    let before = subnet_show_on_conn(&mut tx, cx, id).await?;
    if !is_owner(cx, before.project) {
        return Err(refusal::not_owner("subnet", before.network));
    }
    let after = changed(&before, changes)?;
    if let Some(gateway) = before.gateway.filter(|_| after.gateway != before.gateway) {
        store::subnet::lock(&mut tx, id).await?;
        if let Some(port) = store::address::holder(&mut tx, id, gateway).await? {
            return Err(refusal::gateway_ip_in_use(gateway, port));
        }
    }
    if let Some(gateway) = after.gateway.filter(|_| after.gateway != before.gateway) {
        store::subnet::lock(&mut tx, id).await?;
        if let Some(port) = store::address::holder(&mut tx, id, gateway).await? {
            return Err(refusal::ip_in_use(before.network, gateway, Some(port)));
        }
    }
    if !store::subnet::update(&mut tx, &after).await? {
        return Err(Error::conflict(format!(
            "somebody else changed subnet {id} at the same time; try again"
        )));
    }
    dhcp_fit_on_conn(&mut tx, after.network, None).await?;
    network_changed_on_conn(&mut tx, after.network).await?;
    tx.commit().await?;
    let event = Event::new("subnet", id, Some(after.project), Change::Updated);
    cx.events.publish(event.named(&after.name));
    Ok(after)
}

fn changed(before: &Subnet, changes: SubnetChanges) -> Result<Subnet> {
    let mut after = before.clone();
    if let Some(name) = changes.name {
        check::text("name", &name)?;
        after.name = name;
    }
    if let Some(description) = changes.description {
        check::text("description", &description)?;
        after.description = description;
    }
    if let Some(dns) = changes.dns {
        check_dns(before.cidr, &dns)?;
        after.dns = dns;
    }
    if let Some(routes) = changes.routes {
        check_routes(before.cidr, &routes)?;
        after.routes = routes;
    }
    if let Some(tags) = changes.tags {
        check::tags(&tags)?;
        after.tags = tags;
    }
    if let Some(pools) = changes.pools {
        after.pools = sorted(pools)?;
    }
    after.gateway = changes.gateway.unwrap_or(before.gateway);
    after.dhcp = changes.dhcp.unwrap_or(before.dhcp);
    ipam::check_pools(after.cidr, after.gateway, &after.pools)?;
    check_modes(&after)?;
    after.revision += 1;
    after.updated_at = Time::now();
    Ok(after)
}
