//! A deletion that comes while its server's launch is in the middle of any step.

use std::sync::{Arc, Mutex, mpsc};

use super::lab::Lab;
use super::proof::becomes;
use crate::compute::ops as compute;
use crate::roles::services;
use crate::saga::{Phase, Verdict};

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_deletion_may_come_at_any_step_of_a_launch() {
    let all = services::sagas().steps();
    let (_, steps) = all
        .into_iter()
        .find(|(kind, _)| *kind == "server_launch")
        .expect("a launch is an operation");
    for step in steps {
        let lab = Lab::new().await;
        let empty = lab.world().await;
        let (go, wait) = mpsc::channel::<()>();
        let (tell, reached) = tokio::sync::oneshot::channel();
        let (wait, tell) = (Mutex::new(wait), Arc::new(Mutex::new(Some(tell))));
        lab.play(move |kind, at, phase, begun| {
            if (kind, at, phase, begun) == ("server_launch", step, Phase::Run, 0) {
                if let Some(tell) = tell.lock().unwrap().take() {
                    let _ = tell.send(());
                }
                // The engine's task waits here while the deletion is asked for.
                tokio::task::block_in_place(|| wait.lock().unwrap().recv()).unwrap();
            }
            Verdict::Normal
        });
        let made = compute::server_create(&lab.cx, lab.request("web"))
            .await
            .unwrap();
        reached.await.unwrap();
        compute::server_delete(&lab.cx, made[0].id).await.unwrap();
        go.send(()).unwrap();
        lab.quiet().await;
        becomes(&lab, &empty, &[], step).await;
    }
}
