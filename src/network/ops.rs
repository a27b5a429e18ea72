//! What can be done with networks, subnets, ports, routers, floating addresses, security groups and what is shared: one
//! operation, one file.
//!
//! **Nodes follow.** Whatever changes what a node shall have raises that node's generation in the same transaction
//! ([`desired`]); telling the node comes after the commit: at once by [`host_network_ensure`] where somebody waits for it
//! (a launch), within a second by the reconciler otherwise.
//!
//! Ports have ids that are chosen beforehand, and every operation on them can be repeated, so that sagas may.

mod address_give;
mod agent_list;
mod agent_services;
mod agent_update;
mod check;
mod desired;
mod desired_groups;
mod desired_router;
mod desired_rows;
mod desired_subnet;
mod dhcp_service;
mod floating_create;
mod floating_delete;
mod floating_list;
mod floating_target;
mod floating_update;
mod host_network;
mod network_create;
mod network_delete;
mod network_list;
mod network_segment;
mod network_update;
mod northbound;
mod port_at_address;
mod port_bind;
mod port_create;
mod port_delete;
mod port_device;
mod port_follow;
mod port_list;
mod port_security;
mod port_update;
mod quota;
mod rbac_create;
mod rbac_delete;
mod rbac_list;
mod rbac_update;
mod router_create;
mod router_delete;
mod router_gateway;
mod router_interface;
mod router_list;
mod router_place;
mod router_update;
mod security_group_adopt;
mod security_group_create;
mod security_group_default;
mod security_group_delete;
mod security_group_list;
mod security_group_update;
mod security_rule_create;
mod security_rule_delete;
mod security_rule_list;
mod server_ports;
mod service_place;
mod service_port;
mod start;
mod subnet_create;
mod subnet_delete;
mod subnet_list;
mod subnet_modes;
mod subnet_update;
mod trace;
mod trace_probe;

pub use agent_list::{agent_list, agent_show};
pub use agent_services::{
    agent_network_add, agent_network_remove, agent_networks, agent_router_add, agent_router_remove,
    agent_routers, network_agents, router_agents,
};
pub use agent_update::agent_update;
pub use desired::{host_moved_on_conn, network_desired, port_spec_on_conn, port_specs};
pub use desired_rows::DesiredRows;
pub use floating_create::floating_create;
pub use floating_delete::floating_delete;
pub use floating_list::{floating_list, floating_show};
pub use floating_update::floating_update;
pub use host_network::{
    HostNetworkState, host_network_catch_up, host_network_due, host_network_ensure,
    host_network_list, host_network_stale, host_network_tell, host_ports_ensure,
};
pub use network_create::network_create;
pub use network_delete::network_delete;
pub use network_list::{network_for_launch, network_list, network_show, network_show_on_conn};
pub use network_update::network_update;
pub use northbound::{
    northbound_chassis, northbound_ensure, northbound_repair, northbound_rows, northbound_trouble,
};
pub use port_at_address::{PortPlace, port_at_address};
pub use port_bind::{
    port_arrived_on_conn, port_bind_on_conn, port_expect_on_conn, port_unbind_on_conn,
};
pub use port_create::{port_create, port_create_on_conn};
pub use port_delete::{port_delete, port_delete_on_conn};
pub use port_device::{port_release_on_conn, port_take_on_conn};
pub use port_follow::ports_follow;
pub use port_list::{
    port_announce, port_find_on_conn, port_list, port_show, port_show_on_conn, ports_of_server,
    ports_of_server_on_conn,
};
pub use port_update::port_update;
pub use quota::{Bounded, QuotaUse, network_counts, network_quota};
pub use rbac_create::rbac_create;
pub use rbac_delete::rbac_delete;
pub use rbac_list::{rbac_list, rbac_show};
pub use rbac_update::rbac_update;
pub use router_create::router_create;
pub use router_delete::router_delete;
pub use router_interface::{router_interface_add, router_interface_remove};
pub use router_list::{router_interfaces, router_list, router_show};
pub use router_update::{router_routes_add, router_routes_remove, router_update};
pub use security_group_create::security_group_create;
pub use security_group_delete::security_group_delete;
pub use security_group_list::{
    security_group_list, security_group_of_ports, security_group_show, security_groups_named,
    server_group_names_on_conn,
};
pub use security_group_update::security_group_update;
pub use security_rule_create::security_rule_create;
pub use security_rule_delete::security_rule_delete;
pub use security_rule_list::{security_rule_list, security_rule_show};
pub use server_ports::{
    PortGuest, physical_networks_on_conn, port_guests, server_addresses_on_conn,
};
pub use service_place::services_place;
pub use start::network_start;
pub use subnet_create::subnet_create;
pub use subnet_delete::subnet_delete;
pub use subnet_list::{subnet_list, subnet_show};
pub use subnet_update::subnet_update;
pub use trace::{TraceWish, Traced, network_trace};
pub use trace_probe::Counts;

#[cfg(test)]
mod ipv6_tests;
#[cfg(test)]
mod ovn_tests;
#[cfg(test)]
mod router_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod trace_tests;
#[cfg(test)]
mod tunnel_tests;
