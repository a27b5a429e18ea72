//! A server's labels.

use std::collections::BTreeSet;

use super::access::{legal_on_conn, tell, visible_on_conn};
use super::check::check_tags;
use crate::compute::model::Action;
use crate::compute::store;
use crate::context::{Change, Context};
use crate::error::{Error, Result};
use crate::ids::ServerId;

/// All labels, sorted.
pub async fn server_tag_list(cx: &Context, id: ServerId) -> Result<Vec<String>> {
    let mut conn = cx.db.read().await?;
    visible_on_conn(&mut conn, cx, id).await?;
    Ok(store::server_tag::list(&mut conn, id).await?)
}

/// These labels, and no others.
pub async fn server_tag_replace(
    cx: &Context,
    id: ServerId,
    tags: Vec<String>,
) -> Result<Vec<String>> {
    let tags: BTreeSet<String> = tags.into_iter().collect();
    check_tags("tags", tags.iter())?;
    let mut tx = cx.db.begin().await?;
    let server = legal_on_conn(&mut tx, cx, id, Action::UpdateTags).await?;
    store::server_tag::clear(&mut tx, id).await?;
    for tag in &tags {
        store::server_tag::add(&mut tx, id, tag).await?;
    }
    tx.commit().await?;
    tell(cx, &server, Change::Updated);
    Ok(tags.into_iter().collect())
}

/// Adds a label; `false` if it was there.
pub async fn server_tag_add(cx: &Context, id: ServerId, tag: &str) -> Result<bool> {
    let mut tx = cx.db.begin().await?;
    let server = legal_on_conn(&mut tx, cx, id, Action::UpdateTags).await?;
    let added = store::server_tag::add(&mut tx, id, tag).await?;
    let all = store::server_tag::list(&mut tx, id).await?;
    check_tags("tag", all.iter())?;
    tx.commit().await?;
    if added {
        tell(cx, &server, Change::Updated);
    }
    Ok(added)
}

/// Takes a label away, or with `None` all of them.
pub async fn server_tag_remove(cx: &Context, id: ServerId, tag: Option<&str>) -> Result<()> {
    let mut tx = cx.db.begin().await?;
    let server = legal_on_conn(&mut tx, cx, id, Action::UpdateTags).await?;
    match tag {
        None => store::server_tag::clear(&mut tx, id).await?,
        Some(tag) => {
            if !store::server_tag::remove(&mut tx, id, tag).await? {
                return Err(Error::not_found("tag", tag));
            }
        }
    }
    tx.commit().await?;
    tell(cx, &server, Change::Updated);
    Ok(())
}
