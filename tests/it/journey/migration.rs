//! Running servers move between hosts: the guest goes on, what it counts goes on, and nothing is left where it was.

use base64::Engine;
use skydeck::compute::wire::{Server, ServerCreate};

use super::cloud::PATIENCE;
use super::guest::{wait_ready, wait_said};
use super::rack::RackCloud;
use super::stock::OpenStack;
use crate::lab::guest as disk;
use crate::lab::rack::Rack;
use crate::lab::wait::wait_for_async;

/// Says a number and its uptime in seconds, five times a second, for as long as it runs.
const COUNTER: &str = "#!/bin/sh\n\
    (i=0; while :; do i=$((i+1)); read up _ </proc/uptime; echo COUNT $i ${up%.*} >/dev/console; usleep 200000; done) &\n";

/// A server that counts, on the first host.
async fn counting(cloud: &RackCloud, name: &str) -> String {
    let image = cloud.image("guest", &disk::qcow2(), "qcow2").await.id;
    let flavor = cloud.flavor("guest", 128, 1).await;
    let id = cloud
        .launch(ServerCreate {
            name: name.into(),
            flavor_ref: flavor,
            image_ref: Some(image),
            availability_zone: Some(format!("nova:{}", Rack::name(1))),
            config_drive: Some(true),
            user_data: Some(base64::engine::general_purpose::STANDARD.encode(COUNTER)),
            ..ServerCreate::default()
        })
        .await;
    cloud.wait_status(&id, "ACTIVE").await;
    wait_ready(cloud, &id, 1).await;
    id
}

/// The last number said, and the uptime with it, once the number is above `above`.
async fn count(cloud: &RackCloud, id: &str, above: u64) -> (u64, u64) {
    wait_said(
        &cloud.client(),
        id,
        &format!("a number above {above}"),
        |line| {
            let mut words = line.split_once("COUNT ")?.1.split_whitespace();
            let number: u64 = words.next()?.parse().ok()?;
            let uptime = words.next()?.parse().ok()?;
            (number > above).then_some((number, uptime))
        },
    )
    .await
}

/// Waits until the server runs on a host and nothing is done to it.
async fn wait_on(cloud: &RackCloud, id: &str, number: usize) -> Server {
    let (client, host) = (cloud.client(), Rack::name(number));
    wait_for_async(
        &format!("the server to be on {host}"),
        PATIENCE,
        async || {
            let server = client.server_show(id).await.expect("the server");
            assert_ne!(server.status, "ERROR", "{:?}", server.fault);
            let there = server.host.as_ref() == Some(&host) && server.task_state.is_none();
            there.then_some(server)
        },
    )
    .await
}

/// Moves it to another host and back by the scheduler's choice, and looks at everything on the way.
async fn there_and_back(agent: &str, shared: bool) {
    let cloud = RackCloud::start(2, agent).await;
    let stock = OpenStack::new(&cloud);
    let id = counting(&cloud, "counter").await;
    let (mut number, mut uptime) = count(&cloud, &id, 3).await;
    let ready = wait_ready(&cloud, &id, 1).await;
    for (from, to, wish) in [(1, 2, "--host h2"), (2, 1, "")] {
        stock.ok(&format!("--os-compute-api-version 2.88 server migrate --live-migration {wish} {id}"));
        cloud.settled().await;
        wait_on(&cloud, &id, to).await;
        assert!(cloud.guests_on(from).is_empty(), "left on h{from}");
        assert_eq!(cloud.running_on(to).len(), 1, "on h{to}");
        let (now, up) = count(&cloud, &id, number + 3).await;
        assert!(up >= uptime, "its uptime was {uptime} s and is {up} s");
        (number, uptime) = (now, up);
        // The same address, on the host where it is now.
        let ping = ["ping", "-c", "3", "-i", "0.3", "-W", "2", &ready.address];
        cloud.rack.host(to).run(&ping);
        if !shared {
            let left = cloud.rack.host(from).dir().join("skydeck/instances");
            let left: Vec<_> = std::fs::read_dir(left).unwrap().flatten().collect();
            assert!(left.is_empty(), "{left:?}");
        }
    }
    if shared {
        // One file, which both hosts wrote: no number is missing in it.
        let log = cloud.client().console_log_show(&id, None).await.unwrap();
        let said: Vec<u64> = log
            .lines()
            .filter_map(|line| line.split_once("COUNT ")?.1.split(' ').next()?.parse().ok())
            .collect();
        let first = said[0];
        let expected: Vec<u64> = (first..first + said.len() as u64).collect();
        assert_eq!(said, expected);
    }
    let moves = stock.json("--os-compute-api-version 2.80 server migration list");
    let moves = moves.as_array().unwrap();
    assert_eq!(moves.len(), 2, "{moves:?}");
    for one in moves {
        assert_eq!(one["Status"], "completed", "{one}");
        assert_eq!(one["Type"], "live-migration", "{one}");
    }
    cloud.delete(&id).await;
    for number in [1, 2] {
        assert!(cloud.guests_on(number).is_empty(), "left on h{number}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_that_counts_moves_to_a_host_that_shares_nothing_and_back() {
    there_and_back("report_interval = 1", false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_that_counts_moves_over_a_shared_directory_and_back() {
    let agent = "report_interval = 1\ninstances_dir = \"/shared/instances\"\nvolumes_dir = \"/shared/volumes\"";
    there_and_back(agent, true).await;
}
