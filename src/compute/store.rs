//! Compute's SQL, by what it is about.

pub(super) mod aggregate;
pub(super) mod claim;
pub(super) mod flavor;
pub(super) mod host;
pub(super) mod keypair;
pub(in crate::compute) mod migration;
pub(in crate::compute) mod moves;
pub(super) mod node_join;
pub(in crate::compute) mod server;
pub(in crate::compute) mod server_console;
pub(in crate::compute) mod server_group;
pub(in crate::compute) mod server_link;
pub(in crate::compute) mod server_page;
pub(in crate::compute) mod server_residue;
pub(in crate::compute) mod server_tag;
pub(in crate::compute) mod server_wish;
