//! What Open vSwitch shall have on a node that is a chassis of OVN, and what differs: pure.
//!
//! That is the integration bridge, a bridge for each physical network with the interface to it, the ends of the wires to
//! guests' bridges and namespaces, and the settings that ovn-controller reads (ovn-controller(8)); it makes everything else.
//!
//! Invariant: bridges and ports of ours carry [`MARK`]; what the settings and the integration bridge were is noted before they
//! are changed. So a node that is no chassis any more gives back what it found, and what others have in Open vSwitch is never
//! touched.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

use super::blueprint::Site;
use super::plug::Plug;
use super::uplink::Uplink;
use crate::network::names::{INTEGRATION_BRIDGE, physical_bridge};
use crate::network::rpc::OvnSpec;

/// By this in its `external_ids` a bridge or an interface is ours.
pub const MARK: &str = "skydeck";
/// The setting that names the chassis.
pub const IDENTITY: &str = "system-id";
/// The settings that are ours on a chassis.
pub const SETTINGS: [&str; 6] = [
    IDENTITY,
    "ovn-remote",
    "ovn-encap-type",
    "ovn-encap-ip",
    "ovn-bridge-mappings",
    "ovn-bridge-datapath-type",
];

/// What carries the packets of Open vSwitch's bridges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Datapath {
    /// The kernel's module.
    #[default]
    Kernel,
    /// Open vSwitch itself, where the kernel has no such module. It takes packets only with their checksums.
    User,
}

impl Datapath {
    /// The one on this node: where both are possible, that of an integration bridge which is there.
    pub fn of(seen: &SeenSwitch, has_module: bool) -> Self {
        let bridge = seen.bridges.get(INTEGRATION_BRIDGE);
        let is_user = bridge.is_some_and(|bridge| bridge.datapath == Self::User);
        if is_user || !has_module {
            Self::User
        } else {
            Self::Kernel
        }
    }

    /// Open vSwitch's name for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Kernel => "system",
            Self::User => "netdev",
        }
    }
}

/// Open vSwitch as it shall be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Switch {
    /// What carries packets.
    pub datapath: Datapath,
    /// Those of [`SETTINGS`] that have a value.
    pub settings: BTreeMap<String, String>,
    /// The integration bridge, which all of OVN's share, and those to physical networks, which have our marks.
    pub bridges: BTreeMap<String, Option<String>>,
    /// Interfaces of ours by name: ends of wires, and those to physical networks.
    pub ports: BTreeMap<String, SwitchPort>,
}

/// An interface as it shall be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SwitchPort {
    /// The bridge it is on.
    pub bridge: String,
    /// The port it is for OVN, if it is one.
    pub iface_id: Option<String>,
    /// What it is for, which marks it as ours.
    pub mark: String,
}

impl SwitchPort {
    /// What it says of itself.
    fn ids(&self) -> BTreeMap<String, String> {
        let mut ids = BTreeMap::from([(MARK.to_owned(), self.mark.clone())]);
        ids.extend(self.iface_id.clone().map(|id| (IFACE_ID.to_owned(), id)));
        ids
    }
}

const IFACE_ID: &str = "iface-id";

/// Open vSwitch as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeenSwitch {
    /// Whether the node is a chassis by us: what was before is noted.
    pub is_joined: bool,
    /// All settings.
    pub settings: BTreeMap<String, String>,
    /// What the next start of Open vSwitch names the chassis, if it does.
    pub identity: Option<String>,
    /// All bridges.
    pub bridges: BTreeMap<String, SeenSwitchBridge>,
    /// All interfaces.
    pub ports: BTreeMap<String, SeenPort>,
    /// Whether it has a certificate for TLS, which is ovn-controller's as well.
    pub has_certificate: bool,
}

/// A bridge as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeenSwitchBridge {
    /// What carries its packets.
    pub datapath: Datapath,
    /// Whether it forwards nothing unless it is told to.
    pub is_secure: bool,
    /// Our mark, if it has it.
    pub mark: Option<String>,
}

/// An interface as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeenPort {
    /// The bridge it is on.
    pub bridge: String,
    /// What it says of itself.
    pub ids: BTreeMap<String, String>,
    /// Whether there is such an interface on the machine.
    pub works: bool,
}

impl SeenPort {
    fn is_ours(&self) -> bool {
        self.ids.contains_key(MARK)
    }
}

/// One thing to do, each a transaction of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SwitchChange {
    /// Note what the settings are, before the first change.
    Join,
    /// Make a bridge.
    BridgeMake(String),
    /// Give a bridge its settings again.
    BridgeMend(String),
    /// Remove a bridge.
    BridgeRemove(String),
    /// Give the settings their values.
    Settings,
    /// Put an interface on a bridge, and have it say what it shall say.
    PortAdd {
        /// Its name.
        name: String,
        /// The bridge.
        bridge: String,
        /// What it says of itself.
        ids: BTreeMap<String, String>,
    },
    /// Take an interface from its bridge.
    PortRemove(String),
    /// Give the settings the values they had before.
    Leave,
}

impl fmt::Display for SwitchChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Join => f.write_str("settings noted as they were"),
            Self::BridgeMake(bridge) => write!(f, "bridge {bridge} made"),
            Self::BridgeMend(bridge) => write!(f, "bridge {bridge} mended"),
            Self::BridgeRemove(bridge) => write!(f, "bridge {bridge} removed"),
            Self::Settings => f.write_str("settings for OVN set"),
            Self::PortAdd { name, bridge, .. } => write!(f, "{name} put on {bridge}"),
            Self::PortRemove(name) => write!(f, "{name} taken from its bridge"),
            Self::Leave => f.write_str("settings for OVN given back"),
        }
    }
}

/// Wires to bridges of the machine's that lead into physical networks, by their ends on Open vSwitch.
pub fn plugs(site: &Site) -> BTreeMap<String, Plug> {
    let uplinks = site.physical.values().flatten();
    let wire = |uplink: &Uplink| {
        let plug = Plug {
            checksums: site.datapath == Datapath::User,
            ..uplink.plug.clone()?
        };
        Some((uplink.interface.clone(), plug))
    };
    uplinks.filter_map(wire).collect()
}

/// The settings and bridges of a node that is a chassis; what is missing for it is named.
pub fn switch(ovn: &OvnSpec, site: &Site, problems: &mut Vec<String>) -> Switch {
    let mut switch = Switch {
        datapath: site.datapath,
        bridges: [(INTEGRATION_BRIDGE.to_owned(), None)].into(),
        ..Switch::default()
    };
    let mut mappings = Vec::new();
    for (physical, interface) in &site.physical {
        let interface = match interface {
            Ok(uplink) => &uplink.interface,
            Err(why) => {
                problems.push(format!("physical network {physical}: {why}"));
                continue;
            }
        };
        let bridge = physical_bridge(physical);
        mappings.push(format!("{physical}:{bridge}"));
        let port = SwitchPort {
            bridge: bridge.clone(),
            iface_id: None,
            mark: physical.clone(),
        };
        switch.ports.insert(interface.clone(), port);
        switch.bridges.insert(bridge, Some(physical.clone()));
    }
    if site.encapsulation.is_none() {
        problems.push(
            "this node does not know its own address, so OVN has no tunnels to it: say it as agent.tunnel_ip"
                .to_owned(),
        );
    }
    if !is_remote(&ovn.southbound) {
        problems.push(format!(
            "{:?} is no place of OVN's southbound database: network.ovn_southbound is like tcp:192.0.2.1:6642",
            ovn.southbound
        ));
        return switch;
    }
    if !site.has_certificate && ovn.southbound.split(',').any(|one| one.starts_with("ssl:")) {
        problems.push(
            "OVN's southbound database wants to know this node under TLS, and Open vSwitch has no certificate for it: ovs-vsctl set-ssl KEY CERTIFICATE AUTHORITY"
                .to_owned(),
        );
    }
    let address = site.encapsulation.as_ref().map(IpAddr::to_string);
    let values = [
        ovn.chassis.clone(),
        ovn.southbound.clone(),
        "geneve".to_owned(),
        address.unwrap_or_default(),
        mappings.join(","),
        site.datapath.word().to_owned(),
    ];
    let pairs = SETTINGS.iter().map(|key| (*key).to_owned()).zip(values);
    switch.settings = pairs.filter(|(_, value)| !value.is_empty()).collect();
    switch
}

/// Whether this is one place of a database, or several with commas between.
fn is_remote(text: &str) -> bool {
    text.len() <= 1024
        && text.split(',').all(|one| {
            let parts = one.split_once(':');
            parts.is_some_and(|(kind, place)| {
                matches!(kind, "tcp" | "ssl" | "unix")
                    && !place.is_empty()
                    && place
                        .chars()
                        .all(|c| c.is_ascii_alphanumeric() || ":.[]%/_-".contains(c))
            })
        })
}

/// What to do so that Open vSwitch becomes `wanted`, in this order; nothing is wanted on a node that is no chassis. `remade`
/// are wires whose end Open vSwitch may hold although it is gone.
pub fn plan(
    wanted: Option<&Switch>,
    seen: &SeenSwitch,
    remade: &BTreeSet<&String>,
) -> Vec<SwitchChange> {
    let Some(wanted) = wanted else {
        return departures(&Switch::default(), seen)
            .into_iter()
            .chain(seen.is_joined.then_some(SwitchChange::Leave))
            .collect();
    };
    let mut changes = Vec::new();
    if !seen.is_joined {
        changes.push(SwitchChange::Join);
    }
    changes.extend(departures(wanted, seen));
    for (name, mark) in &wanted.bridges {
        let is_secure = mark.is_none();
        match seen.bridges.get(name) {
            None => changes.push(SwitchChange::BridgeMake(name.clone())),
            Some(bridge) => {
                let as_it_shall_be = bridge.datapath == wanted.datapath
                    && bridge.is_secure == is_secure
                    && (mark.is_none() || bridge.mark == *mark);
                if !as_it_shall_be {
                    changes.push(SwitchChange::BridgeMend(name.clone()));
                }
            }
        }
    }
    let is_set = |key: &&str| seen.settings.get(*key) == wanted.settings.get(*key);
    let names = wanted.settings.get(IDENTITY).zip(seen.identity.as_ref());
    let is_renamed = names.is_some_and(|(name, other)| name != other);
    if is_renamed || !SETTINGS.iter().all(is_set) {
        changes.push(SwitchChange::Settings);
    }
    for (name, port) in &wanted.ports {
        let there = seen.ports.get(name);
        let ids = port.ids();
        // Only by taking it out Open vSwitch learns that there is another interface by this name.
        let is_stale = |there: &SeenPort| there.bridge != port.bridge || !there.works;
        let is_replaced = there.is_some_and(|there| is_stale(there) || remade.contains(name));
        let is_named = |there: &SeenPort| {
            let mut all = ids.iter();
            all.all(|(key, value)| there.ids.get(key) == Some(value))
        };
        if is_replaced {
            changes.push(SwitchChange::PortRemove(name.clone()));
        }
        if is_replaced || !there.is_some_and(is_named) {
            changes.push(SwitchChange::PortAdd {
                name: name.clone(),
                bridge: port.bridge.clone(),
                ids,
            });
        }
    }
    changes
}

/// What of ours is not wanted.
fn departures(wanted: &Switch, seen: &SeenSwitch) -> Vec<SwitchChange> {
    let goes =
        |name: &String| seen.bridges[name].mark.is_some() && !wanted.bridges.contains_key(name);
    let bridges: Vec<&String> = seen.bridges.keys().filter(|name| goes(name)).collect();
    let ports = seen.ports.iter().filter(|(name, port)| {
        let unwanted = port.is_ours() && !wanted.ports.contains_key(*name);
        // Those of a bridge go with it.
        unwanted && !bridges.contains(&&port.bridge)
    });
    let ports = ports.map(|(name, _)| SwitchChange::PortRemove(name.clone()));
    let removed = bridges.iter();
    let removed = removed.map(|name| SwitchChange::BridgeRemove((*name).clone()));
    ports.chain(removed).collect()
}

/// How it is once it is made so.
pub fn remembered(switch: &Switch) -> SeenSwitch {
    let bridges = switch.bridges.iter().map(|(name, mark)| {
        let seen = SeenSwitchBridge {
            datapath: switch.datapath,
            is_secure: mark.is_none(),
            mark: mark.clone(),
        };
        (name.clone(), seen)
    });
    let ports = switch.ports.iter().map(|(name, port)| {
        let seen = SeenPort {
            bridge: port.bridge.clone(),
            ids: port.ids(),
            works: true,
        };
        (name.clone(), seen)
    });
    SeenSwitch {
        is_joined: true,
        settings: switch.settings.clone(),
        bridges: bridges.collect(),
        ports: ports.collect(),
        // What others say of it makes no difference to a plan.
        identity: None,
        has_certificate: false,
    }
}

#[cfg(test)]
#[path = "vswitch_tests.rs"]
mod tests;
