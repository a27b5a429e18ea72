//! `/network/v2.0/security-group-rules`.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use ipnet::IpNet;
use serde_json::Value;

use super::listing;
use crate::api::{Body, Params, parse_field, parse_id};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::network::model::{self, NewSecurityRule, Remote};
use crate::network::ops;
use crate::network::wire::{
    SecurityGroupRule, SecurityGroupRuleBody, SecurityGroupRuleFields, SecurityGroupRuleRequest,
};

pub(super) async fn list(cx: Context, params: Params) -> Result<Json<Value>> {
    let found = ops::security_rule_list(&cx).await?;
    listing::list(
        "security_group_rules",
        found.iter().map(to_wire).collect(),
        &params,
    )
    .map(Json)
}

pub(super) async fn show(
    cx: Context,
    Path(id): Path<String>,
) -> Result<Json<SecurityGroupRuleBody>> {
    let rule = ops::security_rule_show(&cx, parse_id("security group rule", &id)?).await?;
    Ok(Json(SecurityGroupRuleBody {
        security_group_rule: to_wire(&rule),
    }))
}

pub(super) async fn create(
    cx: Context,
    Body(SecurityGroupRuleRequest {
        security_group_rule: fields,
    }): Body<SecurityGroupRuleRequest>,
) -> Result<(StatusCode, Json<SecurityGroupRuleBody>)> {
    let rule = ops::security_rule_create(&cx, from_wire(fields)?).await?;
    Ok((
        StatusCode::CREATED,
        Json(SecurityGroupRuleBody {
            security_group_rule: to_wire(&rule),
        }),
    ))
}

pub(super) async fn delete(cx: Context, Path(id): Path<String>) -> Result<StatusCode> {
    ops::security_rule_delete(&cx, parse_id("security group rule", &id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn from_wire(fields: SecurityGroupRuleFields) -> Result<NewSecurityRule> {
    if fields.remote_address_group_id.is_some() {
        return Err(Error::invalid(
            "remote_address_group_id",
            "address groups are not to be had here; use remote_ip_prefix",
        ));
    }
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let ethertype = given(&fields.ethertype).map(|text| {
        text.parse()
            .map_err(|()| Error::invalid("ethertype", format!("{text:?} is neither IPv4 nor IPv6")))
    });
    Ok(NewSecurityRule {
        group: parse_field("security_group_id", &fields.security_group_id)?,
        description: fields.description.unwrap_or_default(),
        direction: fields.direction.parse().map_err(|()| {
            Error::invalid(
                "direction",
                format!("{:?} is neither ingress nor egress", fields.direction),
            )
        })?,
        ethertype: ethertype.transpose()?,
        protocol: fields.protocol.filter(|text| !text.is_empty()),
        min: fields.port_range_min,
        max: fields.port_range_max,
        remote_prefix: given(&fields.remote_ip_prefix)
            .map(|text| prefix("remote_ip_prefix", &text))
            .transpose()?,
        remote_group: given(&fields.remote_group_id)
            .map(|text| parse_field("remote_group_id", &text))
            .transpose()?,
    })
}

/// A range, or a single address.
pub(super) fn prefix(field: &str, text: &str) -> Result<IpNet> {
    let range = text.parse::<IpNet>().ok();
    let single = || text.parse::<std::net::IpAddr>().ok().map(IpNet::from);
    range.or_else(single).ok_or_else(|| {
        Error::invalid(
            field,
            format!("'{text}' is neither an address nor a range like 10.0.0.0/24"),
        )
    })
}

pub(super) fn to_wire(rule: &model::SecurityRule) -> SecurityGroupRule {
    let project = rule.project.to_string();
    let created = rule.created_at.to_seconds_text();
    let (prefix, group) = match rule.remote {
        Remote::Any => (None, None),
        Remote::Prefix(prefix) => (Some(prefix.to_string()), None),
        Remote::Group(group) => (None, Some(group.to_string())),
    };
    SecurityGroupRule {
        id: rule.id.to_string(),
        security_group_id: rule.group.to_string(),
        direction: rule.direction.name().to_owned(),
        ethertype: rule.ethertype.name().to_owned(),
        protocol: rule.protocol.as_ref().map(ToString::to_string),
        port_range_min: rule.min,
        port_range_max: rule.max,
        remote_group_id: group,
        normalized_cidr: prefix.clone(),
        remote_ip_prefix: prefix,
        remote_address_group_id: None,
        description: rule.description.clone(),
        tenant_id: project.clone(),
        project_id: project,
        revision_number: 0,
        updated_at: created.clone(),
        created_at: created,
    }
}
