//! Which filters and weighers run, in which order, from the settings.

use std::collections::BTreeMap;

use super::filter::Filter;
use super::query::Condition;
use super::weigher::Weigher;
use crate::ids::ImageId;

/// The scheduler's settings, checked.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Filters in the order in which they are asked.
    pub filters: Vec<Filter>,
    /// Weighers and their factors.
    pub weighers: Vec<(Weigher, f64)>,
    /// Servers that one host may have.
    pub max_instances: u32,
    /// Servers of one host that may be built, resized, copied or moved at a time.
    pub max_io_ops: u32,
    /// Hosts and images that are set apart.
    pub isolation: Isolation,
    /// What hosts measure of themselves that is weighed, and the factor of each.
    pub metrics: BTreeMap<String, f64>,
    /// What the operator wants of every host, besides.
    pub conditions: Vec<Condition>,
}

/// Hosts and images that are set apart (IsolatedHostsFilter).
#[derive(Clone, Debug, Default)]
pub struct Isolation {
    /// The hosts.
    pub hosts: Vec<String>,
    /// The images, which run on no other hosts.
    pub images: Vec<ImageId>,
    /// Whether those hosts take no other images.
    pub hosts_for_images_only: bool,
}

/// A name in the settings that no filter or weigher has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{setting}: there is no {name}; did you mean {nearest}?")]
pub struct UnknownName {
    /// The setting.
    pub setting: &'static str,
    /// The name as written.
    pub name: String,
    /// The name it most resembles.
    pub nearest: &'static str,
}

impl Rules {
    /// Rules from `compute.filters` and `compute.weighers`, without any bounds.
    pub fn new(filters: &[String], weighers: &BTreeMap<String, f64>) -> Result<Self, UnknownName> {
        let filters = filters.iter().map(|name| {
            Filter::by_name(name)
                .ok_or_else(|| unknown("compute.filters", name, Filter::all().map(Filter::name)))
        });
        let weighers = weighers.iter().map(|(name, factor)| {
            let found = Weigher::by_name(name).ok_or_else(|| {
                unknown("compute.weighers", name, Weigher::all().map(Weigher::name))
            });
            found.map(|weigher| (weigher, *factor))
        });
        Ok(Self {
            filters: filters.collect::<Result<_, _>>()?,
            weighers: weighers.collect::<Result<_, _>>()?,
            max_instances: u32::MAX,
            max_io_ops: u32::MAX,
            isolation: Isolation::default(),
            metrics: BTreeMap::new(),
            conditions: Vec::new(),
        })
    }
}

fn unknown(
    setting: &'static str,
    name: &str,
    known: impl Iterator<Item = &'static str>,
) -> UnknownName {
    UnknownName {
        setting,
        name: name.to_owned(),
        nearest: known
            .min_by_key(|candidate| strsim::damerau_levenshtein(candidate, name))
            .unwrap_or_default(),
    }
}
