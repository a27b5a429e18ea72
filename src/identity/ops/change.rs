//! The end of every change.

use crate::context::{Change, Context};
use crate::db::{DbError, Tx};
use crate::error::{Error, Result};
use crate::identity::model::AuditOutcome;
use crate::identity::ops::{AuditNote, audit_record_on_conn};
use crate::ids::ProjectId;

/// What was done to what.
pub(super) struct Done<'a> {
    /// Resource first: `user_create`.
    pub action: &'a str,
    /// Kind of the resource: `user`.
    pub kind: &'a str,
    /// Its id.
    pub id: String,
    /// Its name, for people.
    pub name: &'a str,
    /// The project whose members may hear of it.
    pub project: Option<ProjectId>,
    /// What watchers are told.
    pub change: Change,
}

/// Adds the change to the audit, commits, forgets remembered tokens, and tells watchers.
pub(super) async fn commit(cx: &Context, mut tx: Tx, done: Done<'_>) -> Result<()> {
    let note = AuditNote {
        action: done.action,
        resource: Some((done.kind, &done.id)),
        name: Some(done.name),
        outcome: AuditOutcome::Success,
        reason: None,
        status: 200,
        operation: None,
    };
    audit_record_on_conn(&mut tx, cx, &note).await?;
    tx.commit().await?;
    cx.identity.tokens.clear();
    cx.events
        .changed(done.kind, &done.id, done.project, done.change);
    Ok(())
}

/// A name that is taken, in words; other errors unchanged.
pub(super) fn taken(error: DbError, kind: &str, name: &str) -> Error {
    match error {
        DbError::Duplicate { .. } => Error::conflict(format!(
            "there is a {kind} named {name} already; choose another name"
        )),
        other => other.into(),
    }
}
