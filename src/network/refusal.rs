//! Refusals by the names that Neutron's clients know, each with what is in the way.

mod groups;

use std::net::Ipv4Addr;

pub(in crate::network) use groups::*;

use super::ipam::RangeError;
use super::model::{Port, Subnet};
use crate::error::Error;
use crate::ids::{NetworkId, PortId, SubnetId};

/// Ids named in a message at most.
const NAMED: usize = 5;

fn conflict(kind: &'static str, message: String) -> Error {
    Error::Named {
        kind,
        status: 409,
        message,
    }
}

fn invalid(kind: &'static str, message: String) -> Error {
    Error::Named {
        kind,
        status: 400,
        message,
    }
}

pub(super) fn invalid_input(message: impl Into<String>) -> Error {
    invalid("InvalidInput", message.into())
}

/// Only the network's owner and administrators may do this.
pub(super) fn not_owner(field: &str, network: NetworkId) -> Error {
    Error::Named {
        kind: "PolicyNotAuthorized",
        status: 403,
        message: format!(
            "{field}: only the owner of network {network} and administrators may set this"
        ),
    }
}

/// Only administrators may do this.
pub(super) fn not_admin(field: &str) -> Error {
    Error::Named {
        kind: "PolicyNotAuthorized",
        status: 403,
        message: format!("{field}: only administrators may set this"),
    }
}

pub(super) fn ip_in_use(network: NetworkId, address: Ipv4Addr, port: Option<PortId>) -> Error {
    let holder = port.map_or_else(
        || "it is the subnet's gateway".to_owned(),
        |port| format!("port {port} has it"),
    );
    conflict(
        "IpAddressInUse",
        format!(
            "Unable to complete operation for network {network}. The IP address {address} is in use: {holder}."
        ),
    )
}

pub(super) fn no_more_addresses(network: NetworkId, subnets: &[&Subnet]) -> Error {
    let ranges: Vec<String> = subnets
        .iter()
        .take(NAMED)
        .map(|subnet| format!("{} ({})", subnet.id, subnet.cidr))
        .collect();
    conflict(
        "IpAddressGenerationFailure",
        format!(
            "No more IP addresses available on network {network}: every address of subnet {} is given out. Delete ports or add a subnet.",
            ranges.join(", ")
        ),
    )
}

pub(super) fn ip_not_of_subnet(address: Ipv4Addr, subnet: &Subnet) -> Error {
    invalid(
        "InvalidIpForSubnet",
        format!(
            "IP address {address} is not a valid IP for the specified subnet {} ({}).",
            subnet.id, subnet.cidr
        ),
    )
}

pub(super) fn ip_not_of_network(address: Ipv4Addr, network: NetworkId) -> Error {
    invalid(
        "InvalidIpForNetwork",
        format!(
            "IP address {address} is not a valid IP for any of the subnets on the specified network {network}."
        ),
    )
}

pub(super) fn subnet_not_of_network(subnet: SubnetId, network: NetworkId) -> Error {
    invalid_input(format!(
        "fixed_ips: subnet {subnet} is not a subnet of network {network}"
    ))
}

pub(super) fn mac_in_use(network: NetworkId, mac: &str) -> Error {
    conflict(
        "MacAddressInUse",
        format!(
            "Unable to complete operation for network {network}. The mac address {mac} is in use."
        ),
    )
}

pub(super) fn network_in_use(network: NetworkId, ports: &[PortId]) -> Error {
    conflict(
        "NetworkInUse",
        format!(
            "Unable to complete operation on network {network}. There are one or more ports still in use on the network, id for these ports is: {}.",
            some(ports)
        ),
    )
}

pub(super) fn subnet_in_use(subnet: SubnetId, ports: &[PortId]) -> Error {
    conflict(
        "SubnetInUse",
        format!(
            "Unable to complete operation on subnet {subnet}: One or more ports have an IP allocation from this subnet: {}.",
            some(ports)
        ),
    )
}

pub(super) fn shared_in_use(network: NetworkId, port: &Port) -> Error {
    conflict(
        "InvalidSharedSetting",
        format!(
            "Unable to reconfigure sharing settings for network {network}. Multiple tenants are using it: port {} is project {}'s.",
            port.id, port.project
        ),
    )
}

pub(super) fn port_in_use(port: &Port) -> Error {
    conflict(
        "PortInUse",
        format!(
            "Unable to complete operation on port {} for network {}. Port already has an attached device {}.",
            port.id, port.network, port.device_id
        ),
    )
}

pub(super) fn port_bound(port: PortId, host: &str) -> Error {
    conflict(
        "PortBound",
        format!(
            "Unable to complete operation on port {port}: it is bound to {host}, and its guest would lose its network. Detach it first."
        ),
    )
}

pub(super) fn ranges_overlap(cidr: ipnet::Ipv4Net, network: NetworkId, other: &Subnet) -> Error {
    invalid_input(format!(
        "Requested subnet with cidr: {cidr} for network: {network} overlaps with another subnet: {} ({}) of network {}",
        other.id, other.cidr, other.network
    ))
}

pub(super) fn vni_in_use(vni: u32) -> Error {
    conflict(
        "VxlanNetworkInUse",
        format!(
            "Unable to create the network. The tunnel ID {vni} is in use: say another provider:segmentation_id, or none."
        ),
    )
}

pub(super) fn physical_in_use(physical: &str) -> Error {
    conflict(
        "FlatNetworkInUse",
        format!("Unable to create the flat network. Physical network {physical} is in use."),
    )
}

pub(super) fn no_network_available(first: u32, last: u32) -> Error {
    conflict(
        "NoNetworkAvailable",
        format!(
            "Unable to create the network. No available network found: all numbers from {first} to {last} are taken. Delete networks, or let an administrator widen network.vni_range."
        ),
    )
}

/// A network that leads outside is not for everybody's guests.
pub(super) fn not_usable(network: NetworkId) -> Error {
    Error::Named {
        kind: "PolicyNotAuthorized",
        status: 403,
        message: format!(
            "network_id: network {network} leads outside and is not shared: only its owner and administrators may put ports on it; use a router or a floating IP"
        ),
    }
}

impl From<RangeError> for Error {
    fn from(error: RangeError) -> Self {
        let message = error.to_string();
        match error {
            RangeError::Cidr { .. } | RangeError::Gateway { .. } => invalid_input(message),
            RangeError::Backwards(_) => invalid("InvalidAllocationPool", message),
            RangeError::Outside { .. } => invalid("OutOfBoundsAllocationPool", message),
            RangeError::Overlap { .. } => conflict("OverlappingAllocationPools", message),
            RangeError::GatewayInPool { .. } => {
                conflict("GatewayConflictWithAllocationPools", message)
            }
        }
    }
}

fn some(ports: &[PortId]) -> String {
    let mut names: Vec<String> = ports.iter().take(NAMED).map(ToString::to_string).collect();
    if ports.len() > NAMED {
        names.push(format!("and {} more", ports.len() - NAMED));
    }
    names.join(", ")
}
