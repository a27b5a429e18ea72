//! Flavors as the actor may see them.

use crate::compute::model::{Flavor, FlavorQuery};
use crate::compute::store;
use crate::context::Context;
use crate::db::Conn;
use crate::error::{Error, Result};

/// Flavors, sorted and paged. Whoever is not an administrator sees public ones and those of private ones that their
/// project has access to.
pub async fn flavor_list(cx: &Context, mut query: FlavorQuery) -> Result<Vec<Flavor>> {
    if let Some(own) = cx.visible_project()? {
        query.project = Some(own);
        query.is_public = None;
    }
    let mut conn = cx.db.read().await?;
    let mut flavors = store::flavor::list(&mut conn, &query).await?;
    if let Some(marker) = &query.marker {
        let at = flavors
            .iter()
            .position(|flavor| flavor.id == *marker)
            .ok_or_else(|| Error::BadRequest(format!("marker {marker} could not be found")))?;
        flavors.drain(..=at);
    }
    if let Some(limit) = query.limit {
        flavors.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    }
    Ok(flavors)
}

/// One flavor. A private one does not exist for whoever has no access.
pub async fn flavor_show(cx: &Context, id: &str) -> Result<Flavor> {
    let mut conn = cx.db.read().await?;
    flavor_show_on_conn(&mut conn, cx, id).await
}

pub(super) async fn flavor_show_on_conn(conn: &mut Conn, cx: &Context, id: &str) -> Result<Flavor> {
    let missing = || Error::not_found("flavor", id);
    let flavor = store::flavor::find(conn, id).await?.ok_or_else(missing)?;
    if flavor.is_public {
        return Ok(flavor);
    }
    match cx.visible_project()? {
        Some(own) if !store::flavor::has_access(conn, id, own).await? => Err(missing()),
        _ => Ok(flavor),
    }
}
