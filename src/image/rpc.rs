//! How a node gets at an image.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::hypervisor::spec::DiskFormat;
use crate::ids::ImageId;

pub use super::model::ImageFormat;

/// An image as a node fetches it into its cache.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageSource {
    /// The image.
    pub id: ImageId,
    /// What its bytes are.
    pub format: ImageFormat,
    /// Length of the stored file.
    pub bytes: u64,
    /// SHA-512 of the stored file, hexadecimal; the cache refuses other bytes.
    pub sha512: String,
    /// The file in the image store, where the node shares it.
    pub path: PathBuf,
}

impl ImageFormat {
    /// The format of the disk file.
    pub fn disk(self) -> DiskFormat {
        match self {
            Self::Raw | Self::Iso => DiskFormat::Raw,
            Self::Qcow2 => DiskFormat::Qcow2,
        }
    }
}
