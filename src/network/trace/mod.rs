//! How a packet goes, and where it would be dropped: from rows, without a look at any node. Pure.
//!
//! A [`Path`] is the places that a packet passes, in order, with a verdict for each: out of the sender's tap, over bridges
//! and tunnels, through routers, out of the cloud or into the receiver's tap; then the way of the answer, as far as
//! routing decides about it, since open connections pass security groups. It does not end at the first drop: all that
//! is wrong is seen at once, and what comes after a drop is marked as what would be.
//!
//! Invariant: devices are named as the node names them, and a packet at a place has the addresses that it has there, so
//! that it can be counted there ([`Point`]). What a rule allows is what nodes are told of it
//! ([`SecurityRuleSpec`](crate::network::rpc::SecurityRuleSpec)).

mod groups;
mod guest;
mod outside;
mod routing;
mod rows;
#[cfg(test)]
mod tests;
mod walk;

use std::net::IpAddr;

use serde::Serialize;

use super::model::{NewSecurityRule, Port};
use super::names::is_metadata;
use crate::ids::{NetworkId, PortId, RouterId, SecurityGroupRuleId, SubnetId};
pub use rows::{GroupRow, HostRow, Rows};
use walk::{Outcome, Walk};

/// What is asked.
#[derive(Clone, Debug)]
pub struct Question {
    /// Who sends.
    pub from: End,
    /// Who shall get it.
    pub to: End,
    /// The sender's address, if not its port's own.
    pub source: Option<IpAddr>,
    /// What is sent.
    pub transport: Transport,
    /// Destination port; none with ICMP.
    pub port: Option<u16>,
}

/// One end of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// One of these ports: those of one server, or a single one.
    Ports(Vec<PortId>),
    /// Who has this address, wherever that leads.
    Address(IpAddr),
    /// Somebody out in the world.
    Outside,
}

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// A ping.
    Icmp,
    /// A connection.
    Tcp,
    /// A datagram.
    Udp,
}

impl Transport {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Icmp, Self::Tcp, Self::Udp];

    /// Its name, as rules write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Icmp => "icmp",
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }

    /// Its number (IANA), over IPv6 or IPv4.
    pub fn number(self, ipv6: bool) -> u8 {
        match self {
            Self::Icmp if ipv6 => 58,
            Self::Icmp => 1,
            Self::Tcp => 6,
            Self::Udp => 17,
        }
    }
}

/// A packet as it is at some place; what is not known may be anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// What is sent.
    pub transport: Transport,
    /// From whom.
    pub source: Option<IpAddr>,
    /// To whom.
    pub destination: Option<IpAddr>,
    /// The port that was asked for: the destination's, or the source's in an answer.
    pub port: Option<u16>,
}

impl Packet {
    /// Whether it is one of IPv6; of IPv4 while no address says otherwise.
    pub fn is_ipv6(&self) -> bool {
        let known = self.destination.or(self.source);
        known.is_some_and(|address| address.is_ipv6())
    }

    /// ICMP's types of a ping and of its answer (RFC 792, RFC 4443).
    pub fn echo(&self) -> [u8; 2] {
        if self.is_ipv6() { [128, 129] } else { [8, 0] }
    }

    /// Whether it asks for metadata, where that is answered.
    pub fn asks_for_metadata(&self) -> bool {
        self.destination.is_some_and(is_metadata)
            && self.transport == Transport::Tcp
            && self.port == Some(80)
    }

    /// The answer to it.
    #[must_use]
    pub fn answer(self) -> Self {
        Self {
            source: self.destination,
            destination: self.source,
            ..self
        }
    }
}

/// A kind of place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Where a guest is plugged in.
    Tap,
    /// Whether the sender uses addresses of its own.
    AntiSpoofing,
    /// What the sender's security groups allow.
    SenderGroups,
    /// What the receiver's security groups allow.
    ReceiverGroups,
    /// A network on a node.
    Bridge,
    /// A network between nodes.
    Tunnel,
    /// A network that was there already.
    Physical,
    /// Into a router.
    Router,
    /// Out of a router, or not.
    Route,
    /// Addresses are translated.
    Nat,
    /// The cloud itself answers.
    Service,
    /// The world.
    Outside,
}

/// What happens there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It goes on.
    Passes,
    /// It ends.
    Drops,
    /// Rows do not tell.
    Unknown,
}

/// Why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// All is as it shall be.
    Works,
    /// The sender's own address, or one it may use.
    OwnAddress,
    /// Port security is off.
    SecurityOff,
    /// A rule allows it.
    Allowed,
    /// The next station is on the same network.
    OnLink,
    /// It is sent to a gateway, or by a route.
    ByRoute,
    /// An address is replaced by another.
    Translated,
    /// It leaves what the cloud knows.
    Leaves,
    /// The cloud itself answers.
    Answered,
    /// The port is administratively down.
    PortDown,
    /// The network is administratively down.
    NetworkDown,
    /// The port is bound to no host.
    NotBound,
    /// The host does not report.
    HostDown,
    /// The host has not made yet what it shall have, or can not.
    HostBehind,
    /// There is no address to send from, or to.
    NoAddress,
    /// The address is not the port's.
    ForeignAddress,
    /// No rule of the port's groups allows it.
    NoRule,
    /// The port has no groups.
    NoGroups,
    /// The network is each node's own.
    NodesApart,
    /// Where a host's tunnels end is not known.
    NoTunnel,
    /// The host is not plugged into the physical network.
    NotPlugged,
    /// The subnet has no gateway.
    NoGateway,
    /// Nobody has the address.
    NobodyThere,
    /// No router has the gateway's address.
    NoRouter,
    /// No router joins the networks.
    NotJoined,
    /// The router is administratively down.
    RouterDown,
    /// The router is on no host.
    RouterUnplaced,
    /// The router has no gateway.
    NoWayOut,
    /// The router knows no route.
    NoRoute,
    /// No floating address leads to the port, and without one nothing comes in.
    NoFloating,
    /// The floating address leads nowhere.
    FloatingUnused,
    /// The network leads nowhere.
    Isolated,
    /// It is for a router itself, which answers little.
    RouterItself,
    /// Routers send it in circles.
    Loop,
    /// The answer does not come back by the router that translated the question.
    AnswerElsewhere,
    /// A guest on the way has to pass it on.
    GuestForwards,
}

/// What would let it pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// This rule.
    Rule(NewSecurityRule),
    /// Plugging this router into this subnet.
    RouterInterface {
        /// The router.
        router: RouterId,
        /// The subnet.
        subnet: SubnetId,
    },
    /// Leading this router out by this network.
    RouterGateway {
        /// The router.
        router: RouterId,
        /// The network.
        network: NetworkId,
    },
    /// A floating address of this network for this port.
    FloatingIp {
        /// The port.
        port: PortId,
        /// The network.
        network: NetworkId,
    },
    /// Putting this port up.
    PortUp(PortId),
    /// Putting this network up.
    NetworkUp(NetworkId),
    /// Putting this router up.
    RouterUp(RouterId),
}

/// Where packets of the question can be counted: at the step's device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// Whether the question leaves by the device; otherwise it comes by it.
    pub outbound: bool,
    /// The question as it is there; its answer is the reverse of it.
    pub packet: Packet,
}

/// One place on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Whether it is on the way of the answer.
    pub is_back: bool,
    /// The host, where there is one.
    pub host: Option<String>,
    /// The network namespace of the host; its own when absent.
    pub namespace: Option<String>,
    /// The device, as `ip` and `nft` show it there.
    pub device: String,
    /// What it is.
    pub what: What,
    /// What happens there.
    pub verdict: Verdict,
    /// Why.
    pub reason: Reason,
    /// Why, for people.
    pub because: String,
    /// The rule that allows it.
    pub rule: Option<SecurityGroupRuleId>,
    /// Whether it was dropped before, so that this only would be.
    pub would: bool,
    /// What would let it pass.
    pub remedy: Option<Remedy>,
    /// Where it can be counted.
    pub point: Option<Point>,
}

/// A whole way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// The port that sends, if one of the cloud does.
    pub from: Option<PortId>,
    /// The port that gets it, if one of the cloud does.
    pub to: Option<PortId>,
    /// The question as it is sent.
    pub packet: Packet,
    /// The way.
    pub steps: Vec<Step>,
}

impl Path {
    /// What becomes of the packet.
    pub fn verdict(&self) -> Verdict {
        let any = |verdict| self.steps.iter().any(|step| step.verdict == verdict);
        if any(Verdict::Drops) {
            Verdict::Drops
        } else if any(Verdict::Unknown) {
            Verdict::Unknown
        } else {
            Verdict::Passes
        }
    }
}

/// The way of what is asked about.
pub fn trace(rows: &Rows, question: &Question) -> Path {
    let (from, to) = choose(rows, question);
    let packet = Packet {
        transport: question.transport,
        source: question.source.or_else(|| source(question, from, to)),
        destination: destination(rows, question, from, to),
        port: question.port,
    };
    let mut walk = Walk::new(rows, packet, to);
    let outcome = match from {
        Some(port) => walk.leave(port),
        None => walk.come_in(),
    };
    let reached = match outcome {
        Outcome::Arrived(id) => rows.port(id),
        _ => None,
    };
    if let Some(port) = reached.filter(|_| walk.is_routed()) {
        walk.come_back(port, from);
    }
    Path {
        from: from.map(|port| port.id),
        to: reached.or(to).map(|port| port.id),
        packet,
        steps: walk.into_steps(),
    }
}

/// The two ports, of those that the ends have: on one network if there are such, else joined by a router, else the oldest.
fn choose<'a>(rows: &'a Rows, question: &Question) -> (Option<&'a Port>, Option<&'a Port>) {
    let from = rows.ports_of(&question.from, true);
    let to = rows.ports_of(&question.to, false);
    let pairs = || {
        let to = &to;
        from.iter()
            .flat_map(move |a| to.iter().map(move |b| (*a, *b)))
    };
    let found = pairs()
        .find(|(a, b)| a.network == b.network)
        .or_else(|| pairs().find(|(a, b)| rows.router_between(a.network, b.network).is_some()));
    match found {
        Some((a, b)) => (Some(a), Some(b)),
        // Who has an address depends on where one asks; the way will tell.
        None if matches!(question.to, End::Address(_)) && !from.is_empty() => {
            (from.first().copied(), None)
        }
        None => (from.first().copied(), to.first().copied()),
    }
}

fn source(question: &Question, from: Option<&Port>, to: Option<&Port>) -> Option<IpAddr> {
    match from {
        Some(port) => {
            if let End::Address(asked) = question.from
                && port.addresses.iter().any(|at| at.address == asked)
            {
                return Some(asked);
            }
            beside(port, to)
        }
        None => match question.from {
            End::Address(address) => Some(address),
            _ => None,
        },
    }
}

/// The address that is asked for. From outside a guest is known by its floating address, where its network is not known there.
fn destination(
    rows: &Rows,
    question: &Question,
    from: Option<&Port>,
    to: Option<&Port>,
) -> Option<IpAddr> {
    if let End::Address(address) = question.to {
        return Some(address);
    }
    let to = to?;
    let known = from.is_some() || rows.is_physical(to.network);
    let floating = || {
        rows.floating_of(to.id)
            .map(|floating| floating.address.into())
    };
    let fixed = || beside(to, from);
    if known {
        fixed()
    } else {
        floating().or_else(fixed)
    }
}

/// The port's address in a subnet that the other one has as well, or else its first.
fn beside(port: &Port, other: Option<&Port>) -> Option<IpAddr> {
    let common = |other: &Port| {
        let subnets: Vec<SubnetId> = other.addresses.iter().map(|at| at.subnet).collect();
        let mut own = port.addresses.iter();
        own.find(|at| subnets.contains(&at.subnet))
    };
    let found = other.and_then(common).or(port.addresses.first());
    found.map(|at| at.address)
}
