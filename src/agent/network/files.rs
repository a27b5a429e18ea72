//! Files written whole or not at all, with the rights they need from the first byte.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::Path;

use super::error::HostError;

/// Writes a file that only root reads.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), HostError> {
    write(path, bytes, 0o600, None).map_err(HostError::file(path))
}

/// Writes a file that a group may read.
pub fn write_for_group(path: &Path, bytes: &[u8], group: u32) -> Result<(), HostError> {
    write(path, bytes, 0o640, Some(group)).map_err(HostError::file(path))
}

/// Makes a directory, or gives one that is there these rights.
pub fn directory(path: &Path, mode: u32, group: u32) -> Result<(), HostError> {
    let make = || {
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        chown(path, None, Some(group))?;
        fs::set_permissions(path, fs::Permissions::from_mode(mode))
    };
    make().map_err(HostError::file(path))
}

fn write(path: &Path, bytes: &[u8], mode: u32, group: Option<u32>) -> io::Result<()> {
    let new = path.with_extension("new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&new)?;
    if group.is_some() {
        chown(&new, None, group)?;
        // The process's umask took the group's right away.
        file.set_permissions(fs::Permissions::from_mode(mode))?;
    }
    file.write_all(bytes)?;
    fs::rename(&new, path)
}
