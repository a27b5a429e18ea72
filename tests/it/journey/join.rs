//! A node on another machine, as far as files go: it can not see the control process's data directory. It has joined by the
//! command that `skydeck node add` prints, and its guests are real.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use skydeck::compute::wire::{CreateImage, ServerAction, ServerCreate};
use skydeck::volume::wire::VolumeCreate;

use super::cloud::{Cloud, PATIENCE, SKYDECK, Settings};
use super::guest::{type_in, wait_ready};
use crate::lab::broker::{Broker, PASSWORD};
use crate::lab::guest as disk;
use crate::lab::process::Running;
use crate::lab::wait::{wait_for_async, wait_until};

/// The node's name.
const NODE: &str = "cmp-2";
/// Bytes of an image that takes a while to send.
const LARGE: usize = 192 << 20;

/// A command on the other machine: nothing of the control process's directory is there.
fn elsewhere(cloud: &Cloud) -> Command {
    let mut command = cloud.machine.command("unshare");
    let hide = format!("mount -t tmpfs none {:?} && exec \"$@\"", cloud.data());
    command.args(["--mount", "sh", "-c", &hide, "elsewhere", SKYDECK]);
    command.env("XDG_CONFIG_HOME", cloud.machine.dir().join("none"));
    command
}

/// Where the node keeps its own.
fn place(cloud: &Cloud) -> PathBuf {
    cloud.machine.dir().join("node")
}

/// Starts the node.
fn agent(cloud: &Cloud, url: &str) -> Running {
    let config = cloud.machine.dir().join("node.toml");
    let text = format!(
        "data_dir = {:?}\n[bus]\nurl = {url:?}\n[agent]\nhost = {NODE:?}\nvirt_type = \"qemu\"\nreport_interval = 1\n",
        place(cloud),
    );
    std::fs::write(&config, text).unwrap();
    let mut command = elsewhere(cloud);
    command.arg("agent").arg("--config").arg(config);
    cloud.machine.spawn("agent", command)
}

async fn node_is_up(cloud: &Cloud) {
    let client = cloud.client();
    wait_for_async("the node to be up", PATIENCE, async || {
        let services = client.compute_service_list().await.expect("services");
        services
            .iter()
            .any(|service| service.host == NODE && service.state == "up")
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
        extra: "node_url = \"http://127.0.0.1:8774\"\n".into(),
        started: false,
    });
    let broker = cloud.machine.within_network(Broker::start);
    let url = broker.url("/");
    let bus = ("SKYDECK_BUS_URL", url.as_str());
    cloud.boot(&[bus]);
    let node = agent(&cloud, &url);
    node_is_up(&cloud).await;

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
    cloud.boot(&[bus]);
    let copy = download(&cloud, "copy").await;
    same_disk(&cloud, &large, &copy);
    cloud.settled().await;
    assert_eq!(arriving(&cloud), None);

    node.stop(PATIENCE);
    for log in ["agent.log", "server.log"] {
        let said = std::fs::read_to_string(cloud.machine.dir().join(log)).unwrap();
        assert!(!said.contains(PASSWORD), "{log} has the bus's password");
        assert!(
            !said.to_lowercase().contains("ticket\":"),
            "{log} has a ticket"
        );
    }
}
