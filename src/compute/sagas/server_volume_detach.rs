//! A volume is taken from a server: accept → guest → release.
//!
//! A guest may refuse to give it up; then it keeps it. Once the guest has given it up there is no way back.

use futures::FutureExt;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use super::guest;
use super::server_volume_attach::new_definition;
use crate::bus::{CallError, FaultKind};
use crate::compute::model::Server;
use crate::compute::ops;
use crate::compute::rpc::{VolumeAttach, VolumeDetach};
use crate::compute::store;
use crate::context::Change;
use crate::ids::{ServerId, VolumeId};
use crate::saga::{Flow, Saga, Step, StepContext, StepResult};
use crate::volume::ops::{
    volume_connection, volume_detach_failed_on_conn, volume_detached_on_conn,
};

/// The saga. The volume was marked as being detached before it begins.
#[derive(Serialize, Deserialize)]
pub struct ServerVolumeDetach {
    server: ServerId,
    volume: VolumeId,
    host: String,
}

impl ServerVolumeDetach {
    /// This volume from this server, which has a host.
    pub fn new(server: &Server, volume: VolumeId) -> Self {
        Self {
            server: server.id,
            volume,
            host: server.host.clone().unwrap_or_default(),
        }
    }
}

impl Saga for ServerVolumeDetach {
    const KIND: &'static str = "server_volume_detach";
    const VERSION: i64 = 1;

    fn steps() -> Vec<Step<Self>> {
        vec![
            Step::new("accept", |_, _| async { Ok(Flow::Next) }.boxed()).undo(give_up),
            Step::new("guest", detach).undo(attach),
            Step::new("release", release).commits(),
        ]
    }
}

fn detach<'a>(cx: &'a StepContext, s: &'a mut ServerVolumeDetach) -> BoxFuture<'a, StepResult> {
    async move {
        let request = VolumeDetach {
            id: s.server,
            volume: s.volume,
        };
        match cx.ask(&s.host, &request, guest::CALL).await {
            Ok(()) => Ok(Flow::Next),
            // A node that has no such guest has no such disk in it.
            Err(CallError::Fault(fault)) if fault.kind == FaultKind::NotFound => Ok(Flow::Next),
            Err(error) => Err(error.into()),
        }
    }
    .boxed()
}

/// Nobody knows whether the guest has given it up: it gets it again.
fn attach<'a>(cx: &'a StepContext, s: &'a mut ServerVolumeDetach) -> BoxFuture<'a, StepResult> {
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

fn release<'a>(cx: &'a StepContext, s: &'a mut ServerVolumeDetach) -> BoxFuture<'a, StepResult> {
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

fn give_up<'a>(cx: &'a StepContext, s: &'a mut ServerVolumeDetach) -> BoxFuture<'a, StepResult> {
    async move {
        let mut tx = cx.db.begin().await?;
        volume_detach_failed_on_conn(&mut tx, cx, s.volume, s.server).await?;
        tx.commit().await?;
        cx.events.changed("volume", s.volume, None, Change::Updated);
        Ok(Flow::Next)
    }
    .boxed()
}
