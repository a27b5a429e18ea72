//! Images as Glance writes them.

use crate::image::model::{Image, Member};
use crate::image::wire;

/// One image.
pub(super) fn image(image: &Image) -> wire::Image {
    let path = format!("/v2/images/{}", image.id);
    wire::Image {
        id: image.id.to_string(),
        name: Some(image.name.clone()).filter(|name| !name.is_empty()),
        status: image.status.name().to_owned(),
        visibility: image.visibility.name().to_owned(),
        protected: image.protected,
        os_hidden: image.hidden,
        checksum: image.checksum.clone(),
        os_hash_algo: image.sha512.as_ref().map(|_| "sha512".to_owned()),
        os_hash_value: image.sha512.clone(),
        size: image.size,
        virtual_size: image.virtual_size,
        container_format: image.container_format.clone(),
        disk_format: image.disk_format.map(|format| format.name().to_owned()),
        min_disk: image.min_disk,
        min_ram: image.min_ram,
        owner: Some(image.owner.to_string()),
        tags: image.tags.clone(),
        created_at: image.created_at.to_seconds_text(),
        updated_at: image.updated_at.to_seconds_text(),
        file: format!("{path}/file"),
        this: path,
        schema: "/v2/schemas/image".to_owned(),
        properties: image.properties.clone(),
    }
}

/// One member.
pub(super) fn member(member: &Member) -> wire::ImageMember {
    wire::ImageMember {
        image_id: member.image.to_string(),
        member_id: member.project.to_string(),
        status: member.status.name().to_owned(),
        created_at: member.created_at.to_seconds_text(),
        updated_at: member.updated_at.to_seconds_text(),
        schema: "/v2/schemas/member".to_owned(),
    }
}
