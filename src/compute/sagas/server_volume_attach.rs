//! A volume is given to a server, running or not: accept → guest → record, with a full undo.

use futures::FutureExt;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use super::guest;
use crate::compute::model::Server;
use crate::compute::ops;
use crate::compute::rpc::{VolumeAttach, VolumeDetach};
use crate::compute::store;
use crate::compute::store::server::Change as Row;
use crate::context::Change;
use crate::ids::{ServerId, VolumeId};
use crate::saga::{Flow, Saga, Step, StepContext, StepError, StepResult};
use crate::volume::ops::{
    volume_attached_on_conn, volume_attaching_on_conn, volume_connection, volume_detached_on_conn,
};

/// The saga. The volume is promised to the server, and the server's row of it written, before it begins.
#[derive(Serialize, Deserialize)]
pub struct ServerVolumeAttach {
    server: ServerId,
    volume: VolumeId,
    host: String,
    device: String,
}

impl ServerVolumeAttach {
    /// This volume to this server, which has a host.
    pub fn new(server: &Server, volume: VolumeId, device: &str) -> Self {
        Self {
            server: server.id,
            volume,
            host: server.host.clone().unwrap_or_default(),
            device: device.to_owned(),
        }
    }
}

impl Saga for ServerVolumeAttach {
    const KIND: &'static str = "server_volume_attach";
    const VERSION: i64 = 1;

    fn steps() -> Vec<Step<Self>> {
        vec![
            Step::new("accept", accept).undo(give_up),
            Step::new("guest", attach).undo(detach),
            Step::new("record", record),
        ]
    }
}

fn accept<'a>(cx: &'a StepContext, s: &'a mut ServerVolumeAttach) -> BoxFuture<'a, StepResult> {
    async move {
        let mut tx = cx.db.begin().await?;
        let volume = volume_attaching_on_conn(&mut tx, cx, s.volume, s.server).await?;
        tx.commit().await?;
        ops::volume_tell(cx, &volume);
        Ok(Flow::Next)
    }
    .boxed()
}

fn attach<'a>(cx: &'a StepContext, s: &'a mut ServerVolumeAttach) -> BoxFuture<'a, StepResult> {
    async move {
        let request = VolumeAttach {
            id: s.server,
            volume: volume_connection(cx, s.volume).await?,
        };
        cx.call(&s.host, &request, guest::CALL).await?;
        Ok(Flow::Next)
    }
    .boxed()
}

fn detach<'a>(cx: &'a StepContext, s: &'a mut ServerVolumeAttach) -> BoxFuture<'a, StepResult> {
    async move {
        let request = VolumeDetach {
            id: s.server,
            volume: s.volume,
        };
        match cx.call(&s.host, &request, guest::CALL).await {
            // A node that has no such guest has no such disk in it.
            Ok(()) | Err(StepError::Failed(_)) => Ok(Flow::Next),
            Err(error) => Err(error),
        }
    }
    .boxed()
}

fn record<'a>(cx: &'a StepContext, s: &'a mut ServerVolumeAttach) -> BoxFuture<'a, StepResult> {
    async move {
        let server = guest::server(cx, s.server).await?;
        let mut tx = cx.db.begin().await?;
        let device = Some(s.device.as_str());
        let (volume, _) =
            volume_attached_on_conn(&mut tx, cx, s.volume, s.server, &s.host, device).await?;
        store::server::change(&mut tx, s.server, &new_definition()).await?;
        tx.commit().await?;
        ops::volume_tell(cx, &volume);
        ops::tell(cx, &server, Change::Updated);
        Ok(Flow::Next)
    }
    .boxed()
}

fn give_up<'a>(cx: &'a StepContext, s: &'a mut ServerVolumeAttach) -> BoxFuture<'a, StepResult> {
    async move {
        let server = guest::server(cx, s.server).await?;
        let mut tx = cx.db.begin().await?;
        let volume = volume_detached_on_conn(&mut tx, s.volume, s.server).await?;
        store::server_link::volume_remove(&mut tx, s.server, s.volume).await?;
        store::server::change(&mut tx, s.server, &new_definition()).await?;
        tx.commit().await?;
        if let Some(volume) = &volume {
            ops::volume_tell(cx, volume);
        }
        ops::tell(cx, &server, Change::Updated);
        Ok(Flow::Next)
    }
    .boxed()
}

/// The guest has other devices than before: the next definition is newer than the present one.
pub(super) fn new_definition() -> Row {
    Row {
        new_generation: true,
        ..Row::default()
    }
}
