//! Which files the disks of this node build on, read from the disks themselves.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::image::model::{HEAD_BYTES, Qcow2};

/// All backing files of the qcow2 files in the directories of servers below `instances`. A server that vanishes meanwhile
/// is skipped; a file that can not be read stops the search, for what it builds on is not known.
pub(super) fn backing_files(instances: &Path) -> io::Result<HashSet<PathBuf>> {
    let mut found = HashSet::new();
    for server in list(instances)? {
        if !server.is_dir() {
            continue;
        }
        for file in list(&server)? {
            if !file.symlink_metadata().is_ok_and(|meta| meta.is_file()) {
                continue;
            }
            if let Some((backing, _)) = header(&file)?.and_then(|header| header.backing) {
                found.insert(PathBuf::from(backing));
            }
        }
    }
    Ok(found)
}

fn list(dir: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries?.map(|entry| Ok(entry?.path())).collect(),
    }
}

/// The header of a file that is qcow2; `None` for others and for one that is gone.
pub(in crate::agent) fn header(path: &Path) -> io::Result<Option<Qcow2>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let length = file.metadata()?.len();
    let mut head = Vec::new();
    file.take(HEAD_BYTES as u64).read_to_end(&mut head)?;
    if !Qcow2::is_magic(&head) {
        return Ok(None);
    }
    Qcow2::parse(&head, length)
        .map(Some)
        .map_err(|error| io::Error::other(format!("{}: {error}", path.display())))
}
