//! Plans for Open vSwitch, by tables.

use rstest::rstest;

use super::super::blueprint::Blueprint;
use super::super::plan::{Change, Observed};
use super::super::remembered::remembered as remembered_all;
use super::super::testing::{desired, network, port};
use super::*;
use crate::ids::PortId;
use crate::network::names::{metadata_namespace, plug_name, port_bridge_name, tap_name, wire_name};
use crate::network::rpc::{NetworkDesired, NetworkSpec, Segment, ServicePort};

const PHYSICAL: &str = "physnet1";

fn ovn() -> OvnSpec {
    OvnSpec {
        chassis: "n1".into(),
        southbound: "tcp:192.0.2.1:6642,ssl:[2001:db8::1]:6642".into(),
    }
}

fn way(interface: &str, plug: Option<Plug>) -> Uplink {
    Uplink {
        interface: interface.to_owned(),
        plug,
    }
}

fn site() -> Site {
    Site {
        encapsulation: Some("192.0.2.7".parse().unwrap()),
        datapath: Datapath::User,
        has_certificate: true,
        physical: [
            (PHYSICAL.to_owned(), Ok(way("eth1", None))),
            ("other".to_owned(), Err("it is not there".to_owned())),
        ]
        .into(),
        ..Site::default()
    }
}

fn logical() -> NetworkSpec {
    let mut network = network("10.1.0.0/24");
    network.segment = Segment::Logical;
    network.ports.push(port("fa:16:3e:00:00:05", "10.1.0.5"));
    network.dhcp = Some(ServicePort {
        port: PortId::new(),
        network: network.id,
        mac: "fa:16:3e:00:00:02".into(),
        addresses: vec!["10.1.0.2/24".parse().unwrap()],
    });
    network
}

fn chassis(network: &NetworkSpec) -> NetworkDesired {
    NetworkDesired {
        ovn: Some(ovn()),
        ..desired(std::slice::from_ref(network))
    }
}

/// A chassis as it shall be, and as it is then.
fn joined() -> (Switch, SeenSwitch) {
    let blueprint = Blueprint::new(&chassis(&logical()), &site());
    let switch = blueprint.switch.unwrap();
    let seen = remembered(&switch);
    (switch, seen)
}

fn planned(wanted: Option<&Switch>, seen: &SeenSwitch) -> Vec<SwitchChange> {
    plan(wanted, seen, &BTreeSet::new())
}

#[test]
fn a_network_of_ovn_is_a_namespace_and_a_bridge_for_each_guest() {
    let network = logical();
    let blueprint = Blueprint::new(&chassis(&network), &site());
    assert_eq!(
        blueprint.problems,
        ["physical network other: it is not there"]
    );
    assert!(blueprint.servers.is_empty() && blueprint.tunnels.is_empty());
    let dhcp = network.dhcp.as_ref().unwrap();
    let wire = &blueprint.rooms[&metadata_namespace(network.id)].wires[&wire_name(dhcp.port)];
    assert!(wire.bridge.is_none() && wire.checksums);
    let addresses: Vec<String> = wire.addresses.iter().map(ToString::to_string).collect();
    assert_eq!(addresses, ["10.1.0.2/24", "169.254.169.254/32"]);

    let switch = blueprint.switch.unwrap();
    let bridge = physical_bridge(PHYSICAL);
    let mapping = format!("{PHYSICAL}:{bridge}");
    let settings: Vec<&str> = switch.settings.values().map(String::as_str).collect();
    assert_eq!(
        settings,
        [
            "netdev",
            &mapping,
            "192.0.2.7",
            "geneve",
            "tcp:192.0.2.1:6642,ssl:[2001:db8::1]:6642",
            "n1"
        ]
    );
    assert_eq!(switch.ports["eth1"].bridge, bridge);
    let port = &switch.ports[&wire_name(dhcp.port)];
    assert_eq!(port.iface_id, Some(dhcp.port.to_string()));
    // The filter knows the guest's addresses, and nothing of its groups.
    let guest = network.ports[0].id;
    let (tap, own, outer) = (tap_name(guest), port_bridge_name(guest), wire_name(guest));
    let port = &switch.ports[&outer];
    assert_eq!(port.iface_id, Some(guest.to_string()));
    assert_eq!(port.bridge, INTEGRATION_BRIDGE);
    let plug = &blueprint.plugs[&outer];
    assert!(plug.bridge == own && plug.checksums);
    assert_eq!(blueprint.taps[&tap], own);
    assert!(blueprint.bridges.keys().eq([&own]) && !blueprint.bridges[&own].is_shown);
    assert!(blueprint.filter.ports[&tap].is_some() && blueprint.filter.security.ports.is_empty());
}

#[test]
fn a_first_plan_makes_everything_and_a_second_one_nothing() {
    let (switch, seen) = joined();
    let changes = planned(Some(&switch), &SeenSwitch::default());
    let bridge = physical_bridge(PHYSICAL);
    let wires = switch.ports.keys().filter(|name| *name != "eth1");
    let said: Vec<String> = changes.iter().map(ToString::to_string).collect();
    let mut wanted = vec![
        "settings noted as they were".to_owned(),
        "bridge br-int made".to_owned(),
        format!("bridge {bridge} made"),
        "settings for OVN set".to_owned(),
        format!("eth1 put on {bridge}"),
    ];
    wanted.extend(wires.map(|wire| format!("{wire} put on br-int")));
    assert_eq!(said, wanted);
    assert_eq!(planned(Some(&switch), &seen), []);

    // All of a node, as it is remembered.
    let blueprint = Blueprint::new(&chassis(&logical()), &site());
    let world = remembered_all(&blueprint, BTreeMap::new());
    assert_eq!(super::super::plan::plan(&blueprint, &world), []);
    // A wire that is made anew is plugged in anew: what Open vSwitch has by its name is gone.
    let broken = Observed {
        wires: BTreeMap::new(),
        ..world
    };
    let changes = super::super::plan::plan(&blueprint, &broken);
    let plugged = changes.iter().filter_map(|change| match change {
        Change::Switch(SwitchChange::PortRemove(name)) => Some((name, false)),
        Change::Switch(SwitchChange::PortAdd { name, .. }) => Some((name, true)),
        _ => None,
    });
    let switch = blueprint.switch.as_ref().unwrap();
    let wires = switch.ports.keys().filter(|name| *name != "eth1");
    let wanted: Vec<(&String, bool)> = wires
        .flat_map(|wire| [(wire, false), (wire, true)])
        .collect();
    assert_eq!(plugged.collect::<Vec<_>>(), wanted, "{changes:?}");
}

#[test]
fn a_bridge_of_the_machine_is_reached_by_a_wire() {
    let plug = Plug {
        inner: "sdl-lan".into(),
        bridge: "vmbr0".into(),
        checksums: false,
        mtu: 1500,
    };
    let mut site = site();
    let over = way("sdv-lan", Some(plug.clone()));
    site.physical.insert(PHYSICAL.to_owned(), Ok(over));
    let blueprint = Blueprint::new(&chassis(&logical()), &site);
    let wire = Plug {
        checksums: true,
        ..plug
    };
    assert_eq!(blueprint.plugs["sdv-lan"], wire);
    let port = &blueprint.switch.as_ref().unwrap().ports["sdv-lan"];
    assert_eq!(port.bridge, physical_bridge(PHYSICAL));
    let world = remembered_all(&blueprint, BTreeMap::new());
    assert_eq!(super::super::plan::plan(&blueprint, &world), []);
}

/// Breaks a guest's wire, or where its tap is; what the plan of all says then.
#[rstest]
#[case::gone(|seen: &mut Observed, guest: PortId| { seen.wires.remove(&plug_name(guest)); }, &["wire sdv-", "Open vSwitch: sdv-", "Open vSwitch: sdv-"])]
#[case::down(|seen: &mut Observed, guest: PortId| seen.wires.get_mut(&wire_name(guest)).unwrap().up = false, &["wire sdv-"])]
#[case::pulled(|seen: &mut Observed, guest: PortId| seen.wires.get_mut(&plug_name(guest)).unwrap().bridge = None, &["wire sdv-"])]
#[case::small(|seen: &mut Observed, guest: PortId| seen.wires.get_mut(&plug_name(guest)).unwrap().mtu = 1400, &["wire sdv-"])]
#[case::of_the_kernels(|seen: &mut Observed, guest: PortId| seen.wires.get_mut(&wire_name(guest)).unwrap().bridge = Some("ovs-system".into()), &[])]
#[case::tap(|seen: &mut Observed, guest: PortId| { seen.taps.insert(tap_name(guest), None); }, &["tap sdt-"])]
#[case::left(|seen: &mut Observed, _| { seen.wires.insert("sdl-old".into(), seen.wires.values().next().unwrap().clone()); }, &["wire sdl-old removed"])]
fn a_guest_stays_plugged_in(#[case] damage: fn(&mut Observed, PortId), #[case] said: &[&str]) {
    let network = logical();
    let blueprint = Blueprint::new(&chassis(&network), &site());
    let mut world = remembered_all(&blueprint, BTreeMap::new());
    damage(&mut world, network.ports[0].id);
    let changes = super::super::plan::plan(&blueprint, &world);
    assert_eq!(changes.len(), said.len(), "{changes:?}");
    for (change, begin) in changes.iter().zip(said) {
        assert!(change.to_string().starts_with(begin), "{change}");
    }
}

/// Breaks something; what the plan says then.
#[rstest]
#[case::settings(|seen: &mut SeenSwitch| { seen.settings.remove("ovn-remote"); }, &["settings for OVN set"])]
#[case::renamed(|seen: &mut SeenSwitch| seen.identity = Some("random".into()), &["settings for OVN set"])]
#[case::named(|seen: &mut SeenSwitch| seen.identity = Some("n1".into()), &[])]
#[case::datapath(|seen: &mut SeenSwitch| bridge(seen, "br-int").datapath = Datapath::Kernel, &["bridge br-int mended"])]
#[case::mode(|seen: &mut SeenSwitch| bridge(seen, "br-int").is_secure = false, &["bridge br-int mended"])]
#[case::bridge(|seen: &mut SeenSwitch| { seen.bridges.remove("br-int"); }, &["bridge br-int made"])]
#[case::pulled(|seen: &mut SeenSwitch| { seen.ports.remove("eth1"); }, &["eth1 put on"])]
#[case::moved(|seen: &mut SeenSwitch| seen.ports.get_mut("eth1").unwrap().bridge = "br-x".into(), &["eth1 taken from", "eth1 put on"])]
#[case::stale(|seen: &mut SeenSwitch| seen.ports.get_mut("eth1").unwrap().works = false, &["eth1 taken from", "eth1 put on"])]
#[case::unmarked(|seen: &mut SeenSwitch| seen.ports.get_mut("eth1").unwrap().ids.clear(), &["eth1 put on"])]
#[case::others(|seen: &mut SeenSwitch| { seen.ports.insert("veth7".into(), SeenPort::default()); }, &[])]
#[case::tunnels(|seen: &mut SeenSwitch| { seen.ports.insert("ovn-n2-0".into(), on_integration(true)); }, &[])]
#[case::old_wire(|seen: &mut SeenSwitch| { seen.ports.insert("sdv-old".into(), ours()); }, &["sdv-old taken"])]
#[case::old_bridge(|seen: &mut SeenSwitch| { seen.bridges.insert("sdp-old".into(), SeenSwitchBridge { mark: Some("old".into()), ..SeenSwitchBridge::default() }); }, &["bridge sdp-old removed"])]
fn damage_is_mended_and_others_are_left_alone(
    #[case] damage: fn(&mut SeenSwitch),
    #[case] said: &[&str],
) {
    let (switch, mut seen) = joined();
    damage(&mut seen);
    let changes = planned(Some(&switch), &seen);
    assert_eq!(changes.len(), said.len(), "{changes:?}");
    for (change, begin) in changes.iter().zip(said) {
        assert!(change.to_string().starts_with(begin), "{change}");
    }
}

fn bridge<'a>(seen: &'a mut SeenSwitch, name: &str) -> &'a mut SeenSwitchBridge {
    seen.bridges.get_mut(name).unwrap()
}

fn on_integration(works: bool) -> SeenPort {
    SeenPort {
        bridge: INTEGRATION_BRIDGE.into(),
        ids: BTreeMap::new(),
        works,
    }
}

fn ours() -> SeenPort {
    SeenPort {
        ids: [(MARK.to_owned(), "x".to_owned())].into(),
        ..on_integration(true)
    }
}

#[test]
fn a_node_that_is_no_chassis_any_more_gives_back_what_it_found() {
    let (_, seen) = joined();
    let said: Vec<String> = planned(None, &seen)
        .iter()
        .map(ToString::to_string)
        .collect();
    let wires = seen.ports.keys().filter(|name| *name != "eth1");
    let mut wanted: Vec<String> = wires
        .map(|wire| format!("{wire} taken from its bridge"))
        .collect();
    wanted.push(format!("bridge {} removed", physical_bridge(PHYSICAL)));
    wanted.push("settings for OVN given back".to_owned());
    assert_eq!(said, wanted);
    assert_eq!(planned(None, &SeenSwitch::default()), []);
}

#[rstest]
#[case("")]
#[case("192.0.2.1:6642")]
#[case("tcp:")]
#[case("tcp:192.0.2.1:6642,")]
#[case("tcp:a b")]
#[case("http://x")]
fn no_southbound_database(#[case] southbound: &str) {
    let ovn = OvnSpec {
        southbound: southbound.into(),
        ..ovn()
    };
    let mut problems = Vec::new();
    let switch = switch(&ovn, &site(), &mut problems);
    assert!(switch.settings.is_empty());
    assert_eq!(problems.len(), 2, "{problems:?}");
}

#[test]
fn a_node_without_a_certificate_says_how_it_gets_one() {
    let site = Site {
        has_certificate: false,
        physical: BTreeMap::new(),
        ..site()
    };
    let mut problems = Vec::new();
    switch(&ovn(), &site, &mut problems);
    assert!(
        problems.len() == 1 && problems[0].contains("set-ssl"),
        "{problems:?}"
    );
    let plain = OvnSpec {
        southbound: "tcp:192.0.2.1:6642".into(),
        ..ovn()
    };
    let mut problems = Vec::new();
    switch(&plain, &site, &mut problems);
    assert_eq!(problems, Vec::<String>::new());
}

#[test]
fn a_network_of_ovn_on_a_node_that_is_no_chassis_is_a_problem() {
    let blueprint = Blueprint::new(&desired(&[logical()]), &site());
    assert_eq!(blueprint.problems.len(), 1);
    assert!(blueprint.rooms.is_empty() && blueprint.switch.is_none());
}

#[rstest]
#[case(Some(Datapath::User), true, Datapath::User)]
#[case(Some(Datapath::Kernel), true, Datapath::Kernel)]
#[case(Some(Datapath::Kernel), false, Datapath::User)]
#[case(None, true, Datapath::Kernel)]
#[case(None, false, Datapath::User)]
fn the_kernel_carries_packets_where_it_can_and_nobody_wants_otherwise(
    #[case] bridge: Option<Datapath>,
    #[case] has_module: bool,
    #[case] datapath: Datapath,
) {
    let mut seen = SeenSwitch::default();
    let made = bridge.map(|datapath| SeenSwitchBridge {
        datapath,
        ..SeenSwitchBridge::default()
    });
    seen.bridges
        .extend(made.map(|made| (INTEGRATION_BRIDGE.to_owned(), made)));
    assert_eq!(Datapath::of(&seen, has_module), datapath);
}
