//! What hangs on what, as lines: routers, their networks, subnets and ports of these. Pure but for the facts it reads.
//!
//! A network is folded until somebody opens it: its line then says how many ports it has and how the worst of them is, so
//! that a hundred ports are one line. What is open is remembered by key; a key is the way to the line, since a network
//! with two routers has two.

use std::collections::{BTreeSet, HashMap};

use crate::compute::wire::Server;
use crate::network::wire::{Network, Port, Router, Subnet};
use crate::tui::format::count;
use crate::tui::glyph::Mood;
use crate::tui::screens::networks::mood;
use crate::tui::state::load::Row;
use crate::tui::view::Facts;

/// `device_owner` of routers' ports inside.
const INTERFACE: &str = "network:router_interface";

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// The way to it.
    pub key: String,
    /// Steps from the left.
    pub depth: u16,
    /// Whether something hangs on it that is shown, or not shown; nothing hangs on it when absent.
    pub is_open: Option<bool>,
    /// Its name.
    pub name: String,
    /// How it is.
    pub state: Option<(Mood, &'static str)>,
    /// What else there is to say.
    pub note: String,
    /// What it is, for going there: kind and id.
    pub thing: Option<(&'static str, String)>,
}

/// Which lines are other than at first: networks are folded then, routers are not.
#[derive(Default)]
pub(super) struct Folds(BTreeSet<String>);

impl Folds {
    /// Folds or unfolds a line.
    pub fn turn(&mut self, key: &str) {
        if !self.0.remove(key) {
            self.0.insert(key.to_owned());
        }
    }

    fn is_open(&self, key: &str, at_first: bool) -> bool {
        self.0.contains(key) != at_first
    }
}

struct Known<'a> {
    facts: Facts<'a>,
    ports: HashMap<&'a str, Vec<&'a Port>>,
    folds: &'a Folds,
}

/// All lines.
pub(super) fn lines<'a>(facts: &Facts<'a>, folds: &'a Folds) -> Vec<Line> {
    let data = facts.data;
    let mut ports: HashMap<&str, Vec<&Port>> = HashMap::new();
    for port in data.rows::<Port>() {
        ports.entry(&port.network_id).or_default().push(port);
    }
    let known = Known {
        facts: *facts,
        ports,
        folds,
    };
    let mut lines = Vec::new();
    let mut joined: BTreeSet<&str> = BTreeSet::new();
    for router in data.rows::<Router>() {
        let all = data.rows::<Port>().iter();
        let inside =
            all.filter(|port| port.device_id == router.id && port.device_owner == INTERFACE);
        let mut networks: Vec<&str> = inside.map(|port| port.network_id.as_str()).collect();
        networks.sort_unstable();
        networks.dedup();
        joined.extend(&networks);
        known.router(router, &networks, &mut lines);
    }
    let rest: Vec<&Network> = data
        .rows::<Network>()
        .iter()
        .filter(|network| !joined.contains(network.id.as_str()))
        .collect();
    if !rest.is_empty() {
        let key = "none".to_owned();
        let is_open = folds.is_open(&key, true);
        lines.push(Line {
            depth: 0,
            is_open: Some(is_open),
            name: "without a router".to_owned(),
            state: None,
            note: count(rest.len(), "network"),
            thing: None,
            key: key.clone(),
        });
        for network in rest.iter().filter(|_| is_open) {
            known.network(network, &key, &mut lines);
        }
    }
    lines
}

impl Known<'_> {
    fn router(&self, router: &Router, networks: &[&str], lines: &mut Vec<Line>) {
        let key = router.id.clone();
        let is_open = self.folds.is_open(&key, true);
        let data = self.facts.data;
        let way = router.external_gateway_info.as_ref().and_then(|way| {
            let network = data.name_of::<Network>(way.network_id.as_deref()?);
            let address = way.external_fixed_ips.as_ref().and_then(|ips| ips.first());
            let address = address.and_then(|ip| ip.ip_address.as_deref());
            Some(format!(
                "out by {network}, {}",
                address.unwrap_or("no address")
            ))
        });
        lines.push(Line {
            depth: 0,
            is_open: (!networks.is_empty()).then_some(is_open),
            name: format!("router {}", router.name),
            state: Some(mood(&router.status, router.admin_state_up)),
            note: way.unwrap_or_else(|| "no way out".to_owned()),
            thing: Some((Router::KIND, router.id.clone())),
            key: key.clone(),
        });
        let found = networks.iter().filter_map(|id| data.get::<Network>(id));
        for network in found.filter(|_| is_open) {
            self.network(network, &key, lines);
        }
    }

    fn network(&self, network: &Network, above: &str, lines: &mut Vec<Line>) {
        let key = format!("{above}/{}", network.id);
        let is_open = self.folds.is_open(&key, false);
        let none = Vec::new();
        let ports = self.ports.get(network.id.as_str()).unwrap_or(&none);
        let data = self.facts.data;
        let mut subnets: Vec<&Subnet> = data.rows::<Subnet>().iter().collect();
        subnets.retain(|subnet| subnet.network_id == network.id);
        let has_more = !subnets.is_empty() || !ports.is_empty();
        let own = mood(&network.status, network.admin_state_up);
        let (state, note) = match is_open {
            true => (own, kind(network)),
            false => (worst(own, ports), summary(kind(network), ports)),
        };
        lines.push(Line {
            depth: 1,
            is_open: has_more.then_some(is_open),
            name: format!("network {}", network.name),
            state: Some(state),
            note,
            thing: Some((Network::KIND, network.id.clone())),
            key: key.clone(),
        });
        if !is_open {
            return;
        }
        for subnet in subnets {
            let gateway = subnet.gateway_ip.as_deref();
            lines.push(Line {
                key: format!("{key}/{}", subnet.id),
                depth: 2,
                is_open: None,
                name: format!("subnet {}", subnet.name),
                state: None,
                note: match gateway {
                    Some(gateway) => format!("{}, gateway {gateway}", subnet.cidr),
                    None => format!("{}, no gateway", subnet.cidr),
                },
                thing: Some((Subnet::KIND, subnet.id.clone())),
            });
        }
        for port in ports {
            lines.push(self.port(port, &key));
        }
    }

    fn port(&self, port: &Port, above: &str) -> Line {
        let address = port.fixed_ips.first();
        let address = address.and_then(|ip| ip.ip_address.as_deref());
        let holder = match self.facts.data.get::<Server>(&port.device_id) {
            Some(server) => server.name.as_str(),
            None => port.device_owner.rsplit(':').next().unwrap_or_default(),
        };
        let note = match port.host_id.as_deref().filter(|host| !host.is_empty()) {
            Some(host) => format!("{holder} on {host}"),
            None => holder.to_owned(),
        };
        Line {
            key: format!("{above}/{}", port.id),
            depth: 2,
            is_open: None,
            name: address.unwrap_or(&port.mac_address).to_owned(),
            state: Some(mood(&port.status, port.admin_state_up)),
            note,
            thing: Some((Port::KIND, port.id.clone())),
        }
    }
}

fn kind(network: &Network) -> String {
    let kind = network.provider_network_type.clone().unwrap_or_default();
    match network.external {
        true => format!("{kind} outside").trim().to_owned(),
        false => kind,
    }
}

/// Whether a port is anywhere; what holds a floating IP is not.
fn has_state(port: &Port) -> bool {
    port.status != "N/A"
}

/// The worst of a network and its ports.
fn worst(own: (Mood, &'static str), ports: &[&Port]) -> (Mood, &'static str) {
    let rank = |mood: Mood| match mood {
        Mood::Bad => 0,
        Mood::Warn => 1,
        Mood::Off => 2,
        Mood::Busy => 3,
        Mood::Unknown => 4,
        Mood::Good => 5,
    };
    let states = ports
        .iter()
        .filter(|port| has_state(port))
        .map(|port| mood(&port.status, port.admin_state_up));
    // The first of equals, which is the network's own.
    let all = std::iter::once(own).chain(states);
    all.min_by_key(|(mood, _)| rank(*mood)).unwrap_or(own)
}

/// `vxlan, 12 ports, 2 down`.
fn summary(kind: String, ports: &[&Port]) -> String {
    let mut words: Vec<(&str, usize)> = Vec::new();
    for port in ports.iter().filter(|port| has_state(port)) {
        let (mood, word) = mood(&port.status, port.admin_state_up);
        if mood == Mood::Good {
            continue;
        }
        match words.iter_mut().find(|(known, _)| *known == word) {
            Some((_, times)) => *times += 1,
            None => words.push((word, 1)),
        }
    }
    let mut parts = vec![kind, count(ports.len(), "port")];
    parts.retain(|part| !part.is_empty());
    parts.extend(words.iter().map(|(word, times)| format!("{times} {word}")));
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use crate::tui::testing::{Lab, fixture};

    /// A network of a hundred ports, two of which are down, and a router.
    fn crowded() -> Lab {
        let port = |at: usize| {
            let status = if at < 2 { "DOWN" } else { "ACTIVE" };
            serde_json::json!({"id": format!("p{at}"), "network_id": "n", "status": status, "admin_state_up": true,
                "device_owner": "compute:nova", "fixed_ips": [{"ip_address": format!("10.0.0.{at}")}]})
        };
        let mut ports: Vec<_> = (0..100).map(port).collect();
        ports.push(serde_json::json!({"id": "i", "network_id": "n", "status": "ACTIVE", "admin_state_up": true,
            "device_owner": "network:router_interface", "device_id": "r"}));
        let network = serde_json::json!({"networks": [{"id": "n", "name": "blue", "status": "ACTIVE", "admin_state_up": true}]});
        let router = serde_json::json!({"routers": [{"id": "r", "name": "edge", "status": "ACTIVE", "admin_state_up": true}]});
        let mut answers = vec![
            (
                "/network/v2.0/ports".to_owned(),
                serde_json::json!({"ports": ports}),
            ),
            ("/network/v2.0/networks".to_owned(), network),
            ("/network/v2.0/routers".to_owned(), router),
        ];
        answers.extend(fixture::busy());
        Lab::on(answers, (80, 24), &Default::default())
    }

    #[test]
    fn a_hundred_ports_are_one_line_that_says_how_the_worst_is() {
        let mut lab = crowded();
        lab.press(r#": "topology" enter"#);
        let picture = lab.picture();
        let line = |picture: &str, name: &str| {
            let mut lines = picture.lines();
            lines
                .find(|line| line.contains(name))
                .unwrap_or_default()
                .to_owned()
        };
        let folded = line(&picture, "network blue");
        assert!(
            folded.contains("101 ports, 2 down") && folded.contains("down"),
            "{picture}"
        );
        assert!(!picture.contains("10.0.0.5"), "{picture}");
        // Open, up to what it hangs on, and folded again.
        lab.press("j l");
        assert!(lab.picture().contains("10.0.0.5"), "{}", lab.picture());
        lab.press("j j h");
        let at = line(&lab.picture(), "▌");
        assert!(at.contains("network blue"), "{at}");
        lab.press("space");
        assert!(!lab.picture().contains("10.0.0.5"), "{}", lab.picture());
        // What is there is one key away.
        lab.press("enter");
        assert!(lab.picture().contains("blue"), "{}", lab.picture());
    }
}
