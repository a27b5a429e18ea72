//! Tunnels in the kernel, by netlink: a VXLAN interface, its entries, the bridge's stations behind it, and the neighbours
//! for which the bridge answers.

use std::collections::BTreeMap;
use std::net::IpAddr;

use futures::{StreamExt, TryStreamExt};
use rtnetlink::packet_core::{
    NLM_F_ACK, NLM_F_APPEND, NLM_F_CREATE, NLM_F_REQUEST, NetlinkMessage, NetlinkPayload,
};
use rtnetlink::packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourFlags, NeighbourMessage, NeighbourState,
};
use rtnetlink::packet_route::{AddressFamily, RouteNetlinkMessage};
use rtnetlink::{LinkBridgePort, LinkUnspec, LinkVxlan};

use super::error::HostError;
use super::links::{Link, Links, ask, names};
use super::tunnel::{ALL, PORT, SeenTunnel, Tunnel, TunnelChange};
use crate::network::names::{BRIDGE_PREFIX, TUNNEL_PREFIX};

impl Links {
    /// The tunnels that are ours, as they are.
    pub async fn tunnels(&self, links: &[Link]) -> Result<BTreeMap<String, SeenTunnel>, HostError> {
        let names = names(links);
        let mut seen: BTreeMap<String, SeenTunnel> = BTreeMap::new();
        for link in links
            .iter()
            .filter(|link| link.name.starts_with(TUNNEL_PREFIX))
        {
            let (vni, local) = link.tunnel.unwrap_or_default();
            let flags_right = !link.port.learning && link.port.suppress;
            let tunnel = SeenTunnel {
                bridge: link
                    .controller
                    .and_then(|index| Some((*names.get(&index)?).to_owned())),
                vni,
                local,
                mtu: link.mtu,
                up: link.up,
                flood: flags_right.then_some(link.port.flood),
                ..SeenTunnel::default()
            };
            seen.insert(link.name.clone(), tunnel);
        }
        if seen.is_empty() {
            return Ok(seen);
        }
        for message in self.entries(AddressFamily::Bridge).await? {
            let name = names
                .get(&message.header.ifindex)
                .copied()
                .unwrap_or_default();
            let Some(tunnel) = seen.get_mut(name) else {
                continue;
            };
            let Some(mac) = station(&message) else {
                continue;
            };
            match node(&message) {
                Some(node) => drop(tunnel.entries.insert((mac, node))),
                // The tunnel's own address is there as well, for ever; a station we named is static.
                None if message.header.state == NeighbourState::Noarp => {
                    tunnel.stations.insert(mac);
                }
                None => {}
            }
        }
        for message in self.entries(AddressFamily::Unspec).await? {
            let name = names
                .get(&message.header.ifindex)
                .copied()
                .unwrap_or_default();
            if !name.starts_with(BRIDGE_PREFIX) || message.header.state != NeighbourState::Permanent
            {
                continue;
            }
            let tunnel = seen
                .values_mut()
                .find(|tunnel| tunnel.bridge.as_deref() == Some(name));
            if let (Some(tunnel), Some(address), Some(mac)) =
                (tunnel, node(&message), station(&message))
            {
                tunnel.neighbours.insert(address, mac);
            }
        }
        Ok(seen)
    }

    async fn entries(&self, family: AddressFamily) -> Result<Vec<NeighbourMessage>, HostError> {
        let found = self.handle.neighbours().get().set_address_family(family);
        ask("listing neighbours", found.execute().try_collect()).await
    }

    /// Carries out one change of a tunnel that shall be `tunnel`.
    pub async fn tunnel_change(
        &self,
        name: &str,
        tunnel: &Tunnel,
        change: &TunnelChange,
    ) -> Result<(), HostError> {
        let what = format!("tunnel {name}: {change}");
        match *change {
            TunnelChange::Remove => self.remove(name).await,
            TunnelChange::Make => {
                let vxlan = LinkVxlan::new(name, tunnel.vni).port(PORT).learning(false);
                let vxlan = match tunnel.local {
                    IpAddr::V4(address) => vxlan.local(address),
                    IpAddr::V6(address) => vxlan.local6(address),
                };
                let message = vxlan.mtu(tunnel.mtu).build();
                ask(&what, self.handle.link().add(message).execute()).await?;
                self.tunnel_mend(name, tunnel).await
            }
            TunnelChange::Mend => self.tunnel_mend(name, tunnel).await,
            TunnelChange::EntryAdd(mac, node) => {
                let index = self.index(name).await?;
                let mut add = self
                    .handle
                    .neighbours()
                    .add_bridge(index, &mac)
                    .flags(NeighbourFlags::Own)
                    .destination(node);
                add.message_mut().header.state = NeighbourState::Permanent;
                if mac == ALL {
                    // One of several: added beside the others.
                    return ask(&what, self.append(add.message_mut().clone())).await;
                }
                ask(&what, add.replace().execute()).await
            }
            TunnelChange::EntryRemove(mac, node) => {
                let index = self.index(name).await?;
                let mut message = self.handle.neighbours().add_bridge(index, &mac);
                let mut message = message.message_mut().clone();
                message.header.flags = NeighbourFlags::Own;
                message
                    .attributes
                    .push(NeighbourAttribute::Destination(address(node)));
                ask(&what, self.handle.neighbours().del(message).execute()).await
            }
            TunnelChange::StationAdd(mac) => {
                let index = self.index(name).await?;
                let add = self
                    .handle
                    .neighbours()
                    .add_bridge(index, &mac)
                    .flags(NeighbourFlags::Controller)
                    .state(NeighbourState::Noarp);
                ask(&what, add.replace().execute()).await
            }
            TunnelChange::StationRemove(mac) => {
                let index = self.index(name).await?;
                let mut message = self.handle.neighbours().add_bridge(index, &mac);
                let mut message = message.message_mut().clone();
                message.header.flags = NeighbourFlags::Controller;
                ask(&what, self.handle.neighbours().del(message).execute()).await
            }
            TunnelChange::NeighbourSet(address, mac) => {
                let index = self.index(&tunnel.bridge).await?;
                let add = self
                    .handle
                    .neighbours()
                    .add(index, address)
                    .link_layer_address(&mac);
                ask(&what, add.replace().execute()).await
            }
            TunnelChange::NeighbourRemove(address) => {
                let index = self.index(&tunnel.bridge).await?;
                let mut message = self.handle.neighbours().add(index, address);
                let message = message.message_mut().clone();
                ask(&what, self.handle.neighbours().del(message).execute()).await
            }
        }
    }

    /// Adds an entry beside others for the same station.
    async fn append(&self, message: NeighbourMessage) -> Result<(), rtnetlink::Error> {
        let mut request = NetlinkMessage::from(RouteNetlinkMessage::NewNeighbour(message));
        request.header.flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_APPEND;
        let mut response = self.handle.clone().request(request)?;
        while let Some(message) = response.next().await {
            if let NetlinkPayload::Error(error) = message.payload {
                return Err(rtnetlink::Error::NetlinkError(error));
            }
        }
        Ok(())
    }

    async fn tunnel_mend(&self, name: &str, tunnel: &Tunnel) -> Result<(), HostError> {
        let index = self.index(name).await?;
        let message = LinkUnspec::new_with_index(index)
            .mtu(tunnel.mtu)
            .controller(self.index(&tunnel.bridge).await?)
            .up()
            .build();
        let what = format!("setting up the tunnel {name}");
        ask(&what, self.handle.link().set(message).execute()).await?;
        let flags = LinkBridgePort::new(index)
            .learning(false)
            .flood(tunnel.flood)
            .neigh_suppress(true)
            .build();
        ask(&what, self.handle.link().set_port(flags).execute()).await
    }
}

fn station(message: &NeighbourMessage) -> Option<[u8; 6]> {
    message
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            NeighbourAttribute::LinkLayerAddress(bytes) => bytes.as_slice().try_into().ok(),
            _ => None,
        })
}

fn node(message: &NeighbourMessage) -> Option<IpAddr> {
    message
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            NeighbourAttribute::Destination(NeighbourAddress::Inet(address)) => {
                Some((*address).into())
            }
            NeighbourAttribute::Destination(NeighbourAddress::Inet6(address)) => {
                Some((*address).into())
            }
            // Of a tunnel's entry only the length tells the family.
            NeighbourAttribute::Destination(NeighbourAddress::Other(bytes)) => {
                let v4 = <[u8; 4]>::try_from(bytes.as_slice()).map(IpAddr::from);
                let v6 = || <[u8; 16]>::try_from(bytes.as_slice()).map(IpAddr::from);
                v4.or_else(|_| v6()).ok()
            }
            _ => None,
        })
}

fn address(address: IpAddr) -> NeighbourAddress {
    match address {
        IpAddr::V4(address) => NeighbourAddress::Inet(address),
        IpAddr::V6(address) => NeighbourAddress::Inet6(address),
    }
}
