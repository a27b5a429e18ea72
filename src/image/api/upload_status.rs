//! `/skydeck/v1/images/{id}/upload`: how far an image's bytes have come, so that a broken transfer goes on.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;

use crate::api::skydeck::PREFIX;
use crate::api::wire::{ErrorStyle, UploadStatus};
use crate::api::{Routes, parse_id};
use crate::context::Context;
use crate::error::Result;
use crate::image::ops::{image_upload_forget, image_upload_state};

pub(super) fn routes() -> Routes {
    Routes::new(PREFIX, ErrorStyle::Skydeck)
        .get("/images/{id}/upload", "image:image:upload", show)
        .delete("/images/{id}/upload", "image:image:upload", forget)
}

async fn show(cx: Context, Path(id): Path<String>) -> Result<Json<UploadStatus>> {
    let id = parse_id("image", &id)?;
    let state = image_upload_state(&cx, id).await?;
    Ok(Json(UploadStatus {
        image_id: id.to_string(),
        received: state.received,
        total: state.total,
        active: state.active,
    }))
}

async fn forget(cx: Context, Path(id): Path<String>) -> Result<StatusCode> {
    image_upload_forget(&cx, parse_id("image", &id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
