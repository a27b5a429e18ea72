//! `/volume` and `/volume/v3`: which versions are served.

use axum::Json;
use axum::http::{HeaderMap, StatusCode};

use super::PREFIX;
use crate::api::wire::{ApiVersion, Link, MediaType, VOLUME_VERSIONS, Versions};
use crate::api::{Routes, State, request_base};

/// Anybody may look.
const RULE: &str = "api:version:show";

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("", RULE, list)
        .get("/", RULE, list)
        .get("/v3", RULE, show)
        .get("/v3/", RULE, show)
}

async fn list(
    state: axum::extract::State<State>,
    headers: HeaderMap,
) -> (StatusCode, Json<Versions>) {
    (StatusCode::MULTIPLE_CHOICES, show(state, headers).await)
}

async fn show(
    axum::extract::State(cloud): axum::extract::State<State>,
    headers: HeaderMap,
) -> Json<Versions> {
    let address = format!("{}{PREFIX}/v3/", request_base(&cloud, &headers));
    Json(Versions {
        versions: vec![ApiVersion {
            id: "v3.0".into(),
            status: "CURRENT".into(),
            version: Some(VOLUME_VERSIONS.max.to_string()),
            min_version: Some(VOLUME_VERSIONS.min.to_string()),
            updated: Some("2020-04-07T00:00:00Z".into()),
            links: vec![Link::new("self", address)],
            media_types: vec![MediaType {
                base: "application/json".into(),
                media_type: "application/vnd.openstack.volume+json;version=3".into(),
            }],
            ..ApiVersion::default()
        }],
    })
}
