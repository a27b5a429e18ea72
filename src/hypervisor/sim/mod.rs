//! A simulated host: everything a hypervisor promises, without a guest.
//!
//! It serves three masters: tests of whatever stands above a hypervisor, with trouble on order ([`Faults`]); the demo
//! fleet, whose charts must look real at 10,000 guests; and benchmarks of the control plane, where it must cost nothing.
//! So nothing ticks: load and boot logs are functions of time and seed ([`load`], [`console`]), computed when asked for.
//!
//! Invariant: what it answers is what libvirt would answer in the same state, errors included.

mod config;
mod console;
mod faults;
mod fleet;
mod guest;
mod inner;
mod load;
mod migrate;
mod qcow2;
mod table;

use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tokio::sync::broadcast;

pub use config::{Latency, SimConfig};
pub use faults::{Fault, Faults, Op};
pub use fleet::Fleet;

use self::console::{Ended, Facts};
use self::guest::Guest;
use self::inner::Inner;
use self::table::Table;
use super::spec::{DiskSpec, GuestSpec, NicSpec};
use super::{
    Features, GuestState, GuestStats, HostInfo, HvError, HvEvent, HvResult, Hypervisor, PowerState,
    Serial, VirtType,
};
use crate::ids::{PortId, ServerId, Time, VolumeId};

/// Events kept for a slow receiver.
const EVENTS: usize = 1024;
/// Bytes under way on a console, each direction.
const CONSOLE: usize = 16 * 1024;

/// A simulated host. Cheap to clone; clones are the same host.
#[derive(Clone)]
pub struct SimHost {
    inner: Arc<Inner>,
}

impl SimHost {
    /// A host, with the guests it kept if it keeps them.
    pub fn open(config: SimConfig) -> HvResult<Self> {
        let guests = Table::open(config.state.as_deref())?;
        let inner = Arc::new(Inner {
            config,
            guests,
            faults: Faults::default(),
            events: broadcast::channel(EVENTS).0,
            consoles: Mutex::default(),
            leaving: Mutex::default(),
        });
        inner.config.fleet.join(&inner.config.name, &inner);
        Ok(Self { inner })
    }

    /// Where trouble is ordered.
    pub fn faults(&self) -> &Faults {
        &self.inner.faults
    }

    /// Cuts the connection to the host (`true`) or makes it again (`false`).
    pub fn cut(&self, yes: bool) {
        if self.inner.faults.set_cut(yes) != yes {
            self.inner.tell(HvEvent::Connection(!yes));
        }
    }

    /// What a guest is now, or shall be if it is off.
    #[cfg(test)]
    pub fn spec(&self, id: ServerId) -> HvResult<GuestSpec> {
        self.inner.guests.read(id, |guest| guest.spec().clone())
    }

    /// The guest dies by itself, as when its emulator is killed.
    pub fn crash(&self, id: ServerId) -> HvResult<()> {
        self.inner.stop(id, PowerState::Crashed)
    }

    async fn enter(&self, op: Op) -> HvResult<()> {
        let config = &self.inner.config;
        self.inner
            .faults
            .enter(op, config.latency.call, config.deadline)
            .await
    }
}

#[async_trait]
impl Hypervisor for SimHost {
    async fn host(&self) -> HvResult<HostInfo> {
        self.enter(Op::Host).await?;
        Ok(HostInfo {
            hypervisor_type: "simulated".into(),
            hypervisor_version: 1_000_000,
            vcpus: self.inner.config.vcpus,
            memory_mb: self.inner.config.memory_mb,
            disk_gb: Some(self.inner.config.disk_gb),
            arch: "x86_64".into(),
            cpu_model: "simulated".into(),
            cpu_features: ["sse4.2", "avx", "avx2", "aes"].map(str::to_owned).to_vec(),
            virt_type: VirtType::Sim,
            features: Features {
                console: true,
                managed_save: true,
                hot_plug: true,
            },
            guest_user: None,
        })
    }

    async fn guests(&self) -> HvResult<Vec<GuestState>> {
        self.enter(Op::Guests).await?;
        Ok(self.inner.guests.read_all(|guest| Some(guest.state())))
    }

    async fn define(&self, spec: &GuestSpec) -> HvResult<()> {
        self.enter(Op::Define).await?;
        let seed = self.inner.config.seed;
        self.inner.guests.make_or_change(
            spec.id,
            || Guest::new(spec, seed),
            |guest| guest.redefine(spec),
        )
    }

    async fn start(&self, id: ServerId) -> HvResult<()> {
        self.enter(Op::Start).await?;
        let took = self.inner.config.latency.start;
        if !took.is_zero() {
            tokio::time::sleep(took).await;
        }
        let (changed, fresh) = self.inner.guests.change(id, |guest| {
            let fresh = guest.power != PowerState::Suspended;
            Ok((guest.start(Time::now()), fresh))
        })?;
        if !changed {
            return Ok(());
        }
        self.inner.tell_power(id, PowerState::Running);
        if self.inner.faults.start_dies() {
            return self.inner.stop(id, PowerState::Crashed);
        }
        if fresh {
            self.inner.write_boot_log(id);
        }
        Ok(())
    }

    async fn shutdown(&self, id: ServerId) -> HvResult<()> {
        self.enter(Op::Shutdown).await?;
        self.inner.must_be_on(id, "shutting down")?;
        if !self.inner.faults.shutdown_ignored() {
            let delay = self.inner.config.latency.shutdown;
            self.inner.later(delay, move |inner| {
                if let Err(error) = inner.stop(id, PowerState::Shutdown) {
                    tracing::debug!(%id, %error, "a simulated guest was gone before it was off");
                }
            });
        }
        Ok(())
    }

    async fn destroy(&self, id: ServerId) -> HvResult<()> {
        self.enter(Op::Destroy).await?;
        self.inner.stop(id, PowerState::Shutdown)
    }

    async fn undefine(&self, id: ServerId) -> HvResult<()> {
        self.enter(Op::Undefine).await?;
        match self.inner.stop(id, PowerState::Shutdown) {
            Ok(()) | Err(HvError::NotFound(_)) => {}
            Err(error) => return Err(error),
        }
        if self.inner.guests.remove(id)?.is_some() {
            self.inner.close_console(id);
            self.inner.tell(HvEvent::Gone { id });
        }
        Ok(())
    }

    async fn reboot(&self, id: ServerId) -> HvResult<()> {
        self.enter(Op::Reboot).await?;
        self.inner.must_be_on(id, "rebooting")?;
        if !self.inner.faults.shutdown_ignored() {
            let delay = self.inner.config.latency.shutdown;
            self.inner.later(delay, move |inner| inner.restart(id));
        }
        Ok(())
    }

    async fn reset(&self, id: ServerId) -> HvResult<()> {
        self.enter(Op::Reset).await?;
        self.inner
            .guests
            .change(id, |guest| guest.reset(Time::now()))?;
        self.inner.write_boot_log(id);
        Ok(())
    }

    async fn pause(&self, id: ServerId) -> HvResult<()> {
        self.enter(Op::Pause).await?;
        let guests = &self.inner.guests;
        if guests.change(id, |guest| guest.pause(Time::now()))? {
            self.inner.tell_power(id, PowerState::Paused);
        }
        Ok(())
    }

    async fn resume(&self, id: ServerId) -> HvResult<()> {
        self.enter(Op::Resume).await?;
        let guests = &self.inner.guests;
        if guests.change(id, |guest| guest.resume(Time::now()))? {
            self.inner.tell_power(id, PowerState::Running);
        }
        Ok(())
    }

    async fn suspend(&self, id: ServerId) -> HvResult<()> {
        self.enter(Op::Suspend).await?;
        let guests = &self.inner.guests;
        if guests.change(id, |guest| guest.suspend(Time::now()))? {
            self.inner.close_console(id);
            self.inner.tell_power(id, PowerState::Suspended);
        }
        Ok(())
    }

    async fn attach_disk(&self, id: ServerId, disk: &DiskSpec) -> HvResult<()> {
        self.enter(Op::AttachDisk).await?;
        self.inner.guests.change(id, |guest| {
            guest.change(|spec| {
                if disk.serial.is_none() || !has_disk(spec, disk.serial) {
                    spec.disks.push(disk.clone());
                }
            });
            Ok(())
        })
    }

    async fn detach_disk(&self, id: ServerId, serial: VolumeId) -> HvResult<()> {
        self.enter(Op::DetachDisk).await?;
        self.inner.detach(
            id,
            serial.to_string(),
            |spec| has_disk(spec, Some(serial)),
            |spec| spec.disks.retain(|disk| disk.serial != Some(serial)),
        )
    }

    async fn resize_disk(&self, id: ServerId, serial: VolumeId, bytes: u64) -> HvResult<()> {
        self.enter(Op::ResizeDisk).await?;
        self.inner.guests.change(id, |guest| {
            let disks = &guest.spec().disks;
            if let Some(disk) = disks.iter().find(|disk| disk.serial == Some(serial)) {
                let path = disk.path.clone();
                guest.set_size(&path, bytes);
            }
            Ok(())
        })
    }

    async fn attach_nic(&self, id: ServerId, nic: &NicSpec) -> HvResult<()> {
        self.enter(Op::AttachNic).await?;
        self.inner.guests.change(id, |guest| {
            guest.change(|spec| {
                if spec.nics.iter().all(|have| have.mac != nic.mac) {
                    spec.nics.push(nic.clone());
                }
            });
            Ok(())
        })
    }

    async fn detach_nic(&self, id: ServerId, port: PortId) -> HvResult<()> {
        self.enter(Op::DetachNic).await?;
        self.inner.detach(
            id,
            port.to_string(),
            |spec| spec.nics.iter().any(|nic| nic.port == port),
            |spec| spec.nics.retain(|nic| nic.port != port),
        )
    }

    async fn copy_root_disk(
        &self,
        id: ServerId,
        target: &Path,
        progress: &(dyn Fn(f64) + Send + Sync),
    ) -> HvResult<u64> {
        self.enter(Op::CopyRootDisk).await?;
        let size = self.inner.guests.read(id, |guest| {
            let disk = guest.spec().disks.first();
            disk.map(|disk| guest.size(disk))
        })?;
        let size = size.ok_or_else(|| HvError::NotFound(format!("root disk of guest {id}")))?;
        for step in 1..=10 {
            tokio::time::sleep(self.inner.config.latency.copy / 10).await;
            progress(f64::from(step) / 10.0);
        }
        let image = qcow2::empty(size);
        let failed = |error| HvError::Refused(format!("writing {}: {error}", target.display()));
        tokio::fs::write(target, &image).await.map_err(failed)?;
        Ok(image.len() as u64)
    }

    async fn end_copy(&self, _: ServerId, target: &Path) -> HvResult<()> {
        match tokio::fs::remove_file(target).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(HvError::Refused(
                format!("removing {}: {error}", target.display()),
            )),
            _ => Ok(()),
        }
    }

    async fn stats(&self) -> HvResult<Vec<GuestStats>> {
        self.enter(Op::Stats).await?;
        let now = Time::now();
        let guests = &self.inner.guests;
        Ok(guests.read_all(|guest| guest.is_on().then(|| guest.stats(now))))
    }

    async fn console(&self, id: ServerId) -> HvResult<Pin<Box<dyn Serial>>> {
        self.enter(Op::Console).await?;
        self.inner.must_be_on(id, "opening its console")?;
        let facts = self.inner.guests.read(id, Facts::of)?;
        let holder = self.inner.take_console(id);
        let (user, guest) = tokio::io::duplex(CONSOLE);
        let inner = Arc::clone(&self.inner);
        tokio::spawn(async move {
            let ended = tokio::select! {
                () = holder.cancelled() => Ended::Closed,
                ended = console::serve(guest, &facts) => ended,
            };
            match ended {
                Ended::Closed => {}
                Ended::Reboot => inner.restart(id),
                Ended::PowerOff => {
                    if let Err(error) = inner.stop(id, PowerState::Shutdown) {
                        tracing::debug!(%id, %error, "poweroff on the console of a guest that is gone");
                    }
                }
            }
        });
        Ok(Box::pin(user))
    }

    fn events(&self) -> broadcast::Receiver<HvEvent> {
        self.inner.events.subscribe()
    }
}

fn has_disk(spec: &GuestSpec, serial: Option<VolumeId>) -> bool {
    spec.disks.iter().any(|disk| disk.serial == serial)
}

#[cfg(test)]
mod tests;
