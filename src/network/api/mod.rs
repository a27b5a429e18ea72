//! Neutron's API, below `/network`, and what it has no word for, below `/skydeck/v1/network`.
//!
//! Lists are made whole, as the wire has them, and then filtered by any of their fields, sorted and paged in one place
//! ([`listing`]), since a project has hundreds of ports and not millions.

mod agents;
mod discovery;
mod floatingips;
mod listing;
mod networks;
mod ports;
mod quotas;
mod rbac;
mod routers;
mod security_groups;
mod security_rules;
mod subnets;
mod tags;
mod trace;

use crate::api::Routes;
use crate::api::wire::ErrorStyle;

/// Path of the service.
const PREFIX: &str = "/network";

/// All routes of networking.
pub fn routes() -> Vec<Routes> {
    let routes = Routes::new(PREFIX, ErrorStyle::Network)
        .get("", "api:version:show", discovery::versions)
        .get("/", "api:version:show", discovery::versions)
        .get("/v2.0", "api:version:show", discovery::resources)
        .get("/v2.0/", "api:version:show", discovery::resources)
        .get(
            "/v2.0/extensions",
            "network:extension:list",
            discovery::extension_list,
        )
        .get(
            "/v2.0/extensions/{alias}",
            "network:extension:list",
            discovery::extension_show,
        )
        .get(
            "/v2.0/availability_zones",
            "network:zone:list",
            discovery::zone_list,
        )
        .get("/v2.0/networks", "network:network:list", networks::list)
        .post("/v2.0/networks", "network:network:create", networks::create)
        .get(
            "/v2.0/networks/{id}",
            "network:network:show",
            networks::show,
        )
        .put(
            "/v2.0/networks/{id}",
            "network:network:update",
            networks::update,
        )
        .delete(
            "/v2.0/networks/{id}",
            "network:network:delete",
            networks::delete,
        )
        .get("/v2.0/subnets", "network:subnet:list", subnets::list)
        .post("/v2.0/subnets", "network:subnet:create", subnets::create)
        .get("/v2.0/subnets/{id}", "network:subnet:show", subnets::show)
        .put(
            "/v2.0/subnets/{id}",
            "network:subnet:update",
            subnets::update,
        )
        .delete(
            "/v2.0/subnets/{id}",
            "network:subnet:delete",
            subnets::delete,
        )
        .get("/v2.0/ports", "network:port:list", ports::list)
        .post("/v2.0/ports", "network:port:create", ports::create)
        .get("/v2.0/ports/{id}", "network:port:show", ports::show)
        .put("/v2.0/ports/{id}", "network:port:update", ports::update)
        .delete("/v2.0/ports/{id}", "network:port:delete", ports::delete)
        .get("/v2.0/quotas/{project}", "network:quota:show", quotas::show)
        .get(
            "/v2.0/quotas/{project}/details.json",
            "network:quota:show",
            quotas::details,
        )
        .get(
            "/v2.0/quotas/{project}/details",
            "network:quota:show",
            quotas::details,
        )
        .get(
            "/v2.0/quotas/{project}/default",
            "network:quota:show",
            quotas::defaults,
        )
        .get(
            "/v2.0/quotas/{project}/default.json",
            "network:quota:show",
            quotas::defaults,
        )
        .put("/v2.0/quotas/{project}", "network:quota:set", quotas::set)
        .delete("/v2.0/quotas/{project}", "network:quota:set", quotas::reset);
    vec![
        tags::routes(groups(routes)),
        router_routes(),
        agent_routes(),
        trace::routes(),
    ]
}

/// Routers and floating addresses.
fn router_routes() -> Routes {
    Routes::new(PREFIX, ErrorStyle::Network)
        .get("/v2.0/routers", "network:router:list", routers::list)
        .post("/v2.0/routers", "network:router:create", routers::create)
        .get("/v2.0/routers/{id}", "network:router:show", routers::show)
        .put(
            "/v2.0/routers/{id}",
            "network:router:update",
            routers::update,
        )
        .delete(
            "/v2.0/routers/{id}",
            "network:router:delete",
            routers::delete,
        )
        .put(
            "/v2.0/routers/{id}/add_router_interface",
            "network:router:update",
            routers::interface_add,
        )
        .put(
            "/v2.0/routers/{id}/remove_router_interface",
            "network:router:update",
            routers::interface_remove,
        )
        .put(
            "/v2.0/routers/{id}/add_extraroutes",
            "network:router:update",
            routers::routes_add,
        )
        .put(
            "/v2.0/routers/{id}/remove_extraroutes",
            "network:router:update",
            routers::routes_remove,
        )
        .get(
            "/v2.0/floatingips",
            "network:floatingip:list",
            floatingips::list,
        )
        .post(
            "/v2.0/floatingips",
            "network:floatingip:create",
            floatingips::create,
        )
        .get(
            "/v2.0/floatingips/{id}",
            "network:floatingip:show",
            floatingips::show,
        )
        .put(
            "/v2.0/floatingips/{id}",
            "network:floatingip:update",
            floatingips::update,
        )
        .delete(
            "/v2.0/floatingips/{id}",
            "network:floatingip:delete",
            floatingips::delete,
        )
}

/// Agents, and what is on them.
fn agent_routes() -> Routes {
    Routes::new(PREFIX, ErrorStyle::Network)
        .get("/v2.0/agents", "network:agent:list", agents::list)
        .get("/v2.0/agents/{id}", "network:agent:list", agents::show)
        .put("/v2.0/agents/{id}", "network:agent:update", agents::update)
        .get(
            "/v2.0/agents/{id}/dhcp-networks",
            "network:agent:list",
            agents::networks,
        )
        .post(
            "/v2.0/agents/{id}/dhcp-networks",
            "network:agent:update",
            agents::network_add,
        )
        .delete(
            "/v2.0/agents/{id}/dhcp-networks/{network}",
            "network:agent:update",
            agents::network_remove,
        )
        .get(
            "/v2.0/agents/{id}/l3-routers",
            "network:agent:list",
            agents::routers,
        )
        .post(
            "/v2.0/agents/{id}/l3-routers",
            "network:agent:update",
            agents::router_add,
        )
        .delete(
            "/v2.0/agents/{id}/l3-routers/{router}",
            "network:agent:update",
            agents::router_remove,
        )
        .get(
            "/v2.0/networks/{id}/dhcp-agents",
            "network:agent:list",
            agents::of_network,
        )
        .get(
            "/v2.0/routers/{id}/l3-agents",
            "network:agent:list",
            agents::of_router,
        )
}

/// Security groups, their rules, and what is shared.
fn groups(routes: Routes) -> Routes {
    routes
        .get(
            "/v2.0/security-groups",
            "network:security_group:list",
            security_groups::list,
        )
        .post(
            "/v2.0/security-groups",
            "network:security_group:create",
            security_groups::create,
        )
        .get(
            "/v2.0/security-groups/{id}",
            "network:security_group:show",
            security_groups::show,
        )
        .put(
            "/v2.0/security-groups/{id}",
            "network:security_group:update",
            security_groups::update,
        )
        .delete(
            "/v2.0/security-groups/{id}",
            "network:security_group:delete",
            security_groups::delete,
        )
        .get(
            "/v2.0/security-group-rules",
            "network:security_group_rule:list",
            security_rules::list,
        )
        .post(
            "/v2.0/security-group-rules",
            "network:security_group_rule:create",
            security_rules::create,
        )
        .get(
            "/v2.0/security-group-rules/{id}",
            "network:security_group_rule:show",
            security_rules::show,
        )
        .delete(
            "/v2.0/security-group-rules/{id}",
            "network:security_group_rule:delete",
            security_rules::delete,
        )
        .get(
            "/v2.0/rbac-policies",
            "network:rbac_policy:list",
            rbac::list,
        )
        .post(
            "/v2.0/rbac-policies",
            "network:rbac_policy:create",
            rbac::create,
        )
        .get(
            "/v2.0/rbac-policies/{id}",
            "network:rbac_policy:show",
            rbac::show,
        )
        .put(
            "/v2.0/rbac-policies/{id}",
            "network:rbac_policy:update",
            rbac::update,
        )
        .delete(
            "/v2.0/rbac-policies/{id}",
            "network:rbac_policy:delete",
            rbac::delete,
        )
}
