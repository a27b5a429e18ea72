//! Changing floating addresses: where they lead.

use super::check;
use super::floating_list::floating_show_on_conn;
use super::floating_target::{floating_announce, floating_write_on_conn, target_on_conn};
use crate::context::{Change, Context};
use crate::error::Result;
use crate::ids::FloatingIpId;
use crate::network::model::{FloatingIp, FloatingIpChanges};

/// Changes a floating address. The nodes of the routers follow.
pub async fn floating_update(
    cx: &Context,
    id: FloatingIpId,
    changes: FloatingIpChanges,
) -> Result<FloatingIp> {
    let mut tx = cx.db.begin().await?;
    let mut floating = floating_show_on_conn(&mut tx, cx, id).await?;
    let before = floating.target;
    if let Some(description) = changes.description {
        check::text("description", &description)?;
        floating.description = description;
    }
    if let Some(tags) = changes.tags {
        check::tags(&tags)?;
        floating.tags = tags;
    }
    match &changes.target {
        Some(Some(wish)) => {
            floating.target = Some(target_on_conn(&mut tx, cx, &floating, wish).await?);
        }
        Some(None) => floating.target = None,
        None => {}
    }
    floating_write_on_conn(&mut tx, &mut floating, before).await?;
    let floating = floating_show_on_conn(&mut tx, cx, id).await?;
    tx.commit().await?;
    floating_announce(cx, &floating, Change::Updated);
    Ok(floating)
}
