//! Writes the head of a new, empty qcow2 file: what `qemu-img create` does, without a process.
//!
//! A file of version 3 with clusters of 64 KiB: header, extensions and backing file's name in the first cluster, then the
//! refcount table, one refcount block, and the first-level table. All data are holes or the backing file's.

use super::{EXT_BACKING_FORMAT, MAX_NAME, MAX_VIRTUAL};
use crate::image::model::ImageFormat;

/// log2 of the cluster size.
const CLUSTER_BITS: u32 = 16;
const CLUSTER: u64 = 1 << CLUSTER_BITS;
/// Length of the header before its extensions.
const HEADER: u32 = 112;

/// The bytes of a file that offers `virtual_size` bytes: those of the backing file (an absolute path) where there is one,
/// zeros elsewhere. The error says which of the two can not be.
pub fn empty(virtual_size: u64, backing: Option<(&str, ImageFormat)>) -> Result<Vec<u8>, String> {
    if virtual_size == 0 || virtual_size > MAX_VIRTUAL {
        return Err(format!(
            "a disk of {virtual_size} bytes; 1 byte to 64 TiB is allowed"
        ));
    }
    if let Some((path, _)) = backing
        && (path.is_empty() || path.len() > MAX_NAME as usize || !path.starts_with('/'))
    {
        return Err(format!("{path:?} can not be the path of a backing file"));
    }
    // QEMU counts disks in sectors.
    let virtual_size = virtual_size.next_multiple_of(512);
    let l1_entries = virtual_size.div_ceil(CLUSTER * (CLUSTER / 8));
    let l1_clusters = (l1_entries * 8).div_ceil(CLUSTER);
    let clusters = 3 + l1_clusters;
    let mut file = File(vec![0; usize::try_from(clusters * CLUSTER).unwrap_or(0)]);
    file.put(0, b"QFI\xfb");
    file.put(4, &3u32.to_be_bytes());
    file.put(20, &CLUSTER_BITS.to_be_bytes());
    file.put(24, &virtual_size.to_be_bytes());
    file.put(
        36,
        &u32::try_from(l1_entries).unwrap_or(u32::MAX).to_be_bytes(),
    );
    file.put(40, &(3 * CLUSTER).to_be_bytes());
    file.put(48, &CLUSTER.to_be_bytes());
    file.put(56, &1u32.to_be_bytes());
    file.put(96, &4u32.to_be_bytes());
    file.put(100, &HEADER.to_be_bytes());
    if let Some((path, format)) = backing {
        let format = format.disk_name().as_bytes();
        let at = HEADER as usize;
        file.put(at, &EXT_BACKING_FORMAT.to_be_bytes());
        file.put(
            at + 4,
            &u32::try_from(format.len()).unwrap_or(0).to_be_bytes(),
        );
        file.put(at + 8, format);
        // After the extension and the empty one that ends them.
        let name_at = at + 8 + format.len().next_multiple_of(8) + 8;
        file.put(8, &(name_at as u64).to_be_bytes());
        file.put(16, &u32::try_from(path.len()).unwrap_or(0).to_be_bytes());
        file.put(name_at, path.as_bytes());
    }
    let refcounts = usize::try_from(CLUSTER).unwrap_or(0);
    file.put(refcounts, &(2 * CLUSTER).to_be_bytes());
    for cluster in 0..usize::try_from(clusters).unwrap_or(0) {
        file.put(2 * refcounts + 2 * cluster, &1u16.to_be_bytes());
    }
    Ok(file.0)
}

struct File(Vec<u8>);

impl File {
    fn put(&mut self, at: usize, bytes: &[u8]) {
        if let Some(place) = self.0.get_mut(at..at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::super::Qcow2;
    use super::*;

    fn qemu_img(arguments: &[&str]) -> serde_json::Value {
        let output = Command::new("qemu-img").args(arguments).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {errors}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    #[test]
    fn qemu_finds_what_is_written_sound() {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().join("a base").display().to_string();
        std::fs::write(&base, vec![7; 1 << 20]).unwrap();
        for (size, backing) in [
            (1, None),
            (1 << 30, None),
            ((3 << 30) + 5, Some((base.as_str(), ImageFormat::Raw))),
            (64 << 40, Some((base.as_str(), ImageFormat::Raw))),
        ] {
            let bytes = empty(size, backing).unwrap();
            let path = dir.path().join("disk").display().to_string();
            std::fs::write(&path, &bytes).unwrap();
            let found = qemu_img(&["info", "--output=json", "-f", "qcow2", &path]);
            assert_eq!(found["virtual-size"], size.next_multiple_of(512));
            assert_eq!(
                found["backing-filename"].as_str(),
                backing.map(|(path, _)| path)
            );
            assert_eq!(
                found["backing-filename-format"].as_str(),
                backing.map(|_| "raw")
            );
            let check = qemu_img(&["check", "--output=json", "-f", "qcow2", &path]);
            assert_eq!(check["check-errors"], 0, "{check}");
            assert!(check.get("leaks").is_none() && check.get("corruptions").is_none());
            let own = Qcow2::parse(&bytes, bytes.len() as u64).unwrap();
            assert_eq!(own.virtual_size, size.next_multiple_of(512));
            let wanted = backing.map(|(path, _)| (path.to_owned(), Some("raw".to_owned())));
            assert_eq!(own.backing, wanted);
        }
        for (size, backing) in [
            (0, None),
            (u64::MAX, None),
            (1, Some(("x", ImageFormat::Raw))),
        ] {
            assert!(empty(size, backing).is_err());
        }
    }
}
