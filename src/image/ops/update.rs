//! What an image says of itself, changed.

use super::{access, create, image_changed};
use crate::context::{Change, Context};
use crate::error::{Error, Result};
use crate::ids::{ImageId, ProjectId, Time};
use crate::image::model::{
    Image, ImageFormat, ImageStatus, Visibility, check_name, check_properties,
};
use crate::image::store;

/// One change of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageChange {
    /// Its name; empty for none.
    Name(String),
    /// Who may see it.
    Visibility(Visibility),
    /// Whether deletion is refused.
    Protected(bool),
    /// Whether lists leave it out.
    Hidden(bool),
    /// `bare` or nothing; only while it is queued.
    ContainerFormat(Option<String>),
    /// What its bytes will be; only while it is queued.
    DiskFormat(Option<ImageFormat>),
    /// GiB of disk that a server needs for it.
    MinDisk(u64),
    /// MiB of memory that a server needs for it.
    MinRam(u64),
    /// Its project; by administrators.
    Owner(ProjectId),
    /// All of its tags.
    Tags(Vec<String>),
    /// A property that may be there.
    SetProperty(String, String),
    /// A property that must be there.
    ReplaceProperty(String, String),
    /// A property that must be there goes.
    RemoveProperty(String),
}

/// Applies changes in order, all or none.
pub async fn image_update(cx: &Context, id: ImageId, changes: Vec<ImageChange>) -> Result<Image> {
    let mut tx = cx.db.begin().await?;
    let mut image = access::own_on_conn(&mut tx, cx, id).await?;
    let before = image.clone();
    for change in changes {
        apply(cx, &mut image, change)?;
    }
    check_name(&image.name).map_err(|reason| Error::invalid("name", reason))?;
    check_properties(&image.properties).map_err(|(field, reason)| Error::invalid(field, reason))?;
    create::check_needs(image.min_disk, image.min_ram)?;
    create::check_container(image.container_format.as_deref())?;
    create::check_tags(&image.tags)?;
    if image == before {
        return Ok(image);
    }
    image.updated_at = Time::now();
    if !store::update(&mut tx, &image).await? {
        return Err(Error::not_found("image", id));
    }
    tx.commit().await?;
    image_changed(cx, &image, Change::Updated);
    Ok(image)
}

fn apply(cx: &Context, image: &mut Image, change: ImageChange) -> Result<()> {
    match change {
        ImageChange::Name(name) => image.name = name,
        ImageChange::Visibility(visibility) => {
            if visibility != image.visibility {
                create::check_visibility(cx, visibility)?;
            }
            image.visibility = visibility;
        }
        ImageChange::Protected(flag) => image.protected = flag,
        ImageChange::Hidden(flag) => image.hidden = flag,
        ImageChange::ContainerFormat(format) => {
            if format != image.container_format {
                only_queued(image, "container_format")?;
            }
            image.container_format = format;
        }
        ImageChange::DiskFormat(format) => {
            if format != image.disk_format {
                only_queued(image, "disk_format")?;
            }
            image.disk_format = format;
        }
        ImageChange::MinDisk(gigabytes) => image.min_disk = gigabytes,
        ImageChange::MinRam(megabytes) => image.min_ram = megabytes,
        ImageChange::Owner(owner) => {
            if owner != image.owner && !cx.actor.is_admin() {
                return Err(Error::Forbidden(
                    "owner: only an administrator gives images to other projects".into(),
                ));
            }
            image.owner = owner;
        }
        ImageChange::Tags(mut tags) => {
            tags.sort_unstable();
            tags.dedup();
            image.tags = tags;
        }
        ImageChange::SetProperty(name, value) => {
            image.properties.insert(name, value);
        }
        ImageChange::ReplaceProperty(name, value) => {
            let old = image
                .properties
                .get_mut(&name)
                .ok_or_else(|| missing(&name))?;
            *old = value;
        }
        ImageChange::RemoveProperty(name) => {
            image
                .properties
                .remove(&name)
                .ok_or_else(|| missing(&name))?;
        }
    }
    Ok(())
}

fn only_queued(image: &Image, field: &str) -> Result<()> {
    if image.status == ImageStatus::Queued {
        return Ok(());
    }
    Err(Error::Forbidden(format!(
        "{field} can be changed only while the image is queued; it is {}",
        image.status
    )))
}

fn missing(name: &str) -> Error {
    Error::conflict(format!("the image has no property {name}"))
}
