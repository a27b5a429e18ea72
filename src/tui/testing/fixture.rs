//! What the cloud of the tests answers, by path: six hosts, servers in every state, operations in every stage, some of it
//! long, wide or missing, as real clouds have it. All of it is told as of [`super::NOW`].

use serde_json::{Value, json};

use super::NOW;
use super::cloud::Answers;
use super::{groups, hosts, trace};

/// Microseconds, so many seconds before the tests' present.
pub(super) fn ago(seconds: i64) -> i64 {
    NOW.0 - seconds * 1_000_000
}

/// The same as OpenStack writes it.
pub(super) fn before(seconds: i64) -> String {
    NOW.plus_seconds(-seconds).to_string()
}

/// A UUID that is told apart by its number.
pub fn id(kind: u8, number: usize) -> String {
    format!("{kind:08x}-0000-4000-8000-{number:012x}")
}

/// The answers of a cloud at work.
pub fn busy() -> Answers {
    let mut answers = compute();
    answers.extend(resources());
    answers.extend(identity());
    answers.extend(skydeck());
    answers
}

/// The answers of a cloud on one machine.
pub fn one_host() -> Answers {
    let mut answers = owned(vec![(
        "/compute/v2.1/os-hypervisors/detail",
        json!({"hypervisors": [host(1)]}),
    )]);
    answers.extend(busy());
    answers
}

/// The answers of a cloud of so many hosts, in zones.
pub fn many_hosts(count: i64) -> Answers {
    let all: Vec<Value> = (1..=count).map(hosts::host_of_many).collect();
    let services: Vec<Value> = (1..=count).map(hosts::agent_of_many).collect();
    let mut answers = owned(vec![
        (
            "/compute/v2.1/os-hypervisors/detail",
            json!({"hypervisors": all}),
        ),
        ("/compute/v2.1/os-services", json!({"services": services})),
        ("/skydeck/v1/samples/latest", hosts::samples_of_many(count)),
    ]);
    answers.extend(busy());
    answers
}

/// The answers of a cloud in which there is nothing yet.
pub fn empty() -> Answers {
    owned(vec![
        (
            "/skydeck/v1/whoami",
            json!({"user_id": "u1", "user_name": "ada", "project_id": "p1", "project_name": "infra", "roles": ["admin"]}),
        ),
        ("/compute/v2.1/", version()),
        ("/compute/v2.1/servers/detail", json!({"servers": []})),
        ("/compute/v2.1/flavors/detail", json!({"flavors": []})),
        ("/compute/v2.1/os-keypairs", json!({"keypairs": []})),
        (
            "/compute/v2.1/os-hypervisors/detail",
            json!({"hypervisors": []}),
        ),
        ("/compute/v2.1/os-services", json!({"services": []})),
        ("/image/v2/images", json!({"images": []})),
        ("/network/v2.0/networks", json!({"networks": []})),
        ("/network/v2.0/subnets", json!({"subnets": []})),
        ("/network/v2.0/ports", json!({"ports": []})),
        (
            "/network/v2.0/security-groups",
            json!({"security_groups": []}),
        ),
        ("/network/v2.0/routers", json!({"routers": []})),
        ("/network/v2.0/floatingips", json!({"floatingips": []})),
        ("/volume/v3/p1/volumes/detail", json!({"volumes": []})),
        ("/identity/v3/projects", json!({"projects": []})),
        ("/identity/v3/users", json!({"users": []})),
        ("/skydeck/v1/summary", json!({"summary": {}})),
        ("/skydeck/v1/operations", json!({"operations": []})),
        ("/skydeck/v1/audit", json!({"audit": []})),
        ("/skydeck/v1/samples/latest", json!({"at": NOW.0})),
    ])
}

/// The answers of a cloud with more on one host than on the others.
pub fn uneven() -> Answers {
    let mut answers = owned(vec![("/skydeck/v1/plans/moves", hosts::spread())]);
    answers.extend(busy());
    answers
}

/// The answers of a cloud at work to one who does not administer it.
pub fn of_member() -> Answers {
    let who = json!({"user_id": "u2", "user_name": "grace", "project_id": "p1", "project_name": "infra",
        "roles": ["member"]});
    let mut answers = owned(vec![("/skydeck/v1/whoami", who)]);
    answers.extend(busy());
    answers
}

/// The answers of a cloud whose compute service fails.
pub fn failing() -> Answers {
    let mut answers = owned(vec![("/compute/v2.1/servers/detail", json!(500))]);
    answers.extend(busy());
    answers
}

fn owned(answers: Vec<(&str, Value)>) -> Answers {
    let own = |(path, answer): (&str, Value)| (path.to_owned(), answer);
    answers.into_iter().map(own).collect()
}

fn version() -> Value {
    json!({"version": {"id": "v2.1", "version": "2.96", "min_version": "2.1"}})
}

struct Case {
    name: &'static str,
    status: &'static str,
    task: Option<&'static str>,
    power: u8,
}

const fn case(
    name: &'static str,
    status: &'static str,
    task: Option<&'static str>,
    power: u8,
) -> Case {
    Case {
        name,
        status,
        task,
        power,
    }
}

/// The first of the servers; the rest are plain and run.
const CASES: [Case; 15] = [
    case("web-01", "ACTIVE", None, 1),
    case("web-02", "ACTIVE", Some("rebooting"), 1),
    case("db-primary", "ACTIVE", None, 1),
    case("db-replica", "SHUTOFF", None, 4),
    case("batch-7", "ERROR", None, 0),
    case("build-agent", "BUILD", Some("spawning"), 0),
    case("build-agent-2", "BUILD", Some("scheduling"), 0),
    case("cache-01", "PAUSED", None, 3),
    case("cache-02", "SUSPENDED", None, 4),
    case("mail", "VERIFY_RESIZE", None, 1),
    case("データベース-01", "ACTIVE", None, 1),
    case(
        "a-server-with-a-name-that-goes-on-and-on-as-generated-ones-do",
        "ACTIVE",
        None,
        1,
    ),
    case("old-wiki", "SHUTOFF", Some("deleting"), 4),
    case("queue", "REBUILD", Some("rebuild_spawning"), 1),
    case("shop-db", "MIGRATING", Some("migrating"), 1),
];

/// Steps of five seconds that [`super::Lab::with_past`] tells, after what is told at first.
pub const PAST: usize = 40;

/// Servers there are.
const SERVERS: usize = 40;

fn server(number: usize) -> Value {
    const PLAIN: Case = case("", "ACTIVE", None, 1);
    let case = CASES.get(number).unwrap_or(&PLAIN);
    let name = match case.name {
        "" => format!("node-{number:03}"),
        name => name.to_owned(),
    };
    let flavor = &FLAVORS[number % 3];
    let nowhere = case.status == "ERROR" || case.task == Some("scheduling");
    let mut server = json!({
        "id": id(1, number), "name": name, "status": case.status,
        "tenant_id": (["p1", "p2"][number % 2]), "user_id": "u1",
        "metadata": if number == 0 { json!({"tier": "front", "owner": "ada"}) } else { json!({}) },
        "image": {"id": id(2, number % 3)},
        "flavor": {"original_name": flavor.0, "vcpus": flavor.1, "ram": flavor.2, "disk": flavor.3},
        "created": before(86_400 * 40 - 3_600 * number as i64), "updated": before(600), "addresses": {},
        "OS-EXT-AZ:availability_zone": "nova", "config_drive": "True",
        "key_name": "ada", "OS-EXT-STS:task_state": case.task, "OS-EXT-STS:power_state": case.power,
        "OS-EXT-STS:vm_state": "active", "OS-SRV-USG:launched_at": before(86_400 * 39),
        "os-extended-volumes:volumes_attached": [], "locked": number == 2,
        "security_groups": [{"name": "default"}],
        "OS-EXT-SRV-ATTR:instance_name": format!("instance-{number:08x}"),
    });
    if !nowhere {
        server["OS-EXT-SRV-ATTR:host"] = json!(format!("cmp-{:02}", number % 6 + 1));
        server["addresses"] = json!({"lan": [{"version": 4, "addr": format!("10.0.0.{}", number + 10),
            "OS-EXT-IPS:type": "fixed", "OS-EXT-IPS-MAC:mac_addr": format!("fa:16:3e:00:00:{number:02x}")}]});
    }
    if number == 0 {
        server["os-extended-volumes:volumes_attached"] = json!([{"id": id(6, 0)}]);
    }
    if case.status == "ERROR" {
        server["fault"] = json!({"code": 500, "created": before(300),
            "message": "No valid host was found: 6 hosts were asked, RamFilter turned down 4 of them, ComputeFilter 2."});
    }
    server
}

/// Name, processors, MiB, GiB.
const FLAVORS: [(&str, u64, u64, u64); 5] = [
    ("m1.small", 1, 2_048, 20),
    ("m1.medium", 2, 4_096, 40),
    ("m1.large", 4, 8_192, 80),
    ("m1.xlarge", 8, 16_384, 160),
    ("c1.huge", 32, 262_144, 400),
];

fn host(number: i64) -> Value {
    let down = number == 4;
    let disabled = number == 5;
    json!({
        "id": id(3, number as usize), "hypervisor_hostname": format!("cmp-{number:02}"),
        "state": if down { "down" } else { "up" }, "status": if disabled { "disabled" } else { "enabled" },
        "host_ip": format!("192.0.2.{number}"), "hypervisor_type": "QEMU", "hypervisor_version": 7_002_000,
        "vcpus": 64, "vcpus_used": 10 * number, "memory_mb": 262_144, "memory_mb_used": 30_000 * number,
        "local_gb": 1_800, "local_gb_used": 210 * number, "running_vms": 6, "uptime": null,
        "service": {"id": id(4, number as usize), "host": format!("cmp-{number:02}"),
            "disabled_reason": disabled.then_some("memory module is replaced")},
        "cpu_info": {"arch": "x86_64", "model": "EPYC-Milan", "vendor": "AMD"},
    })
}

fn compute() -> Answers {
    let flavors: Vec<Value> = (0..5)
        .map(|at| {
            let (name, vcpus, ram, disk) = FLAVORS[at];
            json!({"id": (at + 1).to_string(), "name": name, "vcpus": vcpus, "ram": ram, "disk": disk, "swap": 0,
                "os-flavor-access:is_public": at < 4,
                "extra_specs": if at == 4 { json!({"hw:cpu_policy": "dedicated"}) } else { json!({}) }})
        })
        .collect();
    let service = |number: usize, binary: &str, host: &str, up: bool| {
        json!({"id": id(4, number), "binary": binary, "host": host, "zone": "nova",
            "status": if number == 5 { "disabled" } else { "enabled" }, "state": if up { "up" } else { "down" },
            "updated_at": before(if up { 3 } else { 4_000 }),
            "disabled_reason": (number == 5).then_some("memory module is replaced")})
    };
    let mut services: Vec<Value> = (1..=6)
        .map(|at| service(at, "nova-compute", &format!("cmp-{at:02}"), at != 4))
        .collect();
    services.push(service(7, "nova-conductor", "ctl-01", true));
    services.push(service(8, "nova-scheduler", "ctl-01", true));
    let servers: Vec<Value> = (0..SERVERS).map(server).collect();
    let keypair = |name: &str, kind: &str| {
        json!({"keypair": {"name": name, "type": kind, "public_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 ada@desk",
            "fingerprint": "SHA256:uNiVztksCsDhcc0u9e8BrrTHwdhqGSEh5v9nLzNQn2A"}})
    };
    let action = |number: usize, action: &str, message: Option<&str>| {
        json!({"action": action, "request_id": format!("req-{}", id(9, number)), "user_id": "u1", "project_id": "p1",
            "start_time": before(1_000 - 200 * number as i64), "message": message})
    };
    let mut answers: Answers = servers
        .iter()
        .map(|server| {
            let path = format!("/compute/v2.1/servers/{}", server["id"].as_str().unwrap());
            (path, json!({"server": server}))
        })
        .collect();
    answers.extend(owned(vec![
        ("/compute/v2.1/", version()),
        ("/compute/v2.1/servers/detail", json!({"servers": servers})),
        (
            "/compute/v2.1/servers/00000001-0000-4000-8000-000000000000/os-instance-actions",
            json!({"instanceActions": [action(0, "create", None), action(1, "attach_volume", None),
                action(2, "reboot", Some("The guest did not answer within 60 s; it was reset."))]}),
        ),
        (
            "/compute/v2.1/servers/00000001-0000-4000-8000-000000000000/action",
            json!({"output": console_log()}),
        ),
        ("/compute/v2.1/flavors/detail", json!({"flavors": flavors})),
        (
            "/compute/v2.1/os-keypairs",
            json!({"keypairs": [keypair("ada", "ssh"), keypair("deploy", "ssh")]}),
        ),
        (
            "/compute/v2.1/os-hypervisors/detail",
            json!({"hypervisors": (1..=6).map(host).collect::<Vec<_>>()}),
        ),
        ("/compute/v2.1/os-services", json!({"services": services})),
        (
            "/compute/v2.1/os-availability-zone",
            json!({"availabilityZoneInfo": [{"zoneName": "nova", "zoneState": {"available": true}}]}),
        ),
        (
            "/compute/v2.1/limits",
            json!({"limits": {"rate": [], "absolute": {"maxTotalInstances": 50, "totalInstancesUsed": 40,
                "maxTotalCores": 100, "totalCoresUsed": 93, "maxTotalRAMSize": 204_800, "totalRAMUsed": 188_416,
                "maxTotalKeypairs": 100}}}),
        ),
        (
            "/compute/v2.1/os-quota-sets/p1/detail",
            json!({"quota_set": {"id": "p1", "instances": used(40, 50), "cores": used(93, 100),
                "ram": used(188_416, 204_800), "key_pairs": used(2, 100)}}),
        ),
    ]));
    answers
}

fn used(in_use: i64, limit: i64) -> Value {
    json!({"in_use": in_use, "limit": limit, "reserved": 0})
}

fn console_log() -> String {
    let mut log = String::from("[    0.000000] Linux version 6.1.0-18-cloud-amd64\r\n");
    for line in 1..60 {
        log.push_str(&format!(
            "[    0.{line:06}] \u{1b}[32mok\u{1b}[0m initcall number {line} took {} usecs\r\n",
            line * 7
        ));
    }
    log.push_str("web-01 login: ");
    log
}

fn resources() -> Answers {
    let image = |at: usize, name: &str, status: &str, format: &str, size: u64| {
        json!({"id": id(2, at), "name": name, "status": status, "visibility": (["public", "private"][at % 2]),
            "disk_format": format, "container_format": "bare", "size": size, "min_disk": 2, "min_ram": 256,
            "owner": "p1", "created_at": before(90_000), "updated_at": before(90_000), "protected": at == 0,
            "checksum": "0cc175b9c0f1b6a831c399e269772661", "os_hash_algo": "sha512", "os_hash_value": "1f40fc92da241694",
            "os_distro": "debian", "hw_disk_bus": "virtio"})
    };
    let snapshot = {
        let mut image = image(5, "web-01-before-upgrade", "active", "qcow2", 2_400_000_000);
        image["instance_uuid"] = json!(id(1, 0));
        image["image_type"] = json!("snapshot");
        image
    };
    let network = |at: usize, name: &str| {
        json!({"id": id(5, at), "name": name, "status": "ACTIVE", "admin_state_up": at != 2, "shared": at == 0,
            "router:external": at == 1, "mtu": 1_500, "subnets": [id(7, at)], "project_id": "p1",
            "provider:network_type": (["vxlan", "flat"][at % 2]), "created_at": before(90_000)})
    };
    let subnet = |at: usize, cidr: &str, gateway: &str| {
        json!({"id": id(7, at), "name": format!("subnet-{at}"), "network_id": id(5, at), "ip_version": 4, "cidr": cidr,
            "gateway_ip": gateway, "enable_dhcp": at != 1, "dns_nameservers": ["9.9.9.9"], "project_id": "p1",
            "allocation_pools": [{"start": "10.0.0.10", "end": "10.0.0.250"}]})
    };
    let ports: Vec<Value> = (0..12)
        .map(|at| {
            json!({"id": id(8, at), "name": if at == 0 { "web" } else { "" }, "network_id": id(5, 0), "status": if at % 5 == 3 { "DOWN" } else { "ACTIVE" },
                "mac_address": format!("fa:16:3e:00:00:{at:02x}"), "admin_state_up": true, "project_id": "p1",
                "device_id": id(1, at), "device_owner": "compute:nova", "binding:host_id": format!("cmp-{:02}", at % 6 + 1),
                "fixed_ips": [{"subnet_id": id(7, 0), "ip_address": format!("10.0.0.{}", at + 10)}]})
        })
        .collect();
    let volume = |at: usize, name: &str, status: &str, size: u64| {
        json!({"id": id(6, at), "name": name, "status": status, "size": size, "bootable": (at == 0).to_string(),
            "created_at": before(80_000), "volume_type": "file", "availability_zone": "nova",
            "attachments": if status == "in-use" { json!([{"server_id": id(1, 0), "device": "/dev/vdb", "volume_id": id(6, at),
                "attachment_id": id(6, 99), "host_name": "cmp-01"}]) } else { json!([]) }})
    };
    owned(vec![
        (
            "/image/v2/images",
            json!({"images": [
                image(0, "debian-12", "active", "qcow2", 660_000_000),
                image(1, "ubuntu-24.04", "active", "qcow2", 2_400_000_000),
                image(2, "installer", "active", "iso", 1_100_000_000),
                image(3, "half-way", "saving", "raw", 10_000_000_000),
                image(4, "never-uploaded", "queued", "qcow2", 0),
                snapshot,
                image(6, "withdrawn", "deactivated", "raw", 1_000_000),
            ]}),
        ),
        (
            "/network/v2.0/networks",
            json!({"networks": [network(0, "lan"), network(1, "uplink"), network(2, "closed")]}),
        ),
        (
            "/network/v2.0/subnets",
            json!({"subnets": [subnet(0, "10.0.0.0/24", "10.0.0.1"), subnet(1, "203.0.113.0/24", "203.0.113.1"),
                subnet(2, "fd00:1::/64", "fd00:1::1")]}),
        ),
        ("/network/v2.0/ports", json!({"ports": ports})),
        ("/network/v2.0/security-groups", groups::groups()),
        (
            "/network/v2.0/routers",
            json!({"routers": [
                {"id": id(12, 0), "name": "edge", "status": "ACTIVE", "admin_state_up": true, "project_id": "p1", "created_at": before(80_000),
                    "external_gateway_info": {"network_id": id(5, 1), "enable_snat": true,
                        "external_fixed_ips": [{"ip_address": "203.0.113.10"}]}, "routes": []},
                {"id": id(12, 1), "name": "inner", "status": "ACTIVE", "admin_state_up": false, "project_id": "p1",
                    "created_at": before(60_000), "external_gateway_info": null, "routes": []}]}),
        ),
        (
            "/network/v2.0/floatingips",
            json!({"floatingips": [
                {"id": id(13, 0), "floating_ip_address": "203.0.113.77", "fixed_ip_address": "10.0.0.5", "status": "ACTIVE",
                    "router_id": id(12, 0), "port_id": id(8, 0), "floating_network_id": id(5, 1), "created_at": before(70_000)},
                {"id": id(13, 1), "floating_ip_address": "203.0.113.78", "status": "DOWN", "floating_network_id": id(5, 1),
                    "created_at": before(50_000)}]}),
        ),
        (
            "/network/v2.0/quotas/p1/details.json",
            json!({"quota": {"network": {"used": 3, "limit": 100, "reserved": 0}, "subnet": {"used": 3, "limit": 100, "reserved": 0},
                "port": {"used": 12, "limit": -1, "reserved": 0}, "router": {"used": 1, "limit": 10, "reserved": 0},
                "floatingip": {"used": 2, "limit": 4, "reserved": 0}, "security_group": {"used": 3, "limit": 100, "reserved": 0}}}),
        ),
        (
            "/volume/v3/",
            json!({"versions": [{"id": "v3.0", "version": "3.71", "min_version": "3.0"}]}),
        ),
        (
            "/volume/v3/p1/volumes/detail",
            json!({"volumes": [volume(0, "web-data", "in-use", 40), volume(1, "scratch", "available", 100),
                volume(2, "restoring", "creating", 10), volume(3, "", "error", 5), volume(4, "going", "deleting", 20)]}),
        ),
        (
            "/volume/v3/p1/os-quota-sets/p1",
            json!({"quota_set": {"id": "p1", "volumes": used(5, 10), "gigabytes": used(175, 1_000)}}),
        ),
        (
            "/volume/v3/p1/os-services",
            json!({"services": [{"binary": "cinder-volume", "host": "ctl-01@file", "zone": "nova", "status": "enabled",
                "state": "up", "updated_at": before(4)}]}),
        ),
        (
            "/volume/v3/p1/types",
            json!({"volume_types": [{"id": "t1", "name": "file"}]}),
        ),
    ])
}

fn identity() -> Answers {
    let project = |id: &str, name: &str, enabled: bool| {
        json!({"id": id, "name": name, "domain_id": "default", "enabled": enabled,
            "description": format!("What {name} needs")})
    };
    let user = |id: &str, name: &str, enabled: bool| {
        json!({"id": id, "name": name, "domain_id": "default", "enabled": enabled, "email": format!("{name}@example.org"),
            "default_project_id": "p1"})
    };
    let role = |at: usize| json!({"id": format!("r{}", at + 1), "name": (["admin", "member", "reader"][at])});
    let assignment = |user: &str, at: usize, project: &str| {
        json!({"user": {"id": user}, "role": role(at),
            "scope": {"project": {"id": project}}})
    };
    owned(vec![
        (
            "/identity/v3/projects",
            json!({"projects": [project("p1", "infra", true), project("p2", "shop", true), project("p3", "attic", false)]}),
        ),
        (
            "/identity/v3/users",
            json!({"users": [user("u1", "ada", true), user("u2", "grace", true), user("u3", "left-us", false)]}),
        ),
        (
            "/identity/v3/roles",
            json!({"roles": [role(0), role(1), role(2)]}),
        ),
        (
            "/identity/v3/role_assignments?u1",
            json!({"role_assignments": [assignment("u1", 0, "p1")]}),
        ),
        (
            "/identity/v3/role_assignments",
            json!({"role_assignments": [assignment("u1", 0, "p1"), assignment("u2", 1, "p2"), assignment("u2", 2, "p1")]}),
        ),
        (
            "/identity/v3/domains",
            json!({"domains": [{"id": "default", "name": "Default", "enabled": true}]}),
        ),
    ])
}

fn operation(number: usize, kind: &str, server: usize, status: &str) -> Value {
    let done = matches!(status, "done" | "failed" | "abandoned");
    json!({
        "id": id(10, number), "kind": kind, "project_id": "p1", "user_id": "u1", "user_name": "ada",
        "resource": {"type": "server", "id": id(1, server), "name": CASES[server].name},
        "request_id": format!("req-{}", id(9, number)), "status": status, "host": "cmp-03",
        "created": ago(60 + 40 * number as i64), "updated": ago(2),
        "finished": done.then(|| ago(30 * number as i64)),
        "steps": [], "can": [],
    })
}

fn operations() -> Vec<Value> {
    let mut launch = operation(0, "server_launch", 5, "running");
    launch["step"] = json!("root_disk");
    launch["can"] = json!(["abort"]);
    launch["progress"] = json!({"what": "copying the image", "done": 400_000_000_u64, "total": 660_000_000_u64,
        "unit": "bytes", "rate": 41_000_000.0, "eta": 6, "at": ago(1)});
    launch["steps"] = json!([
        {"name": "place", "status": "done", "attempts": 1, "started": ago(60), "finished": ago(59)},
        {"name": "ports", "status": "done", "attempts": 1, "started": ago(59), "finished": ago(58)},
        {"name": "root_disk", "status": "running", "attempts": 2, "started": ago(58)},
        {"name": "start_guest", "status": "pending"}, {"name": "activate", "status": "pending"}]);
    let mut stalled = operation(1, "server_snapshot", 0, "running");
    stalled["step"] = json!("upload");
    stalled["progress"] = json!({"what": "uploading", "done": 1_200_000_000_u64, "total": 2_400_000_000_u64,
        "unit": "bytes", "rate": 80_000_000.0, "eta": 15, "at": ago(95)});
    let mut waiting = operation(2, "server_resize", 9, "waiting");
    waiting["step"] = json!("verify_resize");
    let mut stuck = operation(3, "volume_attach", 3, "stuck");
    stuck["step"] = json!("undo_connect");
    stuck["can"] = json!(["retry", "abandon"]);
    stuck["error"] = json!({"message": "cmp-04 does not answer, so the volume may still be connected there",
        "hint": "Bring cmp-04 back, then retry."});
    let mut failed = operation(4, "server_launch", 4, "failed");
    failed["error"] = json!({"message": "No valid host was found: 6 hosts were asked, RamFilter turned down 4 of them, ComputeFilter 2.",
        "hint": "m1.large would fit on cmp-02."});
    let mut moving = operation(9, "live_migration", 14, "running");
    moving["step"] = json!("transfer");
    moving["can"] = json!(["abort"]);
    moving["progress"] = json!({"what": "transfer", "done": 2_600_000_000_u64, "total": 4_294_967_296_u64,
        "unit": "bytes", "rate": 310_000_000.0, "eta": 7, "at": ago(1)});
    vec![
        launch,
        moving,
        stalled,
        waiting,
        stuck,
        failed,
        operation(5, "server_reboot", 1, "done"),
        operation(6, "server_delete", 12, "undoing"),
        operation(7, "server_rebuild", 13, "running"),
        operation(8, "server_reboot", 1, "running"),
    ]
}

/// A wave around `middle`, told by its phase: nothing here is left to chance.
fn wave(at: usize, phase: usize, middle: f64, swing: f64) -> f64 {
    let angle = (at + phase * 7) as f64 / 9.0;
    (middle + swing * angle.sin() * (angle / 3.0).cos()).max(0.0)
}

/// The newest rates, so many steps of five seconds ago.
pub fn samples(steps_ago: usize) -> Value {
    let servers: Vec<Value> = (0..SERVERS)
        .filter(|number| CASES.get(*number).is_none_or(|case| case.power == 1))
        .map(|number| {
            json!({"id": id(1, number), "cpu_util": wave(steps_ago, number, 35.0, 30.0), "memory_mb": 300.0 + 40.0 * number as f64,
                "memory_total_mb": 2048.0, "disk_read": wave(steps_ago, number, 1e5, 9e4), "disk_write": wave(steps_ago, number, 3e6, 2e6),
                "net_rx": wave(steps_ago, number, 8e5, 7e5), "net_tx": wave(steps_ago, number, 2e5, 1e5)})
        })
        .collect();
    let hosts: Vec<Value> = (1..=6)
        .filter(|number| *number != 4)
        .map(|number| {
            json!({"host": format!("cmp-{number:02}"), "cpu_util": wave(steps_ago, number, 15.0 * number as f64, 8.0),
                "memory_mb": 35_000.0 * number as f64, "memory_total_mb": 262_144.0,
                "disk_read": 1e6, "disk_write": 2e6, "net_rx": wave(steps_ago, number, 9e6, 5e6), "net_tx": wave(steps_ago, number, 4e6, 3e6),
                "disk_used_gb": 200.0 * number as f64, "disk_total_gb": 1800.0})
        })
        .collect();
    json!({"at": ago(5 * steps_ago as i64), "servers": servers, "hosts": hosts})
}

fn series(resolution: &str, seconds: i64, steps: usize) -> Value {
    let values = |middle: f64, swing: f64| -> Vec<Option<f64>> {
        // It was off for a while.
        let off = |at: usize| (steps / 3..steps / 3 + steps / 12).contains(&at);
        (0..steps)
            .map(|at| (!off(at)).then(|| wave(at, steps, middle, swing)))
            .collect()
    };
    let meter = |name: &str, middle: f64, swing: f64| json!({"meter": name, "unit": "", "mean": values(middle, swing), "max": values(middle, swing), "min": values(middle, swing)});
    json!({"series": {"resource": id(1, 0), "resolution": resolution, "start": ago(seconds * steps as i64), "meters": [
        meter("cpu_util", 40.0, 35.0), meter("memory.usage", 900.0, 100.0),
        meter("disk.device.read.bytes.rate", 2e5, 1e5), meter("disk.device.write.bytes.rate", 3e6, 2e6),
        meter("network.incoming.bytes.rate", 8e5, 7e5), meter("network.outgoing.bytes.rate", 2e5, 1e5)]}})
}

fn skydeck() -> Answers {
    let room = |total: u64, claimed: u64| json!({"total": total, "allocatable": total, "claimed": claimed, "used": claimed as f64 * 0.8});
    let entry = |at: usize, action: &str, outcome: &str, reason: Option<&str>| {
        json!({"id": id(11, at), "at": ago(30 * at as i64), "user_id": "u1", "user_name": "ada", "project_id": "p1",
            "action": action, "resource": {"type": "server", "id": id(1, at), "name": CASES[at].name}, "outcome": outcome,
            "reason": reason, "status": 202, "request_id": format!("req-{}", id(9, at)), "source": "192.0.2.77"})
    };
    owned(vec![
        (
            "/skydeck/v1/whoami",
            json!({"user_id": "u1", "user_name": "ada", "project_id": "p1", "project_name": "infra", "roles": ["admin"]}),
        ),
        (
            "/skydeck/v1/summary",
            json!({"summary": {"at": NOW.0, "hosts": {"total": 6, "up": 5, "down": 1, "disabled": 1},
                "servers": {"ACTIVE": 32, "SHUTOFF": 2, "ERROR": 1, "BUILD": 2, "PAUSED": 1, "SUSPENDED": 1, "VERIFY_RESIZE": 1},
                "operations": {"running": 2, "waiting": 1, "stuck": 1}, "networks": 3, "ports": 12,
                "vcpus": room(384, 210), "memory_mb": room(1_572_864, 630_000), "disk_gb": room(10_800, 4_410), "volume_gb": room(1_000, 175),
                "bus": {"kind": "local", "ok": true, "latency_ms": 0.2, "waiting": 0}, "database": {"kind": "sqlite", "ok": true, "latency_ms": 1.4},
                "control_processes": 1}}),
        ),
        (
            "/skydeck/v1/operations",
            json!({"operations": operations()}),
        ),
        (
            "/skydeck/v1/operations/0000000a-0000-4000-8000-000000000000",
            json!({"operation": operations()[0]}),
        ),
        (
            "/skydeck/v1/operations/0000000a-0000-4000-8000-000000000003",
            json!({"operation": operations()[4]}),
        ),
        ("/skydeck/v1/network/trace", trace::dropped()),
        ("/skydeck/v1/migrations", hosts::moves()),
        ("/skydeck/v1/services", hosts::processes()),
        ("/skydeck/v1/doctor", hosts::findings()),
        ("/skydeck/v1/bus", hosts::bus()),
        ("/skydeck/v1/plans/moves", hosts::drain()),
        ("/skydeck/v1/plans/migration", hosts::what_if()),
        ("/skydeck/v1/moves", hosts::runs()),
        ("/skydeck/v1/samples/latest", samples(PAST)),
        (
            "/skydeck/v1/servers/00000001-0000-4000-8000-000000000000/samples?resolution=1h",
            series("1h", 3_600, 720),
        ),
        (
            "/skydeck/v1/servers/00000001-0000-4000-8000-000000000000/samples?resolution=1m",
            series("1m", 60, 1_440),
        ),
        (
            "/skydeck/v1/servers/00000001-0000-4000-8000-000000000000/samples",
            series("1s", 1, 600),
        ),
        ("/skydeck/v1/hosts/cmp-01/samples", series("1s", 1, 600)),
        (
            "/skydeck/v1/servers/00000001-0000-4000-8000-000000000004/explanations",
            json!({"explanations": [hosts::nowhere()]}),
        ),
        (
            "/skydeck/v1/servers/00000001-0000-4000-8000-000000000000/explanations",
            json!({"explanations": [hosts::chosen(), hosts::nowhere()]}),
        ),
        (
            "/skydeck/v1/audit",
            json!({"audit": [entry(0, "server_reboot", "success", None), entry(1, "server_delete", "denied", Some("policy server_delete wants the role admin")),
                entry(2, "server_update", "failure", Some("the name is too long")), entry(3, "volume_attach", "success", None)]}),
        ),
        (
            "/skydeck/v1/plans/launch",
            json!({"plan": {"fits": true, "host": "cmp-01", "explanation": hosts::chosen(),
                "makes": [{"kind": "server", "name": "api", "what": "1 vCPU, 2 GiB memory", "count": 2},
                    {"kind": "port", "what": "on lan", "count": 2}, {"kind": "disk", "what": "20 GiB over debian-12", "count": 2}],
                "quota": [{"resource": "instances", "unit": "", "limit": 50, "used": 40, "adds": 2, "left": 8},
                    {"resource": "cores", "unit": "", "limit": 100, "used": 93, "adds": 2, "left": 5},
                    {"resource": "ram", "unit": "MiB", "limit": 204_800, "used": 188_416, "adds": 4_096, "left": 12_288}],
                "host_room": [{"resource": "vcpus", "unit": "", "limit": 64, "used": 20, "adds": 2, "left": 42},
                    {"resource": "memory", "unit": "MiB", "limit": 262_144, "used": 60_000, "adds": 4_096, "left": 198_048}],
                "problems": []}}),
        ),
    ])
}

/// What the events stream told lately, oldest first.
pub fn happenings() -> Vec<Value> {
    let event = |seconds: i64,
                 kind: &str,
                 of: u8,
                 number: usize,
                 name: &str,
                 change: &str,
                 status: &str,
                 message: Option<&str>| {
        json!({"resource": {"resource": {"type": kind, "id": id(of, number), "name": name}, "project_id": "p1",
            "change": change, "status": status, "message": message, "at": ago(seconds)}})
    };
    vec![
        event(
            300,
            "server",
            1,
            4,
            "batch-7",
            "updated",
            "ERROR",
            Some("No valid host was found"),
        ),
        event(120, "volume", 6, 1, "scratch", "created", "available", None),
        json!({"alarm": {"id": "al1", "name": "host heartbeat", "severity": "critical", "state": "alarm",
            "resource": {"type": "host", "id": "cmp-04", "name": "cmp-04"}, "message": "no heartbeat for 40 s", "at": ago(90)}}),
        event(20, "server", 1, 0, "web-01", "updated", "ACTIVE", None),
    ]
}
