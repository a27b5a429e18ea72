//! The events stream, kept alive.
//!
//! A task reads server-sent events and hands them over through a bounded queue. When the connection breaks it waits,
//! longer each time, and comes back with the last id it saw, so that nothing is missed; the cloud says `resync` when it
//! can not promise that. A reader that does not keep up slows the connection down until the cloud notices: memory stays
//! bounded on both sides.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::request::content_type;
use super::{Client, ClientError, Result, Service};
use crate::api::wire::{Event, EventQuery, LAST_EVENT_ID_HEADER};

/// Events that wait for the reader.
const QUEUE: usize = 256;
/// The first wait before a new connection, and the longest.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(15));
/// Longest frame. A batch of rates of 10,000 servers has about two megabytes.
const MAX_FRAME: usize = 16 * 1024 * 1024;

/// What the stream has to say.
#[derive(Debug)]
pub enum StreamItem {
    /// A connection was made; `resync` follows if something may have been missed.
    Connected,
    /// Something happened.
    Event(Event),
    /// The connection broke; the next attempt is made after `retry_in`.
    Disconnected {
        /// Why.
        reason: ClientError,
        /// When the next attempt is made.
        retry_in: Duration,
    },
    /// The stream ended for good: the cloud refuses it.
    Failed(ClientError),
}

/// The stream. Dropping it closes the connection.
pub struct EventStream {
    items: mpsc::Receiver<StreamItem>,
    task: AbortHandle,
}

impl EventStream {
    /// The next item; nothing after [`StreamItem::Failed`].
    pub async fn next(&mut self) -> Option<StreamItem> {
        self.items.recv().await
    }
}

impl Drop for EventStream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Client {
    /// Opens the events stream. Connections are made in the background, again and again.
    pub fn event_stream(&self, query: EventQuery) -> EventStream {
        let (sender, items) = mpsc::channel(QUEUE);
        let client = self.clone();
        let task = tokio::spawn(async move {
            let mut reader = Reader {
                client,
                query,
                sender,
                last_id: None,
                wait: BACK_OFF.0,
            };
            reader.run().await;
        });
        let task = task.abort_handle();
        EventStream { items, task }
    }
}

struct Reader {
    client: Client,
    query: EventQuery,
    sender: mpsc::Sender<StreamItem>,
    last_id: Option<String>,
    wait: Duration,
}

impl Reader {
    async fn run(&mut self) {
        loop {
            let Err(error) = self.connection().await else {
                // Whoever read the stream is gone.
                return;
            };
            let refused = matches!(error.status(), Some(400..=499)) && !error.is_transient();
            if refused || matches!(error, ClientError::NoService { .. }) {
                let _ = self.sender.send(StreamItem::Failed(error)).await;
                return;
            }
            let retry_in = self.wait.mul_f64(rand::random_range(0.5..1.0));
            let item = StreamItem::Disconnected {
                reason: error,
                retry_in,
            };
            if self.sender.send(item).await.is_err() {
                return;
            }
            tokio::time::sleep(retry_in).await;
            self.wait = (self.wait * 2).min(BACK_OFF.1);
        }
    }

    /// Reads one connection to its end, which is an error; `Ok` if nobody listens any more.
    async fn connection(&mut self) -> Result<()> {
        let mut call = self
            .client
            .get(Service::Skydeck, &["events"])
            .query_of(&self.query)
            .header("accept", "text/event-stream");
        if let Some(id) = &self.last_id {
            call = call.header(LAST_EVENT_ID_HEADER, id);
        }
        let mut response = call.stream().await?;
        if content_type(&response) != Some("text/event-stream") {
            return Err(call.unreadable("it is no event stream"));
        }
        if self.sender.send(StreamItem::Connected).await.is_err() {
            return Ok(());
        }
        let url = response.url().clone();
        let mut parser = Parser::default();
        loop {
            let chunk = response
                .chunk()
                .await
                .map_err(|error| call.broken(&error, &url))?;
            let Some(chunk) = chunk else {
                return Err(call.unreadable("the cloud closed the stream"));
            };
            let frames = parser
                .feed(&chunk)
                .map_err(|TooLong| call.unreadable("an event is too long"))?;
            for frame in frames {
                if !self.deliver(frame).await {
                    return Ok(());
                }
            }
        }
    }

    async fn deliver(&mut self, frame: Frame) -> bool {
        // Something came: the cloud is well, and the next break begins with a short wait again.
        self.wait = BACK_OFF.0;
        if let Some(id) = frame.id {
            self.last_id = Some(id);
        }
        match serde_json::from_str(&frame.data) {
            Ok(event) => self.sender.send(StreamItem::Event(event)).await.is_ok(),
            Err(error) => {
                // A newer cloud may have topics that are not known here.
                tracing::debug!(topic = frame.event, %error, "event passed over");
                true
            }
        }
    }
}

/// One server-sent event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Frame {
    id: Option<String>,
    event: String,
    data: String,
}

/// A frame longer than [`MAX_FRAME`].
#[derive(Debug)]
struct TooLong;

/// Server-sent events from bytes, as the HTML standard defines them.
#[derive(Default)]
struct Parser {
    line: Vec<u8>,
    frame: Frame,
    has_data: bool,
    after_return: bool,
}

impl Parser {
    /// The frames that these bytes complete.
    fn feed(&mut self, bytes: &[u8]) -> std::result::Result<Vec<Frame>, TooLong> {
        let mut frames = Vec::new();
        for &byte in bytes {
            let second_of_crlf = byte == b'\n' && std::mem::take(&mut self.after_return);
            if second_of_crlf {
                continue;
            }
            self.after_return = byte == b'\r';
            if byte != b'\n' && byte != b'\r' {
                self.line.push(byte);
                if self.line.len() + self.frame.data.len() > MAX_FRAME {
                    return Err(TooLong);
                }
                continue;
            }
            let line = std::mem::take(&mut self.line);
            frames.extend(self.line(&String::from_utf8_lossy(&line)));
        }
        Ok(frames)
    }

    fn line(&mut self, line: &str) -> Option<Frame> {
        if line.is_empty() {
            let frame = std::mem::take(&mut self.frame);
            return std::mem::take(&mut self.has_data).then_some(frame);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => self.frame.id = Some(value.to_owned()),
            "event" => self.frame.event = value.to_owned(),
            "data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.frame.data.push('\n');
                }
                self.frame.data.push_str(value);
            }
            // An empty field is a comment, `retry` is our own business, others are to be ignored.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(id: Option<&str>, event: &str, data: &str) -> Frame {
        Frame {
            id: id.map(str::to_owned),
            event: event.to_owned(),
            data: data.to_owned(),
        }
    }

    #[test]
    fn frames_come_out_however_the_bytes_are_cut() {
        let text = ": hello\r\n\r\nid: 7\nevent: resource\ndata: {\"a\":1}\n\ndata:x\rdata: y\r\r\nevent: lonely\n\nid: 9\ndata\n\n";
        let wanted = [
            frame(Some("7"), "resource", "{\"a\":1}"),
            frame(None, "", "x\ny"),
            frame(Some("9"), "", ""),
        ];
        for size in 1..text.len() {
            let mut parser = Parser::default();
            let frames: Vec<Frame> = text
                .as_bytes()
                .chunks(size)
                .flat_map(|bytes| parser.feed(bytes).unwrap())
                .collect();
            assert_eq!(frames, wanted, "in pieces of {size}");
        }
    }

    #[test]
    fn a_frame_without_end_is_given_up() {
        let mut parser = Parser::default();
        let megabyte = vec![b'x'; 1024 * 1024];
        let fed = (0..17).try_for_each(|_| parser.feed(&megabyte).map(drop));
        assert!(fed.is_err());
    }
}
