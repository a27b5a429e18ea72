//! Trusting one certificate, by its fingerprint.
//!
//! A control process makes its own certificate if it is given none. No authority vouches for that, and none is needed: a
//! node learns the fingerprint by a way it trusts (from whoever types the command by which it joins, and later over the
//! bus) and takes that certificate and no other. Names and dates in it do not matter; that the other side has the key is
//! proven by the handshake as always.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// What stands before a fingerprint in commands.
const KIND: &str = "sha256:";

/// The fingerprint of a certificate.
pub fn fingerprint(certificate: &[u8]) -> String {
    hex::encode(Sha256::digest(certificate))
}

/// How a fingerprint is written for people.
pub fn written(fingerprint: &str) -> String {
    format!("{KIND}{fingerprint}")
}

/// The settings of a client that trusts the certificate with this fingerprint (`sha256:` before it or not, colons in it or
/// not) and no other. An error says what is wrong with the fingerprint.
pub fn client_config(fingerprint: &str) -> Result<ClientConfig, String> {
    let digits = fingerprint.strip_prefix(KIND).unwrap_or(fingerprint);
    let digits: String = digits.chars().filter(|c| *c != ':').collect();
    let mut wanted = [0; 32];
    hex::decode_to_slice(&digits, &mut wanted).map_err(|_| {
        format!("{fingerprint:?} is no fingerprint: {KIND} and 64 hexadecimal digits are")
    })?;
    let provider = Arc::new(ring::default_provider());
    let pinned = Pinned {
        wanted,
        provider: provider.clone(),
    };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(pinned))
        .with_no_client_auth();
    Ok(config)
}

#[derive(Debug)]
struct Pinned {
    wanted: [u8; 32],
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let shown = Sha256::digest(end_entity);
        if bool::from(shown.as_slice().ct_eq(&self.wanted)) {
            return Ok(ServerCertVerified::assertion());
        }
        Err(Error::General(format!(
            "it shows the certificate {}, not the one that was named: it is another machine, or its certificate was replaced",
            written(&hex::encode(shown))
        )))
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
