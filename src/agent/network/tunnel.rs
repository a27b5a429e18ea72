//! Tunnels of networks between nodes: one VXLAN interface per network (RFC 7348) on the network's bridge.
//!
//! Nothing is learned from what arrives. The control plane says behind which node each station is: that is an entry of
//! the tunnel (station to node), one of the bridge (station to tunnel), and one of the bridge's neighbours (address to
//! station), from which the bridge answers ARP itself. Frames for everybody go to all peers; frames for stations nobody
//! named go nowhere, unless a port is on its way between nodes: then both get them, and the one that has the guest
//! delivers.
//!
//! Invariant: what [`plan`] gives for a tunnel that is as it shall be is nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

use super::blueprint::mac_text;

/// The Ethernet address that stands for "whoever else".
pub const ALL: [u8; 6] = [0; 6];
/// Bytes that a tunnel adds to a frame's packet over IPv4: Ethernet, VXLAN, UDP and IP.
pub const OVERHEAD: u32 = 50;
/// UDP port of VXLAN.
pub const PORT: u16 = 4789;

/// A tunnel as it shall be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tunnel {
    /// The bridge it is on.
    pub bridge: String,
    /// VXLAN network identifier.
    pub vni: u32,
    /// This node's end.
    pub local: IpAddr,
    /// Largest packet inside in bytes.
    pub mtu: u32,
    /// Whether frames for stations nobody named go to all peers.
    pub flood: bool,
    /// Behind which node each station is; [`ALL`] once for each peer.
    pub entries: BTreeSet<([u8; 6], IpAddr)>,
    /// Which station has which address.
    pub neighbours: BTreeMap<IpAddr, [u8; 6]>,
}

/// A tunnel as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeenTunnel {
    /// The bridge it is on.
    pub bridge: Option<String>,
    /// VXLAN network identifier.
    pub vni: u32,
    /// This node's end.
    pub local: Option<IpAddr>,
    /// Largest packet inside in bytes.
    pub mtu: u32,
    /// Whether it is up.
    pub up: bool,
    /// Whether the bridge sends there what it knows no station for; none if its other settings are not as they shall be.
    pub flood: Option<bool>,
    /// Entries of the tunnel.
    pub entries: BTreeSet<([u8; 6], IpAddr)>,
    /// Stations that the bridge has behind the tunnel.
    pub stations: BTreeSet<[u8; 6]>,
    /// Lasting neighbours of the bridge.
    pub neighbours: BTreeMap<IpAddr, [u8; 6]>,
}

/// One thing to do for a tunnel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TunnelChange {
    /// Remove it.
    Remove,
    /// Make it, without entries.
    Make,
    /// Give it its settings and its place again.
    Mend,
    /// Remove an entry.
    EntryRemove([u8; 6], IpAddr),
    /// Add an entry.
    EntryAdd([u8; 6], IpAddr),
    /// Forget that a station is behind it.
    StationRemove([u8; 6]),
    /// Say that a station is behind it.
    StationAdd([u8; 6]),
    /// Forget who has an address.
    NeighbourRemove(IpAddr),
    /// Say who has an address.
    NeighbourSet(IpAddr, [u8; 6]),
}

impl fmt::Display for TunnelChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Remove => f.write_str("removed"),
            Self::Make => f.write_str("made"),
            Self::Mend => f.write_str("mended"),
            Self::EntryRemove(mac, node) => write!(f, "{} not at {node} any more", station(*mac)),
            Self::EntryAdd(mac, node) => write!(f, "{} at {node}", station(*mac)),
            Self::StationRemove(mac) => write!(f, "{} not behind it any more", mac_text(*mac)),
            Self::StationAdd(mac) => write!(f, "{} behind it", mac_text(*mac)),
            Self::NeighbourRemove(address) => write!(f, "{address} forgotten"),
            Self::NeighbourSet(address, mac) => write!(f, "{address} is {}", mac_text(*mac)),
        }
    }
}

fn station(mac: [u8; 6]) -> String {
    if mac == ALL {
        "all others".to_owned()
    } else {
        mac_text(mac)
    }
}

impl Tunnel {
    /// Stations that are behind it.
    pub fn stations(&self) -> BTreeSet<[u8; 6]> {
        let named = self.entries.iter().map(|(mac, _)| *mac);
        named.filter(|mac| *mac != ALL).collect()
    }
}

/// What to do so that `seen` becomes `wanted`, in this order.
pub fn plan(wanted: &Tunnel, seen: Option<&SeenTunnel>) -> Vec<TunnelChange> {
    let mut changes = Vec::new();
    let nothing = SeenTunnel::default();
    let seen = match seen {
        // Neither can be changed while it is there.
        Some(seen) if seen.vni != wanted.vni || seen.local != Some(wanted.local) => {
            changes.extend([TunnelChange::Remove, TunnelChange::Make]);
            &nothing
        }
        Some(seen) => {
            let as_it_shall_be = seen.bridge.as_ref() == Some(&wanted.bridge)
                && seen.mtu == wanted.mtu
                && seen.up
                && seen.flood == Some(wanted.flood);
            if !as_it_shall_be {
                changes.push(TunnelChange::Mend);
            }
            seen
        }
        None => {
            changes.push(TunnelChange::Make);
            &nothing
        }
    };
    // A station that moves has its old entry taken first: there can be but one.
    for (mac, node) in seen.entries.difference(&wanted.entries) {
        changes.push(TunnelChange::EntryRemove(*mac, *node));
    }
    for (mac, node) in wanted.entries.difference(&seen.entries) {
        changes.push(TunnelChange::EntryAdd(*mac, *node));
    }
    let stations = wanted.stations();
    for mac in seen.stations.difference(&stations) {
        changes.push(TunnelChange::StationRemove(*mac));
    }
    for mac in stations.difference(&seen.stations) {
        changes.push(TunnelChange::StationAdd(*mac));
    }
    for address in seen.neighbours.keys() {
        if !wanted.neighbours.contains_key(address) {
            changes.push(TunnelChange::NeighbourRemove(*address));
        }
    }
    for (address, mac) in &wanted.neighbours {
        if seen.neighbours.get(address) != Some(mac) {
            changes.push(TunnelChange::NeighbourSet(*address, *mac));
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The tunnel after a plan, as the host would show it.
    pub fn after(
        wanted: &Tunnel,
        seen: Option<SeenTunnel>,
        changes: &[TunnelChange],
    ) -> SeenTunnel {
        let mut seen = seen.unwrap_or_default();
        for change in changes {
            match *change {
                TunnelChange::Remove => seen = SeenTunnel::default(),
                TunnelChange::Make | TunnelChange::Mend => {
                    seen.bridge = Some(wanted.bridge.clone());
                    seen.vni = wanted.vni;
                    seen.local = Some(wanted.local);
                    seen.mtu = wanted.mtu;
                    seen.up = true;
                    seen.flood = Some(wanted.flood);
                }
                TunnelChange::EntryRemove(mac, node) => assert!(seen.entries.remove(&(mac, node))),
                TunnelChange::EntryAdd(mac, node) => {
                    let other = seen.entries.iter().any(|(known, _)| *known == mac);
                    assert!(mac == ALL || !other, "two nodes for one station");
                    assert!(seen.entries.insert((mac, node)));
                }
                TunnelChange::StationRemove(mac) => assert!(seen.stations.remove(&mac)),
                TunnelChange::StationAdd(mac) => assert!(seen.stations.insert(mac)),
                TunnelChange::NeighbourRemove(address) => {
                    assert!(seen.neighbours.remove(&address).is_some());
                }
                TunnelChange::NeighbourSet(address, mac) => {
                    seen.neighbours.insert(address, mac);
                }
            }
        }
        seen
    }

    prop_compose! {
        fn tunnel()(
            vni in 1u32..3, local in 1u8..3, flood: bool, mtu in 1400u32..1402,
            stations in proptest::collection::btree_map(1u8..8, 1u8..4, 0..6),
            peers in proptest::collection::btree_set(1u8..4, 0..3),
        ) -> Tunnel {
            let node = |last: u8| IpAddr::from([10, 77, 0, last]);
            let mac = |last: u8| [2, 0, 0, 0, 0, last];
            let named = stations.iter().map(|(station, at)| (mac(*station), node(*at)));
            Tunnel {
                bridge: "sdb-1".into(),
                vni,
                local: node(local),
                mtu,
                flood,
                entries: named.chain(peers.iter().map(|peer| (ALL, node(*peer)))).collect(),
                neighbours: stations.keys().map(|station| (IpAddr::from([10, 1, 0, *station]), mac(*station))).collect(),
            }
        }
    }

    proptest! {
        #[test]
        fn any_tunnel_becomes_any_other_and_then_nothing_is_to_be_done(one in tunnel(), other in tunnel()) {
            let world = after(&one, None, &plan(&one, None));
            prop_assert_eq!(plan(&one, Some(&world)), []);
            let world = after(&other, Some(world.clone()), &plan(&other, Some(&world)));
            prop_assert_eq!(plan(&other, Some(&world)), []);
        }
    }
}
