//! `/flavors/{id}/os-flavor-access`, and the actions that change it.

use axum::Json;
use axum::extract::Path;
use serde::{Deserialize, Serialize};

use crate::api::{Body, Routes};
use crate::compute::ops;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::ids::ProjectId;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get(
            "/v2.1/flavors/{id}/os-flavor-access",
            "compute:flavor_access:list",
            list,
        )
        .post(
            "/v2.1/flavors/{id}/action",
            "compute:flavor_access:update",
            change,
        )
}

/// `{"flavor_access": […]}`.
#[derive(Debug, Serialize)]
struct AccessList {
    flavor_access: Vec<Access>,
}

/// A project that may use a private flavor.
#[derive(Debug, Serialize)]
struct Access {
    flavor_id: String,
    tenant_id: String,
}

/// `{"addTenantAccess": {"tenant": …}}` or `{"removeTenantAccess": {"tenant": …}}`.
#[derive(Debug, Deserialize)]
enum AccessAction {
    #[serde(rename = "addTenantAccess")]
    Add(Tenant),
    #[serde(rename = "removeTenantAccess")]
    Remove(Tenant),
}

#[derive(Debug, Deserialize)]
struct Tenant {
    tenant: String,
}

impl Tenant {
    fn id(&self) -> Result<ProjectId> {
        self.tenant
            .parse()
            .map_err(|_| Error::invalid("tenant", "this is no project's id"))
    }
}

async fn list(cx: Context, Path(id): Path<String>) -> Result<Json<AccessList>> {
    let projects = ops::flavor_access_list(&cx, &id).await?;
    Ok(body(&id, &projects))
}

async fn change(
    cx: Context,
    Path(id): Path<String>,
    Body(action): Body<AccessAction>,
) -> Result<Json<AccessList>> {
    let projects = match action {
        AccessAction::Add(tenant) => ops::flavor_access_add(&cx, &id, tenant.id()?).await?,
        AccessAction::Remove(tenant) => ops::flavor_access_remove(&cx, &id, tenant.id()?).await?,
    };
    Ok(body(&id, &projects))
}

fn body(flavor: &str, projects: &[ProjectId]) -> Json<AccessList> {
    Json(AccessList {
        flavor_access: projects
            .iter()
            .map(|project| Access {
                flavor_id: flavor.to_owned(),
                tenant_id: project.to_string(),
            })
            .collect(),
    })
}
