//! A network: one Ethernet that ports are plugged into.

use crate::ids::{NetworkId, ProjectId, SubnetId, Time};

/// A network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// Its id.
    pub id: NetworkId,
    /// Its project.
    pub project: ProjectId,
    /// Name; need not be unique.
    pub name: String,
    /// For people.
    pub description: String,
    /// Whether it carries frames.
    pub admin_state_up: bool,
    /// Whether every project may use it.
    pub shared: bool,
    /// Whether it leads outside, as OpenStack sees it.
    pub external: bool,
    /// Whether nodes translate its addresses to their own on the way out.
    pub nat: bool,
    /// Largest packet in bytes.
    pub mtu: u32,
    /// Whether new ports drop frames with foreign addresses.
    pub port_security: bool,
    /// Domain of its names; empty: the cloud's.
    pub dns_domain: String,
    /// Labels.
    pub tags: Vec<String>,
    /// Rises with each change.
    pub revision: i64,
    /// When it was made.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
    /// Its subnets, oldest first.
    pub subnets: Vec<SubnetId>,
}

/// A network to make.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewNetwork {
    /// Another project's (administrators).
    pub project: Option<ProjectId>,
    /// Name.
    pub name: String,
    /// For people.
    pub description: String,
    /// Whether it carries frames; yes when absent.
    pub admin_state_up: Option<bool>,
    /// Whether every project may use it (administrators).
    pub shared: bool,
    /// Whether it leads outside (administrators); such a network's addresses are translated on the way out.
    pub external: bool,
    /// Largest packet in bytes; 1500 when absent.
    pub mtu: Option<u32>,
    /// Whether new ports drop frames with foreign addresses; yes when absent.
    pub port_security: Option<bool>,
    /// Domain of its names.
    pub dns_domain: String,
}

/// What of a network changes; what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkChanges {
    /// Name.
    pub name: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// Whether it carries frames.
    pub admin_state_up: Option<bool>,
    /// Whether every project may use it (administrators).
    pub shared: Option<bool>,
    /// Whether it leads outside (administrators).
    pub external: Option<bool>,
    /// Largest packet in bytes.
    pub mtu: Option<u32>,
    /// Whether new ports drop frames with foreign addresses.
    pub port_security: Option<bool>,
    /// Domain of its names.
    pub dns_domain: Option<String>,
    /// Labels.
    pub tags: Option<Vec<String>>,
}

/// Which networks to list; all that are set must hold.
#[derive(Clone, Debug, Default)]
pub struct NetworkQuery {
    /// Of this project, or shared with every project.
    pub visible_to: Option<ProjectId>,
    /// With this id.
    pub id: Option<NetworkId>,
    /// With this name.
    pub name: Option<String>,
}
