//! Whose token this is: what every request passes.

use std::sync::Arc;

use crate::context::{Actor, Cloud, Rank, Scope};
use crate::error::Result;
use crate::identity::model::{Session, TokenScope};
use crate::identity::ops::token_session;

/// Whoever bears the token. An unknown, ended or revoked one is an error.
pub async fn token_actor(cloud: &Arc<Cloud>, token: &str) -> Result<Actor> {
    token_session(cloud, token)
        .await
        .map(|session| actor(&session))
}

fn actor(session: &Session) -> Actor {
    let project = match &session.scope {
        TokenScope::Project(project, _) => Some(Scope {
            id: project.id,
            name: project.name.clone(),
            domain_id: project.domain_id,
        }),
        TokenScope::Unscoped | TokenScope::Domain(_) => None,
    };
    Actor {
        user: Some(session.user.id),
        user_name: session.user.name.clone(),
        project,
        rank: session
            .roles
            .iter()
            .filter_map(|role| rank(&role.name))
            .max(),
    }
}

fn rank(role: &str) -> Option<Rank> {
    match role {
        "admin" => Some(Rank::Admin),
        "member" => Some(Rank::Member),
        "reader" => Some(Rank::Reader),
        _ => None,
    }
}
