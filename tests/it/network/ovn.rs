//! Two nodes of a rack as chassis of OVN, whose northbound database the test writes itself: guests reach each other over
//! Geneve, metadata is where it shall be, what somebody breaks is mended, and nothing is left in the end.
//!
//! Guests are namespaces, whose veth stands for a tap. The first node alone has the network's metadata ([`super::logical`]).

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use skydeck::agent::Whereabouts;
use skydeck::agent::network::{NodePlace, SwitchPlace};
use skydeck::ids::PortId;
use skydeck::network::names::{physical_bridge, plug_name, port_bridge_name, tap_name, wire_name};
use skydeck::network::rpc::{NetworkDesired, NetworkSpec, OvnSpec, PortSpec, Segment, ServicePort};

use super::logical::{SOUTHBOUND, chassis_name, settle, switch_place};
use super::site::{Guest, Site, add_port, desired, network};
use crate::lab::machine::Machine;
use crate::lab::rack::{OUTSIDE, Rack};
use crate::lab::wait::wait_until;

const PATIENCE: Duration = Duration::from_secs(60);

fn host(number: usize) -> IpAddr {
    format!("10.77.0.{}", 10 + number).parse().unwrap()
}

/// Two nodes, and one network with a guest's port on each.
struct Chassis {
    sites: Vec<Site>,
    network: NetworkSpec,
    web: PortSpec,
    db: PortSpec,
    rack: Rack,
}

impl Chassis {
    fn start() -> Self {
        let rack = Rack::start_with_ovn(2);
        let site = |number| {
            let machine = rack.host(number);
            let place = NodePlace {
                whereabouts: Whereabouts {
                    set: Some(host(number)),
                    broker: None,
                },
                tunnel: Some(Rack::tunnel_address(number).into()),
                switch: switch_place(&machine),
                physical: [("physnet1".to_owned(), OUTSIDE.to_owned())].into(),
            };
            Site::on(machine, place)
        };
        let sites = vec![site(1), site(2)];
        let mut network = network(1);
        network.segment = Segment::Logical;
        network.mtu = 1442;
        let mut port = |last, name| PortSpec {
            logical: true,
            mtu: 1442,
            ..add_port(&mut network, last, name)
        };
        let (web, db) = (port(5, "web"), port(6, "db"));
        network.ports.clear();
        let id = PortId::new();
        network.dhcp = Some(ServicePort {
            port: id,
            network: network.id,
            mac: "fa:16:3e:77:00:02".into(),
            addresses: vec!["10.1.0.2/24".parse().unwrap()],
        });
        let this = Self {
            sites,
            network,
            web,
            db,
            rack,
        };
        this.write_northbound();
        this
    }

    /// What the control plane would write.
    fn write_northbound(&self) {
        let dhcp = self.network.dhcp.as_ref().unwrap();
        let script = format!(
            "ovn-nbctl ls-add n
             options=$(ovn-nbctl create dhcp_options cidr=10.1.0.0/24 'options:server_id=10.1.0.1' \
               'options:server_mac=\"fa:16:3e:77:00:01\"' options:lease_time=3600 options:router=10.1.0.1 options:mtu=1442 \
               'options:classless_static_route=\"{{169.254.169.254/32,10.1.0.2, 0.0.0.0/0,10.1.0.1}}\"')
             for port in '{web} {web_mac} 10.1.0.5' '{db} {db_mac} 10.1.0.6'; do
               set -- $port
               ovn-nbctl lsp-add n $1 -- lsp-set-addresses $1 \"$2 $3\" -- lsp-set-port-security $1 \"$2 $3\" \
                 -- lsp-set-dhcpv4-options $1 $options
             done
             ovn-nbctl set logical_switch n dns_records=$(ovn-nbctl create dns records:db=10.1.0.6)
             ovn-nbctl lsp-add n {local} -- lsp-set-type {local} localport -- lsp-set-addresses {local} '{local_mac} 10.1.0.2'",
            web = self.web.id,
            web_mac = self.web.mac,
            db = self.db.id,
            db_mac = self.db.mac,
            local = dhcp.port,
            local_mac = dhcp.mac,
        );
        self.rack.control().run(&["sh", "-ec", &script]);
    }

    fn northbound(&self, line: &str) {
        let line = format!("ovn-nbctl --timeout=30 --wait=hv {line}");
        self.rack.control().run(&["sh", "-ec", &line]);
    }

    fn site(&self, number: usize) -> &Site {
        &self.sites[number - 1]
    }

    /// What a node is told.
    fn at(&self, number: usize, generation: i64) -> NetworkDesired {
        let mut network = self.network.clone();
        if number == 1 {
            network.ports = vec![self.web.clone()];
        } else {
            network.ports = vec![self.db.clone()];
            network.dhcp = None;
        }
        NetworkDesired {
            ovn: Some(OvnSpec {
                chassis: chassis_name(number),
                southbound: SOUTHBOUND.into(),
            }),
            ..desired(generation, &[&network])
        }
    }

    /// Tells both nodes, and waits until OVN knows them.
    fn tell(&self) {
        for number in [1, 2] {
            self.site(number).must_apply(&self.at(number, 1));
        }
        settle(&self.rack);
    }

    fn guests(&self) -> (Guest<'_>, Guest<'_>) {
        (self.site(1).guest(&self.web), self.site(2).guest(&self.db))
    }
}

fn serve(guest: &Guest<'_>, text: &str) {
    guest.run(&format!(
        "mkdir -p /tmp/{0}; echo {text} >/tmp/{0}/index.html; busybox httpd -p 80 -h /tmp/{0}",
        guest.name
    ));
}

/// What Open vSwitch has on a machine, but what ovn-controller makes of it.
fn switch_of(site: &Site) -> String {
    site.shell(
        "cat /etc/openvswitch/system-id.conf || true; ovs-vsctl get open . external_ids; ovs-vsctl list-br; ovs-vsctl list-ports br-tun; ls /sys/class/net",
    )
}

#[test]
fn guests_of_two_nodes_meet_over_ovn_and_ask_their_node_for_metadata() {
    let chassis = Chassis::start();
    chassis.tell();
    let (web, db) = chassis.guests();
    let said = db.dhcp();
    for line in ["ip=10.1.0.6", "router=10.1.0.1", "mtu=1442"] {
        assert!(said.lines().any(|given| given == line), "{line}: {said}");
    }
    assert!(said.contains("169.254.169.254/32 10.1.0.2"), "{said}");
    assert_eq!(web.address().to_string(), "10.1.0.5");
    wait_until("web to reach db", PATIENCE, || web.pings("10.1.0.6"));
    serve(&db, "over geneve");
    assert!(web.fetches("10.1.0.6"), "TCP does not pass");
    // The largest packet passes whole.
    web.run("ping -c 1 -W 2 -M do -s 1414 10.1.0.6");

    // Who is asked for metadata knows nothing, and says so.
    let line = "timeout 20 busybox wget -O - http://169.254.169.254/ 2>&1; \
         timeout 9 busybox nslookup -type=aaaa db 10.1.0.2; timeout 9 busybox nslookup -type=a db 10.1.0.2";
    let answer = web.asking(chassis.site(1), line);
    assert!(answer.contains("503"), "{answer}");
    // And of names: OVN has this one, here of IPv4 alone.
    for trouble in ["refused", "timed out", "NXDOMAIN"] {
        assert!(!answer.contains(trouble), "{answer}");
    }
    assert!(answer.contains("Address: 10.1.0.6"), "{answer}");

    chassis.northbound(&format!(
        "acl-add n to-lport 1000 'outport == \"{}\" && tcp.dst == 80' drop",
        chassis.db.id
    ));
    assert!(!web.fetches("10.1.0.6"), "an ACL drops nothing");
    assert!(web.pings("10.1.0.6"));
    chassis.northbound("acl-del n");

    // Agents come and go, and are told the same: what is open stays open.
    let talk = web.talk("10.1.0.6", 7000, chassis.site(2), &db.name);
    talk.says("before");
    for number in [1, 2] {
        let (site, wish) = (chassis.site(number), chassis.at(number, 2));
        assert_eq!(site.must_apply(&wish), Vec::<String>::new());
        assert_eq!(site.repair(), Vec::<String>::new());
    }
    talk.says("after");
    talk.end();
}

#[test]
fn a_node_under_tls_is_a_chassis_once_it_has_a_certificate() {
    let chassis = Chassis::start();
    let control = chassis.rack.control();
    let shared = "cd /shared; pki='ovs-pki --batch --dir=/shared/pki --log=/shared/pki.log'";
    // The southbound database takes nobody else any more.
    control.run(&[
        "sh",
        "-ec",
        &format!(
            "{shared}; $pki init; for name in central n1; do $pki req+sign $name controller; done
             ovn-sbctl set-ssl /shared/central-privkey.pem /shared/central-cert.pem /shared/pki/controllerca/cacert.pem \
               -- set-connection pssl:6643:10.77.0.1"
        ),
    ]);
    let site = chassis.site(1);
    let mut wish = chassis.at(1, 1);
    if let Some(ovn) = &mut wish.ovn {
        ovn.southbound = "ssl:10.77.0.1:6643".into();
    }
    let problems = site.apply(&wish).unwrap().problems;
    assert!(
        problems.len() == 1 && problems[0].contains("set-ssl"),
        "{problems:?}"
    );
    site.shell("ovs-vsctl set-ssl /shared/n1-privkey.pem /shared/n1-cert.pem /shared/pki/controllerca/cacert.pem");
    assert_eq!(site.must_apply(&wish), Vec::<String>::new());
    let web = site.guest(&chassis.web);
    let pending = site.with_agent(async |agent| agent.ports_ready(&[chassis.web.id], 30).await);
    assert_eq!(pending.unwrap().pending, []);
    assert_eq!(web.address().to_string(), "10.1.0.5");
}

#[test]
fn damage_to_open_vswitch_is_mended_and_all_is_given_back_in_the_end() {
    let chassis = Chassis::start();
    let site = chassis.site(1);
    // As Debian's own start of Open vSwitch does it, each time.
    site.shell(
        "echo before >/etc/openvswitch/system-id.conf
         ovs-vsctl set open . external_ids:system-id=before external_ids:hostname=mine",
    );
    let before = switch_of(site);
    chassis.tell();
    let (web, db) = chassis.guests();
    web.dhcp();
    db.dhcp();
    let wire = wire_name(chassis.network.dhcp.as_ref().unwrap().port);
    let web_port = chassis.web.id;
    let (tap, bridge) = (tap_name(web_port), port_bridge_name(web_port));
    let (own, plug) = (wire_name(web_port), plug_name(web_port));
    for damage in [
        format!("ovs-vsctl del-port br-int {wire}"),
        format!("ovs-vsctl clear interface {wire} external_ids"),
        format!("ip link del {wire}"),
        format!("ip link set {wire} down"),
        format!("ovs-vsctl del-port br-int {own}"),
        format!("ovs-vsctl remove interface {own} external_ids iface-id"),
        format!("ip link del {plug}"),
        format!("ip link set {plug} down"),
        format!("ip link set {plug} nomaster"),
        format!("ip link set {tap} nomaster"),
        format!("ip link del {bridge}"),
        "nft flush ruleset".to_owned(),
        "ovs-vsctl remove open . external_ids ovn-remote ovn-encap-ip".to_owned(),
        "ovs-vsctl set open . external_ids:system-id=other".to_owned(),
        "echo other >/etc/openvswitch/system-id.conf".to_owned(),
        format!("ovs-vsctl del-port {OUTSIDE}"),
        format!("ovs-vsctl del-br {}", physical_bridge("physnet1")),
        "ovs-vsctl del-br br-int".to_owned(),
    ] {
        site.shell(&damage);
        assert!(!site.repair().is_empty(), "{damage} went unnoticed");
        assert_eq!(site.repair(), Vec::<String>::new(), "after {damage}");
        for address in ["10.1.0.6", "169.254.169.254"] {
            wait_until(&format!("{address} after {damage}"), PATIENCE, || {
                web.pings(address)
            });
        }
    }
    // The books of Open vSwitch outlive wires that a power failure took.
    site.shell("ovs-vsctl --no-wait add-port br-int sdv-00000000001 -- set interface sdv-00000000001 external_ids:skydeck=x");
    assert_eq!(
        site.repair(),
        ["Open vSwitch: sdv-00000000001 taken from its bridge"]
    );
    // OVN has the port that it knows on this node ready, and no other.
    let gone = PortId::new();
    let pending = site.with_agent(async |agent| {
        let ready = agent.ports_ready(&[web_port], 30).await.unwrap();
        assert_eq!(ready.pending, []);
        agent
            .ports_ready(&[web_port, gone], 1)
            .await
            .unwrap()
            .pending
    });
    assert_eq!(pending, [gone]);
    site.shell(&format!("ip netns del {}", web.name));
    wait_until("the guest's tap to go", PATIENCE, || {
        !switch_of(site).contains(&tap)
    });
    site.clean_up();
    assert_eq!(switch_of(site), before);
}

#[test]
fn without_open_vswitch_a_chassis_says_what_to_do_and_another_node_needs_none() {
    let missing = PathBuf::from("/nonexistent");
    let place = NodePlace {
        whereabouts: Whereabouts {
            set: Some(host(1)),
            broker: None,
        },
        switch: SwitchPlace {
            vswitch: missing.clone(),
            identity: missing.clone(),
            ovn: missing,
        },
        ..NodePlace::default()
    };
    let site = Site::on(Machine::start(), place);
    let own = network(1);
    site.must_apply(&desired(1, &[&own]));
    let ovn = Some(OvnSpec {
        chassis: "n1".into(),
        southbound: SOUTHBOUND.into(),
    });
    let mut logical = network(2);
    logical.segment = Segment::Logical;
    let wish = |generation, networks: &[&NetworkSpec]| NetworkDesired {
        ovn: ovn.clone(),
        ..desired(generation, networks)
    };
    let problems = site.apply(&wish(2, &[&own])).unwrap().problems;
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems[0].contains("ovn-host"), "{problems:?}");
    assert!(
        problems[1].contains("start openvswitch-switch"),
        "{problems:?}"
    );
    let failed = site.apply(&wish(3, &[&own, &logical])).unwrap_err();
    assert!(
        failed.message.contains("start openvswitch-switch"),
        "{}",
        failed.message
    );
    site.must_apply(&desired(4, &[&own]));
}
