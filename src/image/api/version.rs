//! `/image`: which versions are served.

use axum::Json;
use axum::http::{HeaderMap, StatusCode};

use super::PREFIX;
use crate::api::wire::{ApiVersion, Link, Versions};
use crate::api::{Routes, State, request_base};

/// Anybody may look.
const RULE: &str = "api:version:show";
/// Versions of Glance's API whose parts are served; the first is the newest.
const SERVED: [&str; 9] = [
    "v2.9", "v2.7", "v2.6", "v2.5", "v2.4", "v2.3", "v2.2", "v2.1", "v2.0",
];

pub(super) fn routes(routes: Routes) -> Routes {
    ["", "/", "/versions", "/v2", "/v2/"]
        .into_iter()
        .fold(routes, |routes, path| routes.get(path, RULE, list))
}

async fn list(
    axum::extract::State(cloud): axum::extract::State<State>,
    headers: HeaderMap,
) -> (StatusCode, Json<Versions>) {
    let address = format!("{}{PREFIX}/v2/", request_base(&cloud, &headers));
    let versions = SERVED
        .iter()
        .enumerate()
        .map(|(at, id)| ApiVersion {
            id: (*id).to_owned(),
            status: if at == 0 { "CURRENT" } else { "SUPPORTED" }.to_owned(),
            links: vec![Link::new("self", address.clone())],
            ..ApiVersion::default()
        })
        .collect();
    (StatusCode::MULTIPLE_CHOICES, Json(Versions { versions }))
}
