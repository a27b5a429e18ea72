//! The desired state of a node's networking, and the ports of one guest.
//!
//! Level-triggered: a node is told everything it shall have, with a generation, and makes it so; what is not in it goes
//! away. An older generation than the last one applied is ignored.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::bus::Rpc;
use crate::compute::rpc::COMPUTE;
use crate::ids::{
    NetworkId, PortId, RouterId, SecurityGroupId, SecurityGroupRuleId, ServerId, SubnetId,
};

/// One port as a guest's interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortSpec {
    /// The port.
    pub id: PortId,
    /// Its network.
    pub network: NetworkId,
    /// Ethernet address.
    pub mac: String,
    /// Addresses it may use.
    pub addresses: Vec<IpAddr>,
    /// Further ranges it may use, each from an Ethernet address, its own when absent.
    #[serde(default)]
    pub allowed_pairs: Vec<AllowedPair>,
    /// Largest packet in bytes.
    pub mtu: u32,
    /// Whether frames with other addresses, and packets no security group allows, are dropped.
    pub port_security: bool,
    /// Groups whose rules it has; they are in [`NetworkDesired::security_groups`]. Absent: everything passes.
    #[serde(default)]
    pub security_groups: Option<Vec<SecurityGroupId>>,
    /// Whether OVN carries its frames: it has a bridge of its own, with a wire to the integration bridge, where it is known by
    /// its id.
    #[serde(default)]
    pub logical: bool,
    /// Whether its guest is on its way here from another node.
    #[serde(default)]
    pub arriving: bool,
    /// The name DNS gives it, without domain.
    pub hostname: Option<String>,
    /// The server it belongs to.
    pub server: Option<ServerId>,
}

/// A range of addresses that a port may use besides its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AllowedPair {
    /// From this Ethernet address; the port's own when absent.
    pub mac: Option<String>,
    /// The addresses.
    pub prefix: IpNet,
}

/// What a network's frames travel on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Segment {
    /// A bridge of each node alone, which has the gateways' addresses (Neutron's `local`).
    Node {
        /// Whether the node translates the network's addresses to its own on the way out.
        nat: bool,
    },
    /// A bridge on each node, and tunnels between them.
    Vxlan {
        /// VXLAN network identifier, 1 to 16,777,215.
        vni: u32,
    },
    /// A network that is there already, by the node's name for it.
    Flat {
        /// As in the node's `agent.physical_networks`.
        physical: String,
    },
    /// What OVN makes of it on the integration bridge, which has its ports.
    Logical,
    /// None: nothing leaves the bridge.
    #[default]
    None,
}

/// One network on a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkSpec {
    /// The network.
    pub id: NetworkId,
    /// Largest packet in bytes.
    pub mtu: u32,
    /// What its frames travel on.
    #[serde(default)]
    pub segment: Segment,
    /// Its IPv4 subnets.
    pub subnets: Vec<SubnetSpec>,
    /// Its IPv6 subnets; apart, since a node of the version before knows none.
    #[serde(default)]
    pub subnets6: Vec<Subnet6Spec>,
    /// The guests' ports this node has or will have soon.
    pub ports: Vec<PortSpec>,
    /// All other ports that are somewhere: where frames for them go, and what DHCP and DNS know of them.
    #[serde(default)]
    pub stations: Vec<StationSpec>,
    /// Tunnel addresses of the other nodes that have the network: frames for all go there.
    #[serde(default)]
    pub peers: Vec<IpAddr>,
    /// Whether frames for stations nobody named go to all peers: a port of the network is on its way to another node, or
    /// may use any address.
    #[serde(default)]
    pub flood: bool,
    /// This node's port for DHCP, names and metadata, if it serves the network. A node serves those that are its own
    /// ([`Segment::Node`]) without being told. With [`Segment::Logical`] every node with the network has this port, for
    /// metadata alone.
    #[serde(default)]
    pub dhcp: Option<ServicePort>,
    /// Domain of its names.
    pub dns_domain: String,
    /// Name servers that are asked for names of the world; if empty, the node's own where the node is the gateway, and none
    /// elsewhere.
    #[serde(default)]
    pub resolvers: Vec<IpAddr>,
}

/// A port that is elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StationSpec {
    /// Ethernet address.
    pub mac: String,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// The name DNS gives it, without domain.
    #[serde(default)]
    pub hostname: Option<String>,
    /// The server it belongs to, for metadata.
    #[serde(default)]
    pub server: Option<ServerId>,
    /// Tunnel address of its node; absent while it is on its way from one to another, or nowhere.
    #[serde(default)]
    pub tunnel: Option<IpAddr>,
}

/// A port of the node's own, in a namespace: a router's interface, or where DHCP is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServicePort {
    /// The port.
    pub port: PortId,
    /// Its network, which is among the node's.
    pub network: NetworkId,
    /// Ethernet address.
    pub mac: String,
    /// Its addresses, each with the length of its subnet's prefix.
    pub addresses: Vec<IpNet>,
}

/// A router on a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouterSpec {
    /// The router.
    pub id: RouterId,
    /// Its interfaces inside.
    pub interfaces: Vec<ServicePort>,
    /// Its way out.
    pub gateway: Option<RouterGateway>,
    /// Floating addresses and the fixed ones behind them.
    pub floating: Vec<FloatingSpec>,
    /// Further routes: destination and next hop.
    pub routes: Vec<(IpNet, IpAddr)>,
}

/// A router's way out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouterGateway {
    /// Its port on the external network.
    pub port: ServicePort,
    /// The external network's gateways.
    pub next_hops: Vec<IpAddr>,
    /// Whether inner addresses become the router's first outer one on the way out.
    pub snat: bool,
}

/// A floating address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FloatingSpec {
    /// Outside.
    pub floating: Ipv4Addr,
    /// Inside.
    pub fixed: Ipv4Addr,
}

/// A security group that ports of a node have, or that rules of such groups name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityGroupSpec {
    /// The group.
    pub id: SecurityGroupId,
    /// What it allows; empty for one that is only named by others' rules.
    pub rules: Vec<SecurityRuleSpec>,
    /// Addresses of all ports that have it, anywhere; empty unless a rule names it.
    pub members: Vec<IpNet>,
}

/// Something a security group allows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityRuleSpec {
    /// The rule.
    pub id: SecurityGroupRuleId,
    /// Whether it is for what comes to a guest; otherwise for what a guest sends.
    pub ingress: bool,
    /// Whether it is for IPv6; otherwise for IPv4.
    pub ipv6: bool,
    /// Number of the protocol (IANA); any when absent.
    pub protocol: Option<u8>,
    /// First and last destination port (TCP, UDP and alike), or type and code (ICMP).
    pub range: RuleRange,
    /// The other end.
    pub remote: RuleRemote,
}

/// What of a protocol a rule allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleRange {
    /// All of it.
    #[default]
    Any,
    /// These destination ports, both included.
    Ports(u16, u16),
    /// This ICMP type, and code if there is one.
    Icmp(u8, Option<u8>),
}

/// The other end of what a rule allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleRemote {
    /// Anybody.
    #[default]
    Any,
    /// These addresses.
    Prefix(IpNet),
    /// Ports that have this group.
    Group(SecurityGroupId),
}

/// One IPv4 subnet on a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubnetSpec {
    /// The subnet.
    pub id: SubnetId,
    /// Its addresses.
    pub cidr: Ipv4Net,
    /// The gateway told to guests.
    pub gateway: Option<Ipv4Addr>,
    /// Whether guests are given their addresses by DHCP.
    pub dhcp: bool,
    /// Name servers for guests; who answers DHCP when empty.
    pub dns: Vec<IpAddr>,
    /// Further routes for guests: destination and next hop.
    pub routes: Vec<(Ipv4Net, Ipv4Addr)>,
}

/// One IPv6 subnet on a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subnet6Spec {
    /// The subnet.
    pub id: SubnetId,
    /// Its addresses.
    pub cidr: Ipv6Net,
    /// The gateway's address.
    pub gateway: Option<Ipv6Addr>,
    /// What DHCP does for guests; none: it does not answer.
    pub dhcp: Option<Dhcp6>,
    /// How guests come to their addresses, in Neutron's word, if that is said.
    pub address_mode: Option<String>,
    /// What a router of ours announces; nothing when absent.
    pub announced: Option<Announced>,
    /// Name servers for guests; where DHCP is answered, if nothing else is said.
    pub dns: Vec<Ipv6Addr>,
    /// Further routes for guests: destination and next hop.
    pub routes: Vec<(Ipv6Net, Ipv6Addr)>,
}

/// What DHCP does for guests of an IPv6 subnet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dhcp6 {
    /// It gives addresses, and tells the rest.
    Addresses,
    /// It tells the rest: name servers and domains.
    Rest,
    /// Only names are answered: guests learn everything else from a router.
    Names,
}

/// What a router tells guests of an IPv6 subnet (RFC 4861).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announced {
    /// Whether guests make their addresses of the prefix (A).
    pub autonomous: bool,
    /// Whether DHCP gives addresses (M).
    pub managed: bool,
    /// Whether DHCP tells the rest (O).
    pub other: bool,
}

/// Everything a node's networking shall be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkDesired {
    /// Rises with each change.
    pub generation: i64,
    /// The networks.
    pub networks: Vec<NetworkSpec>,
    /// The routers this node has.
    #[serde(default)]
    pub routers: Vec<RouterSpec>,
    /// The security groups its ports have, and those that their rules name.
    #[serde(default)]
    pub security_groups: Vec<SecurityGroupSpec>,
    /// How the node takes part in OVN; not at all when absent.
    #[serde(default)]
    pub ovn: Option<OvnSpec>,
}

/// A node as a chassis of OVN (ovn-controller(8)).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OvnSpec {
    /// Name of the chassis: the node's.
    pub chassis: String,
    /// Where the southbound database is, as `tcp:ADDRESS:PORT` or `ssl:ADDRESS:PORT`, several separated by commas.
    pub southbound: String,
}

impl NetworkDesired {
    /// All ports that work once the node has this: guests' and its own, but those of guests on OVN's networks, of which OVN
    /// says that itself ([`PortsReady`]).
    pub fn ports(&self) -> Vec<PortId> {
        let networks = self.networks.iter().flat_map(|network| {
            let dhcp = network.dhcp.iter().map(|own| own.port);
            let guests = network.ports.iter().filter(|port| !port.logical);
            guests.map(|port| port.id).chain(dhcp)
        });
        let routers = self.routers.iter().flat_map(|router| {
            let gateway = router.gateway.iter().map(|way| way.port.port);
            router.interfaces.iter().map(|own| own.port).chain(gateway)
        });
        networks.chain(routers).collect()
    }
}

/// Makes the node's networking so, and answers what it found to mend.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NetworkApply {
    /// What shall be.
    pub desired: NetworkDesired,
}

impl Rpc for NetworkApply {
    const TOPIC: &'static str = COMPUTE;
    const METHOD: &'static str = "network_apply";
    type Reply = NetworkApplied;
}

/// What applying changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkApplied {
    /// Generation that holds now.
    pub generation: i64,
    /// What was made, changed or removed, one short line each; empty if all was well.
    pub changes: Vec<String>,
    /// What can not be made on this node as it is wanted, and why, one line each.
    #[serde(default)]
    pub problems: Vec<String>,
}

/// Seconds for which a node waits at most until OVN has guests' ports ready.
pub const READY_SECONDS: u16 = 30;

/// Asks whether OVN has guests' ports ready on the node, which waits a while for it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PortsReady {
    /// The ports, all of them on networks that OVN carries.
    pub ports: Vec<PortId>,
    /// Seconds to wait at most.
    pub patience: u16,
}

impl Rpc for PortsReady {
    const TOPIC: &'static str = COMPUTE;
    const METHOD: &'static str = "network_ports_ready";
    type Reply = PortsPending;
}

/// What is not ready.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortsPending {
    /// Those of the ports that OVN did not make ready in time.
    pub pending: Vec<PortId>,
}

/// Points of one probe on one node at most.
pub const PROBE_POINTS: usize = 64;
/// Seconds for which a probe is kept at most after it was asked for.
pub const PROBE_SECONDS: u16 = 60;

/// Counts packets on a node, and answers how many there were. What is not counted yet is from now on; a probe that is not
/// asked for during its lifetime is removed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NetworkProbe {
    /// Which probe.
    pub id: Uuid,
    /// What is counted, and where.
    pub points: Vec<ProbePoint>,
    /// Seconds to keep it unasked.
    pub lifetime: u16,
}

/// A place where packets are counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbePoint {
    /// A router's network namespace; where bridges are when absent.
    #[serde(default)]
    pub namespace: Option<String>,
    /// The device there.
    pub device: String,
    /// Whether they leave by it; otherwise they come by it.
    pub outbound: bool,
    /// Number of the protocol (IANA).
    pub protocol: u8,
    /// From this address.
    #[serde(default)]
    pub source: Option<IpAddr>,
    /// To this address.
    #[serde(default)]
    pub destination: Option<IpAddr>,
    /// From this port.
    #[serde(default)]
    pub source_port: Option<u16>,
    /// To this port.
    #[serde(default)]
    pub destination_port: Option<u16>,
    /// Of this type, with ICMP.
    #[serde(default)]
    pub icmp: Option<u8>,
}

impl Rpc for NetworkProbe {
    const TOPIC: &'static str = COMPUTE;
    const METHOD: &'static str = "network_probe";
    type Reply = NetworkProbed;
}

/// What was counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkProbed {
    /// Packets at each point, in the order of the points; none where it can not be counted.
    pub counts: Vec<Option<u64>>,
    /// Packets that security groups dropped, by `from TAP` and `to TAP`, of the taps among the points.
    #[serde(default)]
    pub drops: BTreeMap<String, u64>,
}
