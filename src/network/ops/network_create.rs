//! Making networks.

use super::check;
use super::network_segment::{SegmentWish, check_mtu, insert_on_conn, wished};
use super::quota::{Bounded, room_on_conn};
use crate::context::{Change, Context, Event};
use crate::error::Result;
use crate::ids::{NetworkId, Time};
use crate::network::model::NetworkKind;
use crate::network::model::{Network, NewNetwork};
use crate::network::refusal;

/// Largest packet of a local network that says nothing about it.
const MTU: u32 = 1500;

/// Makes a network. It exists on a node as long as a port of it is bound there.
pub async fn network_create(cx: &Context, new: NewNetwork) -> Result<Network> {
    let (mut network, wish) = checked(cx, new)?;
    let mut tx = cx.db.begin().await?;
    room_on_conn(&mut tx, cx, network.project, Bounded::Networks).await?;
    insert_on_conn(&mut tx, cx, &mut network, wish).await?;
    tx.commit().await?;
    let event = Event::new(
        "network",
        network.id,
        Some(network.project),
        Change::Created,
    );
    cx.events.publish(event.named(&network.name));
    Ok(network)
}

/// The network as it will be, and what it shall be on; an error names the field that is wrong.
pub(super) fn checked(cx: &Context, new: NewNetwork) -> Result<(Network, SegmentWish)> {
    check::text("name", &new.name)?;
    check::text("description", &new.description)?;
    check::domain("dns_domain", &new.dns_domain)?;
    if !cx.actor.is_admin() {
        if new.shared {
            return Err(refusal::not_admin("shared"));
        }
        if new.external {
            return Err(refusal::not_admin("router:external"));
        }
    }
    let wish = wished(cx, &new)?;
    let mtu = new
        .mtu
        .unwrap_or_else(|| wish.largest_packet(cx).unwrap_or(MTU));
    check::mtu(mtu)?;
    check_mtu(cx, &wish, mtu)?;
    let now = Time::now();
    let network = Network {
        id: NetworkId::new(),
        project: check::project_for(cx, new.project)?,
        name: new.name,
        description: new.description,
        admin_state_up: new.admin_state_up.unwrap_or(true),
        shared: new.shared,
        external: new.external,
        kind: NetworkKind::Local,
        nat: new.external && wish == SegmentWish::Local,
        mtu,
        port_security: new.port_security.unwrap_or(true),
        dns_domain: new.dns_domain,
        tags: Vec::new(),
        revision: 1,
        created_at: now,
        updated_at: now,
        subnets: Vec::new(),
    };
    Ok((network, wish))
}
