//! Volumes and ports are given to servers and taken away again.

use super::access::{UnderWay, begin_on_conn, legal_on_conn, tell_begun, visible_on_conn};
use super::ports::{NicWish, nic_take_on_conn, nics_plan};
use super::request::{NetworkChoice, NicRequest};
use super::volumes::{check_host, free_device_on_conn, tell as volume_tell};
use crate::compute::model::{Action, ServerNic, ServerVolume};
use crate::compute::sagas::{
    ServerInterfaceAttach, ServerInterfaceDetach, ServerVolumeAttach, ServerVolumeDetach,
};
use crate::compute::store;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::ids::{OperationId, PortId, ServerId, VolumeId};
use crate::network::model::Port;
use crate::network::ops::{port_show, ports_of_server_on_conn};
use crate::volume::model::Attachment;
use crate::volume::ops::{
    attachments_of_server_on_conn, volume_detaching_on_conn, volume_reserve_on_conn,
};

/// A volume of a server and what the volume service says of its use; the latter is absent before a launch gives it.
pub type VolumeUse = (ServerVolume, Option<Attachment>);

/// All volumes of a server in order.
pub async fn server_volume_list(cx: &Context, id: ServerId) -> Result<Vec<VolumeUse>> {
    let mut conn = cx.db.read().await?;
    visible_on_conn(&mut conn, cx, id).await?;
    let volumes = store::server_link::volumes(&mut conn, id).await?;
    let uses = attachments_of_server_on_conn(&mut conn, id).await?;
    Ok(volumes
        .into_iter()
        .map(|volume| {
            let found = uses.iter().find(|used| used.volume == volume.volume);
            (volume, found.cloned())
        })
        .collect())
}

/// One volume of a server.
pub async fn server_volume_show(cx: &Context, id: ServerId, volume: VolumeId) -> Result<VolumeUse> {
    server_volume_list(cx, id)
        .await?
        .into_iter()
        .find(|(found, _)| found.volume == volume)
        .ok_or_else(|| Error::not_found("volume_attachment", volume))
}

/// How a volume is to be attached.
#[derive(Clone, Debug, Default)]
pub struct AttachWish {
    /// Label told to the guest.
    pub tag: Option<String>,
    /// Whether it is deleted with the server.
    pub delete_on_termination: bool,
}

/// Begins to attach a volume.
pub async fn server_volume_attach(
    cx: &Context,
    id: ServerId,
    volume: VolumeId,
    wish: AttachWish,
) -> Result<(VolumeUse, OperationId)> {
    super::request::check_label("tag", wish.tag.as_deref())?;
    let mut tx = cx.db.begin().await?;
    let server = legal_on_conn(&mut tx, cx, id, Action::AttachVolume).await?;
    let has = store::server_link::volumes(&mut tx, id).await?;
    if has.iter().any(|found| found.volume == volume) {
        return Err(Error::conflict(format!(
            "volume {volume} is attached to server {id} already"
        )));
    }
    let (found, attachment) = volume_reserve_on_conn(&mut tx, cx, volume, id).await?;
    check_host(&found, server.host.as_deref().unwrap_or_default())?;
    let device = free_device_on_conn(&mut tx, &server).await?;
    let row = ServerVolume {
        volume,
        boot: false,
        delete_on_termination: wish.delete_on_termination,
        tag: wish.tag,
        device: Some(device.clone()),
    };
    store::server_link::volume_add(&mut tx, id, &row).await?;
    let saga = ServerVolumeAttach::new(&server, volume, &device);
    let begun = begin_on_conn(&mut tx, cx, &server, None, &saga, UnderWay::Refuse).await?;
    tx.commit().await?;
    volume_tell(cx, &found);
    Ok(((row, Some(attachment)), tell_begun(cx, &server, begun)))
}

/// Says whether a volume is deleted with its server.
pub async fn server_volume_update(
    cx: &Context,
    id: ServerId,
    volume: VolumeId,
    delete_on_termination: bool,
) -> Result<()> {
    let mut tx = cx.db.begin().await?;
    visible_on_conn(&mut tx, cx, id).await?;
    if !store::server_link::volume_keep(&mut tx, id, volume, delete_on_termination).await? {
        return Err(Error::not_found("volume_attachment", volume));
    }
    tx.commit().await?;
    Ok(())
}

/// Begins to detach a volume.
pub async fn server_volume_detach(
    cx: &Context,
    id: ServerId,
    volume: VolumeId,
) -> Result<OperationId> {
    let mut tx = cx.db.begin().await?;
    let server = legal_on_conn(&mut tx, cx, id, Action::DetachVolume).await?;
    let row = store::server_link::volumes(&mut tx, id)
        .await?
        .into_iter()
        .find(|found| found.volume == volume)
        .ok_or_else(|| Error::not_found("volume_attachment", volume))?;
    if row.boot {
        return Err(Error::Forbidden(format!(
            "Cannot detach a root device volume: server {id} boots from volume {volume}"
        )));
    }
    let (found, _) = volume_detaching_on_conn(&mut tx, cx, volume, id).await?;
    let saga = ServerVolumeDetach::new(&server, volume);
    let begun = begin_on_conn(&mut tx, cx, &server, None, &saga, UnderWay::Refuse).await?;
    tx.commit().await?;
    volume_tell(cx, &found);
    Ok(tell_begun(cx, &server, begun))
}

/// All ports of a server, in order of its interfaces; those that are being made are left out.
pub async fn server_interface_list(cx: &Context, id: ServerId) -> Result<Vec<Port>> {
    let mut conn = cx.db.read().await?;
    visible_on_conn(&mut conn, cx, id).await?;
    let order = store::server_link::nics(&mut conn, id).await?;
    let mut ports = ports_of_server_on_conn(&mut conn, id).await?;
    ports.sort_by_key(|port| order.iter().position(|nic| nic.port == port.id));
    Ok(ports)
}

/// One port of a server.
pub async fn server_interface_show(cx: &Context, id: ServerId, port: PortId) -> Result<Port> {
    server_interface_list(cx, id)
        .await?
        .into_iter()
        .find(|found| found.id == port)
        .ok_or_else(|| Error::not_found("port", port))
}

/// Begins to give a server a port: one that exists, or one to make on a network. Returns with the port when the
/// operation has made it, which is before the guest has it.
pub async fn server_interface_attach(
    cx: &Context,
    id: ServerId,
    nic: NicRequest,
) -> Result<(PortId, OperationId)> {
    super::request::check_label("tag", nic.tag.as_deref())?;
    let choice = if nic.port.is_none() && nic.network.is_none() {
        NetworkChoice::Auto
    } else {
        NetworkChoice::These(vec![nic.clone()])
    };
    let plan = nics_plan(cx, &choice)
        .await?
        .pop()
        .ok_or_else(|| Error::invalid("interfaceAttachment", "say a network or a port"))?;
    let wish = NicWish {
        port: plan.port.unwrap_or_else(PortId::new),
        network: plan.network,
        exists: plan.port.is_some(),
        fixed_ip: nic.fixed_ip,
        groups: None,
    };
    let mut tx = cx.db.begin().await?;
    let server = legal_on_conn(&mut tx, cx, id, Action::AttachInterface).await?;
    let row = ServerNic {
        port: wish.port,
        network: wish.network,
        keep_port: wish.exists,
        tag: nic.tag,
    };
    store::server_link::nic_add(&mut tx, id, &row).await?;
    nic_take_on_conn(&mut tx, cx, &server, &wish).await?;
    let port = wish.port;
    let saga = ServerInterfaceAttach::new(&server, wish);
    let begun = begin_on_conn(&mut tx, cx, &server, None, &saga, UnderWay::Refuse).await?;
    tx.commit().await?;
    Ok((port, tell_begun(cx, &server, begun)))
}

/// Begins to take a port from a server.
pub async fn server_interface_detach(
    cx: &Context,
    id: ServerId,
    port: PortId,
) -> Result<OperationId> {
    let mut tx = cx.db.begin().await?;
    let server = legal_on_conn(&mut tx, cx, id, Action::DetachInterface).await?;
    let nic = store::server_link::nics(&mut tx, id)
        .await?
        .into_iter()
        .find(|nic| nic.port == port)
        .ok_or_else(|| Error::not_found("port", port))?;
    let saga = ServerInterfaceDetach::new(&server, nic);
    let begun = begin_on_conn(&mut tx, cx, &server, None, &saga, UnderWay::Refuse).await?;
    tx.commit().await?;
    Ok(tell_begun(cx, &server, begun))
}

/// A port of a server that was just asked for, as soon as it is made. The operation that makes it goes on; if it fails
/// before, there is no port, and the operation says why.
pub async fn server_interface_wait(
    cx: &Context,
    port: PortId,
    operation: OperationId,
) -> Result<Port> {
    const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);
    let mut events = cx.events.watch();
    let wait = async {
        loop {
            match port_show(cx, port).await {
                Err(Error::NotFound { .. }) => {}
                other => return other,
            }
            let now = crate::saga::operation_show(cx, operation).await?;
            if now.status.is_finished() {
                let why = now.error.map(|error| error.message).unwrap_or_default();
                return Err(Error::conflict(format!(
                    "the interface could not be attached: {why}"
                )));
            }
            // An event that was lost costs no more than this.
            let _ =
                tokio::time::timeout(std::time::Duration::from_millis(200), events.recv()).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.map_err(|_| {
        Error::Unavailable(format!(
            "port {port} is not made yet; see operation {operation}"
        ))
    })?
}
