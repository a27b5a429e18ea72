//! `/network/v2.0/{collection}/{id}/tags`: labels, alike for everything that has some.
//!
//! Labels are part of the thing: they are read and written with it, and whoever else writes it meanwhile is noticed.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;

use crate::api::{Body, Routes, parse_id};
use crate::context::Context;
use crate::error::Result;
use crate::network::model::{
    FloatingIpChanges, NetworkChanges, PortChanges, RouterChanges, SecurityGroupChanges,
    SubnetChanges,
};
use crate::network::ops;
use crate::network::refusal;
use crate::network::wire::TagsBody;

/// What has labels.
#[derive(Clone, Copy)]
enum Labelled {
    Network,
    Subnet,
    Port,
    SecurityGroup,
    Router,
    FloatingIp,
}

/// Collection, rules for reading and writing, and what is in it.
const COLLECTIONS: [(&str, &str, &str, Labelled); 6] = [
    (
        "networks",
        "network:network:show",
        "network:network:update",
        Labelled::Network,
    ),
    (
        "subnets",
        "network:subnet:show",
        "network:subnet:update",
        Labelled::Subnet,
    ),
    (
        "ports",
        "network:port:show",
        "network:port:update",
        Labelled::Port,
    ),
    (
        "security-groups",
        "network:security_group:show",
        "network:security_group:update",
        Labelled::SecurityGroup,
    ),
    (
        "routers",
        "network:router:show",
        "network:router:update",
        Labelled::Router,
    ),
    (
        "floatingips",
        "network:floatingip:show",
        "network:floatingip:update",
        Labelled::FloatingIp,
    ),
];

/// Adds the routes of all collections.
pub(super) fn routes(routes: Routes) -> Routes {
    COLLECTIONS
        .into_iter()
        .fold(routes, |routes, (collection, read, write, kind)| {
            let all = format!("/v2.0/{collection}/{{id}}/tags");
            let one = format!("{all}/{{tag}}");
            routes
                .get(&all, read, move |cx: Context, id: Path<String>| {
                    list(kind, cx, id)
                })
                .put(
                    &all,
                    write,
                    move |cx: Context, id: Path<String>, body: Body<TagsBody>| {
                        replace(kind, cx, id, body)
                    },
                )
                .delete(&all, write, move |cx: Context, id: Path<String>| {
                    clear(kind, cx, id)
                })
                .get(
                    &one,
                    read,
                    move |cx: Context, path: Path<(String, String)>| check(kind, cx, path),
                )
                .put(
                    &one,
                    write,
                    move |cx: Context, path: Path<(String, String)>| add(kind, cx, path),
                )
                .delete(
                    &one,
                    write,
                    move |cx: Context, path: Path<(String, String)>| remove(kind, cx, path),
                )
        })
}

async fn list(kind: Labelled, cx: Context, Path(id): Path<String>) -> Result<Json<TagsBody>> {
    let tags = read(kind, &cx, &id).await?;
    Ok(Json(TagsBody { tags }))
}

async fn replace(
    kind: Labelled,
    cx: Context,
    Path(id): Path<String>,
    Body(TagsBody { tags }): Body<TagsBody>,
) -> Result<Json<TagsBody>> {
    let tags = write(kind, &cx, &id, tags).await?;
    Ok(Json(TagsBody { tags }))
}

async fn clear(kind: Labelled, cx: Context, Path(id): Path<String>) -> Result<StatusCode> {
    write(kind, &cx, &id, Vec::new()).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn check(
    kind: Labelled,
    cx: Context,
    Path((id, tag)): Path<(String, String)>,
) -> Result<StatusCode> {
    if read(kind, &cx, &id).await?.contains(&tag) {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(refusal::no_tag(&tag))
    }
}

async fn add(
    kind: Labelled,
    cx: Context,
    Path((id, tag)): Path<(String, String)>,
) -> Result<StatusCode> {
    let mut tags = read(kind, &cx, &id).await?;
    if !tags.contains(&tag) {
        tags.push(tag);
        write(kind, &cx, &id, tags).await?;
    }
    Ok(StatusCode::CREATED)
}

async fn remove(
    kind: Labelled,
    cx: Context,
    Path((id, tag)): Path<(String, String)>,
) -> Result<StatusCode> {
    let mut tags = read(kind, &cx, &id).await?;
    let before = tags.len();
    tags.retain(|kept| *kept != tag);
    if tags.len() == before {
        return Err(refusal::no_tag(&tag));
    }
    write(kind, &cx, &id, tags).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn read(kind: Labelled, cx: &Context, id: &str) -> Result<Vec<String>> {
    Ok(match kind {
        Labelled::Network => ops::network_show(cx, parse_id("network", id)?).await?.tags,
        Labelled::Subnet => ops::subnet_show(cx, parse_id("subnet", id)?).await?.tags,
        Labelled::Port => ops::port_show(cx, parse_id("port", id)?).await?.tags,
        Labelled::SecurityGroup => {
            let id = parse_id("security group", id)?;
            ops::security_group_show(cx, id).await?.tags
        }
        Labelled::Router => ops::router_show(cx, parse_id("router", id)?).await?.tags,
        Labelled::FloatingIp => {
            let id = parse_id("floatingip", id)?;
            ops::floating_show(cx, id).await?.tags
        }
    })
}

/// Sets all labels of a thing, each once, sorted.
async fn write(
    kind: Labelled,
    cx: &Context,
    id: &str,
    mut tags: Vec<String>,
) -> Result<Vec<String>> {
    tags.sort_unstable();
    tags.dedup();
    let tags = Some(tags);
    Ok(match kind {
        Labelled::Network => {
            let changes = NetworkChanges {
                tags,
                ..NetworkChanges::default()
            };
            let id = parse_id("network", id)?;
            ops::network_update(cx, id, changes).await?.tags
        }
        Labelled::Subnet => {
            let changes = SubnetChanges {
                tags,
                ..SubnetChanges::default()
            };
            let id = parse_id("subnet", id)?;
            ops::subnet_update(cx, id, changes).await?.tags
        }
        Labelled::Port => {
            let changes = PortChanges {
                tags,
                ..PortChanges::default()
            };
            let id = parse_id("port", id)?;
            ops::port_update(cx, id, changes).await?.tags
        }
        Labelled::SecurityGroup => {
            let changes = SecurityGroupChanges {
                tags,
                ..SecurityGroupChanges::default()
            };
            let id = parse_id("security group", id)?;
            ops::security_group_update(cx, id, changes).await?.tags
        }
        Labelled::Router => {
            let changes = RouterChanges {
                tags,
                ..RouterChanges::default()
            };
            let id = parse_id("router", id)?;
            ops::router_update(cx, id, changes).await?.tags
        }
        Labelled::FloatingIp => {
            let changes = FloatingIpChanges {
                tags,
                ..FloatingIpChanges::default()
            };
            let id = parse_id("floatingip", id)?;
            ops::floating_update(cx, id, changes).await?.tags
        }
    })
}
