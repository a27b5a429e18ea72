//! Begins a server anew from an image.

use std::collections::BTreeMap;

use super::access::{UnderWay, begin_on_conn, legal_on_conn, tell_begun};
use super::check::{
    check_address, check_disk_config, check_hostname, check_metadata, check_name, check_text,
};
use super::prepare::{ImageFacts, image_facts, key_of};
use super::request::check_user_data;
use super::update::changed_meanwhile;
use crate::compute::model::{Action, Server, TaskState};
use crate::compute::sagas::ServerRebuild;
use crate::compute::store;
use crate::compute::store::server::Change as Row;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::identity::ops::quota_limit_on_conn;
use crate::ids::{ImageId, OperationId, ServerId};

/// What to begin anew with; absent fields stay, an inner `None` clears.
#[derive(Clone, Debug, Default)]
pub struct RebuildWish {
    /// The image.
    pub image: ImageId,
    /// Name.
    pub name: Option<String>,
    /// For people.
    pub description: Option<Option<String>>,
    /// Free pairs.
    pub metadata: Option<BTreeMap<String, String>>,
    /// Key pair of whoever asks.
    pub key_name: Option<Option<String>>,
    /// User data in base64.
    pub user_data: Option<Option<String>>,
    /// Address to show.
    pub access_ipv4: Option<String>,
    /// Address to show.
    pub access_ipv6: Option<String>,
    /// `AUTO` or `MANUAL`.
    pub disk_config: Option<String>,
    /// Host name inside.
    pub hostname: Option<String>,
}

/// Throws the root disk away and starts from the image.
pub async fn server_rebuild(cx: &Context, id: ServerId, wish: RebuildWish) -> Result<OperationId> {
    let image = image_facts(cx, wish.image).await?;
    let key = match &wish.key_name {
        Some(Some(name)) => Some(Some((name.clone(), key_of(cx, name).await?))),
        Some(None) => Some(None),
        None => None,
    };
    let mut tx = cx.db.begin().await?;
    let before = legal_on_conn(&mut tx, cx, id, Action::Rebuild).await?;
    if before.boots_from_volume() {
        return Err(Error::conflict(format!(
            "server {id} boots from a volume, which a rebuild would not touch; make a new server instead"
        )));
    }
    image.check_fits(&before.flavor)?;
    let saga = ServerRebuild::new(&before);
    let mut server = before;
    let limit = quota_limit_on_conn(&mut tx, cx, server.project, "metadata_items").await?;
    apply(&mut server, wish, &image, limit)?;
    if let Some(key) = key {
        (server.detail.key_name, server.detail.public_key) = key.unzip();
    }
    let refuse = UnderWay::Refuse;
    let task = Some(TaskState::Rebuilding);
    let begun = begin_on_conn(&mut tx, cx, &server, task, &saga, refuse).await?;
    if !store::server::write_fields(&mut tx, &server).await? {
        return Err(changed_meanwhile(id));
    }
    let row = Row {
        new_generation: true,
        ..Row::default()
    };
    store::server::change(&mut tx, id, &row).await?;
    tx.commit().await?;
    Ok(tell_begun(cx, &server, begun))
}

fn apply(
    server: &mut Server,
    wish: RebuildWish,
    image: &ImageFacts,
    metadata_limit: i64,
) -> Result<()> {
    server.image = Some(image.id);
    server.detail.image = Some(image.copy.clone());
    if let Some(name) = wish.name {
        check_name("name", &name)?;
        server.name = name;
    }
    if let Some(description) = wish.description {
        check_text(
            "description",
            description.as_deref().unwrap_or_default(),
            0,
            255,
        )?;
        server.detail.description = description;
    }
    if let Some(metadata) = wish.metadata {
        check_metadata("metadata", &metadata, metadata_limit)?;
        server.detail.metadata = metadata;
    }
    if let Some(user_data) = wish.user_data {
        check_user_data("user_data", user_data.as_deref())?;
        server.user_data = user_data;
    }
    if let Some(address) = wish.access_ipv4 {
        server.detail.access_ipv4 = check_address::<std::net::Ipv4Addr>("accessIPv4", address)?;
    }
    if let Some(address) = wish.access_ipv6 {
        server.detail.access_ipv6 = check_address::<std::net::Ipv6Addr>("accessIPv6", address)?;
    }
    if let Some(disk_config) = wish.disk_config {
        server.detail.disk_config = check_disk_config(disk_config)?;
    }
    if let Some(hostname) = wish.hostname {
        check_hostname(&hostname)?;
        server.detail.hostname = hostname;
    }
    Ok(())
}
