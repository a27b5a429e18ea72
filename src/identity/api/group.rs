//! `/v3/groups`, their members, and the groups of a user.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;

use super::links::{Links, needed, optional, unchanged};
use super::user;
use crate::api::{Body, Params, Routes, parse_id};
use crate::context::Context;
use crate::error::Result;
use crate::identity::model::{Group, GroupChange, GroupNew, GroupQuery};
use crate::identity::ops;
use crate::identity::wire::{Group as WireGroup, GroupBody, GroupList, GroupRequest, UserList};
use crate::ids::{GroupId, UserId};

pub(super) fn routes(routes: Routes) -> Routes {
    let member = "/v3/groups/{group}/users/{user}";
    routes
        .get("/v3/groups", "identity:group:list", list)
        .post("/v3/groups", "identity:group:create", create)
        .get("/v3/groups/{id}", "identity:group:show", show)
        .patch("/v3/groups/{id}", "identity:group:update", update)
        .delete("/v3/groups/{id}", "identity:group:delete", delete)
        .get(
            "/v3/groups/{id}/users",
            "identity:group_member:list",
            members,
        )
        .put(member, "identity:group_member:create", add)
        .get(member, "identity:group_member:show", check)
        .delete(member, "identity:group_member:delete", remove)
        .get(
            "/v3/users/{id}/groups",
            "identity:user_group:list",
            list_of_user,
        )
}

async fn list(cx: Context, links: Links, params: Params) -> Result<Json<GroupList>> {
    let query = GroupQuery {
        domain_id: optional("domain", params.get("domain_id"))?,
        name: params.get("name").map(str::to_owned),
        member: None,
    };
    let groups = ops::group_list(&cx, &query).await?;
    Ok(Json(list_body(&groups, &links)))
}

async fn list_of_user(
    cx: Context,
    links: Links,
    params: Params,
    Path(id): Path<String>,
) -> Result<Json<GroupList>> {
    let mut groups = ops::group_list_of_user(&cx, parse_id("user", &id)?).await?;
    groups.retain(|group| params.get("name").is_none_or(|name| name == group.name));
    Ok(Json(list_body(&groups, &links)))
}

async fn create(
    cx: Context,
    links: Links,
    Body(request): Body<GroupRequest>,
) -> Result<(StatusCode, Json<GroupBody>)> {
    let fields = request.group;
    let new = GroupNew {
        name: needed("group.name", fields.name)?,
        domain_id: optional("domain", fields.domain_id.as_deref())?,
        description: fields.description.unwrap_or_default(),
    };
    let group = ops::group_create(&cx, new).await?;
    Ok((StatusCode::CREATED, body(&group, &links)))
}

async fn show(cx: Context, links: Links, Path(id): Path<String>) -> Result<Json<GroupBody>> {
    let group = ops::group_show(&cx, parse_id("group", &id)?).await?;
    Ok(body(&group, &links))
}

async fn update(
    cx: Context,
    links: Links,
    Path(id): Path<String>,
    Body(request): Body<GroupRequest>,
) -> Result<Json<GroupBody>> {
    let (id, fields) = (parse_id("group", &id)?, request.group);
    let present = ops::group_show(&cx, id).await?.domain_id.to_string();
    unchanged("group.domain_id", fields.domain_id.as_deref(), &present)?;
    let wanted = GroupChange {
        name: fields.name,
        description: fields.description,
    };
    let group = ops::group_update(&cx, id, wanted).await?;
    Ok(body(&group, &links))
}

async fn delete(cx: Context, Path(id): Path<String>) -> Result<StatusCode> {
    ops::group_delete(&cx, parse_id("group", &id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn members(cx: Context, links: Links, Path(id): Path<String>) -> Result<Json<UserList>> {
    let users = ops::group_member_list(&cx, parse_id("group", &id)?).await?;
    Ok(Json(user::list_body(&users, &links)))
}

async fn add(cx: Context, Path(pair): Path<(String, String)>) -> Result<StatusCode> {
    let (group, user) = ids(&pair)?;
    ops::group_member_add(&cx, group, user).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn check(cx: Context, Path(pair): Path<(String, String)>) -> Result<StatusCode> {
    let (group, user) = ids(&pair)?;
    ops::group_member_check(&cx, group, user).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn remove(cx: Context, Path(pair): Path<(String, String)>) -> Result<StatusCode> {
    let (group, user) = ids(&pair)?;
    ops::group_member_remove(&cx, group, user).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn ids((group, user): &(String, String)) -> Result<(GroupId, UserId)> {
    Ok((parse_id("group", group)?, parse_id("user", user)?))
}

fn list_body(groups: &[Group], links: &Links) -> GroupList {
    GroupList {
        groups: groups.iter().map(|group| to_wire(group, links)).collect(),
        links: links.list(),
    }
}

fn body(group: &Group, links: &Links) -> Json<GroupBody> {
    Json(GroupBody {
        group: to_wire(group, links),
    })
}

fn to_wire(group: &Group, links: &Links) -> WireGroup {
    WireGroup {
        id: group.id.to_string(),
        name: group.name.clone(),
        domain_id: group.domain_id.to_string(),
        description: group.description.clone(),
        links: links.item("groups", group.id),
    }
}
