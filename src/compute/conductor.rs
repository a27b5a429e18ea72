//! What control processes do with messages from nodes: the `conductor` topic.
//!
//! A service says which of its functions take which message ([`Conductor::on`]); several may take the same one and are
//! called in the order in which they were added. Whoever puts the process together adds them; nothing here knows them all.
//!
//! Messages may be lost, doubled or late: a function must do the same whether it is called once or twice. A function that
//! fails does not keep the others from being called.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::Value;

use super::rpc::metadata::MetadataAsk;
use super::rpc::migration::MigrationReport;
use super::rpc::{GuestReport, HostReport, ProgressReport};
use super::{ops, reconcile};
use crate::bus::{Fault, FaultKind, Handler, Incoming, Message, Rpc};
use crate::context::{Cloud, Context};
use crate::error::{Error, Result};

type Answer = Box<dyn Fn(Context, Incoming) -> BoxFuture<'static, Result<Value>> + Send + Sync>;
type Function = Box<dyn Fn(Context, Incoming) -> BoxFuture<'static, Result<()>> + Send + Sync>;

/// Functions by the name of the message they take.
pub struct Conductor {
    cloud: Arc<Cloud>,
    functions: HashMap<&'static str, Vec<Function>>,
    answers: HashMap<&'static str, Answer>,
}

impl Conductor {
    /// With compute's own functions: reports of hosts and guests, and progress of operations.
    pub fn new(cloud: Arc<Cloud>) -> Self {
        let mut conductor = Self {
            cloud,
            functions: HashMap::new(),
            answers: HashMap::new(),
        };
        conductor.on(|cx: Context, report: HostReport| async move {
            reconcile::host_reported(&cx, report).await
        });
        conductor.on(|cx: Context, report: GuestReport| async move {
            reconcile::guest_reported(&cx, &report).await
        });
        conductor.on(progress);
        conductor.answer(|cx: Context, asked: MetadataAsk| async move {
            ops::metadata_show(&cx, &asked).await
        });
        conductor.on(|cx: Context, report: MigrationReport| async move {
            ops::migration_progress(&cx, report.operation, report.progress).await
        });
        conductor
    }

    /// `function` takes messages of type `M`, besides those that take them already.
    pub fn on<M, F, Fut>(&mut self, function: F)
    where
        M: Message + 'static,
        F: Fn(Context, M) -> Fut + Copy + Send + Sync + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        let erased: Function = Box::new(move |cx, incoming| {
            async move {
                let message = incoming
                    .parse()
                    .map_err(|fault| Error::BadRequest(fault.message))?;
                function(cx, message).await
            }
            .boxed()
        });
        self.functions.entry(M::METHOD).or_default().push(erased);
    }

    /// `function` answers questions of type `R`; only one can.
    pub fn answer<R, F, Fut>(&mut self, function: F)
    where
        R: Rpc + 'static,
        F: Fn(Context, R) -> Fut + Copy + Send + Sync + 'static,
        Fut: Future<Output = Result<R::Reply>> + Send + 'static,
    {
        let erased: Answer = Box::new(move |cx, incoming| {
            async move {
                let question = incoming
                    .parse()
                    .map_err(|fault| Error::BadRequest(fault.message))?;
                let reply = function(cx, question).await?;
                serde_json::to_value(reply).map_err(|error| Error::Internal(error.to_string()))
            }
            .boxed()
        });
        self.answers.insert(R::METHOD, erased);
    }
}

async fn progress(cx: Context, report: ProgressReport) -> Result<()> {
    crate::saga::report(
        cx.cloud(),
        report.operation,
        &report.what,
        report.done,
        report.total,
        &report.unit,
    )
    .await
}

#[async_trait]
impl Handler for Conductor {
    async fn handle(&self, incoming: Incoming) -> std::result::Result<Value, Fault> {
        if let Some(answer) = self.answers.get(incoming.method.as_str()) {
            let cx = Context::system(self.cloud.clone());
            let failed = |error: Error| Fault::new(FaultKind::Unavailable, error.to_string());
            return answer(cx, incoming).await.map_err(failed);
        }
        let functions = self
            .functions
            .get(incoming.method.as_str())
            .ok_or_else(|| {
                Fault::new(
                    FaultKind::Refused,
                    format!("control processes take no {}", incoming.method),
                )
            })?;
        let mut failed = None;
        for function in functions {
            let cx = Context::system(self.cloud.clone());
            if let Err(error) = function(cx, incoming.clone()).await {
                failed = Some(Fault::new(FaultKind::Unavailable, error.to_string()));
            }
        }
        failed.map_or(Ok(Value::Null), Err)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::compute::rpc::CONDUCTOR;

    static SEEN: AtomicU32 = AtomicU32::new(0);

    #[derive(Serialize, Deserialize)]
    struct Ping {
        weight: u32,
    }

    impl Message for Ping {
        const TOPIC: &'static str = CONDUCTOR;
        const METHOD: &'static str = "ping";
    }

    #[tokio::test]
    async fn every_function_gets_the_message_also_after_one_that_failed() {
        let (_dir, cloud, _kicks) = crate::context::testing::cloud().await;
        let mut conductor = Conductor::new(cloud.clone());
        conductor.on(|_: Context, _: Ping| async { Err(Error::conflict("no")) });
        conductor.on(|_: Context, ping: Ping| async move {
            SEEN.fetch_add(ping.weight, Ordering::SeqCst);
            Ok(())
        });
        let _serving = cloud.bus.serve(CONDUCTOR, "c1", Arc::new(conductor));
        cloud.bus.cast(&Ping { weight: 7 }).await.unwrap();
        let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
        while SEEN.load(Ordering::SeqCst) != 7 {
            assert!(tokio::time::Instant::now() < deadline);
            tokio::task::yield_now().await;
        }
    }
}
