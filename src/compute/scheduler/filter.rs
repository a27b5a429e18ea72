//! All filters, by Nova's names. A filter is a function that lets a host stay or says why not.

mod aggregate;
mod availability;
mod image;
mod placement;
mod room;

use std::fmt;

use super::capability;
use super::host::HostState;
use super::query;
use super::refusal::Refusal;
use super::request::Request;
use super::rules::Rules;

/// What a filter says of a host that may stay: what is wanted of it, what it has left of that, and the unit, where it is
/// a quantity.
pub type Room = Option<(u64, u64, &'static str)>;

/// What a filter says of a host.
pub type Judgement<'a> = Result<Room, Refusal<'a>>;

type Judge = for<'a> fn(&'a Rules, &'a Request, &'a HostState) -> Judgement<'a>;

/// One filter.
#[derive(Clone, Copy)]
pub struct Filter {
    name: &'static str,
    judge: Judge,
}

/// In alphabetical order.
const ALL: [Filter; 25] = [
    Filter::new(
        "AggregateImagePropertiesIsolation",
        aggregate::image_properties,
    ),
    Filter::new("AggregateInstanceExtraSpecsFilter", aggregate::extra_specs),
    Filter::new("AggregateMultiTenancyIsolation", aggregate::tenants),
    Filter::new("AggregateTypeAffinityFilter", aggregate::flavors),
    Filter::new("AllHostsFilter", placement::all_hosts),
    Filter::new("AvailabilityZoneFilter", availability::zone),
    Filter::new("ComputeCapabilitiesFilter", capability::judge),
    Filter::new("ComputeFilter", availability::compute),
    CONDITIONS,
    Filter::new("CoreFilter", room::cores),
    Filter::new("DifferentHostFilter", placement::different_host),
    Filter::new("DiskFilter", room::disk),
    Filter::new("ImagePropertiesFilter", image::properties),
    Filter::new("IoOpsFilter", room::io_ops),
    Filter::new("IsolatedHostsFilter", aggregate::isolated),
    Filter::new("JsonFilter", query::judge),
    Filter::new("MetricsFilter", availability::metrics),
    Filter::new("NumInstancesFilter", room::instances),
    PLUGGED,
    Filter::new("RamFilter", room::ram),
    REQUESTED,
    Filter::new("SameHostFilter", placement::same_host),
    Filter::new("ServerGroupAffinityFilter", placement::affinity),
    Filter::new("ServerGroupAntiAffinityFilter", placement::anti_affinity),
    Filter::new("SimpleCIDRAffinityFilter", placement::near),
];

/// Asked before all others, whatever the settings say: a host that was asked for by name is the only one.
const REQUESTED: Filter = Filter::new("RequestedHostFilter", placement::requested);

/// Asked next where it matters, whatever the settings say: elsewhere the server's ports could not be bound.
const PLUGGED: Filter = Filter::new("PhysicalNetworkFilter", placement::plugged);

/// Asked after all others where the operator has set conditions of their own.
const CONDITIONS: Filter = Filter::new("ConditionsFilter", aggregate::conditions);

impl Filter {
    const fn new(name: &'static str, judge: Judge) -> Self {
        Self { name, judge }
    }

    /// Nova's name.
    pub fn name(self) -> &'static str {
        self.name
    }

    /// All there are.
    pub fn all() -> impl Iterator<Item = Self> {
        ALL.into_iter()
    }

    /// The filter of this name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::all().find(|filter| filter.name == name)
    }

    /// The filters that a request meets under these rules, in order.
    pub fn of(rules: &Rules, request: &Request) -> impl Iterator<Item = Self> {
        let plugged = (!request.physical_networks.is_empty()).then_some(PLUGGED);
        std::iter::once(REQUESTED)
            .chain(plugged)
            .chain(rules.filters.iter().copied().filter(|filter| {
                ![REQUESTED.name, PLUGGED.name, CONDITIONS.name].contains(&filter.name)
            }))
            .chain((!rules.conditions.is_empty()).then_some(CONDITIONS))
    }

    /// Whether this host may have the server, and if not, why.
    pub fn judge<'a>(
        self,
        rules: &'a Rules,
        request: &'a Request,
        host: &'a HostState,
    ) -> Judgement<'a> {
        (self.judge)(rules, request, host)
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
