//! Running servers move between hosts: the guest goes on, what it counts goes on, and nothing is left where it was.

use skydeck::api::wire::{MigrationPlanRequest, Nothing, TransferForecast};
use skydeck::client::ListQuery;
use skydeck::compute::wire::{Evacuate, Server, ServerAction};

use super::cloud::{Cloud, PATIENCE};
use super::guest::{Ready, wait_ready, wait_said};
use super::rack::RackCloud;
use super::stock::OpenStack;
use crate::lab::rack::Rack;
use crate::lab::wait::wait_for_async;

/// Says a number, its uptime in seconds and which boot it is of, five times a second, for as long as it runs.
pub(super) const COUNTER: &str = "#!/bin/sh\n\
    read boot </proc/sys/kernel/random/boot_id\n\
    (i=0; while :; do i=$((i+1)); read up _ </proc/uptime; echo COUNT $i ${up%.*} $boot. >/dev/console; usleep 200000; done) &\n";

/// What a guest said last.
#[derive(Clone, Debug)]
pub(super) struct Said {
    number: u64,
    uptime: u64,
    /// The kernel chooses it anew at each boot: another one means that the guest did not merely go on.
    boot: String,
}

/// A server that counts, on the first host.
async fn counting(cloud: &RackCloud, name: &str) -> String {
    let id = cloud.scripted(name, 128, COUNTER).await;
    wait_ready(cloud, &id, 1).await;
    id
}

/// What was said last, once its number is above `above`.
pub(super) async fn count(cloud: &Cloud, id: &str, above: u64) -> Said {
    wait_said(
        &cloud.client(),
        id,
        &format!("a number above {above}"),
        |line| {
            let mut words = line.split_once("COUNT ")?.1.split_whitespace();
            let said = Said {
                number: words.next()?.parse().ok()?,
                uptime: words.next()?.parse().ok()?,
                // The dot says that the line is whole.
                boot: words.next()?.strip_suffix('.')?.to_owned(),
            };
            (said.number > above).then_some(said)
        },
    )
    .await
}

/// Waits until the server runs on a host and nothing is done to it.
pub(super) async fn wait_on(cloud: &Cloud, id: &str, number: usize) -> Server {
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

/// Sends so little at a time that there is time to do something meanwhile.
const SLOWLY: &str = "[compute]\nlive_migration_bandwidth = 10\n[operations]\nlease_seconds = 2\n";

/// Begins to move a server to a host, and waits until a part of it is there.
async fn begin_slowly(stock: &OpenStack, id: &str, to: usize) -> String {
    let host = Rack::name(to);
    stock.ok(&format!(
        "--os-compute-api-version 2.88 server migrate --live-migration --host {host} {id}"
    ));
    wait_for_async("a part of the guest to be sent", PATIENCE, async || {
        let moves = stock.json(&format!(
            "--os-compute-api-version 2.80 server migration list --server {id} --status running"
        ));
        let number = moves[0]["Id"].as_i64()?.to_string();
        let shown = stock.json(&format!(
            "--os-compute-api-version 2.80 server migration show {id} {number}"
        ));
        (shown["Memory Processed Bytes"].as_u64()? > 1 << 20).then_some(number)
    })
    .await
}

/// The guest counts on from what it said last, and has not booted since.
pub(super) async fn goes_on(cloud: &Cloud, id: &str, before: &Said) -> Said {
    let now = count(cloud, id, before.number).await;
    assert_eq!(now.boot, before.boot, "it booted: {before:?}, {now:?}");
    assert!(now.uptime >= before.uptime, "{before:?}, {now:?}");
    now
}

/// After whatever happened: the guest runs on the host that the cloud says, and counts on; the other has nothing of it.
async fn agree(cloud: &RackCloud, id: &str, before: &Said) -> Said {
    cloud.settled().await;
    let at = cloud.place();
    wait_on(cloud, id, at).await;
    let other = 3 - at;
    wait_for_async("nothing to be left", PATIENCE, async || {
        let dir = cloud.rack.host(other).dir().join("skydeck/instances");
        let left = std::fs::read_dir(dir).unwrap().count();
        (cloud.guests_on(other).is_empty() && left == 0).then_some(())
    })
    .await;
    goes_on(cloud, id, before).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_dies_during_a_migration_the_guest_runs_on_one_host_and_all_agree() {
    let mut cloud = RackCloud::start_with(2, "report_interval = 1\ndown_after = 5", SLOWLY).await;
    let stock = OpenStack::new(&cloud);
    let id = counting(&cloud, "survivor").await;
    let mut said = count(&cloud, &id, 3).await;
    for victim in ["source", "destination", "control", "broker"] {
        if cloud.place() == 2 {
            stock.ok(&format!(
                "--os-compute-api-version 2.88 server migrate --live-migration --host h1 {id}"
            ));
            cloud.settled().await;
            wait_on(&cloud, &id, 1).await;
        }
        begin_slowly(&stock, &id, 2).await;
        match victim {
            "source" => {
                cloud.kill_agent(1);
                cloud.start_agent(1);
            }
            "destination" => {
                cloud.kill_agent(2);
                cloud.start_agent(2);
            }
            "control" => {
                cloud.kill();
                cloud.boot(&[]);
            }
            _ => cloud.lose_broker(),
        }
        said = agree(&cloud, &id, &said).await;
    }
    cloud.delete(&id).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_is_aborted_or_ended_by_force_and_a_host_that_dies_takes_its_guest_along() {
    let mut cloud = RackCloud::start_with(2, "report_interval = 1\ndown_after = 3", SLOWLY).await;
    let stock = OpenStack::new(&cloud);
    let id = counting(&cloud, "wanderer").await;
    let said = count(&cloud, &id, 3).await;
    let migration = begin_slowly(&stock, &id, 2).await;
    stock.ok(&format!(
        "--os-compute-api-version 2.80 server migration abort {id} {migration}"
    ));
    let said = agree(&cloud, &id, &said).await;
    assert_eq!(cloud.place(), 1);
    let list = "--os-compute-api-version 2.80 server migration list";
    assert_eq!(stock.json(list)[0]["Status"], "cancelled");

    // Whoever was asked to abort, and whoever was to pass it on, dies: the wish is not forgotten.
    cloud.rack.limit(1, "10mbit");
    let migration = begin_slowly(&stock, &id, 2).await;
    stock.ok(&format!(
        "--os-compute-api-version 2.80 server migration abort {id} {migration}"
    ));
    cloud.kill_agent(1);
    cloud.kill();
    cloud.boot(&[]);
    cloud.start_agent(1);
    let said = agree(&cloud, &id, &said).await;
    assert_eq!(cloud.place(), 1);
    assert_eq!(stock.json(list)[0]["Status"], "cancelled");
    cloud.rack.unlimit(1);

    // The destination's power fails: the guest never notices.
    begin_slowly(&stock, &id, 2).await;
    cloud.crash(2);
    cloud.settled().await;
    wait_on(&cloud, &id, 1).await;
    let said = goes_on(&cloud, &id, &said).await;
    assert_eq!(stock.json(list)[0]["Status"], "failed");
    cloud.power_on(2);
    cloud.host_is(2, "up").await;
    let said = agree(&cloud, &id, &said).await;

    let migration = begin_slowly(&stock, &id, 2).await;
    stock.ok(&format!(
        "--os-compute-api-version 2.80 server migration force complete {id} {migration}"
    ));
    agree(&cloud, &id, &said).await;
    assert_eq!(cloud.place(), 2);
    assert_eq!(stock.json(list)[0]["Status"], "completed");

    // Its host dies while it leaves. Silence alone moves nothing; an operator who knows it dead does.
    begin_slowly(&stock, &id, 1).await;
    cloud.crash(2);
    cloud.host_is(2, "down").await;
    let refused = stock.fails(&format!("server evacuate {id}"));
    assert!(refused.contains("not known to be dead"), "{refused}");
    let server = cloud.client().server_show(&id).await.unwrap();
    assert_eq!(server.host, Some(Rack::name(2)));
    assert_eq!(server.status, "MIGRATING");
    stock.ok("--os-compute-api-version 2.88 compute service set --down h2 nova-compute");
    cloud.settled().await;
    assert_eq!(stock.json(list)[0]["Status"], "failed");
    let server = cloud.client().server_show(&id).await.unwrap();
    assert_eq!(
        (server.host, server.task_state),
        (Some(Rack::name(2)), None)
    );
    assert!(cloud.guests_on(1).is_empty(), "left on h1");
    // The stock client of Debian 12 asks for this, and then stumbles over Nova's answer.
    let evacuate = ServerAction::Evacuate(Evacuate::default());
    cloud.client().server_action(&id, &evacuate).await.unwrap();
    cloud.settled().await;
    wait_on(&cloud, &id, 1).await;
    cloud.wait_status(&id, "ACTIVE").await;
    // A disk of its own died with the host: it is made anew.
    wait_ready(&cloud, &id, 1).await;
    // The dead host comes back with a copy, which goes before anything else can be done with it.
    cloud.power_on(2);
    wait_for_async("the old copy to go", PATIENCE, async || {
        cloud.guests_on(2).is_empty().then_some(())
    })
    .await;
    assert_eq!(cloud.place(), 1);
    cloud.delete(&id).await;
}

/// The same, and a guest may be finished at its destination.
const POST_COPY: &str = "[compute]\nlive_migration_bandwidth = 10\nlive_migration_permit_post_copy = true\n\
    [operations]\nlease_seconds = 2\n";

/// Begins to move a server from this of two hosts to the other, and lets it go on there while most of its memory is still
/// here, over a cable that carries 4 MB per second.
async fn split(cloud: &RackCloud, stock: &OpenStack, id: &str, from: usize) {
    let to = 3 - from;
    cloud.rack.limit(from, "32mbit");
    let migration = begin_slowly(stock, id, to).await;
    stock.ok(&format!(
        "--os-compute-api-version 2.80 server migration force complete {id} {migration}"
    ));
    let state = |number| {
        let domain = cloud.guests_on(number).pop()?;
        let line = ["virsh", "domstate", "--reason", &domain];
        cloud.rack.host(number).try_run(&line).ok()
    };
    wait_for_async("the guest to go on elsewhere", PATIENCE, async || {
        let there = state(to)?.starts_with("running (post-copy");
        let here = state(from)?.starts_with("paused (post-copy");
        (there && here).then_some(())
    })
    .await;
}

/// Power failure of a host with which a part of the server's guest is lost. Nobody says that the guest runs: it is off on the
/// other host, and boots there when it is started.
async fn lost_with(cloud: &mut RackCloud, stock: &OpenStack, id: &str, dead: usize) {
    cloud.crash(dead);
    cloud.host_is(dead, "down").await;
    let server = cloud.client().server_show(id).await.unwrap();
    assert_eq!(server.status, "MIGRATING");
    let (host, other) = (Rack::name(dead), 3 - dead);
    let set = "--os-compute-api-version 2.88 compute service set";
    stock.ok(&format!("{set} --down {host} nova-compute"));
    cloud.settled().await;
    let server = cloud.wait_status(id, "SHUTOFF").await;
    assert_eq!(server.host, Some(Rack::name(other)));
    let fault = server.fault.expect("what became of it").message;
    assert!(fault.contains(&format!("{host} died with")), "{fault}");
    assert!(cloud.running_on(other).is_empty(), "it runs on {other}");
    cloud.act(id, &ServerAction::Start(Nothing), "ACTIVE").await;
    cloud.rack.unlimit(other);
    cloud.power_on(dead);
    stock.ok(&format!("{set} --up {host} nova-compute"));
    cloud.host_is(dead, "up").await;
    wait_for_async("the old copy to go", PATIENCE, async || {
        cloud.guests_on(dead).is_empty().then_some(())
    })
    .await;
    assert_eq!(cloud.place(), other);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_whose_memory_is_on_two_hosts_outlives_all_processes_and_neither_host() {
    let mut cloud =
        RackCloud::start_with(2, "report_interval = 1\ndown_after = 3", POST_COPY).await;
    let stock = OpenStack::new(&cloud);
    let id = counting(&cloud, "split").await;
    let said = count(&cloud, &id, 3).await;
    split(&cloud, &stock, &id, 1).await;
    cloud.kill();
    cloud.boot(&[]);
    cloud.kill_agent(2);
    cloud.start_agent(2);
    cloud.kill_agent(1);
    cloud.host_is(1, "down").await;
    // Unless all of it was there before.
    wait_for_async("the source to be missed", PATIENCE, async || {
        let operation = cloud.operation("live_migration").await;
        (operation.error.is_some() || operation.finished.is_some()).then_some(())
    })
    .await;
    cloud.start_agent(1);
    agree(&cloud, &id, &said).await;
    assert_eq!(cloud.place(), 2);
    cloud.rack.unlimit(1);

    // The source dies with what was still there, and then the destination with what was there already.
    split(&cloud, &stock, &id, 2).await;
    lost_with(&mut cloud, &stock, &id, 2).await;
    wait_ready(&cloud, &id, 2).await;
    split(&cloud, &stock, &id, 1).await;
    lost_with(&mut cloud, &stock, &id, 2).await;
    wait_ready(&cloud, &id, 3).await;
    assert_eq!(cloud.place(), 1);
    cloud.delete(&id).await;
}

/// What the plan says that a move to this host will take, before it begins.
async fn expected(cloud: &RackCloud, id: &str, to: usize) -> TransferForecast {
    let request = MigrationPlanRequest {
        server_id: id.to_owned(),
        ..MigrationPlanRequest::default()
    };
    let plan = cloud.client().migration_plan(&request).await.unwrap();
    assert_eq!(plan.explanation.chosen, Some(Rack::name(to)), "{plan:?}");
    assert!(plan.problems.is_empty(), "{plan:?}");
    plan.forecast
        .unwrap_or_else(|| panic!("no forecast: {:?}", plan.unknown))
}

/// The newest move took about what was expected: the guest wrote little, and hosts of a rack are slower than a link.
async fn took(cloud: &RackCloud, expected: &TransferForecast) {
    let moves = cloud
        .client()
        .migration_detail_list(&ListQuery::new())
        .await
        .unwrap();
    let newest = moves.iter().max_by_key(|one| one.created_at).unwrap();
    let told = newest.forecast.expect("the operation's own forecast");
    assert!(expected.converges && expected.total_ms > 0, "{expected:?}");
    // Both looked at the same guest within a moment.
    let near = told.bytes.abs_diff(expected.bytes) < expected.bytes / 2;
    assert!(near, "{expected:?}, then {told:?}");
    // How exact that is depends on what else the machine does; not by orders of magnitude.
    let took = newest.progress.elapsed_ms;
    let most = expected.total_ms.saturating_mul(20) + 10_000;
    assert!((1..most).contains(&took), "{expected:?}, took {took} ms");
}

/// Moves it to another host and back by the scheduler's choice, and looks at everything on the way.
async fn there_and_back(agent: &str, shared: bool) {
    let cloud = RackCloud::start(2, agent).await;
    let stock = OpenStack::new(&cloud);
    let id = counting(&cloud, "counter").await;
    let mut said = count(&cloud, &id, 3).await;
    let ready = wait_ready(&cloud, &id, 1).await;
    for (from, to, wish) in [(1, 2, "--host h2"), (2, 1, "")] {
        let expected = expected(&cloud, &id, to).await;
        stock.ok(&format!(
            "--os-compute-api-version 2.88 server migrate --live-migration {wish} {id}"
        ));
        cloud.settled().await;
        wait_on(&cloud, &id, to).await;
        assert!(cloud.guests_on(from).is_empty(), "left on h{from}");
        assert_eq!(cloud.running_on(to).len(), 1, "on h{to}");
        said = goes_on(&cloud, &id, &said).await;
        took(&cloud, &expected).await;
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
    while_off(&cloud, &stock, &id, shared).await;
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

/// Waits until the server is there and asks for a decision.
async fn wait_asks(cloud: &RackCloud, id: &str, number: usize) {
    cloud.wait_status(id, "VERIFY_RESIZE").await;
    wait_on(cloud, id, number).await;
}

/// Moves it while it is off, with its flavor and with a larger one: confirmed, reverted, deleted nowhere.
async fn while_off(cloud: &RackCloud, stock: &OpenStack, id: &str, shared: bool) {
    let ask = |what: &str| {
        stock.ok(&format!("--os-compute-api-version 2.88 server {what} {id}"));
    };
    let alone = async |number: usize| {
        let other = 3 - number;
        wait_on(cloud, id, number).await;
        assert!(cloud.guests_on(other).is_empty(), "left on h{other}");
        if !shared {
            let left = cloud.rack.host(other).dir().join("skydeck/instances");
            assert_eq!(std::fs::read_dir(left).unwrap().count(), 0, "on h{other}");
        }
    };
    // One that runs: it boots anew from the same disk.
    ask("migrate --host h2");
    wait_asks(cloud, id, 2).await;
    wait_ready(cloud, id, 2).await;
    ask("migrate confirm");
    cloud.wait_status(id, "ACTIVE").await;
    cloud.settled().await;
    alone(2).await;
    // One that is off: back, and back again.
    cloud.act(id, &ServerAction::Stop(Nothing), "SHUTOFF").await;
    ask("migrate");
    wait_asks(cloud, id, 1).await;
    ask("migrate revert");
    cloud.wait_status(id, "SHUTOFF").await;
    cloud.settled().await;
    alone(2).await;
    ask("migrate");
    wait_asks(cloud, id, 1).await;
    ask("migrate confirm");
    cloud.settled().await;
    alone(1).await;
    cloud.act(id, &ServerAction::Start(Nothing), "ACTIVE").await;
    let before = wait_ready(cloud, id, 3).await;
    // A larger flavor, for which its host has no room.
    let larger = cloud.flavor("larger", 192, 2).await;
    stock.ok("compute service set --disable h1 nova-compute");
    let booted = async |boots: u32, is_larger: bool| {
        let what = format!("boot {boots}, larger: {is_larger}");
        wait_said(&cloud.client(), id, &what, |line| {
            let ready = Ready::parse(line)?;
            let fits = ready.boots == boots && (ready.sectors > before.sectors) == is_larger;
            fits.then_some(())
        })
        .await;
    };
    for (decision, at, boots) in [("revert", 1, 4), ("confirm", 2, 5)] {
        ask(&format!("resize --flavor {larger}"));
        wait_asks(cloud, id, 2).await;
        booted(boots, true).await;
        ask(&format!("resize {decision}"));
        cloud.wait_status(id, "ACTIVE").await;
        cloud.settled().await;
        alone(at).await;
        // What was written to the larger disk is given up with it.
        booted(boots, decision == "confirm").await;
    }
    stock.ok("compute service set --enable h1 nova-compute");
}
