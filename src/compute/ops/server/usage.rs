//! What projects use and have used.

use crate::compute::model::{FlavorCopy, Status};
use crate::compute::store;
use crate::context::Context;
use crate::error::Result;
use crate::ids::{ProjectId, ServerId, Time};

/// What a project has of the things that quotas bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProjectUsage {
    /// Servers.
    pub instances: i64,
    /// Processors.
    pub cores: i64,
    /// MiB of memory.
    pub ram: i64,
}

/// What the project has now, counted.
pub async fn project_used(cx: &Context, project: ProjectId) -> Result<ProjectUsage> {
    cx.check_owner(project, "project", project)?;
    let mut conn = cx.db.read().await?;
    let (instances, cores, ram) = store::server::used(&mut conn, project).await?;
    Ok(ProjectUsage {
        instances,
        cores,
        ram,
    })
}

/// One server in a period.
#[derive(Clone, Debug)]
pub struct ServerUsage {
    /// The server.
    pub id: ServerId,
    /// Its name.
    pub name: String,
    /// Its project.
    pub project: ProjectId,
    /// Its flavor.
    pub flavor: FlavorCopy,
    /// Its status.
    pub status: Status,
    /// When it was asked for.
    pub started: Time,
    /// When it was deleted, if it was.
    pub ended: Option<Time>,
    /// Hours of the period in which it was there.
    pub hours: f64,
}

/// Servers that were there in a period, of one project or of all.
pub async fn server_usage(
    cx: &Context,
    project: Option<ProjectId>,
    start: Time,
    end: Time,
) -> Result<Vec<ServerUsage>> {
    let project = cx.visible_project()?.or(project);
    let mut conn = cx.db.read().await?;
    let servers = store::server::there_between(&mut conn, project, start, end).await?;
    let now = Time::now();
    Ok(servers
        .into_iter()
        .map(|server| ServerUsage {
            hours: hours(
                server.created_at.max(start),
                server.deleted_at.unwrap_or(now).min(end).min(now),
            ),
            status: server.status(),
            id: server.id,
            name: server.name,
            project: server.project,
            flavor: server.flavor,
            started: server.created_at,
            ended: server.deleted_at,
        })
        .collect())
}

#[expect(clippy::cast_precision_loss, reason = "hours for people")]
fn hours(from: Time, to: Time) -> f64 {
    (to.0 - from.0).max(0) as f64 / 3_600_000_000.0
}
