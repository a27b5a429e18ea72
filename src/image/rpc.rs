//! How a node gets at an image.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::depot::rpc::Pass;
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
    /// Where the bytes are to be had otherwise; made anew for each question to a node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depot: Option<Pass>,
}

/// Where a file that a node brings for an image is when it is whole, and while it arrives.
pub fn arriving_files(upload_dir: &Path, image: ImageId) -> [PathBuf; 2] {
    ["qcow2", "copy"].map(|ending| upload_dir.join(format!("{image}.{ending}")))
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
