//! What an image is, and the life it can have. Pure.

mod format;
mod names;
mod qcow2;
mod query;
mod status;

pub use format::{HEAD_BYTES, Sample, Sniffed, TAIL_BYTES, identify, sniff};
pub use names::{
    check_name, check_properties, check_property_name, check_property_value, check_tag,
};
pub use qcow2::{L1Table, Qcow2, Qcow2Error, empty as qcow2_empty};
pub use query::{Compare, ImageQuery, Scope, SortKey};
pub use status::{ImageFormat, ImageStatus, MemberStatus, Visibility};

use std::collections::BTreeMap;

use crate::ids::{ImageId, ProjectId, Time};

/// An image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Its id.
    pub id: ImageId,
    /// Its name; may be empty.
    pub name: String,
    /// Where it is in its life.
    pub status: ImageStatus,
    /// Who may see it.
    pub visibility: Visibility,
    /// Its project.
    pub owner: ProjectId,
    /// Whether deletion is refused.
    pub protected: bool,
    /// Whether lists leave it out.
    pub hidden: bool,
    /// `bare`, once said.
    pub container_format: Option<String>,
    /// As declared, or as found when the bytes came.
    pub disk_format: Option<ImageFormat>,
    /// GiB of disk that a server needs for it.
    pub min_disk: u64,
    /// MiB of memory that a server needs for it.
    pub min_ram: u64,
    /// Length of its file.
    pub size: Option<u64>,
    /// Bytes that the disk inside offers.
    pub virtual_size: Option<u64>,
    /// MD5 of its file, hexadecimal.
    pub checksum: Option<String>,
    /// SHA-512 of its file, hexadecimal.
    pub sha512: Option<String>,
    /// Labels, sorted.
    pub tags: Vec<String>,
    /// Its own properties: `hw_disk_bus`, `os_distro`, …
    pub properties: BTreeMap<String, String>,
    /// When it was created.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
}

/// What is known of an image's bytes once all of them are there.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Content {
    /// What they are.
    pub format: ImageFormat,
    /// Length of the file.
    pub size: u64,
    /// Bytes that the disk inside offers.
    pub virtual_size: u64,
    /// MD5, hexadecimal.
    pub md5: String,
    /// SHA-512, hexadecimal.
    pub sha512: String,
}

/// A project that an image is shared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The image.
    pub image: ImageId,
    /// The project.
    pub project: ProjectId,
    /// What the project says to it.
    pub status: MemberStatus,
    /// Since when it is shared.
    pub created_at: Time,
    /// When the project last decided.
    pub updated_at: Time,
}

/// How far an image's bytes have come; kept until the image is active.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// The image.
    pub image: ImageId,
    /// Length of the whole, if it was announced.
    pub total: Option<u64>,
    /// Where a download continues, and whether it still is the same file there: address and `ETag` (or date).
    pub origin: Option<(String, String)>,
    /// When something last arrived.
    pub updated_at: Time,
}
