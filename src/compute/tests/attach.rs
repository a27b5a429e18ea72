//! Volumes and interfaces, attached and detached, and servers that boot from volumes.

use super::lab::Lab;
use crate::bus::Rpc;
use crate::compute::model::VmState;
use crate::compute::ops::{self, AttachWish, DiskRequest, DiskSource, NewServer, NicRequest};
use crate::compute::rpc::{VolumeAttach, VolumeDetach};
use crate::context::Context;
use crate::hypervisor::Hypervisor;
use crate::ids::VolumeId;
use crate::saga::Status;
use crate::volume::model::VolumeStatus;
use crate::volume::ops::{NewVolume, volume_create, volume_host_report, volume_show};
use crate::volume::rpc::{Capacity, VolumeReport};

async fn volume(lab: &Lab) -> VolumeId {
    let system = Context::system(lab.cloud.clone());
    let report = VolumeReport {
        host: "n1".into(),
        capacity: Capacity {
            total_gb: 1000,
            free_gb: 1000,
        },
        files: None,
        is_shared: false,
    };
    volume_host_report(&system, &report).await.unwrap();
    let new = NewVolume {
        size_gb: Some(1),
        ..NewVolume::default()
    };
    let id = volume_create(&lab.cx, new).await.unwrap().id;
    in_status(lab, id, VolumeStatus::Available).await;
    id
}

async fn in_status(lab: &Lab, id: VolumeId, status: VolumeStatus) {
    lab.until(async || {
        let now = volume_show(&lab.cx, id).await.unwrap().status;
        (now == status).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_volume_is_attached_while_running_and_detached_again() {
    let lab = Lab::new(None).await;
    let server = lab.active("web").await;
    let volume = volume(&lab).await;
    let ((row, _), operation) =
        ops::server_volume_attach(&lab.cx, server.id, volume, AttachWish::default())
            .await
            .unwrap();
    assert_eq!(row.device.as_deref(), Some("/dev/vdb"));
    assert_eq!(lab.ended(operation).await.status, Status::Done);
    assert_eq!(
        volume_show(&lab.cx, volume).await.unwrap().status,
        VolumeStatus::InUse
    );
    let view = ops::server_show(&lab.cx, server.id).await.unwrap();
    assert_eq!(view.volumes[0].volume, volume);
    let twice = ops::server_volume_attach(&lab.cx, server.id, volume, AttachWish::default()).await;
    assert!(twice.is_err());
    let operation = ops::server_volume_detach(&lab.cx, server.id, volume)
        .await
        .unwrap();
    assert_eq!(lab.ended(operation).await.status, Status::Done);
    assert_eq!(
        volume_show(&lab.cx, volume).await.unwrap().status,
        VolumeStatus::Available
    );
    // Still attached when the server goes: it is free afterwards.
    let (_, operation) =
        ops::server_volume_attach(&lab.cx, server.id, volume, AttachWish::default())
            .await
            .unwrap();
    lab.ended(operation).await;
    lab.delete(server.id).await;
    lab.assert_clean().await;
    in_status(&lab, volume, VolumeStatus::Available).await;
}

#[tokio::test]
async fn what_a_guest_refuses_is_taken_back() {
    let lab = Lab::new(None).await;
    let server = lab.active("web").await;
    let volume = volume(&lab).await;
    lab.node().facts().refused.insert(VolumeAttach::METHOD);
    let (_, operation) =
        ops::server_volume_attach(&lab.cx, server.id, volume, AttachWish::default())
            .await
            .unwrap();
    assert_eq!(lab.ended(operation).await.status, Status::Undone);
    in_status(&lab, volume, VolumeStatus::Available).await;
    assert_eq!(lab.count("server_volume", "1 = 1").await, 0);
    lab.node().facts().refused.clear();
    let (_, operation) =
        ops::server_volume_attach(&lab.cx, server.id, volume, AttachWish::default())
            .await
            .unwrap();
    lab.ended(operation).await;
    lab.node().facts().refused.insert(VolumeDetach::METHOD);
    let operation = ops::server_volume_detach(&lab.cx, server.id, volume)
        .await
        .unwrap();
    assert_eq!(lab.ended(operation).await.status, Status::Undone);
    in_status(&lab, volume, VolumeStatus::InUse).await;
    assert_eq!(lab.count("server_volume", "1 = 1").await, 1);
}

#[tokio::test]
async fn a_server_boots_from_a_volume_that_is_made_for_it_and_goes_with_it() {
    let lab = Lab::new(None).await;
    let other = volume(&lab).await;
    let disk = |source, boot, delete_on_termination| DiskRequest {
        source,
        is_volume: true,
        size_gb: Some(2),
        boot,
        delete_on_termination,
        tag: None,
    };
    let request = NewServer {
        image: None,
        disks: vec![
            disk(DiskSource::Volume(other), false, false),
            disk(DiskSource::Image(lab.image), true, true),
        ],
        ..lab.request("bfv")
    };
    let server = lab.launch(request).await;
    assert_eq!(server.vm_state, VmState::Active, "{:?}", server.fault);
    assert_eq!(server.image, None);
    let view = ops::server_show(&lab.cx, server.id).await.unwrap();
    assert_eq!(view.volumes.len(), 2);
    assert!(view.volumes[0].boot);
    let boot = view.volumes[0].volume;
    assert_eq!(
        volume_show(&lab.cx, boot).await.unwrap().status,
        VolumeStatus::InUse
    );
    assert!(lab.node().facts().disks.is_empty());
    let detach = ops::server_volume_detach(&lab.cx, server.id, boot).await;
    assert!(detach.is_err());
    lab.delete(server.id).await;
    lab.until(async || volume_show(&lab.cx, boot).await.is_err().then_some(()))
        .await;
    in_status(&lab, other, VolumeStatus::Available).await;
    lab.assert_clean().await;
}

#[tokio::test]
async fn an_interface_is_attached_while_running_and_detached_again() {
    let lab = Lab::new(None).await;
    let server = lab.active("web").await;
    let nic = NicRequest {
        network: Some(lab.network),
        ..NicRequest::default()
    };
    let (port, operation) = ops::server_interface_attach(&lab.cx, server.id, nic)
        .await
        .unwrap();
    let made = ops::server_interface_wait(&lab.cx, port, operation)
        .await
        .unwrap();
    assert_eq!(made.server(), Some(server.id));
    assert_eq!(lab.ended(operation).await.status, Status::Done);
    let ports = ops::server_interface_list(&lab.cx, server.id)
        .await
        .unwrap();
    assert_eq!(ports.len(), 2);
    assert_eq!(ports[1].id, port);
    let operation = ops::server_interface_detach(&lab.cx, server.id, port)
        .await
        .unwrap();
    assert_eq!(lab.ended(operation).await.status, Status::Done);
    assert_eq!(
        ops::server_interface_list(&lab.cx, server.id)
            .await
            .unwrap()
            .len(),
        1
    );
    assert_eq!(lab.count("port", "1 = 1").await, 1);
    assert!(lab.node().hypervisor.guests().await.is_ok());
    lab.delete(server.id).await;
    lab.assert_clean().await;
}
