//! A floating address: one outside that leads to a port inside, through a router.

use std::net::Ipv4Addr;

use crate::ids::{FloatingIpId, NetworkId, PortId, ProjectId, RouterId, SubnetId, Time};

/// A floating address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FloatingIp {
    /// Its id.
    pub id: FloatingIpId,
    /// Its project.
    pub project: ProjectId,
    /// For people.
    pub description: String,
    /// The network outside.
    pub network: NetworkId,
    /// The port that keeps its place there; it is on no node.
    pub port: PortId,
    /// The address.
    pub address: Ipv4Addr,
    /// Where it leads.
    pub target: Option<FloatingTarget>,
    /// Whether the router it goes through works.
    pub is_active: bool,
    /// Labels.
    pub tags: Vec<String>,
    /// Rises with each change.
    pub revision: i64,
    /// When it was made.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
}

/// Where a floating address leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FloatingTarget {
    /// A port inside.
    pub port: PortId,
    /// One of its addresses.
    pub address: Ipv4Addr,
    /// The router between.
    pub router: RouterId,
}

/// A target that is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TargetWish {
    /// The port.
    pub port: PortId,
    /// One of its addresses; its only one when absent.
    pub address: Option<Ipv4Addr>,
}

/// A floating address to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFloatingIp {
    /// Another project's (administrators).
    pub project: Option<ProjectId>,
    /// For people.
    pub description: String,
    /// The network outside.
    pub network: NetworkId,
    /// Of this subnet.
    pub subnet: Option<SubnetId>,
    /// This one (administrators).
    pub address: Option<Ipv4Addr>,
    /// Where it leads.
    pub target: Option<TargetWish>,
}

/// What of a floating address changes; what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FloatingIpChanges {
    /// For people.
    pub description: Option<String>,
    /// Where it leads; `Some(None)`: nowhere.
    pub target: Option<Option<TargetWish>>,
    /// Labels.
    pub tags: Option<Vec<String>>,
}
