//! Who may use a private flavor.

use crate::compute::model::Flavor;
use crate::compute::store;
use crate::context::{Change, Context};
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::ids::ProjectId;

/// Projects with access to a private flavor. A public one has no such list.
pub async fn flavor_access_list(cx: &Context, id: &str) -> Result<Vec<ProjectId>> {
    let mut conn = cx.db.read().await?;
    let flavor = found(&mut conn, id).await?;
    if flavor.is_public {
        return Err(Error::not_found(
            "access list",
            format!("of public flavor {id}"),
        ));
    }
    Ok(store::flavor::access(&mut conn, id).await?)
}

/// Gives a project access; answers with all projects that have it.
pub async fn flavor_access_add(
    cx: &Context,
    id: &str,
    project: ProjectId,
) -> Result<Vec<ProjectId>> {
    let mut tx = cx.db.begin().await?;
    let flavor = found(&mut tx, id).await?;
    if flavor.is_public {
        return Err(Error::conflict(format!(
            "Can not add access to a public flavor: everybody may use {id}."
        )));
    }
    if !store::flavor::access_add(&mut tx, id, project).await? {
        return Err(Error::conflict(format!(
            "Flavor access already exists for flavor {id} and project {project} combination."
        )));
    }
    let all = store::flavor::access(&mut tx, id).await?;
    tx.commit().await?;
    cx.events.changed("flavor", id, None, Change::Updated);
    Ok(all)
}

/// Takes a project's access away; answers with all projects that still have it.
pub async fn flavor_access_remove(
    cx: &Context,
    id: &str,
    project: ProjectId,
) -> Result<Vec<ProjectId>> {
    let mut tx = cx.db.begin().await?;
    found(&mut tx, id).await?;
    if !store::flavor::access_remove(&mut tx, id, project).await? {
        return Err(Error::not_found(
            "flavor access",
            format!("of flavor {id} for project {project}"),
        ));
    }
    let all = store::flavor::access(&mut tx, id).await?;
    tx.commit().await?;
    cx.events.changed("flavor", id, None, Change::Updated);
    Ok(all)
}

async fn found(conn: &mut Conn, id: &str) -> Result<Flavor> {
    store::flavor::find(conn, id)
        .await?
        .ok_or_else(|| Error::not_found("flavor", id))
}
