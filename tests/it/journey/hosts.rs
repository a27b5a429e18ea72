//! Servers on three hosts, each with its own agent; a host whose power fails comes back as it was.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use serde_json::json;
use skydeck::api::wire::Nothing;
use skydeck::compute::wire::{ServerAction, ServerCreate, ServerCreateRequest};

use super::cloud::PATIENCE;
use super::guest::wait_ready;
use super::rack::RackCloud;
use super::stock::OpenStack;
use crate::lab::guest as disk;
use crate::lab::rack::Rack;
use crate::lab::wait::wait_for_async;

/// `agent.down_after` of this cloud, in seconds.
const DOWN_AFTER: u64 = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_spread_over_three_hosts_and_one_of_these_loses_its_power() {
    let agent = format!("report_interval = 1\ndown_after = {DOWN_AFTER}");
    let mut cloud = RackCloud::start(3, &agent).await;
    let image = cloud.image("guest", &disk::qcow2(), "qcow2").await.id;
    let flavor = cloud.flavor("guest", 128, 1).await;
    let group = OpenStack::new(&cloud).json("server group create --policy anti-affinity apart");

    let mut places = BTreeMap::new();
    for number in cloud.rack.numbers() {
        let request = ServerCreateRequest {
            server: ServerCreate {
                name: format!("apart-{number}"),
                flavor_ref: flavor.clone(),
                image_ref: Some(image.clone()),
                ..ServerCreate::default()
            },
            scheduler_hints: Some([("group".to_owned(), json!(group["id"]))].into()),
        };
        places.insert(cloud.launch_as(request).await, String::new());
    }
    for (id, host) in &mut places {
        *host = cloud.wait_status(id, "ACTIVE").await.host.expect("a host");
    }
    let hosts: BTreeSet<&String> = places.values().collect();
    assert_eq!(hosts.len(), 3, "{places:?}");
    for id in places.keys() {
        wait_ready(&cloud, id, 1).await;
    }
    for number in cloud.rack.numbers() {
        assert_eq!(cloud.running_on(number).len(), 1, "on {number}");
    }

    let (id, _) = places
        .iter()
        .find(|(_, host)| **host == Rack::name(2))
        .expect("a server on h2");
    let crashed = Instant::now();
    cloud.crash(2);
    cloud.host_is(2, "down").await;
    // A report may have been on its way, and the list is asked for anew.
    let took = crashed.elapsed();
    assert!(took < Duration::from_secs(DOWN_AFTER + 3), "{took:?}");
    // Silence alone decides nothing about its server, and nothing about the others.
    cloud.settled().await;
    for (id, host) in &places {
        let server = cloud.wait_status(id, "ACTIVE").await;
        assert_eq!(server.host.as_ref(), Some(host));
    }
    for number in [1, 3] {
        assert_eq!(cloud.running_on(number).len(), 1, "on {number}");
    }

    cloud.power_on(2);
    cloud.host_is(2, "up").await;
    // It was off when the host came back, with its disk.
    let server = cloud.wait_status(id, "SHUTOFF").await;
    assert_eq!(server.host, Some(Rack::name(2)));
    cloud.act(id, &ServerAction::Start(Nothing), "ACTIVE").await;
    wait_ready(&cloud, id, 2).await;
    for id in places.keys() {
        cloud.delete(id).await;
    }
    for number in cloud.rack.numbers() {
        assert!(cloud.running_on(number).is_empty(), "on {number}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_host_is_fenced_by_a_command_and_its_servers_are_made_anew_elsewhere() {
    let dir = tempfile::tempdir().unwrap();
    let command = dir.path().join("cut-power");
    let (asked, works) = (dir.path().join("asked"), dir.path().join("works"));
    let script = format!(
        "#!/bin/sh\necho \"$1\" >>{}\n[ -e {} ] || {{ echo no answer >&2; exit 1; }}\n",
        asked.display(),
        works.display()
    );
    std::fs::write(&command, script).unwrap();
    std::fs::set_permissions(&command, std::fs::Permissions::from_mode(0o700)).unwrap();
    let settings = format!(
        "[compute]\nfencing_command = [{:?}]\nfencing_delay = 2\n",
        command.display().to_string()
    );
    let mut cloud =
        RackCloud::start_with(3, "report_interval = 1\ndown_after = 3", &settings).await;
    let image = cloud.empty_image().await.id;
    let flavor = cloud.flavor("small", 64, 0).await;
    let mut servers = Vec::new();
    for number in 0..2 {
        let id = cloud
            .launch(ServerCreate {
                name: format!("guest-{number}"),
                flavor_ref: flavor.clone(),
                image_ref: Some(image.clone()),
                availability_zone: Some(format!("nova:{}", Rack::name(2))),
                ..ServerCreate::default()
            })
            .await;
        cloud.wait_status(&id, "ACTIVE").await;
        servers.push(id);
    }
    cloud.crash(2);
    // A command that fails changes nothing, and is run again.
    let runs = || std::fs::read_to_string(&asked).map_or(0, |text| text.lines().count());
    wait_for_async("the command to be run twice", PATIENCE, async || {
        (runs() >= 2).then_some(())
    })
    .await;
    for id in &servers {
        let server = cloud.client().server_show(id).await.expect("the server");
        assert_eq!(server.host, Some(Rack::name(2)));
    }
    std::fs::write(&works, "").unwrap();
    for id in &servers {
        wait_for_async("the server to run elsewhere", PATIENCE, async || {
            let server = cloud.client().server_show(id).await.expect("the server");
            let elsewhere = server.host != Some(Rack::name(2));
            (elsewhere && server.status == "ACTIVE").then_some(())
        })
        .await;
    }
    let said = std::fs::read_to_string(&asked).unwrap();
    assert!(said.lines().all(|host| host == "h2"), "{said}");
    assert_eq!(cloud.running_on(1).len() + cloud.running_on(3).len(), 2);
    // It is dead until an operator says otherwise, and comes back without what it had.
    cloud.power_on(2);
    wait_for_async("the old copies to go", PATIENCE, async || {
        cloud.guests_on(2).is_empty().then_some(())
    })
    .await;
    for id in &servers {
        cloud.delete(id).await;
    }
}
