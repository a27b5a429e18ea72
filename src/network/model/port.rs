//! A port: where one interface of one guest is plugged in.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::ids::{NetworkId, PortId, ProjectId, SecurityGroupId, ServerId, SubnetId, Time};

/// `device_owner` of servers' ports.
pub const COMPUTE_OWNER: &str = "compute:nova";

/// `device_owner` of ports where DHCP is answered; with OVN, of those where metadata is, on each host with the network.
pub const DHCP_OWNER: &str = "network:dhcp";
/// `device_owner` of routers' ports inside.
pub const INTERFACE_OWNER: &str = "network:router_interface";
/// `device_owner` of routers' ports outside.
pub const GATEWAY_OWNER: &str = "network:router_gateway";
/// `device_owner` of the places of floating addresses, which are on no node.
pub const FLOATING_OWNER: &str = "network:floatingip";

/// Whether ports of this owner are made and removed by the cloud alone.
pub fn is_service_owner(owner: &str) -> bool {
    [DHCP_OWNER, INTERFACE_OWNER, GATEWAY_OWNER, FLOATING_OWNER].contains(&owner)
}

/// Whether a port works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PortStatus {
    /// Its node has it.
    Active,
    /// It is bound to a node that does not have it yet.
    Build,
    /// It is bound to no node, or OVN has it on none any more.
    Down,
}

impl PortStatus {
    /// Neutron's word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Build => "BUILD",
            Self::Down => "DOWN",
        }
    }
}

impl fmt::Display for PortStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for PortStatus {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Active, Self::Build, Self::Down]
            .into_iter()
            .find(|status| status.name() == text)
            .ok_or(())
    }
}

/// One address of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortAddress {
    /// Its subnet.
    pub subnet: SubnetId,
    /// The address.
    pub address: IpAddr,
}

/// Addresses that a port may use besides its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AddressPair {
    /// From this Ethernet address; the port's own when absent.
    pub mac: Option<String>,
    /// The addresses.
    pub prefix: IpNet,
}

/// A port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Its id.
    pub id: PortId,
    /// Its network.
    pub network: NetworkId,
    /// Its project.
    pub project: ProjectId,
    /// Name; need not be unique.
    pub name: String,
    /// For people.
    pub description: String,
    /// Ethernet address, unique in the network.
    pub mac: String,
    /// What uses it: a server's id, or empty.
    pub device_id: String,
    /// Kind of what uses it, or empty.
    pub device_owner: String,
    /// The node it is bound to.
    pub host: Option<String>,
    /// The node that its server is being moved to, which has its network as well.
    pub migrating_to: Option<String>,
    /// Whether it works.
    pub status: PortStatus,
    /// Whether it carries frames.
    pub admin_state_up: bool,
    /// Whether frames with foreign addresses are dropped.
    pub port_security: bool,
    /// Its name in DNS, without domain.
    pub hostname: Option<String>,
    /// Labels.
    pub tags: Vec<String>,
    /// Rises with each change.
    pub revision: i64,
    /// When it was made.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
    /// Its addresses, in the order in which they were asked for.
    pub addresses: Vec<PortAddress>,
    /// Further addresses it may use.
    pub pairs: Vec<AddressPair>,
    /// Its security groups, by id; none while port security is off.
    pub groups: Vec<SecurityGroupId>,
}

impl Port {
    /// Whether it is the cloud's own: of DHCP, a router, or a floating address. Such ones have no security groups.
    pub fn is_service(&self) -> bool {
        is_service_owner(&self.device_owner)
    }

    /// The server it belongs to, if it belongs to one.
    pub fn server(&self) -> Option<ServerId> {
        if self.device_owner.starts_with("compute:") {
            self.device_id.parse().ok()
        } else {
            None
        }
    }
}

/// Addresses wanted for a port.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Addresses {
    /// One of each family, of any subnet of the network that has one left; none if the network has no subnets.
    #[default]
    Any,
    /// These, in order; none if empty.
    These(Vec<AddressWish>),
}

/// One address wanted. Either may be absent, not both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AddressWish {
    /// Of this subnet.
    pub subnet: Option<SubnetId>,
    /// This one.
    pub address: Option<IpAddr>,
}

/// A port to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPort {
    /// Its id, chosen beforehand: making it again changes nothing.
    pub id: PortId,
    /// Its network.
    pub network: NetworkId,
    /// Its project.
    pub project: ProjectId,
    /// Name.
    pub name: String,
    /// For people.
    pub description: String,
    /// Ethernet address of one's own choice.
    pub mac: Option<String>,
    /// Its addresses.
    pub addresses: Addresses,
    /// What uses it, or empty.
    pub device_id: String,
    /// Kind of what uses it, or empty.
    pub device_owner: String,
    /// Whether it carries frames.
    pub admin_state_up: bool,
    /// Whether frames with foreign addresses are dropped; as the network says when absent.
    pub port_security: Option<bool>,
    /// Its name in DNS, without domain.
    pub hostname: Option<String>,
    /// Further addresses it may use.
    pub pairs: Vec<AddressPair>,
    /// Its security groups; the project's default one when absent, if port security is on.
    pub groups: Option<Vec<SecurityGroupId>>,
}

impl NewPort {
    /// A port with any address, for nothing in particular.
    pub fn new(id: PortId, network: NetworkId, project: ProjectId) -> Self {
        Self {
            id,
            network,
            project,
            name: String::new(),
            description: String::new(),
            mac: None,
            addresses: Addresses::Any,
            device_id: String::new(),
            device_owner: String::new(),
            admin_state_up: true,
            port_security: None,
            hostname: None,
            pairs: Vec::new(),
            groups: None,
        }
    }

    /// A port of a server.
    #[must_use]
    pub fn for_server(mut self, server: ServerId, hostname: Option<String>) -> Self {
        self.device_id = server.to_string();
        self.device_owner = COMPUTE_OWNER.to_owned();
        self.hostname = hostname;
        self
    }
}

/// What of a port changes; what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortChanges {
    /// Name.
    pub name: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// Ethernet address; only while it is bound to no node.
    pub mac: Option<String>,
    /// Its addresses, all of them: those not named are given back.
    pub addresses: Option<Vec<AddressWish>>,
    /// What uses it.
    pub device_id: Option<String>,
    /// Kind of what uses it.
    pub device_owner: Option<String>,
    /// Whether it carries frames.
    pub admin_state_up: Option<bool>,
    /// Whether frames with foreign addresses are dropped.
    pub port_security: Option<bool>,
    /// Its name in DNS; empty removes it.
    pub hostname: Option<String>,
    /// Further addresses it may use, all of them.
    pub pairs: Option<Vec<AddressPair>>,
    /// Its security groups, all of them.
    pub groups: Option<Vec<SecurityGroupId>>,
    /// Labels.
    pub tags: Option<Vec<String>>,
}

/// Which ports to list; all that are set must hold.
#[derive(Clone, Debug, Default)]
pub struct PortQuery {
    /// Of this project.
    pub project: Option<ProjectId>,
    /// With this id.
    pub id: Option<PortId>,
    /// Of this network.
    pub network: Option<NetworkId>,
    /// Used by this.
    pub device_id: Option<String>,
    /// Used by something of this kind.
    pub device_owner: Option<String>,
    /// With this Ethernet address.
    pub mac: Option<String>,
    /// Bound to this node.
    pub host: Option<String>,
}

/// An address of a port that a server uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerPortAddress {
    /// The server.
    pub server: ServerId,
    /// The port.
    pub port: PortId,
    /// Name of its network.
    pub network: String,
    /// Its Ethernet address.
    pub mac: String,
    /// The address.
    pub address: IpAddr,
    /// Whether it is one outside that leads to the port.
    pub is_floating: bool,
}
