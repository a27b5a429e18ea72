//! Skydeck's own API: what OpenStack has no word for. One file per resource.

mod bus;
mod events;
mod operations;
mod summary;
mod whoami;

pub use operations::status as operation_status;

use super::Routes;
use super::wire::ErrorStyle;

/// Path below which all of it is.
pub const PREFIX: &str = "/skydeck/v1";

/// The routes that belong to no single service. Services add theirs below the same prefix.
pub fn routes() -> Routes {
    Routes::new(PREFIX, ErrorStyle::Skydeck)
        .get("/whoami", "skydeck:whoami:show", whoami::show)
        .get("/summary", "skydeck:summary:show", summary::show)
        .get("/bus", "skydeck:bus:show", bus::show)
        .get("/operations", "skydeck:operation:list", operations::list)
        .get(
            "/operations/{id}",
            "skydeck:operation:show",
            operations::show,
        )
        .post(
            "/operations/{id}/abort",
            "skydeck:operation:abort",
            operations::abort,
        )
        .post(
            "/operations/{id}/retry",
            "skydeck:operation:retry",
            operations::retry,
        )
        .post(
            "/operations/{id}/abandon",
            "skydeck:operation:abandon",
            operations::abandon,
        )
        .get("/events", "skydeck:event:stream", events::stream)
}
