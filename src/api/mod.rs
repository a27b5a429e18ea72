//! The REST API: one port, OpenStack's services by path, and what OpenStack has no word for under `/skydeck/v1`.
//!
//! Each service brings a [`Routes`]: handlers of a few lines that parse, call an operation, and write wire types. What
//! every request has in common is done around them, from the outside in: a request id, a bound on the body, who the
//! token belongs to, the microversion, the policy rule of the route. **A route can not exist without a rule**: rules are
//! checked before the handler runs, and the table of all routes ([`Routes::table`]) is compared with a test's table, so
//! that a new route without a considered rule fails.
//!
//! Handlers return [`crate::error::Error`]; it becomes a body in the shape of the service the request was for.

mod errors;
mod extract;
mod layers;
mod listen;
pub mod skydeck;
#[cfg(test)]
mod tests;
pub mod wire;

use std::sync::Arc;

use axum::Router;
use axum::handler::Handler;
use axum::routing::{MethodRouter, delete, get, head, patch, post, put};

pub use extract::{Body, Params, Query, RawBody, Version, parse_field, parse_id, request_base};
pub use layers::{Authenticate, app};
pub use listen::{ListenError, Listeners};
pub use skydeck::operation_status;

use crate::context::Cloud;
use wire::{ErrorStyle, VersionRange};

/// What handlers have as axum's state.
pub type State = Arc<Cloud>;

/// One route, as the authorization table has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RouteRule {
    /// Path with `{names}`.
    pub path: String,
    /// HTTP method.
    pub method: &'static str,
    /// The policy rule that is checked before the handler.
    pub rule: &'static str,
}

/// The routes of a service.
pub struct Routes {
    pub(crate) prefix: &'static str,
    pub(crate) style: ErrorStyle,
    pub(crate) versions: Option<VersionRange>,
    pub(crate) router: Router<State>,
    table: Vec<RouteRule>,
}

impl Routes {
    /// No routes yet, all to be below `prefix` (`/compute/v2.1`); errors in the service's own shape.
    pub fn new(prefix: &'static str, style: ErrorStyle) -> Self {
        Self {
            prefix,
            style,
            versions: None,
            router: Router::new(),
            table: Vec::new(),
        }
    }

    /// Requests negotiate a microversion in this range; handlers take it as [`Version`].
    #[must_use]
    pub fn versions(mut self, range: VersionRange) -> Self {
        self.versions = Some(range);
        self
    }

    /// Adds a GET (and HEAD) route. `path` is below the prefix and may be empty.
    #[must_use]
    pub fn get<H: Handler<T, State>, T: 'static>(
        self,
        path: &str,
        rule: &'static str,
        handler: H,
    ) -> Self {
        self.route("GET", path, rule, get(handler))
    }

    /// Adds a HEAD route, where it differs from GET.
    #[must_use]
    pub fn head<H: Handler<T, State>, T: 'static>(
        self,
        path: &str,
        rule: &'static str,
        handler: H,
    ) -> Self {
        self.route("HEAD", path, rule, head(handler))
    }

    /// Adds a POST route.
    #[must_use]
    pub fn post<H: Handler<T, State>, T: 'static>(
        self,
        path: &str,
        rule: &'static str,
        handler: H,
    ) -> Self {
        self.route("POST", path, rule, post(handler))
    }

    /// Adds a PUT route.
    #[must_use]
    pub fn put<H: Handler<T, State>, T: 'static>(
        self,
        path: &str,
        rule: &'static str,
        handler: H,
    ) -> Self {
        self.route("PUT", path, rule, put(handler))
    }

    /// Adds a PATCH route.
    #[must_use]
    pub fn patch<H: Handler<T, State>, T: 'static>(
        self,
        path: &str,
        rule: &'static str,
        handler: H,
    ) -> Self {
        self.route("PATCH", path, rule, patch(handler))
    }

    /// Adds a DELETE route.
    #[must_use]
    pub fn delete<H: Handler<T, State>, T: 'static>(
        self,
        path: &str,
        rule: &'static str,
        handler: H,
    ) -> Self {
        self.route("DELETE", path, rule, delete(handler))
    }

    /// Takes over the routes of another part of the same service.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        self.table.extend(other.table);
        self
    }

    /// Every route with its rule, in order of path.
    pub fn table(&self) -> Vec<RouteRule> {
        let mut table = self.table.clone();
        table.sort_unstable();
        table
    }

    fn route(
        mut self,
        method: &'static str,
        path: &str,
        rule: &'static str,
        handler: MethodRouter<State>,
    ) -> Self {
        let path = format!("{}{path}", self.prefix);
        let guarded = handler.layer(axum::middleware::from_fn(move |request, next| {
            layers::guard(rule, request, next)
        }));
        self.table.push(RouteRule {
            path: path.clone(),
            method,
            rule,
        });
        self.router = self.router.route(&path, guarded);
        self
    }
}
