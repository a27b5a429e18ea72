//! Devices that come to a running guest and go, and its counters.

use super::*;

#[tokio::test]
async fn devices_come_and_go_while_the_guest_runs() {
    let rig = Rig::start(Duration::from_secs(60)).await;
    let (host, mut events) = (&rig.host, rig.host.events());
    let spec = rig.spec("devices");
    let id = spec.id;
    host.define(&spec).await.unwrap();
    host.start(id).await.unwrap();
    said(&spec, "GUEST-READY", 1).await;

    let volume = rig.volume(32);
    let serial = volume.serial.unwrap();
    for _ in 0..2 {
        host.attach_disk(id, &volume).await.unwrap();
    }
    // QEMU shows a guest the first 20 characters.
    let seen = format!("block vdb 65536 {}", &serial.to_string()[..20]);
    said(&spec, &format!("GUEST-HOTPLUG {seen}"), 1).await;
    let file = fs::File::options().write(true).open(&volume.path).unwrap();
    file.set_len(48 << 20).unwrap();
    host.resize_disk(id, serial, 48 << 20).await.unwrap();
    let mut line = host.console(id).await.unwrap();
    assert_eq!(sh(&mut line, "cat /sys/block/vdb/size").await, "98304");
    let disks = host.stats().await.unwrap().remove(0).disks;
    assert_eq!((disks.len(), disks[1].capacity), (2, 48 << 20), "{disks:?}");

    let second = nic(2);
    for _ in 0..2 {
        host.attach_nic(id, &second).await.unwrap();
    }
    said(&spec, "GUEST-HOTPLUG net eth1", 1).await;
    assert_eq!(sh(&mut line, "cat /sys/class/net/eth1/mtu").await, "1400");
    rig.machine.run(&["ip", "link", "show", "tap2"]);

    for _ in 0..2 {
        host.detach_disk(id, serial).await.unwrap();
        host.detach_nic(id, second.port).await.unwrap();
    }
    let device = serial.to_string();
    told(&mut events, &HvEvent::DeviceRemoved { id, device }).await;
    said(&spec, "GUEST-UNPLUG block vdb", 1).await;
    said(&spec, "GUEST-UNPLUG net eth1", 1).await;
    let definition = rig
        .machine
        .run(&["virsh", "dumpxml", "--inactive", &spec.name]);
    assert!(!definition.contains(&serial.to_string()) && !definition.contains("tap2"));
    assert!(
        rig.machine
            .try_run(&["ip", "link", "show", "tap2"])
            .is_err()
    );

    // Of a guest that is off, only the definition changes; one half alone is completed.
    host.attach_disk(id, &volume).await.unwrap();
    let half = rig.machine.dir().join("half.xml");
    fs::write(&half, format!("<disk type='file' device='disk'><source file='{}'/><target dev='vdb' bus='virtio'/><serial>{serial}</serial></disk>", volume.path.display())).unwrap();
    let half = half.display().to_string();
    rig.machine
        .run(&["virsh", "detach-device", "--config", &spec.name, &half]);
    host.attach_disk(id, &volume).await.unwrap();
    host.destroy(id).await.unwrap();
    host.detach_disk(id, serial).await.unwrap();
    host.attach_disk(id, &volume).await.unwrap();
    host.start(id).await.unwrap();
    said(&spec, "GUEST-READY", 2).await;
    let mut line = host.console(id).await.unwrap();
    assert_eq!(sh(&mut line, "cat /sys/block/vdb/size").await, "98304");
}

/// Before its kernel listens, a guest takes no notice of a request to give up a device.
#[tokio::test]
async fn a_request_to_detach_is_repeated_until_the_guest_listens() {
    let rig = Rig::start(Duration::from_secs(60)).await;
    let mut spec = rig.spec("early");
    let volume = rig.volume(8);
    spec.disks.push(volume.clone());
    rig.host.define(&spec).await.unwrap();
    rig.host.start(spec.id).await.unwrap();
    let serial = volume.serial.unwrap();
    rig.host.detach_disk(spec.id, serial).await.unwrap();
    said(&spec, "GUEST-READY", 1).await;
    let stats = rig.host.stats().await.unwrap().remove(0);
    assert_eq!(stats.disks.len(), 1);
}

#[tokio::test]
async fn counters_rise_with_what_the_guest_does() {
    let rig = Rig::start(Duration::from_secs(60)).await;
    let host = &rig.host;
    let spec = rig.spec("stats");
    let idle = rig.spec("off");
    host.define(&spec).await.unwrap();
    host.define(&idle).await.unwrap();
    host.start(spec.id).await.unwrap();
    said(&spec, "GUEST-READY", 1).await;
    rig.machine
        .run(&["ip", "addr", "add", "10.9.0.1/24", "dev", "br0"]);
    let mut line = host.console(spec.id).await.unwrap();
    sh(&mut line, "ip addr add 10.9.0.2/24 dev eth0").await;
    let sample = async || {
        let mut all = host.stats().await.unwrap();
        assert_eq!(all.len(), 1, "guests that are off have no counters");
        all.remove(0)
    };
    let before = sample().await;
    sh(
        &mut line,
        "dd if=/dev/urandom of=/data/x bs=64k count=32; sync; rm /data/x",
    )
    .await;
    sh(&mut line, "ping -c 3 -i 0.2 -s 1000 10.9.0.1").await;
    let after = sample().await;
    assert!(after.cpu_ns > before.cpu_ns && after.at > before.at);
    assert_eq!((after.vcpus, after.memory_actual_kib), (1, 128 * 1024));
    assert!(after.memory_rss_kib.is_some_and(|kib| kib > 10_000));
    let (disk, nic) = (&after.disks[0], &after.nics[0]);
    assert_eq!((disk.device.as_str(), nic.device.as_str()), ("vda", "tap1"));
    assert!(
        disk.write_bytes >= before.disks[0].write_bytes + (2 << 20),
        "{disk:?}"
    );
    assert!(disk.read_bytes > 1 << 20 && disk.write_requests > 0 && disk.capacity > 1 << 20);
    assert!(
        disk.allocation > 0 && disk.allocation <= disk.capacity,
        "{disk:?}"
    );
    // As the guest sees it: it sent three requests of 1000 bytes, and got three answers.
    assert!(
        nic.tx_bytes > before.nics[0].tx_bytes + 3000 && nic.rx_bytes > 3000,
        "{nic:?}"
    );
    let usable = wait_for_async("the balloon's report", LONG, async || {
        sample().await.memory_usable_kib
    });
    assert!(usable.await < 128 * 1024);
}
