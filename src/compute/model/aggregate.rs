//! Groups of hosts that an operator makes, by what hosts have in common: a zone, a kind of disk, a tenant.

use std::collections::BTreeMap;

use super::DEFAULT_ZONE;
use crate::ids::{AggregateId, Time};

/// The metadata that makes an aggregate a zone.
pub const ZONE_KEY: &str = "availability_zone";

/// A group of hosts. A host may be in several, but in one zone only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aggregate {
    /// What addresses of the API name it by.
    pub number: i64,
    /// Its id, which the API shows from 2.41 on.
    pub id: AggregateId,
    /// Its name, unique.
    pub name: String,
    /// Free pairs, which filters read.
    pub metadata: BTreeMap<String, String>,
    /// Names of its hosts, sorted by their bytes, as every engine is told to.
    pub hosts: Vec<String>,
    /// When it was made.
    pub created_at: Time,
    /// When its name or metadata last changed.
    pub updated_at: Option<Time>,
}

impl Aggregate {
    /// The zone that its hosts are in, if it is one.
    pub fn zone(&self) -> Option<&str> {
        self.metadata.get(ZONE_KEY).map(String::as_str)
    }

    /// Whether a host is in it. Asked for each of thousands of hosts, of groups with thousands.
    fn has(&self, host: &str) -> bool {
        let found = self.hosts.binary_search_by(|name| name.as_str().cmp(host));
        found.is_ok()
    }
}

/// The zone of a host.
pub fn zone_of_host<'a>(aggregates: &'a [Aggregate], host: &str) -> &'a str {
    aggregates
        .iter()
        .filter(|aggregate| aggregate.has(host))
        .find_map(Aggregate::zone)
        .unwrap_or(DEFAULT_ZONE)
}

/// What all aggregates of a host say together: each key with every value that one of them has, and values of lists
/// (`a,b`) one by one.
pub fn metadata_of_host(aggregates: &[Aggregate], host: &str) -> BTreeMap<String, Vec<String>> {
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for aggregate in aggregates {
        if !aggregate.has(host) {
            continue;
        }
        for (key, value) in &aggregate.metadata {
            let values = all.entry(key.clone()).or_default();
            values.extend(value.split(',').map(|part| part.trim().to_owned()));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aggregate(hosts: &[&str], metadata: &[(&str, &str)]) -> Aggregate {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        Aggregate {
            number: 1,
            id: AggregateId::new(),
            name: "a".into(),
            metadata: metadata.iter().map(owned).collect(),
            hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
            created_at: Time(0),
            updated_at: None,
        }
    }

    #[test]
    fn a_host_is_in_the_zone_and_has_the_metadata_of_its_aggregates() {
        let all = [
            aggregate(&["a", "b"], &[("ssd", "true")]),
            aggregate(&["b"], &[(ZONE_KEY, "west"), ("ssd", "nvme, sata")]),
        ];
        assert_eq!(zone_of_host(&all, "a"), DEFAULT_ZONE);
        assert_eq!(zone_of_host(&all, "b"), "west");
        assert_eq!(metadata_of_host(&all, "b")["ssd"], ["true", "nvme", "sata"]);
        assert!(metadata_of_host(&all, "c").is_empty());
    }
}
