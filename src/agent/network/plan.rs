//! What has to change so that a node is as its blueprint says: a pure function of what shall be and what is.
//!
//! Level-triggered: it asks nothing about how things came to be. Applying a plan and looking again gives an empty plan;
//! things that are not ours are never in one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::Ipv4Addr;
use std::sync::Arc;

use ipnet::Ipv6Net;

use super::blueprint::{Blueprint, Bridge, Ipv6, NodeAddress, mac_text};
use super::dhcp::digest;
use super::plug::{self, PlugChange};
use super::room::{self, RoomChange, SeenRoom, SeenWire};
use super::ruleset::{Table, whole};
use super::tunnel::{self, SeenTunnel, TunnelChange};
use super::vswitch::{self, SeenSwitch, SwitchChange};

/// What of ours is on the node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// Bridges by name.
    pub bridges: BTreeMap<String, SeenBridge>,
    /// Taps, and the bridge each is on.
    pub taps: BTreeMap<String, Option<String>>,
    /// DHCP servers by the bridge they serve; those that have files but do not run are among them.
    pub servers: BTreeMap<String, SeenServer>,
    /// Tunnels by name.
    pub tunnels: BTreeMap<String, SeenTunnel>,
    /// Interfaces to physical networks, and the bridge each is on.
    pub uplinks: BTreeMap<String, Option<String>>,
    /// Namespaces that are ours; none where one is only noted.
    pub rooms: BTreeMap<String, Option<SeenRoom>>,
    /// Ends of wires on bridges and on Open vSwitch.
    pub wires: BTreeMap<String, SeenWire>,
    /// Digests of what is announced in namespaces; none where the one that did does not run.
    pub adverts: BTreeMap<String, Option<String>>,
    /// Open vSwitch, where the node is a chassis of OVN or shall be; none where it can not be asked.
    pub switch: Option<SeenSwitch>,
    /// The packet filter.
    pub filter: SeenFilter,
    /// Whether the node forwards IPv4 packets.
    pub forwarding: bool,
}

/// A bridge as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenBridge {
    /// Largest packet in bytes.
    pub mtu: u32,
    /// Its Ethernet address.
    pub mac: [u8; 6],
    /// Whether it is up.
    pub up: bool,
    /// How the node speaks IPv6 on it.
    pub ipv6: Ipv6,
    /// The node's addresses on it.
    pub addresses: BTreeSet<NodeAddress>,
    /// The same of IPv6, but those made up for the link.
    pub addresses6: BTreeSet<Ipv6Net>,
}

/// A DHCP server as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeenServer {
    /// Digest of the configuration it runs with; none when it does not run.
    pub configuration: Option<String>,
    /// Digest of the reservations and names it has read.
    pub loaded: Option<String>,
    /// Addresses it has given out.
    pub leases: Vec<Lease>,
}

/// An address that was given out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lease {
    /// The address.
    pub address: Ipv4Addr,
    /// Who holds it.
    pub mac: [u8; 6],
    /// What the client called itself, which dnsmasq wants to hear again.
    pub client_id: Option<Vec<u8>>,
}

/// The packet filter as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SeenFilter {
    /// None of our tables is there.
    #[default]
    Absent,
    /// Our tables are as they were made from the filter with this digest.
    Intact(String),
    /// They were made so, and not looked at since.
    Made(Arc<[Table; 2]>),
    /// There is something of ours that is not as it was made, or nobody knows how it was made.
    Changed,
}

impl SeenFilter {
    /// Digest of the filter it was made from, if it is as it was made.
    pub fn made_from(self) -> Option<String> {
        match self {
            Self::Intact(digest) => Some(digest),
            Self::Absent | Self::Made(_) | Self::Changed => None,
        }
    }
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// End a DHCP server and remove its files.
    ServerRemove(String),
    /// Remove a bridge.
    BridgeRemove(String),
    /// Replace the packet filter.
    FilterReplace,
    /// Remove the packet filter.
    FilterRemove,
    /// Make a bridge, without addresses.
    BridgeMake(String),
    /// Give a bridge its MTU, its own address and its state again.
    BridgeMend(String),
    /// Remove an address of the node.
    AddressRemove(String, NodeAddress),
    /// Add an address of the node.
    AddressAdd(String, NodeAddress),
    /// Remove an address of IPv6 of the node.
    Address6Remove(String, Ipv6Net),
    /// Add an address of IPv6 of the node.
    Address6Add(String, Ipv6Net),
    /// Announce nothing in a namespace any more.
    AdvertRemove(String),
    /// Announce in a namespace what shall be announced there, and nothing else.
    AdvertStart(String),
    /// Remove a wire that leads into nothing of ours.
    WireRemove(String),
    /// Something about a wire from a guest's bridge to Open vSwitch.
    Plug(String, PlugChange),
    /// Put a tap on its bridge.
    TapAttach(String, String),
    /// Put an interface to a physical network on its bridge, and bring it up.
    UplinkAttach(String, String),
    /// Take an interface to a physical network from a bridge of ours.
    UplinkRelease(String),
    /// Something about a tunnel.
    Tunnel(String, TunnelChange),
    /// Something about Open vSwitch.
    Switch(SwitchChange),
    /// Something about a namespace.
    Room(String, RoomChange),
    /// Let the node forward packets.
    ForwardingOn,
    /// Start a DHCP server; ends one that runs with an older configuration. Leases are kept.
    ServerStart(String),
    /// Have a DHCP server read its reservations and names again.
    ServerReload(String),
    /// Tell a DHCP server that an address is free, because its holder may not have it any more.
    LeaseRelease(String, Lease),
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ServerRemove(bridge) => write!(f, "DHCP server of {bridge} removed"),
            Self::BridgeRemove(bridge) => write!(f, "bridge {bridge} removed"),
            Self::FilterReplace => f.write_str("packet filter replaced"),
            Self::FilterRemove => f.write_str("packet filter removed"),
            Self::BridgeMake(bridge) => write!(f, "bridge {bridge} made"),
            Self::BridgeMend(bridge) => write!(f, "bridge {bridge} mended"),
            Self::AddressRemove(bridge, address) => {
                write!(f, "address {} removed from {bridge}", address.address)
            }
            Self::AddressAdd(bridge, address) => {
                write!(f, "address {} added to {bridge}", address.address)
            }
            Self::Address6Remove(bridge, address) => {
                write!(f, "address {address} removed from {bridge}")
            }
            Self::Address6Add(bridge, address) => write!(f, "address {address} added to {bridge}"),
            Self::AdvertRemove(room) => write!(f, "namespace {room}: announces nothing"),
            Self::AdvertStart(room) => write!(f, "namespace {room}: announces its prefixes"),
            Self::WireRemove(wire) => write!(f, "wire {wire} removed"),
            Self::Plug(wire, PlugChange::Make) => write!(f, "wire {wire} made"),
            Self::Plug(wire, PlugChange::Mend) => write!(f, "wire {wire} mended"),
            Self::TapAttach(tap, bridge) => write!(f, "tap {tap} put on {bridge}"),
            Self::UplinkAttach(uplink, bridge) => write!(f, "{uplink} put on {bridge}"),
            Self::UplinkRelease(uplink) => write!(f, "{uplink} taken from its bridge"),
            Self::Tunnel(name, change) => write!(f, "tunnel {name}: {change}"),
            Self::Room(name, change) => write!(f, "namespace {name}: {change}"),
            Self::Switch(change) => write!(f, "Open vSwitch: {change}"),
            Self::ForwardingOn => f.write_str("forwarding of IPv4 switched on"),
            Self::ServerStart(bridge) => write!(f, "DHCP server of {bridge} started"),
            Self::ServerReload(bridge) => {
                write!(f, "DHCP server of {bridge} told its reservations")
            }
            Self::LeaseRelease(bridge, lease) => {
                write!(
                    f,
                    "lease of {} by {} ended on {bridge}",
                    lease.address,
                    mac_text(lease.mac)
                )
            }
        }
    }
}

/// What to do, in this order.
pub fn plan(blueprint: &Blueprint, observed: &Observed) -> Vec<Change> {
    let mut changes = Vec::new();
    // What goes away first: its addresses and ports may be needed by what comes.
    let servers = observed
        .servers
        .keys()
        .filter(|name| !blueprint.servers.contains_key(*name));
    changes.extend(servers.cloned().map(Change::ServerRemove));
    let adverts = observed.adverts.keys();
    let adverts = adverts.filter(|name| !blueprint.adverts.contains_key(*name));
    changes.extend(adverts.cloned().map(Change::AdvertRemove));
    plan_departures(blueprint, observed, &mut changes);
    let bridges = observed
        .bridges
        .keys()
        .filter(|name| !blueprint.bridges.contains_key(*name));
    changes.extend(bridges.cloned().map(Change::BridgeRemove));
    // Then the rules, before anything can pass.
    changes.extend(plan_filter(blueprint, observed));
    for (name, bridge) in &blueprint.bridges {
        plan_bridge(name, bridge, observed, &mut changes);
    }
    for (tap, bridge) in &blueprint.taps {
        // A tap that is not there yet is put on its bridge by who makes it.
        if observed
            .taps
            .get(tap)
            .is_some_and(|on| on.as_ref() != Some(bridge))
        {
            changes.push(Change::TapAttach(tap.clone(), bridge.clone()));
        }
    }
    for (outer, plug) in &blueprint.plugs {
        let change = plug::plan(outer, plug, &observed.wires);
        changes.extend(change.map(|change| Change::Plug(outer.clone(), change)));
    }
    for (name, tunnel) in &blueprint.tunnels {
        let seen = observed.tunnels.get(name);
        changes.extend(
            tunnel::plan(tunnel, seen)
                .into_iter()
                .map(|change| Change::Tunnel(name.clone(), change)),
        );
    }
    for (uplink, bridge) in &blueprint.uplinks {
        let wire = observed
            .wires
            .get(uplink)
            .and_then(|wire| wire.bridge.as_ref());
        let own = observed.uplinks.get(uplink).and_then(Option::as_ref);
        if wire.or(own) != Some(bridge) {
            changes.push(Change::UplinkAttach(uplink.clone(), bridge.clone()));
        }
    }
    for (name, room) in &blueprint.rooms {
        let seen = observed.rooms.get(name).and_then(Option::as_ref);
        changes.extend(
            room::plan(room, seen, &observed.wires)
                .into_iter()
                .map(|change| Change::Room(name.clone(), change)),
        );
    }
    if blueprint.filter.routes() && !observed.forwarding {
        changes.push(Change::ForwardingOn);
    }
    for (name, text) in &blueprint.adverts {
        // Who announced in a namespace that is gone announces nowhere.
        let there = observed.rooms.get(name).is_some_and(Option::is_some);
        let seen = observed.adverts.get(name).and_then(Option::as_ref);
        if !there || seen != Some(&digest(text)) {
            changes.push(Change::AdvertStart(name.clone()));
        }
    }
    for name in blueprint.servers.keys() {
        plan_server(name, blueprint, observed, &mut changes);
    }
    plan_switch(blueprint, observed, &mut changes);
    changes
}

/// Open vSwitch, after the wires that it has ends of.
fn plan_switch(blueprint: &Blueprint, observed: &Observed, changes: &mut Vec<Change>) {
    let Some(seen) = &observed.switch else {
        return;
    };
    let remade = changes.iter().filter_map(|change| match change {
        Change::Room(_, RoomChange::WireMake(wire)) | Change::Plug(wire, PlugChange::Make) => {
            Some(wire)
        }
        _ => None,
    });
    let plan = vswitch::plan(blueprint.switch.as_ref(), seen, &remade.collect());
    changes.extend(plan.into_iter().map(Change::Switch));
}

/// Wires, namespaces, tunnels and uplinks that are not wanted any more.
fn plan_departures(blueprint: &Blueprint, observed: &Observed, changes: &mut Vec<Change>) {
    let is_wired = |wire: &String| {
        let mut rooms = blueprint.rooms.values();
        let mut plugs = blueprint.plugs.iter();
        rooms.any(|room| room.wires.contains_key(wire))
            || plugs.any(|(outer, plug)| outer == wire || plug.inner == *wire)
    };
    let rooms = observed.rooms.keys();
    for name in rooms.filter(|name| !blueprint.rooms.contains_key(*name)) {
        changes.push(Change::Room(name.clone(), RoomChange::Remove));
    }
    // Those of a namespace go with it, but not at once.
    for wire in observed.wires.keys().filter(|wire| !is_wired(wire)) {
        changes.push(Change::WireRemove(wire.clone()));
    }
    let tunnels = observed.tunnels.keys();
    for name in tunnels.filter(|name| !blueprint.tunnels.contains_key(*name)) {
        changes.push(Change::Tunnel(name.clone(), TunnelChange::Remove));
    }
    for (uplink, bridge) in &observed.uplinks {
        if bridge.is_some() && !blueprint.uplinks.contains_key(uplink) {
            changes.push(Change::UplinkRelease(uplink.clone()));
        }
    }
}

fn plan_filter(blueprint: &Blueprint, observed: &Observed) -> Option<Change> {
    if blueprint.bridges.is_empty() {
        return (observed.filter != SeenFilter::Absent).then_some(Change::FilterRemove);
    }
    let is_so = match &observed.filter {
        SeenFilter::Intact(digest) => *digest == filter_digest(blueprint),
        SeenFilter::Made(tables) => tables == blueprint.tables(),
        SeenFilter::Absent | SeenFilter::Changed => false,
    };
    (!is_so).then_some(Change::FilterReplace)
}

/// Digest of the filter a blueprint asks for.
pub fn filter_digest(blueprint: &Blueprint) -> String {
    digest(&whole(&blueprint.tables()[..]).to_string())
}

fn plan_bridge(name: &str, bridge: &Bridge, observed: &Observed, changes: &mut Vec<Change>) {
    let none = BTreeSet::new();
    let none6 = BTreeSet::new();
    let (addresses, addresses6) = match observed.bridges.get(name) {
        None => {
            changes.push(Change::BridgeMake(name.to_owned()));
            (&none, &none6)
        }
        Some(seen) => {
            if seen.mtu != bridge.mtu
                || seen.mac != bridge.mac
                || !seen.up
                || seen.ipv6 != bridge.ipv6
            {
                changes.push(Change::BridgeMend(name.to_owned()));
            }
            // They go when that changes.
            let keeps = seen.ipv6 == bridge.ipv6;
            (
                &seen.addresses,
                if keeps { &seen.addresses6 } else { &none6 },
            )
        }
    };
    let gone = addresses.difference(&bridge.addresses);
    changes.extend(gone.map(|address| Change::AddressRemove(name.to_owned(), *address)));
    let new = bridge.addresses.difference(addresses);
    changes.extend(new.map(|address| Change::AddressAdd(name.to_owned(), *address)));
    let gone = addresses6.difference(&bridge.addresses6);
    changes.extend(gone.map(|address| Change::Address6Remove(name.to_owned(), *address)));
    let new = bridge.addresses6.difference(addresses6);
    changes.extend(new.map(|address| Change::Address6Add(name.to_owned(), *address)));
}

fn plan_server(name: &str, blueprint: &Blueprint, observed: &Observed, changes: &mut Vec<Change>) {
    let wanted = &blueprint.servers[name];
    let unknown = SeenServer::default();
    let seen = observed.servers.get(name).unwrap_or(&unknown);
    // One that served an interface which is gone listens on nothing.
    let stands = match &wanted.namespace {
        None => observed.bridges.contains_key(name),
        Some(namespace) => observed
            .rooms
            .get(namespace)
            .and_then(Option::as_ref)
            .is_some_and(|room| room.inner.contains_key(&wanted.interface)),
    };
    if !stands || seen.configuration.as_ref() != Some(&digest(&wanted.configuration)) {
        changes.push(Change::ServerStart(name.to_owned()));
    } else if seen.loaded.as_ref() != Some(&wanted.ports_digest()) {
        changes.push(Change::ServerReload(name.to_owned()));
    }
    // A lease of an address that is not served any more is in nobody's way, and the server would not hear of it.
    let stale = seen.leases.iter().filter(|lease| {
        wanted.server_for(lease.address).is_some()
            && wanted.holders.get(&lease.address) != Some(&lease.mac)
    });
    changes.extend(stale.map(|lease| Change::LeaseRelease(name.to_owned(), lease.clone())));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::blueprint::Site;
    use super::super::testing::{desired, network, port, subnet6};
    use super::*;
    use crate::network::names::{BRIDGE_PREFIX, TAP_PREFIX, bridge_name};
    use crate::network::rpc::NetworkSpec;

    /// The world after a plan, as the host would show it.
    fn after(blueprint: &Blueprint, mut world: Observed, changes: &[Change]) -> Observed {
        for change in changes {
            match change {
                Change::ServerRemove(name) => drop(world.servers.remove(name)),
                Change::BridgeRemove(name) => {
                    world.bridges.remove(name);
                    for on in world
                        .taps
                        .values_mut()
                        .filter(|on| on.as_ref() == Some(name))
                    {
                        *on = None;
                    }
                }
                Change::FilterReplace => {
                    world.filter = SeenFilter::Intact(filter_digest(blueprint))
                }
                Change::FilterRemove => world.filter = SeenFilter::Absent,
                Change::BridgeMake(name) | Change::BridgeMend(name) => {
                    let Bridge { mtu, mac, ipv6, .. } = blueprint.bridges[name];
                    let before = world.bridges.remove(name);
                    let (addresses, addresses6) = before
                        .map(|seen| match seen.ipv6 == ipv6 {
                            true => (seen.addresses, seen.addresses6),
                            false => (seen.addresses, BTreeSet::new()),
                        })
                        .unwrap_or_default();
                    let seen = SeenBridge {
                        mtu,
                        mac,
                        up: true,
                        ipv6,
                        addresses,
                        addresses6,
                    };
                    world.bridges.insert(name.clone(), seen);
                }
                Change::AddressRemove(name, address) => {
                    assert!(
                        world
                            .bridges
                            .get_mut(name)
                            .unwrap()
                            .addresses
                            .remove(address)
                    );
                }
                Change::AddressAdd(name, address) => {
                    assert!(
                        world
                            .bridges
                            .get_mut(name)
                            .unwrap()
                            .addresses
                            .insert(*address)
                    );
                }
                Change::Address6Remove(name, address) => {
                    let bridge = world.bridges.get_mut(name).unwrap();
                    assert!(bridge.addresses6.remove(address));
                }
                Change::Address6Add(name, address) => {
                    let bridge = world.bridges.get_mut(name).unwrap();
                    assert!(bridge.ipv6 == Ipv6::Spoken && bridge.addresses6.insert(*address));
                }
                Change::TapAttach(tap, bridge) => {
                    assert!(world.bridges.contains_key(bridge));
                    *world.taps.get_mut(tap).unwrap() = Some(bridge.clone());
                }
                Change::WireRemove(_)
                | Change::UplinkAttach(..)
                | Change::UplinkRelease(_)
                | Change::Tunnel(..)
                | Change::AdvertRemove(_)
                | Change::Switch(_)
                | Change::Plug(..)
                | Change::AdvertStart(_)
                | Change::Room(..) => unreachable!("these networks have none: {change}"),
                Change::ForwardingOn => world.forwarding = true,
                Change::ServerStart(name) | Change::ServerReload(name) => {
                    let server = world.servers.entry(name.clone()).or_default();
                    server.configuration = Some(digest(&blueprint.servers[name].configuration));
                    server.loaded = Some(blueprint.servers[name].ports_digest());
                }
                Change::LeaseRelease(name, lease) => {
                    world
                        .servers
                        .get_mut(name)
                        .unwrap()
                        .leases
                        .retain(|other| other != lease);
                }
            }
        }
        world
    }

    /// A few networks out of which random choices are made.
    fn networks() -> Vec<NetworkSpec> {
        (0..4)
            .map(|number| {
                let mut network = network(&format!("10.{number}.0.0/24"));
                if number % 2 == 0 {
                    let range = format!("fd00:{number}::/64");
                    network.subnets6 = vec![subnet6(&range, Some((true, false, false)))];
                }
                for last in 2..5_u8 {
                    network.ports.push(port(
                        &format!("fa:16:3e:00:0{number}:0{last}"),
                        &format!("10.{number}.0.{last}"),
                    ));
                }
                network
            })
            .collect()
    }

    fn lease(network: usize, last: u8) -> Lease {
        Lease {
            address: Ipv4Addr::new(10, network as u8, 0, last),
            mac: [0xfa, 0x16, 0x3e, 0, network as u8, last],
            client_id: None,
        }
    }

    #[test]
    fn an_empty_node_gets_everything_and_an_empty_wish_takes_it_away() {
        let blueprint = Blueprint::new(&desired(&networks()), &Site::default());
        let changes = plan(&blueprint, &Observed::default());
        let world = after(&blueprint, Observed::default(), &changes);
        assert_eq!(plan(&blueprint, &world), []);
        let nothing = Blueprint::default();
        let world = after(&nothing, world.clone(), &plan(&nothing, &world));
        // That the node forwards packets may be needed by others meanwhile.
        assert_eq!(
            world,
            Observed {
                forwarding: true,
                ..Observed::default()
            }
        );
    }

    #[test]
    fn a_new_port_reloads_the_server_and_a_reused_address_frees_the_lease() {
        let mut all = networks();
        let blueprint = Blueprint::new(&desired(&all), &Site::default());
        let mut world = after(
            &blueprint,
            Observed::default(),
            &plan(&blueprint, &Observed::default()),
        );
        let name = bridge_name(all[0].id);
        world.servers.get_mut(&name).unwrap().leases = vec![lease(0, 2), lease(0, 3)];
        all[0].ports[0].mac = "fa:16:3e:00:00:ff".into();
        let blueprint = Blueprint::new(&desired(&all), &Site::default());
        assert_eq!(
            plan(&blueprint, &world),
            [
                Change::FilterReplace,
                Change::ServerReload(name.clone()),
                Change::LeaseRelease(name, lease(0, 2))
            ]
        );
    }

    #[test]
    fn a_bridge_made_anew_gets_its_taps_and_its_server_back() {
        let all = networks();
        let blueprint = Blueprint::new(&desired(&all[..1]), &Site::default());
        let mut world = after(
            &blueprint,
            Observed::default(),
            &plan(&blueprint, &Observed::default()),
        );
        let name = world.bridges.keys().next().unwrap().clone();
        let tap = blueprint.taps.keys().next().unwrap().clone();
        world.taps.insert(tap.clone(), None);
        world.bridges.clear();
        let changes = plan(&blueprint, &world);
        assert!(changes.contains(&Change::TapAttach(tap, name.clone())));
        assert!(changes.contains(&Change::ServerStart(name)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn whatever_is_there_one_plan_is_enough_and_names_only_ours(
            have in proptest::sample::subsequence((0..4).collect::<Vec<usize>>(), 0..=4),
            want in proptest::sample::subsequence((0..4).collect::<Vec<usize>>(), 0..=4),
            mtu in prop_oneof![Just(1400_u32), Just(1500)],
            broken in proptest::collection::vec(0..8_u8, 0..5),
            leased in proptest::collection::vec((0..4_usize, 2..9_u8), 0..6),
        ) {
            let all = networks();
            let pick = |which: &[usize]| which.iter().map(|at| all[*at].clone()).collect::<Vec<_>>();
            let before = Blueprint::new(&desired(&pick(&have)), &Site::default());
            let mut world = after(&before, Observed::default(), &plan(&before, &Observed::default()));
            for (network, last) in leased {
                if let Some(server) = world.servers.values_mut().nth(network) {
                    server.leases.push(lease(network, last));
                }
            }
            for tap in before.taps.keys().step_by(2) {
                world.taps.insert(tap.clone(), None);
            }
            for damage in broken {
                match damage {
                    0 => drop(world.bridges.pop_first()),
                    1 => world.filter = SeenFilter::Changed,
                    2 => world.filter = SeenFilter::Absent,
                    3 => world.servers.values_mut().for_each(|server| server.configuration = None),
                    4 => world.servers.values_mut().for_each(|server| server.loaded = None),
                    5 => world.forwarding = false,
                    6 => world.bridges.values_mut().for_each(|bridge| bridge.addresses.clear()),
                    _ => world.bridges.values_mut().for_each(|bridge| bridge.up = false),
                }
            }
            let mut wanted = pick(&want);
            wanted.iter_mut().for_each(|network| network.mtu = mtu);
            let blueprint = Blueprint::new(&desired(&wanted), &Site::default());
            let changes = plan(&blueprint, &world);
            for change in &changes {
                let text = change.to_string();
                prop_assert!(
                    text.contains(BRIDGE_PREFIX) || text.contains(TAP_PREFIX) || text.contains("filter") || text.contains("forwarding"),
                    "{}", text
                );
            }
            let world = after(&blueprint, world, &changes);
            prop_assert_eq!(plan(&blueprint, &world), []);
            prop_assert_eq!(world.bridges.len(), wanted.len());
            prop_assert_eq!(world.servers.len(), wanted.len());
        }
    }
}
