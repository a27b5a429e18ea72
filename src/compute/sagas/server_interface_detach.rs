//! A port is taken from a server: guest → release.
//!
//! A guest may refuse to give it up; then it keeps it. Who stops the operation after that gets the interface back in the
//! guest. Once it is released there is no way back: a port that was made for the server is deleted, another one is free
//! again.

use futures::FutureExt;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use super::guest;
use super::server_volume_attach::new_definition;
use crate::bus::{CallError, FaultKind};
use crate::compute::model::{Server, ServerNic};
use crate::compute::ops;
use crate::compute::rpc::PortDetach;
use crate::compute::store;
use crate::context::Change;
use crate::ids::ServerId;
use crate::saga::{Flow, Saga, Step, StepContext, StepResult};

/// The saga.
#[derive(Serialize, Deserialize)]
pub struct ServerInterfaceDetach {
    server: ServerId,
    host: String,
    nic: ServerNic,
}

impl ServerInterfaceDetach {
    /// This port from this server, which has a host.
    pub fn new(server: &Server, nic: ServerNic) -> Self {
        Self {
            server: server.id,
            host: server.host.clone().unwrap_or_default(),
            nic,
        }
    }
}

impl Saga for ServerInterfaceDetach {
    const KIND: &'static str = "server_interface_detach";
    const VERSION: i64 = 1;

    fn steps() -> Vec<Step<Self>> {
        vec![
            Step::new("guest", detach).undo(attach),
            Step::new("release", release).commits(),
        ]
    }
}

fn detach<'a>(cx: &'a StepContext, s: &'a mut ServerInterfaceDetach) -> BoxFuture<'a, StepResult> {
    async move {
        let request = PortDetach {
            id: s.server,
            port: s.nic.port,
        };
        match cx.ask(&s.host, &request, guest::CALL).await {
            Ok(()) => Ok(Flow::Next),
            // A node that has no such guest has no such interface in it.
            Err(CallError::Fault(fault)) if fault.kind == FaultKind::NotFound => Ok(Flow::Next),
            Err(error) => Err(error.into()),
        }
    }
    .boxed()
}

/// Nobody knows whether the guest has given it up: it gets it again.
fn attach<'a>(cx: &'a StepContext, s: &'a mut ServerInterfaceDetach) -> BoxFuture<'a, StepResult> {
    async move {
        guest::plug_in(cx, s.server, &s.host, s.nic.port).await?;
        Ok(Flow::Next)
    }
    .boxed()
}

fn release<'a>(cx: &'a StepContext, s: &'a mut ServerInterfaceDetach) -> BoxFuture<'a, StepResult> {
    async move {
        let server = guest::server(cx, s.server).await?;
        let nics = std::slice::from_ref(&s.nic);
        let mut tx = cx.db.begin().await?;
        let gone = ops::nics_unmake_on_conn(&mut tx, s.server, nics).await?;
        store::server_link::nic_remove(&mut tx, s.server, s.nic.port).await?;
        store::server::change(&mut tx, s.server, &new_definition()).await?;
        tx.commit().await?;
        ops::ports_tell(cx, &gone);
        ops::tell(cx, &server, Change::Updated);
        Ok(Flow::Next)
    }
    .boxed()
}
