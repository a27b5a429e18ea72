//! A subnet: a range of addresses on a network, and what guests are told about it.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use crate::ids::{NetworkId, ProjectId, SubnetId, Time};

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
    pub cidr: Ipv4Net,
    /// The gateway told to guests; a node's own address.
    pub gateway: Option<Ipv4Addr>,
    /// Whether guests are given their addresses by DHCP.
    pub dhcp: bool,
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

/// A range of addresses, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Pool {
    /// First.
    pub start: Ipv4Addr,
    /// Last.
    pub end: Ipv4Addr,
}

/// A route for guests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Where to.
    pub destination: Ipv4Net,
    /// By which address.
    pub nexthop: Ipv4Addr,
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
    pub cidr: Ipv4Net,
    /// `None`: the first address; `Some(None)`: no gateway.
    pub gateway: Option<Option<Ipv4Addr>>,
    /// Whether guests are given their addresses by DHCP.
    pub dhcp: bool,
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
    pub gateway: Option<Option<Ipv4Addr>>,
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
