//! Where the broker is and how it is spoken to, from the settings. What may hold a password is never shown.

use std::path::Path;

use lapin::tcp::{OwnedIdentity, OwnedTLSConfig};
use lapin::uri::{AMQPScheme, AMQPUri};
use lapin::{Connection, ConnectionProperties, ErrorKind};

use crate::config::BusSettings;

/// Seconds without a sign of life after which either side takes the other for gone, unless the URL says otherwise.
const HEARTBEAT: u16 = 10;
/// Largest frame in bytes, unless the URL says otherwise. What is larger goes in several. lapin keeps buffers of 64 such
/// frames for a connection, which at RabbitMQ's own limit (128 KiB) is more than all the rest of an agent.
const FRAME: u32 = 16 * 1024;
/// Certificates that this system trusts.
const SYSTEM_CA: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Why the settings of the bus can not be right.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The URL is none.
    #[error(
        "bus.url can not be used: it is neither local: nor amqp://user:password@host:port/vhost nor amqps:// ({reason})"
    )]
    Url {
        /// What is wrong; without the URL, which may hold a password.
        reason: &'static str,
    },
    /// A file of certificates or a key can not be used.
    #[error("{key} can not be used: {path}: {reason}")]
    File {
        /// The setting.
        key: &'static str,
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
}

/// A broker and how to log in.
pub(super) struct Broker {
    uri: AMQPUri,
    tls: OwnedTLSConfig,
    name: String,
}

impl Broker {
    /// The broker of the settings, for a process that is to be called `name` there.
    pub(super) fn new(settings: &BusSettings, name: &str) -> Result<Self, SettingsError> {
        let refuse = |reason| SettingsError::Url { reason };
        // The parser's own message repeats the text, password and all.
        let mut uri: AMQPUri = settings
            .url
            .parse()
            .map_err(|_| refuse("its form is not understood"))?;
        // The parser takes localhost for what it does not know as a name.
        let place = settings.url.split_once("://").map_or("", |(_, rest)| rest);
        let place = place.split('/').next().unwrap_or_default();
        let place = place.rsplit_once('@').map_or(place, |(_, place)| place);
        if let Some(rest) = place.strip_prefix('[') {
            let (address, _) = rest.split_once(']').ok_or_else(|| refuse("its host"))?;
            address.clone_into(&mut uri.authority.host);
        } else if place.is_empty() || place.starts_with(':') {
            return Err(refuse("it names no host"));
        }
        // `…:5672/` is meant as `…:5672`.
        if uri.vhost.is_empty() {
            "/".clone_into(&mut uri.vhost);
        }
        uri.query.heartbeat.get_or_insert(HEARTBEAT);
        uri.query.frame_max.get_or_insert(FRAME);
        let tls = match uri.scheme {
            AMQPScheme::AMQPS => tls(settings)?,
            AMQPScheme::AMQP => OwnedTLSConfig::default(),
        };
        Ok(Self {
            uri,
            tls,
            name: name.to_owned(),
        })
    }

    /// Host and port.
    pub(super) fn address(&self) -> String {
        let host = &self.uri.authority.host;
        let port = self.uri.authority.port;
        if host.contains(':') {
            format!("[{host}]:{port}")
        } else {
            format!("{host}:{port}")
        }
    }

    /// Host, port and virtual host.
    pub(super) fn place(&self) -> String {
        format!("{} (vhost {})", self.address(), self.uri.vhost)
    }

    /// Connects and logs in.
    pub(super) async fn connect(&self) -> lapin::Result<Connection> {
        let properties = ConnectionProperties::default()
            .with_connection_name(self.name.as_str().into())
            .with_client_property("product".into(), "Skydeck".into())
            .with_client_property("version".into(), env!("CARGO_PKG_VERSION").into());
        Connection::connect_uri_with_config(
            self.uri.clone(),
            properties,
            self.tls.clone(),
            lapin::runtime::default_runtime()?,
        )
        .await
    }

    /// Why connecting failed, and what to do.
    pub(super) fn explain(&self, error: &lapin::Error) -> String {
        let place = self.place();
        let user = &self.uri.authority.userinfo.username;
        let reason = error.to_string();
        match error.kind() {
            ErrorKind::ProtocolError(told) if told.get_message().as_str().contains("vhost") => {
                format!(
                    "the broker {place} does not let {user} in: {reason}; make the virtual host (rabbitmqctl add_vhost) and permit the user there (set_permissions)"
                )
            }
            ErrorKind::ProtocolError(_) => format!(
                "the broker {place} does not let {user} in: {reason}; check name and password in bus.url"
            ),
            ErrorKind::IOError(io) if io.kind() == std::io::ErrorKind::InvalidData => format!(
                "the broker {place} and this process do not agree on TLS: {reason}; check bus.ca_file, that the port is one for TLS, and bus.cert_file if the broker wants a certificate"
            ),
            _ => format!(
                "the broker {place} can not be reached: {reason}; is RabbitMQ running there?"
            ),
        }
    }
}

/// Whether the broker of this URL can be reached by this machine alone.
pub fn is_loopback(url: &str) -> bool {
    let place = url.split_once("://").map_or("", |(_, rest)| rest);
    let place = place.split(['/', '?']).next().unwrap_or_default();
    let place = place.rsplit_once('@').map_or(place, |(_, place)| place);
    let host = match place.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => place.split(':').next().unwrap_or_default(),
    };
    let address = host.parse::<std::net::IpAddr>();
    host.is_empty() || host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

fn tls(settings: &BusSettings) -> Result<OwnedTLSConfig, SettingsError> {
    let ca = match settings.ca_file.as_os_str().is_empty() {
        true => Path::new(SYSTEM_CA),
        false => &settings.ca_file,
    };
    let text = pem("bus.ca_file", ca, "CERTIFICATE")?;
    let alone = |key| SettingsError::File {
        key,
        path: "(empty)".into(),
        reason: "a certificate and its key go together".into(),
    };
    let empty = |path: &Path| path.as_os_str().is_empty();
    let identity = match (empty(&settings.cert_file), empty(&settings.key_file)) {
        (true, true) => None,
        (true, false) => return Err(alone("bus.cert_file")),
        (false, true) => return Err(alone("bus.key_file")),
        (false, false) => Some(OwnedIdentity::PKCS8 {
            pem: pem("bus.cert_file", &settings.cert_file, "CERTIFICATE")?.into_bytes(),
            key: pem("bus.key_file", &settings.key_file, "PRIVATE KEY")?.into_bytes(),
        }),
    };
    Ok(OwnedTLSConfig {
        identity,
        cert_chain: Some(text),
    })
}

/// Reads a PEM file that must have something of this kind.
fn pem(key: &'static str, path: &Path, kind: &str) -> Result<String, SettingsError> {
    let fail = |reason: String| SettingsError::File {
        key,
        path: path.display().to_string(),
        reason,
    };
    let text = std::fs::read_to_string(path).map_err(|error| fail(error.to_string()))?;
    let begins = |line: &str| line.starts_with("-----BEGIN ") && line.contains(kind);
    if !text.lines().any(begins) {
        return Err(fail(format!("there is no {kind} in it")));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn settings(url: &str) -> BusSettings {
        BusSettings {
            url: url.into(),
            node_url: String::new(),
            ca_file: PathBuf::new(),
            cert_file: PathBuf::new(),
            key_file: PathBuf::new(),
        }
    }

    #[test]
    fn what_a_url_names_is_what_is_asked_and_no_password_is_shown() {
        for (url, place) in [
            ("amqp://u:secret@mq.example", "mq.example:5672 (vhost /)"),
            ("amqp://u:secret@mq/", "mq:5672 (vhost /)"),
            (
                "amqp://u:secret@10.0.0.1:99/sky%2fdeck",
                "10.0.0.1:99 (vhost sky/deck)",
            ),
            ("amqp://u:secret@[fd00::1]:99/v", "[fd00::1]:99 (vhost v)"),
        ] {
            assert_eq!(Broker::new(&settings(url), "x").unwrap().place(), place);
        }
        for url in [
            "amqp://",
            "amqp://u:secret@/v",
            "http://u:secret@h",
            "amqp:u:secret",
            "u:secret@h",
        ] {
            let error = Broker::new(&settings(url), "x").map(|_| ()).unwrap_err();
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_broker_of_this_machine_alone_is_none_for_others() {
        for (url, alone) in [
            ("amqp://u:p@127.0.0.1:5672/v", true),
            ("amqp://u:p@localhost/v", true),
            ("amqps://u:p@[::1]:5671", true),
            ("amqp:///v", true),
            ("amqp://u:p@10.0.0.1:5672/v", false),
            ("amqp://localhost:p@mq.example/v", false),
            ("amqps://u:p@[fd00::1]:5671", false),
        ] {
            assert_eq!(is_loopback(url), alone, "{url}");
        }
    }

    #[test]
    fn certificates_that_can_not_be_used_are_named_at_the_start() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("ca.pem");
        std::fs::write(&file, "no certificate").unwrap();
        let mut tls = settings("amqps://mq");
        tls.ca_file = file.clone();
        let error = Broker::new(&tls, "x").map(|_| ()).unwrap_err().to_string();
        assert!(
            error.contains("bus.ca_file") && error.contains("CERTIFICATE"),
            "{error}"
        );
        std::fs::write(&file, "-----BEGIN CERTIFICATE-----\n").unwrap();
        tls.cert_file = file;
        let error = Broker::new(&tls, "x").map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("bus.key_file"), "{error}");
    }
}
