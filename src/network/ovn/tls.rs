//! Who we are to an OVSDB server under TLS, and whom we take for one: certificates of the deployment's own authority, as
//! `ovs-pki` makes them (ovsdb-server(1), `--ca-cert`).
//!
//! As for all programs of Open vSwitch and OVN, whoever has a certificate of that authority is believed, whatever name it has:
//! those of `ovs-pki` name no host. So the authority must be one that signs for nobody else.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
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
    /// Names the setting and the file that is missing or wrong.
    pub fn read(authority: &Path, certificate: &Path, key: &Path) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        for root in certificates("ovn_ca", authority)? {
            let added = roots.add(root);
            added.map_err(|error| wrong("ovn_ca", authority, error))?;
        }
        let chain = certificates("ovn_certificate", certificate)?;
        let secret =
            PrivateKeyDer::from_pem_file(key).map_err(|error| wrong("ovn_key", key, error))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = Authority {
            roots,
            provider: provider.clone(),
        };
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_client_auth_cert(chain, secret)
            .map_err(|error| {
                let why = format!("it is not for the key {}: {error}", key.display());
                wrong("ovn_certificate", certificate, why)
            })?;
        Ok(Self {
            config: Arc::new(config),
        })
    }

    /// Goes on under TLS.
    ///
    /// # Errors
    /// Says which side does not believe the other.
    pub async fn connect(
        &self,
        host: &str,
        stream: TcpStream,
    ) -> Result<TlsStream<TcpStream>, String> {
        let name = ServerName::try_from(host.to_owned()).map_err(|error| error.to_string())?;
        let connector = TlsConnector::from(self.config.clone());
        let connected = connector.connect(name, stream).await;
        connected.map_err(|error| explain(&error))
    }
}

/// Believes who has a certificate of an authority.
#[derive(Debug)]
struct Authority {
    roots: RootCertStore,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Authority {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        verify_server_cert_signed_by_trust_anchor(
            &ParsedCertificate::try_from(certificate)?,
            &self.roots,
            intermediates,
            now,
            self.provider.signature_verification_algorithms.all,
        )?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// What became of a connection: under TLS, which side does not believe the other, and what to do.
pub fn explain(error: &io::Error) -> String {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref());
    match cause {
        Some(Error::InvalidCertificate(why)) => format!(
            "its certificate is not believed: {why}; network.ovn_ca must name the authority that signed it"
        ),
        Some(Error::AlertReceived(why)) => format!(
            "it refuses us: {why:?}; network.ovn_certificate must be signed by the authority that the server believes (--ca-cert)"
        ),
        _ => error.to_string(),
    }
}

fn certificates(setting: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let found = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    let found: Vec<_> = found.map_err(|error| wrong(setting, path, error))?;
    if found.is_empty() {
        return Err(wrong(setting, path, "no certificate is in it"));
    }
    Ok(found)
}

fn wrong(setting: &str, path: &Path, why: impl std::fmt::Display) -> String {
    format!(
        "network.{setting} names {}, which does not serve: {why}; it has to be a file in PEM that this process may read",
        path.display()
    )
}

#[cfg(test)]
#[path = "tls_tests.rs"]
mod tests;
