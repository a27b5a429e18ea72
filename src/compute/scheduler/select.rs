//! The choice itself.

use super::filter::Filter;
use super::host::HostState;
use super::request::Request;
use super::rules::Rules;

/// Which hosts may have the server, best first, as positions in the list that was given.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selection {
    /// Hosts that passed every filter, best first. Only as many as asked for are in order; the rest follow in any order.
    pub ranked: Vec<usize>,
    /// Sum of the scores of each of them, in the same order.
    pub weights: Vec<f64>,
    /// Lowest and highest raw value of each weigher among them; what normalizing needs.
    pub ranges: Vec<(f64, f64)>,
    /// For each filter in its order, how many hosts it refused and the first of them.
    pub refused: Vec<(usize, usize)>,
}

impl Selection {
    /// The best host.
    pub fn chosen(&self) -> Option<usize> {
        self.ranked.first().copied()
    }
}

/// The place of the first filter that does not let the host have the server.
fn first_refusal(
    filters: &[Filter],
    rules: &Rules,
    request: &Request,
    host: &HostState,
) -> Option<usize> {
    filters
        .iter()
        .position(|filter| filter.judge(rules, request, host).is_err())
}

/// Chooses. The first `ordered` of the result are in order (the chosen host and the alternates somebody may need).
pub fn select(rules: &Rules, request: &Request, hosts: &[HostState], ordered: usize) -> Selection {
    let filters: Vec<Filter> = Filter::of(rules, request).collect();
    let mut refused = vec![(0, 0); filters.len()];
    let mut passed = Vec::new();
    for (at, host) in hosts.iter().enumerate() {
        if request.is_excluded(&host.name) {
            continue;
        }
        match first_refusal(&filters, rules, request, host) {
            None => passed.push(at),
            Some(filter) => {
                let (count, first) = &mut refused[filter];
                if *count == 0 {
                    *first = at;
                }
                *count += 1;
            }
        }
    }
    let mut scores = vec![0.0; passed.len()];
    let mut ranges = Vec::with_capacity(rules.weighers.len());
    let mut raw = Vec::with_capacity(passed.len());
    for (weigher, factor) in &rules.weighers {
        raw.clear();
        raw.extend(
            passed
                .iter()
                .map(|&at| weigher.measure(rules, request, &hosts[at])),
        );
        let range = raw
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &value| {
                (low.min(value), high.max(value))
            });
        ranges.push(range);
        for (score, &value) in scores.iter_mut().zip(&raw) {
            *score += normalized(value, range) * factor;
        }
    }
    let mut order: Vec<(f64, u64, usize)> = passed
        .iter()
        .zip(&scores)
        .map(|(&at, &score)| (score, tie(request.seed, at), at))
        .collect();
    let better = |a: &(f64, u64, usize), b: &(f64, u64, usize)| {
        b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2))
    };
    if order.len() > ordered && ordered > 0 {
        order.select_nth_unstable_by(ordered - 1, better);
        order[..ordered].sort_unstable_by(better);
    } else {
        order.sort_unstable_by(better);
    }
    let preferred =
        |entry: &(f64, u64, usize)| Some(&hosts[entry.2].name) == request.prefers.as_ref();
    if let Some(rank) = order.iter().position(preferred) {
        order[..=rank].rotate_right(1);
    }
    Selection {
        ranked: order.iter().map(|entry| entry.2).collect(),
        weights: order.iter().map(|entry| entry.0).collect(),
        ranges,
        refused,
    }
}

/// 0 for the lowest, 1 for the highest; 0 where all are equal, as in Nova.
pub fn normalized(value: f64, (low, high): (f64, f64)) -> f64 {
    if high > low {
        (value - low) / (high - low)
    } else {
        0.0
    }
}

/// A number that differs between requests and hosts (the finalizer of SplitMix64).
fn tie(seed: u64, at: usize) -> u64 {
    let mut mixed = seed ^ (at as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
