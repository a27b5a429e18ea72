//! The API's certificate, and listening with TLS.
//!
//! A certificate that is not given (`api.cert_file`, `api.key_file`) is made at the first start, signed by itself, and kept
//! in the data directory: its fingerprint is what nodes know it by, so it stays. Handshakes are made beside each other,
//! each with a deadline, so that nobody who is slow, or says nothing, keeps others from coming in.

use std::fs::{self, File};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertificateParams, DnType, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::config::{Config, Listen};
use crate::depot::pin;

/// The certificate that is made, in the data directory.
pub const OWN_CERTIFICATE: &str = "api-cert.pem";
/// Its key.
const OWN_KEY: &str = "api-key.pem";
/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Handshakes under way at most.
const AT_ONCE: usize = 256;
/// Connections that wait to be served at most.
const QUEUE: usize = 64;

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file can not be used.
    #[error("{key} can not be used: {path}: {reason}")]
    File {
        /// The setting.
        key: &'static str,
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
    /// One setting without the other.
    #[error(
        "api.cert_file and api.key_file go together: set both, or neither to have a certificate made"
    )]
    Alone,
}

/// A certificate with its key, ready to be served.
#[derive(Clone)]
pub struct Identity {
    config: Arc<ServerConfig>,
    fingerprint: String,
}

impl Identity {
    /// That of the settings; `None` if nothing is served with TLS. Makes one if none is given.
    pub fn load(config: &Config) -> Result<Option<Self>, TlsError> {
        let api = &config.api;
        let given = |path: &Path| !path.as_os_str().is_empty();
        let (cert, key) = match (given(&api.cert_file), given(&api.key_file)) {
            (true, true) => (api.cert_file.clone(), api.key_file.clone()),
            (false, false) => {
                if !api
                    .listen
                    .iter()
                    .any(|listen| matches!(listen, Listen::Tls(_)))
                {
                    return Ok(None);
                }
                own(config)?
            }
            _ => return Err(TlsError::Alone),
        };
        let fail = |key: &'static str, path: &Path, reason: String| TlsError::File {
            key,
            path: path.display().to_string(),
            reason,
        };
        let chain = CertificateDer::pem_file_iter(&cert)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| fail("api.cert_file", &cert, error.to_string()))?;
        let first = chain.first().ok_or_else(|| {
            fail(
                "api.cert_file",
                &cert,
                "there is no certificate in it".into(),
            )
        })?;
        let fingerprint = pin::fingerprint(first);
        let private = PrivateKeyDer::from_pem_file(&key)
            .map_err(|error| fail("api.key_file", &key, error.to_string()))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map(|builder| builder.with_no_client_auth())
            .and_then(|builder| builder.with_single_cert(chain, private))
            .map_err(|error| fail("api.key_file", &key, error.to_string()))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Some(Self {
            config: Arc::new(config),
            fingerprint,
        }))
    }

    /// SHA-256 of the certificate, hexadecimal.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }
}

/// The certificate of the data directory and its key; made if they are not there.
fn own(config: &Config) -> Result<(PathBuf, PathBuf), TlsError> {
    let cert = config.data_dir.join(OWN_CERTIFICATE);
    let key = config.data_dir.join(OWN_KEY);
    if cert.exists() && key.exists() {
        return Ok((cert, key));
    }
    let fail = |reason: String| TlsError::File {
        key: "the certificate of the data directory",
        path: cert.display().to_string(),
        reason,
    };
    let made = || -> Result<(String, String), rcgen::Error> {
        let mut parameters = CertificateParams::new(names(config))?;
        let name = format!("skydeck {}", config.agent.host);
        parameters.distinguished_name.push(DnType::CommonName, name);
        let pair = KeyPair::generate()?;
        let certificate = parameters.self_signed(&pair)?;
        Ok((certificate.pem(), pair.serialize_pem()))
    };
    let (certificate, private) = made().map_err(|error| fail(error.to_string()))?;
    // The certificate comes last: where it is, the key is its own.
    put(&key, &private)
        .and_then(|()| put(&cert, &certificate))
        .map_err(|error| fail(error.to_string()))?;
    Ok((cert, key))
}

/// Names and addresses that clients may know this machine by.
fn names(config: &Config) -> Vec<String> {
    let mut names = vec![
        "localhost".to_owned(),
        "127.0.0.1".to_owned(),
        config.agent.host.clone(),
    ];
    for listen in &config.api.listen {
        if let Listen::Tls(address) = listen {
            names.push(address.ip().to_string());
        }
    }
    for url in [&config.api.node_url, &config.api.public_url] {
        let place = url.split_once("://").map_or("", |(_, rest)| rest);
        let place = place.split('/').next().unwrap_or_default();
        let host = match place.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or_default(),
            None => place.split(':').next().unwrap_or_default(),
        };
        names.push(host.to_owned());
    }
    names.retain(|name| !name.is_empty() && name.is_ascii());
    names.sort();
    names.dedup();
    names
}

/// Writes a file that only we may read.
fn put(path: &Path, text: &str) -> io::Result<()> {
    let new = path.with_extension("new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = File::options();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, path)
}

/// Connections whose handshake is done.
pub(super) struct TlsListener {
    ready: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
    address: SocketAddr,
    _accepting: tokio_util::task::AbortOnDropHandle<()>,
}

impl TlsListener {
    /// Begins to accept.
    pub fn new(listener: TcpListener, identity: &Identity) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let acceptor = TlsAcceptor::from(identity.config.clone());
        let (queue, ready) = mpsc::channel(QUEUE);
        let accepting = tokio::spawn(accept(listener, acceptor, queue));
        Ok(Self {
            ready,
            address,
            _accepting: tokio_util::task::AbortOnDropHandle::new(accepting),
        })
    }
}

async fn accept(
    mut listener: TcpListener,
    acceptor: TlsAcceptor,
    queue: mpsc::Sender<(TlsStream<TcpStream>, SocketAddr)>,
) {
    let room = Arc::new(Semaphore::new(AT_ONCE));
    while let Ok(place) = room.clone().acquire_owned().await {
        // Waits by itself where the system has no more files to open.
        let (stream, from) = axum::serve::Listener::accept(&mut listener).await;
        let (acceptor, queue) = (acceptor.clone(), queue.clone());
        tokio::spawn(async move {
            let shaken = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await;
            drop(place);
            match shaken {
                // Nobody takes it any more when the listener is gone.
                Ok(Ok(stream)) => drop(queue.send((stream, from)).await),
                Ok(Err(error)) => tracing::debug!(%from, %error, "a handshake failed"),
                Err(_) => tracing::debug!(%from, "a handshake took too long"),
            }
        });
    }
}

impl axum::serve::Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.ready.recv().await {
            Some(ready) => ready,
            // Accepting never ends by itself.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        Ok(self.address)
    }
}
