//! The engine against a real database: a small saga that builds a list, in every way it can go.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use futures::FutureExt;
use serde::{Deserialize, Serialize};

use super::*;
use crate::context::{Cloud, Context};
use crate::ids::OperationId;

/// How often a step panicked, or would have.
static PANICS: AtomicUsize = AtomicUsize::new(0);
/// The process whose steps hang.
static HANGS: OnceLock<uuid::Uuid> = OnceLock::new();
/// What the steps did, in order; shared by name because a saga's state is data.
static WORLD: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());

#[derive(Serialize, Deserialize)]
struct Build {
    name: String,
    /// What the third step answers: `ok`, `fail`, `elsewhere` (once), `retry` (once), `panic` (once),
    /// `never`, `here` (nothing, in [`HANGS`]).
    third: String,
    tries: u32,
}

fn did(saga: &Build, what: &str) {
    WORLD
        .lock()
        .unwrap()
        .push((saga.name.clone(), what.to_owned()));
}

impl Saga for Build {
    const KIND: &'static str = "build";
    const VERSION: i64 = 1;

    fn steps() -> Vec<Step<Self>> {
        vec![
            Step::new("accept", |_, s| {
                async move {
                    did(s, "+accept");
                    Ok(Flow::Next)
                }
                .boxed()
            })
            .undo(|_, s| {
                async move {
                    did(s, "-accept");
                    Ok(Flow::Next)
                }
                .boxed()
            }),
            Step::new("place", |_, s| {
                async move {
                    did(s, "+place");
                    s.tries += 1;
                    Ok(Flow::Next)
                }
                .boxed()
            })
            .undo(|_, s| {
                async move {
                    did(s, "-place");
                    Ok(Flow::Next)
                }
                .boxed()
            })
            .restart(),
            Step::new("start", third).undo(|_, s| {
                async move {
                    did(s, "-start");
                    Ok(Flow::Next)
                }
                .boxed()
            }),
        ]
    }
}

fn third<'a>(cx: &'a StepContext, s: &'a mut Build) -> futures::future::BoxFuture<'a, StepResult> {
    async move {
        did(s, "+start");
        match s.third.as_str() {
            "fail" => Err(StepError::Failed(Failure::new("no"))),
            "elsewhere" if s.tries == 1 => Err(StepError::Elsewhere(Failure::new("not here"))),
            "retry" => {
                s.third = "ok".into();
                Err(StepError::Retry("later".into()))
            }
            "panic" if PANICS.fetch_add(1, Ordering::SeqCst) == 0 => panic!("a defect"),
            "here" if HANGS.get() == Some(&cx.cx.process) => std::future::pending().await,
            "never" => {
                cx.aborted().await;
                Err(StepError::Aborted)
            }
            _ => Ok(Flow::Next),
        }
    }
    .boxed()
}

struct Lab {
    _dir: tempfile::TempDir,
    cloud: Arc<Cloud>,
    _engine: Engine,
}

async fn lab(chaos: Option<Chaos>) -> Lab {
    let (dir, cloud, kicks) = crate::context::testing::cloud().await;
    let mut registry = Registry::default();
    registry.add::<Build>();
    let engine = Engine::start(cloud.clone(), registry, kicks, chaos)
        .await
        .unwrap();
    Lab {
        _dir: dir,
        cloud,
        _engine: engine,
    }
}

async fn start(
    cloud: &Arc<Cloud>,
    name: &str,
    third: &str,
    busy: Busy,
) -> crate::error::Result<OperationId> {
    let cx = Context::system(cloud.clone());
    let saga = Build {
        name: name.into(),
        third: third.into(),
        tries: 0,
    };
    let mut tx = cx.db.begin().await?;
    let target = Target {
        kind: "thing",
        id: name,
        name,
        host: None,
        project: None,
    };
    let id = start_on_conn(&mut tx, &cx, &saga, target, busy).await?;
    tx.commit().await?;
    cx.sagas.kick(id);
    Ok(id)
}

async fn end(cloud: &Arc<Cloud>, id: OperationId) -> Operation {
    let cx = Context::system(cloud.clone());
    let wait = async {
        let mut watch = cx.events.watch();
        loop {
            let operation = operation_show(&cx, id).await.unwrap();
            if operation.status.is_finished() || operation.status == Status::Stuck {
                return operation;
            }
            let _ = tokio::time::timeout(Duration::from_millis(50), watch.recv()).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait)
        .await
        .expect("the operation ends")
}

fn world(name: &str) -> String {
    WORLD
        .lock()
        .unwrap()
        .iter()
        .filter(|(of, _)| of == name)
        .map(|(_, what)| what.as_str())
        .collect::<Vec<_>>()
        .join(" ")
}

#[tokio::test]
async fn steps_run_in_order_and_a_failure_undoes_what_came_before() {
    let lab = lab(None).await;
    for (name, third, status, expected) in [
        ("plain", "ok", Status::Done, "+accept +place +start"),
        (
            "fails",
            "fail",
            Status::Undone,
            "+accept +place +start -place -accept",
        ),
        (
            "moves",
            "elsewhere",
            Status::Done,
            "+accept +place +start -place +place +start",
        ),
        (
            "defect",
            "panic",
            Status::Done,
            "+accept +place +start +start",
        ),
        (
            "again",
            "retry",
            Status::Done,
            "+accept +place +start +start",
        ),
    ] {
        let id = start(&lab.cloud, name, third, Busy::Refuse).await.unwrap();
        let operation = end(&lab.cloud, id).await;
        assert_eq!(operation.status, status, "{name}: {:?}", operation.error);
        assert_eq!(world(name), expected);
    }
}

#[tokio::test]
async fn one_operation_at_a_time_has_a_resource_and_an_abort_frees_it_for_the_next() {
    let lab = lab(None).await;
    let first = start(&lab.cloud, "busy", "never", Busy::Refuse)
        .await
        .unwrap();
    let refused = start(&lab.cloud, "busy", "ok", Busy::Refuse)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("build") && refused.contains(&first.to_string()),
        "{refused}"
    );
    let second = start(&lab.cloud, "busy", "ok", Busy::Wait).await.unwrap();
    operation_abort(&Context::system(lab.cloud.clone()), first)
        .await
        .unwrap();
    assert_eq!(end(&lab.cloud, first).await.status, Status::Undone);
    assert_eq!(end(&lab.cloud, second).await.status, Status::Done);
}

#[tokio::test]
async fn each_step_may_run_twice_and_each_failure_is_undone() {
    for (at, phase) in [
        ("accept", Phase::Run),
        ("place", Phase::Run),
        ("start", Phase::Run),
    ] {
        let chaos: Chaos = Arc::new(move |_, step, now| match (step == at, now == phase) {
            (true, true) => Verdict::Abort,
            _ => Verdict::Twice,
        });
        let lab = lab(Some(chaos)).await;
        let name = format!("chaos-{at}");
        let id = start(&lab.cloud, &name, "ok", Busy::Refuse).await.unwrap();
        assert_eq!(end(&lab.cloud, id).await.status, Status::Undone);
        assert!(
            world(&name).ends_with("-accept -accept"),
            "{}",
            world(&name)
        );
    }
}

/// An operation that stands at a step and was asked to stop, with nobody running it: as after a death.
async fn left_aborted(cloud: &Arc<Cloud>, name: &str, step: usize) -> OperationId {
    let cx = Context::system(cloud.clone());
    let mut tx = cx.db.begin().await.unwrap();
    let saga = Build {
        name: name.into(),
        third: "ok".into(),
        tries: 0,
    };
    let target = Target {
        kind: "thing",
        id: name,
        name,
        host: None,
        project: None,
    };
    let id = start_on_conn(&mut tx, &cx, &saga, target, Busy::Refuse)
        .await
        .unwrap();
    crate::db::sql("UPDATE operation SET step = $2, abort = 1 WHERE id = $1")
        .bind(id)
        .bind(i64::try_from(step).unwrap())
        .execute(&mut tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    id
}

#[tokio::test]
async fn an_abort_undoes_the_step_in_which_a_process_died_and_never_one_that_ended_it_all() {
    let (_dir, cloud, kicks) = crate::context::testing::cloud().await;
    let cases = [
        ("abort-0", 0, Status::Undone, "-accept"),
        ("abort-2", 2, Status::Undone, "-start -place -accept"),
        ("abort-3", 3, Status::Done, ""),
    ];
    let mut left = Vec::new();
    for (name, step, status, expected) in cases {
        let id = left_aborted(&cloud, name, step).await;
        left.push((id, name, status, expected));
    }
    let mut registry = Registry::default();
    registry.add::<Build>();
    let engine = Engine::start(cloud.clone(), registry, kicks, None)
        .await
        .unwrap();
    let lab = Lab {
        _dir,
        cloud,
        _engine: engine,
    };
    for (id, name, status, expected) in left {
        assert_eq!(end(&lab.cloud, id).await.status, status, "{name}");
        assert_eq!(world(name), expected, "{name}");
    }
}

#[tokio::test]
async fn an_operation_of_a_dead_process_goes_on_at_the_next_start() {
    let (_dir, cloud, kicks) = crate::context::testing::cloud().await;
    // Nobody runs it yet: as if the process died right after the commit, holding the claim.
    let cx = Context::system(cloud.clone());
    let mut tx = cx.db.begin().await.unwrap();
    let saga = Build {
        name: "left".into(),
        third: "ok".into(),
        tries: 0,
    };
    let target = Target {
        kind: "thing",
        id: "left",
        name: "left",
        host: None,
        project: None,
    };
    let id = start_on_conn(&mut tx, &cx, &saga, target, Busy::Refuse)
        .await
        .unwrap();
    store::claim(&mut tx, &cx.db, id, uuid::Uuid::new_v4(), 3_600_000_000)
        .await
        .unwrap()
        .unwrap();
    tx.commit().await.unwrap();
    let mut registry = Registry::default();
    registry.add::<Build>();
    let engine = Engine::start(cloud.clone(), registry, kicks, None)
        .await
        .unwrap();
    let lab = Lab {
        _dir,
        cloud,
        _engine: engine,
    };
    assert_eq!(end(&lab.cloud, id).await.status, Status::Done);
    assert_eq!(operation_events(&cx, id).await.unwrap().len(), 3);
}

/// An engine in a runtime of its own, which ends as a process that is killed.
struct Process {
    runtime: Option<tokio::runtime::Runtime>,
    cloud: Arc<Cloud>,
}

impl Process {
    async fn start(dir: &std::path::Path) -> Self {
        let url = crate::db::testing::url(dir);
        let dir = dir.to_owned();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let started = runtime.spawn(async move {
            let db = crate::db::Db::open(&url).await.unwrap();
            let (cloud, kicks) = crate::context::testing::another(&dir, db, &[]);
            let mut registry = Registry::default();
            registry.add::<Build>();
            let engine = Engine::start(cloud.clone(), registry, kicks, None)
                .await
                .unwrap();
            tokio::spawn(async move {
                let _engine = engine;
                std::future::pending::<()>().await;
            });
            cloud
        });
        Self {
            cloud: started.await.unwrap(),
            runtime: Some(runtime),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// How many operations are open, and how many of them this process holds.
async fn open(cloud: &Arc<Cloud>, holder: &Arc<Cloud>) -> (i64, i64) {
    let mut conn = cloud.db.read().await.unwrap();
    let count = |condition: &str| {
        crate::db::sql(format!(
            "SELECT COUNT(*) FROM operation WHERE finished_at IS NULL AND {condition}"
        ))
    };
    let all = count("1 = 1").scalar(&mut conn).await.unwrap();
    let held = count("owner = $1").bind(holder.process.to_string());
    (all, held.scalar(&mut conn).await.unwrap())
}

async fn until(what: &str, mut look: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !look().await {
            tokio::task::yield_now().await;
        }
    };
    let within = tokio::time::timeout(Duration::from_secs(20), wait);
    assert!(within.await.is_ok(), "not in time: {what}");
}

#[tokio::test]
async fn of_two_processes_each_works_and_one_goes_on_with_what_the_other_left() {
    let (dir, cloud, _kicks) = crate::context::testing::cloud().await;
    // The database of one process is no place for two.
    if cloud.config.is_single() {
        return;
    }
    let first = Process::start(dir.path()).await;
    let second = Process::start(dir.path()).await;
    HANGS.set(first.cloud.process).unwrap();
    let mut ids = Vec::new();
    for number in 0..12 {
        let process = [&first, &second][number % 2];
        let name = format!("either-{number}");
        let id = start(&process.cloud, &name, "ok", Busy::Refuse).await;
        ids.push(id.unwrap());
    }
    for id in ids {
        assert_eq!(end(&cloud, id).await.status, Status::Done);
    }
    // One that does not end by itself is asked to stop through the other process.
    let never = start(&first.cloud, "elsewhere", "never", Busy::Refuse)
        .await
        .unwrap();
    until("it runs", async || world("elsewhere").contains("+start")).await;
    operation_abort(&Context::system(second.cloud.clone()), never)
        .await
        .unwrap();
    assert_eq!(end(&cloud, never).await.status, Status::Undone);
    // The first dies while it works on some.
    let mut left = Vec::new();
    for number in 0..6 {
        let name = format!("left-{number}");
        let id = start(&first.cloud, &name, "here", Busy::Refuse).await;
        left.push(id.unwrap());
    }
    until("what is open is the first's", async || {
        let (all, held) = open(&cloud, &first.cloud).await;
        all == held
    })
    .await;
    let (_, held) = open(&cloud, &first.cloud).await;
    assert!(
        held > 0,
        "the first was told of each before the second looked"
    );
    drop(first);
    let died = std::time::Instant::now();
    for id in left {
        assert_eq!(end(&cloud, id).await.status, Status::Done);
    }
    // With the lease that is set by default, and what finding them takes.
    assert!(died.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn by_default_what_a_dead_process_held_is_found_within_ten_seconds() {
    let (_dir, cloud, _kicks) = crate::context::testing::cloud().await;
    let lease = u64::try_from(cloud.config.operations.lease_seconds).unwrap();
    // The lease may have been renewed just before, and a second is left for the claim.
    let found = Duration::from_secs(lease) + super::engine::POLL;
    assert!(found + Duration::from_secs(1) <= Duration::from_secs(10));
}

#[test]
fn while_nobody_can_be_asked_no_attempt_is_the_last() {
    let after = |attempts, count, steady| {
        (0..count).fold(attempts, |attempts, _| engine::unanswered(attempts, steady))
    };
    let away = after(0, 1000, false);
    assert_eq!((away, after(away, 10, true)), (2, 12));
    // It went away when there was one left.
    assert_eq!(after(11, 1000, false), 11);
}
