//! What the cloud of the tests answers of its many hosts: servers that move between them (one well under way, one that
//! does not end, one that begins, and past ones of each end), why servers are where they are, and the processes.

use serde_json::{Value, json};

use super::NOW;
use super::fixture::{ago, before, id};

const GIB: u64 = 1 << 30;

fn a_move(number: usize, server: usize, status: &str, ways: (u8, Option<u8>)) -> Value {
    json!({
        "id": 40 - number, "uuid": id(12, number), "server_id": id(1, server), "operation_id": id(10, 9),
        "kind": "live-migration", "status": status, "source": format!("cmp-{:02}", ways.0),
        "destination": ways.1.map(|number| format!("cmp-{number:02}")),
        "created_at": ago(15 + 400 * number as i64), "updated_at": ago(400 * number as i64),
    })
}

fn forecast(total_ms: u64, converges: bool) -> Value {
    json!({"total_ms": total_ms, "downtime_ms": 42, "bytes": 4 * GIB, "dirty_bps": 40 << 20, "link_bps": 400 << 20,
        "converges": converges})
}

/// The moves, newest first.
pub fn moves() -> Value {
    let mut sending = a_move(0, 14, "running", (3, Some(5)));
    sending["forecast"] = forecast(11_500, true);
    sending["progress"] = json!({"elapsed_ms": 9_100, "memory_total": 4 * GIB, "memory_processed": 2_800_000_000_u64,
        "memory_remaining": 1_700_000_000_u64, "memory_bps": 310_000_000_u64, "dirty_bps": 52_000_000_u64, "iteration": 1,
        "downtime_ms": 42});
    let mut endless = a_move(1, 2, "running", (1, Some(6)));
    endless["updated_at"] = json!(ago(1));
    endless["forecast"] = forecast(180_000, false);
    endless["progress"] = json!({"elapsed_ms": 400_000, "memory_total": 16 * GIB, "memory_processed": 90 * GIB,
        "memory_remaining": 5 * GIB, "memory_bps": 240_000_000_u64, "dirty_bps": 410_000_000_u64, "iteration": 9,
        "disk_total": 80 * GIB, "disk_processed": 80 * GIB, "disk_bps": 0, "downtime_ms": 21_000, "throttle_percent": 40});
    let begun = a_move(2, 10, "preparing", (5, Some(2)));
    let mut done = a_move(3, 0, "completed", (2, Some(1)));
    done["forecast"] = forecast(11_500, true);
    done["progress"] = json!({"elapsed_ms": 13_400, "memory_total": 4 * GIB, "memory_processed": 4_700_000_000_u64,
        "memory_bps": 351_000_000_u64, "dirty_bps": 61_000_000_u64, "iteration": 4, "downtime_ms": 51});
    let mut failed = a_move(4, 1, "failed", (2, Some(4)));
    failed["message"] =
        json!("cmp-04 can not take it: its processor lacks avx512f, which the guest uses");
    let mut cancelled = a_move(5, 3, "cancelled", (4, Some(6)));
    cancelled["wish"] = json!("abort");
    cancelled["message"] = json!("aborted on request");
    let mut resized = a_move(6, 9, "finished", (3, Some(4)));
    resized["kind"] = json!("resize");
    json!({"migrations": [sending, endless, begun, done, failed, cancelled, resized]})
}

/// Filters in their order, each with what it wants, where that is a quantity.
const FILTERS: [(&str, Option<(f64, &str)>); 7] = [
    ("ComputeFilter", None),
    ("AvailabilityZoneFilter", None),
    ("CoreFilter", Some((32.0, "vcpus"))),
    ("RamFilter", Some((262_144.0, "MiB"))),
    ("DiskFilter", Some((400.0, "GiB"))),
    ("ServerGroupAntiAffinityFilter", None),
    ("NumInstancesFilter", Some((1.0, "servers"))),
];

/// A host that passed with this rank, or that a filter refused for this reason or for having only so much.
fn verdict(number: usize, end: Result<u32, (&str, Option<&str>, f64)>) -> Value {
    let mut filters = Vec::new();
    for (name, wanted) in FILTERS {
        let refused = end.err().filter(|(filter, ..)| *filter == name);
        let much = wanted.map_or(0.0, |(wanted, _)| wanted * (1.0 + number as f64 / 4.0));
        let left = refused.map_or(much, |(.., left)| left);
        filters.push(json!({"filter": name, "passed": refused.is_none(),
            "reason": refused.and_then(|(_, reason, _)| reason), "wanted": wanted.map(|(wanted, _)| wanted),
            "available": wanted.map(|_| left), "unit": wanted.map(|(_, unit)| unit)}));
        if refused.is_some() {
            break;
        }
    }
    let weight = |name: &str, share: f64, factor: f64| {
        json!({"weigher": name, "raw": share * 232_144.0, "normalized": share, "multiplier": factor,
            "score": share * factor})
    };
    let rank = end.ok();
    let share = rank.map_or(0.0, |rank| 1.0 / f64::from(rank));
    json!({"host": format!("cmp-{number:02}"), "passed": rank.is_some(), "filters": filters, "rank": rank,
        "weight": rank.map(|_| share * 2.0 - 0.5),
        "weights": rank.map_or(json!([]), |_| json!([weight("RAMWeigher", share, 1.0), weight("CPUWeigher", share, 1.0),
            weight("DiskWeigher", 0.0, 1.0), weight("BuildFailureWeigher", 0.5, -1.0)]))})
}

fn decision(server: usize, seconds: i64, hosts: Vec<Value>) -> Value {
    json!({"server_id": id(1, server), "at": ago(seconds), "hosts": hosts,
        "wanted": {"vcpus": 32, "memory_mb": 262_144, "disk_gb": 400, "count": 1}})
}

/// A decision that found no host.
pub fn nowhere() -> Value {
    let mut found = decision(
        4,
        300,
        vec![
            verdict(1, Err(("RamFilter", None, 232_144.0))),
            verdict(4, Err(("ComputeFilter", Some("it is down"), 0.0))),
            verdict(
                5,
                Err((
                    "ComputeFilter",
                    Some("it is disabled: memory module is replaced"),
                    0.0,
                )),
            ),
            verdict(6, Err(("RamFilter", None, 82_144.0))),
        ],
    );
    found["suggestion"] = json!({"message": "m1.xlarge would fit on cmp-01.", "flavor": "m1.xlarge", "host": "cmp-01"});
    found
}

/// A decision between several hosts.
pub fn chosen() -> Value {
    let mut found = decision(
        0,
        200,
        vec![
            verdict(1, Ok(1)),
            verdict(2, Ok(2)),
            verdict(3, Ok(3)),
            verdict(4, Err(("ComputeFilter", Some("it is down"), 0.0))),
            verdict(6, Err(("DiskFilter", None, 120.0))),
        ],
    );
    found["chosen"] = json!("cmp-01");
    found["alternates"] = json!(["cmp-02", "cmp-03"]);
    found["excluded"] = json!(["cmp-05"]);
    found["wanted"] = json!({"vcpus": 1, "memory_mb": 2_048, "disk_gb": 20, "count": 1, "availability_zone": "nova"});
    found
}

/// What would be said of a server that had to leave the first host.
pub fn what_if() -> Value {
    let mut found = decision(
        0,
        0,
        vec![
            verdict(2, Ok(1)),
            verdict(3, Ok(2)),
            verdict(5, Err(("ComputeFilter", Some("it is disabled"), 0.0))),
            verdict(6, Err(("RamFilter", None, 232_144.0))),
        ],
    );
    found["chosen"] = json!("cmp-02");
    found["excluded"] = json!(["cmp-01"]);
    found["considered"] = json!(40);
    found["passed"] = json!(2);
    json!({"explanation": found, "forecast": forecast(11_500, true)})
}

/// Control processes and agents: one dead, one closed, one with a wrong clock, one of an older version.
pub fn processes() -> Value {
    let agent = |number: usize| {
        json!({"kind": "agent", "id": id(4, number), "host": format!("cmp-{number:02}"),
            "zone": if number < 4 { "nova" } else { "attic" }, "up": number != 4, "enabled": number != 5,
            "disabled_reason": (number == 5).then_some("memory module is replaced"),
            "version": if number == 2 { "0.0.9" } else { "0.1.0" }, "started_at": ago(86_400 * number as i64),
            "reported_at": ago(if number == 4 { 4_000 } else { 3 }),
            "skew_us": if number == 3 { 2_400_000 } else { 12_000 * number as i64 }})
    };
    let control = |number: usize| {
        json!({"kind": "control", "id": id(13, number), "host": format!("ctl-{number:02}"), "zone": "internal", "up": true,
            "enabled": true, "version": "0.1.0", "started_at": ago(7_200), "reported_at": ago(2)})
    };
    let all: Vec<Value> = (1..=2).map(control).chain((1..=6).map(agent)).collect();
    json!({"services": all})
}

/// The bus: one queue lags, and one has lost its consumer.
pub fn bus() -> Value {
    let queue = |name: &str, messages: u64, consumers: u64, served: bool| json!({"name": name, "messages": messages, "consumers": consumers, "served": served});
    json!({"bus": {"kind": "rabbitmq", "broker": "192.0.2.10:5672", "connected": true, "since": ago(7_000), "queues": [
        queue("conductor", 0, 2, true), queue("compute.cmp-01", 0, 1, false), queue("compute.cmp-03", 140, 1, false),
        queue("compute.cmp-04", 7, 0, false)]}})
}

/// What would be done to drain a host.
pub fn drain() -> Value {
    let one = |number: usize, name: &str, to: Option<u8>, reason: Option<&str>| {
        json!({"server_id": id(1, number), "name": name, "from": "cmp-01", "to": to.map(|to| format!("cmp-{to:02}")),
            "state": "waiting", "reason": reason})
    };
    json!({"plan": {"fits": false, "moves": [one(0, "web-01", Some(2), None), one(18, "node-018", Some(3), None),
        one(24, "node-024", Some(2), None),
        one(12, "old-wiki", None, Some("Ram turned down 3 hosts, Compute 2: 8192 MiB were wanted"))]}})
}

/// What would be done to spread servers.
pub fn spread() -> Value {
    let one = |number: usize, name: &str, from: u8, to: u8| {
        json!({"server_id": id(1, number), "name": name, "from": format!("cmp-{from:02}"), "to": format!("cmp-{to:02}"),
            "state": "waiting"})
    };
    json!({"plan": {"fits": true, "moves": [one(17, "node-017", 6, 1), one(23, "node-023", 6, 2), one(29, "node-029", 6, 1)]}})
}

/// Runs of moves, newest first: one under way with servers in every state, and past ones of each end.
pub fn runs() -> Value {
    let run = |number: usize, goal: &str, host: Option<u8>, status: &str, moves: Vec<Value>| {
        let over = matches!(status, "done" | "failed");
        json!({"operation_id": id(14, number), "status": status, "goal": goal,
            "host": host.map(|host| format!("cmp-{host:02}")), "paused": false, "moves": moves,
            "created_at": ago(90 + 3_000 * number as i64), "finished_at": over.then(|| ago(30 + 2_900 * number as i64))})
    };
    let one = |number: usize, name: &str, to: Option<u8>, state: &str, reason: Option<&str>| {
        json!({"server_id": id(1, number), "name": name, "from": "cmp-03", "to": to.map(|to| format!("cmp-{to:02}")),
            "state": state, "operation_id": (state == "moving").then(|| id(10, 9)), "reason": reason})
    };
    let draining = vec![
        one(20, "node-020", Some(1), "moved", None),
        one(26, "node-026", Some(2), "moved", None),
        one(14, "shop-db", None, "moving", None),
        one(
            2,
            "db-primary",
            None,
            "failed",
            Some(
                "No valid host was found: 4 hosts were asked, RamFilter turned down 3 of \
            them, ComputeFilter 1; the volume db-data is on cmp-03 alone",
            ),
        ),
        one(
            8,
            "cache-02",
            None,
            "stays",
            Some("its memory is saved on the host: resume it first"),
        ),
        one(32, "node-032", None, "waiting", None),
        one(38, "node-038", None, "waiting", None),
    ];
    let gone = |state: &str| {
        vec![
            one(9, "mail", Some(1), state, None),
            one(15, "node-015", Some(2), "moved", None),
        ]
    };
    let mut some = gone("failed");
    some[0]["reason"] = json!("cmp-01 did not answer in time");
    let all = vec![
        run(0, "drain", Some(3), "running", draining),
        run(1, "spread", None, "done", some),
        run(2, "return", Some(1), "done", gone("moved")),
        run(3, "drain", Some(1), "failed", gone("stays")),
    ];
    json!({"runs": all, "run": all[0]})
}

fn name_of_many(number: i64) -> String {
    format!("node-{number:04}")
}

/// One of very many hosts; some are down or closed.
pub fn host_of_many(number: i64) -> Value {
    json!({"id": id(3, number as usize), "hypervisor_hostname": name_of_many(number),
        "state": if number % 97 == 0 { "down" } else { "up" },
        "status": if number % 61 == 0 { "disabled" } else { "enabled" },
        "vcpus": 64, "vcpus_used": number % 65, "memory_mb": 262_144, "memory_mb_used": 500 * number, "running_vms": 3,
        "service": {"id": id(4, number as usize), "host": name_of_many(number), "disabled_reason": null}})
}

/// Its agent, in one of three zones.
pub fn agent_of_many(number: i64) -> Value {
    json!({"id": id(4, number as usize), "binary": "nova-compute", "host": name_of_many(number), "status": "enabled",
        "zone": (["east", "north", "west"][number as usize % 3]), "state": "up", "updated_at": before(3)})
}

/// How busy they are.
pub fn samples_of_many(count: i64) -> Value {
    let one =
        |number: i64| json!({"host": name_of_many(number), "cpu_util": (number * 37 % 101) as f64});
    json!({"at": NOW.0, "servers": [], "hosts": (1..=count).map(one).collect::<Vec<_>>()})
}

/// What the doctor found: a network that differs, a guest that is elsewhere, files of nobody, and what was mended.
pub fn findings() -> Value {
    let finding = |number: usize,
                   host: &str,
                   severity: &str,
                   found: &str,
                   advice: &str,
                   remedy: Option<&str>| {
        json!({"id": id(21, number), "host": host, "severity": severity, "found": found, "advice": advice,
            "remedy": remedy, "safe": remedy == Some("repair"),
            "server_id": (remedy == Some("remove")).then(|| id(1, 3)),
            "at": (severity == "mended").then(|| ago(400))})
    };
    json!({"findings": [
        finding(1, "cmp-04", "error", "it can not be examined: its agent does not report",
            "look at its power, its network, and its agent's log (journalctl -u skydeck-agent)", None),
        finding(2, "cmp-01", "error", "its network is not as it was told", "packet filter replaced", Some("repair")),
        finding(3, "cmp-02", "error", "it has a guest of server batch-runner, which is on cmp-03",
            "remove takes it away for ever; what runs on cmp-03 stays", Some("remove")),
        finding(4, "cmp-03", "warning", "it has files of a server that nobody knows (00000001-0000-4000-8000-000000000099) (2048 MiB)",
            "remove takes it away for ever; it may be of another cloud, or from before a restored backup", Some("remove")),
        finding(5, "cmp-01", "mended", "its network was not as it was told", "tap sdt-000000000003 put on sdb-000000000001", None),
    ]})
}
