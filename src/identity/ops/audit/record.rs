//! Adding to the audit.

use std::time::Instant;

use crate::context::Context;
use crate::db::Conn;
use crate::error::Result;
use crate::identity::model::{AuditEntry, AuditOutcome};
use crate::identity::store;
use crate::ids::{AuditId, OperationId, Time};

/// Longest text that is kept of a name that came from outside, in characters.
const LONGEST: usize = 255;

/// What to add; who and by which request is taken from the context.
#[derive(Clone, Copy, Debug)]
pub struct AuditNote<'a> {
    /// Resource first: `server_create`, `user_delete`. At most 64 characters.
    pub action: &'a str,
    /// Kind and id of what it was done to, where that is known.
    pub resource: Option<(&'a str, &'a str)>,
    /// Its name.
    pub name: Option<&'a str>,
    /// How it ended.
    pub outcome: AuditOutcome,
    /// Why, if it did not succeed.
    pub reason: Option<&'a str>,
    /// HTTP status of the answer; 200 where only success is known.
    pub status: u16,
    /// The operation that it began.
    pub operation: Option<OperationId>,
}

/// Adds an entry in the transaction of what it tells about.
pub async fn audit_record_on_conn(
    conn: &mut Conn,
    cx: &Context,
    note: &AuditNote<'_>,
) -> Result<()> {
    let entry = entry(cx, note, &cx.actor.user_name);
    Ok(store::audit::insert(conn, &entry).await?)
}

/// Adds an entry about something that has no transaction, because it was refused.
pub async fn audit_record(cx: &Context, note: &AuditNote<'_>) -> Result<()> {
    let mut tx = cx.db.begin().await?;
    audit_record_on_conn(&mut tx, cx, note).await?;
    Ok(tx.commit().await?)
}

/// Adds a failed authentication of whoever claimed to be `claimed`. Trouble with the database is logged only: the
/// answer to the failed attempt is the same.
pub(in crate::identity::ops) async fn failure_record(
    cx: &Context,
    claimed: &str,
    resource: Option<(&str, &str)>,
    reason: &str,
) {
    tracing::warn!(
        claimed = %clean(claimed),
        reason,
        request_id = &*cx.request_id,
        "authentication failed"
    );
    if !cx.identity.failures.spend(Instant::now()) {
        return;
    }
    let note = AuditNote {
        action: "token_create",
        resource,
        name: None,
        outcome: AuditOutcome::Denied,
        reason: Some(reason),
        status: 401,
        operation: None,
    };
    let added = async {
        let mut tx = cx.db.begin().await?;
        store::audit::insert(&mut tx, &entry(cx, &note, claimed)).await?;
        tx.commit().await
    };
    if let Err(error) = added.await {
        tracing::error!(%error, "a failed authentication could not be added to the audit");
    }
}

fn entry(cx: &Context, note: &AuditNote<'_>, user_name: &str) -> AuditEntry {
    AuditEntry {
        id: AuditId::new(),
        at: Time::now(),
        user_id: cx.actor.user,
        user_name: clean(user_name),
        project_id: cx.actor.project.as_ref().map(|scope| scope.id),
        action: note.action.chars().take(64).collect(),
        resource_type: note.resource.map(|(kind, _)| kind.to_owned()),
        resource_id: note.resource.map(|(_, id)| clean(id)),
        resource_name: note.name.map(clean),
        outcome: note.outcome,
        reason: note.reason.map(str::to_owned),
        status: note.status,
        request_id: cx.request_id.to_string(),
        operation_id: note.operation,
    }
}

fn clean(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control())
        .take(LONGEST)
        .collect()
}
