//! Nova's servers, one resource one file, and what Skydeck adds to them.

mod action;
mod attachments;
mod console;
mod create;
mod explain;
mod instance_actions;
mod limits;
mod list;
mod metadata;
mod security_groups;
mod serial;
mod show;
mod tags;
mod usage;

pub(super) use explain::explanation;
pub(super) use list::time;

use crate::api::Routes;
use crate::api::wire::ErrorStyle;

/// Adds the routes below `/compute`.
pub(super) fn routes(routes: Routes) -> Routes {
    let all: [fn(Routes) -> Routes; 11] = [
        show::routes,
        list::routes,
        create::routes,
        action::routes,
        metadata::routes,
        tags::routes,
        attachments::routes,
        instance_actions::routes,
        console::routes,
        limits::routes,
        security_groups::routes,
    ];
    let routes = all.into_iter().fold(routes, |routes, more| more(routes));
    usage::routes(routes)
}

/// The routes below `/skydeck/v1`.
pub(super) fn skydeck_routes() -> Routes {
    serial::routes(explain::routes(Routes::new(
        "/skydeck/v1",
        ErrorStyle::Skydeck,
    )))
}
