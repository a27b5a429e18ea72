//! What a guest says on its serial port: the log of it, and the line itself.
//!
//! A console is opened in two moves, since browsers and websocket clients can not send a token: whoever may open it gets
//! a ticket, and whoever shows the ticket within its time gets the line, once. Only the ticket's hash is stored.

use std::time::Duration;

use rand::RngExt;
use sha2::{Digest, Sha256};

use super::access::legal_on_conn;
use crate::compute::model::Action;
use crate::compute::rpc::{ConsoleLog, ConsoleOpen};
use crate::compute::store;
use crate::context::Context;
use crate::depot::Line;
use crate::depot::ops::{CONSOLE_JOIN, depot_pass};
use crate::error::{Error, Result};
use crate::ids::{ServerId, Time};

/// How long a node may take to read a log or to open a console.
const CALL: Duration = Duration::from_secs(15);
/// How long after its answer a line may still be on its way.
const ARRIVAL: Duration = Duration::from_secs(5);
/// Seconds that a ticket is good for.
const TICKET_SECONDS: i64 = 600;

/// The end of what the guest wrote: so many lines, or all that is kept.
pub async fn server_console_log(cx: &Context, id: ServerId, lines: Option<u64>) -> Result<String> {
    let mut conn = cx.db.read().await?;
    let server = legal_on_conn(&mut conn, cx, id, Action::ConsoleLog).await?;
    drop(conn);
    let host = server.host.unwrap_or_default();
    Ok(cx
        .bus
        .call(&host, None, &ConsoleLog { id, lines }, CALL)
        .await?)
}

/// A ticket to the console.
pub async fn server_console_ticket(cx: &Context, id: ServerId) -> Result<String> {
    let ticket = hex::encode(rand::rng().random::<[u8; 24]>());
    let mut tx = cx.db.begin().await?;
    legal_on_conn(&mut tx, cx, id, Action::ConsoleOpen).await?;
    let expires = Time::now().plus_seconds(TICKET_SECONDS);
    store::server_console::issue(&mut tx, &hash(&ticket), id, expires).await?;
    tx.commit().await?;
    Ok(ticket)
}

/// Takes a ticket and opens the console that it is for. The ticket is the right to it: nothing else is asked. The node
/// brings the line to this process.
pub async fn server_console_open(cx: &Context, ticket: &str) -> Result<(ServerId, Line)> {
    let mut tx = cx.db.begin().await?;
    let id = store::server_console::redeem(&mut tx, &hash(ticket), Time::now())
        .await?
        .ok_or_else(|| {
            Error::Unauthorized(
                "the ticket to this console was used or has expired; ask for another one".into(),
            )
        })?;
    let server = store::server::show(&mut tx, id)
        .await?
        .ok_or_else(|| Error::not_found("server", id))?;
    tx.commit().await?;
    let host = server
        .host
        .ok_or_else(|| Error::conflict(format!("server {id} has no host")))?;
    let visit = cx.depot.expect().ok_or_else(|| {
        Error::Unavailable("too many consoles are being opened at once; try again".into())
    })?;
    let depot = Some(depot_pass(cx, CONSOLE_JOIN, visit.id).await?);
    let request = ConsoleOpen { id, depot };
    cx.bus.call(&host, None, &request, CALL).await?;
    let line = visit.line(ARRIVAL).await.ok_or_else(|| {
        Error::Unavailable(format!(
            "node {host} did not bring the console; is it of the same version as this control process?"
        ))
    })?;
    Ok((id, line))
}

fn hash(ticket: &str) -> String {
    hex::encode(Sha256::digest(ticket.as_bytes()))
}
