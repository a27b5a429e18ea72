//! Allocating floating addresses.

use std::net::IpAddr;

use super::check;
use super::floating_list::floating_show_on_conn;
use super::floating_target::{floating_announce, target_on_conn, through_changed_on_conn};
use super::quota::{Bounded, room_on_conn};
use super::service_port::service_port_on_conn;
use crate::context::{Change, Context};
use crate::error::{Error, Result};
use crate::ids::{FloatingIpId, Time};
use crate::network::model::{
    AddressWish, Addresses, FLOATING_OWNER, FloatingIp, NewFloatingIp, Subnet,
};
use crate::network::refusal;
use crate::network::store;

/// Takes an address of a network that leads outside, and lets it lead to a port if one is said.
pub async fn floating_create(cx: &Context, new: NewFloatingIp) -> Result<FloatingIp> {
    check::text("description", &new.description)?;
    let project = check::project_for(cx, new.project)?;
    if new.address.is_some() && !cx.actor.is_admin() {
        return Err(refusal::not_admin("floating_ip_address"));
    }
    let mut tx = cx.db.begin().await?;
    let network = super::network_show_on_conn(&mut tx, cx, new.network).await?;
    if !network.external {
        return Err(refusal::not_external(network.id));
    }
    room_on_conn(&mut tx, cx, project, Bounded::FloatingIps).await?;
    let id = FloatingIpId::new();
    let subnets = store::subnet::of_networks(&mut tx, &[network.id]).await?;
    let named = |subnet: &&Subnet| Some(subnet.id) == new.subnet;
    if subnets.iter().find(named).is_some_and(Subnet::is_v6) {
        return Err(refusal::bad_request(
            "subnet_id: floating IPs are of IPv4; addresses of IPv6 are reached as they are",
        ));
    }
    let wish = AddressWish {
        subnet: new.subnet,
        address: new.address.map(IpAddr::V4),
    };
    let port = service_port_on_conn(
        &mut tx,
        &network,
        network.project,
        FLOATING_OWNER,
        id.to_string(),
        &Addresses::These(vec![wish]),
        None,
    )
    .await?;
    let Some(IpAddr::V4(address)) = port.addresses.first().map(|at| at.address) else {
        return Err(Error::Internal(format!("port {} got no address", port.id)));
    };
    let now = Time::now();
    let mut floating = FloatingIp {
        id,
        project,
        description: new.description,
        network: network.id,
        port: port.id,
        address,
        target: None,
        is_active: false,
        tags: Vec::new(),
        revision: 1,
        created_at: now,
        updated_at: now,
    };
    if let Some(wish) = &new.target {
        floating.target = Some(target_on_conn(&mut tx, cx, &floating, wish).await?);
    }
    store::floating::insert(&mut tx, &floating).await?;
    through_changed_on_conn(&mut tx, floating.target).await?;
    let floating = floating_show_on_conn(&mut tx, cx, id).await?;
    tx.commit().await?;
    floating_announce(cx, &floating, Change::Created);
    Ok(floating)
}
