//! Who has which role where: `/v3/{projects,domains}/{target}/{users,groups}/{holder}/roles`, and `/v3/role_assignments`.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;

use super::links::{Links, domain_id, switch};
use super::role;
use crate::api::{Params, Routes, parse_id};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::identity::model::{Assignment, AssignmentQuery, Holder, NamedAssignment, Target};
use crate::identity::ops;
use crate::identity::wire::{
    AssignmentLinks, AssignmentRef, AssignmentScope, NamedRef, RoleAssignment, RoleAssignmentList,
    RoleList,
};
use crate::ids::DomainId;

/// Turns an id of a path into what it names.
type Parse<T> = fn(&str) -> Result<T>;

const TARGETS: [(&str, Parse<Target>); 2] = [("projects", project), ("domains", domain)];
const HOLDERS: [(&str, Parse<Holder>); 2] = [("users", user), ("groups", group)];

pub(super) fn routes(routes: Routes) -> Routes {
    let mut routes = routes.get(
        "/v3/role_assignments",
        "identity:role_assignment:list",
        list,
    );
    for (targets, target) in TARGETS {
        for (holders, holder) in HOLDERS {
            routes = routes_of(routes, targets, target, holders, holder);
        }
    }
    routes
}

fn routes_of(
    routes: Routes,
    targets: &str,
    target: Parse<Target>,
    holders: &str,
    holder: Parse<Holder>,
) -> Routes {
    let all = format!("/v3/{targets}/{{target}}/{holders}/{{holder}}/roles");
    let one = format!("{all}/{{role}}");
    let parse = move |(at, who, which): (String, String, String)| -> Result<Assignment> {
        Ok(Assignment {
            target: target(&at)?,
            holder: holder(&who)?,
            role: parse_id("role", &which)?,
        })
    };
    routes
        .get(
            &all,
            "identity:role_assignment:list",
            async move |cx: Context, links: Links, Path((at, who)): Path<(String, String)>| {
                roles(&cx, &links, target(&at)?, holder(&who)?).await
            },
        )
        .put(
            &one,
            "identity:role_assignment:create",
            async move |cx: Context, Path(path): Path<(String, String, String)>| {
                ops::assignment_create(&cx, parse(path)?).await?;
                Ok::<_, Error>(StatusCode::NO_CONTENT)
            },
        )
        .get(
            &one,
            "identity:role_assignment:show",
            async move |cx: Context, Path(path): Path<(String, String, String)>| {
                ops::assignment_check(&cx, parse(path)?).await?;
                Ok::<_, Error>(StatusCode::NO_CONTENT)
            },
        )
        .delete(
            &one,
            "identity:role_assignment:delete",
            async move |cx: Context, Path(path): Path<(String, String, String)>| {
                ops::assignment_delete(&cx, parse(path)?).await?;
                Ok::<_, Error>(StatusCode::NO_CONTENT)
            },
        )
}

async fn roles(
    cx: &Context,
    links: &Links,
    target: Target,
    holder: Holder,
) -> Result<Json<RoleList>> {
    let roles = ops::assignment_roles(cx, target, holder).await?;
    Ok(Json(role::list_body(&roles, links)))
}

async fn list(cx: Context, links: Links, params: Params) -> Result<Json<RoleAssignmentList>> {
    let named = switch(&params, "include_names");
    let effective = switch(&params, "effective");
    let found = match query(&params, effective)? {
        Some(query) => ops::assignment_list_named(&cx, &query, effective).await?,
        None => Vec::new(),
    };
    Ok(Json(RoleAssignmentList {
        role_assignments: found
            .iter()
            .map(|found| to_wire(found, &links, named))
            .collect(),
        links: links.list(),
    }))
}

/// What the query asks for; `None` for what nobody can have here: roles on the whole system.
fn query(params: &Params, effective: bool) -> Result<Option<AssignmentQuery>> {
    let group_asked = params.get("group.id");
    if effective && group_asked.is_some() {
        return Err(Error::BadRequest(
            "effective assignments are of users: leave out effective or group.id".into(),
        ));
    }
    if params.get("scope.system").is_some() {
        return Ok(None);
    }
    let holder = match (params.get("user.id"), group_asked) {
        (Some(_), Some(_)) => {
            return Err(Error::BadRequest(
                "give user.id or group.id, not both".into(),
            ));
        }
        (Some(id), None) => Some(user(id)?),
        (None, Some(id)) => Some(group(id)?),
        (None, None) => None,
    };
    let target = match (
        params.get("scope.project.id"),
        params.get("scope.domain.id"),
    ) {
        (Some(_), Some(_)) => {
            return Err(Error::BadRequest(
                "give scope.project.id or scope.domain.id, not both".into(),
            ));
        }
        (Some(id), None) => Some(project(id)?),
        (None, Some(id)) => Some(domain(id)?),
        (None, None) => None,
    };
    let role = params.get("role.id");
    Ok(Some(AssignmentQuery {
        holder,
        target,
        role: role.map(|id| parse_id("role", id)).transpose()?,
    }))
}

fn project(text: &str) -> Result<Target> {
    parse_id("project", text).map(Target::Project)
}

fn domain(text: &str) -> Result<Target> {
    domain_id(text).map(Target::Domain)
}

fn user(text: &str) -> Result<Holder> {
    parse_id("user", text).map(Holder::User)
}

fn group(text: &str) -> Result<Holder> {
    parse_id("group", text).map(Holder::Group)
}

fn to_wire(found: &NamedAssignment, links: &Links, named: bool) -> RoleAssignment {
    let Assignment {
        target,
        holder,
        role,
    } = found.assignment;
    let name = |name: &str| named.then(|| name.to_owned());
    let of = |(id, name): &(DomainId, String)| {
        named.then(|| NamedRef {
            id: Some(id.to_string()),
            name: Some(name.clone()),
        })
    };
    let who = AssignmentRef {
        id: holder.id(),
        name: name(&found.holder_name),
        domain: of(&found.holder_domain),
    };
    let (user, group) = match holder {
        Holder::User(_) => (Some(who), None),
        Holder::Group(_) => (None, Some(who)),
    };
    let scope = match target {
        Target::Project(id) => AssignmentScope {
            project: Some(AssignmentRef {
                id: id.to_string(),
                name: name(&found.target_name),
                domain: of(&found.target_domain),
            }),
            ..AssignmentScope::default()
        },
        Target::Domain(id) => AssignmentScope {
            domain: Some(AssignmentRef {
                id: id.to_string(),
                name: name(&found.target_name),
                domain: None,
            }),
            ..AssignmentScope::default()
        },
    };
    let address = format!(
        "{}s/{}/{}s/{}/roles/{role}",
        target.kind(),
        target.id(),
        holder.kind(),
        holder.id()
    );
    RoleAssignment {
        role: AssignmentRef {
            id: role.to_string(),
            name: name(&found.role_name),
            domain: None,
        },
        user,
        group,
        scope,
        links: AssignmentLinks {
            assignment: Some(links.at(&address)),
        },
    }
}
