//! `/identity` and `/identity/v3`: which versions are served.

use axum::Json;
use axum::http::StatusCode;

use super::links::Links;
use crate::api::Routes;
use crate::api::wire::{
    ApiVersion, IdentityVersionValues, IdentityVersions, Link, MediaType, VersionDocument,
};

/// Anybody may look.
const RULE: &str = "api:version:show";

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("", RULE, list)
        .get("/", RULE, list)
        .get("/v3", RULE, show)
        .get("/v3/", RULE, show)
}

async fn list(links: Links) -> (StatusCode, Json<IdentityVersions>) {
    let versions = IdentityVersions {
        versions: IdentityVersionValues {
            values: vec![version(&links)],
        },
    };
    (StatusCode::MULTIPLE_CHOICES, Json(versions))
}

async fn show(links: Links) -> Json<VersionDocument> {
    Json(VersionDocument {
        version: version(&links),
    })
}

fn version(links: &Links) -> ApiVersion {
    ApiVersion {
        id: "v3.14".into(),
        status: "stable".into(),
        updated: Some("2020-04-07T00:00:00Z".into()),
        links: vec![Link::new("self", links.at(""))],
        media_types: vec![MediaType {
            base: "application/json".into(),
            media_type: "application/vnd.openstack.identity-v3+json".into(),
        }],
        ..ApiVersion::default()
    }
}
