//! Which function answers which method. A service adds its methods here; nothing else knows all of them.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::Value;

use super::turns::Turns;
use super::{Node, examine, image_cache, instance, network, volume};
use crate::bus::dedupe::Dedupe;
use crate::bus::{Fault, FaultKind, Handler, Incoming, Rpc};
use crate::failpoint;
use crate::ids::OperationId;

type Function =
    Box<dyn Fn(Arc<Node>, Incoming) -> BoxFuture<'static, Result<Value, Fault>> + Send + Sync>;

/// Methods by name.
pub struct MethodTable {
    node: Arc<Node>,
    functions: HashMap<&'static str, Function>,
    dedupe: Dedupe,
    turns: Turns,
}

impl MethodTable {
    /// A table without methods.
    pub fn new(node: Arc<Node>) -> Self {
        Self {
            turns: Turns::new(node.places.turns.clone()),
            node,
            functions: HashMap::new(),
            dedupe: Dedupe::default(),
        }
    }

    /// `function` answers `R`.
    pub fn add<R, F, Fut>(&mut self, function: F)
    where
        R: Rpc + 'static,
        F: Fn(Arc<Node>, R, Option<OperationId>) -> Fut + Copy + Send + Sync + 'static,
        Fut: Future<Output = Result<R::Reply, Fault>> + Send + 'static,
    {
        let erased: Function = Box::new(move |node, incoming| {
            async move {
                let reply = function(node, incoming.parse()?, incoming.operation).await?;
                serde_json::to_value(reply)
                    .map_err(|error| Fault::new(FaultKind::Unavailable, error.to_string()))
            }
            .boxed()
        });
        self.functions.insert(R::METHOD, erased);
    }
}

#[async_trait]
impl Handler for MethodTable {
    async fn handle(&self, incoming: Incoming) -> Result<Value, Fault> {
        let Some(function) = self.functions.get(incoming.method.as_str()) else {
            return Err(Fault::new(
                FaultKind::Refused,
                format!("this agent has no method {}", incoming.method),
            ));
        };
        if let Some(turn) = &incoming.turn {
            self.turns.admit(turn).await?;
        }
        failpoint::pass(|| format!("{}.before", incoming.method));
        let answer = self
            .dedupe
            .run(&incoming, function(self.node.clone(), incoming.clone()))
            .await;
        failpoint::pass(|| format!("{}.after", incoming.method));
        answer
    }
}

/// Everything a node does.
pub(super) fn standard(node: Arc<Node>) -> MethodTable {
    let mut table = MethodTable::new(node);
    instance::register(&mut table);
    network::register(&mut table);
    image_cache::register(&mut table);
    volume::register(&mut table);
    examine::register(&mut table);
    table
}
