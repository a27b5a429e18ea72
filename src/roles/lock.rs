//! One control process per data directory, and one node. With SQLite that is one control process for the cloud, because the
//! database lies there.
//!
//! The lock file names the holder and what it is ([`Front`]); both stay there when it dies. So who finds the directory
//! free knows whether a console left it, whose place may be taken, or a server, which will be started again.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};

/// Locked by a control process.
const CONTROL: &str = "control.lock";
/// Locked by a node.
const NODE: &str = "node.lock";

/// What a control process is besides itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Front {
    /// A console has it.
    Console,
    /// `skydeck server`.
    Server,
    /// `skydeck demo`: nothing in it is real.
    Demo,
}

impl Front {
    fn name(self) -> &'static str {
        match self {
            Self::Console => "console",
            Self::Server => "server",
            Self::Demo => "demo",
        }
    }
}

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
    /// By a living node.
    #[error(
        "{directory} is in use by the node of process {holder}; `kill {holder}` stops it, guests go on"
    )]
    Node {
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
    /// Takes the directory for a control process.
    pub fn take(directory: &Path, front: Front) -> Result<Self, LockError> {
        Self::lock(&file(directory), front.name(), |holder| LockError::Taken {
            directory: directory.display().to_string(),
            holder,
        })
    }

    /// Takes the directory for a node.
    pub fn take_for_node(directory: &Path) -> Result<Self, LockError> {
        Self::lock(&directory.join(NODE), "node", |holder| LockError::Node {
            directory: directory.display().to_string(),
            holder,
        })
    }

    fn lock(
        path: &Path,
        name: &str,
        taken: impl Fn(String) -> LockError,
    ) -> Result<Self, LockError> {
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
            .open(path)
            .map_err(|error| fail(error.to_string()))?;
        let mut holder = String::new();
        // Who it was, for the message; empty in a fresh file.
        let _ = file.read_to_string(&mut holder);
        let mut file = Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(
            |(_, errno)| match errno {
                nix::errno::Errno::EWOULDBLOCK => {
                    taken(holder.split_whitespace().next().unwrap_or("?").to_owned())
                }
                errno => fail(errno.to_string()),
            },
        )?;
        file.set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| writeln!(file, "{} {name}", std::process::id()))
            .map_err(|error| fail(error.to_string()))?;
        Ok(Self { _file: file })
    }
}

/// Whether the last holder, alive or not, was a console.
pub fn was_console(directory: &Path) -> bool {
    std::fs::read_to_string(file(directory))
        .is_ok_and(|holder| holder.split_whitespace().nth(1) == Some(Front::Console.name()))
}

fn file(directory: &Path) -> PathBuf {
    directory.join(CONTROL)
}

/// Whether a directory was a data directory before.
pub fn is_known(directory: &Path) -> bool {
    [CONTROL, NODE]
        .iter()
        .any(|name| directory.join(name).exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_has_one_holder_who_is_named() {
        let dir = tempfile::tempdir().unwrap();
        assert!(!was_console(dir.path()));
        let first = DirectoryLock::take(dir.path(), Front::Console).unwrap();
        let second = DirectoryLock::take(dir.path(), Front::Server);
        let message = second.unwrap_err().to_string();
        assert!(
            message.contains(&std::process::id().to_string()),
            "{message}"
        );
        drop(first);
        assert!(was_console(dir.path()));
        DirectoryLock::take(dir.path(), Front::Server).unwrap();
        let _node = DirectoryLock::take_for_node(dir.path()).unwrap();
        let second = DirectoryLock::take_for_node(dir.path());
        let message = second.unwrap_err().to_string();
        assert!(message.contains("node of process"), "{message}");
        assert!(!was_console(dir.path()));
    }
}
