//! `POST /servers/{id}/action`: one member, named after the action; [`ACTIONS`] says who answers it.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::Path;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::console::console_address;
use super::show;
use crate::api::wire::{Microversion, Secret};
use crate::api::{Body, Routes, Version, parse_id};
use crate::compute::api::links::Links;
use crate::compute::ops::{self, LiveMigrationWish, RebuildWish};
use crate::compute::wire::microversion::since;
use crate::compute::wire::{
    BlockMigration, ConsoleBody, ConsoleOutput, ConsoleOutputQuery, ConsoleType, CreateImage,
    Evacuate, ImageCreated, LegacyConsole, LockReason, Migrate, MigrateLive, NameOnly, Reboot,
    RebootType, Rebuild, ResetState, Resize,
};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::ids::ServerId;

/// A request for an action.
struct Call {
    cx: Context,
    id: ServerId,
    version: Microversion,
    links: Links,
    name: &'static str,
    body: Value,
}

type Function = fn(Call) -> BoxFuture<'static, Result<Response>>;

/// Nova's names, and who answers. Those of administrators check their own rule besides the route's.
const ACTIONS: [(&str, Function); 24] = [
    ("os-start", |call| start(call).boxed()),
    ("os-stop", |call| stop(call).boxed()),
    ("reboot", |call| reboot(call).boxed()),
    ("pause", |call| pause(call).boxed()),
    ("unpause", |call| unpause(call).boxed()),
    ("suspend", |call| suspend(call).boxed()),
    ("resume", |call| resume(call).boxed()),
    ("lock", |call| lock(call).boxed()),
    ("unlock", |call| unlock(call).boxed()),
    ("rebuild", |call| rebuild(call).boxed()),
    ("resize", |call| resize(call).boxed()),
    ("confirmResize", |call| confirm_resize(call).boxed()),
    ("revertResize", |call| revert_resize(call).boxed()),
    ("os-migrateLive", |call| migrate_live(call).boxed()),
    ("migrate", |call| migrate(call).boxed()),
    ("evacuate", |call| evacuate(call).boxed()),
    ("createImage", |call| create_image(call).boxed()),
    ("os-getConsoleOutput", |call| console_output(call).boxed()),
    ("os-getSerialConsole", |call| serial_console(call).boxed()),
    ("os-resetState", |call| reset_state(call).boxed()),
    ("forceDelete", |call| force_delete(call).boxed()),
    ("addSecurityGroup", |call| add_group(call).boxed()),
    ("removeSecurityGroup", |call| remove_group(call).boxed()),
    ("changePassword", |call| no_password(call).boxed()),
];

pub(super) fn routes(routes: Routes) -> Routes {
    routes.post("/v2.1/servers/{id}/action", "compute:server:act", act)
}

async fn act(
    cx: Context,
    Version(version): Version,
    links: Links,
    Path(id): Path<String>,
    Body(body): Body<BTreeMap<String, Value>>,
) -> Result<Response> {
    let id = parse_id("server", &id)?;
    let mut members = body.into_iter();
    let (Some((name, body)), None) = (members.next(), members.next()) else {
        return Err(Error::BadRequest(
            "the body has one member, which is named after the action".into(),
        ));
    };
    let (name, function) = ACTIONS
        .iter()
        .find(|(known, _)| *known == name)
        .ok_or_else(|| Error::BadRequest(format!("There is no such action: {name}")))?;
    function(Call {
        cx,
        id,
        version,
        links,
        name,
        body,
    })
    .await
}

impl Call {
    /// The body of the action; an error names the path of what is wrong in it.
    fn parse<T: DeserializeOwned>(&self) -> Result<T> {
        serde_path_to_error::deserialize(&self.body).map_err(|error| {
            let path = error.path().to_string();
            let field = if path == "." {
                self.name.to_owned()
            } else {
                format!("{}.{path}", self.name)
            };
            Error::invalid(field, error.inner().to_string())
        })
    }
}

fn accepted() -> Response {
    StatusCode::ACCEPTED.into_response()
}

async fn start(call: Call) -> Result<Response> {
    ops::server_start(&call.cx, call.id).await?;
    Ok(accepted())
}

async fn stop(call: Call) -> Result<Response> {
    ops::server_stop(&call.cx, call.id).await?;
    Ok(accepted())
}

async fn reboot(call: Call) -> Result<Response> {
    let wish: Reboot = call.parse()?;
    ops::server_reboot(&call.cx, call.id, wish.kind == RebootType::Hard).await?;
    Ok(accepted())
}

async fn pause(call: Call) -> Result<Response> {
    ops::server_pause(&call.cx, call.id).await?;
    Ok(accepted())
}

async fn unpause(call: Call) -> Result<Response> {
    ops::server_unpause(&call.cx, call.id).await?;
    Ok(accepted())
}

async fn suspend(call: Call) -> Result<Response> {
    ops::server_suspend(&call.cx, call.id).await?;
    Ok(accepted())
}

async fn resume(call: Call) -> Result<Response> {
    ops::server_resume(&call.cx, call.id).await?;
    Ok(accepted())
}

async fn lock(call: Call) -> Result<Response> {
    let wish: Option<LockReason> = call.parse()?;
    let reason = wish.and_then(|wish| wish.locked_reason);
    ops::server_lock(&call.cx, call.id, reason).await?;
    Ok(accepted())
}

async fn unlock(call: Call) -> Result<Response> {
    ops::server_unlock(&call.cx, call.id).await?;
    Ok(accepted())
}

async fn rebuild(call: Call) -> Result<Response> {
    let wish: Rebuild = call.parse()?;
    let wish = RebuildWish {
        image: wish.image_ref.parse().map_err(|_| {
            Error::invalid(
                "rebuild.imageRef",
                format!("{:?} is no id of an image", wish.image_ref),
            )
        })?,
        name: wish.name,
        description: wish.description,
        metadata: wish.metadata,
        key_name: wish.key_name,
        user_data: wish.user_data,
        access_ipv4: wish.access_ipv4,
        access_ipv6: wish.access_ipv6,
        disk_config: wish.disk_config,
        hostname: wish.hostname,
    };
    ops::server_rebuild(&call.cx, call.id, wish).await?;
    let view = ops::server_show(&call.cx, call.id).await?;
    let body = show::body(&call.cx, call.version, &call.links, view).await?;
    Ok((StatusCode::ACCEPTED, body).into_response())
}

async fn resize(call: Call) -> Result<Response> {
    let wish: Resize = call.parse()?;
    let flavor = wish.flavor_ref.rsplit('/').next().unwrap_or_default();
    ops::server_resize(&call.cx, call.id, flavor).await?;
    Ok(accepted())
}

async fn confirm_resize(call: Call) -> Result<Response> {
    ops::server_resize_confirm(&call.cx, call.id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn revert_resize(call: Call) -> Result<Response> {
    ops::server_resize_revert(&call.cx, call.id).await?;
    Ok(accepted())
}

async fn migrate_live(call: Call) -> Result<Response> {
    call.cx.require("compute:server:migrate_live")?;
    let wish: MigrateLive = call.parse()?;
    let block = match wish.block_migration {
        None => None,
        Some(BlockMigration::Flag(block)) => Some(block),
        Some(BlockMigration::Word(word)) if word == "auto" => None,
        Some(BlockMigration::Word(word)) => {
            return Err(Error::invalid(
                "os-migrateLive.block_migration",
                format!("{word:?} is neither true, false nor auto"),
            ));
        }
    };
    let wish = LiveMigrationWish {
        host: wish.host.filter(|host| !host.is_empty()),
        block,
    };
    ops::server_migrate_live(&call.cx, call.id, wish).await?;
    Ok(accepted())
}

async fn migrate(call: Call) -> Result<Response> {
    call.cx.require("compute:server:migrate")?;
    let wish: Option<Migrate> = call.parse()?;
    let host = wish.and_then(|wish| wish.host);
    let host = host.filter(|host| !host.is_empty());
    ops::server_migrate(&call.cx, call.id, host, true).await?;
    Ok(accepted())
}

/// What Nova answers besides, a password inside, can not be set here. Before 2.14 the caller said whether disks are shared;
/// that is found out.
async fn evacuate(call: Call) -> Result<Response> {
    call.cx.require("compute:server:evacuate")?;
    let wish: Evacuate = call.parse()?;
    let host = wish.host.filter(|host| !host.is_empty());
    ops::server_evacuate(&call.cx, call.id, host).await?;
    if since(call.version, 14) {
        return Ok(StatusCode::OK.into_response());
    }
    Ok(Json(serde_json::json!({"adminPass": null})).into_response())
}

async fn create_image(call: Call) -> Result<Response> {
    let wish: CreateImage = call.parse()?;
    let image = ops::server_create_image(&call.cx, call.id, &wish.name, wish.metadata).await?;
    if since(call.version, 45) {
        let body = Json(ImageCreated {
            image_id: image.to_string(),
        });
        return Ok((StatusCode::ACCEPTED, body).into_response());
    }
    let mut response = accepted();
    if let Ok(value) = HeaderValue::from_str(&call.links.at(&format!("images/{image}"))) {
        response.headers_mut().insert(header::LOCATION, value);
    }
    Ok(response)
}

async fn console_output(call: Call) -> Result<Response> {
    let wish: ConsoleOutputQuery = call.parse()?;
    let lines = wish.length.and_then(|length| u64::try_from(length).ok());
    let output = ops::server_console_log(&call.cx, call.id, lines).await?;
    Ok(Json(ConsoleOutput { output }).into_response())
}

async fn serial_console(call: Call) -> Result<Response> {
    let wish: ConsoleType = call.parse()?;
    let url = console_address(&call.cx, &call.links, call.id, &wish.kind).await?;
    let console = LegacyConsole {
        kind: "serial".to_owned(),
        url: Secret::new(url),
    };
    Ok(Json(ConsoleBody { console }).into_response())
}

async fn reset_state(call: Call) -> Result<Response> {
    call.cx.require("compute:server:reset_state")?;
    let wish: ResetState = call.parse()?;
    let active = match wish.state.as_str() {
        "active" => true,
        "error" => false,
        other => {
            return Err(Error::invalid(
                "os-resetState.state",
                format!("{other:?} is neither active nor error"),
            ));
        }
    };
    ops::server_reset_state(&call.cx, call.id, active).await?;
    Ok(accepted())
}

/// A deletion here never depends on a state, so the forced one is the same.
async fn force_delete(call: Call) -> Result<Response> {
    ops::server_delete(&call.cx, call.id).await?;
    Ok(accepted())
}

async fn add_group(call: Call) -> Result<Response> {
    let wish: NameOnly = call.parse()?;
    ops::server_security_group_add(&call.cx, call.id, &wish.name).await?;
    Ok(accepted())
}

async fn remove_group(call: Call) -> Result<Response> {
    let wish: NameOnly = call.parse()?;
    ops::server_security_group_remove(&call.cx, call.id, &wish.name).await?;
    Ok(accepted())
}

async fn no_password(call: Call) -> Result<Response> {
    ops::server_show(&call.cx, call.id).await?;
    Err(Error::conflict(
        "the password inside a guest can not be set from outside; use a key pair or the console",
    ))
}
