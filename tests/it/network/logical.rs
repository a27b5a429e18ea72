//! The world of tenants' networks as OVN has it: rows that the control plane would have, what it makes of them in the northbound
//! database, and what nodes are told beside.
//!
//! Namespaces that the agent makes are in the outer mounts, where both nodes would give the metadata of one network the same
//! name: so the first one alone has it.

use std::net::IpAddr;

use ipnet::IpNet;
use skydeck::agent::network::SwitchPlace;
use skydeck::config::Remote;
use skydeck::ids::{ProjectId, SecurityGroupId, SubnetId, Time};
use skydeck::network::model::{
    AddressPair, COMPUTE_OWNER, DHCP_OWNER, INTERFACE_OWNER, Ipv6Mode, Network, NetworkKind, Port,
    PortAddress, PortStatus, Router, Subnet,
};
use skydeck::network::ovn::{Northbound, Outcome, Rows};
use skydeck::network::rpc::{
    Announced, NetworkDesired, NetworkSpec, OvnSpec, PortSpec, RuleRange, RuleRemote,
    SecurityGroupSpec, SecurityRuleSpec, ServicePort,
};
use uuid::Uuid;

use super::site::block_on;
use super::tenants::{World, allow};
use crate::lab::machine::Machine;
use crate::lab::rack::Rack;
use crate::lab::wait::wait_until;

/// Where the southbound database of a rack is.
pub(super) const SOUTHBOUND: &str = "tcp:10.77.0.1:6642";
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

/// The name of a node as a chassis.
pub(super) fn chassis_name(node: usize) -> String {
    format!("n{node}")
}

/// Where Open vSwitch and OVN of a machine have their sockets.
pub(super) fn switch_place(machine: &Machine) -> SwitchPlace {
    let own = |name: &str| machine.dir().join("ovs").join(name);
    SwitchPlace {
        vswitch: own("openvswitch"),
        ovn: own("ovn"),
        identity: own("etc/system-id.conf"),
    }
}

/// Makes the northbound database so.
pub(super) fn tell(rack: &Rack, world: &World, generation: i64) {
    let socket = rack.control().dir().join("ovs/ovn/ovnnb_db.sock");
    let northbound = Northbound::new(vec![Remote::Unix(socket)], None);
    let made = block_on(northbound.make(generation, &rows(world).want()));
    assert!(matches!(made.unwrap(), Outcome::Made(_)));
}

/// Waits until all nodes are chassis, and have what the northbound database says.
pub(super) fn settle(rack: &Rack) {
    wait_until("all chassis", PATIENCE, || {
        let line = ["ovn-sbctl", "--bare", "--columns=name", "list", "chassis"];
        let names = rack.control().run(&line);
        let mut nodes = rack.numbers();
        nodes.all(|node| names.lines().any(|name| name == chassis_name(node)))
    });
    let line = ["ovn-nbctl", "--timeout=60", "--wait=hv", "sync"];
    rack.control().run(&line);
}

/// What a node is told.
pub(super) fn desired(world: &World, node: usize, generation: i64) -> NetworkDesired {
    let networks = world.tenants.iter().filter_map(|tenant| {
        let here = tenant.guests.iter().filter(|(at, _)| *at == node);
        let ports: Vec<PortSpec> = here.map(|(_, port)| port.clone()).collect();
        let spec = NetworkSpec {
            subnets: Vec::new(),
            subnets6: Vec::new(),
            dhcp: tenant.dhcp().filter(|_| node == 1).cloned(),
            ports,
            ..tenant.network.clone()
        };
        (!spec.ports.is_empty()).then_some(spec)
    });
    NetworkDesired {
        generation,
        networks: networks.collect(),
        routers: Vec::new(),
        security_groups: world.groups.clone(),
        ovn: Some(OvnSpec {
            chassis: chassis_name(node),
            southbound: SOUTHBOUND.into(),
        }),
    }
}

fn rows(world: &World) -> Rows {
    let open = open();
    let mut rows = Rows {
        domain: "cloud.test".into(),
        groups: world.groups.clone(),
        ..Rows::default()
    };
    for tenant in &world.tenants {
        rows.networks.push(network(&tenant.network));
        rows.subnets.extend(subnets(&tenant.network));
        for (node, guest) in &tenant.guests {
            let groups = guest.security_groups.clone();
            rows.ports.push(Port {
                host: Some(chassis_name(*node)),
                device_owner: COMPUTE_OWNER.into(),
                port_security: guest.port_security,
                hostname: guest.hostname.clone(),
                groups: groups.unwrap_or_else(|| vec![open.id]),
                pairs: guest
                    .allowed_pairs
                    .iter()
                    .map(|pair| AddressPair {
                        mac: pair.mac.clone(),
                        prefix: pair.prefix,
                    })
                    .collect(),
                ..port(&tenant.network, guest.id, &guest.mac, &guest.addresses)
            });
        }
        rows.ports.extend(
            tenant
                .dhcp()
                .map(|own| service(own, tenant_of(world, own), DHCP_OWNER)),
        );
    }
    if let Some((_, router)) = &world.router {
        for own in &router.interfaces {
            rows.ports.push(Port {
                device_id: router.id.to_string(),
                ..service(own, tenant_of(world, own), INTERFACE_OWNER)
            });
        }
        rows.routers.push(Router {
            id: router.id,
            project: ProjectId::from_uuid(Uuid::nil()),
            name: "r".into(),
            description: String::new(),
            admin_state_up: true,
            enable_snat: true,
            routes: Vec::new(),
            host: None,
            tags: Vec::new(),
            revision: 1,
            created_at: Time(0),
            updated_at: Time(0),
            gateway: None,
        });
    }
    rows.groups.push(open);
    rows
}

/// A group for ports of which nothing is said: everything passes.
fn open() -> SecurityGroupSpec {
    let all = [(true, true), (true, false), (false, true), (false, false)];
    let rules = all.into_iter().map(|(ingress, ipv6)| SecurityRuleSpec {
        ingress,
        ipv6,
        ..allow(None, RuleRange::Any, RuleRemote::Any)
    });
    SecurityGroupSpec {
        id: SecurityGroupId::from_uuid(Uuid::from_u128(1)),
        rules: rules.collect(),
        members: Vec::new(),
    }
}

fn tenant_of<'a>(world: &'a World, own: &ServicePort) -> &'a NetworkSpec {
    let mut networks = world.tenants.iter().map(|tenant| &tenant.network);
    networks.find(|network| network.id == own.network).unwrap()
}

fn network(spec: &NetworkSpec) -> Network {
    Network {
        id: spec.id,
        project: ProjectId::from_uuid(Uuid::nil()),
        name: "n".into(),
        description: String::new(),
        admin_state_up: true,
        shared: false,
        external: false,
        kind: NetworkKind::Vxlan { vni: 1 },
        nat: false,
        mtu: spec.mtu,
        port_security: true,
        dns_domain: spec.dns_domain.clone(),
        tags: Vec::new(),
        revision: 1,
        created_at: Time(0),
        updated_at: Time(0),
        subnets: subnets(spec).iter().map(|subnet| subnet.id).collect(),
    }
}

fn subnets(spec: &NetworkSpec) -> Vec<Subnet> {
    let v4 = spec.subnets.iter().map(|subnet| Subnet {
        gateway: subnet.gateway.map(IpAddr::V4),
        dhcp: subnet.dhcp,
        dns: subnet.dns.clone(),
        ..blank(spec, subnet.id, subnet.cidr.into())
    });
    let v6 = spec.subnets6.iter().map(|subnet| {
        let mode = subnet.announced.map(mode);
        Subnet {
            gateway: subnet.gateway.map(IpAddr::V6),
            dhcp: subnet.dhcp.is_some(),
            address_mode: mode,
            ra_mode: mode,
            dns: subnet.dns.iter().copied().map(IpAddr::V6).collect(),
            ..blank(spec, subnet.id, subnet.cidr.into())
        }
    });
    v4.chain(v6).collect()
}

fn mode(announced: Announced) -> Ipv6Mode {
    match (announced.autonomous, announced.other) {
        (true, false) => Ipv6Mode::Slaac,
        (true, true) => Ipv6Mode::Stateless,
        (false, _) => Ipv6Mode::Stateful,
    }
}

fn blank(spec: &NetworkSpec, id: SubnetId, cidr: IpNet) -> Subnet {
    Subnet {
        id,
        network: spec.id,
        project: ProjectId::from_uuid(Uuid::nil()),
        name: String::new(),
        description: String::new(),
        cidr,
        gateway: None,
        dhcp: false,
        address_mode: None,
        ra_mode: None,
        dns: Vec::new(),
        pools: Vec::new(),
        routes: Vec::new(),
        tags: Vec::new(),
        revision: 1,
        created_at: Time(0),
        updated_at: Time(0),
    }
}

fn service(own: &ServicePort, spec: &NetworkSpec, owner: &str) -> Port {
    let addresses: Vec<IpAddr> = own.addresses.iter().map(IpNet::addr).collect();
    Port {
        device_owner: owner.into(),
        ..port(spec, own.port, &own.mac, &addresses)
    }
}

fn port(spec: &NetworkSpec, id: skydeck::ids::PortId, mac: &str, addresses: &[IpAddr]) -> Port {
    let subnets = subnets(spec);
    let subnet_of = |address: &IpAddr| {
        let mut found = subnets
            .iter()
            .filter(|subnet| subnet.cidr.contains(address));
        found.next().unwrap().id
    };
    let addresses = addresses.iter().map(|address| PortAddress {
        subnet: subnet_of(address),
        address: *address,
    });
    Port {
        id,
        network: spec.id,
        project: ProjectId::from_uuid(Uuid::nil()),
        name: String::new(),
        description: String::new(),
        mac: mac.to_owned(),
        device_id: String::new(),
        device_owner: String::new(),
        host: None,
        migrating_to: None,
        status: PortStatus::Build,
        admin_state_up: true,
        port_security: false,
        hostname: None,
        tags: Vec::new(),
        revision: 1,
        created_at: Time(0),
        updated_at: Time(0),
        addresses: addresses.collect(),
        pairs: Vec::new(),
        groups: Vec::new(),
    }
}
