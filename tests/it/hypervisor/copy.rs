//! Copies of a root disk, and what a copy that was broken off leaves.

use std::sync::Mutex;

use super::*;

#[tokio::test]
async fn a_copy_is_whole_whether_the_guest_runs_or_not() {
    let rig = Rig::start(Duration::from_secs(60)).await;
    let host = &rig.host;
    let mut spec = rig.spec("source");
    spec.disks.push(rig.volume(8));
    host.define(&spec).await.unwrap();
    host.start(spec.id).await.unwrap();
    said(&spec, "GUEST-READY", 1).await;
    let mut line = host.console(spec.id).await.unwrap();
    sh(&mut line, "echo kept >/data/word; sync").await;

    // A job and a partial file of a process that died are in the way.
    let target = rig.path("copy.qcow2");
    let job = rig.path("job.xml");
    let file = target.display();
    fs::write(&job, format!("<domainbackup><disks><disk name='vda' type='file'><target file='{file}'/><driver type='qcow2'/></disk><disk name='vdb' backup='no'/></disks></domainbackup>")).unwrap();
    let job = job.display().to_string();
    let slow = "virsh blkdeviotune $0 vda --total-bytes-sec 200000 && virsh backup-begin $0 $1 && virsh blkdeviotune $0 vda --total-bytes-sec 0";
    rig.machine.run(&["sh", "-ec", slow, &spec.name, &job]);

    let seen = Mutex::new(Vec::new());
    let note = |part: f64| seen.lock().unwrap().push(part);
    let bytes = host.copy_root_disk(spec.id, &target, &note).await.unwrap();
    assert_eq!(bytes, fs::metadata(&target).unwrap().len());
    let seen = seen.into_inner().unwrap();
    assert!(seen.is_sorted() && seen.last() == Some(&1.0), "{seen:?}");
    assert_eq!(sh(&mut line, "cat /data/word").await, "kept");
    let name = target.display().to_string();
    let about = rig
        .machine
        .run(&["qemu-img", "info", "--output=json", &name]);
    assert!(!about.contains("backing-filename"), "{about}");

    host.destroy(spec.id).await.unwrap();
    let second = rig.path("second.qcow2");
    fs::write(&second, "partial").unwrap();
    host.copy_root_disk(spec.id, &second, &|_| {})
        .await
        .unwrap();

    for (number, copy) in [(1, target), (2, second)] {
        let mut booted = rig.spec(&format!("copy{number}"));
        booted.disks = vec![root(copy)];
        host.define(&booted).await.unwrap();
        host.start(booted.id).await.unwrap();
        let ready = said(&booted, "GUEST-READY", 1).await;
        assert!(ready.contains("boots=2"), "{ready}");
        let mut line = host.console(booted.id).await.unwrap();
        assert_eq!(sh(&mut line, "cat /data/word").await, "kept");
        host.undefine(booted.id).await.unwrap();
    }
}

#[tokio::test]
async fn a_copy_that_nobody_waits_for_is_broken_off() {
    let rig = Rig::start(Duration::from_secs(60)).await;
    let host = &rig.host;
    let spec = rig.spec("source");
    host.define(&spec).await.unwrap();
    host.start(spec.id).await.unwrap();
    said(&spec, "GUEST-READY", 1).await;
    let running = || {
        // It fails while a job begins or ends.
        let job = rig.machine.try_run(&["virsh", "domjobinfo", &spec.name]);
        !job.is_ok_and(|job| !job.contains("Backup"))
    };
    let slow = "virsh blkdeviotune $0 vda --total-bytes-sec 100000";
    rig.machine.run(&["sh", "-ec", slow, &spec.name]);
    let target = rig.path("copy.qcow2");
    let begun = wait_for_async("the job", LONG, async || running().then_some(()));
    tokio::select! {
        done = host.copy_root_disk(spec.id, &target, &|_| {}) => panic!("too fast: {done:?}"),
        () = begun => {}
    }
    wait_for_async("its end", LONG, async || (!running()).then_some(())).await;
    assert_eq!(rig.power(spec.id).await, Some(PowerState::Running));

    // One whose guest is switched off fails.
    let failing = host.copy_root_disk(spec.id, &target, &|_| {});
    let (failed, ()) = tokio::join!(failing, async {
        wait_for_async("the job", LONG, async || running().then_some(())).await;
        host.destroy(spec.id).await.unwrap();
    });
    failed.unwrap_err();
    assert_eq!(rig.power(spec.id).await, Some(PowerState::Shutdown));
}
