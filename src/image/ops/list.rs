//! Lists of images.

use crate::context::Context;
use crate::error::{Error, Result};
use crate::image::model::{Image, ImageQuery};
use crate::image::store;

/// Most images on one page.
const MAX_PAGE: u32 = 1000;

/// Images that the actor may see, by query.
pub async fn image_list(cx: &Context, mut query: ImageQuery) -> Result<Vec<Image>> {
    query.viewer = cx.visible_project()?;
    query.limit = query.limit.min(MAX_PAGE);
    let mut conn = cx.db.read().await?;
    store::list(&mut conn, &query).await?.ok_or_else(|| {
        Error::BadRequest(format!(
            "marker: there is no image {}; begin with the first page again",
            query.marker.map(|id| id.to_string()).unwrap_or_default()
        ))
    })
}

/// Number of images that the project may use, or of all, by status.
pub async fn image_counts(cx: &Context, all_projects: bool) -> Result<Vec<(String, u64)>> {
    let viewer = cx.listed_project(all_projects)?;
    let mut conn = cx.db.read().await?;
    Ok(store::counts(&mut conn, viewer).await?)
}
