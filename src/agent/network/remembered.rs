//! A node as it is after it was made so, without looking at it.
//!
//! To look at everything takes longer than most changes. So a change that comes soon after the last look, or after another
//! change, is planned against what that one made. What somebody broke meanwhile is not seen then; the next look sees it,
//! and comes within seconds. A change that fails is followed by a look at once.
//!
//! Invariant: what is remembered of a blueprint leaves nothing to do for that blueprint.

use std::collections::BTreeMap;

use super::blueprint::{Blueprint, Bridge};
use super::dhcp::digest;
use super::plan::{Observed, SeenBridge, SeenFilter, SeenServer};
use super::room::{Room, SeenInner, SeenRoom, SeenWire, Wire};
use super::tunnel::{ALL, SeenTunnel, Tunnel};
use super::vswitch;

/// What there is once `blueprint` is made, with these DHCP servers.
pub fn remembered(blueprint: &Blueprint, servers: BTreeMap<String, SeenServer>) -> Observed {
    let rooms = blueprint.rooms.iter();
    let wires = blueprint.rooms.values().flat_map(|room| &room.wires);
    let plugs = blueprint.plugs.iter();
    Observed {
        bridges: map(&blueprint.bridges, bridge),
        taps: map(&blueprint.taps, |on| Some(on.clone())),
        servers,
        tunnels: map(&blueprint.tunnels, tunnel),
        uplinks: map(&blueprint.uplinks, |on| Some(on.clone())),
        rooms: rooms
            .map(|(name, seen)| (name.clone(), Some(room(seen))))
            .collect(),
        wires: wires
            .map(|(outer, seen)| (outer.clone(), wire(seen)))
            .chain(plugs.flat_map(|(outer, plug)| plug.ends(outer)))
            .collect(),
        filter: match blueprint.bridges.is_empty() {
            true => SeenFilter::Absent,
            false => SeenFilter::Made(blueprint.tables().clone()),
        },
        forwarding: blueprint.filter.routes(),
        switch: blueprint.switch.as_ref().map(vswitch::remembered),
        adverts: map(&blueprint.adverts, |text| Some(digest(text))),
    }
}

fn map<A, B>(all: &BTreeMap<String, A>, of: impl Fn(&A) -> B) -> BTreeMap<String, B> {
    let pairs = all.iter();
    pairs.map(|(name, one)| (name.clone(), of(one))).collect()
}

fn bridge(bridge: &Bridge) -> SeenBridge {
    SeenBridge {
        mtu: bridge.mtu,
        mac: bridge.mac,
        up: true,
        ipv6: bridge.ipv6,
        addresses: bridge.addresses.clone(),
        addresses6: bridge.addresses6.clone(),
    }
}

fn tunnel(tunnel: &Tunnel) -> SeenTunnel {
    let stations = tunnel.entries.iter().map(|(mac, _)| *mac);
    SeenTunnel {
        bridge: Some(tunnel.bridge.clone()),
        vni: tunnel.vni,
        local: Some(tunnel.local),
        mtu: tunnel.mtu,
        up: true,
        flood: Some(tunnel.flood),
        entries: tunnel.entries.clone(),
        stations: stations.filter(|mac| *mac != ALL).collect(),
        neighbours: tunnel.neighbours.clone(),
    }
}

fn room(room: &Room) -> SeenRoom {
    let inner = room.wires.values().map(|wire| {
        let seen = SeenInner {
            mac: wire.mac,
            mtu: wire.mtu,
            up: true,
            addresses: wire.addresses.clone(),
        };
        (wire.inner.clone(), seen)
    });
    SeenRoom {
        inner: inner.collect(),
        routes: room.routes.clone(),
        forwards: Some(room.forwards),
        loopback: true,
        filter: room.filter.as_ref().map(|all| digest(&all.to_string())),
    }
}

fn wire(wire: &Wire) -> SeenWire {
    SeenWire {
        bridge: wire.bridge.clone(),
        up: true,
        mtu: wire.mtu,
    }
}

#[cfg(test)]
mod tests {
    use super::super::blueprint::Site;
    use super::super::plan::plan;
    use super::super::testing::{desired, network, port};
    use super::*;
    use crate::ids::{PortId, RouterId};
    use crate::network::rpc::{RouterSpec, Segment, ServicePort, StationSpec};

    #[test]
    fn what_is_remembered_leaves_nothing_to_do() {
        let own = network("10.0.0.0/24");
        let mut tenant = network("10.1.0.0/24");
        tenant.segment = Segment::Vxlan { vni: 7 };
        tenant.ports = vec![port("fa:16:3e:00:01:05", "10.1.0.5")];
        tenant.peers = vec!["192.0.2.2".parse().unwrap()];
        tenant.stations = vec![StationSpec {
            mac: "fa:16:3e:00:01:06".into(),
            addresses: vec!["10.1.0.6".parse().unwrap()],
            hostname: None,
            server: None,
            tunnel: Some("192.0.2.2".parse().unwrap()),
        }];
        let service = |mac: &str, address: &str| ServicePort {
            port: PortId::new(),
            network: tenant.id,
            mac: mac.into(),
            addresses: vec![address.parse().unwrap()],
        };
        let router = RouterSpec {
            id: RouterId::new(),
            interfaces: vec![service("fa:16:3e:00:01:01", "10.1.0.1/24")],
            gateway: None,
            floating: Vec::new(),
            routes: Vec::new(),
        };
        tenant.dhcp = Some(service("fa:16:3e:00:01:02", "10.1.0.2/24"));
        let mut desired = desired(&[own, tenant]);
        desired.routers = vec![router];
        let site = Site {
            tunnel: Some(("192.0.2.1".parse().unwrap(), 1600)),
            ..Site::default()
        };
        let blueprint = Blueprint::new(&desired, &site);
        assert_eq!(blueprint.problems, Vec::<String>::new());
        assert!(!blueprint.tunnels.is_empty() && blueprint.rooms.len() == 2);
        let servers = blueprint.servers.iter().map(|(name, files)| {
            let seen = SeenServer {
                configuration: Some(digest(&files.configuration)),
                loaded: Some(files.ports_digest()),
                leases: Vec::new(),
            };
            (name.clone(), seen)
        });
        let world = remembered(&blueprint, servers.collect());
        assert_eq!(plan(&blueprint, &world), []);
        let nothing = remembered(&Blueprint::default(), BTreeMap::new());
        assert_eq!(nothing, Observed::default());
    }
}
