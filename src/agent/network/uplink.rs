//! Ways of a node into physical networks: pure.
//!
//! An interface that is plugged into one is put on the bridge of the network that leads there, and is ours from then on. Where
//! the machine has a bridge of its own there already, with its own addresses or others' guests, that bridge stays as it is,
//! and a wire leads from it to ours.

use super::links::Link;
use super::plug::Plug;
use crate::network::names::{BRIDGE_PREFIX, uplink_plug, uplink_wire};

/// A way into a physical network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uplink {
    /// What is put on our bridge: an interface of the machine's, or an end of the wire.
    pub interface: String,
    /// The wire, where the way leads over a bridge of the machine's.
    pub plug: Option<Plug>,
}

impl Uplink {
    /// The way into the network `physical` by what the node calls `interface`; why there is none. `has_address` is whether
    /// the machine has an address there.
    pub fn new(
        physical: &str,
        interface: &str,
        links: &[Link],
        has_address: bool,
    ) -> Result<Self, String> {
        let link = links.iter().find(|link| link.name == interface);
        let link = link.ok_or_else(|| {
            format!("this node has no interface {interface}, which agent.physical_networks names")
        })?;
        if link.is_bridge {
            let plug = Plug {
                inner: uplink_plug(physical),
                bridge: interface.to_owned(),
                checksums: false,
                mtu: link.mtu,
            };
            return Ok(Self {
                interface: uplink_wire(physical),
                plug: Some(plug),
            });
        }
        let on = links
            .iter()
            .find(|other| Some(other.index) == link.controller);
        if let Some(bridge) = on.filter(|on| on.is_bridge && !on.name.starts_with(BRIDGE_PREFIX)) {
            return Err(format!(
                "{interface} is on this machine's bridge {bridge}: name {bridge} in agent.physical_networks, and both can be used",
                bridge = bridge.name
            ));
        }
        if has_address {
            return Err(format!(
                "{interface} has addresses of this node's own, which would be lost on the bridge: give the network an interface without, or put {interface} and its addresses on a bridge and name that"
            ));
        }
        Ok(Self {
            interface: interface.to_owned(),
            plug: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(index: u32, name: &str, controller: Option<u32>, is_bridge: bool) -> Link {
        Link {
            index,
            name: name.to_owned(),
            mtu: 9000,
            mac: [0; 6],
            up: true,
            controller,
            is_bridge,
            tunnel: None,
            port: super::super::links::PortFlags::default(),
        }
    }

    #[test]
    fn a_way_is_an_interface_or_a_wire_to_a_bridge_of_the_machine() {
        let links = [
            link(1, "eth0", Some(2), false),
            link(2, "vmbr0", None, true),
            link(3, "eth1", None, false),
            link(4, "eth2", Some(5), false),
            link(5, "sdb-0123456789a", None, true),
        ];
        let way = |name: &str, has_address| Uplink::new("lan", name, &links, has_address);
        // A bridge may have addresses; so may not what is to go on one.
        let over = way("vmbr0", true).unwrap();
        let plug = over.plug.unwrap();
        assert_eq!((plug.bridge.as_str(), plug.mtu), ("vmbr0", 9000));
        assert_ne!(over.interface, plug.inner);
        for own in ["eth1", "eth2"] {
            let by = way(own, false).unwrap();
            assert_eq!((by.interface.as_str(), by.plug), (own, None));
        }
        for (name, has_address, reason) in [
            ("eth0", false, "name vmbr0"),
            ("eth1", true, "has addresses"),
            ("eth9", false, "no interface eth9"),
        ] {
            let refused = way(name, has_address).unwrap_err();
            assert!(refused.contains(reason), "{refused}");
        }
    }
}
