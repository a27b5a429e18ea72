//! A server's serial console: a websocket whose binary messages are the bytes of the line, both ways.
//!
//! The handshake is an ordinary request of the cloud's transport, so it goes over a unix socket, TCP or TLS alike. The
//! address holds a one-time ticket and gets no token; it may be on another host than the API.

use std::time::Duration;

use bytes::Bytes;
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::{Client, ClientError, Result};
use crate::api::wire::ErrorInfo;
use crate::fetch::websocket::{self, HandshakeError, Socket};

/// How long the handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(20);
/// An open console.
pub struct Console {
    writer: ConsoleWriter,
    reader: ConsoleReader,
}

/// What the operator types goes in here.
pub struct ConsoleWriter {
    sink: SplitSink<Socket, Message>,
}

/// What the guest writes comes out here. It must be read for the connection to be kept alive.
pub struct ConsoleReader {
    stream: SplitStream<Socket>,
}

impl Client {
    /// Opens the serial console of a server.
    pub async fn console_open(&self, server_id: &str) -> Result<Console> {
        let url = self.console_url_show(server_id).await?;
        let connecting = self.console_connect(url.expose());
        match tokio::time::timeout(HANDSHAKE, connecting).await {
            Ok(result) => result,
            Err(_) => Err(broke("the handshake took too long")),
        }
    }

    async fn console_connect(&self, address: &str) -> Result<Console> {
        // `ws` is `http`, `wss` is `https`.
        let address = match address.strip_prefix("ws") {
            Some(rest) => format!("http{rest}"),
            None => return Err(broke("its address is no websocket's")),
        };
        // The address is not repeated in errors: it holds the ticket.
        let url = self
            .transport()
            .url(&address)
            .map_err(|_| broke("its address can not be understood"))?;
        let transport = self.transport();
        let socket = websocket::open(transport.http.get(url.clone())).await;
        let socket = socket.map_err(|error| match error {
            HandshakeError::Request(error) => transport.failure(&error, &url, "the handshake"),
            HandshakeError::Refused(status, body) => {
                let message = ErrorInfo::parse(status, &body).message;
                broke(format!("the cloud answered {status}: {message}"))
            }
            HandshakeError::NotOne => broke("what answers is no websocket"),
        })?;
        let (sink, stream) = socket.split();
        Ok(Console {
            writer: ConsoleWriter { sink },
            reader: ConsoleReader { stream },
        })
    }
}

impl Console {
    /// Both directions, for two tasks.
    pub fn split(self) -> (ConsoleWriter, ConsoleReader) {
        (self.writer, self.reader)
    }

    /// See [`ConsoleWriter::send`].
    pub async fn send(&mut self, bytes: Bytes) -> Result<()> {
        self.writer.send(bytes).await
    }

    /// See [`ConsoleReader::receive`].
    pub async fn receive(&mut self) -> Option<Result<Bytes>> {
        self.reader.receive().await
    }
}

impl ConsoleWriter {
    /// Sends bytes to the guest.
    pub async fn send(&mut self, bytes: Bytes) -> Result<()> {
        self.sink.send(Message::Binary(bytes)).await.map_err(broke)
    }

    /// Says goodbye.
    pub async fn close(&mut self) -> Result<()> {
        self.sink.close().await.map_err(broke)
    }
}

impl ConsoleReader {
    /// The next bytes from the guest; nothing after the line was closed.
    pub async fn receive(&mut self) -> Option<Result<Bytes>> {
        loop {
            match self.stream.next().await? {
                Ok(Message::Binary(bytes)) => return Some(Ok(bytes)),
                Ok(Message::Text(text)) => return Some(Ok(text.into())),
                Ok(Message::Close(_)) => return None,
                Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => {}
                Err(Error::ConnectionClosed) => return None,
                // The other side left without a word: the guest was powered off, say.
                Err(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => return None,
                Err(error) => return Some(Err(broke(error))),
            }
        }
    }
}

fn broke(reason: impl ToString) -> ClientError {
    ClientError::Console(reason.to_string())
}
