//! A simulated host from outside, as the agent sees it.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::hypervisor::spec::{DiskBus, DiskDevice, DiskFormat};

fn host() -> SimHost {
    SimHost::open(SimConfig {
        deadline: Duration::from_millis(20),
        ..SimConfig::default()
    })
    .unwrap()
}

fn guest() -> GuestSpec {
    GuestSpec {
        id: ServerId::new(),
        generation: 3,
        name: "instance-1".into(),
        title: "web".into(),
        vcpus: 2,
        memory_mb: 512,
        virt_type: VirtType::Sim,
        machine: None,
        disks: vec![disk(None)],
        config_drive: None,
        nics: vec![NicSpec {
            port: PortId::new(),
            tap: "tap1".into(),
            bridge: "br1".into(),
            mac: "fa:16:3e:00:00:01".into(),
            mtu: 1500,
            model: "virtio".into(),
        }],
        console_log: "/nonexistent/console.log".into(),
    }
}

fn disk(serial: Option<VolumeId>) -> DiskSpec {
    DiskSpec {
        path: format!("/nonexistent/{}", VolumeId::new()).into(),
        format: DiskFormat::Qcow2,
        bus: DiskBus::Virtio,
        device: DiskDevice::Disk,
        serial,
    }
}

async fn power(host: &SimHost, id: ServerId) -> PowerState {
    let guests = host.guests().await.unwrap();
    guests.iter().find(|guest| guest.id == id).unwrap().power
}

#[tokio::test]
async fn a_guest_lives_and_every_change_is_told_once() {
    let host = host();
    let mut events = host.events();
    let spec = guest();
    let id = spec.id;
    host.define(&spec).await.unwrap();
    assert_eq!(power(&host, id).await, PowerState::Shutdown);
    for _ in 0..2 {
        host.start(id).await.unwrap();
        host.pause(id).await.unwrap();
        host.pause(id).await.unwrap();
        host.resume(id).await.unwrap();
        host.suspend(id).await.unwrap();
        host.start(id).await.unwrap();
        host.start(id).await.unwrap();
        host.reboot(id).await.unwrap();
        host.shutdown(id).await.unwrap();
        host.destroy(id).await.unwrap();
    }
    host.undefine(id).await.unwrap();
    host.undefine(id).await.unwrap();
    let mut told = Vec::new();
    while let Ok(event) = events.try_recv() {
        told.push(event);
    }
    use PowerState::{Paused, Running, Shutdown, Suspended};
    let mut expected: Vec<HvEvent> = [Running, Paused, Running, Suspended, Running, Shutdown]
        .repeat(2)
        .into_iter()
        .map(|power| HvEvent::Power { id, power })
        .collect();
    expected.push(HvEvent::Gone { id });
    assert_eq!(told, expected);
    assert!(matches!(host.start(id).await, Err(HvError::NotFound(_))));
}

#[tokio::test]
async fn what_the_state_forbids_is_refused() {
    let host = host();
    let spec = guest();
    host.define(&spec).await.unwrap();
    for refused in [
        host.pause(spec.id).await,
        host.resume(spec.id).await,
        host.suspend(spec.id).await,
        host.shutdown(spec.id).await,
        host.reboot(spec.id).await,
        host.reset(spec.id).await,
        host.console(spec.id).await.map(drop),
    ] {
        assert!(
            matches!(refused, Err(HvError::WrongState { .. })),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn trouble_comes_as_ordered_and_passes() {
    let host = host();
    let spec = guest();
    host.define(&spec).await.unwrap();
    let refused = Fault::Refused("no memory".into());
    host.faults().fail_next(Op::Start, 2, &refused);
    host.faults().fail_next(Op::Start, 1, &Fault::Hang);
    for _ in 0..2 {
        assert_eq!(
            host.start(spec.id).await.unwrap_err().to_string(),
            "no memory"
        );
    }
    let hung = host.start(spec.id).await;
    assert!(matches!(hung, Err(HvError::Unavailable(_))));
    host.faults().next_starts_die(1);
    host.start(spec.id).await.unwrap();
    assert_eq!(power(&host, spec.id).await, PowerState::Crashed);
    host.start(spec.id).await.unwrap();
    host.faults().ignore_shutdown(true);
    host.shutdown(spec.id).await.unwrap();
    assert_eq!(power(&host, spec.id).await, PowerState::Running);
    let mut events = host.events();
    host.cut(true);
    assert!(matches!(host.guests().await, Err(HvError::Unavailable(_))));
    host.cut(false);
    host.guests().await.unwrap();
    assert_eq!(events.try_recv(), Ok(HvEvent::Connection(false)));
    assert_eq!(events.try_recv(), Ok(HvEvent::Connection(true)));
}

#[tokio::test]
async fn devices_come_and_go_and_a_guest_may_cling_to_them() {
    let host = host();
    let spec = guest();
    let volume = VolumeId::new();
    host.define(&spec).await.unwrap();
    host.start(spec.id).await.unwrap();
    for _ in 0..2 {
        host.attach_disk(spec.id, &disk(Some(volume)))
            .await
            .unwrap();
    }
    host.resize_disk(spec.id, volume, 5 << 30).await.unwrap();
    let disks = host.stats().await.unwrap().remove(0).disks;
    assert_eq!(disks.len(), 2);
    assert_eq!(
        (disks[1].device.as_str(), disks[1].capacity),
        ("vdb", 5 << 30)
    );
    host.faults().ignore_detach(true);
    let clung = host.detach_disk(spec.id, volume).await;
    assert!(matches!(clung, Err(HvError::Refused(_))));
    host.faults().ignore_detach(false);
    let mut events = host.events();
    for _ in 0..2 {
        host.detach_disk(spec.id, volume).await.unwrap();
        host.detach_nic(spec.id, spec.nics[0].port).await.unwrap();
    }
    assert_eq!(
        events.try_recv(),
        Ok(HvEvent::DeviceRemoved {
            id: spec.id,
            device: volume.to_string()
        })
    );
    let stats = host.stats().await.unwrap().remove(0);
    assert_eq!((stats.disks.len(), stats.nics.len()), (1, 0));
}

#[tokio::test]
async fn a_console_is_taken_over_and_closes_with_the_guest() {
    let host = host();
    let spec = guest();
    host.define(&spec).await.unwrap();
    host.start(spec.id).await.unwrap();
    let mut first = host.console(spec.id).await.unwrap();
    let mut second = host.console(spec.id).await.unwrap();
    let mut text = String::new();
    first.read_to_string(&mut text).await.unwrap();
    second.write_all(b"hostname\rpoweroff\r").await.unwrap();
    second.read_to_string(&mut text).await.unwrap();
    assert!(text.contains("\r\nweb\r\n"), "{text}");
    assert_eq!(power(&host, spec.id).await, PowerState::Shutdown);
}

#[tokio::test]
async fn guests_and_their_counters_outlive_the_process() {
    let dir = tempfile::tempdir().unwrap();
    let config = SimConfig {
        state: Some(dir.path().to_owned()),
        ..SimConfig::default()
    };
    let spec = guest();
    let before = {
        let host = SimHost::open(config.clone()).unwrap();
        host.define(&spec).await.unwrap();
        host.start(spec.id).await.unwrap();
        host.stats().await.unwrap().remove(0)
    };
    let host = SimHost::open(config).unwrap();
    let state = host.guests().await.unwrap().remove(0);
    assert_eq!((state.generation, state.power), (3, PowerState::Running));
    let after = host.stats().await.unwrap().remove(0);
    assert!(after.at > before.at && after.cpu_ns > before.cpu_ns);
    host.undefine(spec.id).await.unwrap();
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_copy_of_the_root_disk_is_an_image_qemu_reads() {
    let dir = tempfile::tempdir().unwrap();
    let host = host();
    let spec = guest();
    host.define(&spec).await.unwrap();
    let target = dir.path().join("copy.qcow2");
    let bytes = host
        .copy_root_disk(spec.id, &target, &|_| {})
        .await
        .unwrap();
    assert_eq!(bytes, std::fs::metadata(&target).unwrap().len());
    let info = std::process::Command::new("qemu-img")
        .args(["check", "--output=json", "-f", "qcow2"])
        .arg(&target)
        .output()
        .unwrap();
    assert!(info.status.success(), "{info:?}");
}
