//! Names of what Skydeck makes on a node. Pure functions of ids, so that nobody has to remember them, neither the node
//! that makes them nor who tells an operator where to look; the prefix tells what is ours. Linux allows 15 bytes.
//! Namespaces and what is in them are named as Neutron's agents name them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use sha2::{Digest, Sha256};

use crate::ids::{NetworkId, PortId, RouterId};

/// Where guests ask for metadata, on whatever network.
pub const METADATA: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);
/// The same by IPv6, on the link of a network that has it.
pub const METADATA6: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0xa9fe, 0xa9fe);

/// Whether guests ask for metadata at this address.
pub fn is_metadata(address: IpAddr) -> bool {
    address == METADATA || address == METADATA6
}

/// Every tap of a port begins so, and nothing else on a node does.
pub const TAP_PREFIX: &str = "sdt-";
/// Every bridge of a network, or of one guest's port, begins so, and nothing else on a node does.
pub const BRIDGE_PREFIX: &str = "sdb-";
/// Every tunnel of a network begins so, and nothing else on a node does.
pub const TUNNEL_PREFIX: &str = "sdx-";
/// The end of every wire on a bridge of a network, or on Open vSwitch, begins so, and nothing else on a node does.
pub const WIRE_PREFIX: &str = "sdv-";
/// The end of every wire on a guest's own bridge begins so, and nothing else on a node does.
pub const PLUG_PREFIX: &str = "sdl-";
/// Every bridge of Open vSwitch to a physical network begins so, and nothing else on a node does.
pub const PHYSICAL_PREFIX: &str = "sdp-";
/// The bridge of Open vSwitch that has guests' ports, by the name that all know it by.
pub const INTEGRATION_BRIDGE: &str = "br-int";
/// A router's interfaces begin so, in its namespace.
pub const INSIDE_PREFIX: &str = "qr-";

/// The tap of a port.
pub fn tap_name(port: PortId) -> String {
    format!("{TAP_PREFIX}{}", port.short())
}

/// The bridge of a network.
pub fn bridge_name(network: NetworkId) -> String {
    format!("{BRIDGE_PREFIX}{}", network.short())
}

/// The bridge of one guest's port, where OVN carries its network.
pub fn port_bridge_name(port: PortId) -> String {
    format!("{BRIDGE_PREFIX}{}", port.short())
}

/// The end on that bridge of the wire from there to Open vSwitch.
pub fn plug_name(port: PortId) -> String {
    format!("{PLUG_PREFIX}{}", port.short())
}

/// The tunnel of a network.
pub fn tunnel_name(network: NetworkId) -> String {
    format!("{TUNNEL_PREFIX}{}", network.short())
}

/// The end on its bridge of the wire to a port in a namespace; where OVN carries the network, of the wire to any port on Open
/// vSwitch.
pub fn wire_name(port: PortId) -> String {
    format!("{WIRE_PREFIX}{}", port.short())
}

/// The interface that answers DHCP, in its namespace.
pub fn dhcp_interface(port: PortId) -> String {
    format!("ns-{}", port.short())
}

/// A router's interface inside, in its namespace.
pub fn inside_interface(port: PortId) -> String {
    format!("{INSIDE_PREFIX}{}", port.short())
}

/// A router's way out, in its namespace.
pub fn outside_interface(port: PortId) -> String {
    format!("qg-{}", port.short())
}

/// The namespace where a network's DHCP is answered.
pub fn dhcp_namespace(network: NetworkId) -> String {
    format!("qdhcp-{network}")
}

/// The namespace where metadata is answered for a network that OVN carries.
pub fn metadata_namespace(network: NetworkId) -> String {
    format!("ovnmeta-{network}")
}

/// The bridge of Open vSwitch to a physical network.
pub fn physical_bridge(physical: &str) -> String {
    format!("{PHYSICAL_PREFIX}{}", shortened(physical))
}

/// The end on our bridge of the wire to a bridge of the machine's that is plugged into a physical network.
pub fn uplink_wire(physical: &str) -> String {
    format!("{WIRE_PREFIX}{}", shortened(physical))
}

/// The other end of that wire.
pub fn uplink_plug(physical: &str) -> String {
    format!("{PLUG_PREFIX}{}", shortened(physical))
}

/// Of the name of a physical network, which may be longer than an interface's.
fn shortened(physical: &str) -> String {
    let digest = Sha256::digest(physical.as_bytes());
    let hexadecimal = digest[..6].iter().map(|byte| format!("{byte:02x}"));
    let mut name = hexadecimal.collect::<String>();
    name.truncate(11);
    name
}

/// The namespace of a router.
pub fn router_namespace(router: RouterId) -> String {
    format!("qrouter-{router}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_an_interface_and_tell_what_is_ours() {
        let (port, network) = (PortId::new(), NetworkId::new());
        for name in [
            tap_name(port),
            bridge_name(network),
            port_bridge_name(port),
            plug_name(port),
            tunnel_name(network),
            wire_name(port),
            physical_bridge("physnet1"),
            uplink_wire("physnet1"),
            uplink_plug("physnet1"),
        ] {
            assert_eq!(name.len(), 15, "{name}");
        }
        for name in [
            dhcp_interface(port),
            inside_interface(port),
            outside_interface(port),
        ] {
            assert!(name.len() <= 15, "{name}");
        }
        assert_ne!(physical_bridge("physnet1"), physical_bridge("physnet2"));
    }
}
