//! `/servers/{id}/os-instance-actions`.

use axum::Json;
use axum::extract::Path;

use crate::api::{Params, Routes, Version, parse_id};
use crate::compute::api::links::{Links, page};
use crate::compute::ops::{ServerAction, server_action_list, server_action_show};
use crate::compute::wire::microversion::instance_action_at;
use crate::compute::wire::{
    InstanceAction, InstanceActionBody, InstanceActionEvent, InstanceActionList,
};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::ids::{ServerId, Time};
use crate::saga::OperationEvent;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get(
            "/v2.1/servers/{id}/os-instance-actions",
            "compute:server:show",
            list,
        )
        .get(
            "/v2.1/servers/{id}/os-instance-actions/{request}",
            "compute:server:show",
            show,
        )
}

async fn list(
    cx: Context,
    Version(version): Version,
    links: Links,
    params: Params,
    Path(id): Path<String>,
) -> Result<Json<InstanceActionList>> {
    let id = parse_id("server", &id)?;
    let limit = page(&params)?;
    let all = server_action_list(&cx, id).await?;
    let start = match params.get("marker") {
        None => 0,
        Some(marker) => {
            let at = all.iter().position(|action| action.request_id == marker);
            at.ok_or_else(|| Error::invalid("marker", format!("there is no action {marker}")))? + 1
        }
    };
    let shown: Vec<&ServerAction> = all
        .iter()
        .skip(start)
        .take(usize::try_from(limit).unwrap_or(usize::MAX))
        .collect();
    let last = shown.last().map(|action| action.request_id.as_str());
    Ok(Json(InstanceActionList {
        links: links.next(shown.len(), limit, last),
        instance_actions: shown
            .into_iter()
            .map(|action| instance_action_at(to_wire(id, action), version))
            .collect(),
    }))
}

async fn show(
    cx: Context,
    Version(version): Version,
    Path((id, request)): Path<(String, String)>,
) -> Result<Json<InstanceActionBody>> {
    let id: ServerId = parse_id("server", &id)?;
    let (action, events) = server_action_show(&cx, id, &request).await?;
    let instance_action = InstanceAction {
        events: Some(
            events
                .into_iter()
                .map(|event| event_to_wire(&cx, &action, event))
                .collect(),
        ),
        ..to_wire(id, &action)
    };
    Ok(Json(InstanceActionBody {
        instance_action: instance_action_at(instance_action, version),
    }))
}

fn to_wire(id: ServerId, action: &ServerAction) -> InstanceAction {
    InstanceAction {
        action: action.name.clone(),
        instance_uuid: id.to_string(),
        request_id: action.request_id.clone(),
        user_id: action.user.map(|user| user.to_string()),
        project_id: action.project.map(|project| project.to_string()),
        start_time: action.start.to_micros_text(),
        message: action.failed.then(|| "Error".to_owned()),
        updated_at: Some(action.updated.to_micros_text()),
        events: None,
    }
}

fn event_to_wire(
    cx: &Context,
    action: &ServerAction,
    event: OperationEvent,
) -> InstanceActionEvent {
    let went_well = event.outcome == "done";
    let name = if event.phase == "undo" {
        format!("undo_{}", event.step)
    } else {
        event.step
    };
    InstanceActionEvent {
        event: name,
        start_time: Some(Time(event.at.0.saturating_sub(event.duration_us)).to_micros_text()),
        finish_time: Some(event.at.to_micros_text()),
        result: Some(if went_well { "Success" } else { "Error" }.to_owned()),
        traceback: Some(None),
        host_id: Some(String::new()),
        host: action.host.clone().filter(|_| cx.actor.is_admin()),
        details: Some(event.message),
    }
}
