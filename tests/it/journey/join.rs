//! A node on another machine, as far as files go: it can not see the control process's data directory. It has joined by the
//! command that `skydeck node add` prints, and its guests are real.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use skydeck::compute::wire::{CreateImage, ServerAction, ServerCreate};
use skydeck::volume::wire::VolumeCreate;

use super::cloud::{Cloud, PATIENCE, SKYDECK, Settings};
use super::guest::{type_in, wait_ready};
use crate::lab::broker::{Broker, PASSWORD};
use crate::lab::guest as disk;
use crate::lab::wait::{wait_for_async, wait_until};

/// The node's name.
const NODE: &str = "cmp-2";
/// Bytes of an image that takes a while to send.
const LARGE: usize = 192 << 20;

/// A command line on the other machine: nothing of the control process's directory is there.
fn elsewhere(cloud: &Cloud, line: &str) -> Command {
    let mut command = cloud.machine.command("unshare");
    let hide = format!(
        "mount -t tmpfs none {:?} && exec sh -c \"$1\"",
        cloud.data()
    );
    command.args(["--mount", "sh", "-c", &hide, "elsewhere", line]);
    let path = std::env::var("PATH").unwrap_or_default();
    let program = Path::new(SKYDECK).parent().unwrap().display();
    command.env("PATH", format!("{program}:{path}"));
    command.env("XDG_CONFIG_HOME", cloud.machine.dir().join("none"));
    // What differs from a node in earnest.
    command.env("SKYDECK_AGENT_VIRT_TYPE", "qemu");
    command.env("SKYDECK_AGENT_REPORT_INTERVAL", "1");
    command
}

/// Where the node keeps its own.
fn place(cloud: &Cloud) -> PathBuf {
    cloud.machine.dir().join("node")
}

/// Its settings.
fn settings(cloud: &Cloud) -> PathBuf {
    cloud.machine.dir().join("etc-node/config.toml")
}

/// The flags by which this machine has two nodes' places.
fn flags(cloud: &Cloud) -> String {
    let (settings, place) = (settings(cloud), place(cloud));
    format!(
        "--config {} --data-dir {}",
        settings.display(),
        place.display()
    )
}

/// `skydeck node …` beside the control process: what it prints, or why it failed.
fn node(cloud: &Cloud, arguments: &str) -> Result<String, String> {
    let line = format!(
        "{SKYDECK} node {arguments} --config {}",
        cloud.config().display()
    );
    cloud.machine.try_run(&["sh", "-c", &line])
}

/// Runs a line on the other machine to its end; whether it succeeded, and what it said.
fn run(cloud: &Cloud, line: &str) -> (bool, String) {
    let output = elsewhere(cloud, line).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.success(), said)
}

/// Sends the agent a signal; its process id is the other machine's.
fn signal(cloud: &Cloud, signal: &str) {
    let lock = std::fs::read_to_string(place(cloud).join("node.lock")).unwrap();
    let pid = lock.split_whitespace().next().unwrap();
    cloud.machine.run(&["kill", signal, pid]);
}

async fn node_is(cloud: &Cloud, state: &str) {
    let client = cloud.client();
    wait_for_async(&format!("the node to be {state}"), PATIENCE, async || {
        let nodes = client.node_list().await.expect("nodes");
        nodes
            .iter()
            .any(|node| node.name == NODE && node.state == state)
            .then_some(())
    })
    .await;
}

async fn launch(cloud: &Cloud, name: &str, image: &str, flavor: &str) -> String {
    let id = cloud
        .launch(ServerCreate {
            name: name.into(),
            flavor_ref: flavor.into(),
            image_ref: Some(image.into()),
            config_drive: Some(true),
            ..ServerCreate::default()
        })
        .await;
    cloud.wait_status(&id, "ACTIVE").await;
    id
}

/// Asks for an image of a server's disk, by name.
async fn snapshot(cloud: &Cloud, server: &str, name: &str) {
    let action = ServerAction::CreateImage(CreateImage {
        name: name.into(),
        ..CreateImage::default()
    });
    let asked = cloud.client().server_action(server, &action).await;
    asked.expect("a snapshot");
}

/// The image of this name, with its bytes as a file, once it is active.
async fn download(cloud: &Cloud, name: &str) -> PathBuf {
    let client = cloud.client();
    let image = wait_for_async("the snapshot's image", PATIENCE, async || {
        let query = skydeck::client::ListQuery::new().filter("name", name);
        let found = client.image_list(&query).await.expect("images");
        found.into_iter().find(|image| image.status == "active")
    })
    .await;
    let file = cloud.machine.dir().join(name);
    let told = Arc::new(|_, _| {});
    let loaded = client.image_download(&image.id, &file, told).await;
    loaded.expect("its bytes");
    file
}

/// The length of the file of a snapshot that arrives, if one does.
fn arriving(cloud: &Cloud) -> Option<u64> {
    let uploads = std::fs::read_dir(cloud.data().join("images/uploads")).ok()?;
    uploads
        .flatten()
        .find(|entry| {
            entry
                .path()
                .extension()
                .is_some_and(|ending| ending == "copy")
        })
        .and_then(|entry| Some(entry.metadata().ok()?.len()))
}

/// Bytes that look like nothing, and are the same each time.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(length);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes
}

#[track_caller]
fn same_disk(cloud: &Cloud, one: &Path, other: &Path) {
    let name = |path: &Path| path.display().to_string();
    let compared = cloud
        .machine
        .run(&["qemu-img", "compare", &name(one), &name(other)]);
    assert!(compared.contains("identical"), "{compared}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_on_another_machine_is_joined_used_and_left() {
    let mut cloud = Cloud::with(Settings {
        agent: "enabled = false\ndown_after = 5".into(),
        extra: "node_url = \"https://127.0.0.1:8775\"\n".into(),
        started: false,
        ..Settings::default()
    });
    let broker = cloud.machine.within_network(Broker::start);
    let url = broker.url("/");
    let control = [
        ("SKYDECK_BUS_URL", url.as_str()),
        ("SKYDECK_BUS_NODE_URL", url.as_str()),
        (
            "SKYDECK_API_LISTEN",
            "unix:,127.0.0.1:8774,tls:127.0.0.1:8775",
        ),
    ];
    cloud.boot(&control);

    // It joins by what is printed, once, and to nobody else.
    let line = node(&cloud, &format!("add {NODE}")).expect("an invitation");
    assert!(
        line.starts_with("echo ") && line.contains(" --fingerprint sha256:"),
        "{line}"
    );
    let join = format!("{line} {}", flags(&cloud));
    let stranger = format!("sha256:{}", "0".repeat(64));
    let (words, _) = line.split_once("sha256:").unwrap();
    let (joined, said) = run(&cloud, &format!("{words}{stranger} {}", flags(&cloud)));
    assert!(
        !joined && said.contains("not the one that was named"),
        "{said}"
    );
    assert!(!settings(&cloud).exists() && !place(&cloud).exists());
    let mut agent = cloud.machine.spawn("agent", elsewhere(&cloud, &join));
    node_is(&cloud, "up").await;
    let mode = std::fs::metadata(settings(&cloud))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let again = join
        .replace("etc-node", "etc-other")
        .replace("/node", "/other");
    let (joined, said) = run(&cloud, &again);
    assert!(!joined && said.contains("used before"), "{said}");
    assert!(!cloud.machine.dir().join("etc-other/config.toml").exists());
    let taken = node(&cloud, &format!("add {NODE}")).unwrap_err();
    assert!(taken.contains("up"), "{taken}");
    let listed = node(&cloud, "list").expect("nodes");
    assert!(
        listed
            .lines()
            .any(|line| line.starts_with(NODE) && line.contains(" up ")),
        "{listed}"
    );
    assert!(listed.contains(" control "), "{listed}");

    // An image comes over, and the line goes back.
    let guest = cloud.image("guest", &disk::qcow2(), "qcow2").await;
    let flavor = cloud.flavor("guest", 128, 1).await;
    let first = launch(&cloud, "first", &guest.id, &flavor).await;
    let cached = std::fs::read_dir(place(&cloud).join("image-cache")).unwrap();
    assert_eq!(cached.count(), 1, "the image is in the node's cache");
    wait_ready(&cloud, &first, 1).await;
    type_in(
        &cloud.client(),
        &first,
        "echo $((6 * 7))-$(hostname)",
        "42-first",
    )
    .await;
    let volume = VolumeCreate {
        size: Some(1),
        image_ref: Some(guest.id.clone()),
        ..VolumeCreate::default()
    };
    let volume = cloud
        .client()
        .volume_create(volume)
        .await
        .expect("a volume");
    wait_for_async("the volume", PATIENCE, async || {
        let shown = cloud.client().volume_show(&volume.id).await.expect("it");
        assert_ne!(shown.status, "error", "{shown:?}");
        (shown.status == "available").then_some(())
    })
    .await;

    // A snapshot is what the disk is; the control process dies while it arrives.
    let large = cloud.machine.dir().join("large.raw");
    std::fs::write(&large, noise(LARGE)).unwrap();
    let image = cloud.image("large", &large, "raw").await;
    let second = launch(&cloud, "second", &image.id, &flavor).await;
    snapshot(&cloud, &second, "copy").await;
    wait_until("the snapshot to arrive", PATIENCE, || {
        arriving(&cloud).is_some_and(|bytes| bytes > 0)
    });
    cloud.kill();
    let there = arriving(&cloud).expect("a part of the snapshot");
    assert!(there < LARGE as u64, "all of it was there: {there} bytes");
    cloud.boot(&control);
    let copy = download(&cloud, "copy").await;
    same_disk(&cloud, &large, &copy);
    cloud.settled().await;
    assert_eq!(arriving(&cloud), None);

    // So does the node, and goes on with the copy that it has made.
    snapshot(&cloud, &second, "again").await;
    wait_until("the snapshot to arrive", PATIENCE, || {
        arriving(&cloud).is_some_and(|bytes| bytes > 0)
    });
    signal(&cloud, "-KILL");
    agent.wait(PATIENCE);
    let there = arriving(&cloud).expect("a part of the snapshot");
    assert!(there < LARGE as u64, "all of it was there: {there} bytes");
    let start = format!("exec skydeck agent --config {}", settings(&cloud).display());
    let agent = cloud.machine.spawn("agent", elsewhere(&cloud, &start));
    let copy = download(&cloud, "again").await;
    same_disk(&cloud, &large, &copy);
    cloud.settled().await;
    let left = std::fs::read_dir(place(&cloud).join("instances").join(&second)).unwrap();
    let names = left.flatten().map(|entry| entry.file_name());
    let copies: Vec<_> = names
        .filter(|name| name.to_string_lossy().starts_with("snapshot"))
        .collect();
    assert!(copies.is_empty(), "{copies:?}");

    // It is left when it has nothing, and forgotten then.
    let full = node(&cloud, &format!("remove {NODE}")).unwrap_err();
    assert!(
        full.contains("first") && full.contains("second") && full.contains("1 volumes"),
        "{full}"
    );
    let leave = format!("skydeck node leave {}", flags(&cloud));
    let (left, said) = run(&cloud, &leave);
    assert!(!left && said.contains("2 guests and 1 volumes"), "{said}");
    for server in [&first, &second] {
        cloud.delete(server).await;
    }
    let client = cloud.client();
    client.volume_delete(&volume.id).await.expect("no volume");
    wait_for_async("the volume to be gone", PATIENCE, async || {
        let shown = client.volume_show(&volume.id).await;
        shown.is_err_and(|error| error.is_not_found()).then_some(())
    })
    .await;
    let (left, said) = run(&cloud, &leave);
    assert!(!left && said.contains("in use by the node"), "{said}");
    agent.stop(PATIENCE);
    let (left, said) = run(&cloud, &leave);
    assert!(left && said.contains("node remove"), "{said}");
    assert!(!settings(&cloud).exists());
    node_is(&cloud, "down").await;
    node(&cloud, &format!("remove {NODE}")).expect("it to be forgotten");
    assert!(!node(&cloud, "list").expect("nodes").contains(NODE));

    let token = line.split_whitespace().nth(1).unwrap();
    for log in ["agent.log", "server.log"] {
        let said = std::fs::read_to_string(cloud.machine.dir().join(log)).unwrap();
        for secret in [PASSWORD, token, "ticket\":"] {
            assert!(!said.contains(secret), "{log} has a secret");
        }
    }
}
