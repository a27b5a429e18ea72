//! Plans for Open vSwitch, by tables.

use rstest::rstest;

use super::super::blueprint::Blueprint;
use super::super::plan::{Change, Observed};
use super::super::remembered::remembered as remembered_all;
use super::super::testing::{desired, network, port};
use super::*;
use crate::ids::PortId;
use crate::network::names::{metadata_namespace, tap_name, wire_name};
use crate::network::rpc::{NetworkDesired, NetworkSpec, Segment, ServicePort};

const PHYSICAL: &str = "physnet1";

fn ovn() -> OvnSpec {
    OvnSpec {
        chassis: "n1".into(),
        southbound: "tcp:192.0.2.1:6642,ssl:[2001:db8::1]:6642".into(),
    }
}

fn site() -> Site {
    Site {
        encapsulation: Some("192.0.2.7".parse().unwrap()),
        datapath: Datapath::User,
        physical: [
            (PHYSICAL.to_owned(), Ok("eth1".to_owned())),
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

fn planned(wanted: Option<&Switch>, seen: &SeenSwitch, taps: &[&String]) -> Vec<SwitchChange> {
    let taps = taps.iter().copied().collect();
    plan(wanted, seen, &taps, &BTreeSet::new())
}

#[test]
fn a_network_of_ovn_is_a_namespace_on_its_bridge_and_nothing_of_ours_beside() {
    let network = logical();
    let blueprint = Blueprint::new(&chassis(&network), &site());
    assert_eq!(
        blueprint.problems,
        ["physical network other: it is not there"]
    );
    assert!(blueprint.bridges.is_empty() && blueprint.servers.is_empty());
    assert!(blueprint.taps.is_empty() && blueprint.tunnels.is_empty());
    assert_eq!(blueprint.filter, Default::default());
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
    let guest = network.ports[0].id;
    assert_eq!(switch.taps[&tap_name(guest)], guest.to_string());
}

#[test]
fn a_first_plan_makes_everything_and_a_second_one_nothing() {
    let (switch, seen) = joined();
    let changes = planned(Some(&switch), &SeenSwitch::default(), &[]);
    let bridge = physical_bridge(PHYSICAL);
    let wire = switch.ports.keys().find(|name| *name != "eth1").unwrap();
    let said: Vec<String> = changes.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "settings noted as they were".to_owned(),
            "bridge br-int made".to_owned(),
            format!("bridge {bridge} made"),
            "settings for OVN set".to_owned(),
            format!("eth1 put on {bridge}"),
            format!("{wire} put on br-int"),
        ]
    );
    assert_eq!(planned(Some(&switch), &seen, &[]), []);

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
    let [.., first, last] = changes.as_slice() else {
        panic!("{changes:?}");
    };
    assert!(matches!(
        (first, last),
        (
            Change::Switch(SwitchChange::PortRemove(_)),
            Change::Switch(SwitchChange::PortAdd { .. })
        )
    ));
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
#[case::left(|seen: &mut SeenSwitch| { seen.ports.insert("sdt-gone".into(), on_integration(false)); }, &["sdt-gone taken"])]
#[case::arriving(|seen: &mut SeenSwitch| { seen.ports.insert("sdt-new".into(), on_integration(true)); }, &[])]
#[case::old_wire(|seen: &mut SeenSwitch| { seen.ports.insert("sdv-old".into(), ours()); }, &["sdv-old taken"])]
#[case::old_bridge(|seen: &mut SeenSwitch| { seen.bridges.insert("sdp-old".into(), SeenSwitchBridge { mark: Some("old".into()), ..SeenSwitchBridge::default() }); }, &["bridge sdp-old removed"])]
fn damage_is_mended_and_others_are_left_alone(
    #[case] damage: fn(&mut SeenSwitch),
    #[case] said: &[&str],
) {
    let (switch, mut seen) = joined();
    damage(&mut seen);
    let changes = planned(Some(&switch), &seen, &[]);
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
fn a_guests_tap_is_plugged_in_again_but_not_before_it_is_there() {
    let (switch, mut seen) = joined();
    let (tap, id) = switch.taps.iter().next().unwrap();
    assert_eq!(planned(Some(&switch), &seen, &[]), []);
    let plug = SwitchChange::PortAdd {
        name: tap.clone(),
        bridge: INTEGRATION_BRIDGE.into(),
        ids: [(IFACE_ID.to_owned(), id.clone())].into(),
    };
    assert_eq!(
        planned(Some(&switch), &seen, &[tap]),
        std::slice::from_ref(&plug)
    );
    // What libvirt wrote beside is no difference.
    let mut port = on_integration(true);
    port.ids = [
        (IFACE_ID.to_owned(), id.clone()),
        ("vm-id".into(), "7".into()),
    ]
    .into();
    seen.ports.insert(tap.clone(), port);
    assert_eq!(planned(Some(&switch), &seen, &[tap]), []);
    seen.ports.get_mut(tap).unwrap().ids.clear();
    assert_eq!(planned(Some(&switch), &seen, &[tap]), [plug]);
}

#[test]
fn a_node_that_is_no_chassis_any_more_gives_back_what_it_found() {
    let (_, seen) = joined();
    let said: Vec<String> = planned(None, &seen, &[])
        .iter()
        .map(ToString::to_string)
        .collect();
    let wire = seen.ports.keys().find(|name| *name != "eth1").unwrap();
    assert_eq!(
        said,
        [
            format!("{wire} taken from its bridge"),
            format!("bridge {} removed", physical_bridge(PHYSICAL)),
            "settings for OVN given back".to_owned(),
        ]
    );
    assert_eq!(planned(None, &SeenSwitch::default(), &[]), []);
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
