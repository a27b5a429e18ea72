//! What was done to a server: its operations in the words of Nova's instance actions.

use crate::compute::model::ResizeDecision;
use crate::compute::sagas::{is_cold_migration, resize_decision};
use crate::compute::store;
use crate::context::Context;
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::ids::{ProjectId, ServerId, Time, UserId};
use crate::saga::{
    Operation, OperationEvent, OperationQuery, Status, operation_events, operation_list,
};

/// Actions that are shown of one server.
const SHOWN: u32 = 1000;

/// Nova's name for what an operation does.
const NAMES: [(&str, &str); 17] = [
    ("server_launch", "create"),
    ("server_delete", "delete"),
    ("server_start", "start"),
    ("server_stop", "stop"),
    ("server_reboot", "reboot"),
    ("server_reboot_hard", "reboot"),
    ("server_pause", "pause"),
    ("server_unpause", "unpause"),
    ("server_suspend", "suspend"),
    ("server_resume", "resume"),
    ("server_rebuild", "rebuild"),
    ("server_resize", "resize"),
    ("server_snapshot", "createImage"),
    ("server_volume_attach", "attach_volume"),
    ("server_volume_detach", "detach_volume"),
    ("server_interface_attach", "attach_interface"),
    ("server_interface_detach", "detach_interface"),
];

/// Something that was done to a server.
#[derive(Clone, Debug)]
pub struct ServerAction {
    /// Nova's name of it; the operation's own where Nova has none.
    pub name: String,
    /// The request; its id among the server's actions.
    pub request_id: String,
    /// Who asked.
    pub user: Option<UserId>,
    /// The server's project.
    pub project: Option<ProjectId>,
    /// When.
    pub start: Time,
    /// When it last changed.
    pub updated: Time,
    /// Whether it failed.
    pub failed: bool,
    /// Why, if it did.
    pub reason: Option<String>,
    /// The node concerned.
    pub host: Option<String>,
    /// The operation.
    operation: Option<Operation>,
}

/// All actions on a server, newest first; also of a deleted one.
pub async fn server_action_list(cx: &Context, id: ServerId) -> Result<Vec<ServerAction>> {
    let mut conn = cx.db.read().await?;
    known_on_conn(&mut conn, cx, id).await?;
    drop(conn);
    let query = OperationQuery {
        resource: Some(id.to_string()),
        limit: SHOWN,
        ..OperationQuery::default()
    };
    let operations = operation_list(cx, query).await?;
    Ok(operations.into_iter().flat_map(actions_of).collect())
}

/// The action of one request, with what happened in it.
pub async fn server_action_show(
    cx: &Context,
    id: ServerId,
    request_id: &str,
) -> Result<(ServerAction, Vec<OperationEvent>)> {
    let found = server_action_list(cx, id)
        .await?
        .into_iter()
        .find(|action| action.request_id == request_id)
        .ok_or_else(|| Error::not_found("action", request_id))?;
    let events = match &found.operation {
        Some(operation) => operation_events(cx, operation.id).await?,
        None => Vec::new(),
    };
    Ok((found, events))
}

/// The server, deleted or not, if whoever asks may see it.
async fn known_on_conn(conn: &mut Conn, cx: &Context, id: ServerId) -> Result<()> {
    let server = store::server::show(conn, id)
        .await?
        .ok_or_else(|| Error::not_found("server", id))?;
    cx.check_owner(server.project, "server", id)
}

/// One action, or two: an owner's decision about a resize is an action of its own, though the same operation does it.
fn actions_of(operation: Operation) -> Vec<ServerAction> {
    let decision = resize_decision(&operation);
    let reverted = decision.as_ref().is_some_and(|decision| !decision.keep);
    let failed = !reverted
        && matches!(
            operation.status,
            Status::Unwinding | Status::Undone | Status::Stuck | Status::Abandoned
        );
    let known = NAMES.iter().find(|(kind, _)| *kind == operation.kind);
    let name = match known {
        _ if is_cold_migration(&operation) => "migrate",
        Some((_, name)) => name,
        None => operation.kind.as_str(),
    };
    let name = name.to_owned();
    let action = ServerAction {
        name,
        request_id: operation.request_id.clone(),
        user: operation.user,
        project: operation.project,
        start: operation.created_at,
        updated: operation.updated_at,
        failed,
        reason: operation
            .error
            .as_ref()
            .filter(|_| failed)
            .map(ToString::to_string),
        host: operation.host.clone(),
        operation: Some(operation),
    };
    decision
        .map(|decision| decided(&action, decision))
        .into_iter()
        .chain([action])
        .collect()
}

fn decided(resize: &ServerAction, decision: ResizeDecision) -> ServerAction {
    let name = if decision.keep {
        "confirmResize"
    } else {
        "revertResize"
    };
    ServerAction {
        name: name.to_owned(),
        request_id: decision.request_id,
        user: decision.user,
        start: decision.at,
        operation: None,
        ..resize.clone()
    }
}
