//! Writes a config drive: an ISO 9660 disc named `config-2`, as cloud-init looks for it.

use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path};
use std::time::Duration;

use base64::Engine;

use crate::agent::node::file_fault;
use crate::bus::{Fault, FaultKind};
use crate::compute::rpc::ConfigDrive;

/// Most that all files may take, in bytes.
const MOST: usize = 1 << 20;
/// How long making the disc may take.
const DEADLINE: Duration = Duration::from_secs(20);

/// Makes the disc beside its place and moves it there, so that it is whole or not there.
pub async fn write(path: &Path, drive: &ConfigDrive) -> Result<(), Fault> {
    let work = path.with_extension("work");
    let made = make(path, &work, drive).await;
    // Nobody reads it again; a leftover is overwritten by the next try.
    let _ = tokio::fs::remove_dir_all(&work).await;
    made
}

async fn make(path: &Path, work: &Path, drive: &ConfigDrive) -> Result<(), Fault> {
    let fault = |error| file_fault("can not write the config drive", work, &error);
    let _ = tokio::fs::remove_dir_all(work).await;
    let tree = work.join("tree");
    let mut total = 0;
    for (name, content) in &drive.files {
        let inside = Path::new(name);
        if !inside
            .components()
            .all(|part| matches!(part, Component::Normal(_)))
        {
            return Err(Fault::new(
                FaultKind::Refused,
                format!("{name:?} is no path inside a config drive"),
            ));
        }
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(content)
            .map_err(|error| {
                Fault::new(
                    FaultKind::Refused,
                    format!("{name} of the config drive is no base64: {error}"),
                )
            })?;
        total += bytes.len();
        if total > MOST {
            return Err(Fault::new(
                FaultKind::Refused,
                format!("the config drive is larger than {MOST} bytes; use less user data"),
            ));
        }
        let file = tree.join(inside);
        if let Some(parent) = file.parent() {
            tokio::fs::create_dir_all(parent).await.map_err(fault)?;
        }
        tokio::fs::write(&file, bytes).await.map_err(fault)?;
    }
    let disc = work.join("disc.iso");
    let mut command = tokio::process::Command::new("genisoimage");
    command
        .args(["-quiet", "-V", "config-2", "-r", "-J", "-o"])
        .arg(&disc)
        .arg(&tree)
        .kill_on_drop(true);
    let output = tokio::time::timeout(DEADLINE, command.output())
        .await
        .map_err(|_| Fault::new(FaultKind::Refused, "genisoimage did not end in time; is this host overloaded?"))?
        .map_err(|error| {
            Fault::new(FaultKind::Refused, format!("genisoimage can not be run ({error}); install the package genisoimage on this host"))
        })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(Fault::new(
            FaultKind::Refused,
            format!("genisoimage failed: {}", said.trim()),
        ));
    }
    tokio::fs::set_permissions(&disc, std::fs::Permissions::from_mode(0o600))
        .await
        .map_err(fault)?;
    tokio::fs::rename(&disc, path).await.map_err(fault)
}
