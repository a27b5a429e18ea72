//! Serving a topic: consume, work, answer, acknowledge; and all over again on the next session.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicNackOptions,
    BasicPublishOptions, BasicQosOptions,
};
use lapin::types::{FieldTable, ShortString};
use lapin::{Channel, Consumer};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::link::Link;
use super::session::{Session, in_time};
use super::{message, topology};
use crate::bus::{Fault, FaultKind, Handler, size};

/// Messages of one queue that one server works on at a time.
pub(super) const PREFETCH: u16 = 64;
/// Pause before the same session is tried again.
const PAUSE: Duration = Duration::from_millis(500);

/// Who serves which queues.
pub(super) struct Server {
    pub(super) link: Arc<Link>,
    pub(super) names: [String; 2],
    pub(super) handler: Arc<dyn Handler>,
    /// Keeps the connection as long as there is work to acknowledge.
    pub(super) alive: Arc<DropGuard>,
}

impl Server {
    /// Serves until `stop`; then lets running work end.
    pub(super) async fn run(self, stop: CancellationToken) {
        let tasks = TaskTracker::new();
        let mut said = String::new();
        while !stop.is_cancelled() {
            let session = tokio::select! {
                () = stop.cancelled() => break,
                session = self.link.connected() => session,
            };
            if let Err(error) = self.serve(&session, &tasks, &stop).await {
                let reason = error.to_string();
                if reason != said {
                    tracing::warn!(
                        queue = self.names[1],
                        reason,
                        "serving was interrupted; trying again"
                    );
                    said = reason;
                }
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(PAUSE) => {}
                }
            }
        }
        tasks.close();
        tasks.wait().await;
        drop(self.alive);
    }

    /// Serves on one session until `stop`, or until the broker ends it.
    async fn serve(
        &self,
        session: &Session,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> lapin::Result<()> {
        let channel = session.channel().await?;
        let served = self.consume(&channel, tasks, stop).await;
        if served.is_ok() {
            // What was begun is acknowledged on this channel.
            tasks.close();
            tasks.wait().await;
        }
        // A channel that an error closed is closed.
        let _ = in_time(channel.close(200, "OK".into())).await;
        served
    }

    async fn consume(
        &self,
        channel: &Channel,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> lapin::Result<()> {
        let consumers = in_time(async {
            channel
                .basic_qos(PREFETCH, BasicQosOptions::default())
                .await?;
            Ok([
                consumer(channel, &self.names[0]).await?,
                consumer(channel, &self.names[1]).await?,
                listener(channel, &self.names[0]).await?,
            ])
        })
        .await?;
        tracing::debug!(queue = self.names[1], "serving");
        let tags = consumers.each_ref().map(Consumer::tag);
        // A queue that was removed ends its consumer, which must end all.
        let mut deliveries = futures::stream::select_all(consumers.map(ended));
        loop {
            let delivery = tokio::select! {
                () = stop.cancelled() => break,
                delivery = deliveries.next() => delivery,
            };
            let Some(Some(delivery)) = delivery else {
                return Err(std::io::Error::other("the broker removed the queue").into());
            };
            let delivery = delivery?;
            tasks.spawn(work(self.handler.clone(), channel.clone(), delivery));
        }
        for tag in tags {
            in_time(channel.basic_cancel(tag, BasicCancelOptions::default())).await?;
        }
        // What came and was not begun is for others, at once.
        while let Some(unbegun) = deliveries.next().await {
            if let Some(Ok(delivery)) = unbegun {
                let requeue = BasicNackOptions {
                    requeue: true,
                    ..BasicNackOptions::default()
                };
                delivery.nack(requeue).await?;
            }
        }
        Ok(())
    }
}

/// Its messages, and `None` once it ends.
fn ended(
    consumer: Consumer,
) -> impl futures::Stream<Item = Option<lapin::Result<Delivery>>> + Unpin {
    consumer.map(Some).chain(futures::stream::iter([None]))
}

async fn consumer(channel: &Channel, name: &str) -> lapin::Result<Consumer> {
    let name = ShortString::try_new(name).map_err(std::io::Error::other)?;
    topology::request_queue(channel, &name).await?;
    consume(channel, name).await
}

/// Of what all servers of the topic shall hear.
async fn listener(channel: &Channel, topic: &str) -> lapin::Result<Consumer> {
    let topic = ShortString::try_new(topic).map_err(std::io::Error::other)?;
    let queue = topology::fan_out_queue(channel, &topic).await?;
    consume(channel, queue).await
}

async fn consume(channel: &Channel, queue: ShortString) -> lapin::Result<Consumer> {
    let options = BasicConsumeOptions::default();
    channel
        .basic_consume(queue, "".into(), options, FieldTable::default())
        .await
}

/// Works on one message, answers if somebody waits, and then lets the broker forget it.
async fn work(handler: Arc<dyn Handler>, channel: Channel, delivery: Delivery) {
    let answer = match message::read_request(&delivery) {
        Err(fault) => Err(fault),
        Ok(incoming) => {
            let method = incoming.method.clone();
            // On a task of its own: a handler that panics would leave the message to be given to the next one.
            let work = tokio::spawn(async move { handler.handle(incoming).await });
            work.await.unwrap_or_else(|_| {
                Err(Fault::new(
                    FaultKind::Unavailable,
                    format!("{method} failed unexpectedly; see the log of the host that was asked"),
                ))
            })
        }
    };
    let done = async {
        match asker(&delivery) {
            Some((queue, id)) => {
                let (properties, body) =
                    message::reply(&id, size::bounded(answer)).map_err(std::io::Error::other)?;
                // An asker that is gone has no queue any more; then the answer is dropped.
                channel
                    .basic_publish(
                        topology::REPLIES.into(),
                        queue,
                        BasicPublishOptions::default(),
                        &body,
                        properties,
                    )
                    .await?;
            }
            None => {
                if let Err(fault) = answer {
                    tracing::warn!(%fault, "a message could not be handled");
                }
            }
        }
        delivery.ack(BasicAckOptions::default()).await
    };
    if let Err(error) = done.await {
        // The broker gives it to the next one, or again to this one, which has its answer.
        tracing::debug!(%error, "work was done whose message could not be acknowledged");
    }
}

/// Who waits for the answer: its queue and the message's id.
fn asker(delivery: &Delivery) -> Option<(ShortString, String)> {
    let properties = &delivery.properties;
    let queue = properties.reply_to().clone()?;
    Some((queue, properties.message_id().as_ref()?.to_string()))
}
