//! Names of what Skydeck makes on a node. Pure functions of ids, so that nobody has to remember them; the prefix tells
//! what is ours. Linux allows 15 bytes.

use crate::ids::{NetworkId, PortId};

/// The tap of a port.
pub fn tap_name(port: PortId) -> String {
    format!("sdt-{}", port.short())
}

/// The bridge of a network.
pub fn bridge_name(network: NetworkId) -> String {
    format!("sdb-{}", network.short())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_an_interface_and_tell_what_is_ours() {
        assert_eq!(tap_name(PortId::new()).len(), 15);
        assert!(bridge_name(NetworkId::new()).starts_with("sdb-"));
    }
}
