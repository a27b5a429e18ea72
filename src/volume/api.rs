//! Cinder v3 below `/volume/v3`, with and without the project's id. Handlers parse, call one operation, and write wire
//! types; one file per resource.

mod actions;
mod attachments;
mod metadata;
mod place;
mod quotas;
mod services;
mod snapshots;
mod types;
mod version;
mod volumes;
mod write;

#[cfg(test)]
mod tests;

use axum::handler::Handler;

use crate::api::wire::{ErrorStyle, VOLUME_VERSIONS};
use crate::api::{Routes, State};

/// Path below which Cinder's is.
const PREFIX: &str = "/volume";

/// All routes of volumes.
pub fn routes() -> Routes {
    let empty = Routes::new(PREFIX, ErrorStyle::Compute).versions(VOLUME_VERSIONS);
    let both = [
        volumes::routes,
        actions::routes,
        metadata::routes,
        snapshots::routes,
        attachments::routes,
        types::routes,
        quotas::routes,
        services::routes,
    ]
    .into_iter()
    .fold(Both(version::routes(empty)), |routes, more| more(routes));
    both.0
}

/// Adds each route below `/v3` and below `/v3/{project_id}`.
struct Both(Routes);

impl Both {
    fn add<H, T>(
        self,
        path: &str,
        rule: &'static str,
        handler: H,
        add: fn(Routes, &str, &'static str, H) -> Routes,
    ) -> Self
    where
        H: Handler<T, State>,
        T: 'static,
    {
        let plain = add(self.0, &format!("/v3{path}"), rule, handler.clone());
        Self(add(
            plain,
            &format!("/v3/{{project_id}}{path}"),
            rule,
            handler,
        ))
    }

    fn get<H: Handler<T, State>, T: 'static>(
        self,
        path: &str,
        rule: &'static str,
        handler: H,
    ) -> Self {
        self.add(path, rule, handler, Routes::get)
    }

    fn post<H: Handler<T, State>, T: 'static>(
        self,
        path: &str,
        rule: &'static str,
        handler: H,
    ) -> Self {
        self.add(path, rule, handler, Routes::post)
    }

    fn put<H: Handler<T, State>, T: 'static>(
        self,
        path: &str,
        rule: &'static str,
        handler: H,
    ) -> Self {
        self.add(path, rule, handler, Routes::put)
    }

    fn delete<H: Handler<T, State>, T: 'static>(
        self,
        path: &str,
        rule: &'static str,
        handler: H,
    ) -> Self {
        self.add(path, rule, handler, Routes::delete)
    }
}
