//! The life of a volume as one table: [`VolumeStatus::next`] is the only place that says what may follow what.

use std::fmt;
use std::str::FromStr;

/// Where a volume is in its life. Names are Cinder's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VolumeStatus {
    /// Its file is being made.
    Creating,
    /// Nobody uses it.
    Available,
    /// Promised to a server.
    Reserved,
    /// On its way into a server.
    Attaching,
    /// A server uses it.
    InUse,
    /// On its way out of a server.
    Detaching,
    /// Being made larger.
    Extending,
    /// Out of use for work on it; set by administrators.
    Maintenance,
    /// Its file is being removed.
    Deleting,
    /// Gone.
    Deleted,
    /// Could not be made.
    Error,
    /// Could not be removed.
    ErrorDeleting,
    /// Could not be made larger.
    ErrorExtending,
}

/// What happens to a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VolumeEvent {
    /// Its file is there.
    Created,
    /// Its file could not be made.
    CreateFailed,
    /// A server shall have it.
    Reserve,
    /// A server begins to take it.
    Attach,
    /// A server has it.
    Attached,
    /// A server begins to give it up.
    Detach,
    /// A server keeps it after all.
    DetachFailed,
    /// No server has it any more.
    Detached,
    /// It shall be larger.
    Extend,
    /// It is larger, or stays as it was.
    Extended,
    /// Nobody knows how large it is.
    ExtendFailed,
    /// It shall go.
    Delete,
    /// It shall go whatever it does; by administrators.
    ForceDelete,
    /// It is gone.
    Deleted,
    /// It could not be removed.
    DeleteFailed,
}

impl VolumeStatus {
    /// All, in the order of life.
    pub const ALL: [Self; 13] = [
        Self::Creating,
        Self::Available,
        Self::Reserved,
        Self::Attaching,
        Self::InUse,
        Self::Detaching,
        Self::Extending,
        Self::Maintenance,
        Self::Deleting,
        Self::Deleted,
        Self::Error,
        Self::ErrorDeleting,
        Self::ErrorExtending,
    ];

    /// Cinder's name of it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Creating => "creating",
            Self::Available => "available",
            Self::Reserved => "reserved",
            Self::Attaching => "attaching",
            Self::InUse => "in-use",
            Self::Detaching => "detaching",
            Self::Extending => "extending",
            Self::Maintenance => "maintenance",
            Self::Deleting => "deleting",
            Self::Deleted => "deleted",
            Self::Error => "error",
            Self::ErrorDeleting => "error_deleting",
            Self::ErrorExtending => "error_extending",
        }
    }

    /// The status after an event; `None` if it is not allowed now. `used` says whether a server has the volume.
    pub fn next(self, event: VolumeEvent, used: bool) -> Option<Self> {
        use VolumeEvent as E;
        let rest = if used { Self::InUse } else { Self::Available };
        match (self, event) {
            (Self::Creating, E::Created) => Some(Self::Available),
            (Self::Creating, E::CreateFailed) => Some(Self::Error),
            (Self::Available, E::Reserve) => Some(Self::Reserved),
            (Self::Reserved, E::Attach) => Some(Self::Attaching),
            (Self::Reserved | Self::Attaching, E::Attached) => Some(Self::InUse),
            (Self::InUse, E::Detach) => Some(Self::Detaching),
            (Self::Detaching, E::DetachFailed) => Some(Self::InUse),
            (Self::Reserved | Self::Attaching | Self::InUse | Self::Detaching, E::Detached) => {
                Some(Self::Available)
            }
            (Self::Available | Self::InUse, E::Extend) => Some(Self::Extending),
            (Self::Extending, E::Extended) => Some(rest),
            (Self::Extending, E::ExtendFailed) => Some(Self::ErrorExtending),
            (
                Self::Available | Self::Error | Self::ErrorDeleting | Self::ErrorExtending,
                E::Delete,
            ) if !used => Some(Self::Deleting),
            (Self::Deleting | Self::Deleted, E::ForceDelete) => None,
            (_, E::ForceDelete) if !used => Some(Self::Deleting),
            (Self::Deleting, E::Deleted) => Some(Self::Deleted),
            (Self::Deleting, E::DeleteFailed) => Some(Self::ErrorDeleting),
            _ => None,
        }
    }

    /// Whether an administrator may say that this is the status.
    pub fn may_be_set(self) -> bool {
        matches!(
            self,
            Self::Creating
                | Self::Available
                | Self::Attaching
                | Self::InUse
                | Self::Detaching
                | Self::Maintenance
                | Self::Deleting
                | Self::Error
                | Self::ErrorDeleting
                | Self::ErrorExtending
        )
    }
}

impl fmt::Display for VolumeStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for VolumeStatus {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|status| status.name() == text)
            .ok_or(())
    }
}

/// How far a use of a volume has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AttachmentStatus {
    /// Promised.
    Reserved,
    /// On its way in.
    Attaching,
    /// The server has it.
    Attached,
    /// On its way out.
    Detaching,
}

impl AttachmentStatus {
    /// All.
    pub const ALL: [Self; 4] = [
        Self::Reserved,
        Self::Attaching,
        Self::Attached,
        Self::Detaching,
    ];

    /// Cinder's name of it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reserved => "reserved",
            Self::Attaching => "attaching",
            Self::Attached => "attached",
            Self::Detaching => "detaching",
        }
    }
}

impl FromStr for AttachmentStatus {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|status| status.name() == text)
            .ok_or(())
    }
}

/// Where a snapshot is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SnapshotStatus {
    /// Being taken.
    Creating,
    /// There.
    Available,
    /// Being removed.
    Deleting,
    /// Could not be taken.
    Error,
}

impl SnapshotStatus {
    /// All.
    pub const ALL: [Self; 4] = [Self::Creating, Self::Available, Self::Deleting, Self::Error];

    /// Cinder's name of it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Creating => "creating",
            Self::Available => "available",
            Self::Deleting => "deleting",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for SnapshotStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for SnapshotStatus {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|status| status.name() == text)
            .ok_or(())
    }
}

/// What a volume's file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileFormat {
    /// As it is.
    Raw,
    /// QEMU copy-on-write.
    Qcow2,
}

impl FileFormat {
    /// QEMU's name of it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Qcow2 => "qcow2",
        }
    }
}

impl FromStr for FileFormat {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Raw, Self::Qcow2]
            .into_iter()
            .find(|format| format.name() == text)
            .ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_life_goes_its_way() {
        use VolumeEvent as E;
        let life = [
            (E::Created, false, "available"),
            (E::Reserve, false, "reserved"),
            (E::Attach, false, "attaching"),
            (E::Attached, false, "in-use"),
            (E::Extend, true, "extending"),
            (E::Extended, true, "in-use"),
            (E::Detach, true, "detaching"),
            (E::DetachFailed, true, "in-use"),
            (E::Detach, true, "detaching"),
            (E::Detached, false, "available"),
            (E::Extend, false, "extending"),
            (E::ExtendFailed, false, "error_extending"),
            (E::Delete, false, "deleting"),
            (E::DeleteFailed, false, "error_deleting"),
            (E::Delete, false, "deleting"),
            (E::Deleted, false, "deleted"),
        ];
        let mut status = VolumeStatus::Creating;
        for (event, used, name) in life {
            status = status.next(event, used).unwrap();
            assert_eq!(status.name(), name);
        }
    }

    #[test]
    fn a_used_volume_is_never_deleted_and_a_deleted_one_never_comes_back() {
        use VolumeEvent as E;
        for status in VolumeStatus::ALL {
            assert_eq!(status.next(E::Delete, true), None);
            assert_eq!(status.next(E::ForceDelete, true), None);
            assert_eq!(status.name().parse(), Ok(status));
        }
        for event in [
            E::Created,
            E::Reserve,
            E::Attach,
            E::Attached,
            E::Detach,
            E::Detached,
            E::Extend,
            E::Delete,
            E::ForceDelete,
            E::Deleted,
        ] {
            assert_eq!(VolumeStatus::Deleted.next(event, false), None);
        }
    }
}
