//! `/skydeck/v1/nodes` and `/skydeck/v1/join`: who is there, and who is to come.

use axum::Json;
use axum::extract::{Path, State as Cloud};
use axum::http::StatusCode;

use crate::api::skydeck::PREFIX;
use crate::api::wire::{ErrorStyle, Secret};
use crate::api::{Body, Routes, State};
use crate::compute::model::{ControlProcess, Host};
use crate::compute::ops;
use crate::compute::wire::{
    Fencing, Node, NodeInvitation, NodeInvite, NodeJoin, NodeJoined, NodeList,
};
use crate::context::Context;
use crate::error::Result;
use crate::ids::Time;

/// Minutes that an invitation is good for if nothing is said.
const MINUTES: i64 = 60;

pub(super) fn routes() -> Routes {
    Routes::new(PREFIX, ErrorStyle::Skydeck)
        .get("/nodes", "compute:node:list", list)
        .post("/nodes", "compute:node:add", add)
        .delete("/nodes/{name}", "compute:node:remove", remove)
        .post("/nodes/{name}/fence", "compute:node:fence", fence)
        // The token in the body is the right to it.
        .post("/join", "compute:node:join", join)
}

async fn list(cx: Context) -> Result<Json<NodeList>> {
    let control = ops::control_list(&cx).await?;
    let hosts = ops::host_list(&cx).await?;
    let nodes = control
        .iter()
        .map(of_control)
        .chain(hosts.iter().map(of_host));
    Ok(Json(NodeList {
        nodes: nodes.collect(),
    }))
}

async fn add(cx: Context, Body(wanted): Body<NodeInvite>) -> Result<Json<NodeInvitation>> {
    let minutes = wanted.minutes.unwrap_or(MINUTES);
    let invitation = ops::node_add(&cx, &wanted.name, minutes).await?;
    Ok(Json(NodeInvitation {
        token: Secret::new(invitation.token),
        url: invitation.url,
        fingerprint: invitation.fingerprint,
        expires_at: invitation.expires_at,
    }))
}

async fn remove(cx: Context, Path(name): Path<String>) -> Result<StatusCode> {
    ops::node_remove(&cx, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn fence(cx: Context, Path(name): Path<String>) -> Result<(StatusCode, Json<Fencing>)> {
    let operation_id = ops::host_fence(&cx, &name).await?.to_string();
    Ok((StatusCode::ACCEPTED, Json(Fencing { operation_id })))
}

async fn join(Cloud(cloud): Cloud<State>, Body(join): Body<NodeJoin>) -> Result<Json<NodeJoined>> {
    let welcome = ops::node_join(&Context::system(cloud), join.token.expose()).await?;
    Ok(Json(NodeJoined {
        name: welcome.name,
        bus_url: Secret::new(welcome.bus_url),
        bus_ca: welcome.bus_ca,
        version: env!("CARGO_PKG_VERSION").into(),
    }))
}

fn of_host(host: &Host) -> Node {
    Node {
        name: host.name.clone(),
        role: "node".into(),
        state: state(host.up),
        enabled: host.enabled,
        disabled_reason: host.disabled_reason.clone(),
        trouble: host.trouble.clone(),
        version: host.version.clone(),
        uptime: uptime(
            host.up,
            Time(host.started_at.0.saturating_sub(host.skew_us)),
        ),
        reported_at: host.reported_at,
        skew_us: Some(host.skew_us),
    }
}

fn of_control(process: &ControlProcess) -> Node {
    Node {
        name: process.host.clone(),
        role: "control".into(),
        state: state(process.up),
        enabled: true,
        version: process.version.clone(),
        uptime: uptime(process.up, process.started_at),
        reported_at: process.reported_at,
        skew_us: process.skew_us,
        ..Node::default()
    }
}

fn state(up: bool) -> String {
    if up { "up" } else { "down" }.into()
}

/// Seconds since then, by this process's clock.
fn uptime(up: bool, started: Time) -> Option<u64> {
    let seconds = Time::now().0.saturating_sub(started.0).max(0) / 1_000_000;
    up.then(|| u64::try_from(seconds).unwrap_or(0))
}
