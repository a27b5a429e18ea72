//! What a meter was over a time, by server, host or project, from the minutes.

use std::collections::{BTreeMap, HashMap};

use crate::compute;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::ids::{ServerId, Time};
use crate::telemetry::chunk::Grain;
use crate::telemetry::store;
use crate::telemetry::wire::{GroupBy, Meter, Statistics, StatisticsBody, StatisticsQuery};

/// Longest time that is looked at, in seconds: what minutes are kept for by default, and as much again.
const LONGEST: i64 = 2 * 86_400;

/// One row per group, by name of the group.
pub async fn statistics(cx: &Context, query: &StatisticsQuery) -> Result<StatisticsBody> {
    let to = query.to.unwrap_or_else(Time::now);
    let from = query.from.unwrap_or_else(|| to.plus_seconds(-3600));
    if to <= from || to.0 - from.0 > LONGEST * 1_000_000 {
        return Err(Error::invalid(
            "from",
            format!(
                "it must be before the end, by at most {} hours",
                LONGEST / 3600
            ),
        ));
    }
    let by_host = query.group_by == GroupBy::Host;
    if by_host {
        cx.require("telemetry:host:show")?;
    }
    let own = if query.all_projects && cx.actor.is_admin() {
        None
    } else {
        Some(cx.project()?.id)
    };
    let owners = compute::ops::server_owners(cx).await?;
    let owners: HashMap<ServerId, _> = owners
        .into_iter()
        .filter(|(_, project, _)| own.is_none_or(|own| own == *project))
        .map(|(id, project, name)| (id, (project, name)))
        .collect();
    let mut conn = cx.db.read().await?;
    let chunks = store::all(
        &mut conn,
        if by_host { "host:" } else { "server:" },
        Grain::Minute,
        from,
        to,
    )
    .await?;
    drop(conn);
    let index = Meter::ALL
        .iter()
        .position(|known| *known == query.meter)
        .unwrap_or(0);
    let mut groups: BTreeMap<String, (Option<String>, Vec<f32>)> = BTreeMap::new();
    for (key, chunk) in chunks {
        let name = key.split_once(':').map_or("", |(_, name)| name);
        let owner = name.parse().ok().and_then(|id: ServerId| owners.get(&id));
        let (group, label) = match (query.group_by, owner) {
            (GroupBy::Host, _) => (name.to_owned(), None),
            (_, None) => continue,
            (GroupBy::None, _) => (String::new(), None),
            (GroupBy::Server, Some((_, server))) => (name.to_owned(), Some(server.clone())),
            (GroupBy::Project, Some((project, _))) => (project.to_string(), None),
        };
        let values = &mut groups.entry(group).or_insert((label, Vec::new())).1;
        for slot in 0..Grain::Minute.slots() {
            let at = chunk
                .start
                .plus_seconds(i64::try_from(slot).unwrap_or(0) * 60);
            let mean = chunk.get(slot, index).mean;
            if !mean.is_nan() && at >= from && at <= to {
                values.push(mean);
            }
        }
    }
    let statistics = groups
        .into_iter()
        .filter_map(|(group, (name, values))| row(group, name, values))
        .collect();
    Ok(StatisticsBody {
        meter: query.meter,
        from,
        to,
        statistics,
    })
}

fn row(group: String, name: Option<String>, mut values: Vec<f32>) -> Option<Statistics> {
    values.sort_by(f32::total_cmp);
    let (first, last) = (*values.first()?, *values.last()?);
    let sum: f64 = values.iter().copied().map(f64::from).sum();
    let p95 = values
        .get((values.len() * 95).div_ceil(100).saturating_sub(1))
        .copied()?;
    #[expect(
        clippy::cast_precision_loss,
        reason = "at most some millions of minutes"
    )]
    let mean = sum / values.len() as f64;
    let count = values.len() as u64;
    Some(Statistics {
        group,
        name,
        count,
        min: first.into(),
        max: last.into(),
        mean,
        sum,
        p95: p95.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_what_the_values_were() {
        let row = row("g".into(), None, (1..=100_u8).map(f32::from).collect()).unwrap();
        assert_eq!(
            (row.count, row.min, row.max, row.mean, row.sum, row.p95),
            (100, 1.0, 100.0, 50.5, 5050.0, 95.0)
        );
        assert!(super::row("g".into(), None, vec![]).is_none());
    }
}
