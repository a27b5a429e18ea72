//! `/v3/services`, `/v3/endpoints`, `/v3/regions`: the catalog, for looking only.

use axum::Json;
use axum::extract::Path;

use super::links::Links;
use crate::api::{Params, Routes};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::identity::ops::{self, ServiceAt};
use crate::identity::wire::{
    CatalogEndpoint, CatalogService, Endpoint, EndpointBody, EndpointList, Region, RegionBody,
    RegionList, Service, ServiceBody, ServiceList,
};
use crate::ids::ProjectId;

/// All three lead to the same address: there is one port.
const INTERFACES: [&str; 3] = ["admin", "internal", "public"];

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("/v3/services", "identity:service:list", service_list)
        .get("/v3/services/{id}", "identity:service:show", service_show)
        .get("/v3/endpoints", "identity:endpoint:list", endpoint_list)
        .get(
            "/v3/endpoints/{id}",
            "identity:endpoint:show",
            endpoint_show,
        )
        .get("/v3/regions", "identity:region:list", region_list)
        .get("/v3/regions/{id}", "identity:region:show", region_show)
}

/// The catalog of a token. Without a project, services whose address has one in it are left out.
pub(super) fn services(
    cx: &Context,
    links: &Links,
    project: Option<ProjectId>,
) -> Vec<CatalogService> {
    let region = &cx.config.identity.region;
    ops::catalog_list(&links.base, project)
        .into_iter()
        .filter_map(|service| {
            let url = service.url.clone()?;
            Some(CatalogService {
                id: service.id.clone(),
                kind: service.entry.kind.to_owned(),
                name: service.entry.name.to_owned(),
                endpoints: INTERFACES
                    .map(|interface| CatalogEndpoint {
                        id: ops::endpoint_id(cx, &service, interface),
                        interface: interface.to_owned(),
                        region_id: Some(region.clone()),
                        region: Some(region.clone()),
                        url: url.clone(),
                    })
                    .into(),
            })
        })
        .collect()
}

async fn service_list(links: Links, params: Params) -> Json<ServiceList> {
    let services = all_services(&links).into_iter().filter(|service| {
        params.get("type").is_none_or(|kind| kind == service.kind)
            && params.get("name").is_none_or(|name| name == service.name)
    });
    Json(ServiceList {
        services: services.collect(),
        links: links.list(),
    })
}

async fn service_show(links: Links, Path(id): Path<String>) -> Result<Json<ServiceBody>> {
    all_services(&links)
        .into_iter()
        .find(|service| service.id == id)
        .map(|service| Json(ServiceBody { service }))
        .ok_or_else(|| Error::not_found("service", id))
}

fn all_services(links: &Links) -> Vec<Service> {
    let to_wire = |service: ServiceAt| Service {
        links: links.item("services", &service.id),
        id: service.id,
        kind: service.entry.kind.to_owned(),
        name: service.entry.name.to_owned(),
        description: service.entry.description.to_owned(),
        enabled: true,
    };
    ops::catalog_list(&links.base, None)
        .into_iter()
        .map(to_wire)
        .collect()
}

async fn endpoint_list(cx: Context, links: Links, params: Params) -> Json<EndpointList> {
    let fits = |name: &str, value: &str| params.get(name).is_none_or(|wanted| wanted == value);
    let region = cx.config.identity.region.clone();
    let endpoints = all_endpoints(&cx, &links).into_iter().filter(|endpoint| {
        fits("interface", &endpoint.interface)
            && fits("service_id", &endpoint.service_id)
            && fits("region_id", &region)
            && fits("region", &region)
    });
    Json(EndpointList {
        endpoints: endpoints.collect(),
        links: links.list(),
    })
}

async fn endpoint_show(
    cx: Context,
    links: Links,
    Path(id): Path<String>,
) -> Result<Json<EndpointBody>> {
    all_endpoints(&cx, &links)
        .into_iter()
        .find(|endpoint| endpoint.id == id)
        .map(|endpoint| Json(EndpointBody { endpoint }))
        .ok_or_else(|| Error::not_found("endpoint", id))
}

fn all_endpoints(cx: &Context, links: &Links) -> Vec<Endpoint> {
    let region = &cx.config.identity.region;
    let mut endpoints = Vec::new();
    for service in ops::catalog_list(&links.base, None) {
        endpoints.extend(INTERFACES.map(|interface| {
            let id = ops::endpoint_id(cx, &service, interface);
            Endpoint {
                links: links.item("endpoints", &id),
                id,
                service_id: service.id.clone(),
                interface: interface.to_owned(),
                region_id: Some(region.clone()),
                region: Some(region.clone()),
                url: service.template.clone(),
                enabled: true,
            }
        }));
    }
    endpoints
}

async fn region_list(cx: Context, links: Links) -> Json<RegionList> {
    Json(RegionList {
        regions: vec![region(&cx, &links)],
        links: links.list(),
    })
}

async fn region_show(
    cx: Context,
    links: Links,
    Path(id): Path<String>,
) -> Result<Json<RegionBody>> {
    let region = region(&cx, &links);
    if region.id != id {
        return Err(Error::not_found("region", id));
    }
    Ok(Json(RegionBody { region }))
}

/// The one region: a cloud of Skydeck's is one.
fn region(cx: &Context, links: &Links) -> Region {
    let id = cx.config.identity.region.clone();
    Region {
        links: links.item("regions", &id),
        id,
        description: String::new(),
        parent_region_id: None,
    }
}
