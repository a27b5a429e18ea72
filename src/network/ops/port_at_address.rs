//! Whose an address is, at a place where it means something.

use std::net::IpAddr;

use crate::context::Context;
use crate::error::Result;
use crate::ids::{NetworkId, RouterId};
use crate::network::model::{INTERFACE_OWNER, Port, PortQuery};
use crate::network::store;

/// Where an address is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortPlace {
    /// On a network.
    Network(NetworkId),
    /// On the networks that a router has interfaces on.
    Router(RouterId),
}

/// The port that has an address at a place; for the cloud itself, which may see all ports.
pub async fn port_at_address(
    cx: &Context,
    place: PortPlace,
    address: IpAddr,
) -> Result<Option<Port>> {
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
