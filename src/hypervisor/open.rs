//! From an address to an engine.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::libvirt::Libvirt;
use super::sim::{SimConfig, SimHost};
use super::{HvError, HvResult, Hypervisor, VirtType};

/// How an engine shall be opened; the address says which.
#[derive(Clone, Debug)]
pub struct OpenOptions {
    /// Directory (0700, made if missing) where the engine keeps what spares it work at the next start. Without one it
    /// finds everything out anew.
    pub state_dir: Option<PathBuf>,
    /// How guests shall execute; found out by a probe when absent.
    pub virt_type: Option<VirtType>,
    /// The kernel that the probe boots; the newest in `/boot` when absent.
    pub probe_kernel: Option<PathBuf>,
    /// After how long an ordinary call is given up as unavailable. Starting, saving and copying have more.
    pub deadline: Duration,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            state_dir: None,
            virt_type: None,
            probe_kernel: None,
            deadline: Duration::from_secs(20),
        }
    }
}

/// Whether the guests at this address only pretend to run: ours (`sim:`), and libvirt's (`test:`).
pub fn is_simulated(uri: &str) -> bool {
    uri.starts_with("sim:") || uri.starts_with("test:")
}

/// Opens the engine at this address: `sim:` (see [`SimConfig::from_uri`]) or any address libvirt knows
/// (`qemu:///system`, `qemu+unix:///system?socket=…`, `test:///default`).
///
/// A libvirt that does not answer now is no error: it is tried again and again, and calls say what is wrong. Errors are
/// an address nobody understands, and a libvirt that is not installed.
pub async fn open(uri: &str, options: OpenOptions) -> HvResult<Arc<dyn Hypervisor>> {
    if uri.starts_with("sim:") {
        return Ok(Arc::new(SimHost::open(SimConfig::from_uri(uri)?)?));
    }
    if uri.contains("://") {
        return Ok(Arc::new(Libvirt::open(uri, options)?));
    }
    Err(HvError::Refused(format!(
        "hypervisor address {uri:?} is not known; use qemu:///system, another libvirt URI, or sim:"
    )))
}
