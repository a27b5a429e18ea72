//! `/flavors`.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;

use super::links::{Links, page};
use crate::api::wire::{IntOrText, Microversion, parse_bool};
use crate::api::{Body, Params, Routes, Version};
use crate::compute::model::{Flavor, FlavorQuery, FlavorSort, NewFlavor};
use crate::compute::ops;
use crate::compute::wire::microversion::{flavor_at, since};
use crate::compute::wire::{
    Flavor as WireFlavor, FlavorBody, FlavorBrief, FlavorBriefList, FlavorCreateRequest,
    FlavorList, FlavorUpdateRequest,
};
use crate::context::Context;
use crate::error::{Error, Result};

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("/v2.1/flavors", "compute:flavor:list", list)
        .get("/v2.1/flavors/detail", "compute:flavor:list", list_detail)
        .post("/v2.1/flavors", "compute:flavor:create", create)
        .get("/v2.1/flavors/{id}", "compute:flavor:show", show)
        .put("/v2.1/flavors/{id}", "compute:flavor:update", update)
        .delete("/v2.1/flavors/{id}", "compute:flavor:delete", delete)
}

async fn list(
    cx: Context,
    links: Links,
    version: Version,
    params: Params,
) -> Result<Json<FlavorBriefList>> {
    let limit = page(&params)?;
    let flavors = ops::flavor_list(&cx, query(&cx, &params, limit)?).await?;
    let last = flavors.last().map(|flavor| flavor.id.as_str());
    Ok(Json(FlavorBriefList {
        flavors_links: links.next(flavors.len(), limit, last),
        flavors: flavors
            .iter()
            .map(|flavor| FlavorBrief {
                id: flavor.id.clone(),
                name: flavor.name.clone(),
                description: since(version.0, 55).then(|| flavor.description.clone()),
                links: links.item("flavors", &flavor.id),
            })
            .collect(),
    }))
}

async fn list_detail(
    cx: Context,
    links: Links,
    version: Version,
    params: Params,
) -> Result<Json<FlavorList>> {
    let limit = page(&params)?;
    let flavors = ops::flavor_list(&cx, query(&cx, &params, limit)?).await?;
    let last = flavors.last().map(|flavor| flavor.id.as_str());
    Ok(Json(FlavorList {
        flavors_links: links.next(flavors.len(), limit, last),
        flavors: flavors
            .iter()
            .map(|flavor| to_wire(flavor, &links, version.0))
            .collect(),
    }))
}

/// Administrators see public flavors unless they ask for private ones (`is_public=False`) or for all (`None`).
fn query(cx: &Context, params: &Params, limit: u64) -> Result<FlavorQuery> {
    let is_public = match params.get("is_public") {
        _ if !cx.actor.is_admin() => None,
        None => Some(true),
        Some(text) if text.eq_ignore_ascii_case("none") => None,
        Some(text) => Some(parse_bool(text).ok_or_else(|| {
            Error::invalid(
                "is_public",
                format!("{text:?} is neither true, false nor none"),
            )
        })?),
    };
    Ok(FlavorQuery {
        is_public,
        project: None,
        min_memory_mb: params.parse("minRam")?,
        min_disk_gb: params.parse("minDisk")?,
        sort: match params.get("sort_key").unwrap_or("flavorid") {
            "flavorid" | "id" => FlavorSort::Id,
            "name" => FlavorSort::Name,
            "vcpus" => FlavorSort::Vcpus,
            "memory_mb" | "ram" => FlavorSort::Memory,
            "root_gb" | "disk" => FlavorSort::Disk,
            "created_at" => FlavorSort::Created,
            other => {
                return Err(Error::invalid(
                    "sort_key",
                    format!("flavors can not be sorted by {other}"),
                ));
            }
        },
        descending: params.get("sort_dir") == Some("desc"),
        marker: params.get("marker").map(str::to_owned),
        limit: Some(limit),
    })
}

async fn create(
    cx: Context,
    links: Links,
    version: Version,
    Body(request): Body<FlavorCreateRequest>,
) -> Result<Json<FlavorBody>> {
    let fields = request.flavor;
    let needed = |name: &str, value: Option<u64>| {
        value.ok_or_else(|| Error::invalid(format!("flavor.{name}"), "it is needed"))
    };
    let new = NewFlavor {
        vcpus: needed("vcpus", fields.vcpus)?,
        memory_mb: needed("ram", fields.ram)?,
        disk_gb: needed("disk", fields.disk)?,
        id: fields.id,
        name: fields.name,
        ephemeral_gb: fields.ephemeral.unwrap_or(0),
        swap_mb: fields.swap.unwrap_or(0),
        rxtx_factor: fields.rxtx_factor.unwrap_or(1.0),
        is_public: fields.is_public.unwrap_or(true),
        description: fields.description,
    };
    let flavor = ops::flavor_create(&cx, new).await?;
    Ok(body(&flavor, &links, version.0))
}

async fn show(
    cx: Context,
    links: Links,
    version: Version,
    Path(id): Path<String>,
) -> Result<Json<FlavorBody>> {
    let flavor = ops::flavor_show(&cx, &id).await?;
    Ok(body(&flavor, &links, version.0))
}

async fn update(
    cx: Context,
    links: Links,
    version: Version,
    Path(id): Path<String>,
    Body(request): Body<FlavorUpdateRequest>,
) -> Result<Json<FlavorBody>> {
    if !since(version.0, 55) {
        return Err(Error::not_found("path", "before version 2.55"));
    }
    let text = request.flavor.description;
    let flavor = ops::flavor_describe(&cx, &id, text.as_deref()).await?;
    Ok(body(&flavor, &links, version.0))
}

async fn delete(cx: Context, Path(id): Path<String>) -> Result<StatusCode> {
    ops::flavor_delete(&cx, &id).await?;
    Ok(StatusCode::ACCEPTED)
}

fn body(flavor: &Flavor, links: &Links, version: Microversion) -> Json<FlavorBody> {
    Json(FlavorBody {
        flavor: to_wire(flavor, links, version),
    })
}

fn to_wire(flavor: &Flavor, links: &Links, version: Microversion) -> WireFlavor {
    let newest = WireFlavor {
        id: flavor.id.clone(),
        name: flavor.name.clone(),
        vcpus: flavor.vcpus.into(),
        ram: flavor.memory_mb,
        disk: flavor.disk_gb,
        ephemeral: flavor.ephemeral_gb,
        swap: IntOrText::Int(flavor.swap_mb),
        rxtx_factor: flavor.rxtx_factor,
        is_public: flavor.is_public,
        disabled: false,
        description: Some(flavor.description.clone()),
        extra_specs: Some(flavor.extra_specs.clone()),
        links: links.item("flavors", &flavor.id),
    };
    flavor_at(newest, version)
}
