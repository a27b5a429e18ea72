//! The end of every change: it goes into the audit, is committed, what was remembered of tokens is forgotten, and
//! watchers are told, in that order.
//!
//! Invariant: there is always somebody who can administer the cloud. A change that could take the last one away (a role,
//! a user, a project, a group, a domain) ends with [`commit_safely`], which looks whether one is left.

use crate::context::{Change, Context, Event};
use crate::db::{DbError, Tx};
use crate::error::{Error, Result};
use crate::identity::model::AuditOutcome;
use crate::identity::ops::{AuditNote, audit_record_on_conn};
use crate::identity::store;
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

impl<'a> Done<'a> {
    /// Something that belongs to no project.
    pub fn new(
        action: &'a str,
        kind: &'a str,
        id: impl ToString,
        name: &'a str,
        change: Change,
    ) -> Self {
        Self {
            action,
            kind,
            id: id.to_string(),
            name,
            project: None,
            change,
        }
    }

    /// The members of this project may hear of it.
    pub fn heard_by(self, project: ProjectId) -> Self {
        Self {
            project: Some(project),
            ..self
        }
    }
}

/// Ends a change that can not take rights away.
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
    let event = Event::new(done.kind, &done.id, done.project, done.change).named(done.name);
    cx.events.publish(event);
    Ok(())
}

/// Ends a change that takes rights away; undoes it if nobody would be left who can administer the cloud.
pub(super) async fn commit_safely(cx: &Context, mut tx: Tx, done: Done<'_>) -> Result<()> {
    // Two who take each other's rights away at once: the second sees what the first did.
    tx.take_turn("identity:administrators").await?;
    if !store::assignment::somebody_administers(&mut tx).await? {
        return Err(Error::Forbidden(format!(
            "after this nobody could administer the cloud any more ({} {}); give another user with a password the role admin on a project first",
            done.kind, done.name
        )));
    }
    commit(cx, tx, done).await
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
