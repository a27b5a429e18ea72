//! Kinds of networks, routers, floating addresses and agents by the stock command line.

use serde_json::Value;

use super::cloud::{Cloud, PATIENCE};
use super::stock::OpenStack;
use crate::lab::guest as disk;
use crate::lab::wait::wait_for;

/// What is shown, once it is as it shall be.
#[track_caller]
fn shown(os: &OpenStack, line: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    wait_for(line, PATIENCE, || Some(os.json(line)).filter(&wanted))
}

#[track_caller]
fn rows(os: &OpenStack, line: &str) -> Vec<Value> {
    os.json(line).as_array().unwrap().clone()
}

fn id(shown: &Value) -> &str {
    shown["id"].as_str().unwrap()
}

#[test]
fn routers_and_floating_addresses() {
    let cloud = Cloud::start();
    let os = OpenStack::new(&cloud);

    // Kinds of networks.
    let blue = os.json("network create blue");
    assert_eq!(blue["provider:network_type"], "vxlan");
    assert_eq!(blue["mtu"], 1450);
    let number = "network create --provider-network-type vxlan --provider-segment 4711 red";
    assert_eq!(os.json(number)["provider:segmentation_id"], 4711);
    let flat = "network create --external --provider-network-type flat --provider-physical-network p1 wire";
    assert_eq!(os.json(flat)["provider:physical_network"], "p1");
    os.ok("network delete red wire");
    os.json("subnet create --network blue --subnet-range 10.77.0.0/24 blue-v4");
    os.json("network create --external --share public");
    os.json("subnet create --network public --subnet-range 10.78.0.0/24 public-v4");

    // A router between them.
    os.json("router create edge");
    os.ok("router set --external-gateway public --description d edge");
    os.ok("router add subnet edge blue-v4");
    let router = os.json("router show edge");
    assert_eq!(router["status"], "ACTIVE");
    assert_eq!(
        router["external_gateway_info"]["enable_snat"], true,
        "{router}"
    );
    assert_eq!(router["interfaces_info"].as_array().unwrap().len(), 1);
    os.ok("router set --route destination=10.99.0.0/16,gateway=10.77.0.9 edge");
    os.ok("router add route --route destination=10.98.0.0/16,gateway=10.77.0.9 edge");
    assert_eq!(
        os.json("router show edge")["routes"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    os.ok("router remove route --route destination=10.98.0.0/16,gateway=10.77.0.9 edge");
    os.ok("router unset --route destination=10.99.0.0/16,gateway=10.77.0.9 edge");
    os.json("network create green");
    os.json("subnet create --network green --subnet-range 10.79.0.0/24 green-v4");
    os.json("port create --network green --fixed-ip ip-address=10.79.0.9 door");
    os.ok("router add port edge door");
    os.ok("router remove port edge door");
    assert!(os.fails("router delete edge").contains("still has ports"));

    // Floating addresses.
    let floating = os.json("floating ip create public");
    let address = floating["floating_ip_address"].as_str().unwrap().to_owned();
    os.json("port create --network blue gate");
    os.ok(&format!("floating ip set --port gate {address}"));
    let line = format!("floating ip show {address}");
    shown(&os, &line, |floating| floating["status"] == "ACTIVE");
    assert!(
        os.fails("router remove subnet edge blue-v4")
            .contains("floating")
    );
    assert!(
        os.fails("router unset --external-gateway edge")
            .contains("floating")
    );
    os.ok(&format!("floating ip unset --port {address}"));
    assert_eq!(os.json(&line)["status"], "DOWN");
    os.ok("port delete gate");

    // A server with one.
    let file = disk::qcow2().display().to_string();
    os.json(&format!(
        "image create --disk-format qcow2 --container-format bare --file {file} guest"
    ));
    os.json("flavor create --ram 128 --disk 1 --vcpus 1 small");
    os.json("server create --image guest --flavor small --network blue --wait web");
    os.ok(&format!("server add floating ip web {address}"));
    let server = os.json("server show web");
    assert!(
        server["addresses"].to_string().contains(&address),
        "{server}"
    );
    os.ok(&format!("server remove floating ip web {address}"));
    let server = os.json("server show web");
    assert!(
        !server["addresses"].to_string().contains(&address),
        "{server}"
    );
    os.ok("server add network web green");
    shown(&os, "server show web", |server| {
        server["addresses"].to_string().contains("10.79.0.")
    });
    os.ok("server remove network web green");
    shown(&os, "server show web", |server| {
        !server["addresses"].to_string().contains("10.79.0.")
    });
    let door = os.json("port create --network green --fixed-ip ip-address=10.79.0.10 hatch");
    os.ok("server add port web hatch");
    shown(&os, "server show web", |server| {
        server["addresses"].to_string().contains("10.79.0.10")
    });
    os.ok("server remove port web hatch");
    shown(&os, "port show hatch", |port| port["device_id"] == "");
    os.ok(&format!("port delete {}", id(&door)));

    // Agents, and what is on them.
    let agents = rows(&os, "network agent list");
    let kinds: Vec<&str> = agents
        .iter()
        .map(|agent| agent["Agent Type"].as_str().unwrap())
        .collect();
    for kind in ["DHCP agent", "L3 agent", "Linux bridge agent"] {
        assert!(kinds.contains(&kind), "{kinds:?}");
    }
    let agent = |kind: &str| {
        let found = agents.iter().find(|agent| agent["Agent Type"] == kind);
        found.unwrap()["ID"].as_str().unwrap().to_owned()
    };
    let (dhcp, l3) = (agent("DHCP agent"), agent("L3 agent"));
    assert_eq!(
        os.json(&format!("network agent show {dhcp}"))["alive"],
        true
    );
    os.ok(&format!("network agent set --description d {dhcp}"));
    let networks = rows(&os, &format!("network list --agent {dhcp}"));
    assert_eq!(networks[0]["Name"], "blue", "{networks:?}");
    assert_eq!(rows(&os, "network agent list --network blue").len(), 1);
    assert_eq!(rows(&os, "network agent list --router edge").len(), 1);
    assert_eq!(rows(&os, &format!("router list --agent {l3}")).len(), 1);
    os.ok(&format!("network agent add network --dhcp {dhcp} blue"));
    os.ok(&format!("network agent add router --l3 {l3} edge"));
    // There is no other host to go to; this client keeps silent about it.
    os.ok(&format!("network agent remove network --dhcp {dhcp} blue"));
    assert_eq!(
        rows(&os, "network agent list --network blue").len(),
        1,
        "DHCP is answered nowhere"
    );
    os.ok(&format!("network agent remove router --l3 {l3} edge"));
    assert_eq!(rows(&os, "network agent list --router edge").len(), 1);
    os.ok(&format!("network agent set --disable {l3}"));
    assert_eq!(
        os.json(&format!("network agent show {l3}"))["admin_state_up"],
        false
    );
    os.ok(&format!("network agent set --enable {l3}"));

    // Everything goes.
    os.ok("server delete --wait web");
    os.ok(&format!("floating ip delete {address}"));
    os.ok("router remove subnet edge blue-v4");
    os.ok("router unset --external-gateway edge");
    os.ok("router delete edge");
    os.ok("network delete blue green public");
    os.ok("image delete guest");
    cloud.assert_clean();
}
