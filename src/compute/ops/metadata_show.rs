//! What a guest is told of itself when it asks.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::server::server_drive;
use crate::compute::metadata::metadata_find;
use crate::compute::rpc::metadata::{MetadataAnswer, MetadataAsk, MetadataPlace};
use crate::compute::store;
use crate::context::Context;
use crate::error::Result;
use crate::network::ops::{PortPlace, port_at_address};

/// Answers a guest's question: only from what belongs to the server that has the address at that very place, so never
/// about another one's.
pub async fn metadata_show(cx: &Context, asked: &MetadataAsk) -> Result<MetadataAnswer> {
    let place = match asked.place {
        MetadataPlace::Network(network) => PortPlace::Network(network),
        MetadataPlace::Router(router) => PortPlace::Router(router),
    };
    let port = port_at_address(cx, place, asked.address).await?;
    let Some(id) = port.and_then(|port| port.server()) else {
        return Ok(MetadataAnswer::NoServer);
    };
    let mut conn = cx.db.read().await?;
    let server = store::server::show(&mut conn, id).await?;
    drop(conn);
    let Some(server) = server.filter(|server| server.deleted_at.is_none()) else {
        return Ok(MetadataAnswer::NoServer);
    };
    let drive = server_drive(cx, &server).await?;
    Ok(match metadata_find(&drive, &asked.path) {
        Some(found) => MetadataAnswer::Found(STANDARD.encode(found)),
        None => MetadataAnswer::NoPath,
    })
}
