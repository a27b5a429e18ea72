//! `/servers/{id}/os-security-groups`, and `/os-security-groups`, which Nova has until 2.35 only: the stock client looks
//! there for the group that it gives to a server.

use axum::Json;
use axum::extract::Path;

use crate::api::wire::Microversion;
use crate::api::{Routes, Version, parse_id};
use crate::compute::ops;
use crate::compute::wire::microversion::since;
use crate::compute::wire::{
    RuleAddresses, RuleGroup, ServerSecurityGroup, ServerSecurityGroupBody,
    ServerSecurityGroupList, ServerSecurityGroupRule,
};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::network::model::{Direction, Ethertype, Remote, SecurityGroup, SecurityRule};
use crate::network::ops::{security_group_list, security_group_show};

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get(
            "/v2.1/servers/{id}/os-security-groups",
            "compute:server:show",
            list_of_server,
        )
        .get(
            "/v2.1/os-security-groups",
            "compute:security_group:list",
            list,
        )
        .get(
            "/v2.1/os-security-groups/{id}",
            "compute:security_group:list",
            show,
        )
}

/// From 2.36 on Nova sends its callers to Neutron.
fn check(version: Microversion) -> Result<()> {
    if since(version, 36) {
        return Err(Error::not_found(
            "resource",
            "os-security-groups (the network service has it)",
        ));
    }
    Ok(())
}

async fn list(cx: Context, Version(version): Version) -> Result<Json<ServerSecurityGroupList>> {
    check(version)?;
    let own = cx.project()?.id;
    let mut groups = security_group_list(&cx).await?;
    // An administrator sees those of all projects in Neutron only: here a name has to be enough.
    groups.retain(|group| group.project == own || !cx.actor.is_admin());
    Ok(Json(all_to_wire(&groups)))
}

async fn show(
    cx: Context,
    Version(version): Version,
    Path(id): Path<String>,
) -> Result<Json<ServerSecurityGroupBody>> {
    check(version)?;
    let group = security_group_show(&cx, parse_id("security group", &id)?).await?;
    Ok(Json(ServerSecurityGroupBody {
        security_group: to_wire(&group, std::slice::from_ref(&group)),
    }))
}

async fn list_of_server(
    cx: Context,
    Path(id): Path<String>,
) -> Result<Json<ServerSecurityGroupList>> {
    let groups = ops::server_security_group_list(&cx, parse_id("server", &id)?).await?;
    Ok(Json(all_to_wire(&groups)))
}

fn all_to_wire(groups: &[SecurityGroup]) -> ServerSecurityGroupList {
    ServerSecurityGroupList {
        security_groups: groups.iter().map(|group| to_wire(group, groups)).collect(),
    }
}

fn to_wire(group: &SecurityGroup, known: &[SecurityGroup]) -> ServerSecurityGroup {
    let incoming = |rule: &&SecurityRule| rule.direction == Direction::Ingress;
    ServerSecurityGroup {
        id: group.id.to_string(),
        name: group.name.clone(),
        description: group.description.clone(),
        tenant_id: group.project.to_string(),
        rules: group
            .rules
            .iter()
            .filter(incoming)
            .map(|rule| rule_to_wire(rule, known))
            .collect(),
    }
}

/// Nova names a rule's other group; one that the server does not have is named by its id.
fn rule_to_wire(rule: &SecurityRule, known: &[SecurityGroup]) -> ServerSecurityGroupRule {
    let any = rule.protocol.as_ref().map(|_| -1);
    ServerSecurityGroupRule {
        id: rule.id.to_string(),
        parent_group_id: rule.group.to_string(),
        ip_protocol: rule.protocol.as_ref().map(ToString::to_string),
        from_port: rule.min.map(i64::from).or(any),
        to_port: rule.max.map(i64::from).or(any),
        group: match rule.remote {
            Remote::Group(id) => RuleGroup {
                name: Some(
                    known
                        .iter()
                        .find(|group| group.id == id)
                        .map_or_else(|| id.to_string(), |group| group.name.clone()),
                ),
                tenant_id: Some(rule.project.to_string()),
            },
            _ => RuleGroup::default(),
        },
        ip_range: RuleAddresses {
            cidr: match rule.remote {
                Remote::Prefix(prefix) => Some(prefix.to_string()),
                Remote::Group(_) => None,
                Remote::Any if rule.ethertype == Ethertype::Ipv4 => Some("0.0.0.0/0".into()),
                Remote::Any => Some("::/0".into()),
            },
        },
    }
}
