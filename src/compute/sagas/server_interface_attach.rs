//! A port is given to a server: accept → port → guest → record, with a full undo.

use futures::FutureExt;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use super::guest;
use super::server_volume_attach::new_definition;
use crate::compute::model::{Server, ServerNic};
use crate::compute::ops::{self, NicWish};
use crate::compute::rpc::PortDetach;
use crate::compute::store;
use crate::context::Change;
use crate::ids::ServerId;
use crate::network::ops::{host_ports_ensure, port_announce};
use crate::saga::{Flow, Saga, Step, StepContext, StepError, StepResult};

/// The saga. The server's row of the port is written before it begins.
#[derive(Serialize, Deserialize)]
pub struct ServerInterfaceAttach {
    server: ServerId,
    host: String,
    wish: NicWish,
}

impl ServerInterfaceAttach {
    /// This port to this server, which has a host.
    pub fn new(server: &Server, wish: NicWish) -> Self {
        Self {
            server: server.id,
            host: server.host.clone().unwrap_or_default(),
            wish,
        }
    }
}

impl Saga for ServerInterfaceAttach {
    const KIND: &'static str = "server_interface_attach";
    const VERSION: i64 = 1;

    fn steps() -> Vec<Step<Self>> {
        vec![
            Step::new("accept", |_, _| async { Ok(Flow::Next) }.boxed()).undo(give_up),
            Step::new("port", port).undo(unport),
            Step::new("guest", attach).undo(detach),
            Step::new("record", record),
        ]
    }
}

fn port<'a>(cx: &'a StepContext, s: &'a mut ServerInterfaceAttach) -> BoxFuture<'a, StepResult> {
    async move {
        let server = guest::server(cx, s.server).await?;
        let wishes = std::slice::from_ref(&s.wish);
        let mut tx = cx.db.begin().await?;
        let made = ops::ports_make_on_conn(&mut tx, cx, &server, wishes, &s.host).await?;
        tx.commit().await?;
        for port in &made {
            port_announce(cx, port, Change::Created);
        }
        host_ports_ensure(cx, &s.host, &[s.wish.port]).await?;
        Ok(Flow::Next)
    }
    .boxed()
}

fn unport<'a>(cx: &'a StepContext, s: &'a mut ServerInterfaceAttach) -> BoxFuture<'a, StepResult> {
    async move {
        let wishes = std::slice::from_ref(&s.wish);
        let mut tx = cx.db.begin().await?;
        let gone = ops::ports_unmake_on_conn(&mut tx, s.server, wishes).await?;
        tx.commit().await?;
        ops::ports_tell(cx, &gone);
        Ok(Flow::Next)
    }
    .boxed()
}

fn attach<'a>(cx: &'a StepContext, s: &'a mut ServerInterfaceAttach) -> BoxFuture<'a, StepResult> {
    async move {
        guest::plug_in(cx, s.server, &s.host, s.wish.port).await?;
        Ok(Flow::Next)
    }
    .boxed()
}

fn detach<'a>(cx: &'a StepContext, s: &'a mut ServerInterfaceAttach) -> BoxFuture<'a, StepResult> {
    async move {
        let request = PortDetach {
            id: s.server,
            port: s.wish.port,
        };
        match cx.call(&s.host, &request, guest::CALL).await {
            // A node that has no such guest has no such interface in it.
            Ok(()) | Err(StepError::Failed(_)) => Ok(Flow::Next),
            Err(error) => Err(error),
        }
    }
    .boxed()
}

fn record<'a>(cx: &'a StepContext, s: &'a mut ServerInterfaceAttach) -> BoxFuture<'a, StepResult> {
    async move {
        let server = guest::server(cx, s.server).await?;
        guest::write(cx, &server, &new_definition()).await?;
        Ok(Flow::Next)
    }
    .boxed()
}

fn give_up<'a>(cx: &'a StepContext, s: &'a mut ServerInterfaceAttach) -> BoxFuture<'a, StepResult> {
    async move {
        let server = guest::server(cx, s.server).await?;
        let nic = ServerNic {
            port: s.wish.port,
            network: s.wish.network,
            keep_port: s.wish.exists,
            tag: None,
        };
        let mut tx = cx.db.begin().await?;
        // A port that was there before was promised when this was asked for.
        let freed = ops::nics_unmake_on_conn(&mut tx, s.server, &[nic]).await?;
        store::server_link::nic_remove(&mut tx, s.server, s.wish.port).await?;
        store::server::change(&mut tx, s.server, &new_definition()).await?;
        tx.commit().await?;
        ops::ports_tell(cx, &freed);
        ops::tell(cx, &server, Change::Updated);
        Ok(Flow::Next)
    }
    .boxed()
}
