//! With real QEMU, beside what can not be avoided: starting the same domain, hashing the same file.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use skydeck::api::wire::Nothing;
use skydeck::compute::wire::{ServerAction, ServerCreate};

use super::journey::cloud::{Cloud, Settings};
use super::report::{heading, median, ratio, timed};

const ROUNDS: usize = 5;
/// Size of the image that is uploaded.
const UPLOAD_MIB: usize = 512;

/// Measures all of it on one cloud.
pub async fn run() {
    heading("Real QEMU (translated), one cloud");
    // The guests boot nothing, so none obeys a shutdown.
    let cloud = Cloud::with(Settings {
        extra: "[compute]\nshutdown_timeout = 1\n".into(),
        ..Settings::default()
    });
    create(&cloud).await;
    upload(&cloud).await;
}

async fn create(cloud: &Cloud) {
    let image = cloud.empty_image().await.id;
    let wish = || ServerCreate {
        name: "measured".into(),
        flavor_ref: "42".into(),
        image_ref: Some(image.clone()),
        config_drive: Some(true),
        ..ServerCreate::default()
    };
    let (mut ours, mut virsh) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let begun = Instant::now();
        let id = cloud.launch(wish()).await;
        cloud.wait_status(&id, "ACTIVE").await;
        let took = begun.elapsed();
        let name = cloud
            .machine
            .run(&["virsh", "list", "--name"])
            .trim()
            .to_owned();
        let xml = cloud
            .machine
            .run(&["virsh", "dumpxml", "--inactive", &name]);
        cloud
            .act(&id, &ServerAction::Stop(Nothing), "SHUTOFF")
            .await;
        let twin = start_twin(cloud, &xml, &name);
        cloud.delete(&id).await;
        // The first one fills the image cache.
        if round > 0 {
            ours.push(took);
            virsh.push(twin);
        }
    }
    ratio(
        "server create to ACTIVE",
        median(ours),
        median(virsh),
        "virsh create of the same domain",
        "<= x 1.2 + 100 ms",
    );
}

/// `virsh create` of the same domain under another name, on the same disks.
fn start_twin(cloud: &Cloud, xml: &str, name: &str) -> Duration {
    let uuid = |line: &&str| !line.trim_start().starts_with("<uuid>");
    let twin: Vec<&str> = xml.lines().filter(uuid).collect();
    let twin = twin
        .join("\n")
        .replace(&format!("<name>{name}</name>"), "<name>twin</name>");
    let file = cloud.machine.dir().join("twin.xml");
    std::fs::write(&file, twin).unwrap();
    let file = file.display().to_string();
    let (_, took) = timed(|| cloud.machine.run(&["virsh", "create", &file]));
    cloud.machine.run(&["virsh", "destroy", "twin"]);
    took
}

async fn upload(cloud: &Cloud) {
    let file = cloud.machine.dir().join("large.raw");
    let mut block = vec![0; 1 << 20];
    std::fs::File::open("/dev/urandom")
        .unwrap()
        .read_exact(&mut block)
        .unwrap();
    let mut out = std::fs::File::create(&file).unwrap();
    for number in 0..UPLOAD_MIB {
        // No boot sector, and no two blocks alike.
        block[..8].copy_from_slice(&(number as u64).to_le_bytes());
        out.write_all(&block).unwrap();
    }
    out.sync_all().unwrap();
    let (mut ours, mut hash, mut by_hand) = (Vec::new(), Vec::new(), Vec::new());
    let path = file.display().to_string();
    // What an upload does: store it so that a power cut leaves it, SHA-512 and, for Glance's `checksum`, MD5.
    let all = format!(
        "cp {path} {path}.2 && sync {path}.2 & sha512sum {path} & md5sum {path} & wait; rm {path}.2"
    );
    for _ in 0..3 {
        by_hand.push(timed(|| cloud.machine.run(&["sh", "-c", &all])).1);
        hash.push(timed(|| cloud.machine.run(&["sha512sum", &path])).1);
        let begun = Instant::now();
        let image = cloud.image("large", &file, "raw").await;
        ours.push(begun.elapsed());
        cloud.client().image_delete(&image.id).await.unwrap();
    }
    let ours = median(ours);
    ratio(
        "image upload, 512 MiB, until active",
        ours,
        median(by_hand),
        "cp, sync, sha512sum and md5sum at once",
        "",
    );
    ratio(
        "image upload, 512 MiB, until active",
        ours,
        median(hash),
        "sha512sum of the file",
        "<= x 1.3",
    );
}
