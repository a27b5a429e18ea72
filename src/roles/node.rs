//! A compute node in this process.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::lock::{DirectoryLock, LockError};
use crate::agent::{Agent, MigrationDoor, Node, NodeError, Pace, Places};
use crate::bus::Bus;
use crate::config::{Config, VirtChoice};
use crate::depot::dial::Home;
use crate::hypervisor::{self, HvError, Hypervisor, OpenOptions, VirtType};

/// Why a node does not start.
#[derive(Debug, thiserror::Error)]
pub enum NodeStartError {
    /// Its engine can not be opened at all.
    #[error("this machine can not be a node: {0}; set agent.enabled = false to run without one")]
    Hypervisor(#[from] HvError),
    /// Its directories can not be made.
    #[error(transparent)]
    Places(#[from] NodeError),
    /// Another node has the directory.
    #[error(transparent)]
    Lock(#[from] LockError),
}

/// A node of this machine, alone in its data directory; dropping it stops it, and guests go on.
pub struct RunningNode {
    _agent: Agent,
    _lock: DirectoryLock,
}

/// Starts a node as configured. A hypervisor that does not answer yet is no error: the node says so in its reports.
/// `home` is the control process that it is in, if any.
pub async fn start(
    config: &Config,
    bus: &Bus,
    home: Option<Home>,
) -> Result<RunningNode, NodeStartError> {
    let lock = DirectoryLock::take_for_node(&config.data_dir)?;
    let kernel = &config.agent.probe_kernel;
    let options = OpenOptions {
        state_dir: Some(config.data_dir.join("hypervisor")),
        virt_type: match config.agent.virt_type {
            VirtChoice::Auto => None,
            VirtChoice::Kvm => Some(VirtType::Kvm),
            VirtChoice::Qemu => Some(VirtType::Qemu),
        },
        probe_kernel: (kernel != &PathBuf::new()).then(|| kernel.clone()),
        ..OpenOptions::default()
    };
    let uri = &config.agent.hypervisor;
    let hypervisor = hypervisor::open(uri, options).await?;
    let node = node(
        &config.agent.host,
        &config.data_dir,
        config,
        bus,
        hypervisor,
    )?
    .with_home(home);
    let node = if hypervisor::is_simulated(uri) {
        node
    } else {
        node.with_network().with_migration(door(config))
    };
    Ok(RunningNode {
        _agent: serve(node, config, bus),
        _lock: lock,
    })
}

/// How other nodes send guests here, as configured or by this node's name.
fn door(config: &Config) -> MigrationDoor {
    let set = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let address = set(&config.agent.migration_address);
    let reached = address.as_deref().unwrap_or(&config.agent.host);
    MigrationDoor {
        uri: set(&config.agent.migration_uri)
            .unwrap_or_else(|| format!("qemu+tls://{reached}/system")),
        address,
    }
}

/// Starts a node named `host` over a simulated engine in a control process of this id, with its directories below
/// `data_dir`. It makes no networks.
pub fn start_simulated(
    host: &str,
    data_dir: &Path,
    config: &Config,
    (bus, process): (&Bus, Uuid),
    hypervisor: Arc<dyn Hypervisor>,
) -> Result<Agent, NodeStartError> {
    let home = Home::new(process, config, None);
    let node = node(host, data_dir, config, bus, hypervisor)?.with_home(home);
    Ok(serve(node, config, bus))
}

fn node(
    host: &str,
    data_dir: &Path,
    config: &Config,
    bus: &Bus,
    hypervisor: Arc<dyn Hypervisor>,
) -> Result<Node, NodeStartError> {
    let place = |set: &Path, name: &str| {
        if set.as_os_str().is_empty() {
            data_dir.join(name)
        } else {
            set.to_owned()
        }
    };
    let places = Places::prepare_apart(
        data_dir,
        place(&config.agent.instances_dir, "instances"),
        place(&config.agent.volumes_dir, "volumes"),
    )?;
    let physical = config.agent.physical_networks.iter();
    Ok(Node::new(host, hypervisor, places, bus.clone())
        .with_physical_networks(
            physical
                .map(|one| (one.name.clone(), one.interface.clone()))
                .collect(),
        )
        .with_cache_bytes(config.image.cache_bytes)
        .with_address(config.agent.my_ip.parse().ok())
        .with_tunnel_address(config.agent.tunnel_ip.parse().ok()))
}

fn serve(node: Node, config: &Config, bus: &Bus) -> Agent {
    let pace = Pace {
        report: Duration::from_secs(config.agent.report_interval),
        sample: Duration::from_secs(config.agent.sample_interval),
    };
    Agent::start(bus, &Arc::new(node), pace)
}
