//! A claim: what of a host is promised to a server.

use std::fmt;

use uuid::Uuid;

use super::Resources;
use crate::ids::{OperationId, ServerId, Time};

/// In whose name something is claimed. Each consumer has at most one claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Consumer {
    /// A server, for what it has.
    Server(ServerId),
    /// An operation, for what its server will have in addition until the operation is confirmed (resize, migration).
    Operation(OperationId),
}

impl Consumer {
    /// The id that the ledger keeps.
    pub fn uuid(self) -> Uuid {
        match self {
            Self::Server(id) => id.uuid(),
            Self::Operation(id) => id.uuid(),
        }
    }

    /// The ledger's word for its kind.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Server(_) => "server",
            Self::Operation(_) => "operation",
        }
    }
}

impl fmt::Display for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.uuid().fmt(f)
    }
}

/// A row of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// In whose name.
    pub consumer: Consumer,
    /// The server it is for.
    pub server: ServerId,
    /// The host, by name.
    pub host: String,
    /// How much.
    pub resources: Resources,
    /// Since when.
    pub created_at: Time,
}
