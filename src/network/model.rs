//! What networking consists of, as plain values.

mod agent;
mod floating;
mod mac;
mod network;
mod port;
mod protocol;
mod rbac;
mod router;
mod security_group;
mod security_rule;
mod subnet;

pub use agent::{AgentDecision, AgentKind, NetworkAgent};
pub use floating::{FloatingIp, FloatingIpChanges, FloatingTarget, NewFloatingIp, TargetWish};
pub use mac::{mac_interface_id, mac_of_interface_id, mac_parse, mac_random};
pub use network::{Network, NetworkChanges, NetworkKind, NetworkQuery, NewNetwork, Provider};
pub use port::{
    AddressPair, AddressWish, Addresses, COMPUTE_OWNER, DHCP_OWNER, FLOATING_OWNER, GATEWAY_OWNER,
    INTERFACE_OWNER, NewPort, Port, PortAddress, PortChanges, PortQuery, PortStatus,
    ServerPortAddress, is_service_owner,
};
pub use protocol::Protocol;
pub use rbac::{NewRbacPolicy, RbacAction, RbacKind, RbacPolicy, RbacTarget};
pub use router::{
    Gateway, GatewayWish, InterfaceWish, NewRouter, Router, RouterChanges, RouterInterface,
};
pub use security_group::{
    DEFAULT_GROUP, NewSecurityGroup, SecurityGroup, SecurityGroupChanges, SecurityGroupQuery,
};
pub use security_rule::{Direction, Ethertype, NewSecurityRule, Remote, RuleError, SecurityRule};
pub use subnet::{Ipv6Mode, NewSubnet, Pool, Route, Subnet, SubnetChanges, SubnetQuery};
