//! Lists of volumes.

use crate::context::Context;
use crate::error::{Error, Result};
use crate::volume::model::{Volume, VolumeQuery};
use crate::volume::store;

/// Most volumes on one page.
const MAX_PAGE: u32 = 1000;

/// Volumes by query: of the actor's project, or of all for administrators who ask for no project.
pub async fn volume_list(cx: &Context, mut query: VolumeQuery) -> Result<Vec<Volume>> {
    if let Some(own) = cx.visible_project()? {
        query.project = Some(own);
    }
    query.limit = query.limit.min(MAX_PAGE);
    let mut conn = cx.db.read().await?;
    store::list(&mut conn, &query).await?.ok_or_else(|| {
        Error::BadRequest(format!(
            "marker: there is no volume {}; begin with the first page again",
            query.marker.map(|id| id.to_string()).unwrap_or_default()
        ))
    })
}

/// Number of volumes and their GiB, of the project or of all.
pub async fn volume_total(cx: &Context, all_projects: bool) -> Result<(u64, u64)> {
    let project = cx.listed_project(all_projects)?;
    let mut conn = cx.db.read().await?;
    Ok(store::total(&mut conn, project).await?)
}

/// Number of volumes of the project, or of all, by status.
pub async fn volume_counts(cx: &Context, all_projects: bool) -> Result<Vec<(String, u64)>> {
    let project = cx.listed_project(all_projects)?;
    let mut conn = cx.db.read().await?;
    Ok(store::counts(&mut conn, project).await?)
}
