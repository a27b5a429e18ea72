//! From a token to everything that it says. The one place that decides whether a token is good.

use std::sync::Arc;
use std::time::Instant;

use super::hash;
use crate::context::Cloud;
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::identity::model::{AppCredential, Project, Session, Target, TokenRecord, TokenScope};
use crate::identity::store;
use crate::ids::Time;

/// The session of a token. An unknown, ended or revoked one is an error.
pub async fn token_session(cloud: &Cloud, token: &str) -> Result<Arc<Session>> {
    let hash = hash(token);
    let now = Instant::now();
    let (remembered, epoch) = cloud.identity.tokens.get(&hash, now);
    let session = match remembered {
        Some(session) => session,
        None => {
            let mut conn = cloud.db.read().await?;
            let record = store::token::show(&mut conn, &hash)
                .await?
                .ok_or_else(|| void("the token is not known: it has ended or was revoked"))?;
            let session = Arc::new(load_on_conn(&mut conn, record).await?);
            cloud.identity.tokens.put(&session, epoch, now);
            session
        }
    };
    if session.record.expires_at <= Time::now() {
        return Err(void("the token has ended"));
    }
    Ok(session)
}

/// Everything that a token with this record says, or why it is void.
pub(super) async fn load_on_conn(conn: &mut Conn, record: TokenRecord) -> Result<Session> {
    let user = store::user::show(conn, record.user_id)
        .await?
        .filter(|user| user.enabled && user.generation == record.user_generation)
        .ok_or_else(|| void("the user is disabled or was changed since"))?;
    let user_domain_name = store::domain::show(conn, user.domain_id)
        .await?
        .filter(|domain| domain.enabled)
        .map(|domain| domain.name)
        .ok_or_else(|| void("the user's domain is disabled"))?;
    let app_credential = app_credential(conn, &record).await?;
    let (scope, target) = scope(conn, &record).await?;
    let mut roles = Vec::new();
    if let Some(target) = target {
        let held = store::assignment::roles_of(conn, user.id, target).await?;
        let graph = store::role::graph(conn).await?;
        roles = graph.expand(held);
        if let Some(credential) = &app_credential {
            let passed_on = graph.expand(credential.roles.iter().copied());
            roles.retain(|role| passed_on.contains(role));
        }
        if roles.is_empty() {
            return Err(void(format!(
                "{} has no role on this {}; an administrator can add one",
                user.name,
                target.kind()
            )));
        }
    }
    Ok(Session {
        record,
        user,
        user_domain_name,
        scope,
        roles,
        app_credential,
    })
}

async fn scope(conn: &mut Conn, record: &TokenRecord) -> Result<(TokenScope, Option<Target>)> {
    if let Some(id) = record.project_id {
        let good = |project: &Project| {
            project.enabled && Some(project.generation) == record.project_generation
        };
        let project = store::project::show(conn, id).await?.filter(good);
        let project = project.ok_or_else(|| void("the project is disabled or gone"))?;
        let domain = store::domain::show(conn, project.domain_id)
            .await?
            .filter(|domain| domain.enabled)
            .ok_or_else(|| void("the project's domain is disabled"))?;
        let scope = TokenScope::Project(project, domain.name);
        return Ok((scope, Some(Target::Project(id))));
    }
    if let Some(id) = record.domain_id {
        let domain = store::domain::show(conn, id)
            .await?
            .filter(|domain| domain.enabled)
            .ok_or_else(|| void("the domain is disabled or gone"))?;
        return Ok((TokenScope::Domain(domain), Some(Target::Domain(id))));
    }
    Ok((TokenScope::Unscoped, None))
}

async fn app_credential(conn: &mut Conn, record: &TokenRecord) -> Result<Option<AppCredential>> {
    let Some(id) = record.app_credential_id else {
        return Ok(None);
    };
    store::app_credential::show(conn, id)
        .await?
        .filter(|found| found.expires_at.is_none_or(|end| end > Time::now()))
        .ok_or_else(|| void("the application credential has ended or was deleted"))
        .map(Some)
}

pub(super) fn void(reason: impl Into<String>) -> Error {
    Error::Unauthorized(format!("{}; log in again", reason.into()))
}
