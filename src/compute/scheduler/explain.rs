//! A decision in full: every host, every filter, every weight, and what would have helped.

use serde::{Deserialize, Serialize};

use super::filter::Filter;
use super::host::HostState;
use super::request::Request;
use super::rules::Rules;
use super::select::{Selection, normalized};
use super::suggest::{Suggestion, suggest};
use crate::compute::model::Resources;

/// What one filter said of one host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FilterVerdict {
    /// The filter's name.
    pub filter: String,
    /// Whether the host may stay.
    pub passed: bool,
    /// Why not, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What was wanted of the host, in `unit`, where it is a quantity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wanted: Option<u64>,
    /// What the host had left of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub available: Option<u64>,
    /// `vcpus`, `MiB`, `GiB`, `servers`, `operations`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
}

/// What one weigher said of one host.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Weight {
    /// The weigher's name.
    pub weigher: String,
    /// What it measured.
    pub raw: f64,
    /// The same from 0 (worst host) to 1 (best host).
    pub normalized: f64,
    /// The configured factor.
    pub multiplier: f64,
    /// `normalized * multiplier`.
    pub score: f64,
}

/// All that was said of one host.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct HostVerdict {
    /// The host.
    pub host: String,
    /// Whether every filter let it stay.
    pub passed: bool,
    /// Filters in order, up to the first refusal.
    pub filters: Vec<FilterVerdict>,
    /// Weighers, if it passed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub weights: Vec<Weight>,
    /// Sum of the scores, if it passed.
    pub weight: Option<f64>,
    /// 1 is best; absent if it did not pass.
    pub rank: Option<u32>,
}

/// How many hosts a filter refused that no filter before it had.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RefusedBy {
    /// The filter's name.
    pub filter: String,
    /// How many.
    pub hosts: usize,
}

/// A decision.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Decision {
    /// What was asked for.
    pub wanted: Resources,
    /// The zone asked for.
    pub availability_zone: Option<String>,
    /// The host asked for.
    pub host: Option<String>,
    /// Hosts left out.
    pub excluded: Vec<String>,
    /// How many hosts were looked at.
    pub considered: usize,
    /// How many of them passed.
    pub passed: usize,
    /// How many of them each filter refused, of those that refused any.
    pub refused: Vec<RefusedBy>,
    /// Hosts, best first, then refused ones; a bounded number of each.
    pub hosts: Vec<HostVerdict>,
    /// The host that was chosen.
    pub chosen: Option<String>,
    /// The next best ones, in order.
    pub alternates: Vec<String>,
    /// What would have helped, where no host passed.
    pub suggestion: Option<Suggestion>,
}

impl Decision {
    /// One line for people when no host was found: what and why, with the suggestion if there is one.
    pub fn failure(&self) -> String {
        let hosts = match self.considered {
            0 => "there is no host yet: is an agent running?".to_owned(),
            1 => self.hosts.first().map_or_else(
                || "the only host was left out".to_owned(),
                |verdict| format!("{}: {}", verdict.host, verdict.refusal()),
            ),
            count => {
                let refused = self.refused.iter();
                let refused: Vec<String> = refused
                    .map(|by| format!("{} turned down by {}", by.hosts, by.filter))
                    .chain((!self.excluded.is_empty()).then(|| "others left out".to_owned()))
                    .collect();
                format!(
                    "none of {count} hosts passed the filters ({})",
                    refused.join(", ")
                )
            }
        };
        format!("No valid host was found. There are not enough hosts available: {hosts}")
    }
}

impl HostVerdict {
    /// Why it did not pass; empty if it did.
    pub fn refusal(&self) -> &str {
        self.filters
            .iter()
            .find_map(|verdict| verdict.reason.as_deref())
            .unwrap_or_default()
    }
}

/// Explains a selection that was made from these hosts under these rules. In detail are at most `limit` hosts that passed
/// and as many that did not, one of each filter that refused any before a second one; `alternates` at most are named.
pub fn explain(
    rules: &Rules,
    request: &Request,
    hosts: &[HostState],
    selection: &Selection,
    alternates: usize,
    limit: usize,
) -> Decision {
    let filters: Vec<Filter> = Filter::of(rules, request).collect();
    let name = |at: &usize| hosts[*at].name.clone();
    let mut verdicts: Vec<HostVerdict> = Vec::new();
    for (rank, (&at, &weight)) in selection
        .ranked
        .iter()
        .zip(&selection.weights)
        .take(limit)
        .enumerate()
    {
        verdicts.push(HostVerdict {
            weights: weights(rules, request, &hosts[at], selection),
            weight: Some(weight),
            rank: u32::try_from(rank + 1).ok(),
            ..verdict(&filters, rules, request, &hosts[at])
        });
    }
    let refused = refused(request, hosts, selection, limit);
    verdicts.extend(
        refused
            .into_iter()
            .map(|at| verdict(&filters, rules, request, &hosts[at])),
    );
    Decision {
        wanted: request.resources,
        availability_zone: request.availability_zone.clone(),
        host: request.host.clone(),
        excluded: request.excluded.clone(),
        considered: hosts.len(),
        passed: selection.ranked.len(),
        refused: filters
            .iter()
            .zip(&selection.refused)
            .filter(|(_, (count, _))| *count > 0)
            .map(|(filter, (count, _))| RefusedBy {
                filter: filter.name().to_owned(),
                hosts: *count,
            })
            .collect(),
        hosts: verdicts,
        chosen: selection.ranked.first().map(name),
        alternates: selection
            .ranked
            .iter()
            .skip(1)
            .take(alternates)
            .map(name)
            .collect(),
        suggestion: match selection.chosen() {
            Some(_) => None,
            None => suggest(rules, request, hosts),
        },
    }
}

/// Hosts to be shown of those that did not pass.
fn refused(
    request: &Request,
    hosts: &[HostState],
    selection: &Selection,
    limit: usize,
) -> Vec<usize> {
    let mut shown = vec![false; hosts.len()];
    for &at in &selection.ranked {
        shown[at] = true;
    }
    let firsts = selection.refused.iter().filter(|(count, _)| *count > 0);
    let mut refused: Vec<usize> = firsts.map(|(_, first)| *first).take(limit).collect();
    for &at in &refused {
        shown[at] = true;
    }
    let others = (0..hosts.len()).filter(|&at| !shown[at] && !request.is_excluded(&hosts[at].name));
    refused.extend(others.take(limit - refused.len()));
    refused
}

fn verdict(filters: &[Filter], rules: &Rules, request: &Request, host: &HostState) -> HostVerdict {
    let mut verdicts = Vec::new();
    let mut passed = true;
    for filter in filters {
        let judgement = filter.judge(rules, request, host);
        let amounts = match &judgement {
            Ok(room) => *room,
            Err(refusal) => refusal.amounts(),
        };
        passed = judgement.is_ok();
        verdicts.push(FilterVerdict {
            filter: filter.name().to_owned(),
            passed,
            reason: judgement.err().map(|refusal| refusal.reason()),
            wanted: amounts.map(|(wanted, _, _)| wanted),
            available: amounts.map(|(_, available, _)| available),
            unit: amounts.map(|(_, _, unit)| unit.to_owned()),
        });
        if !passed {
            break;
        }
    }
    HostVerdict {
        host: host.name.clone(),
        passed,
        filters: verdicts,
        ..HostVerdict::default()
    }
}

fn weights(
    rules: &Rules,
    request: &Request,
    host: &HostState,
    selection: &Selection,
) -> Vec<Weight> {
    rules
        .weighers
        .iter()
        .zip(&selection.ranges)
        .map(|((weigher, multiplier), range)| {
            let raw = weigher.measure(rules, request, host);
            let normalized = normalized(raw, *range);
            Weight {
                weigher: weigher.name().to_owned(),
                raw,
                normalized,
                multiplier: *multiplier,
                score: normalized * multiplier,
            }
        })
        .collect()
}
