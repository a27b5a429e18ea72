//! Servers that change hosts, one by one and many by one wish.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::lab::{HOST, Lab, SECOND};
use crate::compute::model::{
    MigrationKind, MigrationQuery, MigrationStatus, MigrationWish, Move, MoveState, MovesGoal,
    VmState,
};
use crate::compute::ops as compute;
use crate::compute::ops::{HostDecision, LiveMigrationWish, Outlook};
use crate::context::Context;
use crate::db::sql;
use crate::hypervisor::Hypervisor;
use crate::ids::ServerId;
use crate::saga::{Phase, Status, Verdict};

fn of(server: ServerId) -> MigrationQuery {
    MigrationQuery {
        server: Some(server),
        limit: 10,
        ..MigrationQuery::default()
    }
}

async fn status(lab: &Lab, server: ServerId) -> MigrationStatus {
    let cx = Context::system(lab.cloud.clone());
    compute::migration_list(&cx, of(server)).await.unwrap()[0].status
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_moves_while_it_runs_or_while_it_is_off_and_is_what_it_was() {
    let lab = Lab::with_second().await;
    let cx = Context::system(lab.cloud.clone());
    let id = lab.active("web").await.id;
    let wish = LiveMigrationWish {
        host: Some(SECOND.into()),
        ..LiveMigrationWish::default()
    };
    let begun = compute::server_migrate_live(&cx, id, wish).await.unwrap();
    assert_eq!(lab.ended(begun).await.status, Status::Done);
    assert_eq!(status(&lab, id).await, MigrationStatus::Completed);
    let here = Some(SECOND.to_owned());
    assert_eq!(lab.server(id).await.host, here);
    // Where it is is no place to move to.
    let any = LiveMigrationWish::default();
    let plan = compute::server_migrate_plan(&cx, id, &any).await.unwrap();
    assert_eq!(plan.decision.chosen.as_deref(), Some(HOST));
    assert_eq!(plan.decision.excluded, [SECOND]);
    // There already.
    let again = LiveMigrationWish {
        host: here,
        ..LiveMigrationWish::default()
    };
    let refused = compute::server_migrate_live(&cx, id, again).await;
    assert!(refused.unwrap_err().to_string().contains("already"));
    for vm in [VmState::Active, VmState::Stopped] {
        if vm == VmState::Stopped {
            compute::server_stop(&cx, id).await.unwrap();
            lab.quiet().await;
        }
        let from = lab.server(id).await.host;
        let begun = compute::server_migrate(&cx, id, None, false).await.unwrap();
        assert_eq!(lab.ended(begun).await.status, Status::Done);
        lab.quiet().await;
        let server = lab.server(id).await;
        assert_eq!((server.vm_state, server.task_state), (vm, None));
        assert_ne!(server.host, from);
        assert_eq!(status(&lab, id).await, MigrationStatus::Confirmed);
    }
    let kinds = compute::migration_list(&cx, of(id)).await.unwrap();
    let kinds: Vec<MigrationKind> = kinds.iter().map(|found| found.kind).collect();
    use MigrationKind::{Cold, Live};
    assert_eq!(kinds, [Cold, Cold, Live]);
    lab.delete_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_move_will_take_and_what_stands_against_it_is_told_before_it_begins() {
    let lab = Lab::with_second().await;
    let cx = Context::system(lab.cloud.clone());
    let id = at_home(&lab, &["web"]).await[0];
    let wish = |block| LiveMigrationWish {
        host: Some(SECOND.into()),
        block,
    };
    let plan = async |block| {
        let plan = compute::server_migrate_plan(&cx, id, &wish(block)).await;
        plan.unwrap().outlook
    };
    let Some(Outlook::Goes(expected)) = plan(None).await else {
        panic!("{:?}", plan(None).await);
    };
    assert!(expected.bytes > 0 && expected.total_ms > 0, "{expected:?}");
    let begun = compute::server_migrate_live(&cx, id, wish(None)).await;
    assert_eq!(lab.ended(begun.unwrap()).await.status, Status::Done);
    let moved = compute::migration_list(&cx, of(id))
        .await
        .unwrap()
        .remove(0);
    let told = moved.forecast.unwrap();
    // Beside what the operation itself expected, of the same guest a moment later.
    let near = told.bytes.abs_diff(expected.bytes) < expected.bytes / 4;
    assert!(near, "{expected:?} and then {told:?}");
    // One that is off is not asked about.
    compute::server_stop(&cx, id).await.unwrap();
    lab.quiet().await;
    let any = LiveMigrationWish::default();
    let off = compute::server_migrate_plan(&cx, id, &any).await.unwrap();
    assert!(matches!(off.outlook, Some(Outlook::Unknown(_))), "{off:?}");
    compute::server_start(&cx, id).await.unwrap();
    lab.quiet().await;
    // A node that does not answer leaves the scheduler's word.
    lab.agent_stop();
    let silent = compute::server_migrate_plan(&cx, id, &any).await.unwrap();
    assert_eq!(silent.decision.chosen.as_deref(), Some(HOST));
    assert!(
        matches!(silent.outlook, Some(Outlook::Unknown(_))),
        "{silent:?}"
    );
    lab.agent_start();
    lab.delete_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_evacuation_leaves_a_server_alone_that_has_just_left_the_dead_host() {
    let lab = Lab::with_second().await;
    let cx = lab.system();
    let id = lab.active("web").await.id;
    let unsure = Arc::new(AtomicBool::new(true));
    let is_unsure = unsure.clone();
    lab.play(move |_, step, phase, _| {
        let transfer = (step, phase) == ("transfer", Phase::Run);
        if transfer && is_unsure.load(Ordering::SeqCst) {
            Verdict::Lose
        } else {
            Verdict::Normal
        }
    });
    let wish = LiveMigrationWish {
        host: Some(SECOND.into()),
        ..LiveMigrationWish::default()
    };
    let moved = compute::server_migrate_live(&cx, id, wish).await.unwrap();
    lab.until("the guest is there", async || {
        let guests = lab.second.as_ref().unwrap().guests().await.unwrap();
        guests.iter().any(|guest| guest.id == id).then_some(())
    })
    .await;
    let dead = |forced_down| HostDecision {
        forced_down: Some(forced_down),
        ..HostDecision::default()
    };
    compute::host_update(&cx, HOST, &dead(true)).await.unwrap();
    let evacuated = compute::server_evacuate(&cx, id, None).await.unwrap();
    let before = lab.server(id).await;
    assert_eq!(before.host.as_deref(), Some(HOST));
    unsure.store(false, Ordering::SeqCst);
    assert_eq!(lab.ended(moved).await.status, Status::Done);
    assert_eq!(lab.ended(evacuated).await.status, Status::Undone);
    let server = lab.server(id).await;
    assert_eq!(server.host.as_deref(), Some(SECOND));
    assert_eq!(
        (server.vm_state, server.task_state),
        (VmState::Active, None)
    );
    assert_eq!(server.generation, before.generation);
    lab.play_nothing();
    compute::host_update(&cx, HOST, &dead(false)).await.unwrap();
    lab.delete_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_that_has_not_begun_to_send_is_aborted_and_cannot_be_forced() {
    let lab = Lab::with_second().await;
    let cx = Context::system(lab.cloud.clone());
    let id = lab.active("web").await.id;
    lab.agent_stop();
    let wish = LiveMigrationWish::default();
    let begun = compute::server_migrate_live(&cx, id, wish).await.unwrap();
    let number = compute::migration_list(&cx, of(id)).await.unwrap()[0].id;
    let shown = compute::server_migration_show(&cx, id, number).await;
    assert_eq!(shown.unwrap().status, MigrationStatus::Accepted);
    let forced = MigrationWish::ForceComplete;
    let forced = compute::server_migration_wish(&cx, id, number, forced).await;
    assert!(forced.unwrap_err().to_string().contains("accepted"));
    compute::server_migration_wish(&cx, id, number, MigrationWish::Abort)
        .await
        .unwrap();
    assert_eq!(lab.ended(begun).await.status, Status::Undone);
    assert_eq!(status(&lab, id).await, MigrationStatus::Cancelled);
    let late = compute::server_migration_wish(&cx, id, number, MigrationWish::Abort).await;
    assert!(late.unwrap_err().to_string().contains("cancelled"));
    lab.agent_start();
    let server = lab.server(id).await;
    assert_eq!(
        (server.vm_state, server.task_state),
        (VmState::Active, None)
    );
    assert!(compute::migration_prune(&cx, -1).await.unwrap() > 0);
    assert!(
        compute::migration_list(&cx, of(id))
            .await
            .unwrap()
            .is_empty()
    );
    lab.delete_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_is_drained_with_a_pause_and_its_servers_come_home() {
    let lab = Lab::with_second().await;
    let cx = Context::system(lab.cloud.clone());
    let servers = at_home(&lab, &["one", "two", "three"]).await;
    let plan = compute::moves_plan(&cx, MovesGoal::Drain, Some(HOST)).await;
    let plan = plan.unwrap();
    assert!(plan.refusals.is_empty());
    assert!(
        plan.moves
            .iter()
            .all(|one| one.to.as_deref() == Some(SECOND))
    );
    assert!(
        compute::moves_plan(&cx, MovesGoal::Drain, None)
            .await
            .is_err()
    );
    assert!(
        compute::moves_run(&cx, MovesGoal::Drain, Some("n9"), 2)
            .await
            .is_err()
    );
    assert!(
        compute::moves_run(&cx, MovesGoal::Drain, Some(HOST), 99)
            .await
            .is_err()
    );

    let run = compute::moves_run(&cx, MovesGoal::Drain, Some(HOST), 1)
        .await
        .unwrap();
    compute::moves_pause(&cx, run, true).await.unwrap();
    let paused = compute::moves_show(&cx, run).await.unwrap();
    assert!(paused.paused);
    compute::moves_pause(&cx, run, false).await.unwrap();
    assert_eq!(lab.ended(run).await.status, Status::Done);
    let shown = compute::moves_list(&cx).await.unwrap().remove(0);
    assert!(shown.moves.iter().all(|one| one.state == MoveState::Moved));
    for id in &servers {
        assert_eq!(lab.server(*id).await.host.as_deref(), Some(SECOND));
    }
    assert!(!compute::host_show(&cx, HOST).await.unwrap().enabled);
    assert!(compute::moves_retry(&cx, run).await.is_err());

    assert_eq!(lab.count("server_home", "1 = 1").await, 3);
    let run = compute::moves_run(&cx, MovesGoal::Return, Some(HOST), 2)
        .await
        .unwrap();
    assert_eq!(lab.ended(run).await.status, Status::Done);
    let shown = compute::moves_show(&cx, run).await.unwrap();
    let home = |one: &Move| one.state == MoveState::Moved && one.to.as_deref() == Some(HOST);
    assert!(shown.moves.iter().all(home), "{:#?}", shown.moves);
    for id in &servers {
        let server = lab.server(*id).await;
        assert_eq!(
            server.host.as_deref(),
            Some(HOST),
            "{server:?} {:#?}",
            shown.moves
        );
    }
    assert_eq!(lab.count("server_home", "1 = 1").await, 0);
    assert!(compute::host_show(&cx, HOST).await.unwrap().enabled);
    // Nothing to do is done at once.
    let run = compute::moves_run(&cx, MovesGoal::Condense, None, 2)
        .await
        .unwrap();
    assert_eq!(lab.ended(run).await.status, Status::Done);
    compute::migration_prune(&cx, -1).await.unwrap();
    assert!(compute::moves_list(&cx).await.unwrap().is_empty());
    lab.delete_all().await;
}

/// Servers of these names on the first host.
async fn at_home(lab: &Lab, names: &[&str]) -> Vec<ServerId> {
    let cx = Context::system(lab.cloud.clone());
    let mut servers = Vec::new();
    for name in names {
        let server = lab.active(name).await;
        if server.host.as_deref() != Some(HOST) {
            let wish = LiveMigrationWish {
                host: Some(HOST.into()),
                ..LiveMigrationWish::default()
            };
            let moved = compute::server_migrate_live(&cx, server.id, wish).await;
            assert_eq!(lab.ended(moved.unwrap()).await.status, Status::Done);
        }
        servers.push(server.id);
    }
    servers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_run_moved_goes_back_and_nothing_else() {
    let lab = Lab::with_second().await;
    let cx = Context::system(lab.cloud.clone());
    let servers = at_home(&lab, &["one", "two"]).await;
    let on = async |host: &str| {
        for id in &servers {
            assert_eq!(lab.server(*id).await.host.as_deref(), Some(host));
        }
    };
    let refusal = async |id| {
        let refused = compute::moves_roll_back(&cx, id).await;
        refused.unwrap_err().to_string()
    };
    let drain = compute::moves_run(&cx, MovesGoal::Drain, Some(HOST), 2)
        .await
        .unwrap();
    assert_eq!(lab.ended(drain).await.status, Status::Done);
    on(SECOND).await;
    // A server that came home by itself stays there.
    let wish = LiveMigrationWish {
        host: Some(HOST.into()),
        ..LiveMigrationWish::default()
    };
    let enabled = HostDecision {
        enabled: Some(true),
        ..HostDecision::default()
    };
    compute::host_update(&cx, HOST, &enabled).await.unwrap();
    let moved = compute::server_migrate_live(&cx, servers[0], wish).await;
    assert_eq!(lab.ended(moved.unwrap()).await.status, Status::Done);
    let back = compute::moves_roll_back(&cx, drain).await.unwrap();
    assert_eq!(lab.ended(back).await.status, Status::Done);
    on(HOST).await;
    assert_eq!(lab.count("server_home", "1 = 1").await, 0);
    assert!(compute::host_show(&cx, HOST).await.unwrap().enabled);
    assert!(refusal(back).await.contains("drain the host once more"));

    // What was gathered goes back to where it was, and has no home to be noted.
    let wish = LiveMigrationWish {
        host: Some(SECOND.into()),
        ..LiveMigrationWish::default()
    };
    let apart = compute::server_migrate_live(&cx, servers[1], wish).await;
    assert_eq!(lab.ended(apart.unwrap()).await.status, Status::Done);
    let gathered = compute::moves_run(&cx, MovesGoal::Condense, None, 3)
        .await
        .unwrap();
    assert_eq!(lab.ended(gathered).await.status, Status::Done);
    let moved = compute::moves_show(&cx, gathered).await.unwrap().moves;
    assert_eq!(moved.len(), 1, "{moved:#?}");
    assert_eq!(lab.server(moved[0].server).await.host, moved[0].to);
    // Where it came from takes nothing at first; what failed is tried again as what it was.
    let from = moved[0].from.clone();
    let disabled = HostDecision {
        enabled: Some(false),
        ..HostDecision::default()
    };
    compute::host_update(&cx, &from, &disabled).await.unwrap();
    let back = compute::moves_roll_back(&cx, gathered).await.unwrap();
    assert_eq!(lab.ended(back).await.status, Status::Done);
    let shown = compute::moves_show(&cx, back).await.unwrap();
    assert_eq!(shown.moves[0].state, MoveState::Failed);
    assert!(shown.moves[0].reason.is_some());
    compute::host_update(&cx, &from, &enabled).await.unwrap();
    let back = compute::moves_retry(&cx, back).await.unwrap();
    assert_eq!(lab.ended(back).await.status, Status::Done);
    let server = lab.server(moved[0].server).await;
    assert_eq!(server.host, Some(from));
    let shown = compute::moves_show(&cx, back).await.unwrap();
    assert_eq!(shown.goal, MovesGoal::Back);
    // What the operator chose for the first run holds for those that follow from it.
    assert_eq!(shown.at_once, 3);
    assert!(refusal(back).await.contains("once more"));
    assert!(compute::moves_retry(&cx, back).await.is_err());
    let wished = compute::moves_run(&cx, MovesGoal::Back, None, 2).await;
    assert!(wished.unwrap_err().to_string().contains("roll that back"));

    // One that goes on is aborted first, and one that did nothing has nothing to bring back.
    lab.agent_stop();
    let drain = compute::moves_run(&cx, MovesGoal::Drain, Some(HOST), 2)
        .await
        .unwrap();
    assert!(refusal(drain).await.contains("abort it first"));
    crate::saga::operation_abort(&cx, drain).await.unwrap();
    lab.agent_start();
    assert_eq!(lab.ended(drain).await.status, Status::Undone);
    assert!(compute::host_show(&cx, HOST).await.unwrap().enabled);
    let shown = compute::moves_show(&cx, drain).await.unwrap();
    if shown.moves.iter().all(|one| one.state != MoveState::Moved) {
        assert!(refusal(drain).await.contains("moved nothing"));
    }
    lab.quiet().await;
    lab.delete_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_is_evacuated_from_a_dead_host_only() {
    let lab = Lab::with_second().await;
    let cx = Context::system(lab.cloud.clone());
    let id = lab.active("web").await.id;
    let refused = compute::server_evacuate(&cx, id, None).await.unwrap_err();
    assert!(
        refused.to_string().contains("not known to be dead"),
        "{refused}"
    );
    let dead = HostDecision {
        forced_down: Some(true),
        ..HostDecision::default()
    };
    compute::host_update(&cx, HOST, &dead).await.unwrap();
    let begun = compute::server_evacuate(&cx, id, None).await.unwrap();
    assert_eq!(lab.ended(begun).await.status, Status::Done);
    let server = lab.server(id).await;
    assert_eq!(server.host.as_deref(), Some(SECOND));
    assert_eq!(
        (server.vm_state, server.task_state),
        (VmState::Active, None)
    );
    // The host was only said to be dead: what it has goes.
    lab.until("the old copy is gone", async || {
        let gone = lab.sim.spec(id).is_err();
        let paid = lab.count("server_residue", "1 = 1").await == 0;
        (gone && paid).then_some(())
    })
    .await;
    lab.delete_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_is_not_evacuated_to_a_host_that_still_has_to_clear_away_what_it_had_of_it() {
    let lab = Lab::with_second().await;
    let cx = Context::system(lab.cloud.clone());
    let id = at_home(&lab, &["web"]).await[0];
    lab.second_stop();
    let mut tx = lab.cloud.db.begin().await.unwrap();
    sql("INSERT INTO server_residue (host, server_id, created_at) VALUES ($1, $2, $3)")
        .bind(SECOND)
        .bind(id)
        .bind(crate::ids::Time::now())
        .execute(&mut tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let dead = HostDecision {
        forced_down: Some(true),
        ..HostDecision::default()
    };
    compute::host_update(&cx, HOST, &dead).await.unwrap();
    let begun = compute::server_evacuate(&cx, id, None).await.unwrap();
    assert_eq!(lab.ended(begun).await.status, Status::Undone);
    let decision = compute::decision_list(&cx, id).await.unwrap().remove(0);
    assert_eq!(decision.decision.excluded, [SECOND, HOST]);
    // It pays its debt, and may have the server.
    lab.second_start();
    lab.until("nothing is owed", async || {
        (lab.count("server_residue", "1 = 1").await == 0).then_some(())
    })
    .await;
    lab.quiet().await;
    let begun = compute::server_evacuate(&cx, id, None).await.unwrap();
    assert_eq!(lab.ended(begun).await.status, Status::Done);
    assert_eq!(lab.server(id).await.host.as_deref(), Some(SECOND));
    lab.delete_all().await;
}
