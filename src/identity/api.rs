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

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;

use crate::api::Routes;
use crate::api::wire::ErrorStyle;
use crate::context::{Actor, Cloud};
use crate::error::Result;
use crate::identity::ops;

/// Path below which Keystone's is.
const PREFIX: &str = "/identity";

/// All routes: Keystone's, and the audit as part of Skydeck's own API.
pub fn routes() -> Vec<Routes> {
    let keystone = [
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
    .fold(version::routes(empty()), |routes, more| more(routes));
    vec![keystone, audit::routes()]
}

/// Whoever bears the token; how a running cloud's API learns who asks.
pub fn authenticate(cloud: Arc<Cloud>, token: String) -> BoxFuture<'static, Result<Actor>> {
    async move { ops::token_actor(&cloud, &token).await }.boxed()
}

fn empty() -> Routes {
    Routes::new(PREFIX, ErrorStyle::Identity)
}
