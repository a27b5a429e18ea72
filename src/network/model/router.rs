//! A router: carries packets between networks, and out through one that leads outside.

use super::{AddressWish, PortAddress, Route};
use crate::ids::{NetworkId, PortId, ProjectId, RouterId, SubnetId, Time};

/// A router.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Router {
    /// Its id.
    pub id: RouterId,
    /// Its project.
    pub project: ProjectId,
    /// Name; need not be unique.
    pub name: String,
    /// For people.
    pub description: String,
    /// Whether it carries packets.
    pub admin_state_up: bool,
    /// Whether inner addresses become its outer one on the way out.
    pub enable_snat: bool,
    /// Further routes.
    pub routes: Vec<Route>,
    /// The node that it is on; none while it has no interface, or no node can have it.
    pub host: Option<String>,
    /// Labels.
    pub tags: Vec<String>,
    /// Rises with each change.
    pub revision: i64,
    /// When it was made.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
    /// Its way out.
    pub gateway: Option<Gateway>,
}

/// A router's way out: a port on a network that leads outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gateway {
    /// The port.
    pub port: PortId,
    /// Its network.
    pub network: NetworkId,
    /// Its addresses.
    pub addresses: Vec<PortAddress>,
}

/// A way out that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayWish {
    /// The network that leads outside.
    pub network: NetworkId,
    /// Whether inner addresses are translated (administrators); as before, or yes, when absent.
    pub enable_snat: Option<bool>,
    /// Its addresses (administrators); any when absent.
    pub addresses: Option<Vec<AddressWish>>,
}

/// A router to make.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewRouter {
    /// Another project's (administrators).
    pub project: Option<ProjectId>,
    /// Name.
    pub name: String,
    /// For people.
    pub description: String,
    /// Whether it carries packets; yes when absent.
    pub admin_state_up: Option<bool>,
    /// Its way out.
    pub gateway: Option<GatewayWish>,
}

/// What of a router changes; what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouterChanges {
    /// Name.
    pub name: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// Whether it carries packets.
    pub admin_state_up: Option<bool>,
    /// Its way out; `Some(None)` removes it.
    pub gateway: Option<Option<GatewayWish>>,
    /// All further routes.
    pub routes: Option<Vec<Route>>,
    /// Labels.
    pub tags: Option<Vec<String>>,
}

/// What a router shall be plugged into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InterfaceWish {
    /// This subnet, whose gateway it becomes.
    Subnet(SubnetId),
    /// This port, with the addresses that it has.
    Port(PortId),
}

/// What a router was plugged into or taken from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouterInterface {
    /// The router.
    pub router: RouterId,
    /// Its project.
    pub project: ProjectId,
    /// The port.
    pub port: PortId,
    /// The port's network.
    pub network: NetworkId,
    /// Subnets of its addresses.
    pub subnets: Vec<SubnetId>,
}
