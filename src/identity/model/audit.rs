//! The audit.

use std::fmt;
use std::str::FromStr;

use crate::ids::{AuditId, OperationId, ProjectId, Time, UserId};

/// How something that is in the audit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditOutcome {
    /// Done, or accepted.
    Success,
    /// Refused for lack of rights or proof.
    Denied,
    /// Failed for another reason.
    Failure,
}

impl AuditOutcome {
    /// Its name in the database and on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Denied => "denied",
            Self::Failure => "failure",
        }
    }
}

impl fmt::Display for AuditOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for AuditOutcome {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Success, Self::Denied, Self::Failure]
            .into_iter()
            .find(|outcome| outcome.name() == text)
            .ok_or(())
    }
}

/// An entry of the audit.
#[derive(Clone, Debug)]
pub struct AuditEntry {
    /// Id; rises with time.
    pub id: AuditId,
    /// When.
    pub at: Time,
    /// Who; `None` for the control plane itself and for whoever was not let in.
    pub user_id: Option<UserId>,
    /// Who by name; what was claimed, for whoever was not let in.
    pub user_name: String,
    /// The project of the token.
    pub project_id: Option<ProjectId>,
    /// Resource first: `user_create`, `token_create`, `server_reboot`.
    pub action: String,
    /// Kind of the thing it was done to.
    pub resource_type: Option<String>,
    /// Id of that thing.
    pub resource_id: Option<String>,
    /// Its name.
    pub resource_name: Option<String>,
    /// How it ended.
    pub outcome: AuditOutcome,
    /// Why, if it did not succeed.
    pub reason: Option<String>,
    /// HTTP status of the answer.
    pub status: u16,
    /// The request.
    pub request_id: String,
    /// The operation that it began.
    pub operation_id: Option<OperationId>,
}

/// Which entries of the audit to list; all that are set must hold.
#[derive(Clone, Debug, Default)]
pub struct AuditQuery {
    /// By this user.
    pub user_id: Option<UserId>,
    /// About this thing.
    pub resource_id: Option<String>,
    /// With this outcome.
    pub outcome: Option<AuditOutcome>,
    /// Not before.
    pub since: Option<Time>,
    /// Older than this one (paging, newest first).
    pub before: Option<AuditId>,
    /// At most so many.
    pub limit: u32,
}
