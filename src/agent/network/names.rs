//! Names of what Skydeck makes on a node. Pure functions of ids, so that nobody has to remember them; the prefix tells
//! what is ours. Linux allows 15 bytes.

use crate::ids::{NetworkId, PortId};

/// Every tap of a port begins so, and nothing else on a node does.
pub const TAP_PREFIX: &str = "sdt-";
/// Every bridge of a network begins so, and nothing else on a node does.
pub const BRIDGE_PREFIX: &str = "sdb-";

/// The tap of a port.
pub fn tap_name(port: PortId) -> String {
    format!("{TAP_PREFIX}{}", port.short())
}

/// The bridge of a network.
pub fn bridge_name(network: NetworkId) -> String {
    format!("{BRIDGE_PREFIX}{}", network.short())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_an_interface_and_tell_what_is_ours() {
        assert_eq!(tap_name(PortId::new()).len(), 15);
        assert_eq!(bridge_name(NetworkId::new()).len(), 15);
    }
}
