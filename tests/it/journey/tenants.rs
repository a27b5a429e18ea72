//! Tenants' networks on three hosts with real guests: apart, over tunnels, by routers, through security groups, plugged in
//! while they run, with metadata, over a live migration and over the death of the host that served them; with either engine.

use std::time::Duration;

use rstest::rstest;
use skydeck::client::{Client, ListQuery};

use super::allowed::{groups_decide, reaches};
use super::cloud::PATIENCE;
use super::guest::{type_in, wait_ready};
use super::rack::RackCloud;
use super::stock::OpenStack;
use crate::lab::guest as disk;
use crate::lab::rack::{OUTSIDE, Rack};
use crate::lab::wait::{wait_for, wait_for_async, wait_until};

/// The outside's own address, of the range of the external network.
const OUTER6: &str = "2001:db8::1/64";
/// Addresses that guests of the network `blue` make.
const BLUE6: &str = "fd00:b::/64";

/// A guest that was launched.
pub struct Guest {
    pub id: String,
    pub address: String,
    /// Its address of IPv6, which it makes itself.
    pub address6: String,
    /// Its first port.
    pub port: String,
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
    let client = cloud.client();
    let ports = ListQuery::new().filter("device_id", &id);
    let ports = client.port_list(&ports).await.expect("its ports");
    let mut fixed = ports[0].fixed_ips.iter().flat_map(|at| &at.ip_address);
    let guest = Guest {
        id,
        address: ready.address,
        address6: fixed.find(|at| at.contains(':')).unwrap().clone(),
        port: ports[0].id.clone(),
    };
    // Its address on the link is there before it is ready.
    for at in ["169.254.169.254", "[fe80::a9fe:a9fe%eth0]"] {
        let told = format!(
            "wget -q -O - 'http://{at}/openstack/latest/meta_data.json' | grep '\"name\":\"{name}\"'"
        );
        does(&client, &guest, &told, true).await;
    }
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

/// What carries networks between hosts, and how the journey sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Engine {
    /// Bridges and tunnels of ours: routers are namespaces of hosts, and lead out by the network of one.
    Bridge,
    /// OVN: routers lead out by a physical network, to which the control machine is plugged in as well.
    Ovn,
}

impl Engine {
    async fn cloud(self) -> RackCloud {
        let agent = "report_interval = 1\ndown_after = 4";
        let settings = "[compute]\ncpu_allocation_ratio = 16.0\n";
        match self {
            Self::Bridge => RackCloud::start_with(3, agent, settings).await,
            Self::Ovn => RackCloud::start_with_ovn(3, agent, settings).await,
        }
    }

    /// Makes the network `public`, whose gateway is 172.24.4.1.
    fn make_public(self, cloud: &RackCloud, os: &OpenStack) {
        let provider = match self {
            Self::Bridge => "",
            Self::Ovn => {
                let address = ["ip", "address", "add", "172.24.4.1/24", "dev", OUTSIDE];
                cloud.rack.control().run(&address);
                cloud
                    .rack
                    .control()
                    .run(&["ip", "link", "set", OUTSIDE, "up"]);
                "--provider-network-type flat --provider-physical-network physnet1"
            }
        };
        os.json(&format!("network create --external {provider} public"));
        os.json("subnet create --network public --subnet-range 172.24.4.0/24 --no-dhcp public-v4");
        if self == Self::Ovn {
            let address = ["ip", "address", "add", OUTER6, "dev", OUTSIDE, "nodad"];
            cloud.rack.control().run(&address);
            os.json(
                "subnet create --network public --ip-version 6 --subnet-range 2001:db8::/64 --no-dhcp public-v6",
            );
        }
    }

    /// Checks that a guest reaches the outside by IPv6, where the router's way out has it: as it is, so that the outside
    /// has to know the way back.
    async fn reaches_out_by_6(self, cloud: &RackCloud, os: &OpenStack, guest: &Guest) {
        if self == Self::Bridge {
            return;
        }
        let edge = os.json("router show edge");
        let fixed = edge["external_gateway_info"]["external_fixed_ips"].as_array();
        let addresses = fixed
            .unwrap()
            .iter()
            .flat_map(|at| at["ip_address"].as_str());
        let hop = addresses.into_iter().find(|at| at.contains(':')).unwrap();
        let control = cloud.rack.control();
        control.run(&["ip", "-6", "route", "add", BLUE6, "via", hop]);
        does(&cloud.client(), guest, "ping -c 2 -W 2 2001:db8::1", true).await;
    }

    /// The host by which the router `edge` leads out.
    fn way_out(self, cloud: &RackCloud, os: &OpenStack) -> Option<usize> {
        match self {
            Self::Bridge => agent_host(os, "router", "edge").map(|host| number(&host)),
            Self::Ovn => {
                let script = "ovn-sbctl --bare --columns=name list chassis $(ovn-sbctl --bare --columns=chassis find port_binding type=chassisredirect)";
                let host = cloud.rack.control().run(&["sh", "-c", script]);
                host.starts_with('h').then(|| number(&host))
            }
        }
    }

    /// What a web server at a floating address answers to the outside.
    fn fetched(self, cloud: &RackCloud, os: &OpenStack, address: &str) -> Result<String, String> {
        let outside = match self {
            Self::Bridge => cloud.rack.host(self.way_out(cloud, os).unwrap()),
            Self::Ovn => cloud.rack.control(),
        };
        let line = format!("timeout 3 busybox wget -q -O - http://{address}/");
        outside.try_run(&["sh", "-c", &line])
    }

    /// Takes the power of a host without which something would not go on if nobody took its place, and says which; never of
    /// h3.
    async fn lose_a_host(self, cloud: &mut RackCloud, os: &OpenStack) -> usize {
        let serves = |cloud: &RackCloud| match self {
            Self::Bridge => agent_host(os, "network", "blue").map(|host| number(&host)),
            Self::Ovn => self.way_out(cloud, os),
        };
        let lost = match serves(cloud).unwrap() {
            3 if self == Self::Bridge => self.way_out(cloud, os).unwrap(),
            3 => 2,
            host => host,
        };
        assert_ne!(lost, 3, "web, DHCP and router are all on one host");
        cloud.crash(lost);
        cloud.host_is(lost, "down").await;
        wait_until("what served the network to move", PATIENCE, || {
            serves(cloud).is_some_and(|host| host != lost)
        });
        wait_until("the router to move", PATIENCE, || {
            self.way_out(cloud, os).is_some_and(|host| host != lost)
        });
        lost
    }
}

#[rstest]
#[case::bridge(Engine::Bridge)]
#[case::ovn(Engine::Ovn)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_tenants_have_networks_of_their_own_that_outlive_moves_and_hosts(
    #[case] engine: Engine,
) {
    let mut cloud = engine.cloud().await;
    cloud.image("guest", &disk::qcow2(), "qcow2").await;
    cloud.flavor("small", 96, 1).await;
    let client = cloud.client();
    let os = OpenStack::new(&cloud);

    // Two networks with the same addresses of IPv4, one of them with a way out; by IPv6 a router is between them.
    for (network, range6) in [("blue", BLUE6), ("red", "fd00:d::/64")] {
        os.json(&format!("network create {network}"));
        os.json(&format!(
            "subnet create --network {network} --subnet-range 10.1.0.0/24 {network}-v4"
        ));
        os.json(&format!(
            "subnet create --network {network} --ip-version 6 --ipv6-ra-mode slaac --ipv6-address-mode slaac \
             --subnet-range {range6} {network}-v6"
        ));
    }
    engine.make_public(&cloud, &os);
    os.json("router create edge");
    os.ok("router set --external-gateway public edge");
    for subnet in ["blue-v4", "blue-v6", "red-v6"] {
        os.ok(&format!("router add subnet edge {subnet}"));
    }

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
    groups_decide(&client, &db, &web, &stranger).await;

    // A network more, plugged in while they run.
    os.json("network create green");
    os.json("subnet create --network green --subnet-range 10.2.0.0/24 --gateway none green-v4");
    os.ok("server add network web green");
    os.ok("server add network db green");
    let ports = os.json("port list --network green --server web");
    let green = ports[0]["Fixed IP Addresses"][0]["ip_address"].clone();
    let green = green.as_str().unwrap();
    let patient = format!(
        "for i in $(seq 9); do ping -c 1 -W 2 {green} && break; done; {}",
        ping(green)
    );
    does(&client, &db, &patient, true).await;

    // Out by the router, in by a floating address once a rule allows it.
    wait_for("the router to be on a host", PATIENCE, || {
        engine.way_out(&cloud, &os)
    });
    does(&client, &db, &ping("172.24.4.1"), true).await;
    does(&client, &web, &ping("172.24.4.1"), true).await;
    engine.reaches_out_by_6(&cloud, &os, &db).await;
    let floating = os.json("floating ip create public");
    let floating = floating["floating_ip_address"].as_str().unwrap().to_owned();
    os.ok(&format!("server add floating ip web {floating}"));
    wait_until("web to be closed to all", PATIENCE, || {
        engine.fetched(&cloud, &os, &floating).is_err()
    });
    let project = os.json("project show admin");
    let project = project["id"].as_str().unwrap();
    let groups = os.json(&format!("security group list --project {project}"));
    let group = groups[0]["ID"].as_str().unwrap().to_owned();
    os.json(&format!(
        "security group rule create --protocol tcp --dst-port 80 {group}"
    ));
    wait_until("web to be open", PATIENCE, || {
        let fetched = engine.fetched(&cloud, &os, &floating);
        fetched.is_ok_and(|text| text == "web")
    });

    // Moved while somebody pings it: once a second by either family, all but one arrives.
    let line = format!(
        "echo COUNTED $({{ ping -q -c 20 {} & ping -q -c 20 {}; wait; }} | sed -n 's/.*, \\([0-9]*\\) packets received.*/\\1/p')",
        web.address, web.address6
    );
    let pinging = {
        let (client, id) = (cloud.client(), db.id.clone());
        tokio::spawn(async move { heard(&client, &id, &line, "COUNTED ").await })
    };
    os.ok("--os-compute-api-version 2.30 server migrate --live-migration --host h3 web");
    cloud.wait_status(&web.id, "ACTIVE").await;
    wait_until("web to be on h3", PATIENCE, || {
        cloud.running_on(3).len() == 1 && cloud.running_on(1).len() == 1
    });
    let counted = pinging.await.unwrap();
    let received = counted.split_whitespace().skip(1);
    let received: Vec<u32> = received.map(|count| count.parse().unwrap()).collect();
    assert!(
        received.len() == 2 && received.iter().all(|count| *count >= 19),
        "{counted}"
    );
    reaches(&client, &stranger, &[&web.address6], "icmp6 tcp6 udp6").await;
    assert_eq!(engine.fetched(&cloud, &os, &floating).unwrap(), "web");

    does(&client, &db, &ping(green), true).await;
    os.ok("server remove network web green");
    wait_for_async("hosts to be as they shall be", PATIENCE, async || {
        let findings = client.finding_list().await.expect("findings");
        findings
            .iter()
            .all(|finding| finding.at.is_some())
            .then_some(())
    })
    .await;

    // The host with DHCP, or the way out, loses its power.
    let lost = engine.lose_a_host(&mut cloud, &os).await;
    wait_until("the floating address on another host", PATIENCE, || {
        let fetched = engine.fetched(&cloud, &os, &floating);
        fetched.is_ok_and(|text| text == "web")
    });
    does(&client, &web, &ping("172.24.4.1"), true).await;
    does(&client, &web, &ping("fd00:b::1"), true).await;
    does(
        &client,
        &web,
        "udhcpc -i eth0 -n -q -t 10 -T 1 -s /bin/true",
        true,
    )
    .await;

    // It comes back, and guests on it are among the others.
    cloud.power_on(lost);
    cloud.host_is(lost, "up").await;
    let late = launch(&cloud, &os, "late", "blue", lost).await;
    does(&client, &web, &ping(&late.address), true).await;
    if engine == Engine::Ovn {
        // What a chassis gives up is down until it has it again.
        let host = cloud.rack.host(3);
        host.run(&["ovn-appctl", "-t", "ovn-controller", "exit"]);
        port_is(&client, &web, "DOWN").await;
        host.run(&[
            "ovn-controller",
            "--pidfile",
            "--detach",
            "--no-chdir",
            "-vconsole:off",
            "unix:/run/openvswitch/db.sock",
        ]);
        port_is(&client, &web, "ACTIVE").await;
        does(&client, &web, &ping(&late.address), true).await;
    }
}

/// Waits until a guest's first port has this status.
async fn port_is(client: &Client, guest: &Guest, status: &str) {
    let what = format!("the port to be {status}");
    wait_for_async(&what, PATIENCE, async || {
        let port = client.port_show(&guest.port).await.expect("its port");
        (port.status == status).then_some(())
    })
    .await;
}

/// Types a line into a guest, and returns the rest of the line that begins with `wanted`.
pub async fn heard(client: &Client, id: &str, line: &str, wanted: &str) -> String {
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
