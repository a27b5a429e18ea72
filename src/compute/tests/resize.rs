//! Resizing, with confirm and revert, on the one host there is.

use super::lab::{LARGE, Lab, SMALL};
use super::node::Disk;
use crate::bus::Rpc;
use crate::compute::model::{PowerState, Server, Status as Shown, VmState};
use crate::compute::ops;
use crate::compute::rpc::RootDiskResize;
use crate::ids::ServerId;
use crate::saga::Status;

async fn resized(lab: &Lab, id: ServerId) -> Server {
    ops::server_resize(&lab.cx, id, LARGE).await.unwrap();
    lab.until(async || {
        let server = lab.server(id).await;
        (server.vm_state == VmState::Resized && server.task_state.is_none()).then_some(server)
    })
    .await
}

async fn claimed(lab: &Lab) -> (i64, i64, i64) {
    let mut conn = lab.cloud.db.read().await.unwrap();
    let sum = |column: &str| conn.engine().sum(column);
    let text = format!(
        "SELECT {}, {}, {} FROM claim",
        sum("vcpus"),
        sum("memory_mb"),
        sum("disk_gb")
    );
    crate::db::sql(text)
        .optional(&mut conn, |row| Ok((row.take()?, row.take()?, row.take()?)))
        .await
        .unwrap()
        .unwrap()
}

#[tokio::test]
async fn a_confirmed_resize_keeps_the_new_flavor() {
    let lab = Lab::new(None).await;
    let before = lab.active("web").await;
    let server = resized(&lab, before.id).await;
    assert_eq!(server.status(), Shown::VerifyResize);
    assert_eq!(server.flavor.id, LARGE);
    assert_eq!(server.power_state, PowerState::Running);
    assert_eq!(claimed(&lab).await, (2, 1024, 3));
    let disk = lab.node().facts().disks[&server.id];
    assert_eq!((disk.gb, disk.old), (3, Some(1)));
    let operation = ops::server_resize_confirm(&lab.cx, server.id)
        .await
        .unwrap();
    assert_eq!(lab.ended(operation).await.status, Status::Done);
    let server = lab.settled(server.id).await;
    assert_eq!((server.vm_state, server.resize), (VmState::Active, None));
    assert_eq!(claimed(&lab).await, (2, 1024, 3));
    assert_eq!(lab.count("claim", "1 = 1").await, 1);
    let disk = lab.node().facts().disks[&server.id];
    assert_eq!(
        disk,
        Disk {
            gb: 3,
            old: None,
            made: 1
        }
    );
    let names: Vec<String> = ops::server_action_list(&lab.cx, server.id)
        .await
        .unwrap()
        .into_iter()
        .map(|action| action.name)
        .collect();
    assert_eq!(names, ["confirmResize", "resize", "create"]);
    lab.delete(server.id).await;
    lab.assert_clean().await;
}

#[tokio::test]
async fn a_reverted_resize_is_as_if_it_had_not_been() {
    let lab = Lab::new(None).await;
    let before = lab.active("web").await;
    let id = resized(&lab, before.id).await.id;
    let operation = ops::server_resize_revert(&lab.cx, id).await.unwrap();
    assert_eq!(lab.ended(operation).await.status, Status::Undone);
    let server = lab.settled(id).await;
    assert_eq!((server.vm_state, server.resize), (VmState::Active, None));
    assert_eq!(server.flavor, before.flavor);
    assert!(server.generation > before.generation);
    assert_eq!(claimed(&lab).await, (1, 512, 1));
    assert_eq!(lab.node().facts().disks[&id].gb, 1);
    assert_eq!(lab.node().guests().await.len(), 1);
    let actions = ops::server_action_list(&lab.cx, id).await.unwrap();
    assert_eq!(actions[0].name, "revertResize");
    assert!(!actions[1].failed);
    lab.delete(id).await;
    lab.assert_clean().await;
}

#[tokio::test]
async fn a_stopped_server_stays_off_and_a_failure_takes_everything_back() {
    let lab = Lab::new(None).await;
    let id = lab.active("web").await.id;
    let stop = ops::server_stop(&lab.cx, id).await.unwrap();
    lab.ended(stop).await;
    lab.node().facts().refused.insert(RootDiskResize::METHOD);
    let failed = ops::server_resize(&lab.cx, id, LARGE).await.unwrap();
    assert_eq!(lab.ended(failed).await.status, Status::Undone);
    let server = lab.settled(id).await;
    assert_eq!(server.vm_state, VmState::Stopped);
    assert_eq!(server.flavor.id, SMALL);
    assert_eq!(claimed(&lab).await, (1, 512, 1));
    lab.node().facts().refused.clear();
    let server = resized(&lab, id).await;
    assert_eq!(server.power_state, PowerState::Shutdown);
    let confirm = ops::server_resize_confirm(&lab.cx, id).await.unwrap();
    lab.ended(confirm).await;
    assert_eq!(lab.settled(id).await.vm_state, VmState::Stopped);
}

#[tokio::test]
async fn a_server_that_waits_for_a_decision_can_be_deleted() {
    let lab = Lab::new(None).await;
    let id = lab.active("web").await.id;
    resized(&lab, id).await;
    lab.delete(id).await;
    lab.assert_clean().await;
}

#[tokio::test]
async fn a_flavor_that_is_no_change_or_has_a_smaller_disk_is_refused() {
    let lab = Lab::new(None).await;
    let id = lab.active("web").await.id;
    let same = ops::server_resize(&lab.cx, id, SMALL).await.unwrap_err();
    assert!(same.to_string().contains("already"), "{same}");
    resized(&lab, id).await;
    let confirm = ops::server_resize_confirm(&lab.cx, id).await.unwrap();
    lab.ended(confirm).await;
    let smaller = ops::server_resize(&lab.cx, id, SMALL).await.unwrap_err();
    assert!(
        smaller.to_string().contains("never made smaller"),
        "{smaller}"
    );
}
