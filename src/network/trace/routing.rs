//! Through a router: into its namespace, by its routes, with addresses translated or not, and out of it.

use std::net::IpAddr;

use super::rows::named_or;
use super::walk::{Outcome, Spot, Turn, Walk};
use super::{Reason, Remedy, Step, Transport, Verdict, What};
use crate::ids::RouterId;
use crate::network::model::{GATEWAY_OWNER, Port, Router};
use crate::network::names::{
    INTEGRATION_BRIDGE, METADATA, dhcp_interface, dhcp_namespace, inside_interface,
    outside_interface, router_namespace,
};

/// Routers on one way at most.
const MOST: usize = 8;
/// Ports at which DHCP, names and metadata are answered.
const SERVED: [u16; 3] = [53, 67, 80];

/// By which port of a router, and to which next station.
#[derive(Clone, Copy)]
struct Way<'a> {
    port: &'a Port,
    hop: IpAddr,
    /// Bits of the destination that decided.
    length: u8,
}

impl<'a> Walk<'a> {
    /// Through a router, from the one of its ports that got the packet.
    pub(super) fn route(&mut self, router: &'a Router, came_by: &'a Port) -> Outcome {
        let name = named_or(&router.name, router.id);
        self.routers += 1;
        let into = self.spot(router, came_by);
        if self.routers > MOST {
            let because = format!("more than {MOST} routers on the way: they send it in circles");
            self.note(Step::drops(into, What::Router, Reason::Loop, because));
            return Outcome::Ended;
        }
        let step = self.enter(router, came_by, into.clone());
        self.note(step.counted(false, self.packet));
        let turned = self.turn_in(router, &into);

        let rows = self.rows;
        let to = self.packet.destination;
        let own = |port: &Port| port.addresses.iter().any(|at| Some(at.address) == to);
        if to == Some(METADATA.into()) || rows.router_ports(router.id).any(own) {
            return self.itself(into, &name);
        }
        let way = to.map_or_else(
            || self.way_out(router),
            |to| self.way(router, to).or_else(|| self.way_out(router)),
        );
        if let Some(missing) = self.not_joined(router, way, &into, &name) {
            self.note(missing);
            return Outcome::Ended;
        }
        let Some(way) = way else {
            let step = self.no_way(router, into, &name);
            self.note(step);
            return Outcome::Ended;
        };
        let from_outside = came_by.device_owner == GATEWAY_OWNER;
        if from_outside && router.enable_snat && !turned && !self.is_back {
            let because =
                format!("from outside, router {name} lets in only what is for floating IPs");
            let remedy = self.goal.zip(router.gateway.as_ref());
            let remedy = remedy.map(|(port, gateway)| Remedy::FloatingIp {
                port: port.id,
                network: gateway.network,
            });
            self.note(Step::drops(into, What::Nat, Reason::NoFloating, because).mended_by(remedy));
        }
        self.turn_out(router, came_by, way.port, turned);
        let because = match way.length {
            0 => format!("router {name} sends it to its gateway {}", way.hop),
            _ if Some(way.hop) == self.packet.destination => {
                format!(
                    "router {name} has the network {}",
                    rows.network_name(way.port.network)
                )
            }
            _ => format!("router {name} has a route by {}", way.hop),
        };
        let step = Step::passes(
            self.spot(router, way.port),
            What::Route,
            Reason::ByRoute,
            because,
        );
        self.note(step.counted(true, self.packet));
        let leaves = way.port.device_owner == GATEWAY_OWNER;
        let host = match self.sender.clone() {
            Some(sender) if leaves => {
                if let Some(host) = router.host.as_ref().filter(|host| **host != sender) {
                    self.tunnel(INTEGRATION_BRIDGE, &sender, host);
                }
                router.host.clone()
            }
            Some(sender) => Some(sender),
            None => router.host.clone(),
        };
        self.deliver(way.port.network, host.as_deref(), way.hop)
    }

    /// A router's port; OVN's inner ones are on every host.
    fn spot(&self, router: &Router, port: &Port) -> Spot {
        let leads_out = port.device_owner == GATEWAY_OWNER;
        let (host, device) = match leads_out {
            true => (router.host.as_ref(), outside_interface(port.id)),
            false => (
                self.sender.as_ref().or(router.host.as_ref()),
                inside_interface(port.id),
            ),
        };
        Spot {
            host: host.cloned(),
            namespace: Some(router_namespace(router.id)),
            device,
        }
    }

    fn enter(&self, router: &Router, port: &Port, into: Spot) -> Step {
        let name = named_or(&router.name, router.id);
        let drops =
            |reason, because: String| Step::drops(into.clone(), What::Router, reason, because);
        if !router.admin_state_up {
            let because = format!("router {name} is administratively down");
            let remedy = Some(Remedy::RouterUp(router.id));
            return drops(Reason::RouterDown, because).mended_by(remedy);
        }
        if router.host.is_none() && !self.rows.ovn {
            let why = match self.rows.hosts.values().any(|host| host.up && host.routes) {
                true => {
                    "one that is plugged into all its networks is missing, or it is being placed"
                }
                false => "no host with an enabled L3 agent is up",
            };
            let because = format!("router {name} is on no host: {why}");
            return drops(Reason::RouterUnplaced, because);
        }
        match self.trouble_at(port) {
            Some((verdict, reason, because, remedy)) => {
                Step::at(into, What::Router, verdict, reason, because).mended_by(remedy)
            }
            None => {
                let because = format!("into router {name}");
                Step::passes(into, What::Router, Reason::Works, because)
            }
        }
    }

    /// What the router does to the destination before it looks for a way; whether it did anything.
    fn turn_in(&mut self, router: &Router, into: &Spot) -> bool {
        if self.is_back {
            // Both ends as they were when it passed here before, the other way.
            let mut turned = false;
            let mine = self.turns.iter_mut();
            for turn in mine.filter(|turn| turn.router == router.id && !turn.is_undone) {
                let end = match turn.is_source {
                    true => &mut self.packet.destination,
                    false => &mut self.packet.source,
                };
                if *end == Some(turn.after) {
                    *end = turn.before;
                    (turn.is_undone, turned) = (true, true);
                }
            }
            return turned;
        }
        let Some(to) = self.packet.destination else {
            return false;
        };
        let mut floating = self.rows.floating.iter();
        let found = floating.find_map(|floating| {
            let target = floating
                .target
                .filter(|target| target.router == router.id)?;
            (floating.address == to).then_some(target)
        });
        let Some(target) = found else { return false };
        self.goal = self.goal.or_else(|| self.rows.port(target.port));
        let because = format!("floating IP {to} leads to {}", target.address);
        self.note(Step::passes(
            into.clone(),
            What::Nat,
            Reason::Translated,
            because,
        ));
        self.turns.push(Turn {
            router: router.id,
            is_source: false,
            before: Some(to),
            after: target.address.into(),
            is_undone: false,
        });
        self.packet.destination = Some(target.address.into());
        true
    }

    /// What the router does to the source on the way out.
    fn turn_out(&mut self, router: &Router, came_by: &Port, out: &Port, turned: bool) {
        let Some(gateway) = router.gateway.as_ref().filter(|_| !self.is_back) else {
            return;
        };
        let source = self.packet.source;
        let leaves = out.id == gateway.port && came_by.id != gateway.port;
        let hairpin = turned && out.id != gateway.port && came_by.id != gateway.port;
        let mut floating = self.rows.floating.iter();
        let own = floating.find(|floating| {
            let target = floating.target.filter(|target| target.router == router.id);
            target.is_some_and(|target| Some(IpAddr::from(target.address)) == source)
        });
        // What is of IPv6 leaves as it is.
        if self.packet.is_ipv6() {
            return;
        }
        let mut own_addresses = gateway.addresses.iter();
        let first = own_addresses.find(|at| at.address.is_ipv4());
        let first = first.map(|at| at.address);
        let (after, because) = match (own, first) {
            (Some(floating), _) if leaves => (
                floating.address.into(),
                format!("leaves as its floating IP {}", floating.address),
            ),
            (_, Some(first)) if leaves && router.enable_snat || hairpin => {
                (first, format!("leaves as the router's address {first}"))
            }
            _ => return,
        };
        self.note(Step::passes(
            self.spot(router, out),
            What::Nat,
            Reason::Translated,
            because,
        ));
        self.turns.push(Turn {
            router: router.id,
            is_source: true,
            before: source,
            after,
            is_undone: false,
        });
        self.packet.source = Some(after);
    }

    /// For the router itself.
    fn itself(&mut self, into: Spot, name: &str) -> Outcome {
        let step = match self.packet.transport {
            _ if self.packet.asks_for_metadata() => {
                let because = format!("router {name} answers what is asked for metadata");
                Step::passes(into, What::Service, Reason::Answered, because)
            }
            Transport::Icmp => {
                let because = format!("router {name} answers");
                Step::passes(into, What::Service, Reason::Answered, because)
            }
            _ => {
                let because =
                    format!("this is an address of router {name}, which answers pings only");
                Step::drops(into, What::Service, Reason::RouterItself, because)
            }
        };
        self.note(step);
        Outcome::Ended
    }

    /// For where DHCP is answered.
    pub(super) fn service(&mut self, port: &Port) -> Outcome {
        let at = Spot {
            host: port.host.clone(),
            namespace: Some(dhcp_namespace(port.network)),
            device: dhcp_interface(port.id),
        };
        let answers = match self.packet.transport {
            Transport::Icmp => true,
            _ => self.packet.port.is_some_and(|port| SERVED.contains(&port)),
        };
        let step = match self.trouble_at(port) {
            Some((verdict, reason, because, _)) => {
                Step::at(at, What::Service, verdict, reason, because)
            }
            None if answers => {
                let because = "DHCP, names and metadata are answered here";
                Step::passes(at, What::Service, Reason::Answered, because)
            }
            None => {
                let because = "nothing but DHCP, names and metadata is answered here";
                Step::drops(at, What::Service, Reason::RouterItself, because)
            }
        };
        self.note(step);
        Outcome::Ended
    }

    /// The best of the router's own networks and its further routes.
    fn way(&self, router: &Router, to: IpAddr) -> Option<Way<'a>> {
        let rows = self.rows;
        let connected = |to: IpAddr| {
            let ports = rows.router_ports(router.id);
            ports
                .flat_map(|port| port.addresses.iter().map(move |at| (port, at)))
                .filter_map(move |(port, at)| {
                    let subnet = rows.subnet(at.subnet)?;
                    let length = subnet.cidr.prefix_len();
                    subnet.cidr.contains(&to).then_some(Way {
                        port,
                        hop: to,
                        length,
                    })
                })
                .max_by_key(|way| way.length)
        };
        let routes = router.routes.iter();
        let further = routes
            .filter(|route| route.destination.contains(&to))
            .filter_map(|route| {
                let way = connected(route.nexthop)?;
                let length = route.destination.prefix_len();
                Some(Way { length, ..way })
            })
            .max_by_key(|way| way.length);
        match (connected(to), further) {
            (Some(own), Some(further)) if further.length > own.length => Some(further),
            (own, further) => own.or(further),
        }
    }

    /// By the router's gateway.
    fn way_out(&self, router: &Router) -> Option<Way<'a>> {
        let gateway = router.gateway.as_ref()?;
        let port = self.rows.port(gateway.port)?;
        let mut addresses = gateway.addresses.iter();
        let ipv6 = self.packet.is_ipv6();
        let hop = addresses.find_map(|at| {
            let hop = self.rows.subnet(at.subnet)?.gateway?;
            (hop.is_ipv6() == ipv6).then_some(hop)
        })?;
        Some(Way {
            port,
            hop,
            length: 0,
        })
    }

    /// The drop where the way would lead out, though it is for a network of the cloud that the router could have.
    fn not_joined(
        &self,
        router: &Router,
        way: Option<Way<'_>>,
        into: &Spot,
        name: &str,
    ) -> Option<Step> {
        if way.is_some_and(|way| way.length > 0) {
            return None;
        }
        let to = self.packet.destination?;
        let subnet = match self.goal {
            Some(goal) => self.rows.subnet_with(to, Some(goal.network)),
            // The same range may be another tenant's, or somewhere outside.
            None => self
                .rows
                .subnet_with(to, None)
                .filter(|subnet| subnet.project == router.project),
        }?;
        let because = format!(
            "router {name} is not plugged into subnet {} of network {}",
            named_or(&subnet.name, subnet.id),
            self.rows.network_name(subnet.network)
        );
        let remedy = Some(Remedy::RouterInterface {
            router: router.id,
            subnet: subnet.id,
        });
        let step = Step::drops(into.clone(), What::Route, Reason::NotJoined, because);
        Some(step.mended_by(remedy))
    }

    fn no_way(&self, router: &Router, into: Spot, name: &str) -> Step {
        let to = self.packet.destination;
        let to = to.map_or_else(|| "the world".to_owned(), |to| to.to_string());
        if router.gateway.is_some() {
            let because =
                format!("router {name} knows no route to {to}: the network outside has no gateway");
            return Step::drops(into, What::Route, Reason::NoRoute, because);
        }
        let mut outer = self
            .rows
            .networks
            .values()
            .filter(|network| network.external);
        // With several somebody has to choose.
        let remedy = match (outer.next(), outer.next()) {
            (Some(network), None) => Some(Remedy::RouterGateway {
                router: router.id,
                network: network.id,
            }),
            _ => None,
        };
        let because = format!("router {name} has no gateway, so it knows no way to {to}");
        Step::at(into, What::Route, Verdict::Drops, Reason::NoWayOut, because).mended_by(remedy)
    }

    /// A router that has this network and a way out.
    pub(super) fn router_out(&self, port: &Port) -> Option<(RouterId, &'a Port)> {
        let rows = self.rows;
        rows.routers.iter().find_map(|router| {
            let way = rows.port(router.gateway.as_ref()?.port)?;
            let mut own = rows.router_ports(router.id);
            own.any(|own| own.network == port.network)
                .then_some((router.id, way))
        })
    }
}
