//! Moves of servers: Nova's `/os-migrations` and `/servers/{id}/migrations`, and `/skydeck/v1/migrations` with all that is
//! known of them.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;

use super::links::{Links, page};
use super::server::time;
use crate::api::wire::{MigrationDetail, MigrationDetailList, TransferForecast, TransferProgress};
use crate::api::{Body, Params, Routes, Version, parse_id};
use crate::compute::model::{Forecast, Migration, MigrationKind, MigrationQuery, MigrationWish};
use crate::compute::ops;
use crate::compute::wire::microversion::{migration_at, server_migration_at, since};
use crate::compute::wire::{
    Migration as WireMigration, MigrationAction, MigrationList, ServerMigration,
    ServerMigrationBody, ServerMigrationList,
};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::ids::ServerId;

/// Moves of one server that are looked at for those under way.
const OF_ONE: i64 = 100;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("/v2.1/os-migrations", "compute:migration:list", list)
        .get(
            "/v2.1/servers/{id}/migrations",
            "compute:migration:list",
            list_of_server,
        )
        .get(
            "/v2.1/servers/{id}/migrations/{number}",
            "compute:migration:show",
            show,
        )
        .delete(
            "/v2.1/servers/{id}/migrations/{number}",
            "compute:migration:abort",
            abort,
        )
        .post(
            "/v2.1/servers/{id}/migrations/{number}/action",
            "compute:migration:force_complete",
            act,
        )
}

/// The routes below `/skydeck/v1`.
pub(super) fn skydeck_routes(routes: Routes) -> Routes {
    routes.get("/migrations", "compute:migration:list", details)
}

async fn list(
    cx: Context,
    Version(version): Version,
    links: Links,
    params: Params,
) -> Result<Json<MigrationList>> {
    let limit = page(&params)?;
    let query = MigrationQuery {
        limit: i64::try_from(limit).unwrap_or(i64::MAX),
        ..query(&params)?
    };
    let found = ops::migration_list(&cx, query).await?;
    let last = found.last().map(|found| found.uuid.to_string());
    Ok(Json(MigrationList {
        migrations_links: if since(version, 59) {
            links.next(found.len(), limit, last.as_deref())
        } else {
            Vec::new()
        },
        migrations: found
            .iter()
            .map(|found| migration_at(to_wire(found, &links), version))
            .collect(),
    }))
}

fn query(params: &Params) -> Result<MigrationQuery> {
    let named = |name: &str| params.get(name).filter(|text| !text.is_empty());
    let wrong = |name: &str, text: &str| Error::invalid(name, format!("{text:?} is not known"));
    Ok(MigrationQuery {
        uuid: None,
        server: named("instance_uuid")
            .map(|text| parse_id("server", text))
            .transpose()?,
        host: named("host").map(str::to_owned),
        source: named("source_compute").map(str::to_owned),
        status: named("status")
            .map(|text| text.parse().map_err(|()| wrong("status", text)))
            .transpose()?,
        kind: named("migration_type")
            .map(|text| text.parse().map_err(|()| wrong("migration_type", text)))
            .transpose()?,
        project: named("project_id")
            .map(|text| parse_id("project", text))
            .transpose()?,
        user: named("user_id")
            .map(|text| parse_id("user", text))
            .transpose()?,
        since: time(params, "changes-since")?,
        before: time(params, "changes-before")?,
        marker: named("marker")
            .map(|text| parse_id("migration", text))
            .transpose()?,
        limit: 0,
    })
}

async fn list_of_server(
    cx: Context,
    Version(version): Version,
    Path(id): Path<String>,
) -> Result<Json<ServerMigrationList>> {
    let server: ServerId = parse_id("server", &id)?;
    ops::server_show(&cx, server).await?;
    let query = MigrationQuery {
        server: Some(server),
        kind: Some(MigrationKind::Live),
        limit: OF_ONE,
        ..MigrationQuery::default()
    };
    let found = ops::migration_list(&cx, query).await?;
    Ok(Json(ServerMigrationList {
        migrations: found
            .iter()
            .filter(|found| found.status.is_under_way())
            .map(|found| server_migration_at(to_server_wire(found), version))
            .collect(),
    }))
}

/// Nova's number of a move.
fn number(text: &str) -> Result<i64> {
    text.parse()
        .map_err(|_| Error::not_found("migration", text))
}

async fn show(
    cx: Context,
    Version(version): Version,
    Path((id, migration)): Path<(String, String)>,
) -> Result<Json<ServerMigrationBody>> {
    let server = parse_id("server", &id)?;
    let found = ops::server_migration_show(&cx, server, number(&migration)?).await?;
    if found.kind != MigrationKind::Live || !found.status.is_under_way() {
        return Err(Error::not_found("migration", migration));
    }
    Ok(Json(ServerMigrationBody {
        migration: server_migration_at(to_server_wire(&found), version),
    }))
}

async fn abort(cx: Context, Path((id, migration)): Path<(String, String)>) -> Result<StatusCode> {
    let server = parse_id("server", &id)?;
    ops::server_migration_wish(&cx, server, number(&migration)?, MigrationWish::Abort).await?;
    Ok(StatusCode::ACCEPTED)
}

async fn act(
    cx: Context,
    Path((id, migration)): Path<(String, String)>,
    Body(action): Body<MigrationAction>,
) -> Result<StatusCode> {
    let server = parse_id("server", &id)?;
    let wish = match action {
        MigrationAction::ForceComplete(_) => MigrationWish::ForceComplete,
    };
    ops::server_migration_wish(&cx, server, number(&migration)?, wish).await?;
    Ok(StatusCode::ACCEPTED)
}

async fn details(cx: Context, params: Params) -> Result<Json<MigrationDetailList>> {
    let uuid = params.get("uuid");
    let query = MigrationQuery {
        uuid: uuid.map(|text| parse_id("migration", text)).transpose()?,
        limit: i64::try_from(page(&params)?).unwrap_or(i64::MAX),
        ..query(&params)?
    };
    let found = ops::migration_list(&cx, query).await?;
    Ok(Json(MigrationDetailList {
        migrations: found.into_iter().map(to_detail).collect(),
    }))
}

/// The newest shape.
fn to_wire(found: &Migration, links: &Links) -> WireMigration {
    let destination = found.destination.clone();
    let server = found.server.to_string();
    let live = found.kind == MigrationKind::Live && found.status.is_under_way();
    WireMigration {
        id: found.id,
        uuid: Some(found.uuid.to_string()),
        migration_type: Some(found.kind.name().to_owned()),
        status: found.status.name().to_owned(),
        source_compute: Some(found.source.clone()),
        source_node: Some(found.source.clone()),
        dest_compute: destination.clone(),
        dest_node: destination.clone(),
        dest_host: destination,
        old_instance_type_id: Some(found.old_flavor.clone()),
        new_instance_type_id: Some(found.new_flavor.clone()),
        created_at: Some(found.created_at.to_micros_text()),
        updated_at: Some(found.updated_at.to_micros_text()),
        links: live.then(|| {
            links.item(
                &format!("servers/{server}/migrations"),
                &found.id.to_string(),
            )
        }),
        user_id: found.user.map(|user| user.to_string()),
        project_id: Some(found.project.to_string()),
        instance_uuid: server,
    }
}

/// The newest shape of one that is under way.
fn to_server_wire(found: &Migration) -> ServerMigration {
    let destination = found.destination.clone();
    let progress = &found.progress;
    // Nova says null before the transfer has begun.
    let known = |bytes: u64| (progress.memory_total > 0).then_some(bytes);
    ServerMigration {
        id: found.id,
        uuid: Some(found.uuid.to_string()),
        server_uuid: found.server.to_string(),
        status: found.status.name().to_owned(),
        source_compute: Some(found.source.clone()),
        source_node: Some(found.source.clone()),
        dest_compute: destination.clone(),
        dest_node: destination.clone(),
        dest_host: destination,
        memory_total_bytes: known(progress.memory_total),
        memory_processed_bytes: known(progress.memory_processed),
        memory_remaining_bytes: known(progress.memory_remaining),
        disk_total_bytes: known(progress.disk_total),
        disk_processed_bytes: known(progress.disk_processed),
        disk_remaining_bytes: known(progress.disk_remaining),
        created_at: Some(found.created_at.to_micros_text()),
        updated_at: Some(found.updated_at.to_micros_text()),
        user_id: found.user.map(|user| user.to_string()),
        project_id: Some(found.project.to_string()),
    }
}

fn to_detail(found: Migration) -> MigrationDetail {
    let progress = found.progress;
    MigrationDetail {
        id: found.id,
        uuid: found.uuid.to_string(),
        server_id: found.server.to_string(),
        operation_id: found.operation.to_string(),
        kind: found.kind.name().to_owned(),
        status: found.status.name().to_owned(),
        source: found.source,
        destination: found.destination,
        wish: found.wish.map(|wish| wish.name().to_owned()),
        progress: TransferProgress {
            elapsed_ms: progress.elapsed_ms,
            memory_total: progress.memory_total,
            memory_processed: progress.memory_processed,
            memory_remaining: progress.memory_remaining,
            memory_bps: progress.memory_bps,
            dirty_bps: progress.dirty_bps,
            iteration: progress.iteration,
            disk_total: progress.disk_total,
            disk_processed: progress.disk_processed,
            disk_remaining: progress.disk_remaining,
            disk_bps: progress.disk_bps,
            downtime_ms: progress.downtime_ms,
            throttle_percent: progress.throttle_percent,
            post_copy: progress.post_copy,
        },
        forecast: found.forecast.map(forecast_to_wire),
        message: found.message,
        created_at: found.created_at,
        updated_at: found.updated_at,
    }
}

/// What is expected of a transfer.
pub(in crate::compute::api) fn forecast_to_wire(forecast: Forecast) -> TransferForecast {
    TransferForecast {
        total_ms: forecast.total_ms,
        downtime_ms: forecast.downtime_ms,
        bytes: forecast.bytes,
        dirty_bps: forecast.dirty_bps,
        link_bps: forecast.link_bps,
        converges: forecast.converges,
    }
}
