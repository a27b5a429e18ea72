//! What a request for servers would do: what would be made, what is left of quota and host, and what stands against it.
//!
//! Nothing is made or reserved. The plan holds for the moment in which it was made.

use super::prepare::{Prepared, prepare};
use super::request::NewServer;
use crate::compute::model::{Consumer, ResourceClass, Resources};
use crate::compute::ops::{HostRoom, PlaceOrder, host_rooms, place_plan};
use crate::compute::scheduler::Decision;
use crate::compute::store;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::identity::ops::quota_limit_on_conn;
use crate::ids::ServerId;

/// What would happen.
#[derive(Clone, Debug, Default)]
pub struct LaunchPlan {
    /// Whether it would be accepted and find a host now.
    pub fits: bool,
    /// What would be made.
    pub makes: Vec<PlanItem>,
    /// The project's quota.
    pub quota: Vec<PlanUse>,
    /// The host that would be chosen now.
    pub host: Option<String>,
    /// That host's room.
    pub host_room: Vec<PlanUse>,
    /// What stands against it: field of the request (or empty), what is wrong, what to do.
    pub problems: Vec<(String, String, Option<String>)>,
    /// The scheduler's reasons.
    pub decision: Option<Decision>,
}

/// One thing that would be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanItem {
    /// `server`, `port`, `root disk`, `volume`.
    pub kind: &'static str,
    /// Its name, where it gets one.
    pub name: Option<String>,
    /// For people.
    pub what: String,
    /// How many.
    pub count: u64,
}

/// One kind of thing that is bounded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanUse {
    /// `instances`, `cores`, `ram`; of a host `vcpus`, `memory_mb`, `disk_gb`.
    pub resource: &'static str,
    /// `MiB`, `GiB` or empty.
    pub unit: &'static str,
    /// The bound; -1 for none.
    pub limit: i64,
    /// In use now.
    pub used: i64,
    /// What would be added.
    pub adds: i64,
}

impl PlanUse {
    /// What would be left; below zero if it does not fit, absent without a bound.
    pub fn left(&self) -> Option<i64> {
        (self.limit >= 0).then(|| self.limit - self.used - self.adds)
    }
}

/// Plans. Wrong fields are part of the plan, not errors.
pub async fn server_create_plan(cx: &Context, request: &NewServer) -> Result<LaunchPlan> {
    let mut plan = LaunchPlan::default();
    let prepared = match prepare(cx, request).await {
        Ok(prepared) => prepared,
        Err(Error::Invalid { field, reason }) => {
            plan.problems.push((field, reason, None));
            return Ok(plan);
        }
        Err(error) if error.status() < 500 => {
            plan.problems.push((String::new(), error.to_string(), None));
            return Ok(plan);
        }
        Err(error) => return Err(error),
    };
    let count = u64::from(request.count.1);
    plan.makes = makes(request, &prepared, count);
    quota(cx, &mut plan, &prepared, request.count).await?;
    place(cx, &mut plan, &prepared, request.count).await?;
    plan.fits = plan.problems.is_empty();
    Ok(plan)
}

fn makes(request: &NewServer, prepared: &Prepared, count: u64) -> Vec<PlanItem> {
    let flavor = &prepared.flavor;
    let mut makes = vec![PlanItem {
        kind: "server",
        name: Some(request.name.clone()),
        what: format!(
            "{}: {} vCPU, {} MiB of memory",
            flavor.name, flavor.vcpus, flavor.memory_mb
        ),
        count,
    }];
    if let Some(image) = &prepared.image {
        let size = if flavor.disk_gb == 0 {
            image.copy.gib()
        } else {
            flavor.disk_gb
        };
        makes.push(PlanItem {
            kind: "root disk",
            name: None,
            what: format!("{size} GiB from {}", image.name),
            count,
        });
    }
    for nic in prepared.nics.iter().filter(|nic| nic.port.is_none()) {
        makes.push(PlanItem {
            kind: "port",
            name: None,
            what: format!("on network {}", nic.network_name),
            count,
        });
    }
    for volume in &prepared.volumes {
        if let Some(make) = &volume.make {
            let size = make.size_gb.map_or_else(
                || "as large as its source".to_owned(),
                |size| format!("{size} GiB"),
            );
            makes.push(PlanItem {
                kind: "volume",
                name: None,
                what: size,
                count,
            });
        }
    }
    makes
}

/// The quota with as many servers as asked for at most; fewer are a problem only below the least.
async fn quota(
    cx: &Context,
    plan: &mut LaunchPlan,
    prepared: &Prepared,
    (least, most): (u32, u32),
) -> Result<()> {
    let project = cx.project()?.id;
    let mut conn = cx.db.read().await?;
    let (servers, cores, memory) = store::server::used(&mut conn, project).await?;
    let memory_mb = i64::try_from(prepared.flavor.memory_mb).unwrap_or(i64::MAX);
    for (resource, unit, each, used) in [
        ("instances", "", 1, servers),
        ("cores", "", i64::from(prepared.flavor.vcpus), cores),
        ("ram", "MiB", memory_mb, memory),
    ] {
        let limit = quota_limit_on_conn(&mut conn, cx, project, resource).await?;
        let mut needs = PlanUse {
            resource,
            unit,
            limit,
            used,
            adds: each.saturating_mul(least.into()),
        };
        if let Some(left) = needs.left().filter(|left| *left < 0) {
            plan.problems.push((
                String::new(),
                format!(
                    "the quota of {resource} is {limit}, {used} are used: {} too few",
                    -left
                ),
                Some("delete something, ask for less, or ask an administrator for more".into()),
            ));
        }
        needs.adds = each.saturating_mul(most.into());
        plan.quota.push(needs);
    }
    Ok(())
}

/// The host of the first server, and whether there is room for all.
async fn place(
    cx: &Context,
    plan: &mut LaunchPlan,
    prepared: &Prepared,
    (least, most): (u32, u32),
) -> Result<()> {
    let server = ServerId::new();
    let order = PlaceOrder {
        project: cx.actor.project.as_ref().map(|scope| scope.id),
        flavor: prepared.flavor.name.clone(),
        image: prepared.image.as_ref().map(|image| image.id),
        group: prepared.hints.group,
        extra_specs: prepared.flavor.extra_specs.clone(),
        image_properties: prepared
            .image
            .as_ref()
            .map(|image| image.copy.properties.clone())
            .unwrap_or_default(),
        networks: prepared.nics.iter().map(|nic| nic.network).collect(),
        wish: prepared.wish(),
        host: prepared.host.clone(),
        ..PlaceOrder::new(Consumer::Server(server), server, prepared.resources)
    };
    let decision = place_plan(cx, &order).await?;
    let Some(host) = decision.chosen.clone() else {
        let hint = decision
            .suggestion
            .as_ref()
            .map(|suggestion| suggestion.message.clone());
        plan.problems
            .push((String::new(), decision.failure(), hint));
        plan.decision = Some(decision);
        return Ok(());
    };
    let rooms = host_rooms(cx).await?;
    let passed: Vec<&HostRoom> = rooms
        .iter()
        .filter(|room| {
            decision
                .hosts
                .iter()
                .any(|verdict| verdict.passed && verdict.host == room.host.name)
        })
        .collect();
    let fit: u64 = passed
        .iter()
        .map(|room| fitting(room.capacity.minus(room.used), prepared.resources))
        .sum();
    if fit < u64::from(least) {
        plan.problems.push((
            "min_count".to_owned(),
            format!("there is room for {fit} of {least} servers"),
            Some("ask for fewer, or for a smaller flavor".to_owned()),
        ));
    }
    if let Some(room) = passed.iter().find(|room| room.host.name == host) {
        let here = fitting(room.capacity.minus(room.used), prepared.resources).min(most.into());
        plan.host_room = host_room(room, prepared.resources, here.max(1));
    }
    plan.host = Some(host);
    plan.decision = Some(decision);
    Ok(())
}

/// How many of these fit in there.
fn fitting(room: Resources, each: Resources) -> u64 {
    ResourceClass::ALL
        .into_iter()
        .filter_map(|class| class.of(room).checked_div(class.of(each)))
        .min()
        .unwrap_or(u64::MAX)
}

fn host_room(room: &HostRoom, each: Resources, count: u64) -> Vec<PlanUse> {
    let whole = |amount: u64| i64::try_from(amount).unwrap_or(i64::MAX);
    [
        ("vcpus", "", ResourceClass::Vcpu),
        ("memory_mb", "MiB", ResourceClass::MemoryMb),
        ("disk_gb", "GiB", ResourceClass::DiskGb),
    ]
    .into_iter()
    .map(|(resource, unit, class)| PlanUse {
        resource,
        unit,
        limit: whole(class.of(room.capacity)),
        used: whole(class.of(room.used)),
        adds: whole(class.of(each).saturating_mul(count)),
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_scarcest_decides_how_many_fit() {
        let room = Resources::new(8, 4096, 100);
        assert_eq!(fitting(room, Resources::new(1, 1024, 1)), 4);
        assert_eq!(fitting(room, Resources::new(1, 1024, 60)), 1);
        assert_eq!(fitting(room, Resources::new(16, 1, 0)), 0);
    }

    #[test]
    fn what_is_left_may_be_less_than_nothing() {
        let needs = PlanUse {
            resource: "cores",
            unit: "",
            limit: 4,
            used: 3,
            adds: 2,
        };
        assert_eq!(needs.left(), Some(-1));
        assert_eq!(PlanUse { limit: -1, ..needs }.left(), None);
    }
}
