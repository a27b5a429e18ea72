//! Carries out effects: owns the client, runs requests beside each other, and turns answers into events.
//!
//! Every task ends in exactly one event, also when it panics or is stopped, so nothing on the screen waits for ever. Loads
//! and requests have bounded concurrency of their own, so that a bulk of requests does not starve what is shown.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc};
use tokio::task::{AbortHandle, JoinHandle};

use crate::api::wire::EventQuery;
use crate::client::Client;
use crate::client::events::StreamItem;

use super::effect::{ConsoleEffect, Reporter, Request};
use super::event::{ConsoleEvent, Event};
use super::failure::Failure;
use super::state::activity::Ticket;
use super::state::load::Load;

/// Loads at a time.
const LOADS: usize = 6;
/// Requests at a time.
const REQUESTS: usize = 8;
/// Pieces of typed text that wait for the serial console.
const TYPED: usize = 256;

/// The side of the console that speaks to the cloud.
pub struct Backend {
    client: Client,
    events: mpsc::Sender<Event>,
    loads: Arc<Semaphore>,
    requests: Arc<Semaphore>,
    running: HashMap<Ticket, AbortHandle>,
    greeting: Option<AbortHandle>,
    console: Option<(mpsc::Sender<Vec<u8>>, AbortHandle)>,
}

impl Backend {
    /// A backend that answers on `events`.
    pub fn new(client: Client, events: mpsc::Sender<Event>) -> Self {
        Self {
            client,
            events,
            loads: Arc::new(Semaphore::new(LOADS)),
            requests: Arc::new(Semaphore::new(REQUESTS)),
            running: HashMap::new(),
            greeting: None,
            console: None,
        }
    }

    /// Asks who we are and opens the events stream; again if asked again.
    pub fn greet(&mut self) {
        if let Some(before) = self.greeting.take() {
            before.abort();
        }
        let task = tokio::spawn(greet(self.client.clone(), self.events.clone()));
        self.greeting = Some(task.abort_handle());
    }

    /// Fetches something.
    pub fn load(&self, load: Load) {
        let (client, events, places) =
            (self.client.clone(), self.events.clone(), self.loads.clone());
        tokio::spawn(async move {
            let source = load.source.clone();
            let one = load.one.is_some();
            let fetch = tokio::spawn(async move {
                let _place = places.acquire().await;
                load.run(client).await.map_err(Failure::from)
            });
            let result = outcome(fetch).await;
            // An error means that the console has ended.
            let _ = events
                .send(Event::Loaded {
                    source,
                    one,
                    result,
                })
                .await;
        });
    }

    /// Asks for a change.
    pub fn request(&mut self, ticket: Ticket, request: Box<dyn Request>) {
        let (client, events, places) = (
            self.client.clone(),
            self.events.clone(),
            self.requests.clone(),
        );
        let report = Reporter {
            ticket,
            events: events.clone(),
        };
        let work = tokio::spawn(async move {
            let _place = places.acquire().await;
            request.run(client, report).await
        });
        self.running.retain(|_, handle| !handle.is_finished());
        self.running.insert(ticket, work.abort_handle());
        tokio::spawn(async move {
            let result = outcome(work).await;
            let _ = events.send(Event::Finished(ticket, result)).await;
        });
    }

    /// Gives up a request.
    pub fn stop(&mut self, ticket: Ticket) {
        if let Some(handle) = self.running.remove(&ticket) {
            handle.abort();
        }
    }

    /// Does something with the serial console.
    pub fn console(&mut self, effect: ConsoleEffect) {
        match effect {
            ConsoleEffect::Open(server) => {
                self.close_console();
                let (typed, keys) = mpsc::channel(TYPED);
                let task = tokio::spawn(console(
                    self.client.clone(),
                    server,
                    keys,
                    self.events.clone(),
                ));
                self.console = Some((typed, task.abort_handle()));
            }
            ConsoleEffect::Send(bytes) => {
                let sent = self
                    .console
                    .as_ref()
                    .map(|(typed, _)| typed.try_send(bytes));
                if let Some(Err(mpsc::error::TrySendError::Full(_))) = sent {
                    let text = "The guest does not take what is typed.".to_owned();
                    let _ = self.events.try_send(Event::Trouble(text));
                }
            }
            ConsoleEffect::Close => self.close_console(),
        }
    }

    fn close_console(&mut self) {
        if let Some((_, task)) = self.console.take() {
            task.abort();
        }
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.close_console();
        for handle in self.running.values().chain(&self.greeting) {
            handle.abort();
        }
    }
}

/// The result of a task, also of one that panicked or was stopped.
async fn outcome<T>(task: JoinHandle<Result<T, Failure>>) -> Result<T, Failure> {
    match task.await {
        Ok(result) => result,
        Err(error) if error.is_cancelled() => Err(Failure::stopped()),
        Err(error) => {
            tracing::error!(%error, "a task of the console failed");
            Err(Failure::local(
                "something inside the console failed; its log says what",
            ))
        }
    }
}

async fn greet(client: Client, events: mpsc::Sender<Event>) {
    let greeting = async {
        let who = client.whoami().await?;
        Ok::<_, crate::client::ClientError>((who, client.supports_skydeck().await?))
    };
    let (who, extended) = match greeting.await {
        Ok(greeting) => greeting,
        Err(error) => {
            let _ = events.send(Event::Unreached(Failure::from(error))).await;
            return;
        }
    };
    let all_projects = who.roles.iter().any(|role| role == "admin");
    let greeted = Event::Greeted {
        who: Box::new(who),
        extended,
    };
    if events.send(greeted).await.is_err() || !extended {
        return;
    }
    let mut stream = client.event_stream(EventQuery {
        topics: String::new(),
        all_projects,
    });
    while let Some(item) = stream.next().await {
        let event = match item {
            StreamItem::Connected => Event::Stream(Ok(())),
            StreamItem::Event(event) => Event::Cloud(Box::new(event)),
            StreamItem::Disconnected { reason, .. } | StreamItem::Failed(reason) => {
                Event::Stream(Err(reason.to_string()))
            }
        };
        if events.send(event).await.is_err() {
            return;
        }
    }
}

async fn console(
    client: Client,
    server: String,
    mut keys: mpsc::Receiver<Vec<u8>>,
    events: mpsc::Sender<Event>,
) {
    let console = match client.console_open(&server).await {
        Ok(console) => console,
        Err(error) => {
            let reason = Failure::from(error).line();
            let _ = events
                .send(Event::Console(ConsoleEvent::Closed(reason)))
                .await;
            return;
        }
    };
    if events
        .send(Event::Console(ConsoleEvent::Opened))
        .await
        .is_err()
    {
        return;
    }
    let (mut writer, mut reader) = console.split();
    let reason = loop {
        tokio::select! {
            bytes = reader.receive() => match bytes {
                Some(Ok(bytes)) => {
                    let output = ConsoleEvent::Output(bytes.to_vec());
                    if events.send(Event::Console(output)).await.is_err() {
                        return;
                    }
                }
                Some(Err(error)) => break Failure::from(error).line(),
                None => break "the guest's line was closed".to_owned(),
            },
            typed = keys.recv() => match typed {
                Some(bytes) => {
                    if let Err(error) = writer.send(bytes.into()).await {
                        break Failure::from(error).line();
                    }
                }
                None => {
                    // Whether the goodbye arrives does not matter any more.
                    let _ = writer.close().await;
                    return;
                }
            },
        }
    };
    let _ = events
        .send(Event::Console(ConsoleEvent::Closed(reason)))
        .await;
}
