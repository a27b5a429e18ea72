//! The walk: from one guest to the next station, over bridges and tunnels.
//!
//! A walk knows the packet as it is now and notes a step at each place. It goes on where something is wrong as long as it
//! is clear where the packet would go. The way of the answer is a second walk with the same notes on translations: a
//! router turns addresses back that it has turned before, another one does not.

use std::net::IpAddr;

use super::rows::{Holder, Rows, named_or};
use super::{Packet, Point, Reason, Remedy, Step, Verdict, What};
use crate::ids::{NetworkId, PortId, RouterId};
use crate::network::model::{Direction, Network, NetworkKind, Port, PortStatus};
use crate::network::names::{
    INTEGRATION_BRIDGE, TAP_PREFIX, bridge_name, tap_name, tunnel_name, wire_name,
};

/// Where a walk ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// At this port.
    Arrived(PortId),
    /// Somewhere else, as the last step says.
    Ended,
}

/// What a router did to a packet's addresses.
#[derive(Clone, Debug)]
pub(super) struct Turn {
    /// The router.
    pub router: RouterId,
    /// Whether it was the source's; otherwise the destination's.
    pub is_source: bool,
    /// The address before.
    pub before: Option<IpAddr>,
    /// The address after.
    pub after: IpAddr,
    /// Whether it was turned back in the answer.
    pub is_undone: bool,
}

/// A place, for a step.
#[derive(Clone, Debug, Default)]
pub(super) struct Spot {
    pub host: Option<String>,
    pub namespace: Option<String>,
    pub device: String,
}

/// A walk.
pub(super) struct Walk<'a> {
    pub rows: &'a Rows,
    pub packet: Packet,
    /// The port it is for, if that is known.
    pub goal: Option<&'a Port>,
    pub is_back: bool,
    pub turns: Vec<Turn>,
    /// Routers passed in this direction.
    pub routers: usize,
    /// The host from which it came to the last router.
    pub sender: Option<String>,
    steps: Vec<Step>,
}

impl<'a> Walk<'a> {
    pub fn new(rows: &'a Rows, packet: Packet, goal: Option<&'a Port>) -> Self {
        Self {
            rows,
            packet,
            goal,
            is_back: false,
            turns: Vec::new(),
            routers: 0,
            sender: None,
            steps: Vec::new(),
        }
    }

    /// Whether a router was on the way, so that the answer needs routing.
    pub fn is_routed(&self) -> bool {
        self.routers > 0
    }

    /// The steps, with those marked that come after a drop.
    pub fn into_steps(mut self) -> Vec<Step> {
        let mut dropped = false;
        for step in &mut self.steps {
            step.would = dropped;
            dropped |= step.verdict == Verdict::Drops;
        }
        self.steps
    }

    /// Notes a step. On the way of the answer only what routers decide is noted, and what is wrong, and nothing twice.
    pub fn note(&mut self, mut step: Step) {
        step.is_back = self.is_back;
        if self.rows.ovn {
            self.rename(&mut step);
        }
        let same = |known: &Step| {
            (known.verdict, known.reason) == (step.verdict, step.reason)
                && (&known.host, &known.namespace) == (&step.host, &step.namespace)
        };
        let is_noted = !self.is_back
            || match step.verdict {
                Verdict::Passes => step.what == What::Route,
                _ => !self.steps.iter().any(same),
            };
        if is_noted {
            self.steps.push(step);
        }
    }

    /// What OVN carries is all on one bridge of each host, where packets can be counted only at guests' taps.
    fn rename(&self, step: &mut Step) {
        let mut networks = self.rows.networks.values();
        let is_local = networks.any(|network| {
            network.kind == NetworkKind::Local && bridge_name(network.id) == step.device
        });
        if !is_local && !step.device.starts_with(TAP_PREFIX) {
            step.device = INTEGRATION_BRIDGE.to_owned();
            step.namespace = None;
            step.point = None;
        }
    }

    fn network(&self, id: NetworkId) -> Option<&'a Network> {
        self.rows.networks.get(&id)
    }

    /// Out of a guest.
    pub fn leave(&mut self, port: &Port) -> Outcome {
        if !self.is_back {
            self.tap(port, false);
            if !port.is_service() {
                self.spoofing(port);
                self.groups(port, Direction::Egress);
            }
        }
        self.guest_routes(port)
    }

    /// Into the guest that it is for.
    fn arrive(&mut self, port: &Port) -> Outcome {
        if !self.is_back {
            if !port.is_service() {
                self.groups(port, Direction::Ingress);
            }
            self.tap(port, true);
        }
        Outcome::Arrived(port.id)
    }

    /// The way of the answer, from the port that got the question.
    pub fn come_back(&mut self, port: &Port, to: Option<&'a Port>) {
        self.is_back = true;
        self.routers = 0;
        self.goal = to;
        self.packet = self.packet.answer();
        self.leave(port);
        let lost = self.turns.iter().find(|turn| !turn.is_undone);
        if let Some(turn) = lost {
            let router = self.rows.router(turn.router);
            let name = router.map_or_else(String::new, |router| named_or(&router.name, router.id));
            let because = format!(
                "the answer does not go back by router {name}, which translated the question"
            );
            let spot = Spot {
                host: port.host.clone(),
                namespace: None,
                device: bridge_name(port.network),
            };
            self.note(Step::drops(
                spot,
                What::Route,
                Reason::AnswerElsewhere,
                because,
            ));
        }
    }

    /// What keeps a host from doing what it shall.
    pub fn trouble_of(&self, host: &str) -> Option<(Verdict, Reason, String)> {
        let Some(row) = self.rows.hosts.get(host) else {
            let because = format!("there is no host {host} any more");
            return Some((Verdict::Drops, Reason::HostDown, because));
        };
        if !row.up {
            let because = format!("host {host} is down, or does not report");
            return Some((Verdict::Drops, Reason::HostDown, because));
        }
        let why = row.behind.as_ref()?;
        let because = format!("host {host} has not what it shall have: {why}");
        Some((Verdict::Unknown, Reason::HostBehind, because))
    }

    /// What keeps a port of a network from working at its host, with what would help.
    pub fn trouble_at(&self, port: &Port) -> Option<(Verdict, Reason, String, Option<Remedy>)> {
        if !port.admin_state_up {
            let because = "the port is administratively down".to_owned();
            let remedy = Some(Remedy::PortUp(port.id));
            return Some((Verdict::Drops, Reason::PortDown, because, remedy));
        }
        let network = self.network(port.network);
        if network.is_some_and(|network| !network.admin_state_up) {
            let name = self.rows.network_name(port.network);
            let because = format!("network {name} is administratively down");
            let remedy = Some(Remedy::NetworkUp(port.network));
            return Some((Verdict::Drops, Reason::NetworkDown, because, remedy));
        }
        if self.rows.ovn && port.is_service() {
            return None;
        }
        let Some(host) = &port.host else {
            let because = "the port is bound to no host: nothing runs with it".to_owned();
            return Some((Verdict::Drops, Reason::NotBound, because, None));
        };
        if let Some((verdict, reason, because)) = self.trouble_of(host) {
            return Some((verdict, reason, because, None));
        }
        let left_out = self.rows.hosts.get(host).and_then(|row| {
            let mut all = row.left_out.iter();
            all.find(|text| text.contains(&port.network.to_string()))
        });
        if let Some(why) = left_out {
            let because = format!("on {host}, {why}");
            return Some((Verdict::Unknown, Reason::HostBehind, because, None));
        }
        if port.status == PortStatus::Build {
            let because = format!("host {host} has not said yet that it has the port");
            return Some((Verdict::Unknown, Reason::HostBehind, because, None));
        }
        if port.status == PortStatus::Down {
            let because = format!(
                "OVN has the port on no chassis: see on {host} whether ovn-controller runs and reaches the southbound database (ovn-appctl -t ovn-controller connection-status)"
            );
            return Some((Verdict::Drops, Reason::HostBehind, because, None));
        }
        None
    }

    /// On a network, from a host, to whoever has an address there.
    pub fn deliver(&mut self, network: NetworkId, host: Option<&str>, hop: IpAddr) -> Outcome {
        let rows = self.rows;
        match rows.holder(network, hop) {
            Some(Holder::Router(router, port)) => {
                // OVN's are everywhere.
                self.sender = host.map(str::to_owned).filter(|_| rows.ovn);
                if !rows.ovn {
                    self.cross(network, host, router.host.as_deref());
                }
                self.route(router, port)
            }
            Some(Holder::Unused(floating)) => {
                let spot = Spot {
                    device: bridge_name(network),
                    ..Spot::default()
                };
                let because = format!("floating IP {} leads to no port", floating.address);
                self.note(Step::drops(
                    spot,
                    What::Nat,
                    Reason::FloatingUnused,
                    because,
                ));
                Outcome::Ended
            }
            Some(Holder::Dhcp(port)) => {
                self.cross(network, host, port.host.as_deref());
                self.service(port)
            }
            Some(Holder::Guest(port)) if self.packet.destination == Some(hop) => {
                self.cross(network, host, port.host.as_deref());
                self.arrive(port)
            }
            Some(Holder::Guest(port)) => {
                self.cross(network, host, port.host.as_deref());
                let because = format!("{hop} is a guest, which has to pass it on");
                self.note(Step::at(
                    spot_of(port),
                    What::Tap,
                    Verdict::Unknown,
                    Reason::GuestForwards,
                    because,
                ));
                Outcome::Ended
            }
            None => self.nobody(network, host, hop),
        }
    }

    /// Nobody of the cloud has the address.
    fn nobody(&mut self, network: NetworkId, host: Option<&str>, hop: IpAddr) -> Outcome {
        let rows = self.rows;
        let name = rows.network_name(network);
        let spot = Spot {
            host: host.map(str::to_owned),
            namespace: None,
            device: bridge_name(network),
        };
        let subnet = rows
            .subnets_of(network)
            .find(|subnet| subnet.gateway == Some(hop));
        match (rows.kind(network), subnet) {
            (NetworkKind::Flat { .. }, _) => {
                self.plugged(network, host);
                self.outside(network, host)
            }
            (NetworkKind::Local, Some(_)) => self.node_out(network, host),
            (NetworkKind::Vxlan { .. }, Some(subnet)) => {
                let of = named_or(&subnet.name, subnet.id);
                let because = format!(
                    "nobody has the gateway's address {hop}: no router is plugged into subnet {of}"
                );
                let remedy = self.joining(network).map(|router| Remedy::RouterInterface {
                    router,
                    subnet: subnet.id,
                });
                self.note(
                    Step::drops(spot, What::Router, Reason::NoRouter, because).mended_by(remedy),
                );
                Outcome::Ended
            }
            (_, None) => {
                let because = format!("nobody has {hop} on network {name}");
                self.note(Step::drops(
                    spot,
                    What::Bridge,
                    Reason::NobodyThere,
                    because,
                ));
                Outcome::Ended
            }
        }
    }

    /// The router that a network should be plugged into: one that the receiver's network has, or else one of the same
    /// project with a way out.
    fn joining(&self, network: NetworkId) -> Option<RouterId> {
        let rows = self.rows;
        let project = rows.networks.get(&network)?.project;
        let mut routers = rows.routers.iter();
        let found = match self.goal {
            Some(goal) => routers.find(|router| {
                rows.router_ports(router.id)
                    .any(|port| port.network == goal.network)
            }),
            None => routers.find(|router| router.project == project && router.gateway.is_some()),
        };
        found.map(|router| router.id)
    }

    /// Between two hosts of a network, if they are two.
    pub fn cross(&mut self, network: NetworkId, from: Option<&str>, to: Option<&str>) {
        let (Some(from), Some(to)) = (from, to) else {
            return;
        };
        if from == to {
            return;
        }
        let spot = |host: &str, device: String| Spot {
            host: Some(host.to_owned()),
            namespace: None,
            device,
        };
        let bridge = bridge_name(network);
        match self.rows.kind(network) {
            NetworkKind::Local => {
                let name = self.rows.network_name(network);
                let because = format!(
                    "network {name} is each node's own: {from} and {to} are apart; one of kind vxlan joins nodes"
                );
                self.note(Step::drops(
                    spot(from, bridge),
                    What::Bridge,
                    Reason::NodesApart,
                    because,
                ));
                return;
            }
            NetworkKind::Flat { .. } => {
                self.plugged(network, Some(from));
                self.plugged(network, Some(to));
            }
            NetworkKind::Vxlan { .. } => {
                self.tunnel(&tunnel_name(network), from, to);
            }
        }
        let because = format!("network {}", self.rows.network_name(network));
        self.note(Step::passes(
            spot(to, bridge),
            What::Bridge,
            Reason::OnLink,
            because,
        ));
    }

    /// From one host to another, by the device of their tunnel.
    pub fn tunnel(&mut self, device: &str, from: &str, to: &str) {
        let spot = |host: &str| Spot {
            host: Some(host.to_owned()),
            namespace: None,
            device: device.to_owned(),
        };
        let place = |host: &str| self.rows.hosts.get(host).and_then(|row| row.address);
        let unknown = [from, to].into_iter().find(|host| place(host).is_none());
        let out = spot(from);
        let step = match (unknown, place(to), self.trouble_of(to)) {
            (Some(host), _, _) => Step::drops(
                out,
                What::Tunnel,
                Reason::NoTunnel,
                format!("where tunnels of {host} end is not known"),
            ),
            (_, _, Some((verdict, reason, because))) => {
                Step::at(out, What::Tunnel, verdict, reason, because)
            }
            (None, address, None) => {
                let address = address.map_or_else(String::new, |at| format!(", {at}"));
                Step::passes(
                    out,
                    What::Tunnel,
                    Reason::Works,
                    format!("to {to}{address}"),
                )
            }
        };
        self.note(step.counted(true, self.packet));
        let step = Step::passes(
            spot(to),
            What::Tunnel,
            Reason::Works,
            format!("from {from}"),
        );
        self.note(step.counted(false, self.packet));
    }

    /// On a host's interface to a physical network.
    pub fn plugged(&mut self, network: NetworkId, host: Option<&str>) {
        let Some(physical) = self.rows.kind(network).physical() else {
            return;
        };
        let spot = Spot {
            host: host.map(str::to_owned),
            namespace: None,
            device: bridge_name(network),
        };
        let is_plugged = host
            .and_then(|host| self.rows.hosts.get(host))
            .is_none_or(|row| row.physical.iter().any(|name| name == physical));
        let step = if is_plugged {
            let because = format!("physical network {physical}");
            Step::passes(spot, What::Physical, Reason::Works, because)
        } else {
            let because = format!(
                "{} is not plugged into the physical network {physical}",
                host.unwrap_or_default()
            );
            Step::drops(spot, What::Physical, Reason::NotPlugged, because)
        };
        self.note(step);
    }
}

impl Step {
    /// A step.
    pub(super) fn at(
        spot: Spot,
        what: What,
        verdict: Verdict,
        reason: Reason,
        because: impl Into<String>,
    ) -> Self {
        Self {
            is_back: false,
            host: spot.host,
            namespace: spot.namespace,
            device: spot.device,
            what,
            verdict,
            reason,
            because: because.into(),
            rule: None,
            would: false,
            remedy: None,
            point: None,
        }
    }

    pub(super) fn passes(
        spot: Spot,
        what: What,
        reason: Reason,
        because: impl Into<String>,
    ) -> Self {
        Self::at(spot, what, Verdict::Passes, reason, because)
    }

    pub(super) fn drops(
        spot: Spot,
        what: What,
        reason: Reason,
        because: impl Into<String>,
    ) -> Self {
        Self::at(spot, what, Verdict::Drops, reason, because)
    }

    pub(super) fn mended_by(self, remedy: Option<Remedy>) -> Self {
        Self { remedy, ..self }
    }

    pub(super) fn counted(self, outbound: bool, packet: Packet) -> Self {
        let point = Some(Point { outbound, packet });
        Self { point, ..self }
    }
}

/// Where a port is plugged in.
pub(super) fn spot_of(port: &Port) -> Spot {
    Spot {
        host: port.host.clone(),
        namespace: None,
        device: match port.is_service() {
            true => wire_name(port.id),
            false => tap_name(port.id),
        },
    }
}
