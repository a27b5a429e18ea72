//! A thousand hosts that report and are sampled every ten seconds, over one RabbitMQ and one MariaDB: what a control
//! process needs for them, whether one of them is ever taken for down, and a thousand launches through two control
//! processes.

#[path = "../../tests/it/fleet/cloud.rs"]
mod cloud;
#[path = "../../tests/it/fleet/launches.rs"]
mod launches;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use cloud::{Control, Fleet, Wish};

use super::lab::wait::wait_for_async;
use super::report::{heading, line, median, time};

const HOSTS: usize = 1_000;
const SERVERS: u32 = 1_000;
/// How long it is watched: six intervals.
const WATCHED: Duration = Duration::from_secs(60);
/// How long a thousand launches may take.
const PATIENCE: Duration = Duration::from_secs(1_200);

/// Measures all of it.
pub async fn run() {
    heading("1,000 simulated hosts, RabbitMQ, MariaDB");
    let begun = Instant::now();
    let mut fleet = Fleet::start(Wish {
        controls: 1,
        hosts: HOSTS,
        interval: 10,
        down_after: 25,
    })
    .await;
    line(
        "hosts started until all are up",
        &time(begun.elapsed()),
        "",
        "",
    );
    watch(&mut fleet, "1,000 hosts").await;

    fleet.add_control();
    let image = fleet.furnish().await.id;
    let took = launches::launch(&mut fleet, &image, SERVERS, PATIENCE).await;
    launches::check(&mut fleet, SERVERS as usize).await;
    line(
        "1,000 launches, two control processes, to ACTIVE",
        &time(took),
        &format!("{:.1} per second", f64::from(SERVERS) / took.as_secs_f64()),
        "all, none twice",
    );
    watch(&mut fleet, "1,000 hosts and servers").await;
    grow(&mut fleet, &image).await;
}

/// A launch among ten thousand hosts: what more of them cost it. Those that are added have no agent, and no room.
async fn grow(fleet: &mut Fleet, image: &str) {
    let beside = one_launch(fleet, image).await;
    let columns = "version, started_at, skew_us, trouble, hypervisor_type, hypervisor_version, virt_type, arch, cpu_model, \
         cpu_features, vcpus, disk_gb, disk_free_gb, enabled, disabled_reason, forced_down, shown_up, failures, \
         generation, created_at, updated_at, uptime";
    for more in 1..10 {
        let copy = format!(
            "INSERT INTO host (name, id, number, reported_at, memory_mb, {columns}) \
             SELECT CONCAT(name, '-{more}'), UUID(), number + {more} * 1000, reported_at + 86400000000, 1, {columns} \
             FROM host WHERE number <= 1000"
        );
        let copy = sqlx::query(sqlx::AssertSqlSafe(copy));
        copy.execute(&mut fleet.sql).await.unwrap();
    }
    let took = one_launch(fleet, image).await;
    line(
        "server create to ACTIVE, 10,000 hosts",
        &time(took),
        &format!("{} with 1,000", time(beside)),
        "",
    );
}

/// The middle of several, one after another.
async fn one_launch(fleet: &mut Fleet, image: &str) -> Duration {
    let mut times = Vec::new();
    for _ in 0..9 {
        times.push(launches::launch(fleet, image, 1, PATIENCE).await);
    }
    median(times)
}

/// What the first control process needs while nobody asks for anything.
async fn watch(fleet: &mut Fleet, what: &str) {
    let before = usage(&fleet.controls[0]);
    let (mut fewest, mut told_down) = (i64::MAX, 0);
    wait_for_async("the time to pass", WATCHED * 2, async || {
        fewest = fewest.min(fleet.hosts_up().await);
        let down = "SELECT COUNT(*) FROM host WHERE shown_up = 0";
        told_down = told_down.max(fleet.number(down).await);
        (before.at.elapsed() > WATCHED).then_some(())
    })
    .await;
    let after = usage(&fleet.controls[0]);
    let cpu = (after.cpu - before.cpu).as_secs_f64();
    let cores = cpu / (after.at - before.at).as_secs_f64();
    line(
        &format!("{what}: processor time of a control process"),
        &format!("{:.0} % of one", cores * 100.0),
        "",
        "< 100 %",
    );
    line(
        &format!("{what}: memory of a control process"),
        &format!("{:.0} MiB", after.memory_mib),
        "",
        "< 300 MiB",
    );
    line(
        &format!("{what}: fewest up, most told to be down"),
        &format!("{fewest}, {told_down}"),
        "",
        "1000, 0",
    );
    let waiting: u64 = fleet.waiting().await.values().sum();
    line(
        &format!("{what}: messages left in all queues"),
        &waiting.to_string(),
        "",
        "0",
    );
}

/// What a control process has used since its start.
#[derive(Clone, Copy, Debug)]
struct Usage {
    /// Processor time.
    cpu: Duration,
    /// Resident memory, in MiB.
    memory_mib: f64,
    /// When that was read.
    at: Instant,
}

/// What it has used.
fn usage(control: &Control) -> Usage {
    let place = PathBuf::from(format!("/proc/{}", control.child.id()));
    let text = |name: &str| std::fs::read_to_string(place.join(name)).expect("the process");
    // The name in brackets may have spaces in it.
    let stat = text("stat");
    let (_, stat) = stat.rsplit_once(')').expect("a name");
    let ticks: u32 = stat
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(|number| number.parse::<u32>().expect("ticks"))
        .sum();
    let status = text("status");
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = resident.and_then(|rest| rest.trim().strip_suffix(" kB"));
    Usage {
        // There are a hundred in a second wherever Linux runs.
        cpu: Duration::from_millis(10) * ticks,
        memory_mib: kib.expect("a size").trim().parse::<f64>().unwrap() / 1024.0,
        at: Instant::now(),
    }
}
