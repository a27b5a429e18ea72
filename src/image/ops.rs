//! What can be done with images. One operation, one file.

mod access;
mod arrival;
mod boot;
mod create;
mod delete;
mod download;
mod import;
mod land;
mod list;
mod member;
mod quota;
mod snapshot;
mod status;
mod tag;
mod update;
mod upload;

pub use access::image_show;
pub use arrival::{image_arrival, image_arrive, image_await, image_await_end};
pub use boot::{image_for_boot, image_served};
pub use create::{NewImage, image_create, image_reserve_on_conn};
pub use delete::image_delete;
pub use download::{ImageData, image_data};
pub use import::{ImportMethod, image_import};
pub use list::{image_counts, image_list};
pub use member::{member_add, member_list, member_remove, member_set, member_show};
pub use quota::image_bytes;
pub use snapshot::{image_adopt, image_discard, image_upload_dir};
pub use status::{image_deactivate, image_reactivate};
pub use tag::{tag_add, tag_remove};
pub use update::{ImageChange, image_update};
pub use upload::{
    Announced, Purpose, Received, UploadState, image_upload, image_upload_forget,
    image_upload_state,
};

pub(super) use delete::forget;
pub(super) use land::{examine, settle};
pub(super) use upload::back_to_queued;

use super::files::Files;
use super::model::{Image, Visibility};
use crate::context::{Change, Context, Event};

/// The image store of this process.
pub(super) fn files(cx: &Context) -> Files {
    Files::new(&cx.config.image.dir)
}

/// Tells watchers of a committed change. What everybody may see, everybody hears of.
pub fn image_changed(cx: &Context, image: &Image, change: Change) {
    let project = match image.visibility {
        Visibility::Public | Visibility::Community => None,
        Visibility::Private | Visibility::Shared => Some(image.owner),
    };
    let event = Event::new("image", image.id, project, change)
        .named(&image.name)
        .with_status(image.status);
    cx.events.publish(event);
}
