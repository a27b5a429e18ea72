//! What stops a start, and what the message says.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::config::{Config, Listen, Sources};
use crate::roles::lock::Front;
use crate::roles::{Control, StartError, data_directory};

pub(in crate::roles) fn config(dir: &Path) -> Config {
    let flags = vec![("data_dir".to_owned(), dir.display().to_string())];
    let sources = Sources {
        flags,
        ..Sources::default()
    };
    let mut config = Config::load(&sources).unwrap();
    config.api.listen = vec![Listen::Unix(dir.join("api.sock"))];
    config
}

async fn refusal(config: Config) -> String {
    match Control::start(config, Front::Demo).await {
        Ok(_) => panic!("it started"),
        Err(error) => error.to_string(),
    }
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn one_directory_has_one_control_process_and_a_taken_port_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let port = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = port.local_addr().unwrap();
    let mut taken = config(dir.path());
    taken.api.listen.push(Listen::Tcp(address));
    let message = refusal(taken.clone()).await;
    assert!(message.contains(&address.to_string()), "{message}");
    assert!(message.contains("api.listen"), "{message}");
    // Whoever was refused holds nothing: the next start succeeds once the port is free.
    drop(port);
    let control = Control::start(taken, Front::Demo).await.unwrap();
    let message = refusal(config(dir.path())).await;
    let holder = std::process::id().to_string();
    assert!(
        message.contains(&holder) && message.contains("kill"),
        "{message}"
    );
    assert!(
        message.contains(&dir.path().display().to_string()),
        "{message}"
    );
    control.shut_down().await;
    let again = Control::start(config(dir.path()), Front::Demo)
        .await
        .unwrap();
    again.shut_down().await;
}

#[test]
fn an_open_directory_is_closed_or_refused_and_never_used() {
    let outer = tempfile::tempdir().unwrap();
    let open = |name: &str, bits: u32| {
        let path = outer.path().join(name);
        std::fs::create_dir(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(bits)).unwrap();
        path
    };
    let empty = open("empty", 0o755);
    data_directory(&empty).unwrap();
    assert_eq!(mode(&empty), 0o710);
    let ours = open("ours", 0o777);
    std::fs::write(ours.join("control.lock"), "1\n").unwrap();
    data_directory(&ours).unwrap();
    assert_eq!(mode(&ours), 0o710);
    let foreign = open("foreign", 0o755);
    std::fs::write(foreign.join("letters"), "dear").unwrap();
    let message = data_directory(&foreign).unwrap_err().to_string();
    assert!(
        message.contains("mode 755") && message.contains("--data-dir"),
        "{message}"
    );
    assert_eq!(mode(&foreign), 0o755);
    let made = outer.path().join("a/b");
    data_directory(&made).unwrap();
    assert_eq!(mode(&made), 0o700);
    let owned = open("owned", 0o700);
    if nix::unistd::geteuid().is_root() {
        std::os::unix::fs::chown(&owned, Some(12_345), None).unwrap();
        let message = data_directory(&owned).unwrap_err().to_string();
        assert!(message.contains("12345"), "{message}");
    }
}

#[test]
fn a_directory_that_can_not_be_written_is_named() {
    for path in ["/proc/skydeck", "/dev/null/skydeck"] {
        let error = data_directory(Path::new(path)).unwrap_err();
        assert!(matches!(error, StartError::Directory { .. }));
        let message = error.to_string();
        assert!(
            message.contains(path) && message.contains("--data-dir"),
            "{message}"
        );
    }
}
