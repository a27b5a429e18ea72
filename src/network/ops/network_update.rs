//! Changing networks.

use super::check::{self, is_owner};
use super::desired::network_changed_on_conn;
use super::network_segment::{SegmentWish, check_mtu};
use super::subnet_create::SMALLEST_IPV6;
use crate::context::{Change, Context, Event};
use crate::error::{Error, Result};
use crate::ids::{NetworkId, Time};
use crate::network::model::{GATEWAY_OWNER, Network, NetworkChanges, NetworkKind, Subnet};
use crate::network::refusal;
use crate::network::store;

/// Changes a network. Nodes that have it follow.
pub async fn network_update(
    cx: &Context,
    id: NetworkId,
    changes: NetworkChanges,
) -> Result<Network> {
    let mut tx = cx.db.begin().await?;
    let before = super::network_show_on_conn(&mut tx, cx, id).await?;
    if !is_owner(cx, before.project) {
        return Err(refusal::not_owner("network", id));
    }
    let after = changed(cx, &before, changes)?;
    if before.shared
        && !after.shared
        && let Some(port) = store::port::foreign(&mut tx, id, before.project).await?
    {
        return Err(refusal::shared_in_use(id, &port));
    }
    if before.external && !after.external {
        store::network::lock(&mut tx, id).await?;
        if store::floating::is_on_network(&mut tx, id).await?
            || store::port::has_owner(&mut tx, id, GATEWAY_OWNER).await?
        {
            return Err(refusal::external_in_use(id));
        }
    }
    if after.mtu < SMALLEST_IPV6 {
        store::network::lock(&mut tx, id).await?;
        let subnets = store::subnet::of_networks(&mut tx, &[id]).await?;
        if subnets.iter().any(Subnet::is_v6) {
            return Err(refusal::mtu_too_small(id, after.mtu, SMALLEST_IPV6));
        }
    }
    if !store::network::update(&mut tx, &after).await? {
        return Err(Error::conflict(format!(
            "somebody else changed network {id} at the same time; try again"
        )));
    }
    network_changed_on_conn(&mut tx, id).await?;
    tx.commit().await?;
    cx.events.publish(
        Event::new("network", id, Some(after.project), Change::Updated).named(&after.name),
    );
    Ok(after)
}

fn changed(cx: &Context, before: &Network, changes: NetworkChanges) -> Result<Network> {
    let mut after = before.clone();
    if let Some(name) = changes.name {
        check::text("name", &name)?;
        after.name = name;
    }
    if let Some(description) = changes.description {
        check::text("description", &description)?;
        after.description = description;
    }
    if let Some(mtu) = changes.mtu {
        check::mtu(mtu)?;
        check_mtu(cx, &SegmentWish::of(&before.kind), mtu)?;
        after.mtu = mtu;
    }
    if let Some(domain) = changes.dns_domain {
        check::domain("dns_domain", &domain)?;
        after.dns_domain = domain;
    }
    if let Some(tags) = changes.tags {
        check::tags(&tags)?;
        after.tags = tags;
    }
    if let Some(shared) = changes.shared.filter(|shared| *shared != before.shared) {
        if !cx.actor.is_admin() {
            return Err(refusal::not_admin("shared"));
        }
        after.shared = shared;
    }
    if let Some(external) = changes
        .external
        .filter(|external| *external != before.external)
    {
        if !cx.actor.is_admin() {
            return Err(refusal::not_admin("router:external"));
        }
        after.external = external;
        after.nat = (external || before.nat) && before.kind == NetworkKind::Local;
    }
    after.admin_state_up = changes.admin_state_up.unwrap_or(before.admin_state_up);
    after.port_security = changes.port_security.unwrap_or(before.port_security);
    after.revision += 1;
    after.updated_at = Time::now();
    Ok(after)
}
