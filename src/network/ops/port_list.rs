//! Ports as the actor may see them: those of their project.

use crate::context::{Change, Context, Event};
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::ids::{PortId, ServerId};
use crate::network::model::{Port, PortQuery};
use crate::network::store;

/// Ports, oldest first.
pub async fn port_list(cx: &Context, mut query: PortQuery) -> Result<Vec<Port>> {
    if let Some(own) = cx.visible_project()? {
        query.project = Some(own);
    }
    let mut conn = cx.db.read().await?;
    Ok(store::port::list(&mut conn, &query).await?)
}

/// One port.
pub async fn port_show(cx: &Context, id: PortId) -> Result<Port> {
    let mut conn = cx.db.read().await?;
    port_show_on_conn(&mut conn, cx, id).await
}

/// One port, on a connection.
pub async fn port_show_on_conn(conn: &mut Conn, cx: &Context, id: PortId) -> Result<Port> {
    let port = store::port::find(conn, id)
        .await?
        .ok_or_else(|| Error::not_found("port", id))?;
    cx.check_owner(port.project, "port", id)?;
    Ok(port)
}

/// A port if it exists, whoever's it is; for sagas, which look whether their own step ran before.
pub async fn port_find_on_conn(conn: &mut Conn, id: PortId) -> Result<Option<Port>> {
    Ok(store::port::find(conn, id).await?)
}

/// The ports that a server uses, oldest first. Whether the caller may see the server is the caller's to check.
pub async fn ports_of_server(cx: &Context, server: ServerId) -> Result<Vec<Port>> {
    let mut conn = cx.db.read().await?;
    ports_of_server_on_conn(&mut conn, server).await
}

/// The ports that a server uses, on a connection.
pub async fn ports_of_server_on_conn(conn: &mut Conn, server: ServerId) -> Result<Vec<Port>> {
    let query = PortQuery {
        device_id: Some(server.to_string()),
        ..PortQuery::default()
    };
    Ok(store::port::list(conn, &query).await?)
}

/// Tells watchers that a port changed; to be called after the commit by whoever changed it on a connection.
pub fn port_announce(cx: &Context, port: &Port, change: Change) {
    let event = Event::new("port", port.id, Some(port.project), change)
        .named(&port.name)
        .with_status(port.status);
    cx.events.publish(event);
}
