//! The image store on disk (`image.dir`): `<id>` for whole images, `uploads/<id>.part` for bytes on their way in.
//!
//! A part is written by whoever holds its lock (`flock`), so that two uploads of one image can not mix, in this process
//! or another one; the kernel drops the lock with the holder. A part becomes an image by flush, rename, and flush of the
//! directory. Everything here blocks: call it off the async runtime ([`blocking`]).

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::lock::Locked;
use crate::error::{Error, Result};
use crate::ids::ImageId;

/// Runs blocking file work off the async runtime.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(Error::Internal(format!("a file task ended early: {error}"))))
}

/// The directories of the store. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Files {
    dir: PathBuf,
}

/// A part that this process writes.
#[derive(Debug)]
pub(super) struct Part {
    /// The file, locked.
    pub file: Locked,
    /// Where it is.
    pub path: PathBuf,
}

impl Part {
    /// Bytes that are there.
    pub fn len(&self) -> Result<u64> {
        self.file
            .metadata()
            .map(|meta| meta.len())
            .map_err(|error| io_error(&self.path, &error))
    }
}

impl Files {
    /// The store in this directory.
    pub fn new(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
        }
    }

    /// The file of a whole image.
    pub fn data(&self, id: ImageId) -> PathBuf {
        self.dir.join(id.to_string())
    }

    /// Where bytes arrive.
    pub fn uploads(&self) -> PathBuf {
        self.dir.join("uploads")
    }

    /// The file of an image whose bytes arrive.
    pub fn part(&self, id: ImageId) -> PathBuf {
        self.uploads().join(format!("{id}.part"))
    }

    /// Makes the directories, 0700.
    pub fn prepare(&self) -> Result<()> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(self.uploads())
            .map_err(|error| io_error(&self.uploads(), &error))
    }

    /// Opens and locks a part, 0600; makes it if there is none. A conflict if somebody writes it now.
    pub fn open_part(&self, id: ImageId) -> Result<Part> {
        self.prepare()?;
        let path = self.part(id);
        // A part that was removed between open and lock is opened anew.
        for _ in 0..8 {
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(&path)
                .map_err(|error| io_error(&path, &error))?;
            let file = match Locked::alone(file) {
                Ok(file) => file,
                Err(TryLockError::WouldBlock) => {
                    return Err(Error::conflict(format!(
                        "bytes of image {id} arrive already; wait until that transfer ends, or end it"
                    )));
                }
                Err(TryLockError::Error(error)) => return Err(io_error(&path, &error)),
            };
            let same = |meta: fs::Metadata| {
                file.metadata()
                    .is_ok_and(|own| (own.dev(), own.ino()) == (meta.dev(), meta.ino()))
            };
            if fs::metadata(&path).is_ok_and(same) {
                return Ok(Part { file, path });
            }
        }
        Err(Error::Unavailable(format!(
            "{} is removed again and again",
            path.display()
        )))
    }

    /// Length of a part, and whether somebody writes it now; `None` if there is none.
    pub fn look_at_part(&self, id: ImageId) -> Result<Option<(u64, bool)>> {
        let path = self.part(id);
        let file = match OpenOptions::new().read(true).write(true).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io_error(&path, &error)),
        };
        let length = file
            .metadata()
            .map_err(|error| io_error(&path, &error))?
            .len();
        match Locked::with_others(file) {
            Ok(_) => Ok(Some((length, false))),
            Err(TryLockError::WouldBlock) => Ok(Some((length, true))),
            Err(TryLockError::Error(error)) => Err(io_error(&path, &error)),
        }
    }

    /// Whether somebody holds the image's file, who made it of a part just now and will say so in its row.
    pub fn is_landing(&self, id: ImageId) -> Result<bool> {
        let path = self.data(id);
        match File::open(&path) {
            Ok(file) => Ok(matches!(
                Locked::with_others(file),
                Err(TryLockError::WouldBlock)
            )),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(io_error(&path, &error)),
        }
    }

    /// Makes a flushed part the image's file.
    pub fn publish(&self, id: ImageId, part: &Path) -> Result<()> {
        let path = self.data(id);
        fs::rename(part, &path).map_err(|error| io_error(&path, &error))?;
        sync_dir(&self.dir)
    }

    /// Removes the image's file; success if there is none.
    pub fn remove(&self, id: ImageId) -> Result<()> {
        remove(&self.data(id))
    }

    /// Removes an image's part; success if there is none.
    pub fn remove_part(&self, id: ImageId) -> Result<()> {
        remove(&self.part(id))
    }

    /// Bytes that can still be written.
    pub fn free_bytes(&self) -> Result<u64> {
        let found = nix::sys::statvfs::statvfs(&self.dir)
            .map_err(|errno| io_error(&self.dir, &io::Error::from_raw_os_error(errno as i32)))?;
        Ok(found
            .blocks_available()
            .saturating_mul(found.fragment_size()))
    }

    /// Ids that have files: whole images, and parts.
    pub fn found(&self) -> Result<(Vec<ImageId>, Vec<ImageId>)> {
        self.prepare()?;
        let whole = names(&self.dir)?
            .iter()
            .filter_map(|name| name.parse().ok())
            .collect();
        let parts = names(&self.uploads())?
            .iter()
            .filter_map(|name| name.strip_suffix(".part")?.parse().ok())
            .collect();
        Ok((whole, parts))
    }
}

fn names(dir: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(dir).map_err(|error| io_error(dir, &error))?;
    Ok(entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect())
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error(path, &error)),
        _ => Ok(()),
    }
}

fn sync_dir(dir: &Path) -> Result<()> {
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(|error| io_error(dir, &error))
}

/// A failure of the file system in terms of what can be done about it.
pub(super) fn io_error(path: &Path, error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::TooLarge(format!(
            "the disk under {} is full; delete images that are not needed, or give it more room",
            path.parent().unwrap_or(path).display()
        )),
        _ => Error::Internal(format!("{}: {error}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_writer_at_a_time_and_a_part_becomes_an_image_by_rename() {
        let dir = tempfile::tempdir().unwrap();
        let files = Files::new(dir.path());
        let id = ImageId::new();
        assert_eq!(files.found().unwrap(), (vec![], vec![]));
        let part = files.open_part(id).unwrap();
        assert!(matches!(files.open_part(id), Err(Error::Conflict(_))));
        part.file.set_len(7).unwrap();
        assert_eq!(files.look_at_part(id).unwrap(), Some((7, true)));
        assert_eq!(part.file.metadata().unwrap().mode() & 0o777, 0o600);
        drop(part);
        assert_eq!(files.look_at_part(id).unwrap(), Some((7, false)));
        assert_eq!(files.found().unwrap(), (vec![], vec![id]));
        // Whoever brought the bytes holds the file until its row says what it is.
        let part = files.open_part(id).unwrap();
        assert!(!files.is_landing(id).unwrap());
        files.publish(id, &files.part(id)).unwrap();
        assert!(files.is_landing(id).unwrap());
        drop(part);
        assert!(!files.is_landing(id).unwrap());
        assert_eq!(files.found().unwrap(), (vec![id], vec![]));
        assert_eq!(files.look_at_part(id).unwrap(), None);
        files.remove(id).unwrap();
        files.remove(id).unwrap();
        assert!(files.free_bytes().unwrap() > 0);
    }
}
