//! Disks that are full, images that can not be read, guests that die at once, a database that somebody else holds, a clock
//! that jumps: a clear message, nothing half made, nothing lost.

use std::path::Path;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

use super::kinds::{begin, prepare};
use super::lab::{Lab, empty_image};
use super::proof::becomes;
use crate::compute::model::{PowerState, VmState};
use crate::compute::ops as compute;
use crate::db::{Db, sql, testing};
use crate::error::Error;
use crate::ids::Time;
use crate::image::model::ImageStatus;
use crate::image::ops as image;
use crate::image::ops::{Announced, Purpose};
use crate::saga::Status;
use crate::volume::model::VolumeStatus;
use crate::volume::ops as volume;
use crate::volume::ops::{NewVolume, VolumeSource};

/// Runs a test on a thread with mounts of its own.
fn with_own_mounts<F: Future<Output = ()>>(test: impl FnOnce() -> F + Send + 'static) {
    let thread = std::thread::spawn(move || {
        // Threads that the runtime starts from here see the same mounts.
        unshare(CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_FS)
            .expect("a mount namespace; as root");
        let none: Option<&str> = None;
        mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)
            .expect("private mounts");
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(test());
    });
    thread.join().unwrap();
}

/// Puts a disk over a directory: of this many KiB, or with room but for this many files only.
fn small_disk(path: &Path, kib: u64, files: u64) {
    std::fs::create_dir_all(path).unwrap();
    let size = format!("size={kib}k,nr_inodes={files},mode=0700");
    mount(
        Some("small"),
        path,
        Some("tmpfs"),
        MsFlags::empty(),
        Some(size.as_str()),
    )
    .unwrap();
}

/// Leaves no room on it, until the answer is dropped.
fn fill(path: &Path) -> tempfile::TempDir {
    let dir = tempfile::tempdir_in(path).unwrap();
    let mut out = std::fs::File::create(dir.path().join("bytes")).unwrap();
    let free = nix::sys::statvfs::statvfs(path).unwrap();
    // What is large has few files; what is small is filled.
    if free.blocks() < 1 << 14 {
        let mut block = 1 << 16;
        while block > 0 {
            if std::io::Write::write(&mut out, &vec![1; block]).is_err() {
                block /= 2;
            }
        }
    }
    let mut number = 0;
    while std::fs::File::create(dir.path().join(number.to_string())).is_ok() {
        number += 1;
    }
    dir
}

fn noise(length: usize) -> bytes::Bytes {
    let mut x = 1_u32;
    let bytes: Vec<u8> = (0..length)
        .map(|_| {
            x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (x >> 24) as u8
        })
        .collect();
    bytes.into()
}

#[test]
fn an_upload_that_fills_the_disk_is_refused_and_leaves_nothing() {
    with_own_mounts(|| async {
        let lab = Lab::new().await;
        let images = lab.dir.path().join("images");
        small_disk(&images, 2048, 100);
        let id = empty_image(&lab.cx, "large").await;
        // Announced or not, as long as the disk lets it.
        for total in [Some(8 << 20), None] {
            let announced = Announced {
                total,
                ..Announced::default()
            };
            let pieces = (0..8).map(|_| Ok::<_, std::io::Error>(noise(1 << 20)));
            let body = futures::stream::iter(pieces.collect::<Vec<_>>());
            let error = image::image_upload(&lab.cx, id, Purpose::Data, announced, body)
                .await
                .unwrap_err();
            assert_eq!(error.status(), 413, "{error}");
            assert!(error.to_string().contains("delete images"), "{error}");
            let left = image::image_show(&lab.cx, id).await.unwrap();
            assert_eq!((left.status, left.size), (ImageStatus::Queued, None));
            let parts = std::fs::read_dir(images.join("uploads")).unwrap().count();
            assert_eq!(parts, 0);
        }
    });
}

#[test]
fn a_volume_or_snapshot_that_finds_a_full_disk_says_so_and_leaves_nothing() {
    with_own_mounts(|| async {
        let lab = Lab::new().await;
        let source = lab.upload("source").await;
        let (volumes, cache) = (
            lab.dir.path().join("node/volumes"),
            lab.dir.path().join("node/image-cache"),
        );
        small_disk(&volumes, 8 << 20, 16);
        let filler = fill(&volumes);
        for content in [VolumeSource::Empty, VolumeSource::Image(source)] {
            let failed = volume_made(&lab, content).await;
            assert_eq!(failed.status, VolumeStatus::Error);
            let reason = failed.error.unwrap_or_default();
            assert!(reason.contains("free some space"), "{content:?}: {reason}");
        }
        drop(filler);
        assert_eq!(std::fs::read_dir(&volumes).unwrap().count(), 0);
        assert_eq!(
            volume_made(&lab, VolumeSource::Empty).await.status,
            VolumeStatus::Available
        );
        // The cache is another disk; nothing of an image stays on it half.
        small_disk(&cache, 64, 100);
        let filler = fill(&cache);
        let other = lab.upload_bytes("other", noise(256 << 10)).await;
        let failed = volume_made(&lab, VolumeSource::Image(other)).await;
        let reason = failed.error.unwrap_or_default();
        assert!(reason.contains("free some space"), "{reason}");
        drop(filler);
        assert_eq!(std::fs::read_dir(&cache).unwrap().count(), 0);
    });
}

#[test]
fn a_servers_snapshot_that_finds_a_full_disk_leaves_no_image() {
    with_own_mounts(|| async {
        let lab = Lab::new().await;
        let subject = prepare(&lab, "server_snapshot").await;
        let before = lab.world().await;
        let images = lab.dir.path().join("images/uploads");
        small_disk(&images, 256, 100);
        let filler = fill(&images);
        let id = begin(&lab, "server_snapshot", &subject).await;
        let end = lab.ended(id).await;
        assert_eq!(end.status, Status::Undone);
        let reason = end.error.unwrap().message;
        assert!(reason.contains("is full"), "{reason}");
        drop(filler);
        becomes(&lab, &before, &[], "the snapshot undone").await;
    });
}

#[test]
fn a_database_on_a_full_disk_says_so_and_goes_on_when_there_is_room() {
    with_own_mounts(|| async {
        let dir = tempfile::tempdir().unwrap();
        small_disk(dir.path(), 4096, 100);
        let url = format!("sqlite://{}", dir.path().join("test.db").display());
        let db = Db::open(&url).await.unwrap();
        let filler = fill(dir.path());
        let write = async |length: usize| {
            let mut tx = db.begin().await?;
            sql("INSERT INTO flavor VALUES ($1, $1, 1, 1, 1, 0, 0, 1.0, 1, $2, '{}', 0)")
                .bind(length.to_string())
                .bind("x".repeat(length))
                .execute(&mut tx)
                .await?;
            tx.commit().await
        };
        let mut failed = None;
        for length in 20_000..20_400 {
            if let Err(error) = write(length).await {
                failed = Some(error);
                break;
            }
        }
        let failed = Error::from(failed.expect("the disk is full"));
        assert!(matches!(failed, Error::Unavailable(_)), "{failed}");
        assert!(failed.to_string().contains("make room"), "{failed}");
        drop(filler);
        write(30_000).await.unwrap();
    });
}

async fn volume_made(lab: &Lab, source: VolumeSource) -> crate::volume::model::Volume {
    let new = NewVolume {
        size_gb: Some(1),
        source,
        ..NewVolume::default()
    };
    let id = volume::volume_create(&lab.cx, new).await.unwrap().id;
    lab.quiet().await;
    volume::volume_show(&lab.cx, id).await.unwrap()
}

#[tokio::test]
async fn an_image_whose_file_is_gone_or_damaged_is_named_and_nothing_is_made_of_it() {
    let lab = Lab::new().await;
    for damage in [None, Some(noise(4096))] {
        let id = lab.upload("lost").await;
        let file = lab.dir.path().join("images").join(id.to_string());
        match &damage {
            None => std::fs::remove_file(&file).unwrap(),
            Some(bytes) => std::fs::write(&file, bytes).unwrap(),
        }
        let failed = volume_made(&lab, VolumeSource::Image(id)).await;
        let reason = failed.error.unwrap_or_default();
        assert_eq!(failed.status, VolumeStatus::Error);
        assert!(reason.contains(&id.to_string()), "{reason}");
    }
    let files = std::fs::read_dir(lab.dir.path().join("node/volumes"));
    assert_eq!(files.unwrap().count(), 0);
}

#[tokio::test]
async fn a_guest_that_dies_at_once_leaves_the_server_what_it_was_and_says_so() {
    let lab = Lab::new().await;
    for kind in ["server_start", "server_reboot_hard", "server_rebuild"] {
        let subject = prepare(&lab, kind).await;
        let before = lab.server(subject.server).await.vm_state;
        lab.sim.faults().next_starts_die(1);
        let id = begin(&lab, kind, &subject).await;
        let end = lab.ended(id).await;
        assert_eq!(end.status, Status::Undone, "{kind}");
        let failure = end.error.unwrap();
        assert!(
            failure.message.contains("crashed as soon as"),
            "{kind}: {failure}"
        );
        assert!(failure.hint.unwrap().contains("console log"), "{kind}");
        // It was off, or is now found to be off; a rebuild has no old disk to go back to.
        lab.until("the server is shown as it is", async || {
            let now = lab.server(subject.server).await;
            let shown = match (kind, before) {
                ("server_rebuild", _) => VmState::Error,
                _ => VmState::Stopped,
            };
            (now.vm_state == shown && now.task_state.is_none()).then_some(())
        })
        .await;
        // It can be tried again.
        if kind == "server_start" {
            let again = compute::server_start(&lab.cx, subject.server)
                .await
                .unwrap();
            assert_eq!(lab.ended(again).await.status, Status::Done);
        }
        lab.delete_all().await;
    }
}

#[tokio::test]
async fn a_database_that_another_process_holds_delays_everything_and_loses_nothing() {
    let lab = Lab::new().await;
    let subject = prepare(&lab, "server_stop").await;
    testing::impatient(&lab.cloud.db).await;
    // The guest is stopped while nothing can be recorded.
    lab.sim.faults().ignore_shutdown(true);
    let id = begin(&lab, "server_stop", &subject).await;
    lab.until("the guest is asked to stop", async || {
        (lab.count("operation", "step = 1 AND finished_at IS NULL")
            .await
            == 1)
            .then_some(())
    })
    .await;
    let holder = testing::hold(lab.dir.path()).await;
    let refused = compute::server_lock(&lab.cx, subject.server, None)
        .await
        .unwrap_err();
    assert!(matches!(refused, Error::Unavailable(_)), "{refused}");
    assert_eq!(lab.server(subject.server).await.vm_state, VmState::Active);
    lab.sim.crash(subject.server).unwrap();
    // The engine can not record the step's end either, and lets go.
    lab.until("nobody works on it", async || {
        lab.cloud.sagas.running().is_empty().then_some(())
    })
    .await;
    drop(holder);
    let end = lab.ended(id).await;
    assert_eq!(end.status, Status::Done, "{:?}", end.error);
    let server = lab.server(subject.server).await;
    assert_eq!(
        (server.vm_state, server.task_state),
        (VmState::Stopped, None)
    );
}

#[tokio::test]
async fn a_clock_that_is_set_back_or_forward_stops_no_operation_and_no_report() {
    let lab = Lab::new().await;
    let subject = prepare(&lab, "server_pause").await;
    for hours in [5_i64, -5] {
        let shift = hours * 3_600_000_000;
        // What was written by a clock that was ahead, or behind.
        lab.agent_stop();
        let kind = if hours > 0 {
            "server_pause"
        } else {
            "server_unpause"
        };
        let id = begin(&lab, kind, &subject).await;
        lab.until("the operation waits for the agent", async || {
            (lab.count("operation", "attempt > 0 AND lease_until = 0")
                .await
                == 1)
                .then_some(())
        })
        .await;
        let mut tx = lab.cloud.db.begin().await.unwrap();
        for statement in [
            "UPDATE operation SET wake_at = wake_at + $1, lease_until = wake_at + $1 WHERE finished_at IS NULL",
            "UPDATE server SET updated_at = updated_at + $1",
            "UPDATE host SET reported_at = reported_at + $1",
            "UPDATE volume_host SET reported_at = reported_at + $1",
        ] {
            sql(statement).bind(shift).execute(&mut tx).await.unwrap();
        }
        tx.commit().await.unwrap();
        lab.agent_start();
        assert_eq!(lab.ended(id).await.status, Status::Done, "{hours} h");
    }
    // What happens by itself is seen although the server's row is dated later.
    let mut tx = lab.cloud.db.begin().await.unwrap();
    sql("UPDATE server SET updated_at = $1")
        .bind(Time::now().plus_seconds(5 * 3600))
        .execute(&mut tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    lab.sim.crash(subject.server).unwrap();
    lab.until("the crash is seen", async || {
        let server = lab.server(subject.server).await;
        (server.vm_state == VmState::Stopped && server.power_state == PowerState::Crashed)
            .then_some(())
    })
    .await;
}
