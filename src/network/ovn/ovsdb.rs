//! A client of OVSDB's protocol (RFC 7047): JSON-RPC 1.0 over a stream, one JSON text after another without anything between.
//!
//! One question at a time. While one waits, the server may ask whether we are still there (`echo`), and is answered; whatever
//! else comes is not for us. A connection that failed once is of no more use: an answer to an older question could come.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

use super::tls::{Identity, explain};
use crate::config::Remote;

/// How long a server may take to take a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// How long it may take for an answer.
const ANSWER: Duration = Duration::from_secs(60);
/// Longest answer.
const LONGEST: usize = 512 << 20;

/// Why a question got no answer, or which.
#[derive(Debug, thiserror::Error)]
pub enum OvsdbError {
    /// The server can not be reached, or what it says is no OVSDB.
    #[error("{0}")]
    Unreachable(String),
    /// The transaction would have acted on what is not so any more; nothing was changed.
    #[error("somebody else changed the database at the same time")]
    Overtaken,
    /// The server refuses the transaction; nothing was changed.
    #[error("the database refuses the change: {0}")]
    Refused(String),
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A connection to one database of a server.
pub struct Connection {
    stream: Box<dyn Stream>,
    database: &'static str,
    place: String,
    buffer: Vec<u8>,
    asked: u64,
}

impl Connection {
    /// Connects.
    pub async fn open(
        remote: &Remote,
        identity: Option<&Identity>,
        database: &'static str,
    ) -> Result<Self, OvsdbError> {
        let place = place(remote);
        let fail = |reason: String| OvsdbError::Unreachable(format!("{place}: {reason}"));
        let stream = tokio::time::timeout(CONNECT, dial(remote, identity))
            .await
            .unwrap_or_else(|_| Err(format!("no connection within {CONNECT:?}")))
            .map_err(fail)?;
        Ok(Self {
            stream,
            database,
            place,
            buffer: Vec::new(),
            asked: 0,
        })
    }

    /// Carries out operations, all or none; answers with the result of each.
    pub async fn transact(&mut self, operations: Vec<Value>) -> Result<Vec<Value>, OvsdbError> {
        let mut params = vec![json!(self.database)];
        let count = operations.len();
        params.extend(operations);
        let answer = tokio::time::timeout(ANSWER, self.call("transact", &Value::Array(params)))
            .await
            .unwrap_or_else(|_| Err(self.broken(format!("no answer within {ANSWER:?}"))))?;
        let Value::Array(mut results) = answer else {
            return Err(self.broken("an answer that is none".into()));
        };
        // What is wrong with the whole stands behind the results of all.
        for result in &results {
            if let Some(error) = result.get("error").and_then(Value::as_str) {
                let details = result.get("details").and_then(Value::as_str);
                return Err(match error {
                    "timed out" => OvsdbError::Overtaken,
                    _ => OvsdbError::Refused(match details {
                        Some(details) => format!("{error}: {details}"),
                        None => error.to_owned(),
                    }),
                });
            }
        }
        results.truncate(count);
        Ok(results)
    }

    async fn call(&mut self, method: &str, params: &Value) -> Result<Value, OvsdbError> {
        self.asked += 1;
        let id = json!(self.asked);
        self.send(&json!({"method": method, "params": params, "id": id}))
            .await?;
        loop {
            let mut message = self.receive().await?;
            if message.get("method").is_some_and(|method| method == "echo") {
                let answer =
                    json!({"result": message["params"], "error": null, "id": message["id"]});
                self.send(&answer).await?;
            } else if message.get("id") == Some(&id) {
                return match message.get("error").filter(|error| !error.is_null()) {
                    Some(error) => Err(self.broken(error.to_string())),
                    None => Ok(message["result"].take()),
                };
            }
        }
    }

    async fn send(&mut self, message: &Value) -> Result<(), OvsdbError> {
        let text = message.to_string();
        let sent = self.stream.write_all(text.as_bytes()).await;
        let sent = match sent {
            Ok(()) => self.stream.flush().await,
            error => error,
        };
        sent.map_err(|error| self.broken(explain(&error)))
    }

    async fn receive(&mut self) -> Result<Value, OvsdbError> {
        let mut end = End::default();
        let mut seen = 0;
        loop {
            if let Some(length) = end.find(&self.buffer[seen..]) {
                let rest = self.buffer.split_off(seen + length);
                let message = std::mem::replace(&mut self.buffer, rest);
                return serde_json::from_slice(&message)
                    .map_err(|error| self.broken(format!("what it says is no JSON: {error}")));
            }
            seen = self.buffer.len();
            if seen > LONGEST {
                return Err(self.broken(format!("an answer of more than {LONGEST} bytes")));
            }
            match self.stream.read_buf(&mut self.buffer).await {
                Ok(0) => return Err(self.broken("it hung up".into())),
                Ok(_) => {}
                Err(error) => return Err(self.broken(explain(&error))),
            }
        }
    }

    fn broken(&self, reason: String) -> OvsdbError {
        OvsdbError::Unreachable(format!("{}: {reason}", self.place))
    }
}

fn place(remote: &Remote) -> String {
    match remote {
        Remote::Unix(path) => format!("the OVSDB server at unix:{}", path.display()),
        Remote::Tcp(host, port) => format!("the OVSDB server at tcp:{host}:{port}"),
        Remote::Tls(host, port) => format!("the OVSDB server at ssl:{host}:{port}"),
    }
}

async fn dial(remote: &Remote, identity: Option<&Identity>) -> Result<Box<dyn Stream>, String> {
    let said = |error: std::io::Error| error.to_string();
    match remote {
        Remote::Unix(path) => Ok(Box::new(UnixStream::connect(path).await.map_err(said)?)),
        Remote::Tcp(host, port) => Ok(Box::new(tcp(host, *port).await.map_err(said)?)),
        Remote::Tls(host, port) => {
            let identity = identity.ok_or("no certificate is set for ssl: network.ovn_ca, ovn_certificate and ovn_key name the files")?;
            let stream = tcp(host, *port).await.map_err(said)?;
            Ok(Box::new(identity.connect(host, stream).await?))
        }
    }
}

async fn tcp(host: &str, port: u16) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Finds the end of a JSON object that comes in pieces.
#[derive(Debug, Default)]
struct End {
    depth: usize,
    in_text: bool,
    escaped: bool,
}

impl End {
    /// How many bytes of this piece belong to the object, if it ends in it.
    fn find(&mut self, piece: &[u8]) -> Option<usize> {
        for (at, byte) in piece.iter().enumerate() {
            if self.in_text {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => self.in_text = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.in_text = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return Some(at + 1);
                    }
                }
                _ => {}
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_message_is_found_in_whatever_pieces_it_comes() {
        let message = br#" {"a":"}]\"\\","b":[{},[1]]}"#;
        let both = [message.as_slice(), b"{\"next\":1}"].concat();
        for cut in 0..message.len() {
            let mut end = End::default();
            assert_eq!(end.find(&both[..cut]), None, "{cut}");
            assert_eq!(end.find(&both[cut..]), Some(message.len() - cut), "{cut}");
        }
    }
}
