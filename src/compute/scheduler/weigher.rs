//! All weighers, by Nova's names. A weigher measures a host for a request; more is better.

use std::fmt;

use super::host::HostState;
use super::request::Request;
use super::rules::Rules;
use crate::compute::model::Affinity;

/// Weight of a host that does not tell what is weighed (Nova's `weight_of_unavailable`).
const UNTOLD: f64 = -10_000.0;

type Measure = fn(&Rules, &Request, &HostState) -> f64;

/// One weigher.
#[derive(Clone, Copy)]
pub struct Weigher {
    name: &'static str,
    measure: Measure,
}

/// In alphabetical order. Counts of things to avoid (`BuildFailure`, `SoftAntiAffinity`) are negative; those that an
/// operator may want either way (`NumInstances`, `IoOps`) are plain, and a negative factor spreads.
const ALL: [Weigher; 9] = [
    Weigher::new("BuildFailureWeigher", |_, _, host| {
        -f64::from(host.failures)
    }),
    Weigher::new("CPUWeigher", |_, _, host| amount(host.free().vcpus)),
    Weigher::new("DiskWeigher", |_, _, host| amount(host.free().disk_gb)),
    Weigher::new("IoOpsWeigher", |_, _, host| f64::from(host.io_ops)),
    Weigher::new("MetricsWeigher", |rules, _, host| metrics(rules, host)),
    Weigher::new("NumInstancesWeigher", |_, _, host| f64::from(host.servers)),
    Weigher::new("RAMWeigher", |_, _, host| amount(host.free().memory_mb)),
    Weigher::new("ServerGroupSoftAffinityWeigher", |_, request, host| {
        members(request, host, Affinity::SoftTogether)
    }),
    Weigher::new("ServerGroupSoftAntiAffinityWeigher", |_, request, host| {
        -members(request, host, Affinity::SoftApart)
    }),
];

/// What a host measures, by the factors of `compute.metrics`; one that does not tell all of it comes last.
fn metrics(rules: &Rules, host: &HostState) -> f64 {
    let told = |(name, factor): (&String, &f64)| Some(host.metrics.get(name)? * factor);
    let sum: Option<f64> = rules.metrics.iter().map(told).sum();
    sum.unwrap_or(UNTOLD)
}

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
    pub fn measure(self, rules: &Rules, request: &Request, host: &HostState) -> f64 {
        (self.measure)(rules, request, host)
    }
}

impl fmt::Debug for Weigher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
