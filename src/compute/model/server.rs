//! A server as it is stored, and what hangs on it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::action::{Action, Facts, Refusal};
use super::state::{PowerState, Status, TaskState, VmState, status};
use crate::ids::{ImageId, NetworkId, PortId, ProjectId, ServerId, Time, UserId, VolumeId};

/// Characters of user data at most, in base64.
pub const USER_DATA_MAX: usize = 65_535;
/// Tags of one server at most.
pub const TAGS_MAX: usize = 50;
/// Characters of one tag at most.
pub const TAG_MAX: usize = 60;

/// A server. Columns that are searched, counted or swapped on their own are fields here; the rest is [`Detail`].
#[derive(Clone, Debug)]
pub struct Server {
    /// Its id.
    pub id: ServerId,
    /// Its project.
    pub project: ProjectId,
    /// Who made it; `None` for the control plane itself.
    pub user: Option<UserId>,
    /// Name, 1 to 255 characters; need not be unique.
    pub name: String,
    /// What it is.
    pub vm_state: VmState,
    /// What is being done to it.
    pub task_state: Option<TaskState>,
    /// What the hypervisor said last.
    pub power_state: PowerState,
    /// Rises with each change of what the guest shall be; nodes refuse an older one.
    pub generation: i64,
    /// Its node.
    pub host: Option<String>,
    /// Its zone.
    pub availability_zone: Option<String>,
    /// The image it was made from; `None` if it boots from a volume.
    pub image: Option<ImageId>,
    /// Its flavor as it was when the server was made or resized.
    pub flavor: FlavorCopy,
    /// Whether it is locked, and by whom.
    pub locked: Lock,
    /// Why it is in error, or what last went wrong.
    pub fault: Option<Fault>,
    /// A resize that is under way or waits for its owner.
    pub resize: Option<Resize>,
    /// User data, in base64.
    pub user_data: Option<String>,
    /// What is only read and written as a whole.
    pub detail: Detail,
    /// Rises with each change of [`Detail`]; a writer that read an older one does not write.
    pub revision: i64,
    /// Names the request that made it and its like, `r-…`.
    pub reservation_id: String,
    /// When it was asked for.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
    /// When its guest first ran.
    pub launched_at: Option<Time>,
    /// When it was deleted; the row stays as a record.
    pub deleted_at: Option<Time>,
}

/// The part of a server that is only read and written as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Detail {
    /// For people, at most 255 characters.
    pub description: Option<String>,
    /// Host name inside.
    pub hostname: String,
    /// Free pairs.
    pub metadata: BTreeMap<String, String>,
    /// Name of its key pair.
    pub key_name: Option<String>,
    /// That key, as it was when the server was made: one line as in `authorized_keys`.
    pub public_key: Option<String>,
    /// Whether it has a config drive.
    pub config_drive: bool,
    /// What of its image has to be known to define its guest again when the image is gone.
    pub image: Option<ImageCopy>,
    /// Address to show, if its owner set one.
    pub access_ipv4: String,
    /// Address to show, if its owner set one.
    pub access_ipv6: String,
    /// `AUTO` or `MANUAL`.
    pub disk_config: String,
    /// Why it is locked.
    pub locked_reason: Option<String>,
    /// Its number among those of one request, from 0.
    pub launch_index: u32,
    /// Names of security groups its owner asked for.
    pub security_groups: Vec<String>,
}

/// An image as a server remembers it; the image itself may be deleted meanwhile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageCopy {
    /// `raw`, `qcow2`, `iso`.
    pub format: String,
    /// Length of its file.
    pub bytes: u64,
    /// SHA-512 of its file, hexadecimal.
    pub sha512: String,
    /// Bytes that the disk inside offers.
    pub virtual_bytes: u64,
    /// Its own properties (`hw_disk_bus`, `os_distro`, …).
    #[serde(default)]
    pub properties: BTreeMap<String, String>,
}

/// A flavor as a server remembers it; the flavor itself may be deleted or made anew meanwhile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlavorCopy {
    /// Id by which users name it.
    pub id: String,
    /// Name.
    pub name: String,
    /// Processors.
    pub vcpus: u32,
    /// Memory in MiB.
    pub memory_mb: u64,
    /// Root disk in GiB; 0: as large as the image.
    pub disk_gb: u64,
    /// Further disk in GiB.
    pub ephemeral_gb: u64,
    /// Swap in MiB.
    pub swap_mb: u64,
    /// Extra specs.
    #[serde(default)]
    pub extra_specs: BTreeMap<String, String>,
}

/// Who locked a server. An owner can not undo an administrator's lock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lock {
    /// Nobody.
    #[default]
    None,
    /// Somebody of its project.
    Owner,
    /// An administrator.
    Admin,
}

/// What went wrong with a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Like an HTTP status.
    pub code: u16,
    /// What failed and why.
    pub message: String,
    /// What to do about it, or more of it.
    pub details: Option<String>,
    /// When.
    pub created: Time,
}

/// A resize: the way back, and what the owner said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resize {
    /// The flavor before.
    pub old_flavor: FlavorCopy,
    /// The vm state before.
    pub old_vm_state: VmState,
    /// The owner's decision, once there is one.
    pub decision: Option<ResizeDecision>,
}

/// What becomes of a resize.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResizeDecision {
    /// Whether the new flavor is kept.
    pub keep: bool,
    /// Who decided.
    pub user: Option<UserId>,
    /// By which request.
    pub request_id: String,
    /// When.
    pub at: Time,
}

/// One interface of a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerNic {
    /// The port.
    pub port: PortId,
    /// Its network.
    pub network: NetworkId,
    /// Whether the port outlives the server, because it was there before.
    pub keep_port: bool,
    /// Label told to the guest.
    pub tag: Option<String>,
}

/// One volume of a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerVolume {
    /// The volume.
    pub volume: VolumeId,
    /// Whether the server boots from it.
    pub boot: bool,
    /// Whether it is deleted with the server.
    pub delete_on_termination: bool,
    /// Label told to the guest.
    pub tag: Option<String>,
    /// Device in the guest, `/dev/vdb`.
    pub device: Option<String>,
}

/// A server with what hangs on it, as it is shown.
#[derive(Clone, Debug)]
pub struct ServerView {
    /// The server.
    pub server: Server,
    /// Its labels, sorted.
    pub tags: Vec<String>,
    /// Its addresses in order of its interfaces.
    pub addresses: Vec<ServerAddress>,
    /// Its volumes in order of attachment.
    pub volumes: Vec<ServerVolume>,
    /// Names of its ports' security groups.
    pub groups: Vec<String>,
}

/// One address of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerAddress {
    /// Name of the network.
    pub network: String,
    /// The address.
    pub address: std::net::IpAddr,
    /// Ethernet address of its port.
    pub mac: String,
    /// Whether it is one outside that leads to the port.
    pub is_floating: bool,
}

impl Lock {
    /// As the database has it.
    pub fn number(self) -> i64 {
        match self {
            Self::None => 0,
            Self::Owner => 1,
            Self::Admin => 2,
        }
    }

    /// From the database.
    pub fn from_number(number: i64) -> Self {
        match number {
            1 => Self::Owner,
            2 => Self::Admin,
            _ => Self::None,
        }
    }
}

impl ImageCopy {
    /// GiB that hold the disk inside.
    pub fn gib(&self) -> u64 {
        self.virtual_bytes.div_ceil(1 << 30)
    }
}

impl Server {
    /// Whether its root disk is a volume.
    pub fn boots_from_volume(&self) -> bool {
        self.image.is_none()
    }

    /// Properties of its image.
    pub fn image_properties(&self) -> BTreeMap<String, String> {
        self.detail
            .image
            .as_ref()
            .map(|image| image.properties.clone())
            .unwrap_or_default()
    }

    /// The status that OpenStack shows.
    pub fn status(&self) -> Status {
        status(self.vm_state, self.task_state)
    }

    /// Succeeds if the action is legal now for an administrator (`admin`) or anyone else.
    pub fn check(&self, action: Action, admin: bool) -> Result<(), Refusal> {
        action.check(Facts {
            vm: self.vm_state,
            task: self.task_state,
            has_host: self.host.is_some(),
            locked: (self.locked != Lock::None).then_some(self.detail.locked_reason.as_deref()),
            admin,
        })
    }

    /// Its name for the hypervisor.
    pub fn instance_name(&self) -> String {
        instance_name(self.id)
    }

    /// Percent of a build, where OpenStack shows one.
    pub fn progress(&self) -> Option<u32> {
        match self.status() {
            Status::Active | Status::VerifyResize => Some(100),
            Status::Build | Status::Rebuild | Status::Resize => Some(0),
            _ => None,
        }
    }
}

/// A server's name for the hypervisor.
pub fn instance_name(id: ServerId) -> String {
    format!("instance-{}", id.short())
}

/// A host name made of a server's name: letters, digits and dashes, lower case, at most 63; `server-<short id>` if
/// nothing is left of it.
pub fn hostname_of(name: &str, id: ServerId) -> String {
    let mut host = String::new();
    for c in name.chars() {
        match c {
            c if c.is_ascii_alphanumeric() => host.push(c.to_ascii_lowercase()),
            ' ' | '_' | '.' | '-' if !host.ends_with('-') => host.push('-'),
            _ => {}
        }
    }
    let cut: String = host.trim_matches('-').chars().take(63).collect();
    let cut = cut.trim_end_matches('-');
    if cut.is_empty() {
        format!("server-{}", id.short())
    } else {
        cut.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_name_is_what_is_left_of_a_name() {
        let id = ServerId::new();
        for (name, host) in [
            ("web-1", "web-1"),
            ("My Web_Server.local", "my-web-server-local"),
            ("--a--b--", "a-b"),
            ("Ünïcode", "ncode"),
        ] {
            assert_eq!(hostname_of(name, id), host);
        }
        assert_eq!(hostname_of("***", id), format!("server-{}", id.short()));
        assert_eq!(hostname_of(&"x".repeat(200), id).len(), 63);
    }
}
