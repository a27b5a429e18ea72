//! What networking consists of, as plain values.

mod agent;
mod floating;
mod mac;
mod network;
mod port;
mod router;
mod subnet;

pub use agent::{AgentDecision, AgentKind, NetworkAgent};
pub use floating::{FloatingIp, FloatingIpChanges, FloatingTarget, NewFloatingIp, TargetWish};
pub use mac::{mac_parse, mac_random};
pub use network::{Network, NetworkChanges, NetworkKind, NetworkQuery, NewNetwork, Provider};
pub use port::{
    AddressWish, Addresses, COMPUTE_OWNER, DHCP_OWNER, FLOATING_OWNER, GATEWAY_OWNER,
    INTERFACE_OWNER, NewPort, Port, PortAddress, PortChanges, PortQuery, PortStatus,
    ServerPortAddress, is_service_owner,
};
pub use router::{
    Gateway, GatewayWish, InterfaceWish, NewRouter, Router, RouterChanges, RouterInterface,
};
pub use subnet::{NewSubnet, Pool, Route, Subnet, SubnetChanges, SubnetQuery};
