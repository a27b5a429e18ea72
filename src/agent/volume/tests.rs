//! Against real files and the real `qemu-img`.

use std::process::Command;
use std::sync::Arc;

use sha2::{Digest, Sha512};

use super::{create, files, grow, snapshot};
use crate::agent::{Node, Places};
use crate::bus::{Bus, FaultKind};
use crate::hypervisor::{OpenOptions, open};
use crate::ids::{ImageId, OperationId, VolumeId, VolumeSnapshotId};
use crate::image::rpc::{ImageFormat, ImageSource};
use crate::volume::rpc::*;

async fn node(dir: &std::path::Path) -> Arc<Node> {
    let hypervisor = open("sim:", OpenOptions::default()).await.unwrap();
    let places = Places::prepare(dir).unwrap();
    Arc::new(Node::new("n1", hypervisor, places, Bus::local()))
}

fn qemu(arguments: &[&str]) -> String {
    let output = Command::new("qemu-img").args(arguments).output().unwrap();
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The first bytes of the disk inside a qcow2 file.
fn inside(path: &std::path::Path) -> Vec<u8> {
    let raw = path.with_extension("raw");
    qemu(&[
        "convert",
        "-f",
        "qcow2",
        "-O",
        "raw",
        path.to_str().unwrap(),
        raw.to_str().unwrap(),
    ]);
    let bytes = std::fs::read(&raw).unwrap();
    std::fs::remove_file(raw).unwrap();
    bytes[..8].to_vec()
}

fn write(path: &std::path::Path, byte: u8) {
    let command = format!("write -P {byte} 0 64k");
    let output = Command::new("qemu-io")
        .args(["-f", "qcow2", "-c", &command])
        .arg(path)
        .output()
        .unwrap();
    assert!(output.status.success());
}

#[tokio::test]
async fn a_volume_lives_from_an_image_to_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let node = node(dir.path()).await;
    let content = vec![7; 3 << 20];
    let path = dir.path().join("image");
    std::fs::write(&path, &content).unwrap();
    let image = ImageSource {
        id: ImageId::new(),
        format: ImageFormat::Raw,
        bytes: content.len() as u64,
        sha512: hex::encode(Sha512::digest(&content)),
        path,
        depot: None,
    };
    let id = VolumeId::new();
    let request = VolumeCreate {
        id,
        size_gb: 1,
        content: VolumeContent::Image(image),
    };
    let operation = Some(OperationId::new());
    let made = create::volume_create(node.clone(), request.clone(), operation)
        .await
        .unwrap();
    assert_eq!(
        create::volume_create(node.clone(), request, operation)
            .await
            .unwrap(),
        made
    );
    assert_eq!(inside(&made.path), [7; 8]);
    let found = files::look(made.path.clone()).await.unwrap().unwrap();
    assert_eq!((found.virtual_size, found.backing), (1 << 30, None));
    // A snapshot keeps what was there.
    let kept = VolumeSnapshotId::new();
    for _ in 0..2 {
        let take = VolumeSnapshotTake { id, snapshot: kept };
        snapshot::volume_snapshot_take(node.clone(), take, None)
            .await
            .unwrap();
    }
    write(&made.path, 9);
    for (size_gb, content, byte) in [
        (2, VolumeContent::Volume { id }, 9),
        (
            1,
            VolumeContent::Snapshot {
                volume: id,
                snapshot: kept,
            },
            7,
        ),
    ] {
        let request = VolumeCreate {
            id: VolumeId::new(),
            size_gb,
            content,
        };
        let copy = create::volume_create(node.clone(), request, None)
            .await
            .unwrap();
        assert_eq!(inside(&copy.path), [byte; 8]);
        let found = files::look(copy.path).await.unwrap().unwrap();
        assert_eq!(found.virtual_size, size_gb << 30);
    }
    for _ in 0..2 {
        let extend = VolumeExtend { id, size_gb: 3 };
        grow::volume_extend(node.clone(), extend, None)
            .await
            .unwrap();
        let remove = VolumeSnapshotRemove { id, snapshot: kept };
        snapshot::volume_snapshot_remove(node.clone(), remove, None)
            .await
            .unwrap();
    }
    let found = files::look(made.path.clone()).await.unwrap().unwrap();
    assert_eq!((found.virtual_size, found.snapshots), (3 << 30, 0));
    assert_eq!(files::list(&node.places.volumes).unwrap().len(), 3);
    for _ in 0..2 {
        files::volume_delete(node.clone(), VolumeDelete { id }, None)
            .await
            .unwrap();
    }
    assert!(!made.path.exists());
    let fault = grow::volume_extend(node.clone(), VolumeExtend { id, size_gb: 9 }, None)
        .await
        .unwrap_err();
    assert_eq!(fault.kind, FaultKind::NotFound);
}

#[tokio::test]
async fn what_can_not_be_made_leaves_nothing_and_a_partial_one_is_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let node = node(dir.path()).await;
    let id = VolumeId::new();
    let missing = VolumeContent::Volume {
        id: VolumeId::new(),
    };
    let request = VolumeCreate {
        id,
        size_gb: 1,
        content: missing,
    };
    let fault = create::volume_create(node.clone(), request, None)
        .await
        .unwrap_err();
    assert!(fault.message.contains("No such file"), "{fault}");
    assert_eq!(std::fs::read_dir(&node.places.volumes).unwrap().count(), 0);
    std::fs::write(files::partial(&node, id), b"half of it").unwrap();
    let request = VolumeCreate {
        id,
        size_gb: 1,
        content: VolumeContent::Empty,
    };
    let made = create::volume_create(node.clone(), request, None)
        .await
        .unwrap();
    qemu(&["check", "-q", "-f", "qcow2", made.path.to_str().unwrap()]);
    assert_eq!(std::fs::read_dir(&node.places.volumes).unwrap().count(), 1);
    let larger = VolumeCreate {
        id,
        size_gb: 2,
        content: VolumeContent::Empty,
    };
    let fault = create::volume_create(node.clone(), larger, None)
        .await
        .unwrap_err();
    assert_eq!(fault.kind, FaultKind::Conflict);
    let smaller = VolumeCreate {
        id: VolumeId::new(),
        size_gb: 0,
        content: VolumeContent::Volume { id },
    };
    assert!(
        create::volume_create(node.clone(), smaller, None)
            .await
            .is_err()
    );
}
