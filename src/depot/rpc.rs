//! What a message carries so that the node can get at bytes.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Header of a request to the depot that has the ticket.
pub const TICKET_HEADER: &str = "x-skydeck-ticket";

/// How far a file has come that a node sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrival {
    /// Bytes that are there.
    pub received: u64,
    /// Whether that is all of it.
    pub whole: bool,
}

/// The right to one thing at the depot. In requests its field is called `depot`, which says that it is no part of what is
/// asked: see [`crate::bus::dedupe`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pass {
    /// The control process that issued it.
    pub process: Uuid,
    /// Where nodes reach that process: scheme, host and port. Empty if it has no address for nodes elsewhere.
    pub url: String,
    /// SHA-256 of the certificate there, hexadecimal; absent where the usual authorities are asked, or there is no TLS.
    #[serde(default)]
    pub fingerprint: Option<String>,
    /// The path there.
    pub path: String,
    /// The ticket.
    pub ticket: String,
}

impl std::fmt::Debug for Pass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pass({}{})", self.url, self.path)
    }
}
