//! Makes an image of a server's root disk.

use std::collections::BTreeMap;

use super::access::{UnderWay, begin_on_conn, legal_on_conn, tell_begun};
use super::check::check_name;
use crate::compute::model::{Action, Server, TaskState};
use crate::compute::sagas::ServerSnapshot;
use crate::context::{Change, Context};
use crate::error::{Error, Result};
use crate::ids::{ImageId, ServerId};
use crate::image::model::{ImageFormat, Visibility};
use crate::image::ops::{NewImage, image_changed, image_reserve_on_conn};

/// Begins to make the image and answers with its id. `properties` are set on it, besides those of the server's own image.
pub async fn server_create_image(
    cx: &Context,
    id: ServerId,
    name: &str,
    properties: BTreeMap<String, String>,
) -> Result<ImageId> {
    check_name("name", name)?;
    let mut tx = cx.db.begin().await?;
    let server = legal_on_conn(&mut tx, cx, id, Action::CreateImage).await?;
    if server.boots_from_volume() {
        return Err(Error::conflict(format!(
            "server {id} boots from a volume: make a snapshot of that volume instead"
        )));
    }
    let new = NewImage {
        name: name.to_owned(),
        visibility: Visibility::Private,
        owner: Some(server.project),
        container_format: Some("bare".to_owned()),
        disk_format: Some(ImageFormat::Qcow2),
        min_disk: server.flavor.disk_gb,
        min_ram: 0,
        properties: properties_of(&server, properties),
        ..NewImage::default()
    };
    let image = image_reserve_on_conn(&mut tx, cx, new).await?;
    let saga = ServerSnapshot::new(&server, image.id);
    let task = Some(TaskState::ImageSnapshot);
    let begun = begin_on_conn(&mut tx, cx, &server, task, &saga, UnderWay::Refuse).await?;
    tx.commit().await?;
    image_changed(cx, &image, Change::Created);
    tell_begun(cx, &server, begun);
    Ok(image.id)
}

/// What Nova says of a snapshot, then what the server's image said of itself, then the owner's own.
fn properties_of(server: &Server, own: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut all = server.image_properties();
    all.insert("image_type".into(), "snapshot".into());
    all.insert("instance_uuid".into(), server.id.to_string());
    all.insert("image_location".into(), "snapshot".into());
    if let Some(base) = server.image {
        all.insert("base_image_ref".into(), base.to_string());
    }
    if let Some(user) = server.user {
        all.insert("user_id".into(), user.to_string());
    }
    all.extend(own);
    all
}
