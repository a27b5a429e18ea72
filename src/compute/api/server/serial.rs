//! `GET /skydeck/v1/serial?token=`: a websocket whose binary messages are the bytes of a server's serial line, both ways.
//!
//! Whoever has the ticket has the console; it lets in once. The line ends when either side does.
//!
//! `GET /skydeck/v1/depot/consoles/{id}` is the other end: the node's websocket, which this process joins to the user's.

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, State as Cloud};
use axum::response::Response;
use futures::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use uuid::Uuid;

use crate::api::{Params, Routes, State};
use crate::compute::ops::server_console_open;
use crate::context::Context;
use crate::depot::Line;
use crate::depot::ops::CONSOLE_JOIN;
use crate::error::{Error, Result};
use crate::ids::ServerId;

/// Bytes of the line in one message at most.
const CHUNK: usize = 4096;
/// Bytes of a message from the client at most.
const LARGEST: usize = 64 * 1024;

pub(super) fn routes(routes: Routes) -> Routes {
    // The ticket is the right to enter.
    routes.get("/serial", "compute:console:enter", enter).get(
        "/depot/consoles/{id}",
        CONSOLE_JOIN,
        join,
    )
}

async fn enter(
    Cloud(cloud): Cloud<State>,
    params: Params,
    upgrade: WebSocketUpgrade,
) -> Result<Response> {
    let ticket = params.get("token").ok_or_else(|| {
        Error::Unauthorized("a console is opened with a token in its address".into())
    })?;
    let (id, line) = server_console_open(&Context::system(cloud), ticket).await?;
    Ok(upgrade
        .max_message_size(LARGEST)
        .protocols(["binary"])
        .on_upgrade(move |socket| async move {
            if let Err(error) = carry(socket, line).await {
                tracing::info!(%id, error, "a console ended");
            }
            ended(id);
        }))
}

/// A node brings the line that somebody waits for; once.
async fn join(cx: Context, Path(id): Path<Uuid>, upgrade: WebSocketUpgrade) -> Result<Response> {
    let line = cx
        .depot
        .arrive(id)
        .ok_or_else(|| Error::not_found("console", id))?;
    Ok(upgrade
        .max_message_size(LARGEST)
        .protocols(["binary"])
        .on_upgrade(move |socket| async move {
            // The other end says why.
            let _ = carry(socket, line).await;
        }))
}

fn ended(id: ServerId) {
    tracing::debug!(%id, "a console was left");
}

/// Carries bytes both ways until one side ends.
async fn carry(socket: WebSocket, line: Line) -> std::result::Result<(), String> {
    let (mut to_client, mut from_client) = socket.split();
    let (mut from_guest, mut to_guest) = tokio::io::split(line);
    let down = async {
        let mut buffer = vec![0_u8; CHUNK];
        loop {
            let length = from_guest
                .read(&mut buffer)
                .await
                .map_err(|error| error.to_string())?;
            if length == 0 {
                // A farewell that does not arrive changes nothing.
                let _ = to_client.send(Message::Close(None)).await;
                return Ok(());
            }
            let bytes = bytes::Bytes::copy_from_slice(&buffer[..length]);
            to_client
                .send(Message::Binary(bytes))
                .await
                .map_err(|error| error.to_string())?;
        }
    };
    let up = async {
        while let Some(message) = from_client.next().await {
            let bytes: bytes::Bytes = match message.map_err(|error| error.to_string())? {
                Message::Binary(bytes) => bytes,
                Message::Text(text) => text.into(),
                Message::Close(_) => return Ok(()),
                Message::Ping(_) | Message::Pong(_) => continue,
            };
            to_guest
                .write_all(&bytes)
                .await
                .map_err(|error| error.to_string())?;
        }
        Ok(())
    };
    tokio::select! {
        ended = down => ended,
        ended = up => ended,
    }
}
