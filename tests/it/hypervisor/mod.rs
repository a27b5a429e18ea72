//! The libvirt engine on a real libvirtd with real guests.

mod copy;
mod daemon;
mod devices;
mod life;
mod probe;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use skydeck::hypervisor::spec::{DiskBus, DiskDevice, DiskFormat, DiskSpec, GuestSpec, NicSpec};
use skydeck::hypervisor::{HvEvent, Hypervisor, OpenOptions, PowerState, Serial, VirtType, open};
use skydeck::ids::{PortId, ServerId, VolumeId};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::broadcast;

use crate::lab::guest;
use crate::lab::machine::Machine;
use crate::lab::wait::wait_for_async;

/// How long a guest may take for anything on a busy machine.
const LONG: Duration = Duration::from_secs(120);

/// A machine with a bridge, and the engine on its libvirtd.
struct Rig {
    machine: Machine,
    host: Arc<dyn Hypervisor>,
}

impl Rig {
    async fn start(deadline: Duration) -> Self {
        let machine = Machine::start();
        let bridge = "ip link add br0 type bridge forward_delay 0; ip link set br0 up";
        machine.run(&["sh", "-ec", bridge]);
        let options = OpenOptions {
            virt_type: Some(VirtType::Qemu),
            deadline,
            ..OpenOptions::default()
        };
        let host = open(&machine.libvirt_uri(), options).await.unwrap();
        Self { machine, host }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.machine.dir().join(name)
    }

    /// A guest of 128 MiB on an overlay of the test guest's disk.
    fn spec(&self, name: &str) -> GuestSpec {
        let id = ServerId::new();
        let disk = self.path(&format!("{name}.qcow2"));
        let base = guest::qcow2().display().to_string();
        let target = disk.display().to_string();
        self.machine.run(&[
            "qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", &base, &target,
        ]);
        GuestSpec {
            id,
            generation: 1,
            name: format!("instance-{}", id.short()),
            title: name.to_owned(),
            vcpus: 1,
            memory_mb: 128,
            virt_type: VirtType::Qemu,
            machine: None,
            disks: vec![root(disk)],
            config_drive: None,
            nics: vec![nic(1)],
            console_log: self.path(&format!("{name}.log")),
        }
    }

    /// A volume's disk of so many MiB.
    fn volume(&self, mib: u64) -> DiskSpec {
        let id = VolumeId::new();
        let path = self.path(&format!("volume-{id}"));
        let file = fs::File::create(&path).unwrap();
        file.set_len(mib << 20).unwrap();
        DiskSpec {
            path,
            format: DiskFormat::Raw,
            bus: DiskBus::Virtio,
            device: DiskDevice::Disk,
            serial: Some(id),
        }
    }

    async fn power(&self, id: ServerId) -> Option<PowerState> {
        let guests = self.host.guests().await.unwrap();
        let guest = guests.iter().find(|guest| guest.id == id);
        guest.map(|guest| guest.power)
    }
}

fn root(path: PathBuf) -> DiskSpec {
    DiskSpec {
        path,
        format: DiskFormat::Qcow2,
        bus: DiskBus::Virtio,
        device: DiskDevice::Disk,
        serial: None,
    }
}

fn nic(number: u8) -> NicSpec {
    NicSpec {
        port: PortId::new(),
        tap: format!("tap{number}"),
        bridge: "br0".into(),
        mac: format!("fa:16:3e:00:00:{number:02x}"),
        mtu: 1400,
        model: "virtio".into(),
    }
}

/// Waits until the guest has said the text `times` times on its serial port; returns the last line with it.
async fn said(spec: &GuestSpec, text: &str, times: usize) -> String {
    let what = format!("{text:?} in {}", spec.console_log.display());
    wait_for_async(&what, LONG, async || {
        let log = fs::read(&spec.console_log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        // The rest of the last line may be on its way.
        let whole = log
            .split_inclusive('\n')
            .filter(|line| line.ends_with('\n'));
        let mut lines = whole.filter(|line| line.contains(text));
        lines.nth(times - 1).map(|line| line.trim_end().to_owned())
    })
    .await
}

/// Waits for this event; others may come before it.
async fn told(events: &mut broadcast::Receiver<HvEvent>, wanted: &HvEvent) {
    let found = async {
        loop {
            match events.recv().await {
                Ok(event) if event == *wanted => return,
                Ok(_) => {}
                Err(error) => panic!("{error} while waiting for {wanted:?}"),
            }
        }
    };
    let waited = tokio::time::timeout(LONG, found).await;
    waited.unwrap_or_else(|_| panic!("never told {wanted:?}"));
}

/// Runs a command in the shell on the guest's console; returns what it printed.
async fn sh(line: &mut (impl Serial + ?Sized), command: &str) -> String {
    // The echo of what is typed must not look like the answer, also where the shell breaks it at the screen's edge.
    let typed = format!("echo 'B'EGIN; {command}; echo 'E'ND\n");
    line.write_all(typed.as_bytes()).await.unwrap();
    let mut seen = String::new();
    let mut buffer = [0; 4096];
    let read = async {
        while !seen.contains("\nEND") {
            let count = line.read(&mut buffer).await.unwrap();
            assert!(count > 0, "the console closed after {seen:?}");
            seen.push_str(&String::from_utf8_lossy(&buffer[..count]));
        }
    };
    let answered = tokio::time::timeout(LONG, read).await.is_ok();
    assert!(answered, "no end of {command:?} in {seen:?}");
    let seen = seen.replace('\r', "");
    let (_, answer) = seen.split_once("\nBEGIN\n").unwrap();
    answer.split("END").next().unwrap().trim().to_owned()
}
