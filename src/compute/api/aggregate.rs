//! `/os-aggregates`: groups of hosts.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;

use crate::api::wire::Microversion;
use crate::api::{Body, Routes, Version};
use crate::compute::model::Aggregate;
use crate::compute::ops;
use crate::compute::wire::microversion::since;
use crate::compute::wire::{
    Aggregate as WireAggregate, AggregateAction, AggregateBody, AggregateList, AggregateRequest,
};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::ids::Time;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("/v2.1/os-aggregates", "compute:aggregate:list", list)
        .post("/v2.1/os-aggregates", "compute:aggregate:create", create)
        .get("/v2.1/os-aggregates/{id}", "compute:aggregate:show", show)
        .put(
            "/v2.1/os-aggregates/{id}",
            "compute:aggregate:update",
            update,
        )
        .delete(
            "/v2.1/os-aggregates/{id}",
            "compute:aggregate:delete",
            delete,
        )
        .post(
            "/v2.1/os-aggregates/{id}/action",
            "compute:aggregate:update",
            act,
        )
}

async fn list(cx: Context, version: Version) -> Result<Json<AggregateList>> {
    let all = ops::aggregate_list(&cx).await?;
    Ok(Json(AggregateList {
        aggregates: all.iter().map(|one| to_wire(one, version.0)).collect(),
    }))
}

async fn create(
    cx: Context,
    version: Version,
    Body(request): Body<AggregateRequest>,
) -> Result<Json<AggregateBody>> {
    let fields = request.aggregate;
    let name = fields.name.unwrap_or_default();
    let zone = fields.availability_zone.flatten();
    let made = ops::aggregate_create(&cx, &name, zone.as_deref()).await?;
    Ok(body(&made, version.0))
}

async fn show(
    cx: Context,
    version: Version,
    Path(id): Path<String>,
) -> Result<Json<AggregateBody>> {
    let found = ops::aggregate_show(&cx, number(&id)?).await?;
    Ok(body(&found, version.0))
}

async fn update(
    cx: Context,
    version: Version,
    Path(id): Path<String>,
    Body(request): Body<AggregateRequest>,
) -> Result<Json<AggregateBody>> {
    let fields = request.aggregate;
    if fields.name.is_none() && fields.availability_zone.is_none() {
        return Err(Error::invalid(
            "aggregate",
            "say a name or an availability_zone",
        ));
    }
    let zone = fields.availability_zone;
    let changed = ops::aggregate_update(&cx, number(&id)?, fields.name.as_deref(), zone).await?;
    Ok(body(&changed, version.0))
}

async fn delete(cx: Context, Path(id): Path<String>) -> Result<StatusCode> {
    ops::aggregate_delete(&cx, number(&id)?).await?;
    Ok(StatusCode::OK)
}

async fn act(
    cx: Context,
    version: Version,
    Path(id): Path<String>,
    Body(action): Body<AggregateAction>,
) -> Result<Json<AggregateBody>> {
    let id = number(&id)?;
    let changed = match action {
        AggregateAction::AddHost(named) => ops::aggregate_host_add(&cx, id, &named.host).await?,
        AggregateAction::RemoveHost(named) => {
            ops::aggregate_host_remove(&cx, id, &named.host).await?
        }
        AggregateAction::SetMetadata(set) => {
            ops::aggregate_metadata_set(&cx, id, set.metadata).await?
        }
    };
    Ok(body(&changed, version.0))
}

fn number(text: &str) -> Result<i64> {
    text.parse()
        .map_err(|_| Error::not_found("aggregate", text))
}

fn body(aggregate: &Aggregate, version: Microversion) -> Json<AggregateBody> {
    Json(AggregateBody {
        aggregate: to_wire(aggregate, version),
    })
}

fn to_wire(aggregate: &Aggregate, version: Microversion) -> WireAggregate {
    WireAggregate {
        id: aggregate.number,
        uuid: since(version, 41).then(|| aggregate.id.to_string()),
        name: aggregate.name.clone(),
        availability_zone: aggregate.zone().map(str::to_owned),
        hosts: aggregate.hosts.clone(),
        metadata: aggregate.metadata.clone(),
        created_at: Some(aggregate.created_at.to_micros_text()),
        updated_at: aggregate.updated_at.map(Time::to_micros_text),
        deleted: false,
        deleted_at: None,
    }
}
