//! The root disk of one server as files in its directory.
//!
//! `disk` is what the guest has. A resize that can still be taken back puts a larger `disk` over the old one, which gets
//! a name of its own (`disk.0`, `disk.1`, …), and `disk.kept` says which that is until it is settled. Every change is a
//! rename, in an order in which a repeat after a crash finds its way: the mark is written first and removed last.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::used::header;
use crate::compute::rpc::migration::RootFacts;
use crate::image::model::qcow2_empty;
use crate::image::rpc::ImageFormat;

/// The disk's file.
const DISK: &str = "disk";
/// Layers of one disk that are looked at.
const MOST_LAYERS: usize = 64;
/// The mark of a resize that is not settled.
const KEPT: &str = "disk.kept";

/// A server's directory.
pub(super) struct Layers {
    dir: PathBuf,
}

impl Layers {
    /// The layers in this directory.
    pub fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// The file that the guest has.
    pub fn disk(&self) -> PathBuf {
        self.dir.join(DISK)
    }

    /// Makes the disk over a base, replacing whatever there is.
    pub fn create(&self, base: &Path, format: ImageFormat, bytes: u64) -> io::Result<()> {
        self.write(base, format, bytes)?;
        self.forget_old()
    }

    /// Makes the disk an empty one over nothing, replacing whatever there is.
    pub fn create_empty(&self, bytes: u64) -> io::Result<()> {
        let content = qcow2_empty(bytes, None).map_err(io::Error::other)?;
        put(&self.disk(), &content)?;
        self.forget_old()
    }

    /// What the disk is, if there is one.
    pub fn facts(&self) -> io::Result<Option<RootFacts>> {
        let disk = self.disk();
        let Ok(meta) = fs::metadata(&disk) else {
            return Ok(None);
        };
        let Some(top) = header(&disk)? else {
            // An optical disc: a copy of its image.
            return Ok(Some(RootFacts {
                virtual_bytes: meta.len(),
                top_bytes: 0,
                whole_bytes: meta.len(),
                base: None,
                is_plain: true,
            }));
        };
        let mut whole_bytes = meta.blocks() * 512;
        let mut below = top.backing.map(|(path, _)| PathBuf::from(path));
        let base = below.clone().filter(|base| !base.starts_with(&self.dir));
        // A chain is as long as there were resizes; what points at itself does not keep us here.
        for _ in 0..MOST_LAYERS {
            let Some(layer) = below else { break };
            whole_bytes += fs::metadata(&layer).map_or(0, |meta| meta.blocks() * 512);
            below = header(&layer)?
                .and_then(|header| header.backing)
                .map(|(path, _)| PathBuf::from(path));
        }
        Ok(Some(RootFacts {
            virtual_bytes: top.virtual_size,
            top_bytes: meta.blocks() * 512,
            whole_bytes,
            is_plain: base.is_some(),
            base,
        }))
    }

    /// Makes the disk an exact copy of a base (an optical disc), by a link if it can be.
    pub fn link(&self, base: &Path) -> io::Result<()> {
        let new = self.dir.join("disk.new");
        remove(&new)?;
        if fs::hard_link(base, &new).is_err() {
            fs::copy(base, &new)?;
            File::open(&new)?.sync_all()?;
        }
        fs::rename(&new, self.disk())?;
        self.forget_old()
    }

    /// Removes older layers and the mark.
    fn forget_old(&self) -> io::Result<()> {
        remove(&self.dir.join(KEPT))?;
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            let name = entry.file_name();
            let number = name.to_str().and_then(|name| name.strip_prefix("disk."));
            if number.is_some_and(|number| number.parse::<u32>().is_ok()) {
                remove(&entry.path())?;
            }
        }
        Ok(())
    }

    /// Puts a disk of `bytes` over the present one, which is kept. Nothing happens if the disk is as large already, or is
    /// no qcow2 file (an optical disc does not grow).
    pub fn grow(&self, bytes: u64) -> io::Result<()> {
        let (disk, mark) = (self.disk(), self.dir.join(KEPT));
        let old = match read_mark(&mark)? {
            Some(old) => self.dir.join(old),
            None => {
                if header(&disk)?.is_none_or(|header| header.virtual_size >= bytes) {
                    return Ok(());
                }
                let name = self.free_name();
                put(&mark, name.as_bytes())?;
                self.dir.join(name)
            }
        };
        if !old.exists() {
            fs::rename(&disk, &old)?;
        }
        if header(&disk)?.is_some_and(|header| header.virtual_size >= bytes) {
            return Ok(());
        }
        self.write(&old, ImageFormat::Qcow2, bytes)
    }

    /// Back to the disk before [`Layers::grow`].
    pub fn keep_old(&self) -> io::Result<()> {
        let mark = self.dir.join(KEPT);
        let Some(old) = read_mark(&mark)? else {
            return Ok(());
        };
        match fs::rename(self.dir.join(old), self.disk()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        remove(&mark)
    }

    /// The larger disk stays; the old one stays beneath it.
    pub fn keep_new(&self) -> io::Result<()> {
        remove(&self.dir.join(KEPT))
    }

    fn free_name(&self) -> String {
        let mut number = 0_u32;
        while self.dir.join(format!("disk.{number}")).exists() {
            number += 1;
        }
        format!("disk.{number}")
    }

    fn write(&self, base: &Path, format: ImageFormat, bytes: u64) -> io::Result<()> {
        let name = base
            .to_str()
            .ok_or_else(|| io::Error::other("its path is no UTF-8"))?;
        let content = qcow2_empty(bytes, Some((name, format))).map_err(io::Error::other)?;
        put(&self.disk(), &content)
    }
}

/// Writes a whole file beside its place and moves it there.
fn put(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let new = PathBuf::from(new);
    remove(&new)?;
    let mut options = File::options();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&new)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&new, path)
}

fn read_mark(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        text => text.map(Some),
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(layers: &Layers) -> u64 {
        header(&layers.disk()).unwrap().unwrap().virtual_size >> 30
    }

    fn files(dir: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_resize_is_taken_back_or_stays_and_every_half_of_it_is_finished() {
        let dir = tempfile::tempdir().unwrap();
        let layers = Layers::new(dir.path().to_owned());
        let base = Path::new("/base");
        layers.create(base, ImageFormat::Raw, 1 << 30).unwrap();
        for _ in 0..2 {
            layers.grow(2 << 30).unwrap();
            assert_eq!(size(&layers), 2);
        }
        assert_eq!(files(dir.path()), ["disk", "disk.0", "disk.kept"]);
        for _ in 0..2 {
            layers.keep_old().unwrap();
            assert_eq!(size(&layers), 1);
        }
        assert_eq!(files(dir.path()), ["disk"]);
        // Died after the mark, and after the rename.
        for renamed in [false, true] {
            put(&dir.path().join(KEPT), b"disk.0").unwrap();
            if renamed {
                fs::rename(layers.disk(), dir.path().join("disk.0")).unwrap();
            }
            layers.grow(3 << 30).unwrap();
            assert_eq!((size(&layers), files(dir.path()).len()), (3, 3));
            layers.keep_old().unwrap();
        }
        layers.grow(2 << 30).unwrap();
        layers.keep_new().unwrap();
        layers.grow(2 << 30).unwrap();
        assert_eq!(files(dir.path()), ["disk", "disk.0"]);
        layers.grow(4 << 30).unwrap();
        assert_eq!(files(dir.path()), ["disk", "disk.0", "disk.1", "disk.kept"]);
        layers.keep_new().unwrap();
        let chain = header(&layers.disk()).unwrap().unwrap().backing.unwrap().0;
        assert_eq!(Path::new(&chain), dir.path().join("disk.1"));
        layers.create(base, ImageFormat::Qcow2, 1 << 30).unwrap();
        assert_eq!(files(dir.path()), ["disk"]);
        fs::write(layers.disk(), b"an optical disc").unwrap();
        layers.grow(9 << 30).unwrap();
        assert_eq!(fs::read(layers.disk()).unwrap(), b"an optical disc");
    }
}
