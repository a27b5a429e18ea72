//! Every kind of saga that the registry knows: run twice, failed at each step, undone twice, and run over a bus that loses
//! and doubles messages.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt;

use super::kinds::{Subject, assert_undone, begin, clear, lab_for, leaves, prepare};
use super::lab::Lab;
use super::world::World;
use crate::bus::faults::Fate;
use crate::compute::model::VmState;
use crate::compute::ops as compute;
use crate::ids::OperationId;
use crate::roles::services;
use crate::saga::{Operation, Phase, Status, Verdict};

/// Clouds at a time.
const AT_ONCE: usize = 3;

/// Every kind with its steps.
fn all() -> Vec<(&'static str, Vec<&'static str>)> {
    services::sagas().steps()
}

/// Proves something of each kind, several at a time.
async fn each<F: Future<Output = ()>>(prove: impl Fn(&'static str, Vec<&'static str>) -> F) {
    futures::stream::iter(all())
        .map(|(kind, steps)| prove(kind, steps))
        .buffer_unordered(AT_ONCE)
        .collect::<()>()
        .await;
}

/// The end of an operation. A resize is confirmed when it asks for it.
async fn ended(lab: &Lab, kind: &str, subject: &Subject, id: OperationId) -> Operation {
    if kind == "server_resize" {
        lab.until("the resize can be confirmed", async || {
            let server = lab.server(subject.server).await;
            let asks = server.vm_state == VmState::Resized && server.task_state.is_none();
            if asks {
                // Somebody else may be faster: the end of the operation itself.
                let _ = compute::server_resize_confirm(&lab.cx, subject.server).await;
            }
            let locked = lab.count("operation_lock", "1 = 1").await;
            (asks || locked == 0).then_some(())
        })
        .await;
    }
    lab.ended(id).await
}

/// Waits until the world is this one.
pub(super) async fn becomes(lab: &Lab, wanted: &World, leaves: &[&str], what: &str) {
    let wanted = wanted.clone().without(leaves);
    let mut last = String::new();
    let wait = async {
        loop {
            let now = lab.world().await.without(leaves);
            if now == wanted {
                return;
            }
            last = now.differences(&wanted);
            tokio::task::yield_now().await;
        }
    };
    if tokio::time::timeout(Duration::from_secs(20), wait)
        .await
        .is_err()
    {
        panic!("{what}: the world is not what it should be:\n{last}");
    }
}

/// Runs a kind once in a cloud of its own; answers with the cloud and the world before it had anything.
async fn run(kind: &'static str, set: impl FnOnce(&Lab)) -> (Lab, World) {
    let lab = lab_for(kind).await;
    let empty = lab.world().await;
    let subject = prepare(&lab, kind).await;
    set(&lab);
    let id = begin(&lab, kind, &subject).await;
    let end = ended(&lab, kind, &subject, id).await;
    assert_eq!(end.status, Status::Done, "{kind}: {:?}", end.error);
    lab.play_nothing();
    lab.cloud.bus.weather.turn(None);
    (lab, empty)
}

/// The world after an undisturbed run, which leaves nothing when all is deleted.
async fn plainly(kind: &'static str) -> World {
    let (lab, empty) = run(kind, |_| ()).await;
    lab.quiet().await;
    // A dead host pays its debts when it reports.
    lab.until("no host owes anything", async || {
        (lab.count("server_residue", "1 = 1").await == 0).then_some(())
    })
    .await;
    let world = lab.world().await;
    clear(&lab, kind).await;
    becomes(&lab, &empty, &[], kind).await;
    world
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_step_of_every_saga_may_run_twice_or_lose_its_answer() {
    each(|kind, _| async move {
        let plain = plainly(kind).await;
        let (lab, empty) = run(kind, |lab| lab.play(|_, _, _, _| Verdict::Twice)).await;
        becomes(&lab, &plain, &[], &format!("{kind}, each step twice")).await;
        clear(&lab, kind).await;
        becomes(&lab, &empty, &[], &format!("{kind}, deleted")).await;
        let lose = |_: &str, _: &str, _, count| match count {
            0 => Verdict::Lose,
            _ => Verdict::Normal,
        };
        let (lab, _) = run(kind, |lab| lab.play(lose)).await;
        becomes(&lab, &plain, &[], &format!("{kind}, answers lost")).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_saga_gets_through_a_bus_that_loses_and_doubles() {
    each(|kind, _| async move {
        let plain = plainly(kind).await;
        let (lab, _) = run(kind, |lab| {
            // Each question of an operation is lost once, then its answer is, then it comes twice.
            let met: Mutex<HashSet<String>> = Mutex::default();
            lab.cloud
                .bus
                .weather
                .turn(Some(Arc::new(move |target, incoming| {
                    if incoming.operation.is_none() {
                        return Fate::Doubled;
                    }
                    let question = format!("{target} {} {:?}", incoming.method, incoming.payload);
                    let mut met = met.lock().unwrap();
                    if met.insert(format!("{question} 1")) {
                        Fate::Lost
                    } else if met.insert(format!("{question} 2")) {
                        Fate::AnswerLost
                    } else {
                        Fate::Doubled
                    }
                })));
        })
        .await;
        becomes(&lab, &plain, &[], &format!("{kind}, a bad bus")).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_saga_waits_for_an_agent_that_is_away() {
    each(|kind, _| async move {
        let plain = plainly(kind).await;
        let lab = lab_for(kind).await;
        let subject = prepare(&lab, kind).await;
        lab.agent_stop();
        let id = begin(&lab, kind, &subject).await;
        lab.until("it misses the agent, or does not need it", async || {
            let missed = lab
                .count("operation_event", "message LIKE '%nobody serves%'")
                .await;
            let open = lab.count("operation", "finished_at IS NULL").await;
            let place = lab
                .count("operation", "step_name = 'place' AND attempt > 0")
                .await;
            (missed > 0 || open == 0 || place > 0).then_some(())
        })
        .await;
        lab.agent_start();
        let end = ended(&lab, kind, &subject, id).await;
        assert_eq!(end.status, Status::Done, "{kind}: {:?}", end.error);
        becomes(&lab, &plain, &[], &format!("{kind}, the agent away")).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_saga_that_fails_at_any_step_is_undone_however_often_its_undos_run() {
    each(|kind, steps| async move {
        let lab = lab_for(kind).await;
        let empty = lab.world().await;
        let last = steps.len() - 1;
        for (at, step) in steps.into_iter().enumerate() {
            for verdict in [Verdict::Fail, Verdict::Abort] {
                fail(&lab, kind, step, verdict.clone(), at == last).await;
                clear(&lab, kind).await;
                let what = format!("{kind}, {verdict:?} at {step}, deleted");
                becomes(&lab, &empty, &[], &what).await;
            }
        }
    })
    .await;
}

/// Fails an operation once at a step. Its first undo of each step fails once and then runs twice.
async fn fail(lab: &Lab, kind: &'static str, step: &'static str, verdict: Verdict, last: bool) {
    let what = format!("{kind}, {verdict:?} at {step}");
    let subject = prepare(lab, kind).await;
    let before = lab.world().await;
    let fails = verdict.clone();
    lab.play(move |of, name, phase, count| match (phase, count) {
        _ if of != kind => Verdict::Normal,
        (Phase::Run, 0) if name == step => fails.clone(),
        (Phase::Run, _) => Verdict::Normal,
        (Phase::Undo, 0) => Verdict::Lose,
        (Phase::Undo, _) => Verdict::Twice,
    });
    let id = begin(lab, kind, &subject).await;
    let end = ended(lab, kind, &subject, id).await;
    lab.play_nothing();
    lab.quiet().await;
    match end.status {
        // Past the point of no return, or it went on elsewhere.
        Status::Done => {}
        Status::Undone if last && verdict == Verdict::Abort => {
            // All was done when somebody aborted: what is must only be what the rows say, which deleting proves.
        }
        Status::Undone => {
            becomes(lab, &before, leaves(kind, step), &what).await;
            assert_undone(lab, kind, &subject).await;
        }
        other => panic!("{what}: {other}: {:?}", end.error),
    }
    let committed = kind.ends_with("_delete")
        || matches!(
            step,
            "release" | "confirm" | "settle" | "take_over" | "clean" | "flip"
        )
        || (kind == "server_evacuate" && matches!(step, "disk" | "start" | "activate"))
        // The guest was moved when somebody aborted.
        || (kind == "live_migration" && step == "transfer" && verdict == Verdict::Abort)
        || (kind == "host_fence" && step != "fence");
    assert_eq!(
        end.status == Status::Done,
        committed,
        "{what}: {:?}",
        end.error
    );
}
