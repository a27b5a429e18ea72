//! Glance v2 below `/image`, and how far uploads have come below `/skydeck/v1`. Handlers parse, call one operation, and
//! write wire types; one file per resource.

mod data;
mod depot;
mod images;
mod import;
mod list;
mod members;
mod patch;
mod schema;
mod tags;
mod upload_status;
mod version;
mod write;

#[cfg(test)]
mod tests;

use crate::api::Routes;
use crate::api::wire::ErrorStyle;

/// Path below which Glance's is.
const PREFIX: &str = "/image";

/// All routes of images.
pub fn routes() -> Routes {
    [
        version::routes,
        images::routes,
        data::routes,
        import::routes,
        members::routes,
        tags::routes,
        schema::routes,
    ]
    .into_iter()
    .fold(Routes::new(PREFIX, ErrorStyle::Image), |routes, more| {
        more(routes)
    })
}

/// How far uploads have come, and what nodes fetch and bring, as part of Skydeck's own API.
pub fn skydeck_routes() -> Routes {
    upload_status::routes().merge(depot::routes())
}
