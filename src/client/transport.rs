//! HTTP to one cloud, over TCP or a unix socket.
//!
//! Redirects are not followed: OpenStack's APIs have none that matter, and a token must never go to a host that
//! only a redirect named. Proxies of the environment are not used.

use std::path::Path;
use std::time::Duration;

use reqwest::{Certificate, Identity, Url};

use super::clouds::{CloudConfig, Endpoint, Tls};
use super::error::{ClientError, Result};

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long nothing may arrive on a stream. The events stream is never silent longer than 15 s.
const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// HTTP to one cloud.
pub(super) struct Transport {
    /// The connections.
    pub http: reqwest::Client,
    /// How long a request may take as a whole; streams are bounded by silence instead.
    pub timeout: Duration,
    endpoint: Endpoint,
}

impl Transport {
    /// Prepares connections; none is made yet.
    pub fn new(config: &CloudConfig) -> Result<Self> {
        // The program installs it at start; a second time is refused and harmless.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("skydeck/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT);
        builder = match &config.endpoint {
            // No TLS there: the machine's certificates need not be read, or even exist.
            Endpoint::Unix(path) => builder
                .unix_socket(path.as_path())
                .tls_certs_only(Vec::new()),
            Endpoint::Http(_) => trust(builder, &config.tls)?,
        };
        let http = builder.build().map_err(|error| ClientError::Config {
            what: format!("TLS for cloud {}", config.name),
            reason: chain(&error),
        })?;
        Ok(Self {
            http,
            timeout: config.timeout,
            endpoint: config.endpoint.clone(),
        })
    }

    /// Where Keystone is.
    pub fn auth_url(&self) -> Result<Url> {
        let text = match &self.endpoint {
            Endpoint::Unix(_) => "http://localhost/identity/v3",
            Endpoint::Http(url) => url,
        };
        self.url(text)
    }

    /// An address of the catalog as it is reached here: through a unix socket the host does not matter.
    pub fn url(&self, text: &str) -> Result<Url> {
        let wrong = |reason: String| ClientError::Config {
            what: format!("address {text}"),
            reason,
        };
        let mut url = Url::parse(text).map_err(|error| wrong(error.to_string()))?;
        if let Endpoint::Unix(_) = self.endpoint {
            let local = |url: &mut Url| {
                url.set_scheme("http").ok()?;
                url.set_host(Some("localhost")).ok()?;
                url.set_port(None).ok()
            };
            local(&mut url).ok_or_else(|| wrong("is no address of HTTP".to_owned()))?;
        }
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong("must begin with http:// or https://".to_owned()));
        }
        Ok(url)
    }

    /// What to call the cloud's address in errors.
    pub fn name(&self, url: &Url) -> String {
        match &self.endpoint {
            Endpoint::Unix(path) => path.display().to_string(),
            Endpoint::Http(_) => url.origin().ascii_serialization(),
        }
    }

    /// Turns a failure of HTTP into words.
    pub fn failure(&self, error: &reqwest::Error, url: &Url, what: &str) -> ClientError {
        let endpoint = self.name(url);
        let what = what.to_owned();
        if error.is_connect() {
            let reason = chain(error);
            ClientError::Unreachable { endpoint, reason }
        } else if error.is_timeout() {
            ClientError::Timeout { endpoint, what }
        } else {
            let reason = chain(error);
            ClientError::Broken {
                endpoint,
                what,
                reason,
            }
        }
    }
}

fn trust(mut builder: reqwest::ClientBuilder, tls: &Tls) -> Result<reqwest::ClientBuilder> {
    if !tls.verify {
        builder = builder.tls_danger_accept_invalid_certs(true);
    }
    if let Some(path) = &tls.cacert {
        let certificates =
            Certificate::from_pem_bundle(&read(path)?).map_err(|error| ClientError::Config {
                what: path.display().to_string(),
                reason: chain(&error),
            })?;
        builder = builder.tls_certs_merge(certificates);
    }
    if let Some(path) = &tls.cert {
        let mut pem = read(path)?;
        if let Some(key) = &tls.key {
            pem.push(b'\n');
            pem.extend(read(key)?);
        }
        let identity = Identity::from_pem(&pem).map_err(|error| ClientError::Config {
            what: path.display().to_string(),
            reason: chain(&error),
        })?;
        builder = builder.identity(identity);
    }
    Ok(builder)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|source| ClientError::File {
        path: path.to_owned(),
        source,
    })
}

/// The innermost cause of an error. Never reqwest's own words: they hold the address, and that may hold a ticket.
fn chain(error: &reqwest::Error) -> String {
    let mut cause = std::error::Error::source(error);
    let mut text = "no reason was given".to_owned();
    while let Some(inner) = cause {
        text = inner.to_string();
        cause = inner.source();
    }
    text
}
