//! Refusals by the names that Neutron's clients know, each with what is in the way.

mod groups;

use std::net::{IpAddr, Ipv4Addr};

pub(in crate::network) use groups::*;

use super::ipam::RangeError;
use super::model::{FloatingIp, Port, Route, Subnet};
use crate::error::Error;
use crate::ids::{NetworkId, PortId, RouterId, SubnetId};

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

pub(super) fn ip_in_use(network: NetworkId, address: IpAddr, port: Option<PortId>) -> Error {
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

pub(super) fn ip_not_of_subnet(address: IpAddr, subnet: &Subnet) -> Error {
    invalid(
        "InvalidIpForSubnet",
        format!(
            "IP address {address} is not a valid IP for the specified subnet {} ({}).",
            subnet.id, subnet.cidr
        ),
    )
}

pub(super) fn ip_not_of_network(address: IpAddr, network: NetworkId) -> Error {
    invalid(
        "InvalidIpForNetwork",
        format!(
            "IP address {address} is not a valid IP for any of the subnets on the specified network {network}."
        ),
    )
}

/// Who is on such a subnet has the address that it makes itself, and no other one.
pub(super) fn ip_on_auto(address: IpAddr, subnet: &Subnet) -> Error {
    let mode = subnet.address_mode.or(subnet.ra_mode);
    invalid(
        "AllocationOnAutoAddressSubnet",
        format!(
            "IPv6 address {address} can not be directly assigned to a port on subnet {} with {} address mode. Name no address: the port gets the one of its Ethernet address.",
            subnet.id,
            mode.map_or("no", |mode| mode.name())
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

pub(super) fn ranges_overlap(cidr: ipnet::IpNet, network: NetworkId, other: &Subnet) -> Error {
    invalid_input(format!(
        "Requested subnet with cidr: {cidr} for network: {network} overlaps with another subnet: {} ({}) of network {}",
        other.id, other.cidr, other.network
    ))
}

pub(super) fn mtu_too_small(network: NetworkId, mtu: u32, least: u32) -> Error {
    conflict(
        "NetworkMTUSubnetConflict",
        format!(
            "The MTU of network {network}, {mtu}, is too small for subnets of IPv6, which need {least}."
        ),
    )
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

pub(super) fn bad_request(message: impl Into<String>) -> Error {
    invalid("BadRequest", message.into())
}

fn missing(kind: &'static str, message: String) -> Error {
    Error::Named {
        kind,
        status: 404,
        message,
    }
}

pub(super) fn not_external(network: NetworkId) -> Error {
    bad_request(format!(
        "Network {network} is not a valid external network: it does not lead outside (router:external)"
    ))
}

pub(super) fn external_in_use(network: NetworkId) -> Error {
    conflict(
        "ExternalNetworkInUse",
        format!(
            "External network {network} cannot be updated to be made non-external, since it has existing gateway ports or floating IPs."
        ),
    )
}

pub(super) fn router_in_use(router: RouterId, port: PortId) -> Error {
    conflict(
        "RouterInUse",
        format!("Router {router} still has ports: {port}. Remove its interfaces first."),
    )
}

pub(super) fn gateway_in_use(router: RouterId, network: NetworkId) -> Error {
    conflict(
        "RouterExternalGatewayInUseByFloatingIp",
        format!(
            "Gateway cannot be updated for router {router}, since a gateway to external network {network} is required by one or more floating IPs."
        ),
    )
}

pub(super) fn router_overlap(router: RouterId, new: &Subnet, have: &Subnet) -> Error {
    bad_request(format!(
        "Cidr {} of subnet {} overlaps with cidr {} of subnet {}, which router {router} is on",
        new.cidr, new.id, have.cidr, have.id
    ))
}

pub(super) fn no_interface(router: RouterId, port: PortId) -> Error {
    missing(
        "RouterInterfaceNotFound",
        format!("Router {router} does not have an interface with id {port}"),
    )
}

pub(super) fn no_interface_on(router: RouterId, subnet: SubnetId) -> Error {
    missing(
        "RouterInterfaceNotFoundForSubnet",
        format!("Router {router} has no interface on subnet {subnet}"),
    )
}

pub(super) fn interface_floating(
    router: RouterId,
    subnet: SubnetId,
    floating: &FloatingIp,
) -> Error {
    conflict(
        "RouterInterfaceInUseByFloatingIP",
        format!(
            "Router interface for subnet {subnet} on router {router} cannot be deleted, as it is required by one or more floating IPs: {} ({}).",
            floating.address, floating.id
        ),
    )
}

pub(super) fn interface_routed(router: RouterId, subnet: SubnetId, route: &Route) -> Error {
    conflict(
        "RouterInterfaceInUseByRoute",
        format!(
            "Router interface for subnet {subnet} on router {router} cannot be deleted, as it is required by one or more routes: {} via {}.",
            route.destination, route.nexthop
        ),
    )
}

pub(super) fn invalid_routes(route: &Route, why: &str) -> Error {
    invalid(
        "InvalidRoutes",
        format!(
            "Invalid format for routes: {} via {}, {why}",
            route.destination, route.nexthop
        ),
    )
}

pub(super) fn routes_exhausted(router: RouterId, most: usize) -> Error {
    invalid(
        "RoutesExhausted",
        format!(
            "Unable to complete operation for {router}. The number of routes exceeds the maximum {most}."
        ),
    )
}

pub(super) fn floating_taken(
    wanted: &FloatingIp,
    has: &FloatingIp,
    port: PortId,
    fixed: Ipv4Addr,
) -> Error {
    conflict(
        "FloatingIPPortAlreadyAssociated",
        format!(
            "Cannot associate floating IP {} ({}) with port {port} using fixed IP {fixed}, as that fixed IP already has a floating IP on external network {}: {}.",
            wanted.address, wanted.id, has.network, has.address
        ),
    )
}

pub(super) fn not_reachable(network: NetworkId, subnet: SubnetId, port: PortId) -> Error {
    missing(
        "ExternalGatewayForFloatingIPNotFound",
        format!(
            "External network {network} is not reachable from subnet {subnet}. Therefore, cannot associate Port {port} with a Floating IP: a router must have an interface on the subnet and its gateway on the network."
        ),
    )
}

/// A port of the cloud's own is not changed or deleted by itself.
pub(super) fn service_port(port: &Port) -> Error {
    let way = match port.device_owner.as_str() {
        super::model::DHCP_OWNER => {
            "switch the subnets' DHCP off, or move it (network agent add network)"
        }
        super::model::FLOATING_OWNER => "delete the floating IP",
        super::model::GATEWAY_OWNER => "change the router's external gateway",
        _ => "remove the interface from the router",
    };
    conflict(
        "ServicePortInUse",
        format!(
            "Port {} cannot be changed so or deleted directly via the port API: it has device owner {} and belongs to {}. Instead, {way}.",
            port.id, port.device_owner, port.device_id
        ),
    )
}

/// Such ports are made by what they are for.
pub(super) fn service_owner(owner: &str) -> Error {
    invalid_input(format!(
        "device_owner: ports of {owner} are made by the cloud itself, with routers, floating IPs and DHCP"
    ))
}

pub(super) fn gateway_ip_in_use(gateway: IpAddr, port: PortId) -> Error {
    conflict(
        "GatewayIpInUse",
        format!("Current gateway ip {gateway} already in use by port {port}. Unable to update."),
    )
}

pub(super) fn not_plugged(port: PortId, host: &str, physical: &str) -> Error {
    conflict(
        "PortBindingFailed",
        format!(
            "Binding failed for port {port}: {host} is not plugged into the physical network {physical} (agent.physical_networks)"
        ),
    )
}

pub(super) fn not_hosted(kind: &'static str, message: String) -> Error {
    missing(kind, message)
}

impl From<RangeError> for Error {
    fn from(error: RangeError) -> Self {
        let message = error.to_string();
        match error {
            RangeError::Cidr { .. } | RangeError::Gateway { .. } | RangeError::Family { .. } => {
                invalid_input(message)
            }
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
