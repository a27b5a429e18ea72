//! Why the host did not do what a plan says, and what to do about it.

use std::path::PathBuf;
use std::time::Duration;

use crate::bus::{Fault, FaultKind};

/// A step that failed. Every step may be tried again.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// A program is not there.
    #[error("{program} can not be started ({reason}); install the Debian package {package}")]
    Missing {
        /// The program.
        program: &'static str,
        /// The package it comes with.
        package: &'static str,
        /// What the system says.
        reason: std::io::Error,
    },
    /// A program failed.
    #[error("{program} failed: {complaint}")]
    Program {
        /// The program.
        program: &'static str,
        /// What it says.
        complaint: String,
    },
    /// Something took too long.
    #[error("{what} took longer than {} s", .after.as_secs())]
    Slow {
        /// What it was.
        what: String,
        /// The deadline.
        after: Duration,
    },
    /// Open vSwitch can not be asked.
    #[error(
        "Open vSwitch does not answer ({0}); if it does not run, start it: systemctl start openvswitch-switch"
    )]
    Switch(String),
    /// The kernel refused.
    #[error("{what} failed: {reason}")]
    Kernel {
        /// What was asked of it.
        what: String,
        /// What it says.
        reason: String,
    },
    /// A file can not be read or written.
    #[error("{path}: {reason}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: std::io::Error,
    },
}

impl HostError {
    /// For `map_err` of file operations.
    pub fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |reason| Self::File { path, reason }
    }
}

impl From<HostError> for Fault {
    fn from(error: HostError) -> Self {
        Self::new(FaultKind::Unavailable, format!("host network: {error}"))
    }
}
