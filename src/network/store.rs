//! The network service's SQL, by what it is about.

pub(super) mod address;
pub(super) mod agent;
pub(super) mod floating;
pub(super) mod host;
pub(super) mod host_groups;
pub(super) mod network;
pub(super) mod port;
pub(super) mod rbac;
pub(super) mod router;
pub(super) mod security_group;
pub(super) mod security_rule;
pub(super) mod subnet;
