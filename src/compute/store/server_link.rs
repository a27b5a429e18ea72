//! Ports and volumes of servers, in order.

use std::collections::HashMap;

use crate::compute::model::{ServerNic, ServerVolume};
use crate::db::{Conn, DbResult, LIST, Row, sql};
use crate::ids::{PortId, ServerId, VolumeId};

fn nic(row: &mut Row) -> DbResult<ServerNic> {
    Ok(ServerNic {
        port: row.take()?,
        network: row.take()?,
        keep_port: row.take()?,
        tag: row.take()?,
    })
}

fn volume(row: &mut Row) -> DbResult<ServerVolume> {
    Ok(ServerVolume {
        volume: row.take()?,
        boot: row.take()?,
        delete_on_termination: row.take()?,
        tag: row.take()?,
        device: row.take()?,
    })
}

const VOLUME: &str = "volume_id, boot, delete_on_termination, tag, device";

/// Adds an interface after those that are there; does nothing if it is there.
pub async fn nic_add(conn: &mut Conn, server: ServerId, nic: &ServerNic) -> DbResult<()> {
    sql("INSERT INTO server_nic (server_id, port_id, network_id, position, keep_port, tag) \
         SELECT $1, $2, $3, COALESCE(MAX(position), -1) + 1, $4, $5 FROM server_nic WHERE server_id = $1 \
         ON CONFLICT DO NOTHING")
    .bind(server)
    .bind(nic.port)
    .bind(nic.network)
    .bind(nic.keep_port)
    .bind(nic.tag.as_ref())
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes an interface away; `false` if there is none.
pub async fn nic_remove(conn: &mut Conn, server: ServerId, port: PortId) -> DbResult<bool> {
    sql("DELETE FROM server_nic WHERE server_id = $1 AND port_id = $2")
        .bind(server)
        .bind(port)
        .swapped(conn)
        .await
}

/// All interfaces of a server.
pub async fn nics(conn: &mut Conn, server: ServerId) -> DbResult<Vec<ServerNic>> {
    sql("SELECT port_id, network_id, keep_port, tag FROM server_nic WHERE server_id = $1 ORDER BY position")
        .bind(server)
        .all(conn, nic)
        .await
}

/// Adds a volume after those that are there; does nothing if it is there.
pub async fn volume_add(conn: &mut Conn, server: ServerId, volume: &ServerVolume) -> DbResult<()> {
    sql("INSERT INTO server_volume (server_id, volume_id, position, boot, delete_on_termination, tag, device) \
         SELECT $1, $2, COALESCE(MAX(position), -1) + 1, $3, $4, $5, $6 FROM server_volume WHERE server_id = $1 \
         ON CONFLICT DO NOTHING")
    .bind(server)
    .bind(volume.volume)
    .bind(volume.boot)
    .bind(volume.delete_on_termination)
    .bind(volume.tag.as_ref())
    .bind(volume.device.as_ref())
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes a volume away; `false` if there is none.
pub async fn volume_remove(conn: &mut Conn, server: ServerId, volume: VolumeId) -> DbResult<bool> {
    sql("DELETE FROM server_volume WHERE server_id = $1 AND volume_id = $2")
        .bind(server)
        .bind(volume)
        .swapped(conn)
        .await
}

/// Says whether a volume is deleted with its server; `false` if it is not there.
pub async fn volume_keep(
    conn: &mut Conn,
    server: ServerId,
    volume: VolumeId,
    delete_on_termination: bool,
) -> DbResult<bool> {
    sql("UPDATE server_volume SET delete_on_termination = $3 WHERE server_id = $1 AND volume_id = $2")
        .bind(server)
        .bind(volume)
        .bind(delete_on_termination)
        .swapped(conn)
        .await
}

/// All volumes of a server.
pub async fn volumes(conn: &mut Conn, server: ServerId) -> DbResult<Vec<ServerVolume>> {
    sql(format!(
        "SELECT {VOLUME} FROM server_volume WHERE server_id = $1 ORDER BY position"
    ))
    .bind(server)
    .all(conn, volume)
    .await
}

/// Volumes of all these servers, in order, by server.
pub async fn volumes_of(
    conn: &mut Conn,
    servers: &[ServerId],
) -> DbResult<HashMap<ServerId, Vec<ServerVolume>>> {
    let mut rows = Vec::new();
    for part in servers.chunks(LIST) {
        let some = sql(format!(
            "SELECT server_id, {VOLUME} FROM server_volume WHERE server_id"
        ))
        .push_in(part.iter().copied())
        .push(" ORDER BY server_id, position")
        .all(conn, |row| Ok((row.take()?, volume(row)?)));
        rows.extend(some.await?);
    }
    Ok(gathered(rows))
}

/// Forgets a server's ports and volumes.
pub async fn clear_links(conn: &mut Conn, server: ServerId) -> DbResult<()> {
    clear_tables(conn, server, &["server_nic", "server_volume"]).await
}

/// Forgets everything that hangs on a server.
pub async fn clear(conn: &mut Conn, server: ServerId) -> DbResult<()> {
    clear_links(conn, server).await?;
    let tables = [
        "server_tag",
        "server_console",
        "server_group_member",
        "server_wish",
    ];
    clear_tables(conn, server, &tables).await
}

async fn clear_tables(conn: &mut Conn, server: ServerId, tables: &[&str]) -> DbResult<()> {
    for table in tables {
        sql(format!("DELETE FROM {table} WHERE server_id = $1"))
            .bind(server)
            .execute(conn)
            .await?;
    }
    Ok(())
}

fn gathered<T>(rows: Vec<(ServerId, T)>) -> HashMap<ServerId, Vec<T>> {
    let mut found: HashMap<ServerId, Vec<T>> = HashMap::new();
    for (server, thing) in rows {
        found.entry(server).or_default().push(thing);
    }
    found
}
