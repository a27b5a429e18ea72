//! One control process per data directory, where the database allows only one.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::fcntl::{Flock, FlockArg};

/// The directory is taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// By a living process.
    #[error(
        "{directory} is in use by process {holder}: the command skydeck attaches to it once it answers on its socket; `kill {holder}` stops it"
    )]
    Taken {
        /// The directory.
        directory: String,
        /// Its process id, as it wrote it.
        holder: String,
    },
    /// The lock file can not be made.
    #[error("{path} can not be locked: {reason}")]
    File {
        /// The lock file.
        path: String,
        /// Why.
        reason: String,
    },
}

/// Holds the directory until dropped; the system frees it when the process dies, however that happens.
#[derive(Debug)]
pub struct DirectoryLock {
    _file: Flock<File>,
}

impl DirectoryLock {
    /// Takes the directory.
    pub fn take(directory: &Path) -> Result<Self, LockError> {
        let path = directory.join("control.lock");
        let fail = |reason: String| LockError::File {
            path: path.display().to_string(),
            reason,
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(|error| fail(error.to_string()))?;
        let mut holder = String::new();
        // Who it was, for the message; empty in a fresh file.
        let _ = file.read_to_string(&mut holder);
        let mut file = Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(
            |(_, errno)| match errno {
                nix::errno::Errno::EWOULDBLOCK => LockError::Taken {
                    directory: directory.display().to_string(),
                    holder: holder.trim().to_owned(),
                },
                errno => fail(errno.to_string()),
            },
        )?;
        file.set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| writeln!(file, "{}", std::process::id()))
            .map_err(|error| fail(error.to_string()))?;
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_has_one_holder_who_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let first = DirectoryLock::take(dir.path()).unwrap();
        let message = DirectoryLock::take(dir.path()).unwrap_err().to_string();
        assert!(
            message.contains(&std::process::id().to_string()),
            "{message}"
        );
        drop(first);
        DirectoryLock::take(dir.path()).unwrap();
    }
}
