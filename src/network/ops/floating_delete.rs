//! Giving floating addresses back.

use super::floating_list::floating_show_on_conn;
use super::floating_target::{floating_announce, through_changed_on_conn};
use super::port_delete::port_delete_on_conn;
use crate::context::{Change, Context};
use crate::error::Result;
use crate::ids::FloatingIpId;
use crate::network::store;

/// Gives a floating address back, wherever it leads.
pub async fn floating_delete(cx: &Context, id: FloatingIpId) -> Result<()> {
    let mut tx = cx.db.begin().await?;
    let floating = floating_show_on_conn(&mut tx, cx, id).await?;
    store::floating::delete(&mut tx, id).await?;
    port_delete_on_conn(&mut tx, floating.port).await?;
    through_changed_on_conn(&mut tx, floating.target).await?;
    tx.commit().await?;
    floating_announce(cx, &floating, Change::Deleted);
    Ok(())
}
