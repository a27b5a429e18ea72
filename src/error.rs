//! What goes wrong in operations, in the terms of whoever asked.
//!
//! Each variant is one way to react: mend the request, log in, ask for rights, wait, or call the operator. The API
//! layer turns it into OpenStack's status codes and each service's own error body; the text is the same everywhere.
//! Messages say what failed, why, and what to do, and never hold a secret.

use crate::bus::CallError;
use crate::db::DbError;

/// Why an operation was not done. Nothing was changed, unless the variant says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A field of the request is wrong.
    #[error("{field}: {reason}")]
    Invalid {
        /// The field as the request names it.
        field: String,
        /// What is wrong with it and what is allowed.
        reason: String,
    },
    /// The request as a whole makes no sense.
    #[error("{0}")]
    BadRequest(String),
    /// Nobody valid is logged in.
    #[error("{0}")]
    Unauthorized(String),
    /// Whoever asked may not do this.
    #[error("{0}")]
    Forbidden(String),
    /// A quota of the project would be exceeded.
    #[error(
        "quota exceeded for {resource}: {wanted} wanted, {used} of {limit} used; delete something or ask an administrator for more"
    )]
    Quota {
        /// OpenStack's name of the quota (`cores`, `ram`, `instances`, `gigabytes`, …).
        resource: &'static str,
        /// More that was wanted.
        wanted: i64,
        /// In use now.
        used: i64,
        /// The limit.
        limit: i64,
    },
    /// There is no such thing, or it is not visible to whoever asked.
    #[error("{kind} {id} could not be found")]
    NotFound {
        /// What was looked for: `server`, `image`, …
        kind: &'static str,
        /// Its id or name as given.
        id: String,
    },
    /// The state of a thing does not allow this now.
    #[error("{0}")]
    Conflict(String),
    /// A refusal that clients of one service know by a name of its own (Neutron's `IpAddressInUse`).
    #[error("{message}")]
    Named {
        /// The name.
        kind: &'static str,
        /// The HTTP status that goes with it.
        status: u16,
        /// What failed, why, and what to do.
        message: String,
    },
    /// The body is larger than allowed.
    #[error("{0}")]
    TooLarge(String),
    /// The content is of a kind that is not understood.
    #[error("{0}")]
    Unsupported(String),
    /// Something needed does not answer now; the same request may succeed later.
    #[error("{0}")]
    Unavailable(String),
    /// A defect or a broken environment (disk full, database gone). The text is for the operator.
    #[error("{0}")]
    Internal(String),
}

/// Result of an operation.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// A wrong field.
    pub fn invalid(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Invalid {
            field: field.into(),
            reason: reason.into(),
        }
    }

    /// A missing thing.
    pub fn not_found(kind: &'static str, id: impl ToString) -> Self {
        Self::NotFound {
            kind,
            id: id.to_string(),
        }
    }

    /// A state that forbids it.
    pub fn conflict(reason: impl Into<String>) -> Self {
        Self::Conflict(reason.into())
    }

    /// The HTTP status that OpenStack's services use for this.
    pub fn status(&self) -> u16 {
        match self {
            Self::Invalid { .. } | Self::BadRequest(_) => 400,
            Self::Unauthorized(_) => 401,
            Self::Forbidden(_) | Self::Quota { .. } => 403,
            Self::NotFound { .. } => 404,
            Self::Conflict(_) => 409,
            Self::TooLarge(_) => 413,
            Self::Unsupported(_) => 415,
            Self::Unavailable(_) => 503,
            Self::Internal(_) => 500,
            Self::Named { status, .. } => *status,
        }
    }
}

impl From<DbError> for Error {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Duplicate { constraint } => {
                Self::Conflict(format!("already exists ({constraint})"))
            }
            passing @ (DbError::Busy(_) | DbError::Lost(_) | DbError::Full(_)) => {
                Self::Unavailable(passing.to_string())
            }
            other => {
                let mut text = other.to_string();
                let mut source = std::error::Error::source(&other);
                while let Some(inner) = source {
                    text = format!("{text}: {inner}");
                    source = inner.source();
                }
                Self::Internal(text)
            }
        }
    }
}

impl From<CallError> for Error {
    fn from(error: CallError) -> Self {
        use crate::bus::FaultKind;
        match error {
            CallError::Fault(fault) => match fault.kind {
                FaultKind::NotFound | FaultKind::Conflict | FaultKind::Refused => {
                    Self::Conflict(fault.message)
                }
                FaultKind::Unavailable => Self::Unavailable(fault.message),
            },
            other => Self::Unavailable(other.to_string()),
        }
    }
}
