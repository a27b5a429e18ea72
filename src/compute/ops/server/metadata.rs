//! A server's free pairs.

use std::collections::BTreeMap;

use super::access::{legal_on_conn, tell, visible_on_conn};
use super::check::check_metadata;
use super::update::changed_meanwhile;
use crate::compute::model::Action;
use crate::compute::store;
use crate::context::{Change, Context};
use crate::error::{Error, Result};
use crate::identity::ops::quota_limit_on_conn;
use crate::ids::ServerId;

/// Pairs by key.
pub type Pairs = BTreeMap<String, String>;

/// All pairs.
pub async fn server_metadata_show(cx: &Context, id: ServerId) -> Result<Pairs> {
    let mut conn = cx.db.read().await?;
    Ok(visible_on_conn(&mut conn, cx, id).await?.detail.metadata)
}

/// Sets these pairs; others stay. Answers with all.
pub async fn server_metadata_update(cx: &Context, id: ServerId, pairs: Pairs) -> Result<Pairs> {
    change(cx, id, |all| {
        all.extend(pairs);
        Ok(())
    })
    .await
}

/// These pairs, and no others.
pub async fn server_metadata_replace(cx: &Context, id: ServerId, pairs: Pairs) -> Result<Pairs> {
    change(cx, id, |all| {
        *all = pairs;
        Ok(())
    })
    .await
}

/// Without this pair.
pub async fn server_metadata_delete(cx: &Context, id: ServerId, key: &str) -> Result<()> {
    change(cx, id, |all| {
        all.remove(key)
            .map(|_| ())
            .ok_or_else(|| Error::not_found("metadata item", key))
    })
    .await
    .map(|_| ())
}

async fn change(
    cx: &Context,
    id: ServerId,
    edit: impl FnOnce(&mut Pairs) -> Result<()>,
) -> Result<Pairs> {
    let mut tx = cx.db.begin().await?;
    let mut server = legal_on_conn(&mut tx, cx, id, Action::UpdateMetadata).await?;
    edit(&mut server.detail.metadata)?;
    let limit = quota_limit_on_conn(&mut tx, cx, server.project, "metadata_items").await?;
    check_metadata("metadata", &server.detail.metadata, limit)?;
    if !store::server::write_fields(&mut tx, &server).await? {
        return Err(changed_meanwhile(id));
    }
    tx.commit().await?;
    tell(cx, &server, Change::Updated);
    Ok(server.detail.metadata)
}
