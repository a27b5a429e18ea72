//! Where an owner wants a server. It is said once, at the launch, and holds for every later move; that an administrator
//! named a host then does not.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ids::ServerId;

/// What was asked for; anywhere, if empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PlaceWish {
    /// Only this zone.
    pub availability_zone: Option<String>,
    /// Only a host of one of these servers; no such wish if empty.
    pub same_host: Vec<ServerId>,
    /// No host of any of these servers.
    pub different_host: Vec<ServerId>,
    /// The hint `query`: a condition on hosts.
    pub query: Option<Value>,
    /// The hints `build_near_host_ip` and `cidr`: only hosts with an address in this network.
    pub near: Option<IpNet>,
}

impl PlaceWish {
    /// Whether any host will do.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
