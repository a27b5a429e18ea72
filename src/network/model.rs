//! What networking consists of, as plain values.

mod mac;
mod network;
mod port;
mod subnet;

pub use mac::{mac_parse, mac_random};
pub use network::{Network, NetworkChanges, NetworkQuery, NewNetwork};
pub use port::{
    AddressWish, Addresses, COMPUTE_OWNER, NewPort, Port, PortAddress, PortChanges, PortQuery,
    PortStatus, ServerPortAddress,
};
pub use subnet::{NewSubnet, Pool, Route, Subnet, SubnetChanges, SubnetQuery};
