//! The smallest change that would find a host, when none was found.
//!
//! For each host, what stands in the way is taken away one thing after the other until every filter lets it pass. So what
//! is suggested was tried, not guessed. Of all hosts the one wins whose changes are the least trouble: a smaller flavor
//! before a dropped wish, a dropped wish before an operator's intervention.
//!
//! Most of ten thousand hosts are refused for the same reason, so a host is given up as soon as its changes are no less
//! trouble than those of the best host before it: usually at the first, before anything is copied.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::filter::Filter;
use super::host::HostState;
use super::refusal::{Quantity, Refusal};
use super::request::Request;
use super::rules::Rules;

/// More changes than this are no help for anybody.
const MOST_CHANGES: usize = 8;

/// One thing that would have to be different.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Ask for less.
    Less {
        /// Of what.
        what: Quantity,
        /// How much less.
        by: u64,
    },
    /// Make room by moving or deleting servers.
    Free {
        /// Where.
        host: String,
        /// Of what.
        what: Quantity,
        /// How much.
        amount: u64,
    },
    /// Have a host report again, with a hypervisor that answers.
    BringUp(String),
    /// Enable a host.
    Enable(String),
    /// Ask for this zone, or for none.
    OtherZone(String),
    /// Do not ask for a host.
    AnyHost,
    /// Use an image without this property.
    WithoutProperty(String),
    /// Use a flavor without this extra spec.
    WithoutExtraSpec(String),
    /// Leave out a hint: `same_host`, `different_host`, `group`, `build_near_host_ip`, `query`.
    WithoutHint(String),
    /// Move or delete servers, whatever their size.
    Vacate {
        /// Where.
        host: String,
        /// How many.
        servers: u32,
    },
    /// Wait until less is under way on a host.
    WaitFor(String),
    /// Change what a host's aggregates keep it for.
    OtherAggregates(String),
    /// Plug a host into a physical network.
    Plug {
        /// The host.
        host: String,
        /// The network's name.
        physical: String,
    },
    /// Set a host apart, or no longer.
    OtherIsolation(String),
}

/// What would help.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suggestion {
    /// For people.
    pub message: String,
    /// The host it would fit.
    pub host: String,
    /// A flavor that would fit, where less is asked for and such a flavor was offered.
    pub flavor: Option<String>,
    /// All that would have to be different.
    pub changes: Vec<Change>,
}

/// The smallest change that makes one of the hosts fit; `None` if there are no hosts or none of them can ever fit.
pub fn suggest(rules: &Rules, request: &Request, hosts: &[HostState]) -> Option<Suggestion> {
    let filters: Vec<Filter> = Filter::of(rules, request).collect();
    // What is asked for without what may be offered instead, which would be copied for each host.
    let bare = Request {
        flavors: Vec::new(),
        ..request.clone()
    };
    let mut best: Option<Plan<'_>> = None;
    for host in hosts {
        if request.is_excluded(&host.name) {
            continue;
        }
        let limit = best.as_ref().map_or(f64::INFINITY, |plan| plan.cost);
        if let Some(plan) = plan(&filters, rules, (request, &bare), host, limit) {
            best = Some(plan);
        }
    }
    best.map(|plan| plan.suggestion(request))
}

/// What one host would need.
struct Plan<'a> {
    host: &'a HostState,
    changes: Vec<Change>,
    flavor: Option<&'a str>,
    cost: f64,
}

/// The changes that one host needs, if they cost less than `limit`. `bare` is the request without flavors.
fn plan<'a>(
    filters: &[Filter],
    rules: &Rules,
    (request, bare): (&'a Request, &Request),
    host: &'a HostState,
    limit: f64,
) -> Option<Plan<'a>> {
    let mut asked = Cow::Borrowed(bare);
    let mut changed = Cow::Borrowed(host);
    let mut changes: Vec<Change> = Vec::new();
    loop {
        let refusal = filters
            .iter()
            .find_map(|filter| filter.judge(rules, &asked, &changed).err());
        let Some(refusal) = refusal else { break };
        let change = remedy(&refusal, &asked, &changed)?;
        merge(&mut changes, change.clone());
        // Whether a flavor will be found is not known yet; without one it costs more.
        let least: f64 = changes.iter().map(|one| one.cost(request, true)).sum();
        if changes.len() > MOST_CHANGES || least >= limit {
            return None;
        }
        change.apply(&mut asked, &mut changed);
    }
    let flavor = changes
        .iter()
        .any(Change::is_smaller)
        .then(|| smaller_flavor(filters, rules, &asked, &changed, request))
        .flatten();
    let cost: f64 = changes
        .iter()
        .map(|change| change.cost(request, flavor.is_some()))
        .sum();
    (cost < limit).then_some(Plan {
        host,
        changes,
        flavor,
        cost,
    })
}

/// The remedy for a refusal; makes room instead of asking for nothing. `None` if there is none: a machine without any of
/// a resource.
fn remedy(refusal: &Refusal<'_>, request: &Request, host: &HostState) -> Option<Change> {
    let change = refusal.remedy(host)?;
    let Change::Less { what, by } = change else {
        return Some(change);
    };
    let least = if what == Quantity::Disk { 0 } else { 1 };
    if what.of(request.resources).saturating_sub(by) >= least && by > 0 {
        return Some(Change::Less { what, by });
    }
    let occupied = what.of(host.used);
    match refusal {
        Refusal::Short { .. } if by > 0 && occupied >= by => Some(Change::Free {
            host: host.name.clone(),
            what,
            amount: by,
        }),
        _ => None,
    }
}

/// Adds a change to the list, or to an earlier one of the same kind.
fn merge(changes: &mut Vec<Change>, change: Change) {
    if let Change::Less { what, by } = change {
        for earlier in changes.iter_mut() {
            if let Change::Less {
                what: same,
                by: before,
            } = earlier
                && *same == what
            {
                *before += by;
                return;
            }
        }
    }
    changes.push(change);
}

/// The largest of the offered flavors that passes where the reduced request passes.
fn smaller_flavor<'a>(
    filters: &[Filter],
    rules: &Rules,
    asked: &Request,
    host: &HostState,
    original: &'a Request,
) -> Option<&'a str> {
    original
        .flavors
        .iter()
        .filter(|flavor| flavor.resources.fits_in(asked.resources))
        .filter(|flavor| {
            let trial = Request {
                resources: flavor.resources,
                extra_specs: flavor.extra_specs.clone(),
                flavors: Vec::new(),
                ..asked.clone()
            };
            filters
                .iter()
                .all(|filter| filter.judge(rules, &trial, host).is_ok())
        })
        .max_by_key(|flavor| {
            let size = flavor.resources;
            (size.memory_mb, size.vcpus, size.disk_gb)
        })
        .map(|flavor| flavor.name.as_str())
}

impl Plan<'_> {
    fn suggestion(self, request: &Request) -> Suggestion {
        let mut steps: Vec<String> = Vec::new();
        let less: Vec<String> = self.changes.iter().filter_map(Change::less).collect();
        if !less.is_empty() {
            let less = less.join(" and ");
            steps.push(match self.flavor {
                Some(flavor) => format!("use flavor {flavor} ({less})"),
                None if request.flavors.is_empty() => format!("use a flavor with {less}"),
                None => format!("make and use a flavor with {less}"),
            });
        }
        steps.extend(self.changes.iter().filter_map(Change::step));
        Suggestion {
            message: format!("{}; then it fits on {}", steps.join(", "), self.host.name),
            host: self.host.name.clone(),
            flavor: self.flavor.map(str::to_owned),
            changes: self.changes,
        }
    }
}

impl Change {
    /// Does it: to the request, or to the host it is about; only that one is copied.
    pub fn apply(&self, request: &mut Cow<'_, Request>, host: &mut Cow<'_, HostState>) {
        match self {
            Self::Less { what, by } => {
                let amount = what.of_mut(&mut request.to_mut().resources);
                *amount = amount.saturating_sub(*by);
            }
            Self::Free { what, amount, .. } => {
                let used = what.of_mut(&mut host.to_mut().used);
                *used = used.saturating_sub(*amount);
            }
            Self::BringUp(_) => {
                let host = host.to_mut();
                host.up = true;
                host.forced_down = false;
                host.trouble = None;
            }
            Self::Enable(_) => host.to_mut().enabled = true,
            Self::OtherZone(_) => request.to_mut().availability_zone = None,
            Self::AnyHost => request.to_mut().host = None,
            Self::WithoutProperty(name) => {
                request.to_mut().image_properties.remove(name);
            }
            Self::WithoutExtraSpec(name) => {
                request.to_mut().extra_specs.remove(name);
            }
            Self::WithoutHint(hint) => match hint.as_str() {
                "same_host" => request.to_mut().same_host = None,
                "different_host" => request.to_mut().different_host.clear(),
                "group" => request.to_mut().group = None,
                "build_near_host_ip" => request.to_mut().near = None,
                _ => request.to_mut().query = None,
            },
            Self::Vacate { servers, .. } => {
                let host = host.to_mut();
                host.servers = host.servers.saturating_sub(*servers);
            }
            Self::WaitFor(_) => host.to_mut().io_ops = 0,
            Self::OtherAggregates(_) => host.to_mut().aggregate_metadata.clear(),
            Self::Plug { physical, .. } => host.to_mut().physical_networks.push(physical.clone()),
            // A host is set apart by name: what was refused then passes, whichever of the two it was.
            Self::OtherIsolation(_) => host.to_mut().isolation_waived = true,
        }
    }

    fn is_smaller(&self) -> bool {
        matches!(self, Self::Less { .. })
    }

    /// How much trouble it is. A part of a resource counts by its share, so that little less is better than much less.
    #[expect(
        clippy::cast_precision_loss,
        reason = "sizes of machines are far below 2^53"
    )]
    fn cost(&self, request: &Request, flavor: bool) -> f64 {
        match self {
            Self::Less { what, by } => {
                let share = *by as f64 / (what.of(request.resources).max(1)) as f64;
                share + if flavor { 1.0 } else { 3.0 }
            }
            Self::WithoutHint(_) | Self::OtherZone(_) | Self::AnyHost => 4.0,
            Self::WaitFor(_) => 5.0,
            Self::WithoutExtraSpec(_) => 6.0,
            Self::WithoutProperty(_) => 7.0,
            Self::Enable(_) | Self::OtherAggregates(_) | Self::OtherIsolation(_) => 8.0,
            Self::Free { what, amount, .. } => {
                9.0 + *amount as f64 / (what.of(request.resources).max(1)) as f64
            }
            Self::Vacate { servers, .. } => 9.0 + f64::from(*servers),
            Self::BringUp(_) => 12.0,
            Self::Plug { .. } => 14.0,
        }
    }

    /// `512 MiB less memory`, for the changes of that kind.
    fn less(&self) -> Option<String> {
        match self {
            Self::Less { what, by } => Some(format!("{by} {} less{}", what.unit(), what.noun())),
            _ => None,
        }
    }

    /// What somebody would have to do, for the other kinds.
    fn step(&self) -> Option<String> {
        Some(match self {
            Self::Less { .. } => return None,
            Self::Free { host, what, amount } => format!(
                "free {amount} {}{} on {host} by moving or deleting servers",
                what.unit(),
                what.noun_of()
            ),
            Self::BringUp(host) => format!("bring {host} up"),
            Self::Enable(host) => format!("enable {host}"),
            Self::OtherZone(zone) => format!("ask for zone {zone} or for none"),
            Self::AnyHost => "do not ask for a certain host".into(),
            Self::WithoutProperty(name) => format!("use an image without the property {name}"),
            Self::WithoutExtraSpec(name) => format!("use a flavor without the extra spec {name}"),
            Self::WithoutHint(hint) => format!("leave out the hint {hint}"),
            Self::Vacate { host, servers } => format!("move or delete {servers} servers of {host}"),
            Self::WaitFor(host) => format!("wait until {host} has less to do"),
            Self::OtherAggregates(host) => {
                format!("take {host} out of the aggregate that keeps it")
            }
            Self::Plug { host, physical } => {
                format!("plug {host} into {physical} (agent.physical_networks there)")
            }
            Self::OtherIsolation(host) => {
                format!("change compute.isolated_hosts or isolated_images for {host}")
            }
        })
    }
}
