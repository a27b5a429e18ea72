//! `/attachments`: uses of volumes, for reading. They are made and ended by servers.

use axum::Json;

use super::place::Place;
use super::{Both, write};
use crate::api::Params;
use crate::api::wire::parse_bool;
use crate::context::Context;
use crate::error::Result;
use crate::volume::ops::{attachment_list, attachment_show};
use crate::volume::wire::{AttachmentBody, AttachmentList};

/// Who may look.
const RULE: &str = "volume:attachment:list";

pub(super) fn routes(routes: Both) -> Both {
    routes
        .get("/attachments", RULE, brief)
        .get("/attachments/detail", RULE, detail)
        .get("/attachments/{id}", RULE, show)
}

async fn brief(cx: Context, _: Place, params: Params) -> Result<Json<AttachmentList>> {
    list(&cx, &params, false).await
}

async fn detail(cx: Context, _: Place, params: Params) -> Result<Json<AttachmentList>> {
    list(&cx, &params, true).await
}

async fn list(cx: &Context, params: &Params, detail: bool) -> Result<Json<AttachmentList>> {
    let everywhere = params
        .get("all_tenants")
        .is_some_and(|text| parse_bool(text) != Some(false))
        && cx.actor.is_admin();
    let project = if everywhere {
        None
    } else {
        Some(cx.project()?.id)
    };
    let found = attachment_list(cx, project).await?;
    let volume: Option<crate::ids::VolumeId> = params.parse("volume_id")?;
    let server: Option<crate::ids::ServerId> = params.parse("instance_id")?;
    let status = params.get("status");
    Ok(Json(AttachmentList {
        attachments: found
            .iter()
            .filter(|one| volume.is_none_or(|id| one.volume == id))
            .filter(|one| server.is_none_or(|id| one.server == id))
            .filter(|one| status.is_none_or(|name| one.status.name() == name))
            .map(|one| write::attachment(one, false, detail))
            .collect(),
    }))
}

async fn show(cx: Context, place: Place) -> Result<Json<AttachmentBody>> {
    let (volume, attachment) = attachment_show(&cx, place.id("attachment")?).await?;
    Ok(Json(AttachmentBody {
        attachment: write::attachment(&attachment, volume.readonly, true),
    }))
}
