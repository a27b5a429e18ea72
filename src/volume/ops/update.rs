//! What a volume says of itself, changed.

use std::collections::BTreeMap;

use super::{access, volume_changed};
use crate::context::{Change, Context};
use crate::error::{Error, Result};
use crate::ids::VolumeId;
use crate::volume::model::{Volume, check_description, check_metadata, check_name};
use crate::volume::store;

/// Fields to change; absent ones stay.
#[derive(Clone, Debug, Default)]
pub struct VolumeChange {
    /// Its name.
    pub name: Option<String>,
    /// For people; empty for none.
    pub description: Option<String>,
    /// Pairs to add or replace.
    pub metadata: Option<BTreeMap<String, String>>,
    /// Whether all other pairs go.
    pub metadata_whole: bool,
}

/// Changes names and pairs.
pub async fn volume_update(cx: &Context, id: VolumeId, change: VolumeChange) -> Result<Volume> {
    edit(cx, id, |volume| {
        if let Some(name) = change.name {
            check_name(&name).map_err(|reason| Error::invalid("name", reason))?;
            volume.name = name;
        }
        if let Some(text) = change.description {
            check_description(&text).map_err(|reason| Error::invalid("description", reason))?;
            volume.description = Some(text).filter(|text| !text.is_empty());
        }
        if let Some(pairs) = change.metadata {
            if change.metadata_whole {
                volume.metadata.clear();
            }
            volume.metadata.extend(pairs);
        }
        check_metadata(&volume.metadata).map_err(|reason| Error::invalid("metadata", reason))
    })
    .await
}

/// Takes a pair away.
pub async fn volume_metadata_unset(cx: &Context, id: VolumeId, name: &str) -> Result<Volume> {
    edit(cx, id, |volume| {
        let gone = volume.metadata.remove(name);
        gone.map(|_| ())
            .ok_or_else(|| Error::not_found("metadata item", name))
    })
    .await
}

/// Says whether servers may boot from it.
pub async fn volume_set_bootable(cx: &Context, id: VolumeId, flag: bool) -> Result<Volume> {
    edit(cx, id, |volume| {
        volume.bootable = flag;
        Ok(())
    })
    .await
}

/// Says whether servers may only read it.
pub async fn volume_set_readonly(cx: &Context, id: VolumeId, flag: bool) -> Result<Volume> {
    edit(cx, id, |volume| {
        volume.readonly = flag;
        Ok(())
    })
    .await
}

/// Sets pairs of what its image said.
pub async fn volume_image_metadata_set(
    cx: &Context,
    id: VolumeId,
    pairs: BTreeMap<String, String>,
) -> Result<Volume> {
    edit(cx, id, |volume| {
        volume.image_metadata.extend(pairs);
        check_metadata(&volume.image_metadata).map_err(|reason| Error::invalid("metadata", reason))
    })
    .await
}

/// Takes a pair of what its image said away.
pub async fn volume_image_metadata_unset(cx: &Context, id: VolumeId, name: &str) -> Result<Volume> {
    edit(cx, id, |volume| {
        let gone = volume.image_metadata.remove(name);
        gone.map(|_| ())
            .ok_or_else(|| Error::not_found("metadata item", name))
    })
    .await
}

async fn edit(
    cx: &Context,
    id: VolumeId,
    change: impl FnOnce(&mut Volume) -> Result<()> + Send,
) -> Result<Volume> {
    let mut tx = cx.db.begin().await?;
    let mut volume = access::own_on_conn(&mut tx, cx, id).await?;
    change(&mut volume)?;
    let was = volume.status;
    if !store::update(&mut tx, &mut volume, was).await? {
        return Err(Error::conflict(format!(
            "volume {id} changed meanwhile; look at it again"
        )));
    }
    tx.commit().await?;
    volume_changed(cx, &volume, Change::Updated);
    Ok(volume)
}
