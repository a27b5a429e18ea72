//! The API with TLS, as nodes and clients reach it.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::api::{Identity, Listeners, OWN_CERTIFICATE, app};
use crate::client::{Client, Clouds};
use crate::config::{Config, Sources};
use crate::context::testing;
use crate::depot::dial;
use crate::depot::pin::written;
use crate::roles::services;

/// A free port of the loopback.
fn free() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn config(dir: &std::path::Path, settings: &[(&str, String)]) -> Config {
    let flags = settings
        .iter()
        .map(|(key, value)| ((*key).to_owned(), value.clone()))
        .chain([("data_dir".to_owned(), dir.display().to_string())]);
    Config::load(&Sources {
        flags: flags.collect(),
        ..Sources::default()
    })
    .unwrap()
}

#[tokio::test]
async fn a_certificate_that_was_made_is_known_by_its_fingerprint_and_by_its_file() {
    let (dir, cloud, _kicks) = testing::cloud().await;
    let place = format!("127.0.0.1:{}", free());
    let settings = [("api.listen", format!("tls:{place}"))];
    let config = config(dir.path(), &settings);
    let tls = Identity::load(&config).unwrap().unwrap();
    let again = Identity::load(&config).unwrap().unwrap();
    assert_eq!(tls.fingerprint(), again.fingerprint());
    for name in [OWN_CERTIFICATE, "api-key.pem"] {
        use std::os::unix::fs::MetadataExt;
        let mode = std::fs::metadata(dir.path().join(name)).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let listeners = Listeners::bind(&config.api.listen, Some(&tls))
        .await
        .unwrap();
    let app = app(&cloud, services::routes(), crate::identity::authenticate);
    let stop = CancellationToken::new();
    let served = listeners.serve(&app, &stop, Duration::from_secs(1));

    // Somebody who says nothing keeps nobody out.
    let _silent = tokio::net::TcpStream::connect(&place).await.unwrap();
    let url = format!("https://{place}/identity");
    let get = async |fingerprint: Option<&str>| {
        let client = dial::client(&url, fingerprint).unwrap().build().unwrap();
        let answer = client.get(&url).send().await;
        match answer {
            Ok(answer) => answer.text().await.unwrap(),
            Err(error) => crate::fetch::chain(&error),
        }
    };
    let said = get(Some(tls.fingerprint())).await;
    // Links are what whoever came this way can follow.
    assert!(
        said.contains(&format!("https://{place}/identity/v3")),
        "{said}"
    );
    let colons: Vec<String> = tls
        .fingerprint()
        .as_bytes()
        .chunks(2)
        .map(|pair| String::from_utf8_lossy(pair).to_uppercase())
        .collect();
    assert_eq!(get(Some(&written(&colons.join(":")))).await, said);
    let other = "0".repeat(64);
    let refused = get(Some(&other)).await;
    assert!(refused.contains("not the one that was named"), "{refused}");
    assert!(dial::client(&url, Some("sha256:12")).is_err());
    assert!(dial::client("http://x", Some(&other)).is_err());

    // clouds.yaml has the certificate as OpenStack's clients want it.
    let file = dir.path().join("tls.yaml");
    let cacert = dir.path().join(OWN_CERTIFICATE);
    let text = |cacert: &str| {
        format!(
            "clouds:\n  c:\n    auth_type: token\n    auth: {{auth_url: 'https://{place}/identity/v3', token: t}}\n{cacert}"
        )
    };
    let ask = async |text: String| {
        std::fs::write(&file, text).unwrap();
        let clouds = Clouds::load_files(std::slice::from_ref(&file)).unwrap();
        let client = Client::new(clouds.get("c").unwrap()).unwrap();
        client.session().await.map(drop).unwrap_err().to_string()
    };
    let trusted = ask(text(&format!("    cacert: {}\n", cacert.display()))).await;
    assert!(trusted.contains("refused the login"), "{trusted}");
    let unknown = ask(text("")).await;
    assert!(unknown.contains("certificate"), "{unknown}");
    stop.cancel();
    served.wait().await;
}

#[test]
fn what_can_not_be_shown_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let load = |settings: &[(&str, String)]| {
        Identity::load(&config(dir.path(), settings)).map(|tls| tls.is_some())
    };
    assert!(!load(&[("api.listen", "127.0.0.1:1".into())]).unwrap());
    let file = dir.path().join("none.pem").display().to_string();
    let alone = load(&[("api.cert_file", file.clone())]).unwrap_err();
    assert!(alone.to_string().contains("api.key_file"), "{alone}");
    let both = [("api.cert_file", file.clone()), ("api.key_file", file)];
    let missing = load(&both).unwrap_err();
    assert!(missing.to_string().contains("api.cert_file"), "{missing}");
}
