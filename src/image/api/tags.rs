//! `/v2/images/{id}/tags/{tag}`.

use axum::extract::Path;
use axum::http::StatusCode;

use crate::api::{Routes, parse_id};
use crate::context::Context;
use crate::error::Result;
use crate::image::ops::{tag_add, tag_remove};

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .put("/v2/images/{id}/tags/{tag}", "image:tag:set", add)
        .delete("/v2/images/{id}/tags/{tag}", "image:tag:set", remove)
}

async fn add(cx: Context, Path((id, tag)): Path<(String, String)>) -> Result<StatusCode> {
    tag_add(&cx, parse_id("image", &id)?, &tag).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn remove(cx: Context, Path((id, tag)): Path<(String, String)>) -> Result<StatusCode> {
    tag_remove(&cx, parse_id("image", &id)?, &tag).await?;
    Ok(StatusCode::NO_CONTENT)
}
