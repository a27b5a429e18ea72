//! `POST /volumes/{id}/action`: what can be done to a volume besides changing its words.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::Both;
use super::place::Place;
use crate::api::wire::Microversion;
use crate::api::{Body, Version};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::ids::VolumeId;
use crate::volume::model::VolumeStatus;
use crate::volume::ops::{
    VolumeDeletion, volume_delete, volume_extend, volume_force_detach, volume_image_metadata_set,
    volume_image_metadata_unset, volume_release, volume_reserve, volume_reset_attached,
    volume_reset_status, volume_set_bootable, volume_set_readonly, volume_show,
};
use crate::volume::wire::{VolumeAction, VolumeResetStatus};

/// From here on a used volume may be extended.
const EXTEND_IN_USE: Microversion = Microversion::new(3, 42);

pub(super) fn routes(routes: Both) -> Both {
    routes.post("/volumes/{id}/action", "volume:volume:update", act)
}

/// A status by Cinder's name.
pub(super) fn status(text: &str) -> Result<VolumeStatus> {
    text.parse().map_err(|()| {
        let all: Vec<_> = VolumeStatus::ALL.iter().map(|one| one.name()).collect();
        Error::invalid("status", format!("{text:?} is none of {}", all.join(", ")))
    })
}

async fn act(
    cx: Context,
    place: Place,
    version: Version,
    Body(action): Body<VolumeAction>,
) -> Result<Response> {
    let id: VolumeId = place.id("volume")?;
    match action {
        VolumeAction::Extend(wanted) => {
            cx.require("volume:volume:extend")?;
            extend(&cx, id, version, wanted.new_size).await?;
        }
        VolumeAction::ResetStatus(wanted) => {
            cx.require("volume:volume:reset")?;
            reset(&cx, id, wanted).await?;
        }
        VolumeAction::ForceDelete(_) => {
            let how = VolumeDeletion {
                cascade: true,
                force: true,
            };
            volume_delete(&cx, id, how).await?;
        }
        VolumeAction::ForceDetach(which) => {
            cx.require("volume:volume:force")?;
            let wrong = |_| Error::invalid("attachment_id", "is no UUID");
            let one = which.attachment_id.map(|text| text.parse()).transpose();
            volume_force_detach(&cx, id, one.map_err(wrong)?).await?;
        }
        VolumeAction::SetBootable(flag) => {
            let flag = flag
                .bootable
                .ok_or_else(|| Error::invalid("bootable", "is missing"))?;
            volume_set_bootable(&cx, id, flag).await?;
            return Ok(StatusCode::OK.into_response());
        }
        VolumeAction::SetReadonly(flag) => {
            let flag = flag
                .readonly
                .ok_or_else(|| Error::invalid("readonly", "is missing"))?;
            volume_set_readonly(&cx, id, flag).await?;
        }
        VolumeAction::SetImageMetadata(pairs) => {
            let volume = volume_image_metadata_set(&cx, id, pairs.metadata).await?;
            return Ok(Json(json!({"metadata": volume.image_metadata})).into_response());
        }
        VolumeAction::UnsetImageMetadata(pair) => {
            volume_image_metadata_unset(&cx, id, &pair.key).await?;
            return Ok(StatusCode::OK.into_response());
        }
        VolumeAction::ShowImageMetadata(_) => {
            let volume = volume_show(&cx, id).await?;
            return Ok(Json(json!({"metadata": volume.image_metadata})).into_response());
        }
        VolumeAction::Reserve(_) => volume_reserve(&cx, id).await?,
        VolumeAction::Unreserve(_) => volume_release(&cx, id).await?,
    }
    Ok(StatusCode::ACCEPTED.into_response())
}

async fn extend(cx: &Context, id: VolumeId, version: Version, size: Option<u64>) -> Result<()> {
    let size = size.ok_or_else(|| Error::invalid("new_size", "is missing"))?;
    let volume = volume_show(cx, id).await?;
    if volume.status == VolumeStatus::InUse && version.0 < EXTEND_IN_USE {
        return Err(Error::BadRequest(format!(
            "volume {id} is in-use; to extend it, ask by API version {EXTEND_IN_USE} or later"
        )));
    }
    volume_extend(cx, id, size).await.map(|_| ())
}

async fn reset(cx: &Context, id: VolumeId, wanted: VolumeResetStatus) -> Result<()> {
    match wanted.attach_status.as_deref() {
        None => {}
        Some("detached") => volume_reset_attached(cx, id).await?,
        Some("attached") => {
            return Err(Error::invalid(
                "attach_status",
                "a volume becomes attached by a server alone (openstack server add volume)",
            ));
        }
        Some(other) => {
            return Err(Error::invalid(
                "attach_status",
                format!("{other:?} is none of attached, detached"),
            ));
        }
    }
    if let Some(text) = &wanted.status {
        volume_reset_status(cx, id, status(text)?).await?;
    } else if wanted.attach_status.is_none() && wanted.migration_status.is_none() {
        return Err(Error::invalid("status", "is missing"));
    }
    Ok(())
}
