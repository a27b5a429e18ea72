//! `/compute` and `/compute/v2.1`: which versions are served.

use axum::Json;

use super::links::Links;
use crate::api::Routes;
use crate::api::wire::{ApiVersion, COMPUTE_VERSIONS, Link, MediaType, VersionDocument, Versions};

/// Anybody may look.
const RULE: &str = "api:version:show";

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("", RULE, list)
        .get("/", RULE, list)
        .get("/v2.1", RULE, show)
        .get("/v2.1/", RULE, show)
}

async fn list(links: Links) -> Json<Versions> {
    Json(Versions {
        versions: vec![ApiVersion {
            media_types: Vec::new(),
            ..version(&links)
        }],
    })
}

async fn show(links: Links) -> Json<VersionDocument> {
    Json(VersionDocument {
        version: version(&links),
    })
}

fn version(links: &Links) -> ApiVersion {
    ApiVersion {
        id: "v2.1".into(),
        status: "CURRENT".into(),
        version: Some(COMPUTE_VERSIONS.max.to_string()),
        min_version: Some(COMPUTE_VERSIONS.min.to_string()),
        updated: Some("2013-07-23T11:33:21Z".into()),
        links: vec![Link::new("self", links.at(""))],
        media_types: vec![MediaType {
            base: "application/json".into(),
            media_type: "application/vnd.openstack.compute+json;version=2.1".into(),
        }],
        ..ApiVersion::default()
    }
}
