//! What the node has, compared with what it was told; nothing is changed.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use super::instance::owner::is_foreign;
use super::{MethodTable, Node};
use crate::bus::{Fault, FaultKind};
use crate::doctor::rpc::{HostExamine, HostExamined, Remains};
use crate::ids::ServerId;

/// Adds the method of this part.
pub(super) fn register(table: &mut MethodTable) {
    table.add::<HostExamine, _, _>(|node, _, _| examine(node));
}

async fn examine(node: Arc<Node>) -> Result<HostExamined, Fault> {
    // Before the guests: the files of one that goes meanwhile are not taken for remains.
    let kept = kept(&node.places.instances).await?;
    let guests: BTreeSet<ServerId> = node
        .hypervisor
        .guests()
        .await?
        .into_iter()
        .map(|guest| guest.id)
        .collect();
    let mut files = Vec::new();
    for id in kept.difference(&guests).copied() {
        if is_foreign(&node, id).await? {
            continue;
        }
        let place = node.places.instance(id);
        let bytes = tokio::task::spawn_blocking(move || size(&place)).await;
        files.push(Remains {
            server: id,
            bytes: bytes.unwrap_or_default(),
        });
    }
    let examined = match &node.network {
        Some(network) => network.examine().await?,
        None => HostExamined::default(),
    };
    Ok(HostExamined {
        guests: guests.into_iter().collect(),
        files,
        ..examined
    })
}

/// Servers that have a directory.
async fn kept(instances: &Path) -> Result<BTreeSet<ServerId>, Fault> {
    let wrong = |error: std::io::Error| {
        let text = format!("can not read {}: {error}", instances.display());
        Fault::new(FaultKind::Unavailable, text)
    };
    let mut entries = tokio::fs::read_dir(instances).await.map_err(wrong)?;
    let mut found = BTreeSet::new();
    while let Some(entry) = entries.next_entry().await.map_err(wrong)? {
        found.extend(
            entry
                .file_name()
                .to_str()
                .and_then(|name| name.parse::<ServerId>().ok()),
        );
    }
    Ok(found)
}

/// Bytes that a directory's files take on the disk; what can not be read counts as nothing.
fn size(place: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let entries = std::fs::read_dir(place).into_iter().flatten().flatten();
    let sizes = entries.filter_map(|entry| Some(entry.metadata().ok()?.blocks() * 512));
    sizes.sum()
}
