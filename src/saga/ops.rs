//! What services and operators do with operations.

use std::time::Duration;

use futures::FutureExt;

use super::model::{Operation, OperationEvent, OperationQuery, Status};
use super::step::Saga;
use super::store;
use crate::bus::Turn;
use crate::context::{Change, Context};
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::ids::{OperationId, ProjectId, Time};
use crate::reconcile::Periodic;

/// What an operation changes.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// Kind of the resource: `server`, `volume`, `image`, …
    pub kind: &'a str,
    /// Its id.
    pub id: &'a str,
    /// Its name, for people.
    pub name: &'a str,
    /// The node concerned, when known.
    pub host: Option<&'a str>,
    /// Its project.
    pub project: Option<ProjectId>,
}

/// What to do when another operation has the resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Busy {
    /// Refuse as a conflict.
    Refuse,
    /// Begin when the other has ended.
    Wait,
}

/// Begins an operation inside the transaction that records its intent. After the commit, call
/// [`Waker::kick`](super::Waker::kick) with the id; without it the engine finds the operation within a second.
pub async fn start_on_conn<S: Saga>(
    conn: &mut Conn,
    cx: &Context,
    saga: &S,
    target: Target<'_>,
    busy: Busy,
) -> Result<OperationId> {
    let id = OperationId::new();
    let state = serde_json::to_string(saga)
        .map_err(|error| Error::Internal(format!("{}: {error}", S::KIND)))?;
    let free = store::lock(conn, target.id, id).await?;
    if !free && busy == Busy::Refuse {
        let what = store::holder(conn, target.id).await?.map_or_else(
            || "another operation".to_owned(),
            |holder| {
                format!(
                    "{} (operation {})",
                    holder.kind.replace('_', " "),
                    holder.id
                )
            },
        );
        return Err(Error::conflict(format!(
            "{} {} is busy: {what} is under way",
            target.kind, target.name
        )));
    }
    let status = if free {
        Status::Running
    } else {
        Status::Pending
    };
    let kind = store::Kind {
        name: S::KIND,
        version: S::VERSION,
        steps: S::steps().iter().map(|step| step.name).collect(),
    };
    store::insert(conn, cx, id, &kind, &state, &target, status).await?;
    Ok(id)
}

/// The turn of whoever has the resource now, or had it last: what is asked of a node with it is refused once a later
/// operation has asked there.
pub async fn turn_now(cx: &Context, resource: &str) -> Result<Turn> {
    let mut conn = cx.db.read().await?;
    Ok(Turn {
        resource: resource.to_owned(),
        number: store::last_generation(&mut conn, resource).await?,
    })
}

/// Operations, newest first, that the actor may see.
pub async fn operation_list(cx: &Context, mut query: OperationQuery) -> Result<Vec<Operation>> {
    if let Some(own) = cx.visible_project()? {
        query.project = Some(own);
    }
    query.limit = query.limit.clamp(1, 1000);
    let mut conn = cx.db.read().await?;
    Ok(store::list(&mut conn, &query).await?)
}

/// Number of operations that are not finished, of the project or of all, by status.
pub async fn operation_counts(cx: &Context, all_projects: bool) -> Result<Vec<(Status, u64)>> {
    let project = cx.listed_project(all_projects)?;
    let mut conn = cx.db.read().await?;
    Ok(store::counts(&mut conn, project).await?)
}

/// One operation.
pub async fn operation_show(cx: &Context, id: OperationId) -> Result<Operation> {
    let mut conn = cx.db.read().await?;
    let found = store::show(&mut conn, id)
        .await?
        .ok_or_else(|| Error::not_found("operation", id))?;
    match (cx.visible_project()?, found.project) {
        (Some(own), owner) if owner != Some(own) => Err(Error::not_found("operation", id)),
        _ => Ok(found),
    }
}

/// What happened to an operation, oldest first.
pub async fn operation_events(cx: &Context, id: OperationId) -> Result<Vec<OperationEvent>> {
    operation_show(cx, id).await?;
    let mut conn = cx.db.read().await?;
    Ok(store::events(&mut conn, id).await?)
}

/// Asks an operation to stop and to undo what it did.
pub async fn operation_abort(cx: &Context, id: OperationId) -> Result<()> {
    let operation = operation_show(cx, id).await?;
    let mut tx = cx.db.begin().await?;
    if !store::abort(&mut tx, id).await? {
        return Err(Error::conflict(format!(
            "operation {id} is {} and can not be aborted",
            operation.status
        )));
    }
    tx.commit().await?;
    cx.sagas.abort(id);
    Ok(())
}

/// Asks whatever operation has the resource to stop, so that a deletion can follow. The caller kicks the returned
/// operation with [`Waker::abort`](super::Waker::abort) after its commit.
pub async fn operation_abort_of_on_conn(
    conn: &mut Conn,
    resource: &str,
) -> Result<Option<OperationId>> {
    let Some(holder) = store::holder(conn, resource).await? else {
        return Ok(None);
    };
    Ok(store::abort(conn, holder.id).await?.then_some(holder.id))
}

/// The operation that has the resource, if one has.
pub async fn operation_of_on_conn(conn: &mut Conn, resource: &str) -> Result<Option<Operation>> {
    Ok(store::holder(conn, resource).await?)
}

/// Gives up a stuck operation that has the resource, for a deletion that removes whatever it left behind.
pub async fn operation_abandon_of_on_conn(conn: &mut Conn, resource: &str) -> Result<()> {
    if let Some(holder) = store::holder(conn, resource).await?
        && store::unstick(conn, holder.id, Status::Abandoned, Some(Time::now())).await?
    {
        store::unlock(conn, resource, holder.id).await?;
    }
    Ok(())
}

/// Ends the rest of a parked operation that has the resource; the caller kicks it after its commit.
pub async fn operation_wake_of_on_conn(
    conn: &mut Conn,
    resource: &str,
) -> Result<Option<OperationId>> {
    let Some(holder) = store::holder(conn, resource).await? else {
        return Ok(None);
    };
    store::wake(conn, holder.id).await?;
    Ok(Some(holder.id))
}

/// Lets a stuck operation try again what it could not undo.
pub async fn operation_retry(cx: &Context, id: OperationId) -> Result<()> {
    leave_stuck(cx, id, Status::Unwinding).await
}

/// Gives up a stuck operation and frees its resource. What it left behind is found by the reconcilers, or by the operator.
pub async fn operation_abandon(cx: &Context, id: OperationId) -> Result<()> {
    leave_stuck(cx, id, Status::Abandoned).await
}

async fn leave_stuck(cx: &Context, id: OperationId, status: Status) -> Result<()> {
    let operation = operation_show(cx, id).await?;
    let mut tx = cx.db.begin().await?;
    let finished = status.is_finished().then(Time::now);
    if !store::unstick(&mut tx, id, status, finished).await? {
        return Err(Error::conflict(format!(
            "operation {id} is {}, not stuck",
            operation.status
        )));
    }
    if finished.is_some() {
        store::unlock(&mut tx, &operation.resource_id, id).await?;
    }
    tx.commit().await?;
    cx.sagas.kick(id);
    cx.events
        .changed("operation", id, operation.project, Change::Updated);
    Ok(())
}

/// Recurring work: forgets what ended long ago.
pub fn periodic() -> Vec<Periodic> {
    vec![Periodic {
        name: "operation_prune",
        every: Duration::from_secs(3600),
        run: |cx| prune(cx).boxed(),
    }]
}

async fn prune(cx: &Context) -> Result<()> {
    let before = Time::now().plus_seconds(-cx.config.operations.keep_days * 86_400);
    let mut tx = cx.db.begin().await?;
    let gone = store::prune(&mut tx, before).await?;
    tx.commit().await?;
    if gone > 0 {
        tracing::info!(gone, "old operations forgotten");
    }
    Ok(())
}
