//! Who we are to an OVSDB server under TLS, and whom we take for one: certificates of the deployment's own authority, as
//! `ovs-pki` makes them (ovsdb-server(1), `--ca-cert`).

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A certificate with its key, and the authority that servers are known by.
#[derive(Clone)]
pub struct Identity {
    config: Arc<ClientConfig>,
}

impl Identity {
    /// Reads the files, PEM each.
    ///
    /// # Errors
    /// Names the file that is missing or wrong.
    pub fn read(authority: &Path, certificate: &Path, key: &Path) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        for root in certificates(authority)? {
            roots
                .add(root)
                .map_err(|error| format!("{}: {error}", authority.display()))?;
        }
        let secret = PrivateKeyDer::from_pem_file(key)
            .map_err(|error| format!("{}: {error}", key.display()))?;
        let config = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_client_auth_cert(certificates(certificate)?, secret)
            .map_err(|error| format!("{}: {error}", certificate.display()))?;
        Ok(Self {
            config: Arc::new(config),
        })
    }

    /// Goes on under TLS.
    pub async fn connect(&self, host: &str, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        TlsConnector::from(self.config.clone())
            .connect(name, stream)
            .await
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let fail = |error: rustls::pki_types::pem::Error| format!("{}: {error}", path.display());
    let found: Vec<_> = CertificateDer::pem_file_iter(path)
        .map_err(fail)?
        .collect::<Result<_, _>>()
        .map_err(fail)?;
    if found.is_empty() {
        return Err(format!("{}: no certificate is in it", path.display()));
    }
    Ok(found)
}
