//! Imports in every way they can go, against a web server that breaks off, and the reconciler after a death.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use sha2::{Digest, Sha512};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::context::{Actor, Context, Scope};
use crate::ids::{DomainId, ImageId, ProjectId};
use crate::image::model::{Image, ImageFormat, ImageStatus};
use crate::image::ops::*;
use crate::image::reconcile::{Report, reconcile};
use crate::saga::{
    Chaos, Engine, OperationQuery, Phase, Registry, Status, Verdict, operation_list,
};

struct Lab {
    dir: tempfile::TempDir,
    cx: Context,
    _engine: Engine,
}

async fn lab(chaos: Option<Chaos>) -> Lab {
    let (dir, cloud, kicks) = crate::context::testing::cloud().await;
    let mut registry = Registry::default();
    super::register(&mut registry);
    let engine = Engine::start(cloud.clone(), registry, kicks, chaos)
        .await
        .unwrap();
    let actor = Actor {
        project: Some(Scope {
            id: ProjectId::from_uuid(Uuid::from_u128(1)),
            name: "one".into(),
            domain_id: DomainId::DEFAULT,
        }),
        ..Actor::system()
    };
    Lab {
        dir,
        cx: Context::new(cloud, actor, "req-1"),
        _engine: engine,
    }
}

/// Serves a disk; each connection sends at most `most` bytes of it, then breaks. Says how many connections there were.
async fn serve(disk: Vec<u8>, most: usize) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let mut request = vec![0; 4096];
            let length = stream.read(&mut request).await.unwrap_or(0);
            let text = String::from_utf8_lossy(&request[..length]).to_lowercase();
            let from: usize = text
                .split("range: bytes=")
                .nth(1)
                .and_then(|rest| rest.split('-').next()?.parse().ok())
                .unwrap_or(0);
            let total = disk.len();
            let status = if from > 0 {
                format!(
                    "206 Partial Content\r\ncontent-range: bytes {from}-{}/{total}",
                    total - 1
                )
            } else {
                "200 OK".to_owned()
            };
            let head = format!(
                "HTTP/1.1 {status}\r\netag: \"v1\"\r\ncontent-length: {}\r\n\r\n",
                total - from
            );
            let _ = stream.write_all(head.as_bytes()).await;
            let _ = stream.write_all(&disk[from..total.min(from + most)]).await;
        }
    });
    (address, count)
}

fn disk(length: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..length).map(|at| (at * 31 % 251) as u8).collect();
    bytes[510..512].copy_from_slice(b"\x55\xaa");
    bytes
}

impl Lab {
    async fn image(&self) -> Image {
        image_create(&self.cx, NewImage::default()).await.unwrap()
    }

    async fn import(&self, id: ImageId, method: ImportMethod) -> Status {
        image_import(&self.cx, id, method).await.unwrap();
        self.settled(id).await
    }

    async fn settled(&self, id: ImageId) -> Status {
        let mut events = self.cx.events.watch();
        let query = OperationQuery {
            resource: Some(id.to_string()),
            limit: 1,
            ..OperationQuery::default()
        };
        let wait = async {
            loop {
                let found = operation_list(&self.cx, query.clone()).await.unwrap();
                if found
                    .iter()
                    .all(|one| one.status.is_finished() || one.status == Status::Stuck)
                {
                    return found[0].status;
                }
                let _ = events.recv().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), wait)
            .await
            .expect("the import ends")
    }

    async fn stage(&self, id: ImageId, bytes: &[u8]) {
        let body = futures::stream::iter([Ok::<_, std::io::Error>(Bytes::copy_from_slice(bytes))]);
        image_upload(&self.cx, id, Purpose::Stage, Announced::default(), body)
            .await
            .unwrap();
    }

    fn parts(&self) -> usize {
        std::fs::read_dir(self.dir.path().join("images/uploads"))
            .map_or(0, |entries| entries.count())
    }
}

#[tokio::test]
async fn a_download_that_breaks_off_again_and_again_becomes_an_image() {
    let lab = lab(None).await;
    let bytes = disk(2_500_000);
    let (address, connections) = serve(bytes.clone(), 1_000_000).await;
    let image = lab.image().await;
    let url = format!("http://{address}/disk.img");
    assert_eq!(
        lab.import(image.id, ImportMethod::Web(url)).await,
        Status::Done
    );
    let image = image_show(&lab.cx, image.id).await.unwrap();
    assert_eq!(
        (image.status, image.size),
        (ImageStatus::Active, Some(2_500_000))
    );
    assert_eq!(image.sha512.unwrap(), hex::encode(Sha512::digest(&bytes)));
    assert_eq!((connections.load(Ordering::SeqCst), lab.parts()), (3, 0));
}

#[tokio::test]
async fn what_can_not_be_fetched_or_is_no_image_says_why_on_the_image() {
    let lab = lab(None).await;
    let (page, _) = serve(
        [b"<!DOCTYPE html>".to_vec(), vec![b' '; 99_000]].concat(),
        usize::MAX,
    )
    .await;
    for (url, part) in [
        (format!("http://{page}/"), "web page"),
        (
            "http://no-such-host.invalid/x".to_owned(),
            "can not be fetched",
        ),
    ] {
        let image = lab.image().await;
        assert_eq!(
            lab.import(image.id, ImportMethod::Web(url)).await,
            Status::Undone
        );
        let image = image_show(&lab.cx, image.id).await.unwrap();
        assert_eq!(image.status, ImageStatus::Queued);
        assert!(
            image.properties["skydeck_import_error"].contains(part),
            "{image:?}"
        );
        assert_eq!(lab.parts(), 0);
    }
}

#[tokio::test]
async fn every_step_twice_and_a_failure_after_each() {
    let bytes = disk(700_000);
    for fails in ["", "accept", "fetch", "publish"] {
        let chaos: Chaos = Arc::new(move |_, step, phase| match phase {
            Phase::Run if step == fails => Verdict::Abort,
            _ => Verdict::Twice,
        });
        let lab = lab(Some(chaos)).await;
        let (address, _) = serve(bytes.clone(), usize::MAX).await;
        for staged in [false, true] {
            let image = lab.image().await;
            let method = if staged {
                lab.stage(image.id, &bytes).await;
                assert_eq!(
                    image_show(&lab.cx, image.id).await.unwrap().status,
                    ImageStatus::Uploading
                );
                ImportMethod::Staged
            } else {
                ImportMethod::Web(format!("http://{address}/"))
            };
            let status = lab.import(image.id, method).await;
            let image = image_show(&lab.cx, image.id).await.unwrap();
            // What is published stays published.
            let wanted = if matches!(fails, "accept" | "fetch") {
                ImageStatus::Queued
            } else {
                ImageStatus::Active
            };
            assert_eq!(image.status, wanted, "{fails} {staged}");
            assert_eq!(status == Status::Done, fails.is_empty());
            assert_eq!(lab.parts(), 0, "{fails} {staged}");
        }
    }
}

#[tokio::test]
async fn deleting_an_image_ends_its_import_and_leaves_nothing() {
    let lab = lab(None).await;
    // Sends a little, then nothing, and keeps the connection.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (told, started) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let head = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n";
        stream.write_all(head).await.unwrap();
        stream.write_all(&disk(100_000)).await.unwrap();
        told.send(()).unwrap();
        std::future::pending::<()>().await;
    });
    let image = lab.image().await;
    image_import(
        &lab.cx,
        image.id,
        ImportMethod::Web(format!("http://{address}/")),
    )
    .await
    .unwrap();
    started.await.unwrap();
    image_delete(&lab.cx, image.id).await.unwrap();
    assert_eq!(lab.settled(image.id).await, Status::Undone);
    assert!(image_show(&lab.cx, image.id).await.is_err());
    reconcile(&lab.cx).await.unwrap();
    assert_eq!(lab.parts(), 0);
}

#[tokio::test]
async fn a_snapshots_file_becomes_an_image_once() {
    let lab = lab(None).await;
    let cx = &lab.cx;
    let dir = image_upload_dir(cx).await.unwrap();
    let file = dir.join("snapshot.qcow2");
    let content = crate::image::model::qcow2_empty(1 << 30, None).unwrap();
    std::fs::write(&file, &content).unwrap();
    let new = NewImage {
        disk_format: Some(ImageFormat::Qcow2),
        ..NewImage::default()
    };
    let image = image_create(cx, new).await.unwrap();
    for _ in 0..2 {
        let image = image_adopt(cx, image.id, &file).await.unwrap();
        assert_eq!(
            (image.status, image.virtual_size),
            (ImageStatus::Active, Some(1 << 30))
        );
    }
    let (_, source) = image_for_boot(cx, image.id).await.unwrap();
    assert_eq!(
        (source.bytes, std::fs::read(source.path).unwrap() == content),
        (content.len() as u64, true)
    );
    // A file from elsewhere is not taken.
    let other = image_create(cx, NewImage::default()).await.unwrap();
    let outside = lab.dir.path().join("outside");
    std::fs::write(&outside, &content).unwrap();
    assert!(image_adopt(cx, other.id, &outside).await.is_err());
    for _ in 0..2 {
        image_discard(cx, other.id).await.unwrap();
    }
    assert!(image_show(cx, other.id).await.is_err() && outside.exists());
}

#[tokio::test]
async fn after_a_death_rows_and_files_agree_again() {
    let lab = lab(None).await;
    let cx = &lab.cx;
    let images = lab.dir.path().join("images");
    let bytes = disk(100_000);
    // Died while the bytes arrived: the image waits again, and the bytes are kept.
    let half = lab.image().await;
    lab.stage(half.id, &bytes).await;
    // Died between rename and row: the whole file is a part again.
    let moved = lab.image().await;
    std::fs::write(images.join(moved.id.to_string()), &bytes).unwrap();
    // Its file is gone; and one that no image has.
    let gone = lab.image().await;
    let body = futures::stream::iter([Ok::<_, std::io::Error>(Bytes::from(bytes.clone()))]);
    image_upload(cx, gone.id, Purpose::Data, Announced::default(), body)
        .await
        .unwrap();
    std::fs::remove_file(images.join(gone.id.to_string())).unwrap();
    let unknown = ImageId::new();
    std::fs::write(images.join(unknown.to_string()), b"x").unwrap();
    // A part of no image.
    std::fs::write(
        images.join(format!("uploads/{}.part", ImageId::new())),
        b"x",
    )
    .unwrap();
    let report = reconcile(cx).await.unwrap();
    let wanted = Report {
        removed_parts: 1,
        orphans: vec![unknown],
        missing: vec![gone.id],
        ..Report::default()
    };
    assert_eq!(report, wanted);
    let state = image_upload_state(cx, moved.id).await.unwrap();
    assert_eq!(state.received, 100_000);
    let rest = Announced {
        rest: true,
        total: Some(100_000),
        ..Announced::default()
    };
    let body = futures::stream::empty::<Result<Bytes, std::io::Error>>();
    let done = image_upload(cx, moved.id, Purpose::Data, rest, body)
        .await
        .unwrap();
    assert!(matches!(done, Received::Whole(image) if image.status == ImageStatus::Active));
    // Bytes of a day ago go.
    let old = std::fs::File::options()
        .write(true)
        .open(images.join(format!("uploads/{}.part", half.id)))
        .unwrap();
    old.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    drop(old);
    let report = reconcile(cx).await.unwrap();
    assert_eq!(report.removed_parts, 1);
    assert_eq!(
        image_show(cx, half.id).await.unwrap().status,
        ImageStatus::Queued
    );
}
