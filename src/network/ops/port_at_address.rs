//! Whose an address is, at a place where it means something.

use std::net::{IpAddr, Ipv6Addr};

use crate::context::Context;
use crate::error::Result;
use crate::ids::{NetworkId, RouterId};
use crate::network::model::{INTERFACE_OWNER, Port, PortQuery, mac_of_interface_id};
use crate::network::store;

/// Where an address is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortPlace {
    /// On a network.
    Network(NetworkId),
    /// On the networks that a router has interfaces on.
    Router(RouterId),
}

/// The port that has an address at a place, or made one for the link; for the cloud itself, which may see all ports.
pub async fn port_at_address(
    cx: &Context,
    place: PortPlace,
    address: IpAddr,
) -> Result<Option<Port>> {
    if let IpAddr::V6(address) = address
        && address.is_unicast_link_local()
    {
        return port_on_link(cx, place, address).await;
    }
    let mut conn = cx.db.read().await?;
    let networks = match place {
        PortPlace::Network(network) => vec![network],
        PortPlace::Router(router) => {
            let query = PortQuery {
                device_id: Some(router.to_string()),
                ..PortQuery::default()
            };
            let ports = store::port::list(&mut conn, &query).await?;
            let inner = ports
                .iter()
                .filter(|port| port.device_owner == INTERFACE_OWNER);
            inner.map(|port| port.network).collect()
        }
    };
    match store::address::on_networks(&mut conn, &networks, address).await? {
        Some(id) => Ok(store::port::find(&mut conn, id).await?),
        None => Ok(None),
    }
}

/// The port that made an address for the link of its Ethernet address. At a router there are many links, so that it tells
/// nobody there.
async fn port_on_link(cx: &Context, place: PortPlace, address: Ipv6Addr) -> Result<Option<Port>> {
    let [.., a, b, c, d, e, f, g, h] = address.octets();
    let mac = mac_of_interface_id(u64::from_be_bytes([a, b, c, d, e, f, g, h]));
    let (PortPlace::Network(network), Some(mac)) = (place, mac) else {
        return Ok(None);
    };
    let query = PortQuery {
        network: Some(network),
        mac: Some(mac),
        ..PortQuery::default()
    };
    let mut conn = cx.db.read().await?;
    Ok(store::port::list(&mut conn, &query).await?.pop())
}
