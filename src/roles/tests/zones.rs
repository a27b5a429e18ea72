//! A server goes where its owner wanted it, also when it moves later.

use super::lab::{HOST, LARGE, Lab, SECOND};
use crate::compute::model::{MoveState, MovesGoal, VmState};
use crate::compute::ops as compute;
use crate::compute::ops::{HostDecision, LiveMigrationWish, NewServer};
use crate::ids::{OperationId, ServerId};
use crate::saga::Status;

/// The first node is in zone east, the second one in west. Says which aggregate is west.
async fn two_zones(lab: &Lab) -> i64 {
    let cx = lab.system();
    let mut last = 0;
    for (zone, host) in [("east", HOST), ("west", SECOND)] {
        let made = compute::aggregate_create(&cx, zone, Some(zone)).await;
        last = made.unwrap().number;
        compute::aggregate_host_add(&cx, last, host).await.unwrap();
    }
    last
}

/// A server that runs on the first node, as long as the second one takes none.
async fn launched(lab: &Lab, request: NewServer) -> ServerId {
    decide(lab, SECOND, enabled(false)).await;
    let made = compute::server_create(&lab.cx, request).await.unwrap();
    lab.quiet().await;
    let server = lab.server(made[0].id).await;
    assert_eq!(server.vm_state, VmState::Active, "{:?}", server.fault);
    assert_eq!(server.host.as_deref(), Some(HOST));
    decide(lab, SECOND, enabled(true)).await;
    server.id
}

/// The operation came to nothing because of this filter, and the server is where it was.
async fn refused(lab: &Lab, id: ServerId, operation: OperationId, filter: &str) {
    let ended = lab.ended(operation).await;
    assert_eq!(ended.status, Status::Undone);
    let reason = ended.error.expect("a reason").message;
    assert!(reason.contains(filter), "{reason}");
    lab.quiet().await;
    let server = lab.server(id).await;
    assert_eq!(server.host.as_deref(), Some(HOST));
    assert_eq!(server.task_state, None);
}

async fn decide(lab: &Lab, host: &str, decision: HostDecision) {
    let cx = lab.system();
    compute::host_update(&cx, host, &decision).await.unwrap();
}

fn enabled(enabled: bool) -> HostDecision {
    HostDecision {
        enabled: Some(enabled),
        ..HostDecision::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_was_wanted_in_a_zone_stays_in_it_however_it_moves() {
    let lab = Lab::with_second().await;
    let cx = lab.system();
    let west = two_zones(&lab).await;
    let zone = "AvailabilityZoneFilter";
    let bound = NewServer {
        availability_zone: Some("east".into()),
        ..lab.request("bound")
    };
    let id = launched(&lab, bound).await;
    let free = launched(&lab, lab.request("free")).await;

    // By the scheduler's choice, and to a host that an administrator names.
    for host in [None, Some(SECOND.to_owned())] {
        let wish = LiveMigrationWish {
            host: host.clone(),
            ..LiveMigrationWish::default()
        };
        let begun = compute::server_migrate_live(&cx, id, wish).await;
        refused(&lab, id, begun.unwrap(), zone).await;
        let begun = compute::server_migrate(&cx, id, host, false).await;
        refused(&lab, id, begun.unwrap(), zone).await;
    }
    let any = LiveMigrationWish::default();
    let plan = compute::server_migrate_plan(&cx, id, &any).await.unwrap();
    assert_eq!(plan.decision.chosen, None);
    assert_eq!(plan.decision.availability_zone.as_deref(), Some("east"));
    assert_eq!(plan.outlook, None);

    // A drain says so beforehand, and moves the other one alone.
    let plan = compute::moves_plan(&cx, MovesGoal::Drain, Some(HOST));
    let plan = plan.await.unwrap();
    assert_eq!(plan.refusals.keys().collect::<Vec<_>>(), [&id]);
    for one in &plan.moves {
        let to = (one.server == free).then(|| SECOND.to_owned());
        assert_eq!(one.to, to);
        let says = one.reason.as_ref().is_some_and(|text| text.contains(zone));
        assert_eq!(says, one.server == id, "{one:?}");
    }
    let run = compute::moves_run(&cx, MovesGoal::Drain, Some(HOST), 2);
    let run = run.await.unwrap();
    lab.ended(run).await;
    let shown = compute::moves_show(&cx, run).await.unwrap();
    for one in &shown.moves {
        let wanted = [MoveState::Failed, MoveState::Moved][usize::from(one.server == free)];
        assert_eq!(one.state, wanted, "{one:?}");
    }
    assert_eq!(lab.server(free).await.host.as_deref(), Some(SECOND));
    // Its host takes nothing new: a larger flavor would need another one.
    let begun = compute::server_resize(&lab.cx, id, LARGE).await.unwrap();
    refused(&lab, id, begun, zone).await;
    decide(&lab, HOST, enabled(true)).await;

    // Nor is it made anew elsewhere when its host is dead, until there is room in its zone.
    let dead = |dead| HostDecision {
        forced_down: Some(dead),
        ..HostDecision::default()
    };
    decide(&lab, HOST, dead(true)).await;
    let begun = compute::server_evacuate(&cx, id, None).await.unwrap();
    refused(&lab, id, begun, zone).await;
    decide(&lab, HOST, dead(false)).await;
    // Whoever is on a host keeps it in its zone.
    compute::server_delete(&lab.cx, free).await.unwrap();
    lab.quiet().await;
    compute::aggregate_host_remove(&cx, west, SECOND)
        .await
        .unwrap();
    let east = west - 1;
    compute::aggregate_host_add(&cx, east, SECOND)
        .await
        .unwrap();
    let wish = LiveMigrationWish::default();
    let begun = compute::server_migrate_live(&cx, id, wish).await.unwrap();
    assert_eq!(lab.ended(begun).await.status, Status::Done);
    let server = lab.server(id).await;
    assert_eq!(server.host.as_deref(), Some(SECOND));
    assert_eq!(server.availability_zone.as_deref(), Some("east"));
    assert_eq!(lab.count("server_wish", "1 = 1").await, 1);
    lab.delete_all().await;
    assert_eq!(lab.count("server_wish", "1 = 1").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hints_of_the_launch_hold_for_moves_as_long_as_who_they_name_is_there() {
    let lab = Lab::with_second().await;
    let cx = lab.system();
    let anchor = launched(&lab, lab.request("anchor")).await;
    let hint = |name: &str| NewServer {
        hints: [(name.to_owned(), serde_json::json!([anchor.to_string()]))].into(),
        ..lab.request(name)
    };
    let beside = launched(&lab, hint("same_host")).await;
    let begun = compute::server_migrate(&cx, beside, None, false).await;
    refused(&lab, beside, begun.unwrap(), "SameHostFilter").await;
    let made = compute::server_create(&lab.cx, hint("different_host")).await;
    let apart = made.unwrap()[0].id;
    lab.quiet().await;
    assert_eq!(lab.server(apart).await.host.as_deref(), Some(SECOND));
    let any = LiveMigrationWish::default();
    let plan = compute::server_migrate_plan(&cx, apart, &any)
        .await
        .unwrap();
    assert_eq!(plan.decision.chosen, None);
    // Whom both were about is gone.
    compute::server_delete(&lab.cx, anchor).await.unwrap();
    lab.quiet().await;
    for (id, to) in [(beside, SECOND), (apart, HOST)] {
        let begun = compute::server_migrate(&cx, id, None, false).await.unwrap();
        assert_eq!(lab.ended(begun).await.status, Status::Done);
        assert_eq!(lab.server(id).await.host.as_deref(), Some(to));
    }
    lab.delete_all().await;
}
