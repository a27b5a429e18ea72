//! `POST /servers/{id}/remote-consoles`.

use axum::Json;
use axum::extract::Path;

use crate::api::wire::Secret;
use crate::api::{Body, Routes, parse_id};
use crate::compute::api::links::Links;
use crate::compute::ops::server_console_ticket;
use crate::compute::wire::{RemoteConsole, RemoteConsoleBody, RemoteConsoleRequest};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::ids::ServerId;

pub(super) fn routes(routes: Routes) -> Routes {
    routes.post(
        "/v2.1/servers/{id}/remote-consoles",
        "compute:server:console",
        create,
    )
}

async fn create(
    cx: Context,
    links: Links,
    Path(id): Path<String>,
    Body(RemoteConsoleRequest {
        remote_console: wish,
    }): Body<RemoteConsoleRequest>,
) -> Result<Json<RemoteConsoleBody>> {
    let id = parse_id("server", &id)?;
    if wish.protocol != "serial" {
        return Err(Error::invalid(
            "remote_console.protocol",
            format!("{:?} is not served here; serial is", wish.protocol),
        ));
    }
    let url = console_address(&cx, &links, id, &wish.kind).await?;
    Ok(Json(RemoteConsoleBody {
        remote_console: RemoteConsole {
            protocol: "serial".to_owned(),
            kind: "serial".to_owned(),
            url: Secret::new(url),
        },
    }))
}

/// Address of a websocket that opens the console, once.
pub(super) async fn console_address(
    cx: &Context,
    links: &Links,
    id: ServerId,
    kind: &str,
) -> Result<String> {
    if kind != "serial" {
        return Err(Error::invalid(
            "type",
            format!("{kind:?} is not served here; serial is"),
        ));
    }
    let ticket = server_console_ticket(cx, id).await?;
    let here = links.at("");
    let base = here.trim_end_matches("/compute/v2.1/");
    let socket = base.replacen("http", "ws", 1);
    Ok(format!("{socket}/skydeck/v1/serial?token={ticket}"))
}
