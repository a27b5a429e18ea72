//! The handshake of a websocket as an ordinary request of HTTP, so that it goes over a Unix socket, TCP or TLS alike.

use bytes::Bytes;
use reqwest::{RequestBuilder, Upgraded};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

/// Longest message that is taken.
const MAX_MESSAGE: usize = 1024 * 1024;

/// An open websocket, at the client's end.
pub type Socket = WebSocketStream<Upgraded>;

/// Why there is no websocket.
#[derive(Debug)]
pub enum HandshakeError {
    /// The request failed.
    Request(reqwest::Error),
    /// The other side answered something else: status and body.
    Refused(u16, Bytes),
    /// What answers does not speak it.
    NotOne,
}

/// Makes a websocket of a `GET` request.
pub async fn open(request: RequestBuilder) -> Result<Socket, HandshakeError> {
    let key = generate_key();
    let response = request
        .header("connection", "Upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-protocol", "binary")
        .header("sec-websocket-key", &key)
        .send()
        .await
        .map_err(HandshakeError::Request)?;
    let status = response.status().as_u16();
    if status != 101 {
        let body = response.bytes().await.unwrap_or_default();
        return Err(HandshakeError::Refused(status, body));
    }
    let accept = response.headers().get("sec-websocket-accept");
    if accept.map(|value| value.as_bytes()) != Some(derive_accept_key(key.as_bytes()).as_bytes()) {
        return Err(HandshakeError::NotOne);
    }
    let upgraded = response.upgrade().await.map_err(HandshakeError::Request)?;
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE))
        .max_frame_size(Some(MAX_MESSAGE));
    Ok(WebSocketStream::from_raw_socket(upgraded, Role::Client, Some(config)).await)
}
