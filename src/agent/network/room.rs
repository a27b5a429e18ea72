//! Namespaces of the node's own: where a network's DHCP is answered, and routers. Each is wired to bridges, has addresses,
//! routes and a packet filter of its own, and forwards or not.
//!
//! Addresses of tenants never come into the node's own namespace, so two tenants may have the same ones, and none of
//! them meets the node's.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::Value;

use super::dhcp::digest;

/// A namespace as it shall be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// Wires into it by the names of their ends on bridges.
    pub wires: BTreeMap<String, Wire>,
    /// Routes beyond those that come with addresses: destination and next hop.
    pub routes: BTreeSet<(IpNet, IpAddr)>,
    /// Whether it forwards packets.
    pub forwards: bool,
    /// The transaction that makes its packet filter; none if it has none.
    pub filter: Option<Value>,
}

/// A wire from a bridge into a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wire {
    /// Its end inside.
    pub inner: String,
    /// The bridge its other end is on; none where Open vSwitch has it.
    pub bridge: Option<String>,
    /// Whether packets leave it with their checksums, as a switch in user space wants them. That is set with the rest, and
    /// not looked at.
    pub checksums: bool,
    /// Ethernet address inside.
    pub mac: [u8; 6],
    /// Largest packet in bytes.
    pub mtu: u32,
    /// Addresses inside, each with the length of its subnet's prefix.
    pub addresses: BTreeSet<IpNet>,
}

/// A namespace as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeenRoom {
    /// Interfaces inside by name, but the loopback.
    pub inner: BTreeMap<String, SeenInner>,
    /// Routes through next hops.
    pub routes: BTreeSet<(IpNet, IpAddr)>,
    /// Whether it forwards packets, if its switches are as they shall be.
    pub forwards: Option<bool>,
    /// Whether its loopback is up.
    pub loopback: bool,
    /// Digest of the transaction that made its packet filter, if that is as it was made.
    pub filter: Option<String>,
}

/// An interface in a namespace as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeenInner {
    /// Ethernet address.
    pub mac: [u8; 6],
    /// Largest packet in bytes.
    pub mtu: u32,
    /// Whether it is up.
    pub up: bool,
    /// Its addresses, but those made up for the link.
    pub addresses: BTreeSet<IpNet>,
}

/// The end of a wire on a bridge as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenWire {
    /// The bridge it is on.
    pub bridge: Option<String>,
    /// Whether it is up.
    pub up: bool,
    /// Largest packet in bytes.
    pub mtu: u32,
}

/// One thing to do for a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoomChange {
    /// Remove it.
    Remove,
    /// Make it.
    Make,
    /// Remove the end of a wire on a bridge, and so the wire.
    WireRemove(String),
    /// Make a wire, without addresses.
    WireMake(String),
    /// Give both ends of a wire their settings and place again.
    WireMend(String),
    /// Take an address from an interface inside.
    AddressRemove(String, IpNet),
    /// Give an interface inside an address.
    AddressAdd(String, IpNet),
    /// Remove a route.
    RouteRemove(IpNet, IpAddr),
    /// Add a route.
    RouteAdd(IpNet, IpAddr),
    /// Let it forward or not, and bring its loopback up.
    Switch,
    /// Replace its packet filter.
    Filter,
}

impl fmt::Display for RoomChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Remove => f.write_str("removed"),
            Self::Make => f.write_str("made"),
            Self::WireRemove(wire) => write!(f, "wire {wire} removed"),
            Self::WireMake(wire) => write!(f, "wire {wire} made"),
            Self::WireMend(wire) => write!(f, "wire {wire} mended"),
            Self::AddressRemove(inner, address) => {
                write!(f, "address {address} removed from {inner}")
            }
            Self::AddressAdd(inner, address) => write!(f, "address {address} added to {inner}"),
            Self::RouteRemove(to, by) => write!(f, "route to {to} by {by} removed"),
            Self::RouteAdd(to, by) => write!(f, "route to {to} by {by} added"),
            Self::Switch => f.write_str("switches set"),
            Self::Filter => f.write_str("packet filter replaced"),
        }
    }
}

/// What to do so that a namespace becomes `wanted`, in this order; `wires` are all ends of wires on the node's bridges.
pub fn plan(
    wanted: &Room,
    seen: Option<&SeenRoom>,
    wires: &BTreeMap<String, SeenWire>,
) -> Vec<RoomChange> {
    let mut changes = Vec::new();
    let nothing = SeenRoom::default();
    let seen = seen.unwrap_or_else(|| {
        changes.push(RoomChange::Make);
        &nothing
    });
    if seen.forwards != Some(wanted.forwards) || !seen.loopback {
        changes.push(RoomChange::Switch);
    }
    // Its rules come before anything can pass.
    let filter = wanted
        .filter
        .as_ref()
        .map(|filter| digest(&filter.to_string()));
    if filter.is_some() && seen.filter != filter {
        changes.push(RoomChange::Filter);
    }
    let mut replaced = false;
    for (outer, wire) in &wanted.wires {
        replaced |= plan_wire(outer, wire, seen, wires, &mut changes);
    }
    for (to, by) in seen.routes.difference(&wanted.routes) {
        changes.push(RoomChange::RouteRemove(*to, *by));
    }
    for route in &wanted.routes {
        // Routes go with the interface they need.
        if replaced || !seen.routes.contains(route) {
            changes.push(RoomChange::RouteAdd(route.0, route.1));
        }
    }
    changes
}

/// Returns whether routes may have been lost on the way.
fn plan_wire(
    outer: &str,
    wire: &Wire,
    seen: &SeenRoom,
    wires: &BTreeMap<String, SeenWire>,
    changes: &mut Vec<RoomChange>,
) -> bool {
    let none = BTreeSet::new();
    let (have, made) = match (wires.get(outer), seen.inner.get(&wire.inner)) {
        (Some(end), Some(inner)) => {
            let as_it_shall_be = (wire.bridge.is_none() || end.bridge == wire.bridge)
                && end.up
                && end.mtu == wire.mtu
                && inner.mac == wire.mac
                && inner.mtu == wire.mtu
                && inner.up;
            if !as_it_shall_be {
                changes.push(RoomChange::WireMend(outer.to_owned()));
            }
            (&inner.addresses, !as_it_shall_be)
        }
        (end, _) => {
            if end.is_some() {
                changes.push(RoomChange::WireRemove(outer.to_owned()));
            }
            changes.push(RoomChange::WireMake(outer.to_owned()));
            (&none, true)
        }
    };
    let mut lost = made;
    for address in have.difference(&wire.addresses) {
        changes.push(RoomChange::AddressRemove(wire.inner.clone(), *address));
        lost = true;
    }
    for address in wire.addresses.difference(have) {
        changes.push(RoomChange::AddressAdd(wire.inner.clone(), *address));
    }
    lost
}
