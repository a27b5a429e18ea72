//! `/os-availability-zone`.

use std::collections::BTreeMap;

use axum::Json;

use crate::api::Routes;
use crate::compute::model::Host;
use crate::compute::ops;
use crate::compute::wire::{Zone, ZoneList, ZoneService, ZoneState};
use crate::context::Context;
use crate::error::Result;
use crate::ids::Time;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("/v2.1/os-availability-zone", "compute:zone:list", list)
        .get(
            "/v2.1/os-availability-zone/detail",
            "compute:zone:detail",
            detail,
        )
}

async fn list(cx: Context) -> Result<Json<ZoneList>> {
    let zones = ops::zone_list(&cx).await?;
    Ok(Json(ZoneList {
        availability_zone_info: zones
            .into_iter()
            .map(|(name, hosts)| zone(name, &hosts))
            .collect(),
    }))
}

/// Servers can be made in a zone if one of its nodes takes new ones.
fn zone(name: String, hosts: &[Host]) -> Zone {
    Zone {
        zone_name: name,
        zone_state: ZoneState {
            available: hosts.iter().any(|host| host.up && host.enabled),
        },
        hosts: None,
    }
}

async fn detail(cx: Context) -> Result<Json<ZoneList>> {
    let control = ops::control_list(&cx).await?;
    let service = |up: bool, enabled: bool, at: Time| ZoneService {
        available: up,
        active: enabled,
        updated_at: Some(at.to_micros_text()),
    };
    let internal = control.iter().map(|process| {
        let state = service(process.up, true, process.reported_at);
        let services =
            ["nova-conductor", "nova-scheduler"].map(|binary| (binary.to_owned(), state.clone()));
        (process.host.clone(), BTreeMap::from(services))
    });
    let node = |host: &Host| {
        let state = service(host.up, host.enabled, host.reported_at);
        (
            host.name.clone(),
            BTreeMap::from([("nova-compute".to_owned(), state)]),
        )
    };
    let zones = ops::zone_list(&cx).await?;
    let zones = zones.into_iter().map(|(name, hosts)| Zone {
        hosts: Some(hosts.iter().map(node).collect()),
        ..zone(name, &hosts)
    });
    let control = Zone {
        zone_name: ops::INTERNAL_ZONE.into(),
        zone_state: ZoneState { available: true },
        hosts: Some(internal.collect()),
    };
    Ok(Json(ZoneList {
        availability_zone_info: std::iter::once(control).chain(zones).collect(),
    }))
}
