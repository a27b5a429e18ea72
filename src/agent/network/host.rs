//! The machine itself: looks at what is there of ours, and carries out one change of a plan at a time.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use ipnet::IpNet;

use super::blueprint::{Blueprint, Site};
use super::dnsmasq::Servers;
use super::error::HostError;
use super::links::{self, Links};
use super::namespace::Namespaces;
use super::nft::{Nft, Place, see_bridged};
use super::ovs::{SwitchPlace, Vswitch, has_module};
use super::plan::{Change, Observed, SeenBridge, SeenServer, filter_digest};
use super::plug::PlugChange;
use super::radvd::Advertisers;
use super::room::{Room, SeenWire};
use super::ruleset::whole;
use super::tunnel::TunnelChange;
use super::uplink::Uplink;
use super::vswitch::{Datapath, SeenSwitch, Switch, SwitchChange};
use crate::agent::monitor::Whereabouts;
use crate::ids::PortId;
use crate::network::names::{
    BRIDGE_PREFIX, METADATA6, PLUG_PREFIX, TAP_PREFIX, WIRE_PREFIX, wire_name,
};

/// The machine, for one look and one plan.
pub struct Host {
    links: Links,
    servers: Servers,
    nft: Nft,
    namespaces: Namespaces,
    advertisers: Advertisers,
    vswitch: Vswitch,
    place: NodePlace,
}

/// Whether it is an address of IPv6 that is not for the link or the machine alone.
fn is_routed(net: IpNet) -> bool {
    matches!(net, IpNet::V6(net) if !net.addr().is_unicast_link_local() && !net.addr().is_loopback())
}

/// Where the node is among others, as it was told.
#[derive(Clone, Debug, Default)]
pub struct NodePlace {
    /// Where its tunnels end.
    pub whereabouts: Whereabouts,
    /// Where OVN's tunnels end, if that is another address.
    pub tunnel: Option<IpAddr>,
    /// Where Open vSwitch is asked.
    pub switch: SwitchPlace,
    /// Its interfaces or bridges to physical networks, by the networks' names.
    pub physical: BTreeMap<String, String>,
}

impl Host {
    /// Keeps state in `dir`, which is made.
    pub fn open(dir: &Path, place: &NodePlace) -> Result<Self, HostError> {
        Ok(Self {
            links: Links::open()?,
            servers: Servers::prepare(dir)?,
            nft: Nft::new(dir.join("filter.json"), Place::Node),
            namespaces: Namespaces::new(dir),
            advertisers: Advertisers::prepare(dir)?,
            vswitch: Vswitch::new(&place.switch, dir),
            place: place.clone(),
        })
    }

    /// Open vSwitch as it is, where the node is or shall be a chassis of OVN.
    pub async fn switch(&self, is_wanted: bool) -> Result<Option<SeenSwitch>, HostError> {
        self.vswitch.look(is_wanted).await
    }

    /// What is wrong with who tells Open vSwitch what OVN wants, if anything is.
    pub fn controller_problem(&self) -> Option<String> {
        self.vswitch.controller_problem()
    }

    /// Waits until OVN has a guest's port ready here, or this time is over; whether it has.
    pub async fn is_installed(&self, port: PortId, patience: Duration) -> Result<bool, HostError> {
        self.vswitch.is_installed(&wire_name(port), patience).await
    }

    /// What of the machine matters for a blueprint, with this Open vSwitch.
    pub async fn site(&self, switch: Option<&SeenSwitch>) -> Result<Site, HostError> {
        let links = self.links.list().await?;
        let names = links::names(&links);
        let mut foreign = Vec::new();
        for (index, address) in self.links.addresses().await? {
            if let Some(name) = names
                .get(&index)
                .filter(|name| !name.starts_with(BRIDGE_PREFIX))
            {
                foreign.push(((*name).to_owned(), address));
            }
        }
        let ours = |name: &str| name.starts_with(BRIDGE_PREFIX);
        let foreign6: Vec<(String, IpNet)> = self
            .links
            .all_addresses()
            .await?
            .into_iter()
            .filter_map(|(index, net)| {
                let name = names.get(&index).filter(|name| !ours(name))?;
                is_routed(net).then(|| ((*name).to_owned(), net.trunc()))
            })
            .collect();
        let own = self.place.whereabouts.address().await;
        let tunnel = own.map(|own| {
            let carrier = foreign
                .iter()
                .find(|(_, address)| IpAddr::V4(address.address) == own);
            let mtu = carrier.and_then(|(name, _)| links.iter().find(|link| link.name == *name));
            (own, mtu.map_or(u32::MAX, |link| link.mtu))
        });
        let physical = self.place.physical.iter().map(|(name, interface)| {
            let has_address = foreign.iter().any(|(name, _)| name == interface);
            let uplink = Uplink::new(name, interface, &links, has_address);
            (name.clone(), uplink)
        });
        let physical = physical.collect();
        Ok(Site {
            servers: self.servers.dir().to_owned(),
            run_as: self.servers.run_as().clone(),
            physical,
            foreign: foreign
                .into_iter()
                .map(|(name, address)| (name, address.on_link.into()))
                .chain(foreign6)
                .collect(),
            forwards6: links::forwards6(),
            tunnel,
            encapsulation: self.place.tunnel.or(own),
            has_certificate: switch.is_some_and(|seen| seen.has_certificate),
            datapath: switch
                .map_or_else(Datapath::default, |seen| Datapath::of(seen, has_module())),
        })
    }

    /// What is there of ours, with this Open vSwitch.
    pub async fn observe(&self, switch: Option<SeenSwitch>) -> Result<Observed, HostError> {
        let links = self.links.list().await?;
        let names = links::names(&links);
        let mut observed = Observed {
            servers: self.servers.observe()?,
            filter: self.nft.observe().await?,
            forwarding: links::forwards(),
            tunnels: self.links.tunnels(&links).await?,
            rooms: self.namespaces.observe().await?,
            switch,
            ..Observed::default()
        };
        for link in &links {
            let on = link.controller.and_then(|index| names.get(&index));
            let on = on.map(|name| (*name).to_owned());
            if link.name.starts_with(TAP_PREFIX) {
                observed.taps.insert(link.name.clone(), on);
            } else if [WIRE_PREFIX, PLUG_PREFIX]
                .iter()
                .any(|prefix| link.name.starts_with(prefix))
            {
                let seen = SeenWire {
                    bridge: on,
                    up: link.up,
                    mtu: link.mtu,
                };
                observed.wires.insert(link.name.clone(), seen);
            } else if self.place.physical.values().any(|name| *name == link.name) {
                let on = on.filter(|name| name.starts_with(BRIDGE_PREFIX) && link.up);
                observed.uplinks.insert(link.name.clone(), on);
            } else if link.is_bridge && link.name.starts_with(BRIDGE_PREFIX) {
                let seen = SeenBridge {
                    mtu: link.mtu,
                    mac: link.mac,
                    up: link.up,
                    ipv6: links::spoken_ipv6(&link.name),
                    addresses: Default::default(),
                    addresses6: Default::default(),
                };
                observed.bridges.insert(link.name.clone(), seen);
            }
        }
        for (index, address) in self.links.addresses().await? {
            let bridge = names
                .get(&index)
                .and_then(|name| observed.bridges.get_mut(*name));
            if let Some(bridge) = bridge {
                bridge.addresses.insert(address);
            }
        }
        for (index, address) in self.links.all_addresses().await? {
            let bridge = names
                .get(&index)
                .and_then(|name| observed.bridges.get_mut(*name));
            if let (Some(bridge), IpNet::V6(net)) = (bridge, address)
                && (is_routed(address) || net.addr() == METADATA6)
            {
                bridge.addresses6.insert(net);
            }
        }
        observed.adverts = self.advertisers.observe()?;
        Ok(observed)
    }

    /// The DHCP servers that there are.
    pub fn servers(&self) -> Result<BTreeMap<String, SeenServer>, HostError> {
        self.servers.observe()
    }

    /// Remembers how the packet filter looks that was made for this blueprint, unless that is known.
    pub async fn settle(&self, blueprint: &Blueprint) -> Result<(), HostError> {
        if blueprint.bridges.is_empty() {
            return Ok(());
        }
        self.nft.settle(|| filter_digest(blueprint)).await
    }

    /// Carries out one change; `before` is the blueprint that the node is made by, if that is known.
    pub async fn change(
        &self,
        blueprint: &Blueprint,
        before: Option<&Blueprint>,
        change: &Change,
    ) -> Result<(), HostError> {
        match change {
            Change::ServerRemove(bridge) => self.servers.remove(bridge).await,
            Change::BridgeRemove(bridge) => self.links.remove(bridge).await,
            Change::FilterReplace => {
                if !blueprint.filter.security.ports.is_empty() {
                    see_bridged().await?;
                }
                let tables = &blueprint.tables()[..];
                if let Some(before) = before.filter(|before| !before.bridges.is_empty())
                    && self.nft.change(&before.tables()[..], tables).await?
                {
                    return Ok(());
                }
                self.nft.replace(&whole(tables)).await
            }
            Change::FilterRemove => self.nft.remove().await,
            Change::BridgeMake(name) => {
                self.links.bridge_make(name, &blueprint.bridges[name]).await
            }
            Change::BridgeMend(name) => {
                self.links.bridge_mend(name, &blueprint.bridges[name]).await
            }
            Change::AddressRemove(bridge, address) => {
                self.links.address_remove(bridge, *address).await
            }
            Change::Address6Remove(bridge, address) => {
                let address = IpNet::V6(*address);
                self.links.inner_address(bridge, address, false).await
            }
            Change::Address6Add(bridge, address) => {
                let address = IpNet::V6(*address);
                self.links.inner_address(bridge, address, true).await
            }
            Change::AdvertRemove(room) => self.advertisers.remove(room).await,
            Change::AdvertStart(room) => {
                let text = &blueprint.adverts[room];
                self.advertisers.start(room, text).await
            }
            Change::AddressAdd(bridge, address) => self.links.address_add(bridge, *address).await,
            Change::TapAttach(tap, bridge) => self.links.attach(tap, bridge).await,
            Change::WireRemove(wire) => self.links.remove_if_there(wire).await,
            Change::Plug(outer, change) => {
                let plug = &blueprint.plugs[outer];
                match change {
                    PlugChange::Make => self.links.plug_make(outer, plug).await,
                    PlugChange::Mend => self.links.plug_mend(outer, plug).await,
                }
            }
            Change::UplinkAttach(uplink, bridge) => {
                self.links.attach(uplink, bridge).await?;
                self.links.up(uplink).await
            }
            Change::UplinkRelease(uplink) => self.links.release(uplink).await,
            Change::Tunnel(name, TunnelChange::Remove) => self.links.remove(name).await,
            Change::Tunnel(name, change) => {
                let tunnel = &blueprint.tunnels[name];
                self.links.tunnel_change(name, tunnel, change).await
            }
            Change::Room(name, change) => {
                let nothing = Room::default();
                let room = blueprint.rooms.get(name).unwrap_or(&nothing);
                self.namespaces.change(name, room, change).await
            }
            Change::Switch(change) => {
                let nothing = Switch::default();
                let wanted = blueprint.switch.as_ref().unwrap_or(&nothing);
                if let SwitchChange::PortAdd { name, .. } = change
                    && self.place.physical.values().any(|uplink| uplink == name)
                {
                    self.links.up(name).await?;
                }
                self.vswitch.change(wanted, change).await
            }
            Change::ForwardingOn => links::switch_forwarding_on(),
            Change::ServerStart(bridge) => {
                self.servers.start(bridge, &blueprint.servers[bridge]).await
            }
            Change::ServerReload(bridge) => {
                self.servers
                    .reload(bridge, &blueprint.servers[bridge])
                    .await
            }
            Change::LeaseRelease(bridge, lease) => {
                self.servers
                    .release(bridge, &blueprint.servers[bridge], lease)
                    .await
            }
        }
    }
}
