//! What lives as long as one connection: its channels, its queue for answers, and the calls that wait for them.
//!
//! A channel that the broker closes for an error is a sign that what this process believes of the broker is wrong; so the
//! session is given up then ([`Session::give_up`]), and the next one begins from nothing. Only the channel for looking at
//! queues may be closed and opened anew: asking for a queue that does not exist closes it.

use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::{Stream, StreamExt};
use lapin::options::{BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::{FieldTable, ShortString};
use lapin::{BasicProperties, Channel, Confirmation, Connection, Consumer, Event};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::address::Broker;
use super::pending::Pending;
use super::{message, topology};

/// How long the broker may take for one thing asked of it, before it is taken for gone.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// A connection that is ready.
pub(super) struct Session {
    connection: Connection,
    publisher: Channel,
    /// For notifications, whose fate nobody waits for.
    pub(super) teller: Channel,
    /// For looking at queues.
    pub(super) looker: tokio::sync::Mutex<Option<Channel>>,
    /// The queue for answers.
    pub(super) reply_to: ShortString,
    /// Calls under way.
    pub(super) pending: Pending,
    /// Why the broker takes no messages for now, although it is connected.
    blocked: Mutex<Option<String>>,
    given_up: watch::Sender<Option<String>>,
}

/// What became of a message that was published.
pub(super) enum Published {
    /// The broker has it.
    Taken,
    /// No queue takes it.
    Nowhere,
    /// Its queue is full.
    Full,
}

/// What a session's keeper watches.
pub(super) struct Watched {
    replies: Consumer,
    events: std::pin::Pin<Box<dyn Stream<Item = Event> + Send>>,
}

/// Waits for the broker, but not for ever.
pub(super) async fn in_time<T>(work: impl Future<Output = lapin::Result<T>>) -> lapin::Result<T> {
    tokio::time::timeout(PATIENCE, work)
        .await
        .unwrap_or_else(|_| {
            Err(std::io::Error::new(
                std::io::ErrorKind::TimedOut,
                format!("no answer within {} s", PATIENCE.as_secs()),
            )
            .into())
        })
}

impl Session {
    /// Connects, and makes ready what every process uses.
    pub(super) async fn open(broker: &Broker) -> lapin::Result<(Self, Watched)> {
        in_time(async {
            let connection = broker.connect().await?;
            let events = connection.events_listener().boxed();
            let publisher = connection.create_channel().await?;
            topology::exchanges(&publisher).await?;
            publisher
                .confirm_select(ConfirmSelectOptions::default())
                .await?;
            let listener = connection.create_channel().await?;
            let reply_to = topology::reply_queue(&listener).await?;
            let options = BasicConsumeOptions {
                no_ack: true,
                exclusive: true,
                ..BasicConsumeOptions::default()
            };
            let replies = listener
                .basic_consume(reply_to.clone(), "".into(), options, FieldTable::default())
                .await?;
            let teller = connection.create_channel().await?;
            let session = Self {
                connection,
                publisher,
                teller,
                looker: tokio::sync::Mutex::default(),
                reply_to,
                pending: Pending::default(),
                blocked: Mutex::default(),
                given_up: watch::Sender::default(),
            };
            Ok((session, Watched { replies, events }))
        })
        .await
    }

    /// Hands out answers until the connection is lost or `stop` comes; says why it ended.
    pub(super) async fn attend(&self, mut watched: Watched, stop: &CancellationToken) -> String {
        let mut given_up = self.given_up.subscribe();
        let reason = loop {
            tokio::select! {
                () = stop.cancelled() => break "this process ends".to_owned(),
                reason = given_up.wait_for(Option::is_some) => {
                    break reason.map_or_else(|_| None, |reason| reason.clone()).unwrap_or_default();
                }
                delivery = watched.replies.next() => match delivery {
                    Some(Ok(delivery)) => {
                        if let Some((id, answer)) = message::read_reply(&delivery) {
                            self.pending.answer(&id, answer);
                        }
                    }
                    Some(Err(error)) => break error.to_string(),
                    None => break "the broker took the queue for answers away".to_owned(),
                },
                event = watched.events.next() => match event {
                    // Errors of channels are told here, too; who uses the channel sees them.
                    Some(Event::Error(error)) if !self.connection.status().connected() => {
                        break error.to_string();
                    }
                    Some(Event::ConnectionBlocked(reason)) => self.block(Some(reason)),
                    Some(Event::ConnectionUnblocked) => self.block(None),
                    Some(_) => {}
                    None => break "the connection ended".to_owned(),
                },
            }
        };
        self.pending.fail_all();
        reason
    }

    /// Takes leave of the broker, if it is still there.
    pub(super) async fn close(&self) {
        let farewell = self.connection.close(200, "OK".into());
        let _ = tokio::time::timeout(Duration::from_secs(1), farewell).await;
    }

    fn block(&self, reason: Option<String>) {
        if let Some(reason) = &reason {
            tracing::warn!(reason, "the broker takes no messages for now");
        }
        *self.blocked.lock().unwrap_or_else(PoisonError::into_inner) = reason;
    }

    /// Why the broker takes no messages for now, if so.
    pub(super) fn blocked(&self) -> Option<String> {
        self.blocked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Ends the session: what the broker says does not fit what this process believes.
    pub(super) fn give_up(&self, error: &lapin::Error) {
        self.given_up.send_if_modified(|reason| {
            let first = reason.is_none();
            reason.get_or_insert_with(|| error.to_string());
            first
        });
    }

    /// A channel of its own.
    pub(super) async fn channel(&self) -> lapin::Result<Channel> {
        in_time(self.connection.create_channel()).await
    }

    /// Publishes a request and waits until the broker has it.
    pub(super) async fn publish(
        &self,
        target: &ShortString,
        (properties, body): (BasicProperties, Vec<u8>),
    ) -> lapin::Result<Published> {
        let options = BasicPublishOptions {
            mandatory: true,
            ..BasicPublishOptions::default()
        };
        let confirm = self
            .publisher
            .basic_publish(
                topology::REQUESTS.into(),
                target.clone(),
                options,
                &body,
                properties,
            )
            .await?;
        // On a task of its own: the channel would remember for ever a confirmation that is not waited for, and callers
        // may give up at any time.
        let confirmation = tokio::spawn(confirm).await;
        Ok(match confirmation.map_err(std::io::Error::other)?? {
            Confirmation::Nack(_) => Published::Full,
            Confirmation::Ack(Some(_)) => Published::Nowhere,
            Confirmation::Ack(None) | Confirmation::NotRequested => Published::Taken,
        })
    }
}
