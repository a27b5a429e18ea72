//! The way every operation on a server goes: find it, check that the action is legal, record, tell.

use crate::compute::model::{Action, Server, TaskState};
use crate::compute::store;
use crate::context::{Change, Context, Event};
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::ids::{OperationId, ServerId};
use crate::saga::{Busy, Saga, Target, operation_abort_of_on_conn, start_on_conn};

/// The server, if it is not deleted and whoever asks may see it.
pub async fn visible_on_conn(conn: &mut Conn, cx: &Context, id: ServerId) -> Result<Server> {
    let server = store::server::show(conn, id)
        .await?
        .filter(|server| server.deleted_at.is_none())
        .ok_or_else(|| Error::not_found("server", id))?;
    cx.check_owner(server.project, "server", id)?;
    Ok(server)
}

/// The server, if whoever asks may do this to it now.
pub async fn legal_on_conn(
    conn: &mut Conn,
    cx: &Context,
    id: ServerId,
    action: Action,
) -> Result<Server> {
    let server = visible_on_conn(conn, cx, id).await?;
    server
        .check(action, cx.actor.is_admin())
        .map_err(|refusal| Error::conflict(refusal.message(action, id)))?;
    Ok(server)
}

/// What to do when something is under way already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnderWay {
    /// Refuse.
    Refuse,
    /// Ask it to stop, and begin when it has.
    Interrupt,
}

/// An operation that was begun; to be made known after the commit.
#[must_use]
#[derive(Clone, Copy, Debug)]
pub struct Begun {
    /// The operation.
    pub id: OperationId,
    /// One that was asked to stop for it.
    interrupted: Option<OperationId>,
}

/// Says what is being done to the server and begins the saga that does it.
pub async fn begin_on_conn<S: Saga>(
    conn: &mut Conn,
    cx: &Context,
    server: &Server,
    task: Option<TaskState>,
    saga: &S,
    under_way: UnderWay,
) -> Result<Begun> {
    if let Some(task) = task
        && !store::server::begin(conn, server, task).await?
    {
        return Err(Error::conflict(format!(
            "the state of server {} changed at the same moment; look at it and try again",
            server.id
        )));
    }
    let id = server.id.to_string();
    let interrupted = match under_way {
        UnderWay::Refuse => None,
        UnderWay::Interrupt => operation_abort_of_on_conn(conn, &id).await?,
    };
    let target = Target {
        kind: "server",
        id: &id,
        name: &server.name,
        host: server.host.as_deref(),
        project: Some(server.project),
    };
    let busy = match under_way {
        UnderWay::Refuse => Busy::Refuse,
        UnderWay::Interrupt => Busy::Wait,
    };
    Ok(Begun {
        id: start_on_conn(conn, cx, saga, target, busy).await?,
        interrupted,
    })
}

/// Makes known, after the commit, that a server changed; it is given as it is now.
pub fn tell(cx: &Context, server: &Server, change: Change) {
    let event = Event::new("server", server.id, Some(server.project), change)
        .named(&server.name)
        .with_status(server.status())
        .on_host(server.host.as_deref());
    cx.events.publish(event);
}

/// Makes known, after the commit, that a server was changed so; it is given as it was before.
pub fn tell_changed(cx: &Context, server: &Server, row: &store::server::Change) {
    tell(cx, &row.onto(server), Change::Updated);
}

/// Makes known, after the commit, that an operation was begun on a server.
pub fn tell_begun(cx: &Context, server: &Server, begun: Begun) -> OperationId {
    if let Some(interrupted) = begun.interrupted {
        cx.sagas.abort(interrupted);
    }
    cx.sagas.kick(begun.id);
    tell(cx, server, Change::Updated);
    begun.id
}
