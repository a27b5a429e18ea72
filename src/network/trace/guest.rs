//! At a guest: its port, the addresses it may use, what its security groups allow, and which way it sends.

use std::net::IpAddr;

use super::groups::{allowing, of_port, rule_for};
use super::rows::named_or;
use super::walk::{Outcome, Spot, Walk, spot_of};
use super::{Reason, Remedy, Step, What};
use crate::ids::SubnetId;
use crate::network::model::{DHCP_OWNER, Direction, INTERFACE_OWNER, NetworkKind, Port, Subnet};
use crate::network::names::{bridge_name, is_metadata};

impl Walk<'_> {
    pub(super) fn tap(&mut self, port: &Port, receives: bool) {
        let spot = spot_of(port);
        let step = match self.trouble_at(port) {
            Some((verdict, reason, because, remedy)) => {
                Step::at(spot, What::Tap, verdict, reason, because).mended_by(remedy)
            }
            None => {
                let mut because = match receives {
                    true => "the port is up".to_owned(),
                    false => format!("the port is up on {}", port.host.as_deref().unwrap_or("")),
                };
                if let Some(host) = &port.migrating_to {
                    because.push_str(&format!("; its server is moving to {host}"));
                }
                Step::passes(spot, What::Tap, Reason::Works, because)
            }
        };
        self.note(step.counted(receives, self.packet));
    }

    pub(super) fn spoofing(&mut self, port: &Port) {
        let spot = spot_of(port);
        let own = |at: IpAddr| port.addresses.iter().any(|own| own.address == at);
        let pair = |at: IpAddr| {
            let mut pairs = port.pairs.iter();
            pairs.any(|pair| pair.prefix.contains(&at))
        };
        let step = |reason, because: String| {
            Step::passes(spot.clone(), What::AntiSpoofing, reason, because)
        };
        let step = match self.packet.source {
            _ if !port.port_security => step(
                Reason::SecurityOff,
                "port security is off: any address passes".into(),
            ),
            Some(at) if own(at) => step(Reason::OwnAddress, format!("{at} is the port's address")),
            Some(at) if pair(at) => step(
                Reason::OwnAddress,
                format!("{at} is among the port's allowed address pairs"),
            ),
            Some(at) => Step::drops(
                spot,
                What::AntiSpoofing,
                Reason::ForeignAddress,
                format!("{at} is neither the port's address nor among its allowed address pairs"),
            ),
            None => Step::drops(
                spot,
                What::AntiSpoofing,
                Reason::NoAddress,
                "the port has no address to send from",
            ),
        };
        self.note(step);
    }

    pub(super) fn groups(&mut self, port: &Port, direction: Direction) {
        let (what, verb) = match direction {
            Direction::Egress => (What::SenderGroups, "send"),
            Direction::Ingress => (What::ReceiverGroups, "get"),
        };
        let spot = spot_of(port);
        let names: Vec<&str> = of_port(self.rows, port)
            .map(|group| group.name.as_str())
            .collect();
        let step = if !port.port_security {
            let because = "port security is off: there are no groups";
            Step::passes(spot, what, Reason::SecurityOff, because)
        } else if let Some((group, rule)) = allowing(self.rows, port, direction, &self.packet) {
            let because = format!("group {group} allows it, rule {rule}");
            let step = Step::passes(spot, what, Reason::Allowed, because);
            Step {
                rule: Some(rule),
                ..step
            }
        } else if names.is_empty() {
            let because = format!("the port has no security groups, so it may {verb} nothing");
            Step::drops(spot, what, Reason::NoGroups, because)
        } else {
            let groups = match names.as_slice() {
                [one] => format!("group {one}"),
                many => format!("groups {}", many.join(", ")),
            };
            let because = format!(
                "no rule of {groups} allows it to {verb} {}",
                self.words(direction)
            );
            let rule = rule_for(self.rows, port, direction, &self.packet);
            Step::drops(spot, what, Reason::NoRule, because).mended_by(rule.map(Remedy::Rule))
        };
        self.note(step);
    }

    /// The packet in words: `tcp 80 from 10.1.0.5`.
    fn words(&self, direction: Direction) -> String {
        let port = self
            .packet
            .port
            .map_or_else(String::new, |port| format!(" {port}"));
        let (word, end) = match direction {
            Direction::Ingress => ("from", self.packet.source),
            Direction::Egress => ("to", self.packet.destination),
        };
        let end = end.map_or_else(|| "anywhere".to_owned(), |address| address.to_string());
        format!("{}{port} {word} {end}", self.packet.transport.name())
    }

    /// Which way the guest sends it, by what DHCP tells it.
    pub(super) fn guest_routes(&mut self, port: &Port) -> Outcome {
        let spot = Spot {
            host: port.host.clone(),
            namespace: None,
            device: bridge_name(port.network),
        };
        let to = self.packet.destination;
        if to.is_none() && self.goal.is_some() {
            let because = "the receiver's port has no address";
            self.note(Step::drops(spot, What::Bridge, Reason::NoAddress, because));
            return Outcome::Ended;
        }
        if to.is_some_and(is_metadata)
            && let Some(outcome) = self.metadata(port, &spot)
        {
            return outcome;
        }
        let rows = self.rows;
        let mut ids: Vec<SubnetId> = port.addresses.iter().map(|at| at.subnet).collect();
        // The subnet of the address that is sent from first.
        let source = self.packet.source;
        ids.sort_by_key(|id| {
            let subnet = rows.subnet(*id);
            !subnet.is_some_and(|subnet| source.is_some_and(|at| subnet.cidr.contains(&at)))
        });
        let subnets: Vec<&Subnet> = ids.iter().filter_map(|id| rows.subnet(*id)).collect();
        let routes = subnets.iter().flat_map(|subnet| &subnet.routes);
        let route = routes
            .filter(|route| to.is_some_and(|to| route.destination.contains(&to)))
            .max_by_key(|route| route.destination.prefix_len());
        let family = to.or(source);
        let gateway = subnets
            .iter()
            .filter_map(|subnet| subnet.gateway)
            .find(|gateway| family.is_none_or(|other| other.is_ipv6() == gateway.is_ipv6()));
        let name = rows.network_name(port.network);
        let (hop, step) = if let Some(to) =
            to.filter(|to| subnets.iter().any(|subnet| subnet.cidr.contains(to)))
        {
            let because = format!("{to} is on the same network, {name}");
            let step = Step::passes(spot.clone(), What::Bridge, Reason::OnLink, because);
            (Some(to), step)
        } else if let Some(route) = route {
            let because = format!(
                "by the subnet's route to {} by {}",
                route.destination, route.nexthop
            );
            let step = Step::passes(spot.clone(), What::Bridge, Reason::ByRoute, because);
            (Some(route.nexthop), step)
        } else if let Some(gateway) = gateway {
            let because = format!("on network {name}, by the gateway {gateway}");
            let step = Step::passes(spot.clone(), What::Bridge, Reason::ByRoute, because);
            (Some(gateway), step)
        } else {
            let of = match subnets.first() {
                Some(subnet) => format!(
                    "subnet {} has no gateway",
                    named_or(&subnet.name, subnet.id)
                ),
                None => "the port is on no subnet".to_owned(),
            };
            let to = to.map_or_else(|| "the world".to_owned(), |to| to.to_string());
            let because = format!("{of}, so the guest knows no way to {to}");
            let step = Step::drops(spot.clone(), What::Bridge, Reason::NoGateway, because);
            // It would be the router that is there.
            let router = rows.ports.iter().find(|other| {
                other.network == port.network && other.device_owner == INTERFACE_OWNER
            });
            (
                router.and_then(|router| Some(router.addresses.first()?.address)),
                step,
            )
        };
        self.note(step);
        match hop {
            Some(hop) => self.deliver(port.network, port.host.as_deref(), hop),
            None => Outcome::Ended,
        }
    }

    /// To where metadata is asked for: who answers DHCP tells guests to ask there, or answers on the link, and the node
    /// itself answers on its own networks. Otherwise it goes to the gateway like anything else; by IPv6 it goes nowhere.
    fn metadata(&mut self, port: &Port, spot: &Spot) -> Option<Outcome> {
        let rows = self.rows;
        let mut ports = rows.ports.iter();
        let is_ipv6 = self.packet.is_ipv6();
        let speaks = |one: &Port| !is_ipv6 || one.addresses.iter().any(|at| at.address.is_ipv6());
        let dhcp = ports.find(|one| {
            one.network == port.network && one.device_owner == DHCP_OWNER && speaks(one)
        });
        if let Some(dhcp) = dhcp {
            let because = match is_ipv6 {
                false => "DHCP tells guests to ask for metadata where it is answered itself",
                true => "metadata is answered on the link, where DHCP is",
            };
            let step = Step::passes(spot.clone(), What::Bridge, Reason::ByRoute, because);
            self.note(step);
            self.cross(port.network, port.host.as_deref(), dhcp.host.as_deref());
            return Some(self.service(dhcp));
        }
        if *rows.kind(port.network) != NetworkKind::Local {
            if !is_ipv6 {
                return None;
            }
            let because = "no subnet of IPv6 has DHCP on this network, so metadata is asked for by IPv4 alone";
            self.note(Step::drops(
                spot.clone(),
                What::Bridge,
                Reason::NoAddress,
                because,
            ));
            return Some(Outcome::Ended);
        }
        let step = match self.packet.asks_for_metadata() {
            true => {
                let because = "the node itself answers";
                Step::passes(spot.clone(), What::Service, Reason::Answered, because)
            }
            false => {
                let because = "nothing but metadata, by tcp 80, is answered at this address";
                Step::drops(spot.clone(), What::Service, Reason::RouterItself, because)
            }
        };
        self.note(step);
        Some(Outcome::Ended)
    }
}
