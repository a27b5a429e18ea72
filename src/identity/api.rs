//! Keystone v3 below `/identity`, and the audit below `/skydeck/v1`. Handlers parse, call one operation, and write wire
//! types; one file per resource.

mod app_credential;
mod assignment;
mod audit;
mod catalog;
mod domain;
mod group;
mod links;
mod project;
mod role;
mod token;
mod user;
mod version;

#[cfg(test)]
mod tests;

use crate::api::Routes;
use crate::api::wire::ErrorStyle;

/// Path below which Keystone's is.
const PREFIX: &str = "/identity";

/// All routes of identity.
pub fn routes() -> Routes {
    [
        token::routes,
        catalog::routes,
        domain::routes,
        project::routes,
        user::routes,
        group::routes,
        role::routes,
        assignment::routes,
        app_credential::routes,
    ]
    .into_iter()
    .fold(version::routes(empty()), |routes, more| more(routes))
}

/// The audit, as part of Skydeck's own API.
pub fn audit_routes() -> Routes {
    audit::routes()
}

fn empty() -> Routes {
    Routes::new(PREFIX, ErrorStyle::Identity)
}
