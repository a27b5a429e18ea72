//! What a guest is told about itself: the files of its config drive, in OpenStack's layout and in Amazon's.
//!
//! Pure: a server, its interfaces and its owner's wishes go in, files come out. cloud-init, Ignition and cloudbase-init
//! read `openstack/latest`; older images read `ec2/latest`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::model::Server;
use super::rpc::ConfigDrive;
use crate::network::rpc::{Dhcp6, PortSpec, Subnet6Spec, SubnetSpec};

/// One interface of a guest, as it is told to it.
#[derive(Clone, Debug)]
pub struct DriveNic {
    /// The port.
    pub port: PortSpec,
    /// IPv4 subnets that the port has addresses of.
    pub subnets: Vec<SubnetSpec>,
    /// The same of IPv6.
    pub subnets6: Vec<Subnet6Spec>,
    /// Label its owner gave it.
    pub tag: Option<String>,
}

/// What a config drive is made of.
#[derive(Clone, Copy, Debug)]
pub struct DriveFacts<'a> {
    /// The server.
    pub server: &'a Server,
    /// Its interfaces in order.
    pub nics: &'a [DriveNic],
    /// Its tags and volumes' labels do not change what boots; the zone does.
    pub availability_zone: &'a str,
    /// Domain that its host name is in; may be empty.
    pub dns_domain: &'a str,
}

/// All files.
pub fn config_drive(facts: DriveFacts<'_>) -> ConfigDrive {
    let mut files = vec![
        file("openstack/latest/meta_data.json", &meta_data(facts)),
        file("openstack/latest/network_data.json", &network_data(facts)),
        file("openstack/latest/vendor_data.json", &json!({})),
        file("openstack/latest/vendor_data2.json", &json!({})),
        file("ec2/latest/meta-data.json", &ec2_meta_data(facts)),
    ];
    if let Some(user_data) = &facts.server.user_data {
        // Stored in base64, as the drive's files are.
        for path in ["openstack/latest/user_data", "ec2/latest/user-data"] {
            files.push((path.to_owned(), user_data.clone()));
        }
    }
    ConfigDrive { files }
}

fn file(path: &str, content: &Value) -> (String, String) {
    (path.to_owned(), STANDARD.encode(content.to_string()))
}

fn fqdn(facts: DriveFacts<'_>) -> String {
    let name = &facts.server.detail.hostname;
    if facts.dns_domain.is_empty() {
        name.clone()
    } else {
        format!("{name}.{}", facts.dns_domain)
    }
}

fn meta_data(facts: DriveFacts<'_>) -> Value {
    let server = facts.server;
    let detail = &server.detail;
    let mut data = json!({
        "uuid": server.id,
        "name": server.name,
        "hostname": fqdn(facts),
        "launch_index": detail.launch_index,
        "availability_zone": facts.availability_zone,
        "project_id": server.project,
        "meta": detail.metadata,
        "devices": devices(facts.nics),
    });
    if let (Some(name), Some(key)) = (&detail.key_name, &detail.public_key) {
        data["public_keys"] = json!({ name: key });
        data["keys"] = json!([{"name": name, "type": "ssh", "data": key}]);
    }
    data
}

/// Interfaces that have a label.
fn devices(nics: &[DriveNic]) -> Vec<Value> {
    nics.iter()
        .filter_map(|nic| {
            let tag = nic.tag.as_ref()?;
            Some(json!({"type": "nic", "bus": "pci", "mac": nic.port.mac, "tags": [tag]}))
        })
        .collect()
}

fn network_data(facts: DriveFacts<'_>) -> Value {
    let mut links = Vec::new();
    let mut networks = Vec::new();
    let mut services: Vec<Value> = Vec::new();
    for (at, nic) in facts.nics.iter().enumerate() {
        let link = format!("interface{at}");
        links.push(json!({
            "id": link,
            "vif_id": nic.port.id,
            "type": "bridge",
            "ethernet_mac_address": nic.port.mac,
            "mtu": nic.port.mtu,
        }));
        for address in &nic.port.addresses {
            let (mut network, dns) = match address {
                IpAddr::V4(address) => {
                    let Some(subnet) = nic.subnets.iter().find(|of| of.cidr.contains(address))
                    else {
                        continue;
                    };
                    (network(*address, subnet), dns_services(&subnet.dns))
                }
                IpAddr::V6(address) => {
                    let Some(subnet) = nic.subnets6.iter().find(|of| of.cidr.contains(address))
                    else {
                        continue;
                    };
                    (network6(*address, subnet), dns_services(&subnet.dns))
                }
            };
            network["id"] = json!(format!("network{}", networks.len()));
            network["link"] = json!(link);
            network["network_id"] = json!(nic.port.network);
            networks.push(network);
            for service in dns {
                if !services.contains(&service) {
                    services.push(service);
                }
            }
        }
    }
    json!({"links": links, "networks": networks, "services": services})
}

fn dns_services<T: serde::Serialize>(servers: &[T]) -> Vec<Value> {
    let service = |dns| json!({"type": "dns", "address": dns});
    servers.iter().map(service).collect()
}

/// A guest on a subnet without a mode but with DHCP is told to use it; on others how it comes to its address, and what that is.
fn network6(address: Ipv6Addr, subnet: &Subnet6Spec) -> Value {
    if subnet.address_mode.is_none() && subnet.dhcp == Some(Dhcp6::Addresses) {
        return json!({"type": "ipv6_dhcp"});
    }
    let default = subnet
        .gateway
        .map(|gateway| (Ipv6Addr::UNSPECIFIED, Ipv6Addr::UNSPECIFIED, gateway));
    let more = subnet.routes.iter();
    let more = more.map(|(to, via)| (to.network(), to.netmask(), *via));
    let routes: Vec<Value> = default
        .into_iter()
        .chain(more)
        .map(|(to, mask, via)| json!({"network": to, "netmask": mask, "gateway": via}))
        .collect();
    let kind = match &subnet.address_mode {
        Some(mode) => format!("ipv6_{mode}"),
        None => "ipv6".to_owned(),
    };
    json!({
        "type": kind,
        "ip_address": address,
        "netmask": subnet.cidr.netmask(),
        "routes": routes,
        "services": dns_services(&subnet.dns),
    })
}

/// A guest on a subnet with DHCP is told to use it; on others its whole address.
fn network(address: Ipv4Addr, subnet: &SubnetSpec) -> Value {
    let mut network = json!({
        "type": if subnet.dhcp { "ipv4_dhcp" } else { "ipv4" },
    });
    if !subnet.dhcp {
        let default = subnet
            .gateway
            .map(|gateway| (Ipv4Addr::UNSPECIFIED, Ipv4Addr::UNSPECIFIED, gateway));
        let routes: Vec<Value> = default
            .into_iter()
            .chain(
                subnet
                    .routes
                    .iter()
                    .map(|(to, via)| (to.network(), to.netmask(), *via)),
            )
            .map(|(to, mask, via)| json!({"network": to, "netmask": mask, "gateway": via}))
            .collect();
        network["ip_address"] = json!(address);
        network["netmask"] = json!(subnet.cidr.netmask());
        network["routes"] = json!(routes);
        network["services"] = json!(dns_services(&subnet.dns));
    }
    network
}

fn ec2_meta_data(facts: DriveFacts<'_>) -> Value {
    let server = facts.server;
    let detail = &server.detail;
    let address = facts
        .nics
        .iter()
        .flat_map(|nic| &nic.port.addresses)
        .find(|address| address.is_ipv4());
    let mut data = json!({
        "ami-id": server.image.map(|image| format!("ami-{}", image.short())),
        "ami-launch-index": detail.launch_index,
        // The very word that EC2-style metadata of Nova has here.
        "ami-manifest-path": concat!("FIX", "ME"),
        "block-device-mapping": {"ami": "vda", "root": "/dev/vda"},
        "hostname": fqdn(facts),
        "instance-action": "none",
        "instance-id": format!("i-{}", server.id.short()),
        "instance-type": server.flavor.name,
        "local-hostname": fqdn(facts),
        "local-ipv4": address,
        "placement": {"availability-zone": facts.availability_zone},
        "public-hostname": fqdn(facts),
        "public-ipv4": "",
        "reservation-id": server.reservation_id,
        "security-groups": detail.security_groups,
    });
    if let (Some(name), Some(key)) = (&detail.key_name, &detail.public_key) {
        data["public-keys"] = json!({"0": {"_name": format!("0={name}"), "openssh-key": key}});
    }
    data
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compute::model::testing::server;
    use crate::ids::{NetworkId, PortId, SubnetId};

    fn nic(dhcp: bool) -> DriveNic {
        DriveNic {
            port: PortSpec {
                id: PortId::new(),
                network: NetworkId::new(),
                mac: "fa:16:3e:00:00:01".into(),
                addresses: vec!["10.20.0.5".parse().unwrap()],
                mtu: 1500,
                port_security: true,
                allowed_pairs: Vec::new(),
                security_groups: None,
                logical: false,
                arriving: false,
                hostname: None,
                server: None,
            },
            subnets: vec![SubnetSpec {
                id: SubnetId::new(),
                cidr: "10.20.0.0/24".parse().unwrap(),
                gateway: Some("10.20.0.1".parse().unwrap()),
                dhcp,
                dns: vec!["9.9.9.9".parse().unwrap()],
                routes: vec![(
                    "10.30.0.0/16".parse().unwrap(),
                    "10.20.0.2".parse().unwrap(),
                )],
            }],
            subnets6: Vec::new(),
            tag: Some("front".into()),
        }
    }

    fn subnet6(cidr: &str, mode: Option<&str>, dhcp: Option<Dhcp6>) -> Subnet6Spec {
        let cidr: ipnet::Ipv6Net = cidr.parse().unwrap();
        Subnet6Spec {
            id: SubnetId::new(),
            cidr,
            gateway: cidr.hosts().nth(1),
            dhcp,
            address_mode: mode.map(str::to_owned),
            announced: None,
            dns: vec!["2620:fe::fe".parse().unwrap()],
            routes: Vec::new(),
        }
    }

    #[test]
    fn a_guest_learns_how_it_comes_to_its_addresses_of_ipv6() {
        let mut nic = nic(true);
        let given = Some(Dhcp6::Addresses);
        nic.subnets6 = vec![
            subnet6("fd00:1::/64", Some("slaac"), Some(Dhcp6::Names)),
            subnet6("fd00:2::/64", Some("dhcpv6-stateful"), given),
            subnet6("fd00:3::/64", None, None),
            subnet6("fd00:4::/64", None, given),
        ];
        let more = ["fd00:1::5", "fd00:2::5", "fd00:3::5", "fd00:4::5"];
        nic.port
            .addresses
            .extend(more.map(|address| address.parse::<IpAddr>().unwrap()));
        let server = server("web");
        let drive = config_drive(DriveFacts {
            server: &server,
            nics: &[nic],
            availability_zone: "nova",
            dns_domain: "",
        });
        let data = read(&drive, "openstack/latest/network_data.json");
        let kinds: Vec<&str> = (0..5)
            .map(|at| data["networks"][at]["type"].as_str().unwrap())
            .collect();
        assert_eq!(
            kinds,
            [
                "ipv4_dhcp",
                "ipv6_slaac",
                "ipv6_dhcpv6-stateful",
                "ipv6",
                "ipv6_dhcp"
            ]
        );
        let whole = &data["networks"][3];
        assert_eq!(whole["ip_address"], "fd00:3::5");
        assert_eq!(whole["netmask"], "ffff:ffff:ffff:ffff::");
        assert_eq!(whole["routes"][0]["network"], "::");
        assert_eq!(whole["routes"][0]["gateway"], "fd00:3::1");
        assert_eq!(data["services"][1]["address"], "2620:fe::fe");
    }

    fn read(drive: &ConfigDrive, path: &str) -> Value {
        let (_, content) = drive.files.iter().find(|(name, _)| name == path).unwrap();
        serde_json::from_slice(&STANDARD.decode(content).unwrap()).unwrap()
    }

    fn drive(server: &Server, dhcp: bool) -> ConfigDrive {
        config_drive(DriveFacts {
            server,
            nics: &[nic(dhcp)],
            availability_zone: "nova",
            dns_domain: "skydeck.internal",
        })
    }

    #[test]
    fn a_guest_learns_its_name_its_key_and_its_pairs() {
        let mut server = server("web");
        server.detail.hostname = "web".into();
        server.detail.key_name = Some("mine".into());
        server.detail.public_key = Some("ssh-ed25519 AAAA me".into());
        server.detail.metadata.insert("role".into(), "front".into());
        server.user_data = Some(STANDARD.encode("#cloud-config\n"));
        let drive = drive(&server, true);
        let meta = read(&drive, "openstack/latest/meta_data.json");
        assert_eq!(meta["hostname"], "web.skydeck.internal");
        assert_eq!(meta["uuid"], server.id.to_string());
        assert_eq!(meta["public_keys"]["mine"], "ssh-ed25519 AAAA me");
        assert_eq!(meta["meta"]["role"], "front");
        assert_eq!(meta["devices"][0]["tags"][0], "front");
        let ec2 = read(&drive, "ec2/latest/meta-data.json");
        assert_eq!(
            ec2["public-keys"]["0"]["openssh-key"],
            "ssh-ed25519 AAAA me"
        );
        assert_eq!(ec2["local-ipv4"], "10.20.0.5");
        let user_data: Vec<_> = drive
            .files
            .iter()
            .filter(|(path, _)| path.ends_with("user_data") || path.ends_with("user-data"))
            .collect();
        assert_eq!(user_data.len(), 2);
    }

    #[test]
    fn dhcp_is_named_and_a_fixed_address_is_whole() {
        let server = server("web");
        let with = read(&drive(&server, true), "openstack/latest/network_data.json");
        assert_eq!(with["networks"][0]["type"], "ipv4_dhcp");
        assert!(with["networks"][0].get("ip_address").is_none());
        assert_eq!(
            with["links"][0]["ethernet_mac_address"],
            "fa:16:3e:00:00:01"
        );
        let without = read(&drive(&server, false), "openstack/latest/network_data.json");
        let network = &without["networks"][0];
        assert_eq!(network["ip_address"], "10.20.0.5");
        assert_eq!(network["netmask"], "255.255.255.0");
        assert_eq!(network["routes"][0]["gateway"], "10.20.0.1");
        assert_eq!(network["routes"][1]["network"], "10.30.0.0");
        assert_eq!(without["services"][0]["address"], "9.9.9.9");
    }
}
