//! Power actions, locks, rebuilds and snapshots.

use super::lab::{Lab, ROOMY};
use crate::bus::Rpc;
use crate::compute::model::{PowerState, VmState};
use crate::compute::ops::{self, RebuildWish};
use crate::compute::rpc::{InstancePower, RootDiskEnsure};
use crate::error::{Error, Result};
use crate::ids::OperationId;
use crate::image::model::ImageStatus;
use crate::image::ops::image_show;
use crate::saga::Status;

async fn done(lab: &Lab, begun: Result<OperationId>) {
    let operation = lab.ended(begun.unwrap()).await;
    assert_eq!(operation.status, Status::Done, "{:?}", operation.error);
}

#[tokio::test]
async fn each_power_action_leads_to_its_state_and_refuses_the_wrong_one() {
    let lab = Lab::new(None).await;
    let cx = &lab.cx;
    let id = lab.active("web").await.id;
    let state = async || {
        let server = lab.server(id).await;
        (server.vm_state, server.power_state)
    };
    done(&lab, ops::server_pause(cx, id).await).await;
    assert_eq!(state().await, (VmState::Paused, PowerState::Paused));
    let error = ops::server_stop(cx, id).await.unwrap_err().to_string();
    assert_eq!(
        error,
        format!("Cannot 'stop' instance {id} while it is in vm_state paused")
    );
    done(&lab, ops::server_unpause(cx, id).await).await;
    assert_eq!(state().await, (VmState::Active, PowerState::Running));
    done(&lab, ops::server_suspend(cx, id).await).await;
    assert_eq!(state().await, (VmState::Suspended, PowerState::Suspended));
    done(&lab, ops::server_resume(cx, id).await).await;
    assert_eq!(state().await, (VmState::Active, PowerState::Running));
    done(&lab, ops::server_reboot(cx, id, false).await).await;
    assert_eq!(state().await, (VmState::Active, PowerState::Running));
    done(&lab, ops::server_stop(cx, id).await).await;
    assert_eq!(state().await, (VmState::Stopped, PowerState::Shutdown));
    done(&lab, ops::server_reboot(cx, id, true).await).await;
    assert_eq!(state().await, (VmState::Active, PowerState::Running));
    done(&lab, ops::server_stop(cx, id).await).await;
    done(&lab, ops::server_start(cx, id).await).await;
    assert_eq!(state().await, (VmState::Active, PowerState::Running));
    lab.delete(id).await;
    lab.assert_clean().await;
}

#[tokio::test]
async fn what_a_node_refuses_leaves_the_server_what_it_was() {
    let lab = Lab::new(None).await;
    let id = lab.active("web").await.id;
    lab.node().facts().refused.insert(InstancePower::METHOD);
    let operation = ops::server_pause(&lab.cx, id).await.unwrap();
    let ended = lab.ended(operation).await;
    assert_eq!(ended.status, Status::Undone);
    assert!(ended.error.unwrap().message.contains("refused by a test"));
    let server = lab.settled(id).await;
    assert_eq!(server.vm_state, VmState::Active);
    assert_eq!(server.task_state, None);
}

#[tokio::test]
async fn a_hard_reboot_interrupts_what_does_not_end() {
    let mut lab = Lab::new(None).await;
    let id = lab.active("web").await.id;
    // Nobody answers: the pause is tried again and again.
    lab.serving.clear();
    let pause = ops::server_pause(&lab.cx, id).await.unwrap();
    lab.until(async || {
        let system = crate::context::Context::system(lab.cloud.clone());
        let operation = crate::saga::operation_show(&system, pause).await.unwrap();
        operation.error.is_some().then_some(())
    })
    .await;
    let refused = ops::server_stop(&lab.cx, id).await.unwrap_err().to_string();
    assert!(refused.contains("task_state pausing"), "{refused}");
    let reboot = ops::server_reboot(&lab.cx, id, true).await.unwrap();
    lab.serving = lab.nodes[0].serve(&lab.cloud.bus);
    assert_eq!(lab.ended(pause).await.status, Status::Undone);
    assert_eq!(lab.ended(reboot).await.status, Status::Done);
    let server = lab.settled(id).await;
    assert_eq!(server.vm_state, VmState::Active);
    assert_eq!(server.task_state, None);
}

#[tokio::test]
async fn a_lock_refuses_its_owner_and_not_administrators() {
    let lab = Lab::new(None).await;
    let id = lab.active("web").await.id;
    ops::server_lock(&lab.cx, id, Some("audit".into()))
        .await
        .unwrap();
    let error = ops::server_stop(&lab.cx, id).await.unwrap_err();
    assert!(
        matches!(&error, Error::Conflict(text) if text.contains("audit")),
        "{error}"
    );
    assert!(ops::server_delete(&lab.cx, id).await.is_err());
    done(&lab, ops::server_stop(&lab.admin, id).await).await;
    ops::server_unlock(&lab.cx, id).await.unwrap();
    ops::server_lock(&lab.admin, id, None).await.unwrap();
    let error = ops::server_unlock(&lab.cx, id).await.unwrap_err();
    assert!(matches!(error, Error::Forbidden(_)), "{error}");
    ops::server_unlock(&lab.admin, id).await.unwrap();
    done(&lab, ops::server_start(&lab.cx, id).await).await;
}

#[tokio::test]
async fn a_rebuild_makes_the_disk_anew_and_keeps_everything_else() {
    let lab = Lab::new(None).await;
    let before = lab.active("web").await;
    let address = ops::server_show(&lab.cx, before.id)
        .await
        .unwrap()
        .addresses;
    let wish = RebuildWish {
        image: lab.image,
        name: Some("web2".into()),
        description: Some(Some("again".into())),
        ..RebuildWish::default()
    };
    done(&lab, ops::server_rebuild(&lab.cx, before.id, wish).await).await;
    let after = ops::server_show(&lab.cx, before.id).await.unwrap();
    assert_eq!(after.server.vm_state, VmState::Active);
    assert_eq!(after.server.name, "web2");
    assert_eq!(after.server.detail.description.as_deref(), Some("again"));
    assert_eq!(after.addresses, address);
    assert!(after.server.generation > before.generation);
    assert_eq!(lab.node().facts().disks[&before.id].made, 2);
    // What fails once the disk may be gone is an error, and can be rebuilt again.
    lab.node().facts().refused.insert(RootDiskEnsure::METHOD);
    let wish = RebuildWish {
        image: lab.image,
        ..RebuildWish::default()
    };
    let failed = ops::server_rebuild(&lab.cx, before.id, wish.clone())
        .await
        .unwrap();
    assert_eq!(lab.ended(failed).await.status, Status::Undone);
    let server = lab.settled(before.id).await;
    assert_eq!(server.vm_state, VmState::Error);
    assert!(server.fault.unwrap().message.contains("refused by a test"));
    lab.node().facts().refused.clear();
    done(&lab, ops::server_rebuild(&lab.cx, before.id, wish).await).await;
    assert_eq!(lab.settled(before.id).await.vm_state, VmState::Active);
    lab.delete(before.id).await;
    lab.assert_clean().await;
}

#[tokio::test]
async fn a_snapshot_becomes_an_image_that_boots() {
    let lab = Lab::new(None).await;
    let server = lab.active("web").await;
    let properties =
        std::collections::BTreeMap::from([("purpose".to_owned(), "backup".to_owned())]);
    let image = ops::server_create_image(&lab.cx, server.id, "copy", properties)
        .await
        .unwrap();
    let after = lab.settled(server.id).await;
    assert_eq!(after.vm_state, VmState::Active);
    let made = image_show(&lab.cx, image).await.unwrap();
    assert_eq!(made.status, ImageStatus::Active);
    assert_eq!(made.properties["image_type"], "snapshot");
    assert_eq!(made.properties["purpose"], "backup");
    let mut request = lab.request("clone");
    request.image = Some(image);
    request.flavor = ROOMY.into();
    let clone = lab.launch(request).await;
    assert_eq!(clone.vm_state, VmState::Active, "{:?}", clone.fault);
}

#[tokio::test]
async fn a_snapshot_that_fails_leaves_no_image() {
    let lab = Lab::new(None).await;
    let server = lab.active("web").await;
    lab.node()
        .facts()
        .refused
        .insert(crate::compute::rpc::InstanceSnapshot::METHOD);
    let image = ops::server_create_image(&lab.cx, server.id, "copy", Default::default())
        .await
        .unwrap();
    let after = lab.settled(server.id).await;
    assert_eq!((after.vm_state, after.task_state), (VmState::Active, None));
    assert!(image_show(&lab.cx, image).await.is_err());
}

#[tokio::test]
async fn a_console_ticket_lets_in_once() {
    let lab = Lab::new(None).await;
    let id = lab.active("web").await.id;
    assert_eq!(
        ops::server_console_log(&lab.cx, id, Some(5)).await.unwrap(),
        "booted"
    );
    let ticket = ops::server_console_ticket(&lab.cx, id).await.unwrap();
    let system = crate::context::Context::system(lab.cloud.clone());
    // The test's node has no consoles; that it was asked shows that the ticket was good.
    let first = ops::server_console_open(&system, &ticket)
        .await
        .err()
        .unwrap();
    assert!(first.to_string().contains("console_open"), "{first}");
    let second = ops::server_console_open(&system, &ticket)
        .await
        .err()
        .unwrap();
    assert!(matches!(second, Error::Unauthorized(_)), "{second}");
    assert!(ops::server_console_open(&system, "guess").await.is_err());
}
