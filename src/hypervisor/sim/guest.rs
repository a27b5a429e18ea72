//! One simulated guest: its definition, what it does, and what it has used. Pure; time comes from outside.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::load::{Load, Totals};
use crate::hypervisor::spec::{DiskFormat, DiskSpec, GuestSpec, target_names};
use crate::hypervisor::{
    DiskStats, GuestState, GuestStats, HvError, HvResult, NicStats, PowerState,
};
use crate::ids::Time;

/// Bytes of a disk whose file says nothing.
const UNKNOWN_DISK: u64 = 10 << 30;

/// A guest on a simulated host.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Guest {
    /// What it shall be at its next start.
    pub defined: GuestSpec,
    /// What it is while it is not off.
    pub live: Option<GuestSpec>,
    pub power: PowerState,
    /// When it was switched on.
    pub booted: Option<Time>,
    /// Executing since then.
    since: Option<Time>,
    /// Used until `since`.
    totals: Totals,
    /// Sizes of the disks, by file.
    sizes: BTreeMap<PathBuf, u64>,
    /// Decides its load.
    seed: u64,
}

impl Guest {
    pub fn new(spec: &GuestSpec, seed: u64) -> Self {
        let mut guest = Self {
            seed,
            defined: spec.clone(),
            live: None,
            power: PowerState::Shutdown,
            booted: None,
            since: None,
            totals: Totals::default(),
            sizes: BTreeMap::new(),
        };
        guest.learn_sizes();
        guest
    }

    pub fn redefine(&mut self, spec: &GuestSpec) {
        self.defined = spec.clone();
        self.learn_sizes();
    }

    pub fn state(&self) -> GuestState {
        GuestState {
            id: self.defined.id,
            generation: self.defined.generation,
            power: self.power,
        }
    }

    pub fn is_on(&self) -> bool {
        matches!(self.power, PowerState::Running | PowerState::Paused)
    }

    /// What it is now, or shall be if it is off.
    pub fn spec(&self) -> &GuestSpec {
        self.live.as_ref().unwrap_or(&self.defined)
    }

    /// Switches it on; answers whether that changed anything.
    pub fn start(&mut self, now: Time) -> bool {
        match self.power {
            PowerState::Running | PowerState::Paused => return false,
            PowerState::Suspended => {}
            PowerState::Shutdown | PowerState::Crashed => {
                self.live = Some(self.defined.clone());
                self.booted = Some(now);
                self.totals = Totals::default();
            }
        }
        self.power = PowerState::Running;
        self.since = Some(now);
        true
    }

    /// Ends execution for good in this state; answers whether that changed anything.
    pub fn stop(&mut self, now: Time, power: PowerState) -> bool {
        if self.power == power {
            return false;
        }
        self.settle(now);
        self.power = power;
        if power != PowerState::Suspended {
            self.live = None;
            self.booted = None;
        }
        true
    }

    pub fn pause(&mut self, now: Time) -> HvResult<bool> {
        match self.power {
            PowerState::Paused => Ok(false),
            PowerState::Running => {
                self.settle(now);
                self.power = PowerState::Paused;
                Ok(true)
            }
            _ => Err(self.wrong("pausing")),
        }
    }

    pub fn resume(&mut self, now: Time) -> HvResult<bool> {
        match self.power {
            PowerState::Running => Ok(false),
            PowerState::Paused => {
                self.power = PowerState::Running;
                self.since = Some(now);
                Ok(true)
            }
            _ => Err(self.wrong("resuming")),
        }
    }

    pub fn suspend(&mut self, now: Time) -> HvResult<bool> {
        match self.power {
            PowerState::Suspended => Ok(false),
            PowerState::Running | PowerState::Paused => Ok(self.stop(now, PowerState::Suspended)),
            _ => Err(self.wrong("suspending")),
        }
    }

    /// The same guest as it goes on at another host: what it used is counted on, as a real guest's uptime is.
    pub fn arrived(&self, now: Time) -> Self {
        let mut guest = self.clone();
        guest.settle(now);
        guest.since = (guest.power == PowerState::Running).then_some(now);
        guest
    }

    /// Starts over from its firmware.
    pub fn reset(&mut self, now: Time) -> HvResult<()> {
        if !self.is_on() {
            return Err(self.wrong("resetting"));
        }
        self.settle(now);
        self.booted = Some(now);
        self.totals.ran = 0.0;
        self.since = (self.power == PowerState::Running).then_some(now);
        Ok(())
    }

    pub fn wrong(&self, what: &str) -> HvError {
        HvError::WrongState {
            state: format!("{:?}", self.power).to_lowercase(),
            what: what.to_owned(),
        }
    }

    /// Applies a change to the definition and, if there is one, to the guest that runs.
    pub fn change(&mut self, mut change: impl FnMut(&mut GuestSpec)) {
        change(&mut self.defined);
        if let Some(live) = &mut self.live {
            change(live);
        }
        self.learn_sizes();
    }

    pub fn set_size(&mut self, path: &Path, bytes: u64) {
        self.sizes.insert(path.to_owned(), bytes);
    }

    pub fn size(&self, disk: &DiskSpec) -> u64 {
        self.sizes.get(&disk.path).copied().unwrap_or(UNKNOWN_DISK)
    }

    pub fn stats(&self, now: Time) -> GuestStats {
        let spec = self.spec();
        let totals = self.totals_at(now);
        let load = self.load();
        let actual = spec.memory_mb * 1024;
        let used = (actual as f64 * load.memory_used(now, totals.ran)) as u64;
        let disks = target_names(&spec.disks).into_iter().zip(&spec.disks);
        let nics = spec.nics.len().max(1) as f64;
        GuestStats {
            id: spec.id,
            at: now,
            cpu_ns: totals.cpu_ns as u64,
            vcpus: spec.vcpus,
            memory_actual_kib: actual,
            memory_usable_kib: Some(actual - used),
            memory_rss_kib: Some(used + 60 * 1024),
            disks: disks
                .enumerate()
                .map(|(index, (device, disk))| {
                    // The first disk does most of the work, each further one a third of the one before.
                    let share = 0.66 / 3f64.powi(index.min(30) as i32);
                    disk_stats(device, self.size(disk), share, &totals)
                })
                .collect(),
            nics: spec
                .nics
                .iter()
                .map(|nic| nic_stats(nic.tap.clone(), totals.rx / nics, totals.tx / nics))
                .collect(),
        }
    }

    fn load(&self) -> Load {
        let spec = self.spec();
        Load::new(self.seed, spec.id.uuid().as_u128(), spec.vcpus)
    }

    fn totals_at(&self, now: Time) -> Totals {
        let Some(since) = self.since else {
            return self.totals;
        };
        let more = self.load().used(since, now, self.totals.ran);
        Totals {
            ran: self.totals.ran + more.ran,
            cpu_ns: self.totals.cpu_ns + more.cpu_ns,
            read: self.totals.read + more.read,
            write: self.totals.write + more.write,
            rx: self.totals.rx + more.rx,
            tx: self.totals.tx + more.tx,
        }
    }

    /// Execution ends now: what was used is added up.
    fn settle(&mut self, now: Time) {
        self.totals = self.totals_at(now);
        self.since = None;
    }

    fn learn_sizes(&mut self) {
        for disk in &self.defined.disks {
            if !self.sizes.contains_key(&disk.path)
                && let Some(bytes) = virtual_size(&disk.path, disk.format)
            {
                self.sizes.insert(disk.path.clone(), bytes);
            }
        }
    }
}

fn disk_stats(device: String, capacity: u64, share: f64, totals: &Totals) -> DiskStats {
    let (read, write) = (totals.read * share, totals.write * share);
    DiskStats {
        device,
        read_bytes: read as u64,
        read_requests: (read / 32_768.0) as u64,
        write_bytes: write as u64,
        write_requests: (write / 16_384.0) as u64,
        capacity,
        allocation: (capacity / 20 + (write / 4.0) as u64).min(capacity),
    }
}

fn nic_stats(device: String, rx: f64, tx: f64) -> NicStats {
    NicStats {
        device,
        rx_bytes: rx as u64,
        rx_packets: (rx / 700.0) as u64,
        tx_bytes: tx as u64,
        tx_packets: (tx / 900.0) as u64,
        ..NicStats::default()
    }
}

/// What the disk in this file offers, if the file can be read.
fn virtual_size(path: &Path, format: DiskFormat) -> Option<u64> {
    use std::io::Read;
    let mut file = std::fs::File::open(path).ok()?;
    match format {
        DiskFormat::Raw => file.metadata().ok().map(|meta| meta.len()),
        DiskFormat::Qcow2 => {
            let mut head = [0; 32];
            file.read_exact(&mut head).ok()?;
            let size = head[24..].try_into().ok().map(u64::from_be_bytes)?;
            head.starts_with(b"QFI\xfb").then_some(size)
        }
    }
}
