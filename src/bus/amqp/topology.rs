//! Exchanges and queues: their names, and what they are declared with. Every process declares what it uses; the broker
//! compares, so a change of these arguments needs new names, or the queues removed.

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{Channel, ExchangeKind};

/// Where requests go; the routing key is the queue's name.
pub(super) const REQUESTS: &str = "skydeck";
/// Where answers go; the routing key is the asker's queue.
pub(super) const REPLIES: &str = "skydeck.reply";
/// Where what every server of a topic shall hear goes; the routing key is the topic.
pub(super) const FAN_OUT: &str = "skydeck.fanout";
/// Where notifications go; the routing key is kind and change.
pub(super) const NOTIFICATIONS: &str = "skydeck.notifications";

/// Milliseconds after which a queue that nobody consumes goes away: long enough for a node's reboot.
const EXPIRES: i64 = 30 * 60 * 1000;
/// Messages that may wait in one queue; the next one is refused, and its sender told.
const LENGTH: i64 = 10_000;
/// Messages that may wait in a queue of what all shall hear.
const FAN_OUT_LENGTH: i64 = 1000;
/// How often a message is given to another server when the first ones die of it.
const DELIVERIES: i64 = 20;

/// Makes the exchanges.
pub(super) async fn exchanges(channel: &Channel) -> lapin::Result<()> {
    for (name, kind) in [
        (REQUESTS, ExchangeKind::Topic),
        (REPLIES, ExchangeKind::Direct),
        (FAN_OUT, ExchangeKind::Direct),
        (NOTIFICATIONS, ExchangeKind::Topic),
    ] {
        let options = ExchangeDeclareOptions {
            durable: true,
            ..ExchangeDeclareOptions::default()
        };
        channel
            .exchange_declare(name.into(), kind, options, FieldTable::default())
            .await?;
    }
    Ok(())
}

/// Makes the queue of a topic, or of a topic's server on a host.
pub(super) async fn request_queue(channel: &Channel, name: &ShortString) -> lapin::Result<()> {
    let mut arguments = FieldTable::default();
    for (key, value) in [
        ("x-queue-type", AMQPValue::LongString("quorum".into())),
        ("x-expires", AMQPValue::LongLongInt(EXPIRES)),
        ("x-max-length", AMQPValue::LongLongInt(LENGTH)),
        ("x-overflow", AMQPValue::LongString("reject-publish".into())),
        ("x-delivery-limit", AMQPValue::LongLongInt(DELIVERIES)),
    ] {
        arguments.insert(key.into(), value);
    }
    channel
        .queue_declare(name.clone(), QueueDeclareOptions::durable(), arguments)
        .await?;
    bind(channel, name, REQUESTS, name).await
}

/// Makes this connection's queue for answers, which goes away with it, and gives its name.
pub(super) async fn reply_queue(channel: &Channel) -> lapin::Result<ShortString> {
    let options = QueueDeclareOptions::exclusive().auto_delete();
    let queue = channel
        .queue_declare("".into(), options, FieldTable::default())
        .await?;
    bind(channel, queue.name(), REPLIES, queue.name()).await?;
    Ok(queue.name().clone())
}

/// Makes this server's queue for what all servers of the topic shall hear, which goes away with it, and gives its name. The
/// oldest messages make room for new ones.
pub(super) async fn fan_out_queue(
    channel: &Channel,
    topic: &ShortString,
) -> lapin::Result<ShortString> {
    let options = QueueDeclareOptions::exclusive().auto_delete();
    let mut arguments = FieldTable::default();
    arguments.insert(
        "x-max-length".into(),
        AMQPValue::LongLongInt(FAN_OUT_LENGTH),
    );
    let queue = channel.queue_declare("".into(), options, arguments).await?;
    bind(channel, queue.name(), FAN_OUT, topic).await?;
    Ok(queue.name().clone())
}

async fn bind(
    channel: &Channel,
    queue: &ShortString,
    exchange: &str,
    key: &ShortString,
) -> lapin::Result<()> {
    channel
        .queue_bind(
            queue.clone(),
            exchange.into(),
            key.clone(),
            QueueBindOptions::default(),
            FieldTable::default(),
        )
        .await
}
