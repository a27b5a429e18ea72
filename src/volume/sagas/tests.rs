//! Volumes from asking to file and back, with a real node, in every way their operations can go.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use crate::agent::{Agent, Node, Pace, Places};
use crate::context::{Actor, Cloud, Context, Scope};
use crate::hypervisor::{OpenOptions, open};
use crate::ids::{DomainId, ProjectId, ServerId, VolumeId};
use crate::saga::{
    Chaos, Engine, OperationQuery, Phase, Registry, Status, Verdict, operation_list,
};
use crate::volume::model::{SnapshotStatus, Volume, VolumeStatus};
use crate::volume::ops::*;
use crate::volume::rpc::{Capacity, VolumeReport};

pub(in crate::volume) struct Lab {
    _dir: tempfile::TempDir,
    pub cx: Context,
    pub volumes: PathBuf,
    _engine: Engine,
    agent: Option<Agent>,
}

/// A member of a project.
pub(in crate::volume) fn actor() -> Actor {
    Actor {
        project: Some(Scope {
            id: ProjectId::from_uuid(Uuid::from_u128(1)),
            name: "one".into(),
            domain_id: DomainId::DEFAULT,
        }),
        ..Actor::system()
    }
}

pub(in crate::volume) async fn lab(chaos: Option<Chaos>) -> Lab {
    let (dir, cloud, kicks) = crate::context::testing::cloud().await;
    let hypervisor = open("sim:", OpenOptions::default()).await.unwrap();
    let places = Places::prepare(&dir.path().join("node")).unwrap();
    let volumes = places.volumes.clone();
    let node = Arc::new(Node::new("n1", hypervisor, places, cloud.bus.clone()));
    let agent = Agent::start(
        &cloud.bus,
        &node,
        Pace {
            report: Duration::from_secs(3600),
            sample: Duration::from_secs(3600),
        },
    );
    let mut registry = Registry::default();
    super::register(&mut registry);
    let engine = Engine::start(cloud.clone(), registry, kicks, chaos)
        .await
        .unwrap();
    let cx = Context::new(cloud, actor(), "req-1");
    report(&cx, 100, None).await;
    Lab {
        _dir: dir,
        cx,
        volumes,
        _engine: engine,
        agent: Some(agent),
    }
}

async fn report(cx: &Context, total_gb: u64, files: Option<Vec<VolumeId>>) {
    let capacity = Capacity {
        total_gb,
        free_gb: total_gb,
    };
    let report = VolumeReport {
        host: "n1".into(),
        capacity,
        files,
        is_shared: false,
    };
    volume_host_report(cx, &report).await.unwrap();
}

/// Waits until no operation on the resource is open; gives the status of the newest.
pub(in crate::volume) async fn settled(cx: &Context, id: impl ToString) -> Status {
    let cloud: &Arc<Cloud> = cx.cloud();
    let mut events = cloud.events.watch();
    let query = OperationQuery {
        resource: Some(id.to_string()),
        limit: 10,
        ..OperationQuery::default()
    };
    let wait = async {
        loop {
            let found = operation_list(cx, query.clone()).await.unwrap();
            if found
                .iter()
                .all(|one| one.status.is_finished() || one.status == Status::Stuck)
            {
                return found.first().unwrap().status;
            }
            let _ = events.recv().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), wait)
        .await
        .expect("the operation ends")
}

impl Lab {
    async fn make(&self, size_gb: u64, source: VolumeSource) -> (Volume, Status) {
        let new = NewVolume {
            size_gb: Some(size_gb),
            source,
            ..NewVolume::default()
        };
        let volume = volume_create(&self.cx, new).await.unwrap();
        let status = settled(&self.cx, volume.id).await;
        (volume_show(&self.cx, volume.id).await.unwrap(), status)
    }

    fn files(&self) -> usize {
        std::fs::read_dir(&self.volumes).unwrap().count()
    }

    async fn status(&self, id: VolumeId) -> VolumeStatus {
        volume_show(&self.cx, id).await.unwrap().status
    }
}

#[tokio::test]
async fn a_volume_is_made_copied_grown_snapshotted_and_deleted() {
    let lab = lab(None).await;
    let cx = &lab.cx;
    let (volume, status) = lab.make(1, VolumeSource::Empty).await;
    assert_eq!(
        (status, volume.status),
        (Status::Done, VolumeStatus::Available)
    );
    let connection = volume_connection(cx, volume.id).await.unwrap();
    assert_eq!(
        connection.path,
        lab.volumes.join(format!("{}.qcow2", volume.id))
    );
    let (copy, _) = lab.make(2, VolumeSource::Volume(volume.id)).await;
    assert_eq!((copy.size_gb, copy.host.as_deref()), (2, Some("n1")));
    assert_eq!(lab.status(volume.id).await, VolumeStatus::Available);
    let small = NewVolume {
        size_gb: Some(1),
        source: VolumeSource::Volume(copy.id),
        ..NewVolume::default()
    };
    assert!(
        volume_create(cx, small)
            .await
            .unwrap_err()
            .to_string()
            .contains("at least 2")
    );
    volume_extend(cx, volume.id, 3).await.unwrap();
    assert_eq!(settled(cx, volume.id).await, Status::Done);
    assert_eq!(volume_show(cx, volume.id).await.unwrap().size_gb, 3);
    assert!(volume_extend(cx, volume.id, 3).await.is_err());
    let snapshot = snapshot_create(cx, volume.id, NewSnapshot::default())
        .await
        .unwrap();
    assert_eq!(settled(cx, volume.id).await, Status::Done);
    assert_eq!(
        snapshot_show(cx, snapshot.id).await.unwrap().status,
        SnapshotStatus::Available
    );
    let (restored, _) = lab.make(3, VolumeSource::Snapshot(snapshot.id)).await;
    assert_eq!(
        (restored.status, restored.source_snapshot),
        (VolumeStatus::Available, Some(snapshot.id))
    );
    let refused = volume_delete(cx, volume.id, VolumeDeletion::default())
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("snapshots"), "{refused}");
    let usage = quota_usage(cx, volume.project).await.unwrap();
    assert_eq!(
        (usage.volumes, usage.snapshots, usage.gigabytes),
        (3, 1, 3 + 2 + 3 + 3)
    );
    snapshot_delete(cx, snapshot.id).await.unwrap();
    assert_eq!(settled(cx, volume.id).await, Status::Done);
    assert!(snapshot_show(cx, snapshot.id).await.is_err());
    for id in [volume.id, copy.id, restored.id] {
        volume_delete(cx, id, VolumeDeletion::default())
            .await
            .unwrap();
        assert_eq!(settled(cx, id).await, Status::Done);
        assert!(volume_show(cx, id).await.is_err());
    }
    assert_eq!(lab.files(), 0);
    assert_eq!(quota_usage(cx, volume.project).await.unwrap().gigabytes, 0);
}

#[tokio::test]
async fn what_is_asked_as_soon_as_a_volume_is_available_waits_for_the_operation_that_made_it() {
    // The last step has made the volume available, but its answer is lost: the operation goes on for a while.
    let lose = |kind: &str, step: &str, _: Phase| {
        static LOST: std::sync::Once = std::sync::Once::new();
        let mut verdict = Verdict::Normal;
        if (kind, step) == ("volume_create", "publish") {
            LOST.call_once(|| verdict = Verdict::Lose);
        }
        verdict
    };
    let lab = lab(Some(Arc::new(lose))).await;
    let cx = &lab.cx;
    let mut events = cx.events.watch();
    let new = NewVolume {
        size_gb: Some(1),
        ..NewVolume::default()
    };
    let volume = volume_create(cx, new).await.unwrap();
    let available = async {
        while lab.status(volume.id).await != VolumeStatus::Available {
            let _ = events.recv().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), available)
        .await
        .expect("the volume becomes available");
    let snapshot = snapshot_create(cx, volume.id, NewSnapshot::default())
        .await
        .unwrap();
    assert_eq!(settled(cx, volume.id).await, Status::Done);
    let snapshot = snapshot_show(cx, snapshot.id).await.unwrap();
    assert_eq!(snapshot.status, SnapshotStatus::Available);
}

#[tokio::test]
async fn an_operation_that_runs_each_step_twice_ends_the_same() {
    let twice: Chaos = Arc::new(|_, _, _| Verdict::Twice);
    let lab = lab(Some(twice)).await;
    let cx = &lab.cx;
    let (volume, status) = lab.make(1, VolumeSource::Empty).await;
    assert_eq!(
        (status, volume.status),
        (Status::Done, VolumeStatus::Available)
    );
    let (copy, status) = lab.make(1, VolumeSource::Volume(volume.id)).await;
    assert_eq!(
        (status, copy.status),
        (Status::Done, VolumeStatus::Available)
    );
    volume_extend(cx, volume.id, 2).await.unwrap();
    assert_eq!(settled(cx, volume.id).await, Status::Done);
    let snapshot = snapshot_create(cx, volume.id, NewSnapshot::default())
        .await
        .unwrap();
    assert_eq!(settled(cx, volume.id).await, Status::Done);
    snapshot_delete(cx, snapshot.id).await.unwrap();
    assert_eq!(settled(cx, volume.id).await, Status::Done);
    assert_eq!(
        (lab.status(volume.id).await, lab.files()),
        (VolumeStatus::Available, 2)
    );
    volume_delete(cx, volume.id, VolumeDeletion::default())
        .await
        .unwrap();
    assert_eq!(settled(cx, volume.id).await, Status::Done);
    assert_eq!(lab.files(), 1);
}

#[tokio::test]
async fn an_operation_that_fails_at_any_step_leaves_nothing_half_made() {
    let mut registry = Registry::default();
    super::register(&mut registry);
    for (kind, steps) in registry.steps() {
        // A deletion does not turn back.
        if kind.ends_with("delete") {
            continue;
        }
        for fails in steps {
            let chaos: Chaos = Arc::new(move |this, step, phase| match phase {
                Phase::Run if this == kind && step == fails => Verdict::Abort,
                Phase::Undo => Verdict::Twice,
                Phase::Run => Verdict::Normal,
            });
            let lab = lab(Some(chaos)).await;
            let cx = &lab.cx;
            let (volume, status) = lab.make(1, VolumeSource::Empty).await;
            if kind == "volume_create" {
                // What is published stays.
                let last = fails == "publish";
                assert_eq!(status, Status::Undone, "{fails}");
                let wanted = if last {
                    VolumeStatus::Available
                } else {
                    VolumeStatus::Error
                };
                assert_eq!(volume.status, wanted, "{fails}");
                assert_eq!(lab.files(), usize::from(last), "{fails}");
                continue;
            }
            assert_eq!(status, Status::Done);
            if kind == "volume_extend" {
                volume_extend(cx, volume.id, 2).await.unwrap();
            } else {
                snapshot_create(cx, volume.id, NewSnapshot::default())
                    .await
                    .unwrap();
            }
            assert_eq!(
                settled(cx, volume.id).await,
                Status::Undone,
                "{kind} {fails}"
            );
            assert_eq!(
                lab.status(volume.id).await,
                VolumeStatus::Available,
                "{kind} {fails}"
            );
            volume_delete(
                cx,
                volume.id,
                VolumeDeletion {
                    cascade: true,
                    force: false,
                },
            )
            .await
            .unwrap();
            assert_eq!(settled(cx, volume.id).await, Status::Done);
            assert_eq!(lab.files(), 0);
        }
    }
}

#[tokio::test]
async fn what_does_not_fit_says_so_and_a_node_that_is_away_is_waited_for() {
    let mut lab = lab(None).await;
    report(&lab.cx, 1, None).await;
    let (volume, status) = lab.make(100, VolumeSource::Empty).await;
    assert_eq!(
        (status, volume.status),
        (Status::Undone, VolumeStatus::Error)
    );
    assert!(volume.error.unwrap().contains("100 GiB"));
    report(&lab.cx, 100, None).await;
    let (volume, _) = lab.make(1, VolumeSource::Empty).await;
    let cx = lab.cx.clone();
    drop(lab.agent.take());
    let operation = volume_delete(&cx, volume.id, VolumeDeletion::default())
        .await
        .unwrap()
        .unwrap();
    let mut events = cx.events.watch();
    let retried = async {
        loop {
            let shown = crate::saga::operation_show(&cx, operation).await.unwrap();
            if let Some(error) = shown.error {
                return error.message;
            }
            let _ = events.recv().await;
        }
    };
    let reason = tokio::time::timeout(Duration::from_secs(60), retried)
        .await
        .unwrap();
    assert!(reason.contains("nobody serves volume.n1"), "{reason}");
    assert_eq!(
        volume_show(&cx, volume.id).await.unwrap().status,
        VolumeStatus::Deleting
    );
}

#[tokio::test]
async fn a_server_takes_a_volume_and_gives_it_back_however_often_it_says_so() {
    let lab = lab(None).await;
    let cx = &lab.cx;
    let (volume, _) = lab.make(1, VolumeSource::Empty).await;
    let (server, other) = (ServerId::new(), ServerId::new());
    let mut tx = cx.db.begin().await.unwrap();
    let mut first = None;
    for _ in 0..2 {
        let (_, attachment) = volume_reserve_on_conn(&mut tx, cx, volume.id, server)
            .await
            .unwrap();
        assert_eq!(*first.get_or_insert(attachment.id), attachment.id);
    }
    assert!(
        volume_reserve_on_conn(&mut tx, cx, volume.id, other)
            .await
            .is_err()
    );
    assert!(
        volume_attached_on_conn(&mut tx, cx, volume.id, other, "n1", None)
            .await
            .is_err()
    );
    for _ in 0..2 {
        volume_attaching_on_conn(&mut tx, cx, volume.id, server)
            .await
            .unwrap();
    }
    for _ in 0..2 {
        let (volume, attachment) =
            volume_attached_on_conn(&mut tx, cx, volume.id, server, "n1", Some("/dev/vdb"))
                .await
                .unwrap();
        assert_eq!(
            (volume.status, attachment.device.as_deref()),
            (VolumeStatus::InUse, Some("/dev/vdb"))
        );
    }
    for _ in 0..2 {
        let (volume, _) = volume_detaching_on_conn(&mut tx, cx, volume.id, server)
            .await
            .unwrap();
        assert_eq!(volume.status, VolumeStatus::Detaching);
    }
    for _ in 0..2 {
        volume_detach_failed_on_conn(&mut tx, cx, volume.id, server)
            .await
            .unwrap();
    }
    tx.commit().await.unwrap();
    assert_eq!(lab.status(volume.id).await, VolumeStatus::InUse);
    let refused = volume_delete(
        cx,
        volume.id,
        VolumeDeletion {
            cascade: true,
            force: true,
        },
    )
    .await
    .unwrap_err();
    assert!(refused.to_string().contains("a server has it"), "{refused}");
    assert!(
        volume_reset_status(cx, volume.id, VolumeStatus::Available)
            .await
            .is_err()
    );
    // The server's guest does not run, so its file is grown.
    volume_extend(cx, volume.id, 2).await.unwrap();
    assert_eq!(settled(cx, volume.id).await, Status::Done);
    assert_eq!(lab.status(volume.id).await, VolumeStatus::InUse);
    let mut tx = cx.db.begin().await.unwrap();
    assert_eq!(
        attachments_of_server_on_conn(&mut tx, server)
            .await
            .unwrap()
            .len(),
        1
    );
    volume_detaching_on_conn(&mut tx, cx, volume.id, server)
        .await
        .unwrap();
    assert!(
        volume_detached_on_conn(&mut tx, volume.id, server)
            .await
            .unwrap()
            .is_some()
    );
    assert!(
        volume_detached_on_conn(&mut tx, volume.id, server)
            .await
            .unwrap()
            .is_none()
    );
    tx.commit().await.unwrap();
    assert_eq!(lab.status(volume.id).await, VolumeStatus::Available);
}

#[tokio::test]
async fn files_of_deleted_volumes_go_and_unknown_ones_are_told_and_stay() {
    let lab = lab(None).await;
    let cx = &lab.cx;
    let (volume, _) = lab.make(1, VolumeSource::Empty).await;
    let path = volume_connection(cx, volume.id).await.unwrap().path;
    let copy = std::fs::read(&path).unwrap();
    volume_delete(cx, volume.id, VolumeDeletion::default())
        .await
        .unwrap();
    settled(cx, volume.id).await;
    let unknown = VolumeId::new();
    let orphan = lab.volumes.join(format!("{unknown}.qcow2"));
    std::fs::write(&path, &copy).unwrap();
    std::fs::write(&orphan, &copy).unwrap();
    let mut events = cx.events.watch();
    report(cx, 100, Some(vec![volume.id, unknown])).await;
    assert!(!path.exists() && orphan.exists());
    let told =
        std::iter::from_fn(|| events.try_recv().ok()).find_map(|(_, event)| event.message.clone());
    assert!(told.unwrap().contains(&unknown.to_string()));
}
