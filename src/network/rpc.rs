//! The desired state of a node's networking, and the ports of one guest.
//!
//! Level-triggered: a node is told everything it shall have, with a generation, and makes it so; what is not in it goes
//! away. An older generation than the last one applied is ignored.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use crate::bus::Rpc;
use crate::compute::rpc::COMPUTE;
use crate::ids::{NetworkId, PortId, ServerId, SubnetId};

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
    /// Largest packet in bytes.
    pub mtu: u32,
    /// Whether frames with other addresses are dropped.
    pub port_security: bool,
    /// The name DNS gives it, without domain.
    pub hostname: Option<String>,
    /// The server it belongs to.
    pub server: Option<ServerId>,
}

/// One network on a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkSpec {
    /// The network.
    pub id: NetworkId,
    /// Largest packet in bytes.
    pub mtu: u32,
    /// Its IPv4 subnets.
    pub subnets: Vec<SubnetSpec>,
    /// All its ports, so that DHCP and DNS know them.
    pub ports: Vec<PortSpec>,
    /// Whether the node translates the network's addresses to its own on the way out.
    pub nat: bool,
    /// Domain of its names.
    pub dns_domain: String,
}

/// One subnet on a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubnetSpec {
    /// The subnet.
    pub id: SubnetId,
    /// Its addresses.
    pub cidr: Ipv4Net,
    /// The node's own address in it, given to guests as gateway.
    pub gateway: Option<Ipv4Addr>,
    /// Whether guests are given their addresses by DHCP.
    pub dhcp: bool,
    /// Name servers for guests; the node itself when empty.
    pub dns: Vec<IpAddr>,
    /// Further routes for guests: destination and next hop.
    pub routes: Vec<(Ipv4Net, Ipv4Addr)>,
}

/// Everything a node's networking shall be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkDesired {
    /// Rises with each change.
    pub generation: i64,
    /// The networks.
    pub networks: Vec<NetworkSpec>,
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
