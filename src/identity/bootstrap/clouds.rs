//! `clouds.yaml` in the data directory: how this machine's console and stock clients log in.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use serde_norway::Value;

use super::files;
use crate::api::OWN_CERTIFICATE;
use crate::config::{Config, Listen};
use crate::context::Context;
use crate::error::Result;

/// Name of the entry.
const ENTRY: &str = "skydeck";

pub(super) fn path(cx: &Context) -> PathBuf {
    cx.config.data_dir.join("clouds.yaml")
}

pub(super) async fn write(cx: &Context, password: &str) -> Result<()> {
    files::write(path(cx), text(&cx.config, password)).await
}

fn text(config: &Config, password: &str) -> String {
    // JSON's strings are YAML's too.
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    format!(
        "# Written by the first start. For the stock client: export OS_CLIENT_CONFIG_FILE={}\n\
         clouds:\n  {ENTRY}:\n    auth:\n      auth_url: {}\n      username: admin\n      password: {}\n      \
         project_name: admin\n      user_domain_id: default\n      project_domain_id: default\n    \
         region_name: {}\n    identity_api_version: 3\n    interface: public\n{}",
        config.data_dir.join("clouds.yaml").display(),
        auth_url(config),
        quoted(password),
        quoted(&config.identity.region),
        cacert(config),
    )
}

/// The certificate that this process made itself, where clients have to be told to trust it.
fn own_certificate(config: &Config) -> Option<PathBuf> {
    let needed =
        auth_url(config).starts_with("https:") && config.api.cert_file.as_os_str().is_empty();
    needed.then(|| config.data_dir.join(OWN_CERTIFICATE))
}

/// The line that makes clients trust it.
fn cacert(config: &Config) -> String {
    own_certificate(config).map_or_else(String::new, |file| {
        let quoted = serde_json::Value::from(file.display().to_string());
        format!("    cacert: {quoted}\n")
    })
}

/// Where a client on this machine finds identity.
fn auth_url(config: &Config) -> String {
    let tcp = config.api.listen.iter().find_map(|listen| match listen {
        Listen::Tcp(address) => Some(("http", *address)),
        Listen::Tls(address) => Some(("https", *address)),
        Listen::Unix(_) => None,
    });
    let base = match tcp {
        Some((scheme, address)) => format!("{scheme}://{}", reachable(address)),
        None if !config.api.public_url.is_empty() => {
            config.api.public_url.trim_end_matches('/').to_owned()
        }
        None => "http://localhost".to_owned(),
    };
    format!("{base}/identity/v3")
}

/// Whoever listens on all addresses is reached by the loopback one.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// Corrects the address after it was changed in the settings. A file that is gone, or that somebody made different, is
/// left alone.
pub(super) async fn refresh(cx: &Context) {
    let refreshed = async {
        let Some(text) = files::read(path(cx)).await? else {
            return Ok(());
        };
        match corrected(&text, &auth_url(&cx.config), own_certificate(&cx.config)) {
            Some(text) => files::write(path(cx), text).await,
            None => Ok(()),
        }
    };
    let outcome: Result<()> = refreshed.await;
    if let Err(error) = outcome {
        tracing::warn!(%error, "clouds.yaml may name an address of before");
    }
}

fn corrected(text: &str, url: &str, certificate: Option<PathBuf>) -> Option<String> {
    let mut parsed: Value = serde_norway::from_str(text).ok()?;
    let entry = parsed.get_mut("clouds")?.get_mut(ENTRY)?;
    let known = entry.get_mut("auth")?.get_mut("auth_url")?;
    if known.as_str() == Some(url) {
        return None;
    }
    *known = Value::String(url.to_owned());
    if let (Some(certificate), Value::Mapping(entry)) = (certificate, entry) {
        let file = Value::String(certificate.display().to_string());
        entry.insert(Value::String("cacert".into()), file);
    }
    serde_norway::to_string(&parsed).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Sources;

    fn config(listen: &str) -> Config {
        let flags = vec![
            ("data_dir".to_owned(), "/x".to_owned()),
            ("api.listen".to_owned(), listen.to_owned()),
        ];
        Config::load(&Sources {
            flags,
            ..Sources::default()
        })
        .unwrap()
    }

    #[test]
    fn clients_find_an_address_that_they_can_reach() {
        for (listen, url) in [
            ("unix:,127.0.0.1:8774", "http://127.0.0.1:8774/identity/v3"),
            ("0.0.0.0:80", "http://127.0.0.1:80/identity/v3"),
            ("[::]:8774", "http://[::1]:8774/identity/v3"),
            ("unix:", "http://localhost/identity/v3"),
            (
                "unix:,tls:0.0.0.0:8775",
                "https://127.0.0.1:8775/identity/v3",
            ),
        ] {
            assert_eq!(auth_url(&config(listen)), url);
        }
    }

    #[test]
    fn clients_are_told_the_certificate_that_was_made() {
        let tls = config("tls:127.0.0.1:1");
        let parsed: Value = serde_norway::from_str(&text(&tls, "p")).unwrap();
        let file = Some("/x/api-cert.pem");
        assert_eq!(parsed["clouds"]["skydeck"]["cacert"].as_str(), file);
        let plain = text(&config("127.0.0.1:1"), "p");
        let moved = corrected(&plain, &auth_url(&tls), own_certificate(&tls)).unwrap();
        let parsed: Value = serde_norway::from_str(&moved).unwrap();
        assert_eq!(parsed["clouds"]["skydeck"]["cacert"].as_str(), file);
    }

    #[test]
    fn the_file_is_yaml_whatever_the_password_and_its_address_follows_the_settings() {
        let password = "quote \" colon: hash # end";
        let text = text(&config("127.0.0.1:1"), password);
        let parsed: Value = serde_norway::from_str(&text).unwrap();
        let auth = &parsed["clouds"]["skydeck"]["auth"];
        assert_eq!(auth["password"].as_str(), Some(password));
        assert_eq!(
            auth["auth_url"].as_str(),
            Some("http://127.0.0.1:1/identity/v3")
        );
        assert_eq!(
            corrected(&text, "http://127.0.0.1:1/identity/v3", None),
            None
        );
        let moved = corrected(&text, "http://127.0.0.1:2/identity/v3", None).unwrap();
        let parsed: Value = serde_norway::from_str(&moved).unwrap();
        let auth = &parsed["clouds"]["skydeck"]["auth"];
        assert_eq!(
            auth["auth_url"].as_str(),
            Some("http://127.0.0.1:2/identity/v3")
        );
        assert_eq!(auth["password"].as_str(), Some(password));
        assert_eq!(corrected("clouds: {other: {}}", "http://x", None), None);
    }
}
