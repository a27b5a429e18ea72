//! Tenants' networks on three hosts with real guests: apart, over tunnels, by routers, through security groups, with
//! metadata, over a live migration and over the death of the host that served them.

use std::time::Duration;

use skydeck::client::Client;

use super::cloud::PATIENCE;
use super::guest::{type_in, wait_ready};
use super::rack::RackCloud;
use super::stock::OpenStack;
use crate::lab::guest as disk;
use crate::lab::rack::Rack;
use crate::lab::wait::{wait_for, wait_until};

/// A guest that was launched.
struct Guest {
    id: String,
    address: String,
}

/// Launches a guest on a host, waits until it is up, and checks what it was told of itself.
async fn launch(
    cloud: &RackCloud,
    os: &OpenStack,
    name: &str,
    network: &str,
    host: usize,
) -> Guest {
    let zone = format!("nova:{}", Rack::name(host));
    let made = os.json(&format!(
        "server create --image guest --flavor small --network {network} --availability-zone {zone} {name}"
    ));
    let id = made["id"].as_str().unwrap().to_owned();
    cloud.wait_status(&id, "ACTIVE").await;
    let ready = wait_ready(cloud, &id, 1).await;
    assert_eq!(ready.name, name);
    let guest = Guest {
        id,
        address: ready.address,
    };
    let told = format!(
        "wget -q -O - http://169.254.169.254/openstack/latest/meta_data.json | grep '\"name\":\"{name}\"'"
    );
    does(&cloud.client(), &guest, &told, true).await;
    guest
}

/// Runs a line in a guest and waits for its success or failure.
async fn does(client: &Client, guest: &Guest, line: &str, succeeds: bool) {
    let word = if succeeds { "IT-DID" } else { "IT-DID-NOT" };
    let line = format!("{line} >/dev/null 2>&1 && echo IT''-DID. || echo IT''-DID-NOT.");
    type_in(client, &guest.id, &line, &format!("{word}.")).await;
}

/// The host that an agent for this is on.
fn agent_host(os: &OpenStack, kind: &str, name: &str) -> Option<String> {
    let agents = os.json(&format!("network agent list --{kind} {name}"));
    let agents = agents.as_array()?;
    agents.first()?["Host"].as_str().map(str::to_owned)
}

fn number(host: &str) -> usize {
    host[1..].parse().unwrap()
}

/// What a web server answers to a host.
fn fetched(cloud: &RackCloud, host: usize, address: &str) -> Result<String, String> {
    let line = format!("timeout 3 busybox wget -q -O - http://{address}/");
    cloud.rack.host(host).try_run(&["sh", "-c", &line])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_tenants_have_networks_of_their_own_that_outlive_moves_and_hosts() {
    let mut cloud = RackCloud::start_with(
        3,
        "report_interval = 1\ndown_after = 4",
        "[compute]\ncpu_allocation_ratio = 16.0\n",
    )
    .await;
    cloud.image("guest", &disk::qcow2(), "qcow2").await;
    cloud.flavor("small", 96, 1).await;
    let client = cloud.client();
    let os = OpenStack::new(&cloud);

    // Two networks with the same addresses, one of them with a way out.
    for network in ["blue", "red"] {
        os.json(&format!("network create {network}"));
        os.json(&format!(
            "subnet create --network {network} --subnet-range 10.1.0.0/24 {network}-v4"
        ));
    }
    os.json("network create --external public");
    os.json("subnet create --network public --subnet-range 172.24.4.0/24 --no-dhcp public-v4");
    os.json("router create edge");
    os.ok("router set --external-gateway public edge");
    os.ok("router add subnet edge blue-v4");

    let db = launch(&cloud, &os, "db", "blue", 2).await;
    let web = launch(&cloud, &os, "web", "blue", 1).await;
    let stranger = launch(&cloud, &os, "stranger", "red", 1).await;
    assert_ne!(web.address, db.address);
    // The first of each network, and so both have the same.
    assert_eq!(stranger.address, db.address);
    let ping = |address: &str| format!("ping -c 2 -W 2 {address}");
    does(&client, &db, &ping(&web.address), true).await;
    does(&client, &db, &ping("web"), true).await;
    does(&client, &stranger, &ping(&web.address), false).await;

    // Out by the router, in by a floating address once a rule allows it.
    wait_for("the router to be on a host", PATIENCE, || {
        agent_host(&os, "router", "edge")
    });
    does(&client, &db, &ping("172.24.4.1"), true).await;
    does(&client, &web, &ping("172.24.4.1"), true).await;
    let floating = os.json("floating ip create public");
    let floating = floating["floating_ip_address"].as_str().unwrap().to_owned();
    os.ok(&format!("server add floating ip web {floating}"));
    let router = |os: &OpenStack| number(&agent_host(os, "router", "edge").unwrap());
    assert!(
        fetched(&cloud, router(&os), &floating).is_err(),
        "web is open to all"
    );
    let project = os.json("project show admin");
    let project = project["id"].as_str().unwrap();
    let groups = os.json(&format!("security group list --project {project}"));
    let group = groups[0]["ID"].as_str().unwrap().to_owned();
    os.json(&format!(
        "security group rule create --protocol tcp --dst-port 80 {group}"
    ));
    wait_until("web to be open", PATIENCE, || {
        fetched(&cloud, router(&os), &floating).is_ok_and(|text| text == "web")
    });

    // Moved while somebody pings it: once a second, all but one arrives.
    let line = format!(
        "ping -c 20 {} | grep transmitted | sed s/^/COUNTED-/",
        web.address
    );
    let pinging = {
        let (client, id) = (cloud.client(), db.id.clone());
        tokio::spawn(async move { heard(&client, &id, &line, "COUNTED-2").await })
    };
    os.ok("--os-compute-api-version 2.30 server migrate --live-migration --host h3 web");
    cloud.wait_status(&web.id, "ACTIVE").await;
    wait_until("web to be on h3", PATIENCE, || {
        cloud.running_on(3).len() == 1 && cloud.running_on(1).len() == 1
    });
    let counted = pinging.await.unwrap();
    let received: u32 = counted
        .split(", ")
        .find_map(|part| {
            part.trim()
                .split_once(' ')
                .filter(|(_, word)| word.contains("received"))
        })
        .map(|(count, _)| count.parse().unwrap())
        .unwrap();
    assert!(received >= 19, "{counted}");
    assert_eq!(fetched(&cloud, router(&os), &floating).unwrap(), "web");

    // The host with DHCP loses its power; so does the one with the router, if that is another.
    let dhcp = number(&agent_host(&os, "network", "blue").unwrap());
    let lost = if dhcp == 3 { router(&os) } else { dhcp };
    assert_ne!(lost, 3, "web, DHCP and router are all on one host");
    cloud.crash(lost);
    cloud.host_is(lost, "down").await;
    for (kind, name) in [("network", "blue"), ("router", "edge")] {
        wait_until(&format!("{kind} {name} to move"), PATIENCE, || {
            agent_host(&os, kind, name).is_some_and(|host| number(&host) != lost)
        });
    }
    wait_until("the floating address on another host", PATIENCE, || {
        fetched(&cloud, router(&os), &floating).is_ok_and(|text| text == "web")
    });
    does(&client, &web, &ping("172.24.4.1"), true).await;
    does(
        &client,
        &web,
        "udhcpc -i eth0 -n -q -t 10 -T 1 -s /bin/true",
        true,
    )
    .await;
}

/// Types a line into a guest, and returns the rest of the line that begins with `wanted`.
async fn heard(client: &Client, id: &str, line: &str, wanted: &str) -> String {
    let mut console = client.console_open(id).await.expect("a console");
    console
        .send(bytes::Bytes::from(format!("\n{line}\n")))
        .await
        .expect("the guest to take keys");
    let mut text = String::new();
    let found = async {
        loop {
            let answer = text
                .lines()
                .rev()
                .skip(1)
                .find(|line| line.starts_with(wanted));
            if let Some(answer) = answer {
                return answer.to_owned();
            }
            let bytes = console
                .receive()
                .await
                .expect("the console")
                .expect("its bytes");
            text.push_str(&String::from_utf8_lossy(&bytes));
        }
    };
    let found = tokio::time::timeout(Duration::from_secs(60), found).await;
    found.unwrap_or_else(|_| panic!("{wanted} did not come"))
}
