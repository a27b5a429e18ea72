//! The engine over libvirt: KVM where guests really run under it, QEMU's translation elsewhere.
//!
//! From the wire up: [`dynlink`] loads the library; [`callbacks`] runs its event loop; [`link`] keeps one connection
//! alive; [`calls`] puts each blocking call on a thread with a deadline; [`guest`] finds a guest and reads its state;
//! [`domain`], [`xml`] and [`found`] speak its XML; the rest is one file for each kind of operation.
//!
//! Invariant: a libvirtd that hangs costs at most [`calls`]' threads and makes every call fail by its deadline or at
//! once; one that restarts costs a moment. Domains that are not ours are neither listed nor touched.

mod callbacks;
mod calls;
mod console;
mod copy;
mod devices;
mod domain;
mod dynlink;
mod error;
mod found;
mod guest;
mod host;
mod link;
mod migrate;
mod power;
mod stats;
mod stream;
mod sys;
mod watch;
mod xml;

use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use tokio::sync::broadcast;

use self::devices::Removable;
use self::guest::{Guest, Owners};
use self::host::Machine;
use self::link::{Lane, Link, Seat};
use super::spec::{DiskSpec, GuestSpec, NicSpec};
use super::{
    Features, GuestState, GuestStats, HostInfo, HvError, HvEvent, HvResult, Hypervisor,
    OpenOptions, Serial, VirtType, probe,
};
use crate::ids::{PortId, ServerId, VolumeId};

/// Events kept for a slow receiver.
const EVENTS: usize = 1024;
/// Starting may mean restoring memory, and waits for others that start.
const START: Duration = Duration::from_secs(120);
/// Saving writes the guest's memory to disk.
const SAVE: Duration = Duration::from_secs(600);

/// A host under libvirt.
pub struct Libvirt {
    link: Link,
    owners: Arc<Owners>,
    tell: broadcast::Sender<HvEvent>,
    /// For ordinary calls.
    deadline: Duration,
    options: OpenOptions,
    /// Whether libvirt is on this machine, so that a probe here says something about it.
    local: bool,
    /// The probe, once it was begun.
    probing: OnceLock<Shared<BoxFuture<'static, VirtType>>>,
}

impl Libvirt {
    /// The engine at a libvirt address. Returns at once, connected or not; needs a runtime.
    pub fn open(uri: &str, options: OpenOptions) -> HvResult<Self> {
        let tell = broadcast::channel(EVENTS).0;
        let lost = Arc::new(AtomicBool::new(false));
        let owners = Arc::new(Owners::default());
        let (link, notices) = Link::new(uri, tell.clone(), Arc::clone(&lost))?;
        tokio::spawn(watch::translate(
            link.downgrade(),
            Arc::clone(&owners),
            notices,
            lost,
            tell.clone(),
            options.deadline,
        ));
        Ok(Self {
            link,
            owners,
            tell,
            deadline: options.deadline,
            options,
            local: is_local(uri),
            probing: OnceLock::new(),
        })
    }

    /// Runs blocking `work` that changes a guest, until `deadline` from now.
    fn guest<T: Send + 'static>(
        &self,
        id: ServerId,
        what: &'static str,
        deadline: Duration,
        work: impl FnOnce(&Guest) -> HvResult<T> + Send + 'static,
    ) -> impl Future<Output = HvResult<T>> + Send + 'static {
        self.guest_in(Lane::Change, id, what, deadline, work)
    }

    /// The same in a lane. (Not an `async fn`: the future borrows nothing.)
    fn guest_in<T: Send + 'static>(
        &self,
        lane: Lane,
        id: ServerId,
        what: &'static str,
        deadline: Duration,
        work: impl FnOnce(&Guest) -> HvResult<T> + Send + 'static,
    ) -> impl Future<Output = HvResult<T>> + Send + 'static {
        let (link, owners) = (self.link.clone(), Arc::clone(&self.owners));
        async move {
            link.call(lane, what, deadline, move |seat| {
                let guest = Guest::find(seat, &owners, id)?;
                work(&guest).map_err(|error| guest.explain(error, what))
            })
            .await
        }
    }

    /// How guests execute here: as configured, or else as a probe finds out, once.
    async fn virt_type(&self, machine: &Machine) -> VirtType {
        if let Some(configured) = self.options.virt_type {
            return configured;
        }
        if machine.driver.eq_ignore_ascii_case("test") {
            return VirtType::Sim;
        }
        if !machine.domain_types.iter().any(|kind| kind == "kvm") {
            return VirtType::Qemu;
        }
        if !self.local {
            tracing::warn!(
                "libvirt is on another machine, where KVM can not be probed: guests are translated; configure the \
                 virtualization type to override"
            );
            return VirtType::Qemu;
        }
        let begin = || {
            let emulator = machine.emulator.as_deref();
            let probe = probe::Probe {
                emulator: emulator.unwrap_or(probe::EMULATOR).into(),
                kernel: self.options.probe_kernel.clone(),
                cache: self.options.state_dir.clone(),
                cpu_model: machine.cpu_model.clone(),
            };
            // A task of its own: it goes on when who asked first does not wait for the answer.
            let probing = tokio::spawn(async move { probe.virt_type().await });
            let answer = probing.map(|answer| answer.unwrap_or(VirtType::Qemu));
            answer.boxed().shared()
        };
        self.probing.get_or_init(begin).clone().await
    }
}

/// Whether a libvirt address names no other machine.
fn is_local(uri: &str) -> bool {
    let rest = uri.split_once("://").map_or("", |(_, rest)| rest);
    rest.is_empty() || rest.starts_with('/')
}

#[async_trait]
impl Hypervisor for Libvirt {
    async fn host(&self) -> HvResult<HostInfo> {
        let machine = self
            .link
            .call(Lane::Ask, "describing the host", self.deadline, |seat| {
                host::read(seat.connection)
            })
            .await?;
        let virt_type = self.virt_type(&machine).await;
        let real = machine.driver == "QEMU";
        Ok(HostInfo {
            hypervisor_type: machine.driver,
            hypervisor_version: machine.version,
            vcpus: machine.vcpus,
            memory_mb: machine.memory_mb,
            arch: machine.arch,
            cpu_model: machine.cpu_model,
            cpu_features: machine.cpu_features,
            virt_type,
            features: Features {
                console: real,
                managed_save: true,
                hot_plug: real,
            },
            disk_gb: None,
            guest_user: machine.guest_user,
        })
    }

    async fn guests(&self) -> HvResult<Vec<GuestState>> {
        let owners = Arc::clone(&self.owners);
        let list = move |seat: &Seat<'_>| guest::list(seat.connection, &owners);
        self.link
            .call(Lane::Ask, "listing guests", self.deadline, list)
            .await
    }

    async fn define(&self, spec: &GuestSpec) -> HvResult<()> {
        let (owners, spec) = (Arc::clone(&self.owners), spec.clone());
        self.link
            .call(
                Lane::Change,
                "defining a guest",
                self.deadline,
                move |seat| {
                    let xml = domain::render(&spec, &devices::direct_io)?;
                    power::define(seat, &owners, spec.id, &xml)
                },
            )
            .await
    }

    async fn start(&self, id: ServerId) -> HvResult<()> {
        self.guest(id, "starting a guest", START, power::start)
            .await
    }

    async fn shutdown(&self, id: ServerId) -> HvResult<()> {
        self.guest(id, "shutting down", self.deadline, power::shutdown)
            .await
    }

    async fn destroy(&self, id: ServerId) -> HvResult<()> {
        self.guest(id, "switching off", self.deadline, power::destroy)
            .await
    }

    async fn undefine(&self, id: ServerId) -> HvResult<()> {
        let undefined = self.guest(id, "undefining", self.deadline, power::undefine);
        match undefined.await {
            Err(HvError::NotFound(_)) => Ok(()),
            done => done,
        }
    }

    async fn reboot(&self, id: ServerId) -> HvResult<()> {
        self.guest(id, "rebooting", self.deadline, power::reboot)
            .await
    }

    async fn reset(&self, id: ServerId) -> HvResult<()> {
        self.guest(id, "resetting", self.deadline, power::reset)
            .await
    }

    async fn pause(&self, id: ServerId) -> HvResult<()> {
        self.guest(id, "pausing", self.deadline, power::pause).await
    }

    async fn resume(&self, id: ServerId) -> HvResult<()> {
        self.guest(id, "resuming", self.deadline, power::resume)
            .await
    }

    async fn suspend(&self, id: ServerId) -> HvResult<()> {
        self.guest(id, "suspending", SAVE, power::suspend).await
    }

    async fn attach_disk(&self, id: ServerId, disk: &DiskSpec) -> HvResult<()> {
        let disk = disk.clone();
        let attach = move |guest: &Guest| devices::attach_disk(guest, &disk);
        self.guest(id, "attaching a disk", self.deadline, attach)
            .await
    }

    async fn detach_disk(&self, id: ServerId, serial: VolumeId) -> HvResult<()> {
        devices::detach(self, id, Removable::Disk(serial)).await
    }

    async fn resize_disk(&self, id: ServerId, serial: VolumeId, bytes: u64) -> HvResult<()> {
        let resize = move |guest: &Guest| devices::resize_disk(guest, serial, bytes);
        self.guest(id, "resizing a disk", self.deadline, resize)
            .await
    }

    async fn attach_nic(&self, id: ServerId, nic: &NicSpec) -> HvResult<()> {
        let nic = nic.clone();
        let attach = move |guest: &Guest| devices::attach_nic(guest, &nic);
        self.guest(id, "attaching an interface", self.deadline, attach)
            .await
    }

    async fn detach_nic(&self, id: ServerId, port: PortId) -> HvResult<()> {
        devices::detach(self, id, Removable::Nic(port)).await
    }

    async fn copy_root_disk(
        &self,
        id: ServerId,
        target: &Path,
        progress: &(dyn Fn(f64) + Send + Sync),
    ) -> HvResult<u64> {
        copy::copy_root_disk(self, id, target, progress).await
    }

    async fn end_copy(&self, id: ServerId, target: &Path) -> HvResult<()> {
        copy::end(self, id, target).await
    }

    async fn stats(&self) -> HvResult<Vec<GuestStats>> {
        let owners = Arc::clone(&self.owners);
        let sample = move |seat: &Seat<'_>| stats::sample(seat.connection, &owners);
        self.link
            .call(Lane::Ask, "sampling guests", self.deadline, sample)
            .await
    }

    async fn console(&self, id: ServerId) -> HvResult<Pin<Box<dyn Serial>>> {
        let opened = self
            .guest_in(
                Lane::Ask,
                id,
                "opening a console",
                self.deadline,
                console::open,
            )
            .await?;
        Ok(console::serve(opened, self.link.clone()))
    }

    fn events(&self) -> broadcast::Receiver<HvEvent> {
        self.tell.subscribe()
    }
}

#[cfg(test)]
mod tests;
