//! An image of a server's root disk: accept → copy → upload.
//!
//! The image's row is made when it is asked for. The node copies the disk, while the guest goes on, and leaves
//! the file in the image store's upload directory or sends it there; the image store takes it from there. What is undone leaves no image and no file. Once the image has its bytes it stays.

use futures::FutureExt;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use super::guest;
use crate::compute::model::{Server, TaskState};
use crate::compute::rpc::{InstanceSnapshot, InstanceSnapshotEnd};
use crate::compute::store::server::{Change as Row, Task};
use crate::depot::ops::{SNAPSHOT_WRITE, depot_pass};
use crate::ids::{ImageId, ServerId};
use crate::image::ops::{
    image_adopt, image_await, image_await_end, image_discard, image_upload_dir,
};
use crate::saga::{Flow, Saga, Step, StepContext, StepResult};

const OWN: &[TaskState] = &[TaskState::ImageSnapshot, TaskState::ImageUploading];

/// The saga.
#[derive(Serialize, Deserialize)]
pub struct ServerSnapshot {
    server: ServerId,
    host: String,
    image: ImageId,
    /// The node's copy.
    file: Option<std::path::PathBuf>,
}

impl ServerSnapshot {
    /// Of this server, which has a host, into this image, which waits for its bytes.
    pub fn new(server: &Server, image: ImageId) -> Self {
        Self {
            server: server.id,
            host: server.host.clone().unwrap_or_default(),
            image,
            file: None,
        }
    }
}

impl Saga for ServerSnapshot {
    const KIND: &'static str = "server_snapshot";
    const VERSION: i64 = 1;

    fn steps() -> Vec<Step<Self>> {
        vec![
            Step::new("accept", |_, _| async { Ok(Flow::Next) }.boxed()).undo(give_up),
            Step::new("copy", copy).undo(remove_copy),
            Step::new("upload", upload),
            Step::new("settle", settle).commits(),
        ]
    }
}

fn copy<'a>(cx: &'a StepContext, s: &'a mut ServerSnapshot) -> BoxFuture<'a, StepResult> {
    async move {
        image_await(cx, s.image).await?;
        let request = InstanceSnapshot {
            id: s.server,
            image: s.image,
            upload_dir: image_upload_dir(cx).await?,
            depot: Some(depot_pass(cx, SNAPSHOT_WRITE, s.image).await?),
        };
        let made = cx.call(&s.host, &request, guest::DISK).await?;
        s.file = Some(made.path);
        let server = guest::server(cx, s.server).await?;
        guest::write(cx, &server, &row(Some(TaskState::ImageUploading))).await?;
        Ok(Flow::Next)
    }
    .boxed()
}

/// Whether or not the node has said so, it may still be at it, or have left its copy here.
fn remove_copy<'a>(cx: &'a StepContext, s: &'a mut ServerSnapshot) -> BoxFuture<'a, StepResult> {
    async move {
        let request = InstanceSnapshotEnd { id: s.server };
        cx.call(&s.host, &request, guest::CALL).await?;
        image_await_end(cx, s.image).await?;
        Ok(Flow::Next)
    }
    .boxed()
}

fn upload<'a>(cx: &'a StepContext, s: &'a mut ServerSnapshot) -> BoxFuture<'a, StepResult> {
    async move {
        if let Some(file) = &s.file {
            image_adopt(cx, s.image, file).await?;
            image_await_end(cx, s.image).await?;
        }
        Ok(Flow::Next)
    }
    .boxed()
}

fn settle<'a>(cx: &'a StepContext, s: &'a mut ServerSnapshot) -> BoxFuture<'a, StepResult> {
    async move {
        let server = guest::server(cx, s.server).await?;
        guest::write(cx, &server, &row(None)).await?;
        Ok(Flow::Next)
    }
    .boxed()
}

fn give_up<'a>(cx: &'a StepContext, s: &'a mut ServerSnapshot) -> BoxFuture<'a, StepResult> {
    async move {
        image_discard(cx, s.image).await?;
        let server = guest::server(cx, s.server).await?;
        guest::write(cx, &server, &row(None)).await?;
        Ok(Flow::Next)
    }
    .boxed()
}

fn row(to: Option<TaskState>) -> Row {
    Row {
        task: Some(Task { from: OWN, to }),
        ..Row::default()
    }
}
