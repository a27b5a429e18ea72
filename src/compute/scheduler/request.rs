//! What a server needs of a host.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use ipnet::IpNet;
use serde_json::Value;

use crate::compute::model::{Affinity, Resources};
use crate::ids::{ImageId, ProjectId};

/// A request for a place. Servers named in hints have been turned into the hosts they are on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    /// How much.
    pub resources: Resources,
    /// Whose the server is.
    pub project: Option<ProjectId>,
    /// Name of the flavor; empty if it has none any more.
    pub flavor: String,
    /// The image, unless it boots from a volume.
    pub image: Option<ImageId>,
    /// Extra specs of the flavor.
    pub extra_specs: BTreeMap<String, String>,
    /// Properties of the image.
    pub image_properties: BTreeMap<String, String>,
    /// Only this zone.
    pub availability_zone: Option<String>,
    /// Only this host.
    pub host: Option<String>,
    /// Only hosts that are plugged into all of these physical networks.
    pub physical_networks: BTreeSet<String>,
    /// Only hosts with an address in this network.
    pub near: Option<IpNet>,
    /// This host before all others, if it passes.
    pub prefers: Option<String>,
    /// Not these hosts: they failed this server before, or it comes from there.
    pub excluded: Vec<String>,
    /// Only hosts among these (hint `same_host`). `None`: no such hint.
    pub same_host: Option<BTreeSet<String>>,
    /// None of these hosts (hint `different_host`).
    pub different_host: BTreeSet<String>,
    /// The server group it belongs to.
    pub group: Option<Group>,
    /// A condition on hosts (hint `query`), as Nova's JsonFilter has it.
    pub query: Option<Value>,
    /// What the server has already, for a resize.
    pub held: Option<Held>,
    /// Any number; orders hosts that weigh the same.
    pub seed: u64,
    /// Flavors that may be suggested instead. Empty: only amounts are suggested.
    pub flavors: Vec<FlavorSize>,
}

/// What a server holds on the host where it is: there it needs only what it will have in addition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// That host.
    pub host: String,
    /// What it holds there.
    pub resources: Resources,
}

/// A server group with its members' hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// What the group asks for.
    pub affinity: Affinity,
    /// Hosts that have members, and how many: every host is asked for, so a group of many is looked up, not gone through.
    pub hosts: HashMap<String, u32>,
    /// With anti-affinity: members that may share a host, usually 1.
    pub max_per_host: u32,
}

impl Group {
    /// Whether one more member may be on this host. Soft policies allow everything.
    pub fn allows(&self, host: &str) -> bool {
        let here = self.members_on(host);
        match self.affinity {
            Affinity::Together => self.hosts.is_empty() || here > 0,
            Affinity::Apart => here == 0 || here < self.max_per_host,
            Affinity::SoftTogether | Affinity::SoftApart => true,
        }
    }

    /// Members on this host.
    pub fn members_on(&self, host: &str) -> u32 {
        self.hosts.get(host).copied().unwrap_or_default()
    }

    /// Counts the members by the host of each.
    pub fn count(hosts: impl IntoIterator<Item = String>) -> HashMap<String, u32> {
        let mut counted = HashMap::new();
        for host in hosts {
            *counted.entry(host).or_default() += 1;
        }
        counted
    }
}

/// A flavor's name and what it asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlavorSize {
    /// Its name.
    pub name: String,
    /// What a server of it needs.
    pub resources: Resources,
    /// Its extra specs.
    pub extra_specs: BTreeMap<String, String>,
}

impl Request {
    /// What the server needs of this host beyond what it holds there.
    pub fn needed_on(&self, host: &str) -> Resources {
        match &self.held {
            Some(held) if held.host == host => self.resources.minus(held.resources),
            _ => self.resources,
        }
    }

    /// Whether the server is on this host already.
    pub fn is_held_on(&self, host: &str) -> bool {
        self.held.as_ref().is_some_and(|held| held.host == host)
    }

    /// Whether this host is left out.
    pub fn is_excluded(&self, host: &str) -> bool {
        self.excluded.iter().any(|name| name == host)
    }
}
