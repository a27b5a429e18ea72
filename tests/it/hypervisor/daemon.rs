//! libvirtd restarts, goes away, and hangs.

use skydeck::hypervisor::HvError;

use super::*;

#[tokio::test]
async fn a_restart_of_libvirtd_is_survived() {
    let rig = Rig::start(Duration::from_secs(60)).await;
    let host = &rig.host;
    let spec = rig.spec("survivor");
    let id = spec.id;
    host.define(&spec).await.unwrap();
    host.start(id).await.unwrap();
    said(&spec, "GUEST-READY", 1).await;
    let mut line = host.console(id).await.unwrap();

    let mut events = host.events();
    rig.machine.stop_libvirtd();
    told(&mut events, &HvEvent::Connection(false)).await;
    let down = host.guests().await.unwrap_err();
    assert!(matches!(&down, HvError::Unavailable(_)), "{down}");
    line.read_to_end(&mut Vec::new()).await.unwrap();
    rig.machine.start_libvirtd();
    told(&mut events, &HvEvent::Connection(true)).await;
    assert_eq!(rig.power(id).await, Some(PowerState::Running));
    let mut line = host.console(id).await.unwrap();
    assert_eq!(sh(&mut line, "hostname").await, "guest");
    rig.machine.run(&["virsh", "destroy", &spec.name]);
    let power = PowerState::Shutdown;
    told(&mut events, &HvEvent::Power { id, power }).await;
}

#[tokio::test]
async fn a_libvirtd_that_hangs_costs_deadlines_and_nothing_else() {
    let deadline = Duration::from_secs(2);
    let rig = Rig::start(deadline).await;
    let host = &rig.host;
    let spec = rig.spec("hung");
    // Until libvirtd has looked at QEMU for the first time, it takes longer.
    wait_for_async("a definition", LONG, async || host.define(&spec).await.ok()).await;
    let mut events = host.events();
    rig.machine.freeze_libvirtd();
    // Many more calls than threads: all end, with the same answer.
    let calls = futures::future::join_all((0..100).map(|_| host.guests()));
    for answer in tokio::time::timeout(LONG, calls).await.unwrap() {
        assert!(matches!(answer, Err(HvError::Unavailable(_))), "{answer:?}");
    }
    // Its keepalives unanswered, the connection is given up.
    told(&mut events, &HvEvent::Connection(false)).await;
    assert!(matches!(host.stats().await, Err(HvError::Unavailable(_))));
    rig.machine.thaw_libvirtd();
    told(&mut events, &HvEvent::Connection(true)).await;
    assert_eq!(rig.power(spec.id).await, Some(PowerState::Shutdown));
    wait_for_async("its end", LONG, async || host.undefine(spec.id).await.ok()).await;
}

/// Many guests at once, none of which may starve libvirtd of its client's keepalives (it takes five calls at a time).
#[tokio::test]
async fn many_changes_at_once_are_all_made() {
    let rig = Rig::start(Duration::from_secs(120)).await;
    let host = &rig.host;
    let mut events = host.events();
    let specs: Vec<GuestSpec> = (0..24)
        .map(|number| {
            let mut spec = rig.spec(&format!("many{number}"));
            spec.memory_mb = 16;
            spec.nics.clear();
            spec
        })
        .collect();
    let made = specs.iter().map(async |spec| {
        host.define(spec).await?;
        host.start(spec.id).await?;
        host.pause(spec.id).await?;
        host.guests().await.map(drop)
    });
    for made in futures::future::join_all(made).await {
        made.unwrap();
    }
    assert_eq!(host.guests().await.unwrap().len(), specs.len());
    assert_eq!(host.stats().await.unwrap().len(), specs.len());
    let gone = specs.iter().map(|spec| host.undefine(spec.id));
    for gone in futures::future::join_all(gone).await {
        gone.unwrap();
    }
    assert_eq!(host.guests().await.unwrap(), []);
    while let Ok(event) = events.try_recv() {
        assert_ne!(event, HvEvent::Connection(false));
    }
}
