//! `/v3/users/{user}/application_credentials`.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};

use super::links::Links;
use crate::api::wire::{Secret, TOKEN_HEADER};
use crate::api::{Body, Params, Routes, parse_id};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::identity::model::{AppCredential, AppCredentialNew, Session};
use crate::identity::ops;
use crate::identity::wire::{
    AppCredential as WireAppCredential, AppCredentialBody, AppCredentialList, AppCredentialRequest,
    AppCredentialRole,
};
use crate::ids::{RoleId, Time, UserId};

pub(super) fn routes(routes: Routes) -> Routes {
    let all = "/v3/users/{user}/application_credentials";
    let one = "/v3/users/{user}/application_credentials/{id}";
    routes
        .get(all, "identity:application_credential:list", list)
        .post(all, "identity:application_credential:create", create)
        .get(one, "identity:application_credential:show", show)
        .delete(one, "identity:application_credential:delete", delete)
}

async fn list(
    cx: Context,
    links: Links,
    params: Params,
    Path(user): Path<String>,
) -> Result<Json<AppCredentialList>> {
    let user = parse_id("user", &user)?;
    let mut found = ops::app_credential_list(&cx, user).await?;
    found.retain(|credential| {
        params
            .get("name")
            .is_none_or(|name| name == credential.name)
    });
    let roles = role_names(&cx).await?;
    Ok(Json(AppCredentialList {
        application_credentials: found
            .iter()
            .map(|credential| to_wire(credential, &roles, &links))
            .collect(),
        links: links.list(),
    }))
}

async fn create(
    cx: Context,
    links: Links,
    headers: HeaderMap,
    Path(user): Path<String>,
    Body(request): Body<AppCredentialRequest>,
) -> Result<(StatusCode, Json<AppCredentialBody>)> {
    let user: UserId = parse_id("user", &user)?;
    let session = session(&cx, &headers).await?;
    let fields = request.application_credential;
    let roles = fields.roles.map(|roles| {
        let named = roles.into_iter().filter_map(|role| role.id.or(role.name));
        named.collect()
    });
    let new = AppCredentialNew {
        name: fields.name,
        description: fields.description,
        secret: fields.secret.map(|secret| secret.expose().to_owned()),
        roles,
        unrestricted: fields.unrestricted.unwrap_or(false),
        expires_at: fields.expires_at.as_deref().map(time).transpose()?,
    };
    let made = ops::app_credential_create(&cx, &session, user, new).await?;
    let mut wire = to_wire(&made.credential, &role_names(&cx).await?, &links);
    wire.secret = Some(Secret::new(made.secret));
    let body = AppCredentialBody {
        application_credential: wire,
    };
    Ok((StatusCode::CREATED, Json(body)))
}

async fn show(
    cx: Context,
    links: Links,
    Path((user, id)): Path<(String, String)>,
) -> Result<Json<AppCredentialBody>> {
    let id = parse_id("application credential", &id)?;
    let found = ops::app_credential_show(&cx, parse_id("user", &user)?, id).await?;
    Ok(Json(AppCredentialBody {
        application_credential: to_wire(&found, &role_names(&cx).await?, &links),
    }))
}

async fn delete(
    cx: Context,
    headers: HeaderMap,
    Path((user, id)): Path<(String, String)>,
) -> Result<StatusCode> {
    let id = parse_id("application credential", &id)?;
    let session = session(&cx, &headers).await?;
    ops::app_credential_delete(&cx, &session, parse_id("user", &user)?, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// All that the caller's token says: by which credential it was obtained matters here.
async fn session(cx: &Context, headers: &HeaderMap) -> Result<Arc<Session>> {
    let token = headers
        .get(TOKEN_HEADER)
        .and_then(|value| value.to_str().ok());
    let token = token.ok_or_else(|| {
        Error::Unauthorized("The request you have made requires authentication.".into())
    })?;
    ops::token_session(cx.cloud(), token).await
}

async fn role_names(cx: &Context) -> Result<HashMap<RoleId, String>> {
    let roles = ops::role_list(cx).await?;
    Ok(roles.into_iter().map(|role| (role.id, role.name)).collect())
}

/// `2026-01-02T03:04:05.000000`, with or without fraction and `Z`; UTC in any case.
fn time(text: &str) -> Result<Time> {
    let wrong = || {
        Error::invalid(
            "application_credential.expires_at",
            "must be a UTC time like 2026-01-02T03:04:05",
        )
    };
    let civil: jiff::civil::DateTime = text
        .trim_end_matches(['Z', 'z'])
        .parse()
        .map_err(|_| wrong())?;
    let zoned = civil.to_zoned(jiff::tz::TimeZone::UTC);
    Ok(Time(
        zoned.map_err(|_| wrong())?.timestamp().as_microsecond(),
    ))
}

fn to_wire(
    credential: &AppCredential,
    names: &HashMap<RoleId, String>,
    links: &Links,
) -> WireAppCredential {
    let user = credential.user_id;
    WireAppCredential {
        id: credential.id.to_string(),
        name: credential.name.clone(),
        description: credential.description.clone(),
        project_id: credential.project_id.to_string(),
        roles: credential
            .roles
            .iter()
            .filter_map(|id| {
                Some(AppCredentialRole {
                    id: id.to_string(),
                    name: names.get(id)?.clone(),
                    domain_id: None,
                })
            })
            .collect(),
        expires_at: credential.expires_at.map(Time::to_micros_text),
        unrestricted: credential.unrestricted,
        secret: None,
        links: links.item(
            &format!("users/{user}/application_credentials"),
            credential.id,
        ),
    }
}
