//! On a simulated host, where all the time is the control plane's own.

use std::time::{Duration, Instant};

use skydeck::client::{Client, ListQuery};
use skydeck::compute::wire::{Networks, NetworksWord, QuotaFields, Server, ServerCreate};

use super::journey::cloud::{Cloud, Settings};
use super::lab::wait::wait_for_async;
use super::report::{heading, line, median, time};

/// A host on which ten thousand small servers fit, and which is quiet enough to measure something else.
const HOST: &str = "hypervisor = \"sim:?vcpus=20000&memory_mb=20000000\"\nreport_interval = 30\nsample_interval = 30\ndown_after = 600";
const ROOM: &str = "[compute]\nmax_instances_per_host = 100000\nmax_io_ops_per_host = 100000\ndisk_allocation_ratio = 100000.0\n";
/// How long a batch may take.
const PATIENCE: Duration = Duration::from_secs(600);
/// Servers asked for at once while the cloud is filled.
const BATCH: u32 = 100;

/// Measures all of it.
pub async fn run() {
    heading("Simulated host");
    let mut cloud = Cloud::with(Settings {
        agent: HOST.into(),
        extra: ROOM.into(),
        started: false,
        ..Settings::default()
    });
    let begun = Instant::now();
    cloud.boot(&[]);
    cloud.client().token_issue().await.expect("a token");
    line(
        "first start to first token",
        &time(begun.elapsed()),
        "OpenStack 11 s",
        "<= 0.3 s",
    );
    memory(&cloud, "memory, idle", "OpenStack 3.2 GiB", "<= 64 MiB");

    let client = cloud.client();
    let image = cloud.empty_image().await.id;
    let project = client
        .session()
        .await
        .unwrap()
        .project_id()
        .unwrap()
        .to_owned();
    let quota = QuotaFields {
        instances: Some(-1),
        cores: Some(-1),
        ram: Some(-1),
        ..QuotaFields::default()
    };
    client.quota_set(&project, quota).await.expect("no limits");
    let wish = |name: &str, count: u32| ServerCreate {
        name: name.into(),
        flavor_ref: "42".into(),
        image_ref: Some(image.clone()),
        networks: Some(Networks::Word(NetworksWord::None)),
        min_count: Some(count),
        max_count: Some(count),
        ..ServerCreate::default()
    };

    let mut times = Vec::new();
    for _ in 0..11 {
        let begun = Instant::now();
        let id = cloud.launch(wish("one", 1)).await;
        // Asked for again as soon as it has answered: anything slower is what would be measured.
        while client.server_show(&id).await.unwrap().status != "ACTIVE" {
            assert!(begun.elapsed() < PATIENCE, "{id} does not become active");
        }
        times.push(begun.elapsed());
    }
    line(
        "server create to ACTIVE",
        &time(median(times)),
        "OpenStack, fake driver: 1.4 s",
        "<= 20 ms",
    );
    let mut there = 11;
    let begun = Instant::now();
    cloud.launch(wish("fifty", 50)).await;
    there += 50;
    all_active(&client, there).await;
    line(
        "50 servers at once to ACTIVE",
        &time(begun.elapsed()),
        "OpenStack, fake driver: 51 s",
        "<= 0.5 s",
    );

    for size in [1_000, 10_000] {
        let (begun, made) = (Instant::now(), size - there);
        while there < size {
            let count = BATCH.min(u32::try_from(size - there).unwrap());
            cloud.launch(wish("fill", count)).await;
            there += count as usize;
            all_active(&client, there).await;
        }
        let rate = made as f64 / begun.elapsed().as_secs_f64();
        line(
            &format!("launches per second, up to {size} servers"),
            &format!("{rate:.0}"),
            "",
            "",
        );
        let mut times = Vec::new();
        for _ in 0..5 {
            let begun = Instant::now();
            let servers: Vec<Server> = client.server_list(&ListQuery::new()).await.expect("a list");
            assert_eq!(servers.len(), size);
            times.push(begun.elapsed());
        }
        let took = median(times);
        let each = time(took * 1_000 / u32::try_from(size).unwrap());
        line(
            &format!("{size} servers listed in detail"),
            &time(took),
            &format!("{each} per 1,000"),
            "<= 10 ms per 1,000",
        );
        if size == 1_000 {
            memory(&cloud, "memory with 1,000 servers", "", "<= 128 MiB");
        }
        super::console::run(&cloud, size);
    }
}

/// Waits until so many servers are active, without asking for all of them each time.
async fn all_active(client: &Client, count: usize) {
    wait_for_async("all servers to be active", PATIENCE, async || {
        let open = ListQuery::new().filter("status", "active").limit(1);
        let open = client.operation_list(&open).await.expect("operations");
        open.is_empty().then_some(())
    })
    .await;
    let broken = ListQuery::new().filter("status", "ERROR");
    let broken: Vec<Server> = client.server_list(&broken).await.expect("a list");
    assert!(
        broken.is_empty(),
        "{} of {count} servers are in error: {:?}",
        broken.len(),
        broken[0].fault
    );
}

fn memory(cloud: &Cloud, what: &str, beside: &str, goal: &str) {
    let status = cloud
        .machine
        .run(&["sh", "-c", "cat /proc/$(pgrep -o -x skydeck)/status"]);
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: f64 = resident
        .and_then(|rest| rest.trim().strip_suffix(" kB"))
        .and_then(|kib| kib.trim().parse().ok())
        .unwrap();
    line(what, &format!("{:.0} MiB", kib / 1024.0), beside, goal);
}
