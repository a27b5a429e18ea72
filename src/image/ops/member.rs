//! Projects that an image is shared with.
//!
//! The owner adds and removes members; each member answers for itself. A project that is not a member does not learn of
//! the image at all.

use super::{access, image_changed};
use crate::context::{Change, Context};
use crate::db::{Conn, DbError};
use crate::error::{Error, Result};
use crate::ids::{ImageId, ProjectId, Time};
use crate::image::model::{Image, Member, MemberStatus, Visibility};
use crate::image::store;

/// Members that one image may have.
const MAX_MEMBERS: usize = 128;

/// Shares an image with a project.
pub async fn member_add(cx: &Context, id: ImageId, project: ProjectId) -> Result<Member> {
    let mut tx = cx.db.begin().await?;
    let image = shared(&mut tx, cx, id).await?;
    if store::member_list(&mut tx, id).await?.len() >= MAX_MEMBERS {
        return Err(Error::TooLarge(format!(
            "image {id} is shared with {MAX_MEMBERS} projects, and more are not allowed; make it community or public"
        )));
    }
    let now = Time::now();
    let member = Member {
        image: id,
        project,
        status: MemberStatus::Pending,
        created_at: now,
        updated_at: now,
    };
    match store::member_insert(&mut tx, &member).await {
        Err(DbError::Duplicate { .. }) => {
            return Err(Error::conflict(format!(
                "image {id} is shared with project {project} already"
            )));
        }
        other => other?,
    }
    tx.commit().await?;
    image_changed(cx, &image, Change::Updated);
    Ok(member)
}

/// The members that the actor may know of: all for the owner, oneself for a member.
pub async fn member_list(cx: &Context, id: ImageId) -> Result<Vec<Member>> {
    let mut conn = cx.db.read().await?;
    let image = access::visible_on_conn(&mut conn, cx, id).await?;
    if image.visibility != Visibility::Shared {
        return Err(Error::Forbidden(format!(
            "image {id} is {}; only shared images have members",
            image.visibility.name()
        )));
    }
    let mut members = store::member_list(&mut conn, id).await?;
    if let Some(viewer) = cx
        .visible_project()?
        .filter(|viewer| *viewer != image.owner)
    {
        members.retain(|member| member.project == viewer);
    }
    Ok(members)
}

/// One member, for the owner and itself.
pub async fn member_show(cx: &Context, id: ImageId, project: ProjectId) -> Result<Member> {
    let members = member_list(cx, id).await?;
    members
        .into_iter()
        .find(|member| member.project == project)
        .ok_or_else(|| Error::not_found("member", project))
}

/// Records a member's answer; by the member, or by an administrator.
pub async fn member_set(
    cx: &Context,
    id: ImageId,
    project: ProjectId,
    status: MemberStatus,
) -> Result<Member> {
    let mut tx = cx.db.begin().await?;
    let image = access::visible_on_conn(&mut tx, cx, id).await?;
    if cx
        .visible_project()?
        .is_some_and(|viewer| viewer != project)
    {
        return Err(Error::Forbidden(format!(
            "only project {project} can say whether it accepts the image"
        )));
    }
    let mut member = store::member_show(&mut tx, id, project)
        .await?
        .ok_or_else(|| Error::not_found("member", project))?;
    member.status = status;
    member.updated_at = Time::now();
    store::member_update(&mut tx, &member).await?;
    tx.commit().await?;
    cx.events
        .changed("image", id, Some(project), Change::Updated);
    image_changed(cx, &image, Change::Updated);
    Ok(member)
}

/// Ends the sharing with a project.
pub async fn member_remove(cx: &Context, id: ImageId, project: ProjectId) -> Result<()> {
    let mut tx = cx.db.begin().await?;
    let image = shared(&mut tx, cx, id).await?;
    if !store::member_delete(&mut tx, id, project).await? {
        return Err(Error::not_found("member", project));
    }
    tx.commit().await?;
    image_changed(cx, &image, Change::Updated);
    Ok(())
}

async fn shared(conn: &mut Conn, cx: &Context, id: ImageId) -> Result<Image> {
    let image = access::own_on_conn(conn, cx, id).await?;
    if image.visibility == Visibility::Shared {
        return Ok(image);
    }
    Err(Error::Forbidden(format!(
        "image {id} is {}; make it shared first (openstack image set --shared {id})",
        image.visibility.name()
    )))
}
