//! The words of an image's life.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where an image is in its life.
///
/// `queued` → `saving` (upload, snapshot) or `uploading` (staging) or `importing` → `active` ⇄ `deactivated` → `deleted`.
/// What breaks off goes back to `queued`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ImageStatus {
    /// Has no bytes yet.
    Queued,
    /// Its bytes arrive.
    Saving,
    /// Its bytes arrive, or have arrived, for an import.
    Uploading,
    /// Its bytes are fetched or checked.
    Importing,
    /// Can be used.
    Active,
    /// Complete, but its bytes are given to administrators only.
    Deactivated,
    /// Its row waits for its file to go.
    Deleted,
}

impl ImageStatus {
    /// All, in the order of life.
    pub const ALL: [Self; 7] = [
        Self::Queued,
        Self::Saving,
        Self::Uploading,
        Self::Importing,
        Self::Active,
        Self::Deactivated,
        Self::Deleted,
    ];

    /// Glance's name of it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Saving => "saving",
            Self::Uploading => "uploading",
            Self::Importing => "importing",
            Self::Active => "active",
            Self::Deactivated => "deactivated",
            Self::Deleted => "deleted",
        }
    }

    /// Whether an image may go from this status to `next`.
    pub fn may_become(self, next: Self) -> bool {
        use ImageStatus::{Active, Deactivated, Deleted, Importing, Queued, Saving, Uploading};
        match next {
            Queued => matches!(self, Saving | Uploading | Importing),
            Saving | Uploading => self == Queued,
            Importing => matches!(self, Queued | Uploading),
            Active => matches!(self, Saving | Importing | Deactivated),
            Deactivated => self == Active,
            Deleted => self != Deleted,
        }
    }

    /// Whether its whole file is in the store.
    pub fn has_data(self) -> bool {
        matches!(self, Self::Active | Self::Deactivated)
    }
}

impl fmt::Display for ImageStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ImageStatus {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|status| status.name() == text)
            .ok_or(())
    }
}

/// Who may see an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Visibility {
    /// Every project, in lists too.
    Public,
    /// Its project.
    Private,
    /// Its project and its members.
    Shared,
    /// Every project that asks for it by id.
    Community,
}

impl Visibility {
    /// All.
    pub const ALL: [Self; 4] = [Self::Public, Self::Private, Self::Shared, Self::Community];

    /// Glance's name of it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Private => "private",
            Self::Shared => "shared",
            Self::Community => "community",
        }
    }
}

impl FromStr for Visibility {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|visibility| visibility.name() == text)
            .ok_or(())
    }
}

/// Formats of images that servers can boot from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ImageFormat {
    /// A disk as it is.
    Raw,
    /// QEMU copy-on-write.
    Qcow2,
    /// An optical disc.
    Iso,
}

impl ImageFormat {
    /// All.
    pub const ALL: [Self; 3] = [Self::Raw, Self::Qcow2, Self::Iso];

    /// Glance's name of it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Qcow2 => "qcow2",
            Self::Iso => "iso",
        }
    }

    /// QEMU's name of the format of the file.
    pub fn disk_name(self) -> &'static str {
        match self {
            Self::Raw | Self::Iso => "raw",
            Self::Qcow2 => "qcow2",
        }
    }
}

impl fmt::Display for ImageFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ImageFormat {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|format| format.name() == text)
            .ok_or(())
    }
}

/// What a project says to an image that is shared with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MemberStatus {
    /// Nothing yet: seen by id, not in lists.
    Pending,
    /// Wanted in lists.
    Accepted,
    /// Not wanted in lists.
    Rejected,
}

impl MemberStatus {
    /// All.
    pub const ALL: [Self; 3] = [Self::Pending, Self::Accepted, Self::Rejected];

    /// Glance's name of it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
        }
    }
}

impl FromStr for MemberStatus {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|status| status.name() == text)
            .ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_becomes_active_only_from_where_its_bytes_were_seen() {
        let into = |next: ImageStatus| {
            ImageStatus::ALL
                .into_iter()
                .filter(|status| status.may_become(next))
                .map(ImageStatus::name)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            into(ImageStatus::Active),
            ["saving", "importing", "deactivated"]
        );
        assert_eq!(
            into(ImageStatus::Queued),
            ["saving", "uploading", "importing"]
        );
        assert_eq!(into(ImageStatus::Deleted).len(), 6);
    }
}
