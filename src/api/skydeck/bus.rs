//! `GET /skydeck/v1/bus`: whether the bus is connected, and its queues.

use axum::Json;

use crate::api::wire::{BusBody, BusShow, QueueShow};
use crate::context::Context;
use crate::error::Result;

pub(super) async fn show(cx: Context) -> Result<Json<BusBody>> {
    let health = cx.bus.health().await;
    let queues = health.queues.into_iter().map(|queue| QueueShow {
        name: queue.name,
        messages: queue.messages,
        consumers: queue.consumers,
        served: queue.served,
    });
    Ok(Json(BusBody {
        bus: BusShow {
            kind: health.kind.to_owned(),
            broker: health.broker,
            connected: health.connected,
            since: health.since,
            trouble: health.trouble,
            queues: queues.collect(),
        },
    }))
}
