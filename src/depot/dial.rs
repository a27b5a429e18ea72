//! A node's side: dialling the control process that a pass names.
//!
//! A node in the same process goes by that process's own door, its Unix socket if it has one, whatever address others are
//! told. All others go by the pass's address; its certificate is the one that the pass names, and no other is trusted.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{CONTENT_RANGE, HeaderValue, RANGE};
use reqwest::{Client, ClientBuilder, RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use uuid::Uuid;

use super::pin;
use super::rpc::{Arrival, Pass, TICKET_HEADER};
use crate::bus::{Fault, FaultKind};
use crate::config::{Config, Listen};
use crate::fetch::chain;
use crate::fetch::websocket::{self, HandshakeError, Socket};

/// Time for a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// Time in which something must arrive. A part of a file that is sent is taken within it, too.
const SILENCE: Duration = Duration::from_secs(60);
/// Longest refusal that is read.
const REFUSAL: usize = 4096;

/// Why the depot did not do it.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct DialError {
    /// Whether asking again, or with another pass, may help.
    pub passing: bool,
    /// The status of the answer, if there was one.
    pub status: Option<u16>,
    /// What failed, why, and what to do.
    pub message: String,
}

impl From<DialError> for Fault {
    fn from(error: DialError) -> Self {
        let kind = if error.passing {
            FaultKind::Unavailable
        } else {
            FaultKind::Refused
        };
        Self::new(kind, error.message)
    }
}

/// The control process that a node is in.
#[derive(Clone, Debug)]
pub struct Home {
    process: Uuid,
    door: Door,
}

/// Where it listens, and the fingerprint of its certificate.
#[derive(Clone, Debug)]
enum Door {
    Socket(PathBuf),
    Url(String, Option<String>),
}

impl Home {
    /// The process of this id, with these settings and a certificate of this fingerprint; `None` if it listens nowhere.
    pub fn new(process: Uuid, config: &Config, fingerprint: Option<&str>) -> Option<Self> {
        let door = match (config.socket(), config.api.listen.first()?) {
            (Some(socket), _) => Door::Socket(socket.to_owned()),
            (None, Listen::Unix(socket)) => Door::Socket(socket.to_owned()),
            (None, Listen::Tcp(address)) => Door::Url(format!("http://{address}"), None),
            (None, Listen::Tls(address)) => {
                Door::Url(format!("https://{address}"), fingerprint.map(str::to_owned))
            }
        };
        Some(Self { process, door })
    }
}

/// What dials. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Dialer {
    home: Option<Home>,
    /// Connections that are there, by whom they are to: parts of a file follow each other.
    clients: Arc<Mutex<HashMap<Peer, Client>>>,
}

/// A control process: address, and fingerprint of its certificate.
type Peer = (String, Option<String>);

/// Processes whose connections are kept at most.
const PEERS: usize = 16;

impl Dialer {
    /// For a node in this control process, or in none.
    pub fn new(home: Option<Home>) -> Self {
        Self {
            home,
            clients: Arc::default(),
        }
    }

    /// The bytes of a file from this one on. The body ends early when the connection breaks.
    pub async fn read(&self, pass: &Pass, from: u64) -> Result<Response, DialError> {
        let request = self.request(pass, |client, url| client.get(url))?;
        let response = self
            .send(pass, request.header(RANGE, format!("bytes={from}-")))
            .await?;
        if response.status() == StatusCode::PARTIAL_CONTENT || from == 0 {
            return Ok(response);
        }
        Err(DialError {
            passing: false,
            status: Some(response.status().as_u16()),
            message: format!("{} does not go on at byte {from}", self.place(pass)),
        })
    }

    /// How far a file has come.
    pub async fn arrival(&self, pass: &Pass) -> Result<Arrival, DialError> {
        let request = self.request(pass, |client, url| client.get(url))?;
        self.arrival_of(pass, request).await
    }

    /// Sends a part of a file, which begins at this byte of so many.
    pub async fn append(
        &self,
        pass: &Pass,
        first: u64,
        total: u64,
        part: Bytes,
    ) -> Result<Arrival, DialError> {
        let last = first + (part.len() as u64).saturating_sub(1);
        let range = if part.is_empty() {
            format!("bytes */{total}")
        } else {
            format!("bytes {first}-{last}/{total}")
        };
        let request = self.request(pass, |client, url| client.patch(url))?;
        let request = request.header(CONTENT_RANGE, range).body(part);
        self.arrival_of(pass, request).await
    }

    /// Opens a websocket.
    pub async fn open(&self, pass: &Pass) -> Result<Socket, DialError> {
        let request = self.request(pass, |client, url| client.get(url))?;
        websocket::open(request).await.map_err(|error| match error {
            HandshakeError::Request(error) => self.unreachable(pass, error),
            HandshakeError::Refused(status, body) => self.refused(pass, status, &body),
            HandshakeError::NotOne => DialError {
                passing: false,
                status: None,
                message: format!("{} does not speak websocket", self.place(pass)),
            },
        })
    }

    async fn arrival_of(&self, pass: &Pass, request: RequestBuilder) -> Result<Arrival, DialError> {
        let answer = self.send(pass, request).await?;
        answer
            .json()
            .await
            .map_err(|error| self.unreachable(pass, error))
    }

    async fn send(&self, pass: &Pass, request: RequestBuilder) -> Result<Response, DialError> {
        let mut response = request
            .send()
            .await
            .map_err(|error| self.unreachable(pass, error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let mut body = Vec::new();
        while body.len() < REFUSAL {
            match response.chunk().await {
                Ok(Some(more)) => body.extend_from_slice(&more),
                _ => break,
            }
        }
        Err(self.refused(pass, status.as_u16(), &body))
    }

    fn request(
        &self,
        pass: &Pass,
        begin: impl FnOnce(&Client, String) -> RequestBuilder,
    ) -> Result<RequestBuilder, DialError> {
        let (client, base) = self.way(pass)?;
        let request = begin(&client, format!("{base}{}", pass.path));
        let mut ticket = HeaderValue::from_str(&pass.ticket).map_err(|_| {
            refuse("the ticket of the control process is not one that can be shown".into())
        })?;
        ticket.set_sensitive(true);
        Ok(request.header(TICKET_HEADER, ticket))
    }

    /// What connects, and the beginning of the address.
    fn way(&self, pass: &Pass) -> Result<(Client, String), DialError> {
        let home = self.home.as_ref();
        let door = home
            .filter(|home| home.process == pass.process)
            .map(|home| &home.door);
        let (peer, socket) = match door {
            Some(Door::Socket(path)) => (("http://localhost".to_owned(), None), Some(path)),
            Some(Door::Url(url, fingerprint)) => ((url.clone(), fingerprint.clone()), None),
            None => ((pass.url.clone(), pass.fingerprint.clone()), None),
        };
        let (url, fingerprint) = &peer;
        if url.is_empty() {
            return Err(refuse(
                "the control process has no address that nodes on other machines can reach: have it listen on one (api.listen, like \"tls:10.0.0.1:8775\"), or set api.node_url there if it listens on all".into(),
            ));
        }
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&peer) {
            return Ok((client.clone(), url.clone()));
        }
        let mut builder = client(url, fingerprint.as_deref()).map_err(refuse)?;
        if let Some(path) = socket {
            builder = builder.unix_socket(path.as_path());
        }
        let made = builder.build().map_err(|error| refuse(chain(&error)))?;
        if clients.len() >= PEERS {
            clients.clear();
        }
        let base = url.clone();
        clients.insert(peer, made.clone());
        Ok((made, base))
    }

    fn place(&self, pass: &Pass) -> String {
        let home = self.home.as_ref();
        match home.filter(|home| home.process == pass.process) {
            Some(Home {
                door: Door::Socket(path),
                ..
            }) => path.display().to_string(),
            Some(Home {
                door: Door::Url(url, _),
                ..
            }) => url.clone(),
            None => pass.url.clone(),
        }
    }

    fn unreachable(&self, pass: &Pass, error: reqwest::Error) -> DialError {
        DialError {
            passing: true,
            status: None,
            message: format!(
                "the control process at {} can not be reached from this node: {}",
                self.place(pass),
                chain(&error.without_url())
            ),
        }
    }

    fn refused(&self, pass: &Pass, status: u16, body: &[u8]) -> DialError {
        #[derive(Deserialize)]
        struct Body {
            error: Said,
        }
        #[derive(Deserialize)]
        struct Said {
            message: String,
        }
        let said = serde_json::from_slice::<Body>(body).map(|body| body.error.message);
        DialError {
            // A ticket that has expired is as passing: the next question brings another one.
            passing: matches!(status, 401 | 408 | 409 | 429 | 500..),
            status: Some(status),
            message: format!(
                "the control process at {} answers {status}: {}",
                self.place(pass),
                said.unwrap_or_default()
            ),
        }
    }
}

/// What asking again does not mend.
fn refuse(message: String) -> DialError {
    DialError {
        // Whoever mends the settings starts that process anew, and it asks again.
        passing: false,
        status: None,
        message,
    }
}

/// A client for this address. With `https` the certificate there must have this fingerprint, or be one that the system
/// trusts if none is given.
pub fn client(url: &str, fingerprint: Option<&str>) -> Result<ClientBuilder, String> {
    // Somebody else may have chosen it already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder()
        .user_agent(concat!("skydeck/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT)
        .read_timeout(SILENCE)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy();
    match (url.split_once(':').map(|(scheme, _)| scheme), fingerprint) {
        // No TLS there: the machine's certificates need not be read, or even exist.
        (Some("http"), None) => Ok(builder.tls_certs_only(Vec::new())),
        (Some("http"), Some(_)) => {
            Err("only https:// has a certificate whose fingerprint could be looked at".into())
        }
        (Some("https"), Some(fingerprint)) => {
            Ok(builder.tls_backend_preconfigured(pin::client_config(fingerprint)?))
        }
        (Some("https"), None) => Ok(builder),
        _ => Err(format!(
            "{url} begins neither with https:// nor with http://"
        )),
    }
}
