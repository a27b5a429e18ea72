//! What a network's dnsmasq reads: one configuration file, the reservations, and the names. Pure text.
//!
//! Addresses of IPv6 are given and told where the subnet's mode says so; what guests learn of a router is announced by
//! [`advert`](super::advert), except on networks of the node alone, where this server does it as well.
//!
//! Only reserved addresses are given out. Names come from reservations alone; what a guest calls itself is ignored, or
//! it could take its neighbour's name. The configuration changes only when the network does; ports change the two files
//! that dnsmasq reads again on a signal, without forgetting a lease.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use ipnet::{Ipv4Net, Ipv6Net};
use sha2::{Digest as _, Sha256};

use super::blueprint::mac_text;
use crate::ids::SubnetId;
use crate::network::rpc::{Announced, Dhcp6};

/// How long a guest may use an address before it asks again. Changed options reach guests by then.
const LEASE: &str = "1h";
/// The same of IPv6: shorter, since there dnsmasq knows a guest by what it calls itself, and keeps the address of one that was
/// built anew, or of another port that had it before, for so long.
const LEASE6: &str = "5m";
/// Seconds between what it announces unasked.
const ANNOUNCE: u16 = 60;

/// A DHCP and name server for one network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DhcpServer {
    /// Domain of the network's names; may be empty.
    pub domain: String,
    /// Largest packet in bytes.
    pub mtu: u32,
    /// Whether it asks the node's name servers what it does not know. Off where guests shall not reach the world.
    pub forwards: bool,
    /// Whom it asks instead of the node's name servers.
    pub resolvers: Vec<IpAddr>,
    /// Subnets it serves.
    pub subnets: Vec<ServedSubnet>,
    /// The same of IPv6.
    pub subnets6: Vec<ServedSubnet6>,
    /// Who gets which address and name.
    pub reservations: Vec<Reservation>,
}

/// One subnet it serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServedSubnet {
    /// Name for it in dnsmasq's configuration.
    pub tag: String,
    /// Its addresses.
    pub cidr: Ipv4Net,
    /// The address the server speaks from.
    pub server: Ipv4Addr,
    /// The gateway guests are told, if any; then it is also `server`.
    pub gateway: Option<Ipv4Addr>,
    /// Name servers guests are told.
    pub dns: Vec<Ipv4Addr>,
    /// Further routes: destination and next hop, 0.0.0.0 for "on the link".
    pub routes: Vec<(Ipv4Net, Ipv4Addr)>,
}

/// One IPv6 subnet it serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServedSubnet6 {
    /// Name for it in dnsmasq's configuration.
    pub tag: String,
    /// Its addresses.
    pub cidr: Ipv6Net,
    /// What DHCP does.
    pub dhcp: Dhcp6,
    /// Name servers guests are told.
    pub dns: Vec<Ipv6Addr>,
    /// What it announces itself, where no router does; and for how many seconds it is a way out.
    pub announced: Option<(Announced, u16)>,
}

/// One port's addresses and name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reservation {
    /// Its Ethernet address.
    pub mac: [u8; 6],
    /// Its addresses.
    pub addresses: Vec<Ipv4Addr>,
    /// Its addresses of IPv6.
    pub addresses6: Vec<Ipv6Addr>,
    /// Its name, one label.
    pub hostname: Option<String>,
}

/// Short name of a subnet for dnsmasq's tags.
pub fn tag(subnet: SubnetId) -> String {
    format!("s{}", subnet.short())
}

/// What a server reads, and what follows from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerFiles {
    /// The configuration; a change needs a restart.
    pub configuration: String,
    /// The reservations; read again on a signal.
    pub reservations: String,
    /// The names; read again on a signal.
    pub names: String,
    /// Who may hold a lease of which address.
    pub holders: BTreeMap<Ipv4Addr, [u8; 6]>,
    /// Subnets it serves, and the address it speaks from in each.
    pub served: BTreeMap<Ipv4Net, Ipv4Addr>,
    /// The namespace it runs in; none: the node's own.
    pub namespace: Option<String>,
    /// The interface it serves.
    pub interface: String,
}

impl ServerFiles {
    /// The address the server speaks from to who has this one; none if it does not serve it.
    pub fn server_for(&self, address: Ipv4Addr) -> Option<Ipv4Addr> {
        let mut served = self.served.iter();
        served
            .find(|(cidr, _)| cidr.contains(&address))
            .map(|(_, server)| *server)
    }

    /// Tells reservations and names from other ones.
    pub fn ports_digest(&self) -> String {
        digest(&format!("{}\n{}", self.reservations, self.names))
    }
}

/// Who dnsmasq runs as, once it has its sockets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunAs {
    /// User.
    pub user: String,
    /// Group; it must be able to reach the files.
    pub group: String,
}

impl DhcpServer {
    /// Everything the server reads. `dir` holds all its files.
    pub fn files(&self, interface: &str, dir: &Path, run_as: &RunAs) -> ServerFiles {
        ServerFiles {
            configuration: self.configuration(interface, dir, run_as),
            reservations: self.reservations(),
            names: self.names(),
            holders: self.holders(),
            served: self
                .subnets
                .iter()
                .map(|subnet| (subnet.cidr, subnet.server))
                .collect(),
            namespace: None,
            interface: interface.to_owned(),
        }
    }

    fn configuration(&self, interface: &str, dir: &Path, run_as: &RunAs) -> String {
        let dir = dir.display();
        let RunAs { user, group } = run_as;
        let mut text = format!(
            "# Written by Skydeck and replaced when the network changes.\n\
             user={user}\ngroup={group}\n\
             interface={interface}\nexcept-interface=lo\nbind-dynamic\n\
             pid-file={dir}/pid\ndhcp-leasefile={dir}/leases\nlog-facility={dir}/log\n\
             dhcp-hostsfile={dir}/reservations\naddn-hosts={dir}/names\n\
             no-hosts\nno-ping\nquiet-dhcp\nquiet-ra\n\
             dhcp-authoritative\ndhcp-ignore-names\ndhcp-lease-max=65536\n\
             domain-needed\nbogus-priv\ncache-size=1000\ndns-forward-max=500\n\
             dhcp-option-force=option:mtu,{}\n",
            self.mtu
        );
        if !self.forwards || !self.resolvers.is_empty() {
            text.push_str("no-resolv\n");
        }
        for resolver in self.resolvers.iter().filter(|_| self.forwards) {
            let _ = writeln!(text, "server={resolver}");
        }
        if !self.domain.is_empty() {
            let domain = &self.domain;
            let _ = write!(
                text,
                "domain={domain}\nlocal=/{domain}/\ndhcp-option=option:domain-search,{domain}\n"
            );
        }
        for subnet in &self.subnets {
            subnet.write(interface, &mut text);
        }
        let announced = self.subnets6.iter().filter_map(|subnet| subnet.announced);
        if let Some(lifetime) = announced.map(|(_, lifetime)| lifetime).max() {
            let _ = writeln!(
                text,
                "enable-ra\nra-param={interface},{ANNOUNCE},{lifetime}"
            );
        }
        for subnet in &self.subnets6 {
            subnet.write(&self.domain, &mut text);
        }
        text
    }

    /// One line per Ethernet address and subnet.
    fn reservations(&self) -> String {
        let mut text = String::new();
        for reservation in &self.reservations {
            for address in self.served_addresses(reservation).values() {
                let _ = write!(text, "{},{address}", mac_text(reservation.mac));
                if let Some(name) = &reservation.hostname {
                    let _ = write!(text, ",{name}");
                }
                text.push('\n');
            }
            for address in self.given6(reservation) {
                let _ = write!(text, "{},[{address}]", mac_text(reservation.mac));
                if let Some(name) = &reservation.hostname {
                    let _ = write!(text, ",{name}");
                }
                text.push('\n');
            }
        }
        text
    }

    /// A port's first address in each subnet whose guests are given theirs.
    fn given6<'a>(&'a self, reservation: &'a Reservation) -> impl Iterator<Item = &'a Ipv6Addr> {
        let given = self.subnets6.iter();
        let given = given.filter(|subnet| subnet.dhcp == Dhcp6::Addresses);
        given.filter_map(|subnet| {
            let mut own = reservation.addresses6.iter();
            own.find(|address| subnet.cidr.contains(*address))
        })
    }

    /// As `/etc/hosts` has them.
    fn names(&self) -> String {
        let mut text = String::new();
        for reservation in &self.reservations {
            let Some(name) = &reservation.hostname else {
                continue;
            };
            let v4 = reservation.addresses.iter().copied().map(IpAddr::V4);
            let v6 = reservation.addresses6.iter().copied().map(IpAddr::V6);
            for address in v4.chain(v6) {
                if self.domain.is_empty() {
                    let _ = writeln!(text, "{address} {name}");
                } else {
                    let _ = writeln!(text, "{address} {name}.{} {name}", self.domain);
                }
            }
        }
        text
    }

    fn holders(&self) -> BTreeMap<Ipv4Addr, [u8; 6]> {
        self.reservations
            .iter()
            .flat_map(|reservation| {
                self.served_addresses(reservation)
                    .into_values()
                    .map(|address| (address, reservation.mac))
            })
            .collect()
    }

    /// A port's first address in each subnet; DHCP gives an interface one per subnet.
    fn served_addresses(&self, reservation: &Reservation) -> BTreeMap<Ipv4Net, Ipv4Addr> {
        let mut first = BTreeMap::new();
        for address in &reservation.addresses {
            if let Some(subnet) = self
                .subnets
                .iter()
                .find(|subnet| subnet.cidr.contains(address))
            {
                first.entry(subnet.cidr).or_insert(*address);
            }
        }
        first
    }
}

impl ServedSubnet {
    fn write(&self, interface: &str, text: &mut String) {
        let (tag, cidr) = (&self.tag, self.cidr);
        let _ = writeln!(
            text,
            "dhcp-range=set:{tag},{},static,{},{LEASE}",
            cidr.network(),
            cidr.netmask()
        );
        let mut routes = self.routes.clone();
        match self.gateway {
            Some(gateway) => {
                let _ = writeln!(text, "dhcp-option=tag:{tag},option:router,{gateway}");
                // A client that is given routes ignores the gateway, so the routes have to hold it as well.
                if !routes.is_empty() {
                    routes.push((Ipv4Net::default(), gateway));
                }
            }
            None => {
                // The server has no address in the subnet: that it serves it here must be said. No value, no router.
                let _ = writeln!(text, "shared-network={interface},{}", cidr.network());
                let _ = writeln!(text, "dhcp-option=tag:{tag},option:router");
            }
        }
        let _ = write!(text, "dhcp-option=tag:{tag},option:dns-server");
        for server in &self.dns {
            let _ = write!(text, ",{server}");
        }
        text.push('\n');
        if !routes.is_empty() {
            let _ = write!(text, "dhcp-option=tag:{tag},option:classless-static-route");
            for (to, via) in &routes {
                let _ = write!(text, ",{to},{via}");
            }
            text.push('\n');
        }
    }
}

impl ServedSubnet6 {
    /// What it does not announce, a router does, if any.
    fn write(&self, domain: &str, text: &mut String) {
        let (tag, network, length) = (&self.tag, self.cidr.network(), self.cidr.prefix_len());
        let announced = self.announced.map(|(announced, _)| announced);
        let mode = match (announced, self.dhcp) {
            (Some(Announced { managed: true, .. }), _) => "static",
            (Some(Announced { other: true, .. }), _) => "ra-stateless",
            (Some(_), _) => "ra-only",
            (None, Dhcp6::Addresses | Dhcp6::Rest) => "static",
            (None, Dhcp6::Names) => return,
        };
        let _ = writeln!(
            text,
            "dhcp-range=set:{tag},{network},{mode},{length},{LEASE6}"
        );
        if !self.dns.is_empty() {
            let _ = write!(text, "dhcp-option=tag:{tag},option6:dns-server");
            for server in &self.dns {
                let _ = write!(text, ",[{server}]");
            }
            text.push('\n');
        }
        if !domain.is_empty() {
            let _ = writeln!(text, "dhcp-option=tag:{tag},option6:domain-search,{domain}");
        }
    }
}

/// Twelve hexadecimal digits that tell one text from another.
pub fn digest(text: &str) -> String {
    hex::encode(&Sha256::digest(text.as_bytes())[..6])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files() -> ServerFiles {
        let subnet = |number: u8, routes| ServedSubnet {
            tag: format!("s{number}"),
            cidr: format!("10.{number}.0.0/24").parse().unwrap(),
            server: Ipv4Addr::new(10, number, 0, 1),
            gateway: Some(Ipv4Addr::new(10, number, 0, 1)),
            dns: vec![Ipv4Addr::new(10, number, 0, 1)],
            routes,
        };
        let route = ("10.3.0.0/16".parse().unwrap(), Ipv4Addr::new(10, 2, 0, 9));
        let server = DhcpServer {
            domain: "cloud.test".into(),
            mtu: 1450,
            forwards: false,
            resolvers: Vec::new(),
            subnets: vec![subnet(1, Vec::new()), subnet(2, vec![route])],
            subnets6: Vec::new(),
            reservations: vec![Reservation {
                mac: [0xfa, 0x16, 0x3e, 0, 0, 1],
                addresses: ["10.1.0.5", "10.1.0.6", "10.2.0.5"]
                    .map(|address| address.parse().unwrap())
                    .to_vec(),
                addresses6: Vec::new(),
                hostname: Some("web".into()),
            }],
        };
        server.files("sdb-1", Path::new("/x"), &RunAs::default())
    }

    #[test]
    fn each_interface_gets_one_address_per_subnet_and_all_its_names() {
        let files = files();
        assert_eq!(
            files.reservations,
            "fa:16:3e:00:00:01,10.1.0.5,web\nfa:16:3e:00:00:01,10.2.0.5,web\n"
        );
        assert_eq!(
            files.names,
            "10.1.0.5 web.cloud.test web\n10.1.0.6 web.cloud.test web\n10.2.0.5 web.cloud.test web\n"
        );
        assert_eq!(files.holders.len(), 2);
    }

    #[test]
    fn each_subnet_of_ipv6_is_served_as_its_mode_says() {
        let subnet = |number: u8, dhcp, announced| ServedSubnet6 {
            tag: format!("s{number}"),
            cidr: format!("fd00:{number}::/64").parse().unwrap(),
            dhcp,
            dns: vec![format!("fd00:{number}::1").parse().unwrap()],
            announced,
        };
        let said = |autonomous, managed, other| {
            let announced = Announced {
                autonomous,
                managed,
                other,
            };
            Some((announced, 0))
        };
        let server = |subnets6: Vec<ServedSubnet6>| DhcpServer {
            domain: "cloud.test".into(),
            mtu: 1450,
            forwards: false,
            resolvers: Vec::new(),
            subnets: Vec::new(),
            subnets6,
            reservations: vec![Reservation {
                mac: [0xfa, 0x16, 0x3e, 0, 0, 1],
                addresses: Vec::new(),
                addresses6: ["fd00:1::5", "fd00:2::5"]
                    .map(|address| address.parse().unwrap())
                    .to_vec(),
                hostname: Some("web".into()),
            }],
        };
        let elsewhere = server(vec![
            subnet(1, Dhcp6::Addresses, None),
            subnet(2, Dhcp6::Names, None),
            subnet(3, Dhcp6::Rest, None),
        ]);
        let files = elsewhere.files("ns-1", Path::new("/x"), &RunAs::default());
        let text = files.configuration;
        assert!(text.contains("dhcp-range=set:s1,fd00:1::,static,64,5m\n"));
        assert!(text.contains("dhcp-option=tag:s1,option6:dns-server,[fd00:1::1]\n"));
        assert!(text.contains("dhcp-range=set:s3,fd00:3::,static,64,5m\n"));
        assert!(!text.contains("set:s2") && !text.contains("enable-ra"));
        assert_eq!(files.reservations, "fa:16:3e:00:00:01,[fd00:1::5],web\n");
        assert_eq!(
            files.names,
            "fd00:1::5 web.cloud.test web\nfd00:2::5 web.cloud.test web\n"
        );
        let own = server(vec![
            subnet(1, Dhcp6::Addresses, said(false, true, true)),
            subnet(2, Dhcp6::Names, said(true, false, false)),
            subnet(3, Dhcp6::Rest, said(true, false, true)),
        ]);
        let text = own
            .files("sdb-1", Path::new("/x"), &RunAs::default())
            .configuration;
        assert!(text.contains("enable-ra\nra-param=sdb-1,60,0\n"));
        for mode in [
            "s1,fd00:1::,static",
            "s2,fd00:2::,ra-only",
            "s3,fd00:3::,ra-stateless",
        ] {
            assert!(
                text.contains(&format!("dhcp-range=set:{mode},64,5m\n")),
                "{text}"
            );
        }
    }

    #[test]
    fn routes_carry_the_gateway_with_them() {
        let text = files().configuration;
        assert!(
            text.contains(
                ",option:classless-static-route,10.3.0.0/16,10.2.0.9,0.0.0.0/0,10.2.0.1\n"
            )
        );
        assert!(text.contains("dhcp-leasefile=/x/leases\n"));
        assert!(text.contains("no-resolv\n"));
    }
}
