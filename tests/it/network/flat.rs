//! A network that is a physical one: by an interface of the node's, and by a bridge that the node has there already.

use rstest::rstest;
use skydeck::agent::network::NodePlace;
use skydeck::network::names::uplink_wire;
use skydeck::network::rpc::{NetworkSpec, Segment};

use super::site::{Guest, Site, add_port, desired, network};
use crate::lab::machine::Machine;

const PHYSICAL: &str = "lan";
/// Who is outside.
const OUTSIDE: &str = "10.1.0.1";
/// The node itself, where it has an address on its bridge.
const NODE: &str = "10.1.0.9";

/// A node with an interface `up0` in a network where somebody is; with a bridge `vmbr0` on it, and the node's own address
/// there, or without.
fn node(has_bridge: bool, named: &str) -> Site {
    let machine = Machine::start();
    let place = NodePlace {
        physical: [(PHYSICAL.to_owned(), named.to_owned())].into(),
        ..NodePlace::default()
    };
    let site = Site::on(machine, place);
    site.shell(
        "ip netns add lan; ip -n lan link set lo up
         ip link add up0 type veth peer name eth0 netns lan
         ip -n lan address add 10.1.0.1/24 dev eth0; ip -n lan link set eth0 up; ip link set up0 up",
    );
    if has_bridge {
        site.shell(
            "ip link add vmbr0 type bridge; ip link set vmbr0 up; ip link set up0 master vmbr0
             ip address add 10.1.0.9/24 dev vmbr0",
        );
    }
    site
}

fn flat() -> NetworkSpec {
    let mut network = network(1);
    network.segment = Segment::Flat {
        physical: PHYSICAL.to_owned(),
    };
    network
}

/// Gives a guest its address, as whoever answers DHCP there would.
fn settle(guest: &Guest<'_>, address: &str) {
    guest.run(&format!("ip address add {address}/24 dev eth0"));
}

#[rstest]
#[case::interface(false, "up0")]
#[case::bridge_of_the_node(true, "vmbr0")]
fn guests_are_in_a_physical_network(#[case] has_bridge: bool, #[case] named: &str) {
    let site = node(has_bridge, named);
    let mut network = flat();
    let (web, db) = (
        add_port(&mut network, 5, "web"),
        add_port(&mut network, 6, "db"),
    );
    site.must_apply(&desired(1, &[&network]));
    let (web, db) = (site.guest(&web), site.guest(&db));
    settle(&web, "10.1.0.5");
    settle(&db, "10.1.0.6");
    let speak = || {
        let from_outside = site.machine.try_run(&[
            "ip", "netns", "exec", "lan", "ping", "-c", "1", "-W", "2", "10.1.0.5",
        ]);
        web.pings(OUTSIDE) && web.pings("10.1.0.6") && from_outside.is_ok()
    };
    assert!(speak());
    // What is not a guest's own address is not heard outside either.
    settle(&db, "10.1.0.7");
    assert!(
        db.try_run(&format!("ping -c 1 -W 1 -I 10.1.0.7 {OUTSIDE}"))
            .is_err()
    );
    if has_bridge {
        // The node goes on as it was, and is in the same network.
        assert!(web.pings(NODE));
        site.machine.run(&["ping", "-c", "1", "-W", "2", OUTSIDE]);
    }
    assert_eq!(site.repair(), Vec::<String>::new());

    // Somebody pulls it out, or takes it away.
    let way = match has_bridge {
        true => uplink_wire(PHYSICAL),
        false => named.to_owned(),
    };
    site.shell(&format!("ip link set {way} nomaster"));
    assert!(!web.pings(OUTSIDE));
    assert_eq!(site.repair().len(), 1);
    assert!(speak());
    if has_bridge {
        site.shell(&format!("ip link delete {way}"));
        assert!(!site.repair().is_empty());
        assert!(speak());
        assert_eq!(site.repair(), Vec::<String>::new());
    }

    // Without the network, all is as it was before.
    site.must_apply(&desired(2, &[]));
    let left = site.shell("ip -o link show up0; ip -o link | grep -c sd[vlb]- || true");
    assert_eq!(left.contains("master vmbr0"), has_bridge, "{left}");
    assert!(
        left.contains("state UP") && left.trim_end().ends_with('0'),
        "{left}"
    );
}

#[test]
fn an_interface_that_the_machine_needs_is_left_alone() {
    for (named, setting, reason) in [
        (
            "up0",
            "ip link add vmbr0 type bridge; ip link set up0 master vmbr0",
            "name vmbr0",
        ),
        (
            "up0",
            "ip address add 10.9.9.9/24 dev up0",
            "addresses of this node's own",
        ),
        ("up1", "true", "no interface up1"),
    ] {
        let site = node(false, named);
        site.shell(setting);
        let before = site.shell("ip -o link show up0");
        let mut network = flat();
        add_port(&mut network, 5, "web");
        let applied = site.apply(&desired(1, &[&network])).unwrap();
        assert!(
            applied
                .problems
                .iter()
                .any(|problem| problem.contains(reason)),
            "{:?}",
            applied.problems
        );
        assert_eq!(site.shell("ip -o link show up0"), before);
    }
}
