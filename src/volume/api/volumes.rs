//! `/volumes`: create, list, show, change, delete.

use axum::Json;
use axum::extract::RawQuery;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::place::Place;
use super::{Both, types, write};
use crate::api::wire::{Link, parse_bool};
use crate::api::{Body, Params};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::ids::VolumeId;
use crate::volume::model::{SortKey, Volume, VolumeQuery};
use crate::volume::ops::{
    NewVolume, VolumeChange, VolumeDeletion, VolumeSource, attachments_of, volume_create,
    volume_delete, volume_list, volume_show, volume_total, volume_update,
};
use crate::volume::wire;

pub(super) fn routes(routes: Both) -> Both {
    routes
        .get("/volumes", "volume:volume:list", list)
        .get("/volumes/detail", "volume:volume:list", detail)
        .get("/volumes/summary", "volume:volume:list", summary)
        .post("/volumes", "volume:volume:create", create)
        .get("/volumes/{id}", "volume:volume:show", show)
        .put("/volumes/{id}", "volume:volume:update", update)
        .delete("/volumes/{id}", "volume:volume:delete", delete)
}

/// One volume with its uses.
async fn answer(cx: &Context, place: &Place, volume: &Volume) -> Result<Json<wire::VolumeBody>> {
    let uses = attachments_of(cx, [volume.id]).await?;
    Ok(Json(wire::VolumeBody {
        volume: write::volume(cx, place, volume, &uses),
    }))
}

async fn page(
    cx: &Context,
    place: &Place,
    params: &Params,
    raw: Option<&str>,
    path: &str,
) -> Result<(Vec<Volume>, Vec<Link>)> {
    let wanted = query(cx, params)?;
    let limit = wanted.limit.min(1000);
    let found = volume_list(cx, wanted).await?;
    let full = found.len() == limit as usize && limit > 0;
    let links = found.last().filter(|_| full).map(|last| {
        let path = match place.text("project_id") {
            "" => path.to_owned(),
            project => format!("{project}/{path}"),
        };
        place.next(&path, raw, last.id)
    });
    Ok((found, links.into_iter().collect()))
}

async fn list(
    cx: Context,
    place: Place,
    params: Params,
    RawQuery(raw): RawQuery,
) -> Result<Json<Value>> {
    let (found, links) = page(&cx, &place, &params, raw.as_deref(), "volumes").await?;
    let brief: Vec<Value> = found
        .iter()
        .map(|volume| write::brief(&place, volume))
        .collect();
    let mut list = json!({"volumes": brief});
    if !links.is_empty() {
        list["volumes_links"] = json!(links);
    }
    Ok(Json(list))
}

async fn detail(
    cx: Context,
    place: Place,
    params: Params,
    RawQuery(raw): RawQuery,
) -> Result<Json<wire::VolumeList>> {
    let (found, volumes_links) =
        page(&cx, &place, &params, raw.as_deref(), "volumes/detail").await?;
    let uses = attachments_of(&cx, found.iter().map(|volume| volume.id)).await?;
    Ok(Json(wire::VolumeList {
        volumes: found
            .iter()
            .map(|volume| write::volume(&cx, &place, volume, &uses))
            .collect(),
        volumes_links,
    }))
}

/// Number and size of the project's volumes, or of all for an administrator who asks for all.
async fn summary(cx: Context, _: Place, params: Params) -> Result<Json<Value>> {
    let (count, size) = volume_total(&cx, everywhere(&params)).await?;
    Ok(Json(
        json!({"volume-summary": {"total_count": count, "total_size": size}}),
    ))
}

/// Whether all projects are asked for.
fn everywhere(params: &Params) -> bool {
    params
        .get("all_tenants")
        .is_some_and(|text| parse_bool(text) != Some(false))
}

/// The query; administrators see all projects if they ask for it.
fn query(cx: &Context, params: &Params) -> Result<VolumeQuery> {
    let mut query = VolumeQuery {
        project: if everywhere(params) && cx.actor.is_admin() {
            params.parse("project_id")?
        } else {
            Some(cx.project()?.id)
        },
        limit: params.parse("limit")?.unwrap_or(1000),
        offset: params.parse("offset")?.unwrap_or(0),
        marker: params.parse("marker")?,
        zone: params.get("availability_zone").map(str::to_owned),
        name: params
            .get("name")
            .or_else(|| params.get("display_name"))
            .map(str::to_owned),
        ..VolumeQuery::default()
    };
    if let Some(text) = params.get("status") {
        query.status = Some(super::actions::status(text)?);
    }
    if let Some(text) = params.get("bootable") {
        let wrong = || Error::invalid("bootable", format!("{text:?} is neither true nor false"));
        query.bootable = Some(parse_bool(text).ok_or_else(wrong)?);
    }
    if let Some(text) = params.get("metadata") {
        query.metadata = pairs(text)?;
    }
    sort(&mut query, params)?;
    Ok(query)
}

/// `{'a': 'b'}` as Python writes it, or JSON.
fn pairs(text: &str) -> Result<std::collections::BTreeMap<String, String>> {
    serde_json::from_str(&text.replace('\'', "\""))
        .map_err(|_| Error::invalid("metadata", format!("{text:?} is no object of texts")))
}

fn sort(query: &mut VolumeQuery, params: &Params) -> Result<()> {
    let key = |text: &str| {
        SortKey::ALL
            .into_iter()
            .find(|key| key.name() == text.trim_start_matches("display_"))
            .ok_or_else(|| Error::invalid("sort", format!("{text:?} can not be sorted by")))
    };
    let way = |text: &str| match text {
        "asc" => Ok(false),
        "desc" => Ok(true),
        _ => Err(Error::invalid(
            "sort_dir",
            format!("{text:?} is neither asc nor desc"),
        )),
    };
    if let Some(text) = params.get("sort") {
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let (name, direction) = part.split_once(':').unwrap_or((part, "desc"));
            query.sort.push((key(name)?, way(direction)?));
        }
    } else if let Some(text) = params.get("sort_key") {
        let direction = params.get("sort_dir").unwrap_or("desc");
        query.sort.push((key(text)?, way(direction)?));
    }
    Ok(())
}

async fn create(
    cx: Context,
    place: Place,
    Body(body): Body<wire::VolumeCreateRequest>,
) -> Result<(StatusCode, Json<wire::VolumeBody>)> {
    let asked = body.volume;
    if asked.multiattach == Some(true) {
        return Err(Error::invalid(
            "multiattach",
            "a volume can be attached to one server at a time",
        ));
    }
    if let Some(name) = &asked.volume_type {
        types::check(name)?;
    }
    let new = NewVolume {
        id: VolumeId::new(),
        name: asked.name.clone().unwrap_or_default(),
        description: asked.description.clone(),
        size_gb: asked.size,
        source: source(&asked)?,
        host: None,
        zone: asked.availability_zone.clone(),
        metadata: asked.metadata,
    };
    let volume = volume_create(&cx, new).await?;
    Ok((StatusCode::ACCEPTED, answer(&cx, &place, &volume).await?))
}

fn source(asked: &wire::VolumeCreate) -> Result<VolumeSource> {
    let given = [
        ("imageRef", &asked.image_ref),
        ("source_volid", &asked.source_volid),
        ("snapshot_id", &asked.snapshot_id),
    ];
    let mut said = given.iter().filter_map(|(field, text)| {
        Some((*field, text.as_deref().filter(|text| !text.is_empty())?))
    });
    let Some((field, text)) = said.next() else {
        return Ok(VolumeSource::Empty);
    };
    if let Some((other, _)) = said.next() {
        return Err(Error::invalid(
            other,
            format!("a volume has one source, and {field} is given, too"),
        ));
    }
    let wrong = |_| Error::invalid(field, format!("{text:?} is no UUID"));
    Ok(match field {
        "imageRef" => VolumeSource::Image(text.parse().map_err(wrong)?),
        "source_volid" => VolumeSource::Volume(text.parse().map_err(wrong)?),
        _ => VolumeSource::Snapshot(text.parse().map_err(wrong)?),
    })
}

async fn show(cx: Context, place: Place) -> Result<Json<wire::VolumeBody>> {
    let volume = volume_show(&cx, place.id("volume")?).await?;
    answer(&cx, &place, &volume).await
}

async fn update(
    cx: Context,
    place: Place,
    Body(request): Body<wire::VolumeUpdateRequest>,
) -> Result<Json<wire::VolumeBody>> {
    let change = VolumeChange {
        name: request.volume.name,
        description: request.volume.description,
        metadata: request.volume.metadata,
        metadata_whole: true,
    };
    let volume = volume_update(&cx, place.id("volume")?, change).await?;
    answer(&cx, &place, &volume).await
}

async fn delete(cx: Context, place: Place, params: Params) -> Result<StatusCode> {
    let flag = |name: &str| params.get(name).and_then(parse_bool).unwrap_or(false);
    let how = VolumeDeletion {
        cascade: flag("cascade"),
        force: flag("force"),
    };
    volume_delete(&cx, place.id("volume")?, how).await?;
    Ok(StatusCode::ACCEPTED)
}
