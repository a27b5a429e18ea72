//! `/os-services`, `/os-availability-zone` and `/extensions`: what the service consists of.

use axum::Json;
use serde_json::{Value, json};

use super::Both;
use super::place::Place;
use super::write::TYPE;
use crate::api::Params;
use crate::context::Context;
use crate::error::Result;
use crate::volume::model::ZONE;
use crate::volume::ops::volume_services;
use crate::volume::wire::{
    VolumeService, VolumeServiceList, VolumeZone, VolumeZoneList, VolumeZoneState,
};

pub(super) fn routes(routes: Both) -> Both {
    routes
        .get("/os-services", "volume:service:list", list)
        .get("/os-availability-zone", "volume:zone:list", zones)
        .get("/extensions", "volume:zone:list", extensions)
}

/// Each node that keeps volumes.
async fn list(cx: Context, _: Place, params: Params) -> Result<Json<VolumeServiceList>> {
    let keepers = volume_services(&cx)
        .await?
        .into_iter()
        .map(|service| VolumeService {
            binary: "cinder-volume".into(),
            host: format!("{}@{TYPE}", service.host.host),
            zone: ZONE.into(),
            status: "enabled".into(),
            state: if service.up { "up" } else { "down" }.into(),
            updated_at: Some(service.host.reported_at.to_micros_text()),
            disabled_reason: None,
        });
    let (host, binary) = (params.get("host"), params.get("binary"));
    Ok(Json(VolumeServiceList {
        services: keepers
            .filter(|service| {
                host.is_none_or(|wanted| {
                    service.host.split('@').next() == Some(wanted) || service.host == wanted
                })
            })
            .filter(|service| binary.is_none_or(|wanted| service.binary == wanted))
            .collect(),
    }))
}

async fn zones(_: Place) -> Json<VolumeZoneList> {
    Json(VolumeZoneList {
        availability_zone_info: vec![VolumeZone {
            zone_name: ZONE.into(),
            zone_state: VolumeZoneState { available: true },
        }],
    })
}

/// There are none: everything is part of the core.
async fn extensions(_: Place) -> Json<Value> {
    Json(json!({"extensions": []}))
}
