//! Placement: the ledger, to look at. Claims are made by launches and resizes alone, so nothing here changes anything.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::Path;
use serde_json::{Value, json};

use crate::api::wire::{ApiVersion, Link, PLACEMENT_VERSIONS, Versions};
use crate::api::{Params, Routes, parse_id};
use crate::compute::model::{Claim, Host, ResourceClass, Resources};
use crate::compute::ops::{self, HostRoom};
use crate::compute::wire::placement::{
    Allocation, Allocations, Inventory, InventoryBody, InventoryList, ResourceProvider,
    ResourceProviderList, Usages,
};
use crate::context::Context;
use crate::error::{Error, Result};

/// Anybody may look at versions.
const VERSION: &str = "api:version:show";
const PROVIDER: &str = "placement:provider:list";

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("", VERSION, versions)
        .get("/", VERSION, versions)
        .get("/resource_classes", PROVIDER, classes)
        .get("/resource_providers", PROVIDER, list)
        .get("/resource_providers/{id}", PROVIDER, show)
        .get(
            "/resource_providers/{id}/inventories",
            PROVIDER,
            inventories,
        )
        .get(
            "/resource_providers/{id}/inventories/{class}",
            PROVIDER,
            inventory,
        )
        .get("/resource_providers/{id}/usages", PROVIDER, usages)
        .get("/usages", PROVIDER, project_usages)
        .get(
            "/resource_providers/{id}/allocations",
            PROVIDER,
            provider_allocations,
        )
        .get(
            "/allocations/{consumer}",
            "placement:allocation:show",
            allocations,
        )
}

async fn versions() -> Json<Versions> {
    Json(Versions {
        versions: vec![ApiVersion {
            id: "v1.0".into(),
            status: "CURRENT".into(),
            min_version: Some(PLACEMENT_VERSIONS.min.to_string()),
            max_version: Some(PLACEMENT_VERSIONS.max.to_string()),
            links: vec![Link::new("self", "")],
            ..ApiVersion::default()
        }],
    })
}

async fn classes() -> Json<Value> {
    let class = |class: ResourceClass| {
        let href = format!("/placement/resource_classes/{}", class.name());
        json!({"name": class.name(), "links": [{"rel": "self", "href": href}]})
    };
    Json(json!({"resource_classes": ResourceClass::ALL.map(class)}))
}

/// Hosts have no aggregates or traits of Placement's, so a filter by them would be one by nothing: it is refused.
async fn list(cx: Context, params: Params) -> Result<Json<ResourceProviderList>> {
    for unknown in ["member_of", "required"] {
        if params.get(unknown).is_some() {
            return Err(Error::invalid(
                unknown,
                "hosts have no traits and no aggregates here; filter by resources, or list the aggregates of compute",
            ));
        }
    }
    let fits = |name: &str, value: &str| params.get(name).is_none_or(|wanted| wanted == value);
    let wanted = params.get("resources").map(wanted).transpose()?;
    let rooms = ops::host_rooms(&cx).await?;
    let has_room = |room: &HostRoom| {
        let left = room.capacity.minus(room.used);
        let mut wanted = wanted.iter().flatten();
        wanted.all(|(class, amount)| class.of(left) >= *amount)
    };
    Ok(Json(ResourceProviderList {
        resource_providers: rooms
            .iter()
            .filter(|room| {
                let id = room.host.id.to_string();
                fits("name", &room.host.name) && fits("uuid", &id) && fits("in_tree", &id)
            })
            .filter(|room| has_room(room))
            .map(|room| to_wire(&room.host))
            .collect(),
    }))
}

/// `VCPU:2,MEMORY_MB:512`: what there has to be room for.
fn wanted(text: &str) -> Result<Vec<(ResourceClass, u64)>> {
    let one = |part: &str| {
        let (name, amount) = part.split_once(':')?;
        Some((
            class_of(name)?,
            amount.parse().ok().filter(|amount| *amount > 0)?,
        ))
    };
    let parse = |part| {
        one(part).ok_or_else(|| {
            let known = ResourceClass::ALL.map(ResourceClass::name).join(", ");
            Error::invalid(
                "resources",
                format!("{part:?} is no CLASS:AMOUNT of {known}"),
            )
        })
    };
    text.split(',').map(parse).collect()
}

fn class_of(name: &str) -> Option<ResourceClass> {
    ResourceClass::ALL
        .into_iter()
        .find(|class| class.name() == name)
}

async fn find(cx: &Context, id: &str) -> Result<Host> {
    let missing = || Error::not_found("resource provider", format!("with uuid {id}"));
    // Only UUIDs: a host's old number is none of Placement's.
    if id.parse::<crate::ids::HostId>().is_err() {
        return Err(missing());
    }
    ops::host_find(cx, id).await.map_err(|_| missing())
}

async fn show(cx: Context, Path(id): Path<String>) -> Result<Json<ResourceProvider>> {
    Ok(Json(to_wire(&find(&cx, &id).await?)))
}

fn to_wire(host: &Host) -> ResourceProvider {
    let id = host.id.to_string();
    let link =
        |rel: &str, tail: &str| Link::new(rel, format!("/placement/resource_providers/{id}{tail}"));
    ResourceProvider {
        name: host.name.clone(),
        generation: host.generation,
        parent_provider_uuid: Some(None),
        root_provider_uuid: Some(id.clone()),
        links: vec![
            link("self", ""),
            link("inventories", "/inventories"),
            link("usages", "/usages"),
            link("allocations", "/allocations"),
        ],
        uuid: id,
    }
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

async fn inventories(cx: Context, Path(id): Path<String>) -> Result<Json<InventoryList>> {
    let host = find(&cx, &id).await?;
    let one = |class: ResourceClass| (class.name().to_owned(), inventory_of(&cx, &host, class));
    Ok(Json(InventoryList {
        resource_provider_generation: host.generation,
        inventories: ResourceClass::ALL.into_iter().map(one).collect(),
    }))
}

async fn inventory(
    cx: Context,
    Path((id, class)): Path<(String, String)>,
) -> Result<Json<InventoryBody>> {
    let host = find(&cx, &id).await?;
    let found = class_of(&class).ok_or_else(|| {
        let what = format!("of class {class} for resource provider {id}");
        Error::not_found("inventory", what)
    })?;
    Ok(Json(InventoryBody {
        resource_provider_generation: host.generation,
        inventory: inventory_of(&cx, &host, found),
    }))
}

fn inventory_of(cx: &Context, host: &Host, class: ResourceClass) -> Inventory {
    let inventory = ops::allocation_ratios(cx).inventory(class, host.total);
    Inventory {
        total: signed(inventory.total),
        reserved: signed(inventory.reserved),
        min_unit: 1,
        max_unit: signed(inventory.total),
        step_size: 1,
        allocation_ratio: inventory.ratio,
    }
}

fn amounts(resources: Resources) -> BTreeMap<String, i64> {
    ResourceClass::ALL
        .into_iter()
        .map(|class| (class.name().to_owned(), signed(class.of(resources))))
        .collect()
}

async fn usages(cx: Context, Path(id): Path<String>) -> Result<Json<Usages>> {
    let host = find(&cx, &id).await?;
    let used = ops::claims_of_host(&cx, &host.name)
        .await?
        .iter()
        .fold(Resources::default(), |sum, claim| sum.plus(claim.resources));
    Ok(Json(Usages {
        resource_provider_generation: host.generation,
        usages: amounts(used),
    }))
}

/// What the servers of a project claim of all hosts.
async fn project_usages(cx: Context, params: Params) -> Result<Json<Value>> {
    let project = params
        .get("project_id")
        .ok_or_else(|| Error::invalid("project_id", "name the project that is asked about"))?;
    let user = params
        .get("user_id")
        .map(|id| parse_id("user", id))
        .transpose()?;
    let used = ops::claimed_of_project(&cx, parse_id("project", project)?, user).await?;
    Ok(Json(json!({"usages": amounts(used)})))
}

/// Amounts that are not zero, as Placement has them.
fn allocation(generation: i64, claim: &Claim) -> Allocation {
    let mut resources = amounts(claim.resources);
    resources.retain(|_, amount| *amount > 0);
    Allocation {
        generation,
        resources,
    }
}

async fn provider_allocations(cx: Context, Path(id): Path<String>) -> Result<Json<Value>> {
    let host = find(&cx, &id).await?;
    let claims = ops::claims_of_host(&cx, &host.name).await?;
    let allocations: BTreeMap<String, Value> = claims
        .iter()
        .map(|claim| {
            let resources = allocation(host.generation, claim).resources;
            (claim.consumer.to_string(), json!({"resources": resources}))
        })
        .collect();
    Ok(Json(json!({
        "allocations": allocations,
        "resource_provider_generation": host.generation,
    })))
}

/// Placement knows no consumer that does not exist: what has no claims has an empty answer.
async fn allocations(cx: Context, Path(consumer): Path<String>) -> Result<Json<Allocations>> {
    let server = parse_id("consumer", &consumer)?;
    let mut by_provider = BTreeMap::new();
    for claim in ops::claims_of_server(&cx, server).await? {
        let host = ops::host_show(&cx, &claim.host).await?;
        let entry: &mut Allocation = by_provider.entry(host.id.to_string()).or_default();
        let more = allocation(host.generation, &claim);
        entry.generation = more.generation;
        for (class, amount) in more.resources {
            *entry.resources.entry(class).or_default() += amount;
        }
    }
    Ok(Json(Allocations {
        allocations: by_provider,
        project_id: None,
        user_id: None,
    }))
}
