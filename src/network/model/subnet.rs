//! A subnet: a range of addresses on a network, and what guests are told about it. All its addresses are of one family;
//! a network whose guests speak both has a subnet of each.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::ids::{NetworkId, ProjectId, SubnetId, Time};

/// How guests of an IPv6 subnet come to their addresses, or what routers tell them of that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ipv6Mode {
    /// Guests make them of the prefix that a router announces and their Ethernet address (RFC 4862).
    Slaac,
    /// DHCP gives them (RFC 8415).
    Stateful,
    /// Guests make them, and DHCP tells the rest.
    Stateless,
}

impl Ipv6Mode {
    /// Neutron's word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Slaac => "slaac",
            Self::Stateful => "dhcpv6-stateful",
            Self::Stateless => "dhcpv6-stateless",
        }
    }
}

impl fmt::Display for Ipv6Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Ipv6Mode {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Slaac, Self::Stateful, Self::Stateless]
            .into_iter()
            .find(|mode| mode.name() == text)
            .ok_or(())
    }
}

/// A subnet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subnet {
    /// Its id.
    pub id: SubnetId,
    /// Its network.
    pub network: NetworkId,
    /// Its project, the network's.
    pub project: ProjectId,
    /// Name; need not be unique.
    pub name: String,
    /// For people.
    pub description: String,
    /// Its addresses; overlaps no other subnet of the cloud.
    pub cidr: IpNet,
    /// The gateway told to guests; a node's own address.
    pub gateway: Option<IpAddr>,
    /// Whether guests are given their addresses by DHCP; of IPv6 by the modes.
    pub dhcp: bool,
    /// IPv6: how guests come to their addresses; DHCP, if there is some, when absent.
    pub address_mode: Option<Ipv6Mode>,
    /// IPv6: what the cloud's routers announce; nothing when absent.
    pub ra_mode: Option<Ipv6Mode>,
    /// Name servers told to guests; the node itself when empty.
    pub dns: Vec<IpAddr>,
    /// Addresses that are given out, in order, apart from each other and from the gateway.
    pub pools: Vec<Pool>,
    /// Further routes told to guests.
    pub routes: Vec<Route>,
    /// Labels.
    pub tags: Vec<String>,
    /// Rises with each change.
    pub revision: i64,
    /// When it was made.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
}

impl Subnet {
    /// Whether its addresses are of IPv6.
    pub fn is_v6(&self) -> bool {
        matches!(self.cidr, IpNet::V6(_))
    }

    /// Whether guests make their addresses themselves, so that every port of the network has one (see
    /// [`eui64`](crate::network::ipam::eui64)).
    pub fn is_auto(&self) -> bool {
        let auto = |mode: &Ipv6Mode| *mode != Ipv6Mode::Stateful;
        self.address_mode.iter().chain(&self.ra_mode).any(auto)
    }
}

/// A range of addresses, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Pool {
    /// First.
    pub start: IpAddr,
    /// Last.
    pub end: IpAddr,
}

/// A route for guests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Where to.
    pub destination: IpNet,
    /// By which address.
    pub nexthop: IpAddr,
}

/// A subnet to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSubnet {
    /// Its network.
    pub network: NetworkId,
    /// Name.
    pub name: String,
    /// For people.
    pub description: String,
    /// Its addresses.
    pub cidr: IpNet,
    /// `None`: the first address; `Some(None)`: no gateway.
    pub gateway: Option<Option<IpAddr>>,
    /// Whether guests are given their addresses by DHCP; of IPv6 by the modes.
    pub dhcp: bool,
    /// IPv6: how guests come to their addresses; DHCP, if there is some, when absent.
    pub address_mode: Option<Ipv6Mode>,
    /// IPv6: what the cloud's routers announce; nothing when absent.
    pub ra_mode: Option<Ipv6Mode>,
    /// Name servers told to guests.
    pub dns: Vec<IpAddr>,
    /// Addresses that are given out; all but the gateway when absent.
    pub pools: Option<Vec<Pool>>,
    /// Further routes told to guests.
    pub routes: Vec<Route>,
}

/// What of a subnet changes; what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubnetChanges {
    /// Name.
    pub name: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// Gateway; `Some(None)` removes it.
    pub gateway: Option<Option<IpAddr>>,
    /// Whether guests are given their addresses by DHCP.
    pub dhcp: Option<bool>,
    /// Name servers.
    pub dns: Option<Vec<IpAddr>>,
    /// Addresses that are given out.
    pub pools: Option<Vec<Pool>>,
    /// Further routes.
    pub routes: Option<Vec<Route>>,
    /// Labels.
    pub tags: Option<Vec<String>>,
}

/// Which subnets to list; all that are set must hold.
#[derive(Clone, Debug, Default)]
pub struct SubnetQuery {
    /// On a network that is this project's or shared.
    pub visible_to: Option<ProjectId>,
    /// With this id.
    pub id: Option<SubnetId>,
    /// Of this network.
    pub network: Option<NetworkId>,
}
