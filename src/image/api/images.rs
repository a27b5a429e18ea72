//! `/v2/images`: create, list, show, change, delete.

use axum::Json;
use axum::extract::{Path, RawQuery};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse};

use super::{PREFIX, list as query, patch, write};
use crate::api::{Body, Params, Routes, State, parse_id, request_base};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::image::model::{ImageFormat, Visibility};
use crate::image::ops::{
    NewImage, image_create, image_deactivate, image_delete, image_list, image_reactivate,
    image_show, image_update,
};
use crate::image::wire::{
    IMPORT_METHODS_HEADER, Image, ImageCreate, ImageList, ImagePatch, PATCH_MEDIA_TYPE,
};

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("/v2/images", "image:image:list", list)
        .post("/v2/images", "image:image:create", create)
        .get("/v2/images/{id}", "image:image:show", show)
        .patch("/v2/images/{id}", "image:image:update", update)
        .delete("/v2/images/{id}", "image:image:delete", delete)
        .post(
            "/v2/images/{id}/actions/deactivate",
            "image:image:deactivate",
            deactivate,
        )
        .post(
            "/v2/images/{id}/actions/reactivate",
            "image:image:deactivate",
            reactivate,
        )
}

async fn list(cx: Context, params: Params, RawQuery(raw): RawQuery) -> Result<Json<ImageList>> {
    let wanted = query::parse(&params)?;
    let limit = wanted.limit.min(1000);
    let found = image_list(&cx, wanted).await?;
    let full = found.len() == limit as usize && limit > 0;
    let next = found
        .last()
        .filter(|_| full)
        .map(|last| query::next_page(raw.as_deref(), last.id));
    Ok(Json(ImageList {
        images: found.iter().map(write::image).collect(),
        first: query::first_page(raw.as_deref()),
        next,
        schema: "/v2/schemas/images".to_owned(),
    }))
}

async fn create(
    axum::extract::State(cloud): axum::extract::State<State>,
    cx: Context,
    headers: HeaderMap,
    Body(body): Body<ImageCreate>,
) -> Result<impl IntoResponse> {
    let new = NewImage {
        id: match &body.id {
            None => None,
            Some(text) => Some(
                text.parse()
                    .map_err(|_| Error::invalid("id", format!("{text:?} is no UUID")))?,
            ),
        },
        name: body.name.unwrap_or_default(),
        visibility: match &body.visibility {
            None => Visibility::Shared,
            Some(text) => visibility(text)?,
        },
        owner: match &body.owner {
            None => None,
            Some(text) => Some(project("owner", text)?),
        },
        protected: body.protected.unwrap_or(false),
        hidden: body.os_hidden.unwrap_or(false),
        container_format: body.container_format,
        disk_format: body.disk_format.as_deref().map(disk_format).transpose()?,
        min_disk: body.min_disk.unwrap_or(0),
        min_ram: body.min_ram.unwrap_or(0),
        tags: body.tags,
        properties: body.properties,
    };
    let image = image_create(&cx, new).await?;
    let place = format!(
        "{}{PREFIX}/v2/images/{}",
        request_base(&cloud, &headers),
        image.id
    );
    let methods = "glance-direct,web-download".to_owned();
    Ok((
        StatusCode::CREATED,
        AppendHeaders([
            (header::LOCATION.as_str(), place),
            (IMPORT_METHODS_HEADER, methods),
        ]),
        Json(write::image(&image)),
    ))
}

async fn show(cx: Context, Path(id): Path<String>) -> Result<Json<Image>> {
    let image = image_show(&cx, parse_id("image", &id)?).await?;
    Ok(Json(write::image(&image)))
}

async fn update(
    cx: Context,
    Path(id): Path<String>,
    headers: HeaderMap,
    Body(changes): Body<Vec<ImagePatch>>,
) -> Result<Json<Image>> {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if !kind.starts_with("application/openstack-images-v2.") {
        return Err(Error::Unsupported(format!(
            "{kind:?} is not understood; send {PATCH_MEDIA_TYPE}"
        )));
    }
    let id = parse_id("image", &id)?;
    let image = image_show(&cx, id).await?;
    let changes = patch::changes(&image, changes)?;
    let image = image_update(&cx, id, changes).await?;
    Ok(Json(write::image(&image)))
}

async fn delete(cx: Context, Path(id): Path<String>) -> Result<StatusCode> {
    image_delete(&cx, parse_id("image", &id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn deactivate(cx: Context, Path(id): Path<String>) -> Result<StatusCode> {
    image_deactivate(&cx, parse_id("image", &id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn reactivate(cx: Context, Path(id): Path<String>) -> Result<StatusCode> {
    image_reactivate(&cx, parse_id("image", &id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A visibility by Glance's name.
pub(super) fn visibility(text: &str) -> Result<Visibility> {
    text.parse().map_err(|()| {
        Error::invalid(
            "visibility",
            format!("{text:?} is none of public, private, shared, community"),
        )
    })
}

/// A disk format by Glance's name; for those of other hypervisors the error says how to convert.
pub(super) fn disk_format(text: &str) -> Result<ImageFormat> {
    text.parse().map_err(|()| {
        let known = ["vmdk", "vdi", "vhdx", "vhd", "ploop", "qed", "parallels"];
        let advice = if known.contains(&text) {
            "; convert the disk with `qemu-img convert -O qcow2 FILE NEW` and upload that"
        } else {
            ""
        };
        Error::invalid(
            "disk_format",
            format!("{text:?} is none of raw, qcow2, iso{advice}"),
        )
    })
}

/// The id of a project in a field.
pub(super) fn project(field: &str, text: &str) -> Result<crate::ids::ProjectId> {
    text.parse()
        .map_err(|_| Error::invalid(field, format!("{text:?} is no id of a project")))
}
