//! Reports against intent.

use super::lab::Lab;
use crate::compute::model::{PowerState, VmState};
use crate::compute::rpc::GuestReport;
use crate::compute::{ops, reconcile, store};
use crate::context::Context;
use crate::hypervisor::{self, Hypervisor};
use crate::ids::{ServerId, Time};

#[tokio::test]
async fn a_guest_that_stops_by_itself_is_stopped_and_one_that_crashes_says_so() {
    let lab = Lab::new(None).await;
    let system = Context::system(lab.cloud.clone());
    let id = lab.active("web").await.id;
    lab.node().hypervisor.destroy(id).await.unwrap();
    let report = GuestReport {
        host: "n1".into(),
        id,
        power: Some(hypervisor::PowerState::Shutdown),
        at: Time::now(),
    };
    reconcile::guest_reported(&system, &report).await.unwrap();
    let server = lab.server(id).await;
    assert_eq!(
        (server.vm_state, server.power_state),
        (VmState::Stopped, PowerState::Shutdown)
    );
    assert_eq!(server.fault, None);
    let start = ops::server_start(&lab.cx, id).await.unwrap();
    lab.ended(start).await;
    // What was seen before it was started says nothing about it.
    reconcile::guest_reported(&system, &report).await.unwrap();
    assert_eq!(lab.server(id).await.vm_state, VmState::Active);
    lab.node().hypervisor.crash(id).unwrap();
    lab.report().await;
    let server = lab.server(id).await;
    assert_eq!(server.vm_state, VmState::Stopped);
    assert_eq!(server.fault.unwrap().message, "the guest crashed");
}

#[tokio::test]
async fn a_guest_that_vanished_is_made_anew_by_a_start() {
    let lab = Lab::new(None).await;
    let id = lab.active("web").await.id;
    lab.node().hypervisor.undefine(id).await.unwrap();
    lab.report().await;
    let server = lab.server(id).await;
    assert_eq!(server.vm_state, VmState::Stopped);
    assert!(
        server
            .fault
            .unwrap()
            .message
            .contains("does not have the guest")
    );
    let start = ops::server_start(&lab.cx, id).await.unwrap();
    lab.ended(start).await;
    let server = lab.settled(id).await;
    assert_eq!((server.vm_state, server.fault), (VmState::Active, None));
    assert_eq!(lab.node().guests().await.len(), 1);
}

#[tokio::test]
async fn a_stopped_server_that_runs_is_stopped_when_it_was_seen_twice() {
    let lab = Lab::new(None).await;
    let id = lab.active("web").await.id;
    let stop = ops::server_stop(&lab.cx, id).await.unwrap();
    lab.ended(stop).await;
    lab.settled(id).await;
    lab.node().hypervisor.start(id).await.unwrap();
    lab.report().await;
    let server = lab.server(id).await;
    assert_eq!(
        (server.vm_state, server.power_state, server.task_state),
        (VmState::Stopped, PowerState::Running, None)
    );
    lab.report().await;
    let server = lab.settled(id).await;
    assert_eq!(
        (server.vm_state, server.power_state),
        (VmState::Stopped, PowerState::Shutdown)
    );
    let guests = lab.node().guests().await;
    assert_eq!(guests[0].power, hypervisor::PowerState::Shutdown);
}

#[tokio::test]
async fn a_deleted_server_that_runs_is_removed_and_a_guest_nobody_knows_is_only_told() {
    let lab = Lab::new(None).await;
    let id = lab.active("web").await.id;
    let mut tx = lab.cloud.db.begin().await.unwrap();
    store::server::delete(&mut tx, id).await.unwrap();
    tx.commit().await.unwrap();
    let unknown = ServerId::new();
    let spec = super::node::bare_guest(unknown);
    lab.node().hypervisor.define(&spec).await.unwrap();
    let mut events = lab.cloud.events.watch();
    lab.report().await;
    let left: Vec<ServerId> = lab
        .node()
        .guests()
        .await
        .iter()
        .map(|guest| guest.id)
        .collect();
    assert_eq!(left, [unknown]);
    let told = lab
        .until(async || {
            let (_, event) = events.recv().await.unwrap();
            let message = event.message.clone().unwrap_or_default();
            message.contains(&unknown.to_string()).then_some(message)
        })
        .await;
    assert!(told.contains("belongs to no server"), "{told}");
}

#[tokio::test]
async fn a_server_nobody_works_on_gets_a_state_that_it_can_leave() {
    let lab = Lab::new(None).await;
    let system = Context::system(lab.cloud.clone());
    let id = lab.active("web").await.id;
    let mut tx = lab.cloud.db.begin().await.unwrap();
    let old = Time::now().plus_seconds(-3600);
    crate::db::sql("UPDATE server SET task_state = 'pausing', updated_at = $2 WHERE id = $1")
        .bind(id)
        .bind(old)
        .execute(&mut tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    for work in reconcile::periodic() {
        (work.run)(&system).await.unwrap();
    }
    let server = lab.server(id).await;
    assert_eq!(
        (server.vm_state, server.task_state),
        (VmState::Active, None)
    );
    let mut tx = lab.cloud.db.begin().await.unwrap();
    crate::db::sql("UPDATE server SET vm_state = 'building', task_state = 'spawning', updated_at = $2 WHERE id = $1")
        .bind(id)
        .bind(old)
        .execute(&mut tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    for work in reconcile::periodic() {
        (work.run)(&system).await.unwrap();
    }
    let server = lab.server(id).await;
    assert_eq!((server.vm_state, server.task_state), (VmState::Error, None));
    assert!(server.fault.unwrap().message.contains("abandoned"));
}
