//! What a host is asked.

use serde::{Deserialize, Serialize};

use crate::bus::Rpc;
use crate::compute::rpc::COMPUTE;
use crate::ids::{ServerId, Time};

/// Compares what the host was told with what it has. Changes nothing.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HostExamine {}

impl Rpc for HostExamine {
    const TOPIC: &'static str = COMPUTE;
    const METHOD: &'static str = "host_examine";
    type Reply = HostExamined;
}

/// What a host found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostExamined {
    /// Generation of the networks it was told last.
    pub generation: i64,
    /// What it would change of its networks now, one line each.
    pub differences: Vec<String>,
    /// What it can not make as it is wanted, and why, one line each.
    pub problems: Vec<String>,
    /// What it mended lately without being asked, oldest first.
    pub mended: Vec<Mended>,
    /// Servers whose guests it has.
    pub guests: Vec<ServerId>,
    /// Servers of which it has files but no guest; those of other hosts on a shared file system are not among them.
    pub files: Vec<Remains>,
}

/// Something of the host's networks that was not as it should be, and is again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mended {
    /// When.
    pub at: Time,
    /// What was done.
    pub change: String,
}

/// Files of a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remains {
    /// The server.
    pub server: ServerId,
    /// What they take.
    pub bytes: u64,
}
