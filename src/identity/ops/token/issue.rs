//! Issuing a token.
//!
//! The record is written first and then read back as a later request will read it ([`load_on_conn`]), in the same
//! transaction: what is issued is good, or it is not issued.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::authenticate::{Proven, authenticate, find_domain, find_project};
use super::hash;
use super::session::load_on_conn;
use crate::context::Context;
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::identity::model::{Project, Proof, Session, TokenRecord, TokenScope, WantedScope};
use crate::identity::{secret, store};
use crate::ids::{DomainId, Time};

/// A token that was just issued. It holds the token, hence no `Debug`.
pub struct Issued {
    /// The token: 64 characters that are told once and kept nowhere.
    pub token: String,
    /// What it says.
    pub session: Arc<Session>,
}

/// Issues a token for whoever proves who they are.
pub async fn token_issue(cx: &Context, proof: &Proof, wanted: &WantedScope) -> Result<Issued> {
    let proven = authenticate(cx, proof).await?;
    let token = secret::random();
    let issued_at = Time::now();
    let end = issued_at.plus_seconds(cx.config.identity.token_hours.clamp(1, 8760) * 3600);
    let mut tx = cx.db.begin().await?;
    store::token::prune(&mut tx, issued_at).await?;
    let (project, domain_id) = scope(&mut tx, &proven, wanted).await?;
    let parent = proven.parent.as_ref().map(|session| &session.record);
    let record = TokenRecord {
        hash: hash(&token),
        user_id: proven.user.id,
        user_generation: parent.map_or(proven.user.generation, |record| record.user_generation),
        project_id: project.as_ref().map(|project| project.id),
        project_generation: project.map(|project| project.generation),
        domain_id,
        app_credential_id: proven.app_credential.as_ref().map(|found| found.id),
        methods: proven.methods,
        audit_id: URL_SAFE_NO_PAD.encode(rand::random::<[u8; 16]>()),
        parent_audit_id: parent.map(|record| {
            let first = record.parent_audit_id.as_ref();
            first.unwrap_or(&record.audit_id).clone()
        }),
        issued_at,
        expires_at: parent.map_or(end, |record| record.expires_at),
    };
    store::token::insert(&mut tx, &record).await?;
    let session = load_on_conn(&mut tx, record).await?;
    tx.commit().await?;
    Ok(Issued {
        token,
        session: Arc::new(session),
    })
}

/// Project or domain of the new token.
async fn scope(
    conn: &mut Conn,
    proven: &Proven,
    wanted: &WantedScope,
) -> Result<(Option<Project>, Option<DomainId>)> {
    if let Some(credential) = &proven.app_credential {
        let project = store::project::show(conn, credential.project_id).await?;
        let same = match wanted {
            WantedScope::Default => true,
            WantedScope::Project(named) => {
                find_project(conn, named).await?.map(|found| found.id)
                    == Some(credential.project_id)
            }
            WantedScope::Unscoped | WantedScope::Domain(_) => false,
        };
        return match project.filter(|_| same) {
            Some(project) => Ok((Some(project), None)),
            None => Err(Error::Unauthorized(
                "an application credential is good for its own project only; leave the scope out"
                    .into(),
            )),
        };
    }
    match wanted {
        WantedScope::Unscoped => Ok((None, None)),
        WantedScope::Default => Ok((default_project(conn, proven).await?, None)),
        WantedScope::Project(named) => {
            let reachable = store::assignment::projects_of(conn, proven.user.id).await?;
            let found = find_project(conn, named).await?;
            match found.filter(|project| reachable.contains(&project.id)) {
                Some(project) => Ok((Some(project), None)),
                None => Err(unreachable_scope("project", &named.to_string(), proven)),
            }
        }
        WantedScope::Domain(named) => {
            let reachable = store::assignment::domains_of(conn, proven.user.id).await?;
            let found = find_domain(conn, named).await?;
            match found.filter(|domain| reachable.contains(domain)) {
                Some(domain) => Ok((None, Some(domain))),
                None => Err(unreachable_scope("domain", &named.to_string(), proven)),
            }
        }
    }
}

/// The user's default project, if a role is held there; otherwise the token is unscoped, as Keystone does. A token that
/// is made of another keeps its scope.
async fn default_project(conn: &mut Conn, proven: &Proven) -> Result<Option<Project>> {
    if let Some(session) = &proven.parent {
        return Ok(match &session.scope {
            TokenScope::Project(project, _) => Some(project.clone()),
            TokenScope::Unscoped | TokenScope::Domain(_) => None,
        });
    }
    let Some(id) = proven.user.default_project_id else {
        return Ok(None);
    };
    let reachable = store::assignment::projects_of(conn, proven.user.id).await?;
    let project = store::project::show(conn, id).await?;
    Ok(project.filter(|project| project.enabled && reachable.contains(&id)))
}

fn unreachable_scope(kind: &str, named: &str, proven: &Proven) -> Error {
    Error::Unauthorized(format!(
        "there is no {kind} {named}, or {} has no role there",
        proven.user.name
    ))
}
