//! A host is emptied while another loses its power, and filled again.

use std::collections::BTreeMap;
use std::time::Duration;

use skydeck::api::wire::{MovesRequest, MovesRun};
use skydeck::compute::wire::ServerCreate;

use super::cloud::PATIENCE;
use super::rack::RackCloud;
use crate::lab::rack::Rack;
use crate::lab::wait::wait_for_async;

/// Servers on the host that is emptied.
const SERVERS: usize = 10;

/// The run of moves once it has ended.
async fn ended(cloud: &RackCloud, id: &str) -> MovesRun {
    let client = cloud.client();
    wait_for_async("the run of moves to end", PATIENCE, async || {
        let run = client.moves_show(id).await.expect("the run");
        run.finished_at.is_some().then_some(run)
    })
    .await
}

/// How many of a run's moves are in this state.
fn count(run: &MovesRun, state: &str) -> usize {
    run.moves.iter().filter(|one| one.state == state).count()
}

fn wish(goal: &str) -> MovesRequest {
    MovesRequest {
        goal: goal.to_owned(),
        host: Some(Rack::name(1)),
        at_once: Some(2),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_guests_leave_a_host_while_another_loses_its_power_and_come_home_again() {
    let mut cloud = RackCloud::start_with(
        3,
        "report_interval = 1\ndown_after = 4",
        // Two processors have to do for all.
        "[compute]\ncpu_allocation_ratio = 16.0\n",
    )
    .await;
    let image = cloud.empty_image().await.id;
    let flavor = cloud.flavor("small", 64, 0).await;
    let mut servers = Vec::new();
    for number in 0..SERVERS {
        let id = cloud
            .launch(ServerCreate {
                name: format!("guest-{number}"),
                flavor_ref: flavor.clone(),
                image_ref: Some(image.clone()),
                availability_zone: Some(format!("nova:{}", Rack::name(1))),
                ..ServerCreate::default()
            })
            .await;
        servers.push(id);
    }
    for id in &servers {
        cloud.wait_status(id, "ACTIVE").await;
    }
    let client = cloud.client();
    let plan = client.moves_plan(&wish("drain")).await.expect("a plan");
    assert!(plan.fits, "{plan:?}");
    assert_eq!(plan.moves.len(), SERVERS);

    let run = client.moves_run(&wish("drain")).await.expect("a run");
    let id = run.operation_id;
    wait_for_async("a few to have moved", PATIENCE, async || {
        let run = client.moves_show(&id).await.expect("the run");
        (count(&run, "moved") >= 2).then_some(())
    })
    .await;
    cloud.crash(2);
    cloud.host_is(2, "down").await;
    let run = ended(&cloud, &id).await;
    assert_eq!(count(&run, "moved"), SERVERS, "{run:#?}");
    // None is left on the host, and whoever went to the dead one is there for the cloud until somebody says that it is dead.
    assert!(cloud.running_on(1).is_empty());
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for id in &servers {
        let server = client.server_show(id).await.expect("the server");
        assert_eq!(server.task_state, None);
        *places.entry(server.host.unwrap()).or_default() += 1;
    }
    assert_eq!(places.get("h1"), None, "{places:?}");
    let third = places.get("h3").copied().unwrap_or(0);
    assert_eq!(cloud.running_on(3).len(), third, "{places:?}");

    // The dead host comes back, and its guests are off. All come home: those that run while they run, the others as they are.
    cloud.power_on(2);
    cloud.host_is(2, "up").await;
    wait_for_async(
        "the guests of h2 to be known as off",
        PATIENCE,
        async || {
            for id in &servers {
                let server = client.server_show(id).await.expect("the server");
                if server.host.as_deref() == Some("h2") && server.status != "SHUTOFF" {
                    return None;
                }
            }
            Some(())
        },
    )
    .await;
    let run = client.moves_run(&wish("return")).await.expect("a run");
    let run = ended(&cloud, &run.operation_id).await;
    assert_eq!(count(&run, "moved"), SERVERS, "{run:#?}");
    assert_eq!(cloud.running_on(1).len(), third);
    assert!(cloud.running_on(3).is_empty());
    let services = client.compute_service_list().await.expect("services");
    let home = services
        .iter()
        .find(|service| service.host == "h1" && service.binary == "nova-compute");
    assert_eq!(home.expect("h1").status, "enabled");
    for id in &servers {
        cloud.delete(id).await;
    }
    wait_for_async("no guest to be left", Duration::from_secs(60), async || {
        let left: Vec<String> = cloud
            .rack
            .numbers()
            .flat_map(|number| cloud.guests_on(number))
            .collect();
        left.is_empty().then_some(())
    })
    .await;
}
