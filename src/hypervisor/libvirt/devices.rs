//! Adding and removing disks and interfaces, in the definition and in the running guest.
//!
//! A device may be in one of the two only, when an earlier attempt was broken off between them; each half is looked at
//! and done on its own. Removing needs the guest's consent: QEMU asks it, it obeys when it can, and some take no notice
//! while they boot. So the request is repeated until the device is gone or the deadline comes. The definition is changed
//! last: while it has the device, a repeated call knows that there is something left to do.

use std::path::Path;
use std::time::Duration;

use tokio::sync::broadcast;
use tokio::time::{Instant, timeout_at};
use virt::sys as v;

use super::found::Found;
use super::guest::Guest;
use super::{Libvirt, domain, sys};
use crate::hypervisor::spec::{DiskSpec, NicSpec, free_target};
use crate::hypervisor::{HvError, HvEvent, HvResult};
use crate::ids::{PortId, ServerId, VolumeId};

/// How long a guest may take to give up a device.
const DETACH: Duration = Duration::from_secs(30);
/// After how long the request is repeated.
const AGAIN: Duration = Duration::from_secs(4);

/// Which half of a guest a change is for.
fn halves(config: bool, live: bool) -> u32 {
    let mut flags = 0;
    if config {
        flags |= v::VIR_DOMAIN_AFFECT_CONFIG;
    }
    if live {
        flags |= v::VIR_DOMAIN_AFFECT_LIVE;
    }
    flags
}

pub(super) fn attach_disk(guest: &Guest, disk: &DiskSpec) -> HvResult<()> {
    let (defined, live) = (guest.defined()?, guest.live()?);
    let lacks = |found: &Found| {
        disk.serial
            .is_none_or(|serial| found.disk(serial).is_none())
    };
    let flags = halves(lacks(&defined), live.as_ref().is_some_and(lacks));
    if flags == 0 {
        return Ok(());
    }
    let taken: Vec<String> = defined
        .disks()
        .iter()
        .chain(live.iter().flat_map(Found::disks))
        .map(|disk| disk.target().to_owned())
        .collect();
    let target = free_target(disk.bus, &taken);
    let xml = domain::render_disk(disk, &target, &direct_io)?;
    Ok(guest.domain.attach_device_flags(&xml, flags)?)
}

pub(super) fn attach_nic(guest: &Guest, nic: &NicSpec) -> HvResult<()> {
    let (defined, live) = (guest.defined()?, guest.live()?);
    let lacks = |found: &Found| !found.has_mac(&nic.mac);
    let flags = halves(lacks(&defined), live.as_ref().is_some_and(lacks));
    if flags == 0 {
        return Ok(());
    }
    let xml = domain::render_nic(nic)?;
    Ok(guest.domain.attach_device_flags(&xml, flags)?)
}

/// Tells a running guest the new size of a disk.
pub(super) fn resize_disk(guest: &Guest, serial: VolumeId, bytes: u64) -> HvResult<()> {
    let live = guest.live()?;
    let Some(disk) = live.as_ref().and_then(|found| found.disk(serial)) else {
        return Ok(());
    };
    let flags = v::VIR_DOMAIN_BLOCK_RESIZE_BYTES;
    Ok(guest.domain.block_resize(disk.target(), bytes, flags)?)
}

/// A device that can be removed.
#[derive(Clone, Copy)]
pub(super) enum Removable {
    Disk(VolumeId),
    Nic(PortId),
}

impl Removable {
    fn alias(self) -> String {
        match self {
            Self::Disk(volume) => domain::disk_alias(volume),
            Self::Nic(port) => domain::nic_alias(port),
        }
    }

    fn is_in(self, found: &Found) -> bool {
        match self {
            Self::Disk(volume) => found.disk(volume).is_some(),
            Self::Nic(port) => found.has_port(port),
        }
    }
}

/// Removes the device from guest and definition.
pub(super) async fn detach(engine: &Libvirt, id: ServerId, device: Removable) -> HvResult<()> {
    let until = Instant::now() + DETACH;
    let mut events = engine.tell.subscribe();
    while engine
        .guest(id, "detaching a device", engine.deadline, move |guest| {
            ask(guest, device)
        })
        .await?
    {
        if Instant::now() >= until {
            return Err(HvError::Refused(format!(
                "the guest did not give up the device within {} s: it may use it still, or not listen while it boots; \
                 unmount it in the guest and try again",
                DETACH.as_secs()
            )));
        }
        let again = (Instant::now() + AGAIN).min(until);
        let alias = device.alias();
        // Late or lost, the event only saves time: the guest is looked at again.
        let _ = timeout_at(again, removed(&mut events, id, &alias)).await;
    }
    engine
        .guest(id, "detaching a device", engine.deadline, move |guest| {
            forget(guest, device)
        })
        .await
}

/// Asks the running guest for the device, if it has it; answers whether it has.
fn ask(guest: &Guest, device: Removable) -> HvResult<bool> {
    let has = |guest: &Guest| -> HvResult<bool> {
        Ok(guest.live()?.is_some_and(|found| device.is_in(&found)))
    };
    if !has(guest)? {
        return Ok(false);
    }
    match sys::detach_alias(&guest.domain, &device.alias(), v::VIR_DOMAIN_AFFECT_LIVE) {
        // QEMU: "is already in the process of unplug". It is being asked already.
        Err(HvError::Refused(reason)) if reason.contains("in the process of unplug") => Ok(true),
        Err(HvError::NotFound(_) | HvError::WrongState { .. }) | Ok(()) => has(guest),
        Err(error) => Err(error),
    }
}

/// Removes the device from the definition, if it is there.
fn forget(guest: &Guest, device: Removable) -> HvResult<()> {
    if !device.is_in(&guest.defined()?) {
        return Ok(());
    }
    sys::detach_alias(&guest.domain, &device.alias(), v::VIR_DOMAIN_AFFECT_CONFIG)
}

/// Waits for the guest to give up the device with this alias.
async fn removed(events: &mut broadcast::Receiver<HvEvent>, guest: ServerId, alias: &str) {
    loop {
        match events.recv().await {
            Ok(HvEvent::DeviceRemoved { id, device })
                if id == guest && alias.ends_with(&device) =>
            {
                return;
            }
            Ok(_) => {}
            // What was missed may have been it: look.
            Err(_) => return,
        }
    }
}

/// Whether the file (or, before it exists, its directory's file system) can be opened past the page cache.
pub(super) fn direct_io(path: &Path) -> bool {
    use std::os::unix::fs::OpenOptionsExt;
    let opened = std::fs::OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_DIRECT)
        .open(path);
    // Only this error speaks of direct I/O; with any other the file is not there, or not ours to open.
    !matches!(opened, Err(error) if error.raw_os_error() == Some(libc::EINVAL))
}
