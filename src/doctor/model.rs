//! What the doctor finds.

use crate::ids::{ServerId, Time};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It was mended already.
    Mended,
    /// It may be meant.
    Warning,
    /// Something does not work.
    Error,
}

/// What can be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Have the host make its networks what they shall be, at once; touches nothing that is as it shall be.
    Repair,
    /// Remove from the host what it has of this server: its guest, if it runs there, and the files of it.
    Remove(ServerId),
}

impl Remedy {
    /// Whether nothing can be lost by it.
    pub fn is_safe(self) -> bool {
        matches!(self, Self::Repair)
    }
}

/// Something that is not as it should be, or was not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The host it is on.
    pub host: String,
    /// How bad it is.
    pub severity: Severity,
    /// What is so.
    pub found: String,
    /// What to do about it, or what was done.
    pub advice: String,
    /// What the doctor can do about it.
    pub remedy: Option<Remedy>,
    /// When it was mended.
    pub at: Option<Time>,
}

impl Finding {
    /// Names it, the same each time it is found.
    pub fn id(&self) -> String {
        let at = self.at.map(|at| at.to_string()).unwrap_or_default();
        let text = [&self.host, &self.found, &self.advice, &at].map(String::as_str);
        uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, text.join("\n").as_bytes()).to_string()
    }
}
