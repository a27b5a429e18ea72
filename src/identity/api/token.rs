//! `/v3/auth`: tokens, and what can be had for one.

use axum::Json;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};

use super::links::{Links, switch};
use super::{catalog, domain, project};
use crate::api::wire::SUBJECT_TOKEN_HEADER;
use crate::api::{Body, Params, Routes};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::identity::model::{
    AppCredentialRef, DomainRef, NameRef, Proof, Session, TokenScope, WantedScope,
};
use crate::identity::ops;
use crate::identity::wire::{
    AuthIdentity, AuthRequest, AuthScope, CatalogBody, DomainList, IdName, NamedRef, ProjectList,
    ScopedRef, Token, TokenBody, TokenProject, TokenUser,
};
use crate::ids::Time;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .post("/v3/auth/tokens", "identity:token:create", create)
        .get("/v3/auth/tokens", "identity:token:show", show)
        .delete("/v3/auth/tokens", "identity:token:delete", delete)
        .get("/v3/auth/projects", "identity:auth_project:list", projects)
        .get("/v3/auth/domains", "identity:auth_domain:list", domains)
        .get("/v3/auth/catalog", "identity:auth_catalog:show", services)
}

async fn create(
    cx: Context,
    links: Links,
    params: Params,
    Body(request): Body<AuthRequest>,
) -> Result<Response> {
    let proof = proof(request.auth.identity)?;
    let wanted = match request.auth.scope {
        None => WantedScope::Default,
        Some(AuthScope::Unscoped) => WantedScope::Unscoped,
        Some(AuthScope::Project(named)) => {
            WantedScope::Project(by_name("auth.scope.project", named)?)
        }
        Some(AuthScope::Domain(named)) => {
            WantedScope::Domain(domain_ref("auth.scope.domain", named)?)
        }
        Some(AuthScope::System) => {
            return Err(Error::BadRequest(
                "auth.scope.system: there are no tokens for the system; ask for one for a project, where an administrator has all rights"
                    .into(),
            ));
        }
    };
    let issued = ops::token_issue(&cx, &proof, &wanted).await?;
    let body = body(&cx, &links, &issued.session, !switch(&params, "nocatalog"));
    let headers = AppendHeaders([
        (SUBJECT_TOKEN_HEADER, issued.token),
        (header::VARY.as_str(), "X-Auth-Token".to_owned()),
    ]);
    Ok((StatusCode::CREATED, headers, Json(body)).into_response())
}

async fn show(cx: Context, links: Links, params: Params, headers: HeaderMap) -> Result<Response> {
    let token = subject(&headers)?;
    let session = ops::token_show(&cx, token).await?;
    let body = body(&cx, &links, &session, !switch(&params, "nocatalog"));
    let headers = AppendHeaders([
        (SUBJECT_TOKEN_HEADER, token.to_owned()),
        (header::VARY.as_str(), "X-Auth-Token".to_owned()),
    ]);
    Ok((headers, Json(body)).into_response())
}

async fn delete(cx: Context, headers: HeaderMap) -> Result<StatusCode> {
    ops::token_revoke(&cx, subject(&headers)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn projects(cx: Context, links: Links) -> Result<Json<ProjectList>> {
    let found = ops::project_list_own(&cx).await?;
    Ok(Json(project::list_body(&found, &links)))
}

async fn domains(cx: Context, links: Links) -> Result<Json<DomainList>> {
    let found = ops::domain_list_own(&cx).await?;
    Ok(Json(domain::list_body(&found, &links)))
}

async fn services(cx: Context, links: Links) -> Result<Json<CatalogBody>> {
    let project = cx.actor.project.as_ref().map(|scope| scope.id);
    if project.is_none() && cx.actor.rank.is_none() {
        return Err(Error::Forbidden(
            "an unscoped token has no catalog; ask for one for a project".into(),
        ));
    }
    Ok(Json(CatalogBody {
        catalog: catalog::services(&cx, &links, project),
        links: links.list(),
    }))
}

/// The token that a request is about.
fn subject(headers: &HeaderMap) -> Result<&str> {
    headers
        .get(SUBJECT_TOKEN_HEADER)
        .and_then(|value| value.to_str().ok())
        .ok_or_else(|| {
            Error::BadRequest("the header X-Subject-Token must name the token in question".into())
        })
}

fn proof(identity: AuthIdentity) -> Result<Proof> {
    let field = "auth.identity";
    let missing =
        |method: &str| Error::invalid(format!("{field}.{method}"), "is needed for this method");
    match identity.methods.as_slice() {
        [method] if method == "password" => {
            let user = identity.password.ok_or_else(|| missing("password"))?.user;
            let named = ScopedRef {
                id: user.id,
                name: user.name,
                domain: user.domain,
            };
            Ok(Proof::Password {
                user: by_name("auth.identity.password.user", named)?,
                password: user.password.expose().to_owned(),
            })
        }
        [method] if method == "token" => {
            let token = identity.token.ok_or_else(|| missing("token"))?.id;
            Ok(Proof::Token(token.expose().to_owned()))
        }
        [method] if method == "application_credential" => {
            let field = "auth.identity.application_credential";
            let given = identity
                .application_credential
                .ok_or_else(|| missing("application_credential"))?;
            let credential = match (given.id, given.name, given.user) {
                (Some(id), _, _) => AppCredentialRef::Id(id),
                (None, Some(name), Some(user)) => {
                    AppCredentialRef::Name(name, by_name(&format!("{field}.user"), user)?)
                }
                _ => return Err(Error::invalid(field, "needs an id, or a name and a user")),
            };
            Ok(Proof::AppCredential {
                credential,
                secret: given.secret.expose().to_owned(),
            })
        }
        _ => Err(Error::Unauthorized(
            "auth.identity.methods must be one of password, token, application_credential".into(),
        )),
    }
}

fn by_name(field: &str, named: ScopedRef) -> Result<NameRef> {
    match (named.id, named.name) {
        (Some(id), _) => Ok(NameRef::Id(id)),
        (None, Some(name)) => {
            let field = format!("{field}.domain");
            let domain = named.domain.ok_or_else(|| {
                Error::invalid(field.clone(), "is needed with a name, as id or name")
            })?;
            Ok(NameRef::Name(name, domain_ref(&field, domain)?))
        }
        (None, None) => Err(Error::invalid(field, "needs an id, or a name and a domain")),
    }
}

fn domain_ref(field: &str, named: NamedRef) -> Result<DomainRef> {
    match (named.id, named.name) {
        (Some(id), _) => Ok(DomainRef::Id(id)),
        (None, Some(name)) => Ok(DomainRef::Name(name)),
        (None, None) => Err(Error::invalid(field, "needs an id or a name")),
    }
}

fn body(cx: &Context, links: &Links, session: &Session, with_catalog: bool) -> TokenBody {
    let record = &session.record;
    let mut token = Token {
        methods: record.methods.clone(),
        user: TokenUser {
            id: session.user.id.to_string(),
            name: session.user.name.clone(),
            domain: IdName {
                id: session.user.domain_id.to_string(),
                name: session.user_domain_name.clone(),
            },
            password_expires_at: None,
        },
        audit_ids: [Some(&record.audit_id), record.parent_audit_id.as_ref()]
            .into_iter()
            .flatten()
            .cloned()
            .collect(),
        expires_at: zulu(record.expires_at),
        issued_at: zulu(record.issued_at),
        roles: session
            .roles
            .iter()
            .map(|role| IdName {
                id: role.id.to_string(),
                name: role.name.clone(),
            })
            .collect(),
        ..Token::default()
    };
    match &session.scope {
        TokenScope::Unscoped => {}
        TokenScope::Project(project, domain_name) => {
            token.is_domain = Some(false);
            token.project = Some(TokenProject {
                id: project.id.to_string(),
                name: project.name.clone(),
                domain: IdName {
                    id: project.domain_id.to_string(),
                    name: domain_name.clone(),
                },
            });
        }
        TokenScope::Domain(domain) => {
            token.domain = Some(IdName {
                id: domain.id.to_string(),
                name: domain.name.clone(),
            });
        }
    }
    if with_catalog && session.scope != TokenScope::Unscoped {
        token.catalog = Some(catalog::services(cx, links, record.project_id));
    }
    TokenBody { token }
}

fn zulu(time: Time) -> String {
    format!("{}Z", time.to_micros_text())
}
