//! `/types`: the one kind of volumes there is, files on a node.

use axum::Json;
use serde_json::{Value, json};

use super::Both;
use super::place::Place;
use super::write::TYPE;
use crate::error::{Error, Result};
use crate::volume::wire::{VolumeType, VolumeTypeBody, VolumeTypeList};

/// Its id, the same in every cloud.
const ID: &str = "66696c65-0000-4000-8000-000000000001";
/// Who may look.
const RULE: &str = "volume:type:list";

pub(super) fn routes(routes: Both) -> Both {
    routes
        .get("/types", RULE, list)
        .get("/types/{id}", RULE, show)
        .get("/types/{id}/extra_specs", RULE, extra_specs)
}

fn the_type() -> VolumeType {
    VolumeType {
        id: ID.to_owned(),
        name: TYPE.to_owned(),
        description: Some("Files on a node, sparse (qcow2)".to_owned()),
        is_public: true,
        access_is_public: true,
        ..VolumeType::default()
    }
}

/// Succeeds if there is a type of this name or id.
pub(super) fn check(name: &str) -> Result<()> {
    if matches!(name, "" | TYPE | ID | "default" | "__DEFAULT__") {
        return Ok(());
    }
    Err(Error::not_found("volume type", name))
}

async fn list(_: Place) -> Json<VolumeTypeList> {
    Json(VolumeTypeList {
        volume_types: vec![the_type()],
    })
}

async fn show(place: Place) -> Result<Json<VolumeTypeBody>> {
    check(place.text("id"))?;
    Ok(Json(VolumeTypeBody {
        volume_type: the_type(),
    }))
}

async fn extra_specs(place: Place) -> Result<Json<Value>> {
    check(place.text("id"))?;
    Ok(Json(json!({"extra_specs": {}})))
}
