//! Something dies at each phase of a move: at each step of the operation the control process, every other time with the
//! broker; at each question the node that is asked, or the broker alone. Each time the guest runs on one host afterwards, which
//! is the one that the cloud says.
//!
//! Steps are asked for, not listed: a server moves once undisturbed. One that dies at a step dies when that is done and not
//! yet written down.

use skydeck::compute::wire::{Migrate, MigrateLive, ServerAction, ServerCreate};

use super::cloud::PATIENCE;
use super::rack::RackCloud;
use crate::lab::rack::Rack;
use crate::lab::wait::wait_for_async;

/// Guests that boot nothing do not obey a shutdown either.
const HASTY: &str =
    "[compute]\nshutdown_timeout = 1\nresize_confirm_window = 1\n[operations]\nlease_seconds = 2\n";
const AGENT: &str = "report_interval = 1\ndown_after = 5";

/// What is asked of the source and of the destination of a live migration, in this order.
const ASKED: &[(usize, &str)] = &[
    (1, "migration_check_source"),
    (2, "migration_check_destination"),
    (2, "migration_prepare"),
    (1, "instance_migrate"),
    (2, "migration_look"),
    (2, "migration_take_over"),
    (1, "instance_delete"),
];

/// A cloud of two hosts with a server on the first.
async fn start() -> (RackCloud, String) {
    let cloud = RackCloud::start_with(2, AGENT, HASTY).await;
    let image = cloud.empty_image().await.id;
    let flavor = cloud.flavor("small", 64, 0).await;
    let id = cloud
        .launch(ServerCreate {
            name: "mover".into(),
            flavor_ref: flavor,
            image_ref: Some(image),
            availability_zone: Some(format!("nova:{}", Rack::name(1))),
            ..ServerCreate::default()
        })
        .await;
    cloud.wait_status(&id, "ACTIVE").await;
    (cloud, id)
}

fn live() -> ServerAction {
    ServerAction::MigrateLive(MigrateLive::default())
}

fn cold() -> ServerAction {
    ServerAction::Migrate(Some(Migrate::default()))
}

/// The guest runs on one host, the one that the cloud says, and the other has nothing of it; says which.
async fn agree(cloud: &RackCloud, id: &str, what: &str) -> usize {
    cloud.settled().await;
    let client = cloud.client();
    wait_for_async(
        &format!("all to agree after {what}"),
        PATIENCE,
        async || {
            let server = client.server_show(id).await.ok()?;
            let at = [1, 2]
                .into_iter()
                .find(|n| server.host == Some(Rack::name(*n)))?;
            let other = 3 - at;
            let left = cloud.rack.host(other).dir().join("skydeck/instances");
            let left = std::fs::read_dir(left).map_or(0, Iterator::count);
            let here = cloud.running_on(at).len() == 1 && cloud.guests_on(at).len() == 1;
            let there = !cloud.guests_on(other).is_empty() || left > 0;
            let settled = server.status == "ACTIVE" && server.task_state.is_none();
            (settled && here && !there).then_some(at)
        },
    )
    .await
}

/// Brings it back to the first host, if it is not there.
async fn home(cloud: &RackCloud, id: &str, at: usize) {
    if at == 2 {
        let _ = cloud.client().server_action(id, &live()).await;
        assert_eq!(agree(cloud, id, "its return").await, 1);
    }
}

/// The control process dies at each step of what this action begins; every other time the broker dies with it.
async fn control_dies(kind: &str, action: impl Fn() -> ServerAction) {
    let (mut cloud, id) = start().await;
    let _ = cloud.client().server_action(&id, &action()).await;
    let at = agree(&cloud, &id, "an undisturbed move").await;
    assert_eq!(at, 2);
    let steps: Vec<String> = cloud
        .operation(kind)
        .await
        .steps
        .into_iter()
        .map(|step| step.name)
        .collect();
    home(&cloud, &id, at).await;
    for (number, step) in steps.iter().enumerate() {
        let place = format!("{kind}.{step}.run.after");
        cloud.kill();
        cloud.boot(&[("SKYDECK_TEST_CRASH_AT", &place)]);
        cloud.host_is(1, "up").await;
        cloud.host_is(2, "up").await;
        let _ = cloud.client().server_action(&id, &action()).await;
        cloud.wait_dead();
        if number % 2 == 1 {
            cloud.lose_broker();
        }
        cloud.boot(&[]);
        let at = agree(&cloud, &id, &place).await;
        home(&cloud, &id, at).await;
    }
    cloud.delete(&id).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_control_process_dies_at_each_step_of_a_live_migration() {
    control_dies("live_migration", live).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_control_process_dies_at_each_step_of_a_cold_migration() {
    control_dies("server_resize", cold).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn either_node_dies_at_each_question_of_a_live_migration() {
    let (mut cloud, id) = start().await;
    for (host, method) in ASKED {
        for moment in ["before", "after"] {
            let place = format!("{method}.{moment}");
            cloud.kill_agent(*host);
            cloud.start_agent_with(*host, &[("SKYDECK_TEST_CRASH_AT", &place)]);
            let asked = cloud.client().server_action(&id, &live()).await;
            asked.unwrap_or_else(|error| panic!("{place}: {error}"));
            cloud.wait_agent_dead(*host);
            cloud.start_agent(*host);
            let at = agree(&cloud, &id, &place).await;
            home(&cloud, &id, at).await;
        }
    }
    cloud.delete(&id).await;
}

/// While the node that is asked stands still: every other time the question, and every other time its answer, is what the
/// broker may lose.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_broker_dies_at_each_question_of_a_live_migration() {
    let (mut cloud, id) = start().await;
    let moment = |number: usize| ["after", "before"][number % 2];
    let places: Vec<(usize, String)> = ASKED
        .iter()
        .enumerate()
        .map(|(number, (host, method))| (*host, format!("{method}.{}", moment(number))))
        .collect();
    for host in [1, 2] {
        let its: Vec<&str> = places
            .iter()
            .filter(|(at, _)| *at == host)
            .map(|(_, place)| place.as_str())
            .collect();
        cloud.kill_agent(host);
        cloud.start_agent_with(host, &[("SKYDECK_TEST_STOP_AT", &its.join(","))]);
    }
    let asked = cloud.client().server_action(&id, &live()).await;
    asked.unwrap_or_else(|error| panic!("{error}"));
    for (number, (host, place)) in places.iter().enumerate() {
        // What the source has left it clears away later if it can not be asked now: then the operation is over.
        let is_last = number + 1 == places.len();
        wait_for_async(place, PATIENCE, async || {
            let operation = cloud.operation("live_migration").await;
            let goes_on = operation.finished.is_none();
            assert!(goes_on || is_last, "before {place}: {operation:?}");
            cloud.agent(*host).is_stopped().then_some(())
        })
        .await;
        cloud.lose_broker();
        cloud.agent(*host).go_on();
    }
    let at = agree(&cloud, &id, "seven ends of the broker").await;
    assert_eq!(at, 2);
    cloud.delete(&id).await;
}
