//! A network: one Ethernet that ports are plugged into.

use crate::ids::{NetworkId, ProjectId, SubnetId, Time};

/// What a network's frames travel on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum NetworkKind {
    /// A bridge of each node alone.
    #[default]
    Local,
    /// Tunnels between nodes: VXLAN's, or OVN's.
    Vxlan {
        /// The number that its frames carry.
        vni: u32,
    },
    /// A network that is there already.
    Flat {
        /// Nodes' name for it.
        physical: String,
    },
}

impl NetworkKind {
    /// Neutron's word, where nodes' kernels carry the tunnels.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Vxlan { .. } => "vxlan",
            Self::Flat { .. } => "flat",
        }
    }

    /// The number that its frames carry.
    pub fn vni(&self) -> Option<u32> {
        match self {
            Self::Vxlan { vni } => Some(*vni),
            _ => None,
        }
    }

    /// The network that is there already.
    pub fn physical(&self) -> Option<&str> {
        match self {
            Self::Flat { physical } => Some(physical),
            _ => None,
        }
    }
}

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
    /// What its frames travel on.
    pub kind: NetworkKind,
    /// Whether nodes translate its addresses to their own on the way out; only if it is local.
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

impl Network {
    /// The domain of its names, without a dot at the end: its own, or else that of the settings.
    pub fn domain<'a>(&'a self, of_settings: &'a str) -> &'a str {
        match self.dns_domain.trim_end_matches('.') {
            "" => of_settings,
            own => own,
        }
    }
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
    /// Whether it leads outside (administrators). Such a network's addresses are translated on the way out if it is local,
    /// which it is unless the provider attributes say otherwise.
    pub external: bool,
    /// What its frames shall travel on (administrators).
    pub provider: Provider,
    /// Largest packet in bytes; as much as its kind allows when absent.
    pub mtu: Option<u32>,
    /// Whether new ports drop frames with foreign addresses; yes when absent.
    pub port_security: Option<bool>,
    /// Domain of its names.
    pub dns_domain: String,
}

/// Neutron's provider attributes, as asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Provider {
    /// `local`, `vxlan`, `flat`.
    pub network_type: Option<String>,
    /// Nodes' name for a network that is there already.
    pub physical_network: Option<String>,
    /// The number that frames shall carry.
    pub segmentation_id: Option<u32>,
}

impl Provider {
    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
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
    /// Of this project, shared with every project, or leading outside.
    pub visible_to: Option<ProjectId>,
    /// Of this project, or shared with every project.
    pub usable_by: Option<ProjectId>,
    /// With this id.
    pub id: Option<NetworkId>,
    /// With this name.
    pub name: Option<String>,
}
