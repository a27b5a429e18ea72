//! Nova's API below `/compute` and Placement's below `/placement`. Handlers parse, call one operation, and write wire
//! types; one file per resource. What an older microversion looks like is known by
//! [`crate::compute::wire::microversion`] alone.

mod aggregate;
mod flavor;
mod flavor_access;
mod flavor_extra_spec;
mod host;
mod hypervisor;
mod keypair;
mod links;
mod migration;
mod moves;
mod node;
mod placement;
mod quota;
mod server;
mod server_group;
mod service;
mod version;
mod zone;

use crate::api::Routes;
use crate::api::wire::{COMPUTE_VERSIONS, ErrorStyle, PLACEMENT_VERSIONS};

/// All routes of compute.
pub fn routes() -> Vec<Routes> {
    let compute = [
        flavor::routes,
        flavor_access::routes,
        flavor_extra_spec::routes,
        keypair::routes,
        hypervisor::routes,
        service::routes,
        server::routes,
        zone::routes,
        aggregate::routes,
        server_group::routes,
        migration::routes,
        quota::routes,
        host::routes,
    ]
    .into_iter()
    .fold(version::routes(nova()), |routes, more| more(routes));
    let placement = Routes::new("/placement", ErrorStyle::Placement).versions(PLACEMENT_VERSIONS);
    vec![
        compute,
        placement::routes(placement),
        service::skydeck_routes(moves::routes(migration::skydeck_routes(
            server::skydeck_routes(),
        ))),
        node::routes(),
    ]
}

fn nova() -> Routes {
    Routes::new("/compute", ErrorStyle::Compute).versions(COMPUTE_VERSIONS)
}
