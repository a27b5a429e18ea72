//! Every operation with every step run twice, and failing at each step with every undo run twice: nothing is left behind
//! that should not be, and the server is what it was.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::lab::{LARGE, Lab};
use crate::compute::model::VmState;
use crate::compute::ops::{self, NicRequest, RebuildWish};
use crate::compute::sagas;
use crate::ids::{OperationId, ServerId};
use crate::saga::{Chaos, Phase, Registry, Status, Verdict};

/// Steps of a kind of operation.
fn steps(kind: &str) -> Vec<&'static str> {
    let mut registry = Registry::default();
    sagas::register(&mut registry);
    let all = registry.steps();
    all.into_iter().find(|(name, _)| *name == kind).unwrap().1
}

/// Every step and undo of `kind` runs twice; `at` fails after it ran, once `armed`.
fn chaos(kind: &'static str, at: Option<&'static str>, armed: Arc<AtomicBool>) -> Chaos {
    Arc::new(move |of, step, phase| {
        if of != kind || !armed.load(Ordering::SeqCst) {
            return Verdict::Normal;
        }
        if phase == Phase::Run && at == Some(step) {
            return Verdict::Abort;
        }
        Verdict::Twice
    })
}

fn always() -> Arc<AtomicBool> {
    Arc::new(AtomicBool::new(true))
}

#[tokio::test]
async fn a_launch_may_run_every_step_twice() {
    let lab = Lab::new(Some(chaos("server_launch", None, always()))).await;
    let server = lab.active("web").await;
    assert_eq!(lab.count("port", "1 = 1").await, 1);
    assert_eq!(lab.count("claim", "1 = 1").await, 1);
    assert_eq!(lab.node().guests().await.len(), 1);
    lab.delete(server.id).await;
    lab.assert_clean().await;
}

#[tokio::test]
async fn a_launch_that_fails_at_any_step_leaves_nothing_but_its_reason() {
    for step in steps("server_launch") {
        let lab = Lab::new(Some(chaos("server_launch", Some(step), always()))).await;
        let server = lab.launch(lab.request("web")).await;
        assert_eq!(server.vm_state, VmState::Error, "{step}");
        assert_eq!(server.host, None, "{step}");
        assert!(server.fault.is_some(), "{step}");
        lab.assert_clean().await;
        lab.delete(server.id).await;
        lab.assert_clean().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_deletion_may_come_at_any_step_of_a_launch() {
    for step in steps("server_launch") {
        let (reached, go) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicBool::new(false)),
        );
        let (seen, wait) = (reached.clone(), go.clone());
        let slow: Chaos = Arc::new(move |kind, at, phase| {
            if kind == "server_launch" && at == step && phase == Phase::Run {
                seen.store(true, Ordering::SeqCst);
                // The engine's task waits here while the deletion is asked for.
                tokio::task::block_in_place(|| {
                    while !wait.load(Ordering::SeqCst) {
                        std::thread::yield_now();
                    }
                });
            }
            Verdict::Normal
        });
        let lab = Lab::new(Some(slow)).await;
        let made = ops::server_create(&lab.cx, lab.request("web"))
            .await
            .unwrap();
        let id = made[0].id;
        lab.until(async || reached.load(Ordering::SeqCst).then_some(()))
            .await;
        ops::server_delete(&lab.cx, id).await.unwrap();
        go.store(true, Ordering::SeqCst);
        lab.gone(id).await;
        lab.assert_clean().await;
    }
}

#[tokio::test]
async fn a_deletion_may_run_every_step_twice() {
    let lab = Lab::new(Some(chaos("server_delete", None, always()))).await;
    let server = lab.active("web").await;
    lab.delete(server.id).await;
    lab.assert_clean().await;
}

/// Begins an operation of a kind on an active server.
async fn begin(lab: &Lab, kind: &str, id: ServerId) -> OperationId {
    let cx = &lab.cx;
    match kind {
        "server_stop" => ops::server_stop(cx, id).await.unwrap(),
        "server_reboot" => ops::server_reboot(cx, id, false).await.unwrap(),
        "server_reboot_hard" => ops::server_reboot(cx, id, true).await.unwrap(),
        "server_pause" => ops::server_pause(cx, id).await.unwrap(),
        "server_suspend" => ops::server_suspend(cx, id).await.unwrap(),
        "server_rebuild" => {
            let wish = RebuildWish {
                image: lab.image,
                ..RebuildWish::default()
            };
            ops::server_rebuild(cx, id, wish).await.unwrap()
        }
        "server_resize" => ops::server_resize(cx, id, LARGE).await.unwrap(),
        "server_interface_attach" => {
            let nic = NicRequest {
                network: Some(lab.network),
                ..NicRequest::default()
            };
            ops::server_interface_attach(cx, id, nic).await.unwrap().1
        }
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn an_operation_that_fails_at_any_step_can_be_deleted_after() {
    for kind in [
        "server_stop",
        "server_reboot",
        "server_reboot_hard",
        "server_pause",
        "server_suspend",
        "server_rebuild",
        "server_resize",
        "server_interface_attach",
    ] {
        for step in steps(kind)
            .into_iter()
            .filter(|step| *step != "confirm" && *step != "verify")
        {
            let armed = Arc::new(AtomicBool::new(false));
            let lab = Lab::new(Some(chaos(kind, Some(step), armed.clone()))).await;
            let before = lab.active("web").await;
            armed.store(true, Ordering::SeqCst);
            let operation = begin(&lab, kind, before.id).await;
            assert_eq!(
                lab.ended(operation).await.status,
                Status::Undone,
                "{kind} {step}"
            );
            let after = lab.settled(before.id).await;
            assert_eq!(after.task_state, None, "{kind} {step}");
            assert_eq!(after.flavor, before.flavor, "{kind} {step}");
            assert_eq!(lab.count("claim", "1 = 1").await, 1, "{kind} {step}");
            assert_eq!(lab.count("port", "1 = 1").await, 1, "{kind} {step}");
            assert_eq!(lab.count("server_nic", "1 = 1").await, 1, "{kind} {step}");
            lab.delete(before.id).await;
            lab.assert_clean().await;
        }
    }
}

#[tokio::test]
async fn a_resize_may_run_every_step_and_every_undo_twice() {
    for keep in [true, false] {
        let lab = Lab::new(Some(chaos("server_resize", None, always()))).await;
        let before = lab.active("web").await;
        let operation = begin(&lab, "server_resize", before.id).await;
        lab.until(async || {
            let server = lab.server(before.id).await;
            (server.vm_state == VmState::Resized && server.task_state.is_none()).then_some(())
        })
        .await;
        if keep {
            ops::server_resize_confirm(&lab.cx, before.id)
                .await
                .unwrap();
        } else {
            ops::server_resize_revert(&lab.cx, before.id).await.unwrap();
        }
        lab.ended(operation).await;
        let after = lab.settled(before.id).await;
        assert_eq!(after.vm_state, VmState::Active);
        assert_eq!(after.flavor == before.flavor, !keep);
        assert_eq!(lab.count("claim", "1 = 1").await, 1);
        lab.delete(before.id).await;
        lab.assert_clean().await;
    }
}
