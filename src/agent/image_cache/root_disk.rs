//! Root disks, as control processes ask for them.

use std::path::Path;
use std::sync::Arc;

use super::cache::Base;
use super::layers::Layers;
use crate::agent::Node;
use crate::agent::node::{directory, file_fault};
use crate::bus::{Fault, FaultKind};
use crate::compute::rpc::migration::RootFacts;
use crate::compute::rpc::{KeepDisk, RootDisk, RootDiskEnsure, RootDiskResize, RootDiskSettle};
use crate::hypervisor::VirtType;
use crate::ids::{OperationId, ServerId};
use crate::image::rpc::{ImageFormat, ImageSource};

/// Fetches the base and makes the disk over it. One that is there stays, unless it shall be made anew.
pub async fn root_disk_ensure(
    node: Arc<Node>,
    request: RootDiskEnsure,
    operation: Option<OperationId>,
) -> Result<(), Fault> {
    let RootDisk::Image { source, size_gb } = &request.spec.root else {
        return Ok(());
    };
    let info = node.info().await?;
    // A simulated guest has no disk; its copy is simulated, too.
    if info.virt_type == VirtType::Sim {
        return Ok(());
    }
    let refused =
        |error: crate::agent::NodeError| Fault::new(FaultKind::Refused, error.to_string());
    node.places.open_for(info.guest_user).map_err(refused)?;
    let place = node.places.instance(request.spec.id);
    directory(&place, info.guest_user).map_err(refused)?;
    let layers = Layers::new(place);
    if layers.disk().exists() && !request.rebuild {
        return Ok(());
    }
    let told = |done: u64| {
        let total = Some(source.bytes);
        node.progress(operation, "fetch the image", done, total, "bytes");
    };
    let group = info.guest_user.map(|(_, group)| group);
    let base = node
        .images
        .ensure(source, &node.dialer, group, &told)
        .await?;
    let bytes = size(&base, *size_gb)?;
    work(&node, request.spec.id, move |layers| {
        if base.format == ImageFormat::Iso {
            layers.link(&base.path)
        } else {
            layers.create(&base.path, base.format, bytes)
        }
    })
    .await
}

/// The size of a disk over this base, in bytes.
fn size(base: &Base, size_gb: u64) -> Result<u64, Fault> {
    let wanted = size_gb.saturating_mul(1 << 30);
    if size_gb == 0 || base.format == ImageFormat::Iso {
        return Ok(base.virtual_bytes);
    }
    if wanted < base.virtual_bytes {
        return Err(Fault::new(
            FaultKind::Refused,
            format!(
                "the flavor's disk of {size_gb} GiB is smaller than the image's, which needs {} GiB; choose a larger flavor",
                base.virtual_bytes.div_ceil(1 << 30)
            ),
        ));
    }
    Ok(wanted)
}

/// Fetches the base of a disk that is there already, where the node sees the disk and not the base.
pub async fn base_ensure(
    node: &Node,
    source: &ImageSource,
    base: &Path,
    operation: Option<OperationId>,
) -> Result<(), Fault> {
    let group = node.info().await?.guest_user.map(|(_, group)| group);
    let told = |done: u64| {
        let total = Some(source.bytes);
        node.progress(operation, "fetch the image", done, total, "bytes");
    };
    let found = node
        .images
        .ensure(source, &node.dialer, group, &told)
        .await?;
    if found.path == base || base.exists() {
        return Ok(());
    }
    Err(Fault::new(
        FaultKind::Refused,
        format!(
            "the disk builds on {}, and this node has that as {}: nodes that share disks must have the same data_dir",
            base.display(),
            found.path.display()
        ),
    ))
}

/// Makes the disk an empty one of so many bytes, to be filled by whoever moves the guest here.
pub async fn root_disk_empty(node: &Node, id: ServerId, bytes: u64) -> Result<(), Fault> {
    work(node, id, move |layers| layers.create_empty(bytes)).await
}

/// What the disk is, if the server has one here.
pub async fn disk_facts(node: &Node, id: ServerId) -> Result<Option<RootFacts>, Fault> {
    work(node, id, Layers::facts).await
}

/// Puts a larger disk over the present one.
pub async fn root_disk_resize(
    node: Arc<Node>,
    request: RootDiskResize,
    _: Option<OperationId>,
) -> Result<(), Fault> {
    if node.info().await?.virt_type == VirtType::Sim {
        return Ok(());
    }
    let bytes = request.size_gb.saturating_mul(1 << 30);
    work(&node, request.id, move |layers| layers.grow(bytes)).await
}

/// Says which disk stays after a resize.
pub async fn root_disk_settle(
    node: Arc<Node>,
    request: RootDiskSettle,
    _: Option<OperationId>,
) -> Result<(), Fault> {
    work(&node, request.id, move |layers| match request.keep {
        KeepDisk::Old => layers.keep_old(),
        KeepDisk::New => layers.keep_new(),
    })
    .await
}

/// Changes the files of one server off the async runtime.
async fn work<T: Send + 'static>(
    node: &Node,
    id: ServerId,
    change: impl FnOnce(&Layers) -> std::io::Result<T> + Send + 'static,
) -> Result<T, Fault> {
    let layers = Layers::new(node.places.instance(id));
    tokio::task::spawn_blocking(move || {
        change(&layers)
            .map_err(|error| file_fault("can not change the disk", &layers.disk(), &error))
    })
    .await
    .unwrap_or_else(|error| Err(Fault::new(FaultKind::Unavailable, error.to_string())))
}
