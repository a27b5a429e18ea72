//! `/v3/domains`.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;

use super::links::{Links, domain_id, flag, needed};
use crate::api::{Body, Params, Routes};
use crate::context::Context;
use crate::error::Result;
use crate::identity::model::{Domain, DomainChange, DomainNew};
use crate::identity::ops;
use crate::identity::wire::{Domain as WireDomain, DomainBody, DomainList, DomainRequest, Options};

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("/v3/domains", "identity:domain:list", list)
        .post("/v3/domains", "identity:domain:create", create)
        .get("/v3/domains/{id}", "identity:domain:show", show)
        .patch("/v3/domains/{id}", "identity:domain:update", update)
        .delete("/v3/domains/{id}", "identity:domain:delete", delete)
}

async fn list(cx: Context, links: Links, params: Params) -> Result<Json<DomainList>> {
    let enabled = flag(&params, "enabled")?;
    let mut domains = ops::domain_list(&cx).await?;
    domains.retain(|domain| {
        params.get("name").is_none_or(|name| name == domain.name)
            && enabled.is_none_or(|enabled| enabled == domain.enabled)
    });
    Ok(Json(list_body(&domains, &links)))
}

async fn create(
    cx: Context,
    links: Links,
    Body(request): Body<DomainRequest>,
) -> Result<(StatusCode, Json<DomainBody>)> {
    let fields = request.domain;
    let new = DomainNew {
        name: needed("domain.name", fields.name)?,
        description: fields.description.unwrap_or_default(),
        enabled: fields.enabled.unwrap_or(true),
    };
    let domain = ops::domain_create(&cx, new).await?;
    Ok((StatusCode::CREATED, body(&domain, &links)))
}

async fn show(cx: Context, links: Links, Path(id): Path<String>) -> Result<Json<DomainBody>> {
    let domain = ops::domain_show(&cx, domain_id(&id)?).await?;
    Ok(body(&domain, &links))
}

async fn update(
    cx: Context,
    links: Links,
    Path(id): Path<String>,
    Body(request): Body<DomainRequest>,
) -> Result<Json<DomainBody>> {
    let fields = request.domain;
    let wanted = DomainChange {
        name: fields.name,
        description: fields.description,
        enabled: fields.enabled,
    };
    let domain = ops::domain_update(&cx, domain_id(&id)?, wanted).await?;
    Ok(body(&domain, &links))
}

async fn delete(cx: Context, Path(id): Path<String>) -> Result<StatusCode> {
    ops::domain_delete(&cx, domain_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) fn list_body(domains: &[Domain], links: &Links) -> DomainList {
    DomainList {
        domains: domains
            .iter()
            .map(|domain| to_wire(domain, links))
            .collect(),
        links: links.list(),
    }
}

fn body(domain: &Domain, links: &Links) -> Json<DomainBody> {
    Json(DomainBody {
        domain: to_wire(domain, links),
    })
}

fn to_wire(domain: &Domain, links: &Links) -> WireDomain {
    WireDomain {
        id: domain.id.to_string(),
        name: domain.name.clone(),
        description: domain.description.clone(),
        enabled: domain.enabled,
        tags: Vec::new(),
        options: Options::default(),
        links: links.item("domains", domain.id),
    }
}
