//! What requests work on: one machine with its hypervisor and its directories.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::OnceCell;

use super::image_cache::ImageCache;
use super::monitor::{Monitor, Whereabouts};
use super::network::{MetadataDoor, NetworkAgent, NodePlace};
use crate::bus::{Bus, Fault, FaultKind};
use crate::depot::dial::{Dialer, Home};
use crate::hypervisor::{HostInfo, HvError, Hypervisor};
use crate::ids::{OperationId, ServerId, Time};

/// What a node can not do without.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// A directory can not be made or opened for guests.
    #[error("{path} can not be prepared for guests: {reason}")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why.
        reason: std::io::Error,
    },
}

/// Where a node keeps what belongs to guests. The directories may be traversed, not listed, by the group that guest
/// processes run as; what is in them is made over to those by libvirt, file by file.
#[derive(Clone, Debug)]
pub struct Places {
    /// One directory per server: disk, config drive, console log.
    pub instances: PathBuf,
    /// Bases of root disks.
    pub image_cache: PathBuf,
    /// Files of volumes.
    pub volumes: PathBuf,
    /// State of the host network.
    pub network: PathBuf,
    /// What was asked last of which resource.
    pub turns: PathBuf,
}

impl Places {
    /// Makes the directories below `data_dir`.
    pub fn prepare(data_dir: &Path) -> Result<Self, NodeError> {
        let (instances, volumes) = (data_dir.join("instances"), data_dir.join("volumes"));
        Self::prepare_apart(data_dir, instances, volumes)
    }

    /// The same with the directories for guests' disks and volumes elsewhere: on a file system that nodes share.
    pub fn prepare_apart(
        data_dir: &Path,
        instances: PathBuf,
        volumes: PathBuf,
    ) -> Result<Self, NodeError> {
        let places = Self {
            instances,
            image_cache: data_dir.join("image-cache"),
            volumes,
            network: data_dir.join("network"),
            turns: data_dir.join("turns"),
        };
        for path in [
            &places.instances,
            &places.image_cache,
            &places.volumes,
            &places.network,
            &places.turns,
        ] {
            directory(path, None)?;
        }
        Ok(places)
    }

    /// Lets the group of guest processes traverse (not list) the directories on the way to their files.
    pub fn open_for(&self, guest_user: Option<(u32, u32)>) -> Result<(), NodeError> {
        let parent = self.image_cache.parent().unwrap_or(&self.image_cache);
        for path in [parent, &self.instances, &self.image_cache, &self.volumes] {
            directory(path, guest_user)?;
        }
        Ok(())
    }

    /// The directory of one server.
    pub fn instance(&self, id: ServerId) -> PathBuf {
        self.instances.join(id.to_string())
    }

    /// GiB of the file system under the guests' disks, whole and free.
    pub fn disk_gb(&self) -> (u64, u64) {
        nix::sys::statvfs::statvfs(&self.instances).map_or((0, 0), |stat| {
            let gib = |blocks: u64| blocks.saturating_mul(stat.fragment_size()) >> 30;
            (gib(stat.blocks()), gib(stat.blocks_available()))
        })
    }
}

/// Makes a directory, 0700, or 0710 for the group of guest processes. An existing one is given these rights.
pub(super) fn directory(path: &Path, guest_user: Option<(u32, u32)>) -> Result<(), NodeError> {
    let fail = |reason| NodeError::Directory {
        path: path.to_owned(),
        reason,
    };
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(fail)?;
    let mode = if let Some((_, group)) = guest_user.filter(|_| nix::unistd::geteuid().is_root()) {
        std::os::unix::fs::chown(path, None, Some(group)).map_err(fail)?;
        0o710
    } else {
        0o700
    };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).map_err(fail)
}

/// How other nodes send guests to this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrationDoor {
    /// Its engine, as theirs reach it.
    pub uri: String,
    /// Where it takes memory and disks; its host name when absent.
    pub address: Option<String>,
}

/// One machine.
pub struct Node {
    /// Its name.
    pub host: String,
    /// Where it is in the network.
    pub whereabouts: Whereabouts,
    /// Where OVN's tunnels to it end, if that is another address.
    pub tunnel: Option<IpAddr>,
    /// Its interfaces to the networks that it is plugged into, by these networks' names.
    pub physical_networks: BTreeMap<String, String>,
    /// What it measures of itself.
    pub monitor: Monitor,
    /// When its agent started.
    pub started: Time,
    /// What runs its guests.
    pub hypervisor: Arc<dyn Hypervisor>,
    /// Its directories.
    pub places: Places,
    /// Bases of root disks.
    pub images: ImageCache,
    /// How it speaks to the control plane.
    pub bus: Bus,
    /// How it gets bytes from control processes.
    pub dialer: Dialer,
    /// What keeps its networks; none on a node that only pretends to have any.
    pub network: Option<NetworkAgent>,
    /// How other nodes send it guests.
    pub migration: MigrationDoor,
    info: OnceCell<HostInfo>,
}

impl Node {
    /// A node that does nothing yet.
    pub fn new(host: &str, hypervisor: Arc<dyn Hypervisor>, places: Places, bus: Bus) -> Self {
        Self {
            host: host.to_owned(),
            whereabouts: Whereabouts {
                set: None,
                broker: bus.broker(),
            },
            tunnel: None,
            physical_networks: BTreeMap::new(),
            monitor: Monitor::default(),
            started: Time::now(),
            hypervisor,
            images: ImageCache::new(places.image_cache.clone(), u64::MAX),
            places,
            bus,
            dialer: Dialer::default(),
            network: None,
            migration: MigrationDoor {
                uri: format!("sim:{host}"),
                address: None,
            },
            info: OnceCell::new(),
        }
    }

    /// Lets it make bridges, DHCP servers and packet filters on this machine, as it is asked to. For nodes whose guests
    /// are real.
    #[must_use]
    pub fn with_network(mut self) -> Self {
        let place = NodePlace {
            whereabouts: self.whereabouts.clone(),
            physical: self.physical_networks.clone(),
            tunnel: self.tunnel,
            ..NodePlace::default()
        };
        let door = MetadataDoor {
            bus: self.bus.clone(),
            host: self.host.clone(),
        };
        let network = NetworkAgent::new(&self.places.network).at(place);
        self.network = Some(network.with_metadata(door));
        self
    }

    /// Says how other nodes send guests here; a simulated one is found by its name.
    #[must_use]
    pub fn with_migration(mut self, door: MigrationDoor) -> Self {
        self.migration = door;
        self
    }

    /// Says where it is in the network.
    #[must_use]
    pub fn with_address(mut self, address: Option<IpAddr>) -> Self {
        self.whereabouts.set = address;
        self
    }

    /// Says where OVN's tunnels end, if not at its address.
    #[must_use]
    pub fn with_tunnel_address(mut self, address: Option<IpAddr>) -> Self {
        self.tunnel = address;
        self
    }

    /// Says which networks it is plugged into, and by which interfaces.
    #[must_use]
    pub fn with_physical_networks(mut self, interfaces: BTreeMap<String, String>) -> Self {
        self.physical_networks = interfaces;
        self
    }

    /// Says in which control process it is.
    #[must_use]
    pub fn with_home(mut self, home: Option<Home>) -> Self {
        self.dialer = Dialer::new(home);
        self
    }

    /// Bounds what bases of images take together (`image.cache_bytes`).
    #[must_use]
    pub fn with_cache_bytes(mut self, most: u64) -> Self {
        self.images = ImageCache::new(self.places.image_cache.clone(), most);
        self
    }

    /// The machine as the hypervisor first described it; what does not change while the agent runs.
    pub async fn info(&self) -> Result<&HostInfo, Fault> {
        Ok(self.info.get_or_try_init(|| self.hypervisor.host()).await?)
    }

    /// Tells the control plane how far a long call of an operation has come. Lossy.
    pub fn progress(
        &self,
        operation: Option<OperationId>,
        what: &str,
        done: u64,
        total: Option<u64>,
        unit: &str,
    ) {
        let Some(operation) = operation else { return };
        let (bus, what, unit) = (self.bus.clone(), what.to_owned(), unit.to_owned());
        tokio::spawn(async move {
            let report = crate::compute::rpc::ProgressReport {
                operation,
                what,
                done,
                total,
                unit,
            };
            // The next report says more.
            let _ = bus.cast(&report).await;
        });
    }
}

impl From<HvError> for Fault {
    fn from(error: HvError) -> Self {
        let kind = match &error {
            HvError::NotFound(_) => FaultKind::NotFound,
            HvError::WrongState { .. } => FaultKind::Conflict,
            HvError::Refused(_) | HvError::Unsupported(_) => FaultKind::Refused,
            HvError::Unavailable(_) => FaultKind::Unavailable,
        };
        Self::new(kind, error.to_string())
    }
}

/// A fault of this machine's files: nothing is known to be left behind, and another host may do better.
pub(super) fn file_fault(what: &str, path: &Path, error: &std::io::Error) -> Fault {
    let advice = if error.kind() == std::io::ErrorKind::StorageFull {
        "; free some space on this host"
    } else {
        ""
    };
    Fault::new(
        FaultKind::Refused,
        format!("{what} {}: {error}{advice}", path.display()),
    )
}
