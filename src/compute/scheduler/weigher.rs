//! All weighers, by Nova's names. A weigher measures a host for a request; more is better.

use std::fmt;

use super::host::HostState;
use super::request::Request;
use crate::compute::model::Affinity;

type Measure = fn(&Request, &HostState) -> f64;

/// One weigher.
#[derive(Clone, Copy)]
pub struct Weigher {
    name: &'static str,
    measure: Measure,
}

/// In alphabetical order. Counts of things to avoid (`BuildFailure`, `SoftAntiAffinity`) are negative; those that an
/// operator may want either way (`NumInstances`, `IoOps`) are plain, and a negative factor spreads.
const ALL: [Weigher; 8] = [
    Weigher::new("BuildFailureWeigher", |_, host| -f64::from(host.failures)),
    Weigher::new("CPUWeigher", |_, host| amount(host.free().vcpus)),
    Weigher::new("DiskWeigher", |_, host| amount(host.free().disk_gb)),
    Weigher::new("IoOpsWeigher", |_, host| f64::from(host.io_ops)),
    Weigher::new("NumInstancesWeigher", |_, host| f64::from(host.servers)),
    Weigher::new("RAMWeigher", |_, host| amount(host.free().memory_mb)),
    Weigher::new("ServerGroupSoftAffinityWeigher", |request, host| {
        members(request, host, Affinity::SoftTogether)
    }),
    Weigher::new("ServerGroupSoftAntiAffinityWeigher", |request, host| {
        -members(request, host, Affinity::SoftApart)
    }),
];

fn members(request: &Request, host: &HostState, affinity: Affinity) -> f64 {
    match &request.group {
        Some(group) if group.affinity == affinity => f64::from(group.members_on(&host.name)),
        _ => 0.0,
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "sizes of machines are far below 2^53"
)]
fn amount(number: u64) -> f64 {
    number as f64
}

impl Weigher {
    const fn new(name: &'static str, measure: Measure) -> Self {
        Self { name, measure }
    }

    /// Nova's name.
    pub fn name(self) -> &'static str {
        self.name
    }

    /// All there are.
    pub fn all() -> impl Iterator<Item = Self> {
        ALL.into_iter()
    }

    /// The weigher of this name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::all().find(|weigher| weigher.name == name)
    }

    /// What it measures.
    pub fn measure(self, request: &Request, host: &HostState) -> f64 {
        (self.measure)(request, host)
    }
}

impl fmt::Debug for Weigher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
