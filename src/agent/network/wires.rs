//! Wires into namespaces and to Open vSwitch, and what is inside: interfaces, addresses and routes.

use std::collections::BTreeSet;
use std::fs::File;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::AsRawFd;

use futures::TryStreamExt;
use ipnet::IpNet;
use rtnetlink::packet_route::link::{InfoData, InfoKind, InfoVeth};
use rtnetlink::packet_route::route::{
    RouteAddress, RouteAttribute, RouteMessage, RouteProtocol, RouteType,
};
use rtnetlink::{
    AddressMessageBuilder, LinkMessageBuilder, LinkUnspec, LinkVeth, RouteMessageBuilder,
};

use super::error::HostError;
use super::links::{Links, ask, silence_ipv6};
use super::namespace::ETHTOOL;
use super::plug::Plug;
use super::room::Wire;

impl Links {
    /// Makes a wire: one end here, the other one in the namespace `target`.
    pub async fn wire_make(
        &self,
        outer: &str,
        wire: &Wire,
        target: &File,
    ) -> Result<(), HostError> {
        let inner = LinkUnspec::new_with_name(&wire.inner)
            .address(wire.mac.to_vec())
            .mtu(wire.mtu)
            .setns_by_fd(target.as_raw_fd())
            .build();
        let message = LinkMessageBuilder::<LinkVeth>::new_with_info_kind(InfoKind::Veth)
            .name(outer)
            .mtu(wire.mtu)
            .set_info_data(InfoData::Veth(InfoVeth::Peer(inner)))
            .build();
        ask(
            &format!("making the wire {outer}"),
            self.handle.link().add(message).execute(),
        )
        .await
    }

    /// Gives this end of a wire its settings and its place.
    pub async fn wire_mend(&self, outer: &str, wire: &Wire) -> Result<(), HostError> {
        let message = LinkUnspec::new_with_index(self.index(outer).await?).mtu(wire.mtu);
        let (message, what) = match &wire.bridge {
            Some(bridge) => (
                message.controller(self.index(bridge).await?),
                format!("putting {outer} on {bridge}"),
            ),
            None => (message, format!("bringing {outer} up")),
        };
        let message = message.up().build();
        ask(&what, self.handle.link().set(message).execute()).await
    }

    /// Makes a wire between a guest's bridge and Open vSwitch, neither of which has it yet.
    pub async fn plug_make(&self, outer: &str, plug: &Plug) -> Result<(), HostError> {
        for end in [outer, &plug.inner] {
            self.remove_if_there(end).await?;
        }
        let inner = LinkUnspec::new_with_name(&plug.inner).build();
        let message = LinkMessageBuilder::<LinkVeth>::new_with_info_kind(InfoKind::Veth)
            .name(outer)
            .set_info_data(InfoData::Veth(InfoVeth::Peer(inner)))
            .build();
        ask(
            &format!("making the wire {outer}"),
            self.handle.link().add(message).execute(),
        )
        .await?;
        self.plug_mend(outer, plug).await
    }

    /// Gives both ends of such a wire their settings, and puts the one on the guest's bridge.
    pub async fn plug_mend(&self, outer: &str, plug: &Plug) -> Result<(), HostError> {
        if plug.checksums {
            ETHTOOL.run(&["-K", &plug.inner, "tx", "off"], b"").await?;
        }
        let bridge = self.index(&plug.bridge).await?;
        for (end, bridge) in [(plug.inner.as_str(), Some(bridge)), (outer, None)] {
            silence_ipv6(end)?;
            let message = LinkUnspec::new_with_index(self.index(end).await?).mtu(plug.mtu);
            let message = match bridge {
                Some(bridge) => message.controller(bridge),
                None => message,
            };
            ask(
                &format!("setting up the wire {end}"),
                self.handle.link().set(message.up().build()).execute(),
            )
            .await?;
        }
        Ok(())
    }

    /// Gives the end of a wire in this namespace its settings.
    pub async fn inner_mend(&self, wire: &Wire) -> Result<(), HostError> {
        let message = LinkUnspec::new_with_index(self.index(&wire.inner).await?)
            .address(wire.mac.to_vec())
            .mtu(wire.mtu)
            .up()
            .build();
        ask(
            &format!("setting up {}", wire.inner),
            self.handle.link().set(message).execute(),
        )
        .await
    }

    /// Gives an interface an address, or takes it.
    pub async fn inner_address(
        &self,
        name: &str,
        address: IpNet,
        add: bool,
    ) -> Result<(), HostError> {
        let index = self.index(name).await?;
        let handle = self.handle.address();
        if add {
            let add = handle.add(index, address.addr(), address.prefix_len());
            return ask(&format!("adding {address} to {name}"), add.execute()).await;
        }
        let message = match address {
            IpNet::V4(net) => AddressMessageBuilder::<Ipv4Addr>::new()
                .index(index)
                .address(net.addr(), net.prefix_len())
                .build(),
            IpNet::V6(net) => AddressMessageBuilder::<Ipv6Addr>::new()
                .index(index)
                .address(net.addr(), net.prefix_len())
                .build(),
        };
        let del = handle.del(message);
        ask(&format!("removing {address} from {name}"), del.execute()).await
    }

    /// Adds a route through a next hop, or removes it.
    pub async fn route(&self, to: IpNet, by: IpAddr, add: bool) -> Result<(), HostError> {
        let what = format!("route to {to} by {by}");
        let failed = |reason: String| HostError::Kernel {
            what: what.clone(),
            reason,
        };
        let message = RouteMessageBuilder::<IpAddr>::new()
            .destination_prefix(to.addr(), to.prefix_len())
            .map_err(|error| failed(error.to_string()))?
            .gateway(by)
            .map_err(|error| failed(error.to_string()))?
            .build();
        if add {
            return ask(&what, self.handle.route().add(message).replace().execute()).await;
        }
        match self.handle.route().del(message).execute().await {
            // It went with the interface it needed.
            Err(rtnetlink::Error::NetlinkError(error)) if error.raw_code() == -nix::libc::ESRCH => {
                Ok(())
            }
            other => other.map_err(|error| failed(error.to_string())),
        }
    }

    /// Routes through next hops that somebody set.
    pub async fn routes(&self) -> Result<BTreeSet<(IpNet, IpAddr)>, HostError> {
        let mut routes = BTreeSet::new();
        for request in [
            RouteMessageBuilder::<Ipv4Addr>::new().build(),
            RouteMessageBuilder::<Ipv6Addr>::new().build(),
        ] {
            let found = self.handle.route().get(request).execute();
            let found = ask("listing routes", found.try_collect::<Vec<_>>()).await?;
            routes.extend(found.iter().filter_map(next_hop));
        }
        Ok(routes)
    }
}

/// Where a route leads and by whom; none for those that the kernel made.
fn next_hop(message: &RouteMessage) -> Option<(IpNet, IpAddr)> {
    let header = &message.header;
    if header.kind != RouteType::Unicast || header.protocol == RouteProtocol::Kernel {
        return None;
    }
    let address = |address: &RouteAddress| match address {
        RouteAddress::Inet(address) => Some(IpAddr::V4(*address)),
        RouteAddress::Inet6(address) => Some(IpAddr::V6(*address)),
        _ => None,
    };
    let mut to = None;
    let mut by = None;
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Destination(destination) => to = address(destination),
            RouteAttribute::Gateway(gateway) => by = address(gateway),
            _ => {}
        }
    }
    let by = by?;
    let anywhere: IpAddr = match by {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let to = IpNet::new(to.unwrap_or(anywhere), header.destination_prefix_length).ok()?;
    Some((to, by))
}
