//! A story with secrets that are known, at the log's most talkative level that people use: none of them is found in the
//! log, in errors, in events, in the database, or in a file that others may read.

use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;

use super::start::config;
use crate::api::wire::Secret;
use crate::client::{Client, ListQuery};
use crate::compute::wire::{
    KeypairCreate, Rebuild, ServerAction, ServerCreate, ServerCreateRequest,
};
use crate::hypervisor::sim::{SimConfig, SimHost};
use crate::identity::wire::UserFields;
use crate::image::wire::ImageCreate;
use crate::roles::console::own_client;
use crate::roles::lock::Front;
use crate::roles::{Control, data_directory, logging, node};

const PASSWORD: &str = "the-first-secret-Xq7";
const CHANGED: &str = "the-second-secret-Yw8";
const WRONG: &str = "the-wrong-secret-Zt9";
const IN_A_URL: &str = "the-secret-in-a-url-Ub1";
const USER_DATA: &str = "#cloud-config\npassword: the-secret-of-a-guest-Vc2\n";

/// Every file below a directory, with directories.
fn tree(path: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(path).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            tree(&entry.path(), found);
        }
        found.push(entry.path());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_is_written_anywhere_and_no_file_is_open_to_others() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path());
    data_directory(dir.path()).unwrap();
    let log = logging::start(&dir.path().join("log"), "debug", false).unwrap();
    let control = Control::start(config, Front::Server).await.unwrap();
    let cloud = control.cloud().clone();
    let mut events = cloud.events.watch();
    let sim = Arc::new(SimHost::open(SimConfig::default()).unwrap());
    let agent = node::start_simulated(
        "n1",
        dir.path(),
        &cloud.config,
        (&cloud.bus, cloud.process),
        sim,
    )
    .unwrap();
    let (clouds, socket) = (dir.path().join("clouds.yaml"), dir.path().join("api.sock"));
    let client = own_client(&clouds, &socket).unwrap();

    let admin = std::fs::read_to_string(dir.path().join("admin-password")).unwrap();
    let mut secrets = vec![
        admin.trim().to_owned(),
        client.session().await.unwrap().token().expose().to_owned(),
        PASSWORD.into(),
        CHANGED.into(),
        WRONG.into(),
        IN_A_URL.into(),
    ];
    let mut said = Vec::new();

    // A user who is wrong once, changes the password, and has tokens.
    let fields = |password: &str| UserFields {
        name: Some("ann".into()),
        password: Some(Secret::new(password)),
        ..UserFields::default()
    };
    let user = client.user_create(fields(PASSWORD)).await.unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let written = std::fs::read_to_string(&clouds).unwrap();
    for password in [WRONG, PASSWORD] {
        let entry = elsewhere.path().join("clouds.yaml");
        let text = written
            .replace("username: admin", "username: ann")
            .replace("project_name: admin", "")
            .replace("      project_domain_id: default\n", "")
            .replace(admin.trim(), password);
        std::fs::write(&entry, text).unwrap();
        match own_client(&entry, &socket).unwrap().session().await {
            Ok(session) => secrets.push(session.token().expose().to_owned()),
            Err(error) => said.push(format!("{error} {error:?}")),
        }
    }
    assert_eq!(said.len(), 1, "one login fails: {said:?}");
    client.user_update(&user.id, fields(CHANGED)).await.unwrap();
    let (token, _) = client.token_issue().await.unwrap();
    secrets.push(token.expose().to_owned());

    // A key pair whose private half is told once.
    let key = client
        .keypair_create(KeypairCreate {
            name: "key".into(),
            public_key: None,
            kind: None,
            user_id: None,
        })
        .await
        .unwrap();
    let private = key.private_key.expect("the private key");
    secrets.push(private.expose().lines().nth(2).unwrap().to_owned());

    // An import from an address that holds a password, and one that fails.
    let image = ImageCreate {
        name: Some("img".into()),
        disk_format: Some("raw".into()),
        container_format: Some("bare".into()),
        ..ImageCreate::default()
    };
    let image = client.image_create(&image).await.unwrap();
    let url = format!("http://ann:{IN_A_URL}@127.0.0.1:1/disk.img");
    let error = client.image_import(&image.id, &url).await.unwrap_err();
    said.push(format!("{error} {error:?}"));
    let file = dir.path().join("disk.img");
    std::fs::write(&file, vec![0x5a; 4096]).unwrap();
    client
        .image_upload(&image.id, &file, Arc::new(|_, _| {}))
        .await
        .unwrap();
    std::fs::remove_file(file).unwrap();

    // A server with user data and a console.
    let encoded = base64::engine::general_purpose::STANDARD.encode(USER_DATA);
    let flavors = client.flavor_list(&ListQuery::default()).await.unwrap();
    let server = ServerCreate {
        name: "web".into(),
        flavor_ref: flavors[0].id.clone(),
        image_ref: Some(image.id.clone()),
        key_name: Some("key".into()),
        user_data: Some(encoded.clone()),
        ..ServerCreate::default()
    };
    let request = ServerCreateRequest {
        server,
        scheduler_hints: None,
    };
    client.server_create(request).await.unwrap();
    let servers = client.server_list(&ListQuery::default()).await.unwrap();
    let id = servers[0].id.clone();
    active(&client, &id).await;
    let rebuild = Rebuild {
        image_ref: image.id.clone(),
        user_data: Some(Some(encoded.clone())),
        ..Rebuild::default()
    };
    client
        .server_action(&id, &ServerAction::Rebuild(Box::new(rebuild)))
        .await
        .unwrap();
    active(&client, &id).await;
    let door = client.console_url_show(&id).await.unwrap();
    let ticket = door.expose().rsplit('=').next().unwrap().to_owned();
    assert!(ticket.len() > 16, "the ticket of {}", door.expose());
    secrets.push(ticket);
    while let Ok((_, event)) = events.try_recv() {
        said.push(format!("{event:?}"));
    }

    // While it runs, then with everything written out.
    modes(dir.path());
    drop(agent);
    control.shut_down().await;
    drop(log);
    modes(dir.path());

    let mut searched = 0;
    let mut files = Vec::new();
    tree(dir.path(), &mut files);
    for path in files.iter().filter(|path| path.is_file()) {
        let name = path.file_name().unwrap().to_string_lossy();
        // What the first start writes for the administrator, as it says.
        if matches!(&*name, "clouds.yaml" | "admin-password") {
            continue;
        }
        let bytes = std::fs::read(path).unwrap();
        for secret in &secrets {
            assert!(!holds(&bytes, secret), "{} holds {secret}", path.display());
        }
        if name.starts_with("skydeck.") && name.ends_with(".log") {
            for text in [encoded.as_str(), "the-secret-of-a-guest"] {
                assert!(!holds(&bytes, text), "{} holds user data", path.display());
            }
            assert!(
                holds(&bytes, "DEBUG") || holds(&bytes, "INFO"),
                "the log says something"
            );
            searched += 1;
        }
    }
    assert!(searched > 0, "there is a log");
    for text in &said {
        for secret in &secrets {
            assert!(!text.contains(secret.as_str()), "{secret} is told: {text}");
        }
        assert!(!text.contains(&encoded), "user data is told: {text}");
    }
    // The command line and environment of this process and what it started are visible to all.
    for secret in &secrets {
        let seen = std::fs::read("/proc/self/cmdline").unwrap();
        assert!(!holds(&seen, secret));
    }
    // What is over keeps no user data in its operation: the server's row has it.
    let db = crate::db::Db::open(&format!(
        "sqlite://{}",
        dir.path().join("skydeck.db").display()
    ))
    .await
    .unwrap();
    let mut conn = db.read().await.unwrap();
    for (condition, expected) in [
        ("kind = 'server_rebuild' AND status = 'done'".to_owned(), 1),
        (format!("state LIKE '%{encoded}%'"), 0),
        // What lets a node at an image is made for one question.
        ("state LIKE '%\"depot\"%'".to_owned(), 0),
    ] {
        let found: i64 =
            crate::db::sql(format!("SELECT COUNT(*) FROM operation WHERE {condition}"))
                .scalar(&mut conn)
                .await
                .unwrap();
        assert_eq!(found, expected, "{condition}");
    }
}

/// Waits until the server runs and nothing is done to it.
async fn active(client: &Client, id: &str) {
    let active = async {
        loop {
            let server = client.server_show(id).await.unwrap();
            if server.status == "ACTIVE" && server.task_state.is_none() {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), active)
        .await
        .expect("the server is active");
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

/// Files are 0600, directories 0700, or 0710 for the group of guest processes.
fn modes(dir: &Path) {
    let mut files = vec![dir.to_owned()];
    tree(dir, &mut files);
    assert!(files.len() > 10, "{files:?}");
    for path in files {
        let found = std::fs::symlink_metadata(&path).unwrap();
        let mode = found.permissions().mode() & 0o777;
        let kind = found.file_type();
        let allowed: &[u32] = if kind.is_dir() {
            &[0o700, 0o710]
        } else if kind.is_socket() {
            &[0o600, 0o700]
        } else {
            &[0o600, 0o400]
        };
        assert!(
            allowed.contains(&mode),
            "{} has mode {mode:o}",
            path.display()
        );
    }
}
