//! The end of a server: guest → ports → volumes → row. Forward only, until nothing of it is left.
//!
//! Whatever was under way on the server was asked to unwind before and has ended; a stuck operation was given up. A node
//! that does not answer for a while does not hold the deletion up: what it still has is noted and removed when it reports.

use futures::FutureExt;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use super::guest::{self, Removal};
use crate::compute::model::Server;
use crate::compute::{ops, store};
use crate::context::Change;
use crate::ids::ServerId;
use crate::saga::{Flow, Saga, Step, StepContext, StepError, StepResult};

/// The saga.
#[derive(Serialize, Deserialize)]
pub struct ServerDelete {
    server: ServerId,
    /// Questions that the node did not answer.
    silent: u32,
}

impl ServerDelete {
    /// For this server.
    pub fn new(server: &Server) -> Self {
        Self {
            server: server.id,
            silent: 0,
        }
    }
}

impl Saga for ServerDelete {
    const KIND: &'static str = "server_delete";
    const VERSION: i64 = 1;

    fn steps() -> Vec<Step<Self>> {
        vec![
            Step::new("guest", remove_guest).commits(),
            Step::new("ports", ports),
            Step::new("volumes", volumes),
            Step::new("row", row),
        ]
    }
}

fn remove_guest<'a>(cx: &'a StepContext, s: &'a mut ServerDelete) -> BoxFuture<'a, StepResult> {
    async move {
        let server = guest::server(cx, s.server).await?;
        let Some(host) = &server.host else {
            return Ok(Flow::Next);
        };
        if let Removal::NoAnswer(reason) = guest::remove(cx, cx.turn(), s.server, host).await {
            if !guest::is_silent(cx, &mut s.silent) {
                return Err(StepError::Retry(reason));
            }
            guest::owe(cx, s.server, host, &reason).await?;
        }
        Ok(Flow::Next)
    }
    .boxed()
}

fn ports<'a>(cx: &'a StepContext, s: &'a mut ServerDelete) -> BoxFuture<'a, StepResult> {
    async move {
        let mut tx = cx.db.begin().await?;
        let nics = store::server_link::nics(&mut tx, s.server).await?;
        let gone = ops::nics_unmake_on_conn(&mut tx, s.server, &nics).await?;
        tx.commit().await?;
        // The node itself is told by the network's reconciler: nobody waits for it.
        ops::ports_tell(cx, &gone);
        Ok(Flow::Next)
    }
    .boxed()
}

fn volumes<'a>(cx: &'a StepContext, s: &'a mut ServerDelete) -> BoxFuture<'a, StepResult> {
    async move {
        let mut conn = cx.db.read().await?;
        let volumes = store::server_link::volumes(&mut conn, s.server).await?;
        drop(conn);
        let mut again = None;
        for volume in &volumes {
            again = again.or(ops::volume_let_go(cx, s.server, volume).await?);
        }
        Ok(again.map_or(Flow::Next, Flow::Park))
    }
    .boxed()
}

fn row<'a>(cx: &'a StepContext, s: &'a mut ServerDelete) -> BoxFuture<'a, StepResult> {
    async move {
        let server = guest::server(cx, s.server).await?;
        let mut tx = cx.db.begin().await?;
        ops::claim_release_server_on_conn(&mut tx, s.server).await?;
        store::server_link::clear(&mut tx, s.server).await?;
        store::server::delete(&mut tx, s.server).await?;
        tx.commit().await?;
        ops::tell(cx, &server, Change::Deleted);
        Ok(Flow::Next)
    }
    .boxed()
}
