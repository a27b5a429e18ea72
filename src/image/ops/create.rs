//! A new image: a row without bytes.

use std::collections::BTreeMap;

use super::image_changed;
use crate::context::{Change, Context};
use crate::db::{Conn, DbError};
use crate::error::{Error, Result};
use crate::ids::{ImageId, ProjectId, Time};
use crate::image::model::{
    Image, ImageFormat, ImageStatus, Visibility, check_name, check_properties, check_tag,
};
use crate::image::store;

/// Tags that one image may have.
const MAX_TAGS: usize = 128;

/// An image to be.
#[derive(Clone, Debug)]
pub struct NewImage {
    /// An id of the caller's choice.
    pub id: Option<ImageId>,
    /// Its name; may be empty.
    pub name: String,
    /// Who may see it.
    pub visibility: Visibility,
    /// Another project than the actor's; for administrators.
    pub owner: Option<ProjectId>,
    /// Whether deletion is refused.
    pub protected: bool,
    /// Whether lists leave it out.
    pub hidden: bool,
    /// `bare`, if said.
    pub container_format: Option<String>,
    /// What its bytes will be, if said.
    pub disk_format: Option<ImageFormat>,
    /// GiB of disk that a server needs for it.
    pub min_disk: u64,
    /// MiB of memory that a server needs for it.
    pub min_ram: u64,
    /// Labels.
    pub tags: Vec<String>,
    /// Its own properties.
    pub properties: BTreeMap<String, String>,
}

impl Default for NewImage {
    fn default() -> Self {
        Self {
            id: None,
            name: String::new(),
            visibility: Visibility::Shared,
            owner: None,
            protected: false,
            hidden: false,
            container_format: None,
            disk_format: None,
            min_disk: 0,
            min_ram: 0,
            tags: Vec::new(),
            properties: BTreeMap::new(),
        }
    }
}

/// Makes an image that waits for its bytes.
pub async fn image_create(cx: &Context, new: NewImage) -> Result<Image> {
    let mut tx = cx.db.begin().await?;
    let image = image_reserve_on_conn(&mut tx, cx, new).await?;
    tx.commit().await?;
    image_changed(cx, &image, Change::Created);
    Ok(image)
}

/// The same inside a transaction; the caller tells watchers ([`image_changed`]) after its commit.
pub async fn image_reserve_on_conn(
    conn: &mut Conn,
    cx: &Context,
    mut new: NewImage,
) -> Result<Image> {
    new.tags.sort_unstable();
    new.tags.dedup();
    check(&new)?;
    check_visibility(cx, new.visibility)?;
    let owner = match new.owner {
        Some(owner) if cx.actor.is_admin() => owner,
        Some(owner) if owner != cx.project()?.id => {
            return Err(Error::Forbidden(
                "owner: only an administrator makes images for other projects".into(),
            ));
        }
        _ => cx.project()?.id,
    };
    let now = Time::now();
    let image = Image {
        id: new.id.unwrap_or_default(),
        name: new.name,
        status: ImageStatus::Queued,
        visibility: new.visibility,
        owner,
        protected: new.protected,
        hidden: new.hidden,
        container_format: new.container_format,
        disk_format: new.disk_format,
        min_disk: new.min_disk,
        min_ram: new.min_ram,
        size: None,
        virtual_size: None,
        checksum: None,
        sha512: None,
        tags: new.tags,
        properties: new.properties,
        created_at: now,
        updated_at: now,
    };
    match store::insert(conn, &image).await {
        Err(DbError::Duplicate { .. }) => Err(Error::conflict(format!(
            "an image with the id {} exists already",
            image.id
        ))),
        other => {
            other?;
            Ok(image)
        }
    }
}

fn check(new: &NewImage) -> Result<()> {
    check_name(&new.name).map_err(|reason| Error::invalid("name", reason))?;
    check_container(new.container_format.as_deref())?;
    check_needs(new.min_disk, new.min_ram)?;
    check_properties(&new.properties).map_err(|(field, reason)| Error::invalid(field, reason))?;
    check_tags(&new.tags)
}

pub(super) fn check_tags(tags: &[String]) -> Result<()> {
    if tags.len() > MAX_TAGS {
        return Err(Error::invalid(
            "tags",
            format!("{} are given, {MAX_TAGS} are allowed", tags.len()),
        ));
    }
    tags.iter()
        .try_for_each(|tag| check_tag(tag))
        .map_err(|reason| Error::invalid("tags", reason))
}

pub(super) fn check_container(format: Option<&str>) -> Result<()> {
    match format {
        None | Some("bare") => Ok(()),
        Some(other) => Err(Error::invalid(
            "container_format",
            format!("{other:?} is not supported; bare is: unpack the disk and upload that"),
        )),
    }
}

pub(super) fn check_needs(min_disk: u64, min_ram: u64) -> Result<()> {
    for (field, value) in [("min_disk", min_disk), ("min_ram", min_ram)] {
        if value > i32::MAX as u64 {
            return Err(Error::invalid(
                field,
                format!("{value} is more than {}", i32::MAX),
            ));
        }
    }
    Ok(())
}

/// Images that every project has in its lists are made by administrators.
pub(super) fn check_visibility(cx: &Context, visibility: Visibility) -> Result<()> {
    if visibility == Visibility::Public {
        cx.require("image:image:publicize")?;
    }
    Ok(())
}
