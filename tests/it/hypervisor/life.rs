//! A guest's whole life, and its console.

use super::*;

#[tokio::test]
async fn a_guest_lives_and_leaves_nothing() {
    let rig = Rig::start(Duration::from_secs(60)).await;
    let (host, mut events) = (&rig.host, rig.host.events());
    let info = host.host().await.unwrap();
    assert_eq!(
        (info.hypervisor_type.as_str(), info.virt_type),
        ("QEMU", VirtType::Qemu)
    );
    assert!(
        info.vcpus > 0 && info.memory_mb > 256 && info.guest_user.is_some(),
        "{info:?}"
    );

    let mut spec = rig.spec("life");
    let id = spec.id;
    let power = |power| HvEvent::Power { id, power };
    host.define(&spec).await.unwrap();
    assert_eq!(rig.power(id).await, Some(PowerState::Shutdown));
    host.start(id).await.unwrap();
    host.start(id).await.unwrap();
    told(&mut events, &power(PowerState::Running)).await;
    // A newer definition of a running guest is what is listed.
    spec.generation = 2;
    host.define(&spec).await.unwrap();
    assert_eq!(host.guests().await.unwrap()[0].generation, 2);
    said(&spec, "GUEST-READY", 1).await;

    host.pause(id).await.unwrap();
    told(&mut events, &power(PowerState::Paused)).await;
    assert_eq!(rig.power(id).await, Some(PowerState::Paused));
    host.resume(id).await.unwrap();
    let mut line = host.console(id).await.unwrap();
    sh(&mut line, "touch /run/memory").await;

    host.suspend(id).await.unwrap();
    told(&mut events, &power(PowerState::Suspended)).await;
    assert_eq!(rig.power(id).await, Some(PowerState::Suspended));
    let closed = line.read_to_end(&mut Vec::new()).await;
    assert!(closed.is_ok(), "{closed:?}");
    host.start(id).await.unwrap();
    let mut line = host.console(id).await.unwrap();
    assert_eq!(sh(&mut line, "ls /run/memory").await, "/run/memory");

    host.reboot(id).await.unwrap();
    said(&spec, "GUEST-POWERBUTTON", 1).await;
    said(&spec, "GUEST-READY", 2).await;
    host.reset(id).await.unwrap();
    said(&spec, "GUEST-READY", 3).await;
    host.shutdown(id).await.unwrap();
    told(&mut events, &power(PowerState::Shutdown)).await;
    let refused = host.pause(id).await.unwrap_err().to_string();
    assert_eq!(refused, "the guest is shutdown: pausing is not possible");

    host.start(id).await.unwrap();
    let pid = rig.machine.run(&["pgrep", "-f", &spec.name]);
    rig.machine
        .run(&["kill", "-KILL", pid.lines().next().unwrap()]);
    told(&mut events, &power(PowerState::Crashed)).await;
    assert_eq!(rig.power(id).await, Some(PowerState::Crashed));

    host.start(id).await.unwrap();
    host.suspend(id).await.unwrap();
    host.undefine(id).await.unwrap();
    host.undefine(id).await.unwrap();
    told(&mut events, &HvEvent::Gone { id }).await;
    assert_eq!(host.guests().await.unwrap(), []);
    let left = "ls /etc/libvirt/qemu /var/lib/libvirt/qemu/save; ip -o link";
    let left = rig.machine.run(&["sh", "-c", left]);
    assert!(
        !left.contains("instance-") && !left.contains("tap1"),
        "{left}"
    );
}

#[tokio::test]
async fn a_console_is_read_typed_into_and_taken_over() {
    let rig = Rig::start(Duration::from_secs(60)).await;
    let spec = rig.spec("console");
    rig.host.define(&spec).await.unwrap();
    let refused = rig.host.console(spec.id).await.map(drop).unwrap_err();
    assert!(
        refused.to_string().contains("the guest is shutdown"),
        "{refused}"
    );
    rig.host.start(spec.id).await.unwrap();
    said(&spec, "GUEST-READY", 1).await;
    let mut first = rig.host.console(spec.id).await.unwrap();
    assert_eq!(sh(&mut first, "echo $((40 + 2))").await, "42");
    // More than all buffers between here and there hold: nothing is lost, the guest waits.
    let flood = sh(&mut first, "seq 1 40000").await;
    let lines: Vec<&str> = flood.lines().collect();
    assert_eq!(
        (lines.len(), lines[0], lines[39_999]),
        (40_000, "1", "40000")
    );
    let mut second = rig.host.console(spec.id).await.unwrap();
    first.read_to_end(&mut Vec::new()).await.unwrap();
    assert_eq!(sh(&mut second, "hostname").await, "guest");
    drop(second);
    let mut third = rig.host.console(spec.id).await.unwrap();
    assert_eq!(sh(&mut third, "hostname").await, "guest");
}

#[tokio::test]
async fn domains_of_others_are_neither_listed_nor_touched() {
    let rig = Rig::start(Duration::from_secs(60)).await;
    let foreign = ServerId::new();
    let xml = rig.path("foreign.xml");
    fs::write(
        &xml,
        format!(
            "<domain type='qemu'><name>foreign</name><uuid>{foreign}</uuid><memory unit='MiB'>16</memory>
             <os><type>hvm</type></os></domain>"
        ),
    )
    .unwrap();
    let xml = xml.display().to_string();
    rig.machine.run(&["virsh", "define", &xml]);
    rig.machine.run(&["virsh", "start", "--paused", "foreign"]);
    assert_eq!(rig.host.guests().await.unwrap(), []);
    assert_eq!(rig.host.stats().await.unwrap(), []);
    rig.host.undefine(foreign).await.unwrap();
    assert!(rig.host.destroy(foreign).await.is_err());
    let mut spec = rig.spec("x");
    spec.id = foreign;
    let refused = rig.host.define(&spec).await.unwrap_err().to_string();
    assert!(refused.contains("is not Skydeck's"), "{refused}");
    assert_eq!(rig.machine.run(&["virsh", "domstate", "foreign"]), "paused");
}
