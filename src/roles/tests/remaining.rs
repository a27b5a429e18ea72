//! What no other story asks of the database: changes that are made in passing.

use std::collections::BTreeMap;

use super::kinds::prepare;
use super::lab::Lab;
use crate::compute::model::VmState;
use crate::compute::ops as compute;
use crate::context::{Actor, Context, Rank};
use crate::identity::model::RoleNew;
use crate::identity::ops as identity;
use crate::image::ops as image;
use crate::network::ops as network;
use crate::saga;
use crate::telemetry::ops::statistics;
use crate::telemetry::wire::{GroupBy, Meter, StatisticsQuery};
use crate::volume::ops as volume;
use crate::volume::ops::NewSnapshot;

/// Somebody who may do everything, of the same project.
fn admin(lab: &Lab) -> Context {
    let actor = Actor {
        rank: Some(Rank::Admin),
        ..Actor::clone(&lab.cx.actor)
    };
    Context::new(lab.cloud.clone(), actor, "req-admin")
}

#[tokio::test]
async fn things_are_changed_in_passing() {
    let lab = Lab::new().await;
    let admin = admin(&lab);
    let subject = prepare(&lab, "server_volume_detach").await;
    compute::server_volume_update(&lab.cx, subject.server, subject.volume, true)
        .await
        .unwrap();
    let (kept, _) = compute::server_volume_show(&lab.cx, subject.server, subject.volume)
        .await
        .unwrap();
    assert!(kept.delete_on_termination);
    compute::server_reset_state(&admin, subject.server, false)
        .await
        .unwrap();
    let server = lab.server(subject.server).await;
    assert_eq!(server.vm_state, VmState::Error);
    image::tag_add(&lab.cx, lab.image, "a").await.unwrap();
    image::tag_remove(&lab.cx, lab.image, "a").await.unwrap();
    assert!(image::tag_remove(&lab.cx, lab.image, "a").await.is_err());
    let counts = network::network_counts(&admin, true).await.unwrap();
    assert_eq!(counts, (1, 1));
    let query = StatisticsQuery {
        meter: Meter::ALL[0],
        group_by: GroupBy::Host,
        from: None,
        to: None,
        all_projects: true,
    };
    statistics(&admin, &query).await.unwrap();
}

#[tokio::test]
async fn snapshots_are_renamed_and_progress_is_kept() {
    let lab = Lab::new().await;
    let source = lab.volume().await;
    let new = NewSnapshot {
        name: "first".into(),
        description: None,
        metadata: BTreeMap::new(),
    };
    let made = volume::snapshot_create(&lab.cx, source, new).await.unwrap();
    lab.quiet().await;
    let name = Some("second".to_owned());
    volume::snapshot_update(&lab.cx, made.id, name, None, None)
        .await
        .unwrap();
    let shown = volume::snapshot_show(&lab.cx, made.id).await.unwrap();
    assert_eq!(shown.name, "second");
    lab.agent_stop();
    compute::server_create(&lab.cx, lab.request("waits"))
        .await
        .unwrap();
    let query = saga::OperationQuery {
        active: true,
        ..saga::OperationQuery::default()
    };
    let running = lab
        .until("the launch runs", async || {
            let open = saga::operation_list(&lab.cx, query.clone()).await.unwrap();
            open.into_iter().next()
        })
        .await;
    // Progress is of a step, and goes with it: the launch may just be on its way to the next.
    lab.until("the progress is shown", async || {
        saga::report(&lab.cloud, running.id, "copying", 1, Some(2), "B")
            .await
            .unwrap();
        let shown = saga::operation_show(&lab.cx, running.id).await.unwrap();
        (shown.progress?.total == Some(2)).then_some(())
    })
    .await;
    lab.agent_start();
    lab.quiet().await;
}

#[tokio::test]
async fn roles_imply_others_until_they_do_not() {
    let lab = Lab::new().await;
    let admin = admin(&lab);
    crate::identity::bootstrap(&Context::system(lab.cloud.clone()))
        .await
        .unwrap();
    let mut made = Vec::new();
    for name in ["above", "below"] {
        let new = RoleNew {
            name: name.into(),
            description: None,
        };
        made.push(identity::role_create(&admin, new).await.unwrap().id);
    }
    identity::role_implied_add(&admin, made[0], made[1])
        .await
        .unwrap();
    identity::role_implied_remove(&admin, made[0], made[1])
        .await
        .unwrap();
    let gone = identity::role_implied_remove(&admin, made[0], made[1]).await;
    assert!(gone.is_err());
}
