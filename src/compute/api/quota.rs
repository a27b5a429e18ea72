//! `/os-quota-sets/{project}` and `/os-quota-class-sets/{class}`: how much of compute a project may have.
//!
//! The limits of projects without limits of their own are settings of the control processes, not rows: the class `default`
//! is shown and can not be changed here.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::api::wire::Microversion;
use crate::api::{Body, Params, Routes, Version};
use crate::compute::ops::project_used;
use crate::compute::wire::microversion::quota_set_at;
use crate::compute::wire::{QuotaRequest, QuotaSet, QuotaSetBody, QuotaUse};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::identity::ops::{
    project_show, quota_defaults, quota_limits, quota_reset, quota_set as write,
};
use crate::ids::ProjectId;

const SHOW: &str = "compute:quota:show";
const SET: &str = "compute:quota:set";
/// The quotas that are about servers.
const RESOURCES: [&str; 7] = [
    "instances",
    "cores",
    "ram",
    "key_pairs",
    "metadata_items",
    "server_groups",
    "server_group_members",
];
/// The only class there is.
const DEFAULT_CLASS: &str = "default";

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("/v2.1/os-quota-sets/{project}", SHOW, show)
        .get("/v2.1/os-quota-sets/{project}/detail", SHOW, detail)
        .get("/v2.1/os-quota-sets/{project}/defaults", SHOW, defaults)
        .put("/v2.1/os-quota-sets/{project}", SET, update)
        .delete("/v2.1/os-quota-sets/{project}", SET, reset)
        .get("/v2.1/os-quota-class-sets/{class}", SET, class_show)
        .put("/v2.1/os-quota-class-sets/{class}", SET, class_update)
}

/// The project of a path. An administrator is told when there is none, as Nova does.
async fn known(cx: &Context, text: &str) -> Result<ProjectId> {
    let unknown = || Error::BadRequest(format!("Project ID {text} is not a valid project."));
    let project: ProjectId = text.parse().map_err(|_| unknown())?;
    cx.check_owner(project, "project", project)?;
    match project_show(cx, project).await {
        Err(Error::NotFound { .. }) => Err(unknown()),
        shown => shown.map(|_| project),
    }
}

fn set<T: Copy>(id: Option<String>, of: impl Fn(&str) -> T, version: Microversion) -> QuotaSet<T> {
    let quota = QuotaSet {
        id,
        instances: of("instances"),
        cores: of("cores"),
        ram: of("ram"),
        key_pairs: of("key_pairs"),
        metadata_items: of("metadata_items"),
        server_groups: of("server_groups"),
        server_group_members: of("server_group_members"),
        injected_files: None,
        injected_file_content_bytes: None,
        injected_file_path_bytes: None,
        fixed_ips: None,
        floating_ips: None,
        security_groups: None,
        security_group_rules: None,
    };
    quota_set_at(quota, version)
}

fn bound(limits: &BTreeMap<String, i64>, name: &str) -> i64 {
    limits.get(name).copied().unwrap_or(-1)
}

async fn show(
    cx: Context,
    Version(version): Version,
    Path(project): Path<String>,
) -> Result<Json<QuotaSetBody<i64>>> {
    let limits = quota_limits(&cx, known(&cx, &project).await?).await?;
    Ok(Json(QuotaSetBody {
        quota_set: set(Some(project), |name| bound(&limits, name), version),
    }))
}

/// Key pairs are a user's and metadata a server's: of them a project uses nothing, as Nova has it.
async fn detail(
    cx: Context,
    Version(version): Version,
    Path(text): Path<String>,
) -> Result<Json<QuotaSetBody<QuotaUse>>> {
    let project = known(&cx, &text).await?;
    let limits = quota_limits(&cx, project).await?;
    let used = project_used(&cx, project).await?;
    let of = |name: &str| QuotaUse {
        limit: bound(&limits, name),
        in_use: match name {
            "instances" => used.instances,
            "cores" => used.cores,
            "ram" => used.ram,
            _ => 0,
        },
        reserved: 0,
    };
    Ok(Json(QuotaSetBody {
        quota_set: set(Some(text), of, version),
    }))
}

async fn defaults(
    cx: Context,
    Version(version): Version,
    Path(project): Path<String>,
) -> Json<QuotaSetBody<i64>> {
    let limits = quota_defaults(&cx);
    Json(QuotaSetBody {
        quota_set: set(Some(project), |name| bound(&limits, name), version),
    })
}

/// Limits below what is in use are refused unless they are forced.
async fn update(
    cx: Context,
    Version(version): Version,
    params: Params,
    Path(text): Path<String>,
    Body(body): Body<QuotaRequest>,
) -> Result<Json<QuotaSetBody<i64>>> {
    of_projects_only(&params)?;
    let project = known(&cx, &text).await?;
    let fields = body.quota_set;
    let wanted: Vec<(&str, i64)> = [
        ("instances", fields.instances),
        ("cores", fields.cores),
        ("ram", fields.ram),
        ("key_pairs", fields.key_pairs),
        ("metadata_items", fields.metadata_items),
        ("server_groups", fields.server_groups),
        ("server_group_members", fields.server_group_members),
    ]
    .into_iter()
    .filter_map(|(name, bound)| Some((name, bound?)))
    .collect();
    if fields.force != Some(true) {
        let used = project_used(&cx, project).await?;
        for (name, in_use) in [
            ("instances", used.instances),
            ("cores", used.cores),
            ("ram", used.ram),
        ] {
            let below = wanted
                .iter()
                .find(|(wanted, limit)| *wanted == name && (0..in_use).contains(limit));
            if let Some((_, limit)) = below {
                return Err(Error::invalid(
                    format!("quota_set.{name}"),
                    format!(
                        "Quota limit {limit} for {name} must be greater than or equal to already used {in_use}; force sets it all the same"
                    ),
                ));
            }
        }
    }
    write(&cx, project, &wanted).await?;
    let limits = quota_limits(&cx, project).await?;
    Ok(Json(QuotaSetBody {
        quota_set: set(None, |name| bound(&limits, name), version),
    }))
}

async fn reset(cx: Context, params: Params, Path(project): Path<String>) -> Result<StatusCode> {
    of_projects_only(&params)?;
    quota_reset(&cx, known(&cx, &project).await?, &RESOURCES).await?;
    Ok(StatusCode::ACCEPTED)
}

fn of_projects_only(params: &Params) -> Result<()> {
    if params.get("user_id").is_some() {
        return Err(Error::invalid(
            "user_id",
            "quotas are of projects here, not of users",
        ));
    }
    Ok(())
}

async fn class_show(
    cx: Context,
    Version(version): Version,
    Path(class): Path<String>,
) -> Result<Json<Value>> {
    let limits = quota_defaults(&cx);
    // Nova answers with the defaults, whatever class is named.
    let quota = set(Some(class), |name| bound(&limits, name), version);
    Ok(Json(json!({"quota_class_set": quota})))
}

async fn class_update(Path(class): Path<String>) -> Result<Json<Value>> {
    Err(if class == DEFAULT_CLASS {
        Error::Forbidden(
            "the defaults are settings: change [quota] in the configuration file and start again"
                .into(),
        )
    } else {
        Error::not_found("quota class", class)
    })
}
