//! A row for each kind of saga: what must be there before, how it is begun, and what it may leave when it is undone.

use crate::compute::model::{MovesGoal, VmState};
use crate::compute::ops as compute;
use crate::compute::ops::{
    AttachWish, DiskRequest, DiskSource, HostDecision, LiveMigrationWish, NetworkChoice,
    NicRequest, RebuildWish,
};
use crate::context::Context;
use crate::ids::{ImageId, OperationId, PortId, ServerId, VolumeId, VolumeSnapshotId};
use crate::image::model::ImageStatus;
use crate::image::ops as image;
use crate::image::ops::{Announced, ImportMethod, Purpose};
use crate::network::model::NewPort;
use crate::network::ops as network;
use crate::saga::{OperationQuery, operation_list};
use crate::volume::model::VolumeStatus;
use crate::volume::ops as volume;
use crate::volume::ops::{NewSnapshot, NewVolume, VolumeDeletion};

use super::lab::{HOST, LARGE, Lab, bytes, empty_image};

/// A cloud in which an operation of this kind can succeed.
pub async fn lab_for(kind: &str) -> Lab {
    match kind {
        "live_migration" | "server_evacuate" | "server_moves" | "server_resize" | "host_fence" => {
            Lab::with_second().await
        }
        _ => Lab::new().await,
    }
}

/// What an operation is begun on; what a kind does not need is nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Subject {
    pub server: ServerId,
    pub volume: VolumeId,
    pub snapshot: VolumeSnapshotId,
    pub image: ImageId,
    pub port: PortId,
}

/// Makes what an operation of this kind needs.
pub async fn prepare(lab: &Lab, kind: &str) -> Subject {
    let cx = &lab.cx;
    let mut subject = Subject::default();
    let of_server = kind.starts_with("server_") && kind != "server_launch";
    if of_server || ["live_migration", "host_fence"].contains(&kind) {
        // For a run of moves it is the one that moves.
        subject.server = lab.active("web").await.id;
    }
    let id = subject.server;
    match kind {
        "server_launch" => {
            subject.port = port(lab).await;
            subject.volume = lab.volume().await;
        }
        "server_delete" => {
            subject.volume = lab.volume().await;
            attach(lab, &subject).await;
            lab.quiet().await;
            subject.port = port(lab).await;
            let nic = NicRequest {
                port: Some(subject.port),
                ..NicRequest::default()
            };
            compute::server_interface_attach(cx, id, nic).await.unwrap();
        }
        "server_start" => drop(compute::server_stop(cx, id).await.unwrap()),
        "server_unpause" => drop(compute::server_pause(cx, id).await.unwrap()),
        "server_resume" => drop(compute::server_suspend(cx, id).await.unwrap()),
        "server_volume_attach" => subject.volume = lab.volume().await,
        "server_volume_detach" => {
            subject.volume = lab.volume().await;
            attach(lab, &subject).await;
        }
        "server_interface_attach" => subject.port = port(lab).await,
        "server_interface_detach" => {
            let ports = network::ports_of_server(cx, id).await.unwrap();
            subject.port = ports[0].id;
        }
        "image_import" => {
            subject.image = empty_image(cx, "staged").await;
            let body = futures::stream::iter([Ok::<_, std::io::Error>(bytes())]);
            let (id, staged) = (subject.image, Announced::default());
            image::image_upload(cx, id, Purpose::Stage, staged, body)
                .await
                .unwrap();
        }
        "volume_create" | "server_stop" | "server_reboot" | "server_reboot_hard"
        | "server_pause" | "server_suspend" | "server_rebuild" | "server_snapshot"
        | "live_migration" | "server_moves" | "host_fence" => {}
        // So it has to go to the other host.
        "server_resize" => enable(lab, false).await,
        "server_evacuate" => fence(lab, true).await,
        "volume_delete" | "volume_extend" | "volume_snapshot_create" => {
            subject.volume = lab.volume().await;
        }
        "volume_snapshot_delete" => {
            subject.volume = lab.volume().await;
            let made = volume::snapshot_create(cx, subject.volume, NewSnapshot::default());
            subject.snapshot = made.await.unwrap().id;
        }
        other => panic!("{other} is a new kind of saga: give it its rows in this file"),
    }
    lab.quiet().await;
    subject
}

/// Begins it.
pub async fn begin(lab: &Lab, kind: &str, subject: &Subject) -> OperationId {
    let (cx, id) = (&lab.cx, subject.server);
    match kind {
        "server_launch" => launch(lab, subject).await,
        "server_delete" => drop(compute::server_delete(cx, id).await.unwrap()),
        "server_start" => drop(compute::server_start(cx, id).await.unwrap()),
        "server_stop" => drop(compute::server_stop(cx, id).await.unwrap()),
        "server_reboot" => drop(compute::server_reboot(cx, id, false).await.unwrap()),
        "server_reboot_hard" => drop(compute::server_reboot(cx, id, true).await.unwrap()),
        "server_pause" => drop(compute::server_pause(cx, id).await.unwrap()),
        "server_unpause" => drop(compute::server_unpause(cx, id).await.unwrap()),
        "server_suspend" => drop(compute::server_suspend(cx, id).await.unwrap()),
        "server_resume" => drop(compute::server_resume(cx, id).await.unwrap()),
        "server_rebuild" => {
            let wish = RebuildWish {
                image: lab.image,
                name: Some("anew".into()),
                ..RebuildWish::default()
            };
            compute::server_rebuild(cx, id, wish).await.unwrap();
        }
        "server_resize" => drop(compute::server_resize(cx, id, LARGE).await.unwrap()),
        "live_migration" => {
            let wish = LiveMigrationWish::default();
            compute::server_migrate_live(cx, id, wish).await.unwrap();
        }
        "server_moves" => {
            let drain = compute::moves_run(cx, MovesGoal::Drain, Some(HOST), 2);
            drain.await.unwrap();
        }
        "host_fence" => drop(compute::host_fence(cx, HOST).await.unwrap()),
        "server_evacuate" => {
            compute::server_evacuate(cx, id, None).await.unwrap();
        }
        "server_snapshot" => {
            let made = compute::server_create_image(cx, id, "copy", [].into());
            made.await.unwrap();
        }
        "server_volume_attach" => attach(lab, subject).await,
        "server_volume_detach" => {
            let begun = compute::server_volume_detach(cx, id, subject.volume);
            begun.await.unwrap();
        }
        "server_interface_attach" => {
            let nic = NicRequest {
                port: Some(subject.port),
                ..NicRequest::default()
            };
            compute::server_interface_attach(cx, id, nic).await.unwrap();
        }
        "server_interface_detach" => {
            let begun = compute::server_interface_detach(cx, id, subject.port);
            begun.await.unwrap();
        }
        "image_import" => {
            let begun = image::image_import(cx, subject.image, ImportMethod::Staged);
            begun.await.unwrap();
        }
        "volume_create" => {
            let new = NewVolume {
                size_gb: Some(1),
                ..NewVolume::default()
            };
            volume::volume_create(cx, new).await.unwrap();
        }
        "volume_delete" => {
            let begun = volume::volume_delete(cx, subject.volume, VolumeDeletion::default());
            begun.await.unwrap();
        }
        "volume_extend" => drop(volume::volume_extend(cx, subject.volume, 2).await.unwrap()),
        "volume_snapshot_create" => {
            let made = volume::snapshot_create(cx, subject.volume, NewSnapshot::default());
            made.await.unwrap();
        }
        "volume_snapshot_delete" => {
            let begun = volume::snapshot_delete(cx, subject.snapshot);
            begun.await.unwrap();
        }
        other => panic!("{other} is a new kind of saga: give it its rows in this file"),
    }
    newest(lab, kind).await
}

/// Puts right what `prepare` did to the cloud itself, and deletes all that the project has.
pub async fn clear(lab: &Lab, kind: &str) {
    match kind {
        "server_evacuate" | "host_fence" => fence(lab, false).await,
        "server_moves" | "server_resize" => enable(lab, true).await,
        _ => {}
    }
    lab.delete_all().await;
}

/// What differs from before when it was undone from this step, by the first word of a world's line.
pub fn leaves(kind: &str, step: &str) -> &'static [&'static str] {
    match (kind, step) {
        // The record of why.
        ("server_launch", _) => &["server"],
        ("volume_create" | "volume_extend", _) => &["volume"],
        ("volume_snapshot_create", _) => &["volume_snapshot"],
        ("image_import", _) => &["image", "image_property", "image_upload", "file"],
        // The old disk is gone: the server is in error, to be rebuilt again.
        ("server_rebuild", "replace" | "root_disk" | "start_guest") => &["server", "guest"],
        _ => &[],
    }
}

/// What the record says.
pub async fn assert_undone(lab: &Lab, kind: &str, subject: &Subject) {
    let cx = &lab.cx;
    match kind {
        "server_launch" => {
            assert_eq!(
                lab.count("server", "deleted_at IS NULL AND (vm_state <> 'error' OR task_state IS NOT NULL OR host IS NOT NULL OR fault IS NULL)").await,
                0
            );
        }
        "server_rebuild" => {
            let server = lab.server(subject.server).await;
            assert!(matches!(server.vm_state, VmState::Error | VmState::Active));
            assert_eq!(server.task_state, None);
        }
        "volume_create" => {
            let left =
                "status <> 'deleted' AND (status <> 'error' OR error IS NULL OR host IS NOT NULL)";
            assert_eq!(lab.count("volume", left).await, 0);
        }
        "volume_extend" => {
            let left = volume::volume_show(cx, subject.volume).await.unwrap();
            assert_eq!((left.status, left.size_gb), (VolumeStatus::Available, 1));
            assert!(left.error.is_some());
        }
        "volume_snapshot_create" => {
            let left = "status <> 'error' OR error IS NULL";
            assert_eq!(lab.count("volume_snapshot", left).await, 0);
        }
        "image_import" => {
            let left = image::image_show(cx, subject.image).await.unwrap();
            assert_eq!((left.status, left.size), (ImageStatus::Queued, None));
        }
        _ => {}
    }
}

/// A launch with all that a launch can have: two interfaces, one of them a port of its owner's, a volume of its owner's and
/// one that is made for it.
async fn launch(lab: &Lab, subject: &Subject) {
    let mut request = lab.request("web");
    let port = NicRequest {
        port: Some(subject.port),
        ..NicRequest::default()
    };
    if let NetworkChoice::These(nics) = &mut request.networks {
        nics.push(port);
    }
    let disk = |source, is_volume, boot| DiskRequest {
        source,
        is_volume,
        size_gb: None,
        boot,
        delete_on_termination: false,
        tag: None,
    };
    request.disks = vec![
        disk(DiskSource::Image(lab.image), false, true),
        disk(DiskSource::Volume(subject.volume), true, false),
        DiskRequest {
            size_gb: Some(1),
            delete_on_termination: true,
            ..disk(DiskSource::Blank, true, false)
        },
    ];
    compute::server_create(&lab.cx, request).await.unwrap();
}

/// Says that the first node is dead, or that it is not.
async fn fence(lab: &Lab, dead: bool) {
    let decision = HostDecision {
        forced_down: Some(dead),
        ..HostDecision::default()
    };
    compute::host_update(&lab.cx, HOST, &decision)
        .await
        .unwrap();
}

/// Says whether the first node takes servers.
async fn enable(lab: &Lab, enabled: bool) {
    let decision = HostDecision {
        enabled: Some(enabled),
        ..HostDecision::default()
    };
    compute::host_update(&lab.cx, HOST, &decision)
        .await
        .unwrap();
}

async fn attach(lab: &Lab, subject: &Subject) {
    let wish = AttachWish::default();
    compute::server_volume_attach(&lab.cx, subject.server, subject.volume, wish)
        .await
        .unwrap();
}

async fn port(lab: &Lab) -> PortId {
    let project = lab.cx.project().unwrap().id;
    let new = NewPort {
        name: "own".into(),
        ..NewPort::new(PortId::new(), lab.network, project)
    };
    network::port_create(&lab.cx, &new).await.unwrap().id
}

async fn newest(lab: &Lab, kind: &str) -> OperationId {
    let query = OperationQuery {
        kind: Some(kind.to_owned()),
        limit: 1,
        ..OperationQuery::default()
    };
    let system = Context::system(lab.cloud.clone());
    operation_list(&system, query).await.unwrap()[0].id
}
