//! `/flavors/{id}/os-extra_specs`.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;

use crate::api::wire::Metadata;
use crate::api::{Body, Routes};
use crate::compute::ops;
use crate::compute::wire::ExtraSpecsBody;
use crate::context::Context;
use crate::error::{Error, Result};

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get(
            "/v2.1/flavors/{id}/os-extra_specs",
            "compute:flavor:show",
            list,
        )
        .post(
            "/v2.1/flavors/{id}/os-extra_specs",
            "compute:flavor:update",
            set,
        )
        .get(
            "/v2.1/flavors/{id}/os-extra_specs/{key}",
            "compute:flavor:show",
            show,
        )
        .put(
            "/v2.1/flavors/{id}/os-extra_specs/{key}",
            "compute:flavor:update",
            set_one,
        )
        .delete(
            "/v2.1/flavors/{id}/os-extra_specs/{key}",
            "compute:flavor:update",
            delete,
        )
}

async fn list(cx: Context, Path(id): Path<String>) -> Result<Json<ExtraSpecsBody>> {
    let flavor = ops::flavor_show(&cx, &id).await?;
    Ok(Json(ExtraSpecsBody {
        extra_specs: flavor.extra_specs,
    }))
}

async fn set(
    cx: Context,
    Path(id): Path<String>,
    Body(request): Body<ExtraSpecsBody>,
) -> Result<Json<ExtraSpecsBody>> {
    ops::flavor_extra_specs_set(&cx, &id, &request.extra_specs).await?;
    Ok(Json(request))
}

async fn show(cx: Context, Path((id, key)): Path<(String, String)>) -> Result<Json<Metadata>> {
    let flavor = ops::flavor_show(&cx, &id).await?;
    let value = flavor
        .extra_specs
        .get(&key)
        .cloned()
        .ok_or_else(|| Error::not_found("extra spec", format!("{key} of flavor {id}")))?;
    Ok(Json(BTreeMap::from([(key, value)])))
}

async fn set_one(
    cx: Context,
    Path((id, key)): Path<(String, String)>,
    Body(request): Body<Metadata>,
) -> Result<Json<Metadata>> {
    if request.len() != 1 || !request.contains_key(&key) {
        return Err(Error::BadRequest(format!(
            "the body must have the one member {key}, as the path says"
        )));
    }
    ops::flavor_extra_specs_set(&cx, &id, &request).await?;
    Ok(Json(request))
}

async fn delete(cx: Context, Path((id, key)): Path<(String, String)>) -> Result<StatusCode> {
    ops::flavor_extra_spec_delete(&cx, &id, &key).await?;
    Ok(StatusCode::OK)
}
