//! Neutron's API, below `/network`.
//!
//! Lists are made whole, as the wire has them, and then filtered by any of their fields, sorted and paged in one place
//! ([`listing`]), since a project has hundreds of ports and not millions.

mod discovery;
mod listing;
mod networks;
mod ports;
mod quotas;
mod subnets;

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
        .get("/v2.0/agents", "network:agent:list", discovery::agent_list)
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
        .put(
            "/v2.0/networks/{id}/tags",
            "network:network:update",
            networks::tags_set,
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
        .put(
            "/v2.0/subnets/{id}/tags",
            "network:subnet:update",
            subnets::tags_set,
        )
        .get("/v2.0/ports", "network:port:list", ports::list)
        .post("/v2.0/ports", "network:port:create", ports::create)
        .get("/v2.0/ports/{id}", "network:port:show", ports::show)
        .put("/v2.0/ports/{id}", "network:port:update", ports::update)
        .delete("/v2.0/ports/{id}", "network:port:delete", ports::delete)
        .put(
            "/v2.0/ports/{id}/tags",
            "network:port:update",
            ports::tags_set,
        )
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
    vec![routes]
}
