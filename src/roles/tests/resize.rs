//! Servers that get another flavor or another host while they are off, with two nodes to choose from.

use super::lab::{HOST, LARGE, Lab, SECOND, SMALL};
use crate::compute::model::{MigrationKind, MigrationQuery, MigrationStatus, Server, VmState};
use crate::compute::ops as compute;
use crate::compute::ops::HostDecision;
use crate::context::Context;
use crate::ids::ServerId;
use crate::saga::Status;

async fn enable(cx: &Context, enabled: bool) {
    let decision = HostDecision {
        enabled: Some(enabled),
        ..HostDecision::default()
    };
    compute::host_update(cx, HOST, &decision).await.unwrap();
}

/// The server once it waits for its owner.
async fn asks(lab: &Lab, id: ServerId) -> Server {
    lab.until("the server waits for a decision", async || {
        let server = lab.server(id).await;
        (server.vm_state == VmState::Resized && server.task_state.is_none()).then_some(server)
    })
    .await
}

/// Kind, status and destination of its last move.
async fn last_move(cx: &Context, id: ServerId) -> (MigrationKind, MigrationStatus, Option<String>) {
    let query = MigrationQuery {
        server: Some(id),
        limit: 1,
        ..MigrationQuery::default()
    };
    let found = compute::migration_list(cx, query).await.unwrap().remove(0);
    (found.kind, found.status, found.destination)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_resize_stays_where_there_is_room_and_goes_where_there_is_if_not() {
    let lab = Lab::with_second().await;
    let cx = Context::system(lab.cloud.clone());
    let id = lab.active("web").await.id;
    let begun = compute::server_resize(&cx, id, LARGE).await.unwrap();
    assert_eq!(asks(&lab, id).await.host.as_deref(), Some(HOST));
    compute::server_resize_confirm(&cx, id).await.unwrap();
    assert_eq!(lab.ended(begun).await.status, Status::Done);
    let (kind, status, to) = last_move(&cx, id).await;
    assert_eq!(kind, MigrationKind::Resize);
    assert_eq!(
        (status, to.as_deref()),
        (MigrationStatus::Confirmed, Some(HOST))
    );

    lab.delete_all().await;
    let id = lab.active("web").await.id;
    enable(&cx, false).await;
    let begun = compute::server_resize(&cx, id, LARGE).await.unwrap();
    let there = asks(&lab, id).await;
    assert_eq!(there.host.as_deref(), Some(SECOND));
    assert_eq!(last_move(&cx, id).await.1, MigrationStatus::Finished);
    // Both hosts keep their room for it.
    let claims = compute::claims_of_server(&cx, id).await.unwrap();
    let mut hosts: Vec<&str> = claims.iter().map(|claim| claim.host.as_str()).collect();
    hosts.sort_unstable();
    assert_eq!(hosts, [HOST, SECOND]);
    compute::server_resize_revert(&cx, id).await.unwrap();
    assert_eq!(lab.ended(begun).await.status, Status::Undone);
    assert_eq!(last_move(&cx, id).await.1, MigrationStatus::Reverted);
    let back = lab.server(id).await;
    assert_eq!(
        (back.host.as_deref(), back.vm_state),
        (Some(HOST), VmState::Active)
    );
    assert_eq!(back.flavor.id, SMALL);
    assert!(lab.second.as_ref().unwrap().spec(id).is_err());
    assert!(lab.sim.spec(id).is_ok());

    let begun = compute::server_resize(&cx, id, LARGE).await.unwrap();
    asks(&lab, id).await;
    compute::server_resize_confirm(&cx, id).await.unwrap();
    assert_eq!(lab.ended(begun).await.status, Status::Done);
    let there = lab.server(id).await;
    assert_eq!(
        (there.host.as_deref(), there.vm_state),
        (Some(SECOND), VmState::Active)
    );
    assert_eq!(there.flavor.id, LARGE);
    assert!(lab.sim.spec(id).is_err());
    let claims = compute::claims_of_server(&cx, id).await.unwrap();
    assert_eq!(claims.len(), 1);
    enable(&cx, true).await;
    lab.delete_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cold_migration_waits_for_its_owner_and_can_be_deleted_meanwhile() {
    let lab = Lab::with_second().await;
    let cx = Context::system(lab.cloud.clone());
    let id = lab.active("web").await.id;
    let same = compute::server_migrate(&cx, id, Some(HOST.into()), true).await;
    assert!(same.unwrap_err().to_string().contains("already"));
    let begun = compute::server_migrate(&cx, id, Some(SECOND.into()), true)
        .await
        .unwrap();
    assert_eq!(asks(&lab, id).await.host.as_deref(), Some(SECOND));
    compute::server_resize_confirm(&cx, id).await.unwrap();
    assert_eq!(lab.ended(begun).await.status, Status::Done);
    let names = compute::server_action_list(&cx, id).await.unwrap();
    let names: Vec<&str> = names.iter().map(|action| action.name.as_str()).collect();
    assert_eq!(names, ["confirmResize", "migrate", "create"]);

    compute::server_migrate(&cx, id, None, true).await.unwrap();
    assert_eq!(asks(&lab, id).await.host.as_deref(), Some(HOST));
    compute::server_delete(&cx, id).await.unwrap();
    lab.until("it is gone from both", async || {
        let live = format!("id = '{id}' AND deleted_at IS NULL");
        let gone = lab.count("server", &live).await == 0;
        let here = lab.sim.spec(id).is_ok() || lab.second.as_ref().unwrap().spec(id).is_ok();
        (gone && !here).then_some(())
    })
    .await;
    assert_eq!(lab.count("claim", "1 = 1").await, 0);
    assert_eq!(last_move(&cx, id).await.1, MigrationStatus::Cancelled);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_to_a_host_that_dies_before_it_is_confirmed_is_reverted_without_it() {
    let lab = Lab::with_second().await;
    let cx = Context::system(lab.cloud.clone());
    let id = lab.active("web").await.id;
    let begun = compute::server_migrate(&cx, id, None, true).await.unwrap();
    asks(&lab, id).await;
    lab.second_stop();
    let dead = HostDecision {
        forced_down: Some(true),
        ..HostDecision::default()
    };
    compute::host_update(&cx, SECOND, &dead).await.unwrap();
    compute::server_resize_revert(&cx, id).await.unwrap();
    assert_eq!(lab.ended(begun).await.status, Status::Undone);
    let back = lab.server(id).await;
    assert_eq!(
        (back.host.as_deref(), back.vm_state),
        (Some(HOST), VmState::Active)
    );
    // What it has goes when it comes back.
    assert_eq!(lab.count("server_residue", "1 = 1").await, 1);
    lab.second_start();
    lab.until("the copy is gone", async || {
        lab.second.as_ref().unwrap().spec(id).is_err().then_some(())
    })
    .await;
    lab.delete_all().await;
}
