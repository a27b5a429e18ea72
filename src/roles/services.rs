//! What each service brings to a control process. Adding a service is adding it here, once in each list.

use std::time::Duration;

use futures::FutureExt;

use super::relay;
use crate::api::{Routes, skydeck};
use crate::compute::conductor::Conductor;
use crate::context::Context;
use crate::error::Result;
use crate::identity::model::ProjectQuery;
use crate::reconcile::Periodic;
use crate::saga::Registry;
use crate::{compute, depot, doctor, identity, image, network, saga, telemetry, volume};

/// All routes of the one port.
pub fn routes() -> Vec<Routes> {
    [
        vec![
            skydeck::routes(),
            image::api::routes(),
            image::api::skydeck_routes(),
            volume::api::routes(),
        ],
        identity::routes(),
        compute::routes(),
        network::routes(),
        telemetry::routes(),
        doctor::routes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// All kinds of operations.
pub fn sagas() -> Registry {
    let mut registry = Registry::default();
    compute::sagas::register(&mut registry);
    image::sagas::register(&mut registry);
    volume::sagas::register(&mut registry);
    registry
}

/// Who takes which message from nodes, besides compute itself.
pub fn conduct(conductor: &mut Conductor) {
    conductor.on(relay::happened);
    conductor.on(|cx: Context, report| async move { telemetry::record(&cx, report).await });
    conductor.on(|cx: Context, report| async move {
        volume::ops::volume_host_report(&cx, &report).await
    });
}

/// All recurring work.
pub fn periodic() -> Vec<Periodic> {
    let hosts = vec![Periodic {
        name: "host_watch",
        every: Duration::from_secs(1),
        run: |cx| {
            compute::ops::hosts_watch(cx)
                .map(|seen| seen.map(drop))
                .boxed()
        },
    }];
    [
        hosts,
        saga::periodic(),
        identity::periodic(),
        compute::reconcile::periodic(),
        image::reconcile::periodic(),
        volume::reconcile::periodic(),
        network::periodic(),
        telemetry::periodic(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What every control process does for itself, whoever else is there.
pub fn own() -> Vec<Periodic> {
    let report = Periodic {
        name: "control_report",
        every: Duration::from_secs(5),
        run: |cx| compute::ops::control_report(cx).boxed(),
    };
    let mut own = vec![report];
    own.extend(telemetry::own());
    own
}

/// What a control process says to the others when it stops.
pub async fn leave(cx: &Context) {
    if let Err(error) = compute::ops::control_leave(cx).await {
        tracing::warn!(%error, "others will take this control process for a living one for a while");
    }
}

/// What is made at the first start, and found there at every later one.
pub async fn bootstrap(cx: &Context) -> Result<()> {
    identity::bootstrap(cx).await?;
    compute::ops::compute_start(cx).await?;
    depot::ops::depot_start(cx).await?;
    // Shared, so it matters little whose it is; the administrator may have renamed their project.
    let projects = identity::ops::project_list(cx, &ProjectQuery::default()).await?;
    let admin = projects
        .iter()
        .find(|project| project.name == "admin")
        .or(projects.first());
    match admin {
        Some(project) => network::ops::network_start(cx, project.id).await,
        None => Ok(()),
    }
}
