//! Refusals about security groups, address pairs and policies.

use super::{conflict, invalid, some};
use crate::error::Error;
use crate::ids::{PortId, RbacPolicyId, SecurityGroupId, SecurityGroupRuleId};
use crate::network::model::{AddressPair, RuleError};

fn missing(kind: &'static str, message: String) -> Error {
    Error::Named {
        kind,
        status: 404,
        message,
    }
}

pub(in crate::network) fn no_group(id: impl std::fmt::Display) -> Error {
    missing(
        "SecurityGroupNotFound",
        format!("Security group {id} does not exist"),
    )
}

pub(in crate::network) fn no_rule(id: SecurityGroupRuleId) -> Error {
    missing(
        "SecurityGroupRuleNotFound",
        format!("Security group rule {id} does not exist"),
    )
}

/// Only the group's owner and administrators may do this.
pub(in crate::network) fn not_group_owner(id: SecurityGroupId) -> Error {
    Error::Named {
        kind: "PolicyNotAuthorized",
        status: 403,
        message: format!(
            "only the owner of security group {id} and administrators may change it; it is shared with this project"
        ),
    }
}

pub(in crate::network) fn default_group_exists() -> Error {
    conflict(
        "SecurityGroupDefaultAlreadyExists",
        "Default security group already exists. Choose another name.".into(),
    )
}

pub(in crate::network) fn default_group_renamed() -> Error {
    conflict(
        "SecurityGroupCannotUpdateDefault",
        "Updating default security group not allowed: its name is always default.".into(),
    )
}

pub(in crate::network) fn default_group_deleted(id: SecurityGroupId) -> Error {
    conflict(
        "SecurityGroupCannotRemoveDefault",
        format!(
            "Insufficient rights for removing default security group {id}: every project has one; delete its rules instead."
        ),
    )
}

pub(in crate::network) fn group_in_use(id: SecurityGroupId, ports: &[PortId]) -> Error {
    conflict(
        "SecurityGroupInUse",
        format!(
            "Security Group {id} in use: port {} has it. Take it from there first.",
            some(ports)
        ),
    )
}

pub(in crate::network) fn rule_exists(id: Option<SecurityGroupRuleId>) -> Error {
    let id = id.map_or_else(|| "unknown".to_owned(), |id| id.to_string());
    conflict(
        "SecurityGroupRuleExists",
        format!("Security group rule already exists. Rule id is {id}."),
    )
}

pub(in crate::network) fn rule(error: RuleError) -> Error {
    let kind = match error {
        RuleError::GroupAndPrefix => "SecurityGroupRemoteGroupAndRemoteIpPrefix",
        RuleError::Family { .. } => "SecurityGroupRuleParameterConflict",
        RuleError::Protocol { .. } => "SecurityGroupRuleInvalidProtocol",
        RuleError::Ethertype { .. } => "SecurityGroupEthertypeConflictWithProtocol",
        RuleError::NoProtocol => "SecurityGroupProtocolRequiredWithPorts",
        RuleError::Portless { .. } => "SecurityGroupInvalidProtocolForPort",
        RuleError::Range => "SecurityGroupInvalidPortRange",
        RuleError::Port { .. } => "SecurityGroupInvalidPortValue",
        RuleError::Icmp { .. } => "SecurityGroupInvalidIcmpValue",
        RuleError::CodeWithoutType { .. } => "SecurityGroupMissingIcmpType",
    };
    invalid(kind, error.to_string())
}

pub(in crate::network) fn groups_need_security() -> Error {
    invalid(
        "PortSecurityAndIPRequiredForSecurityGroups",
        "Port security must be enabled and port must have an IP address in order to use security groups."
            .into(),
    )
}

pub(in crate::network) fn security_has_groups() -> Error {
    conflict(
        "PortSecurityPortHasSecurityGroup",
        "Port has security group associated. Cannot disable port security or IP address until security group is removed."
            .into(),
    )
}

pub(in crate::network) fn pairs_need_security() -> Error {
    conflict(
        "AddressPairAndPortSecurityRequired",
        "Port Security must be enabled in order to have allowed address pairs on a port.".into(),
    )
}

pub(in crate::network) fn too_many_pairs(most: usize) -> Error {
    invalid(
        "AllowedAddressPairExhausted",
        format!("The number of allowed address pair exceeds the maximum {most}."),
    )
}

pub(in crate::network) fn same_pair(pair: &AddressPair) -> Error {
    invalid(
        "DuplicateAddressPairInRequest",
        format!(
            "Request contains duplicate address pair: mac_address {} ip_address {}.",
            pair.mac.as_deref().unwrap_or("of the port"),
            pair.prefix
        ),
    )
}

pub(in crate::network) fn no_policy(id: RbacPolicyId) -> Error {
    missing(
        "RbacPolicyNotFound",
        format!("RBAC policy with id {id} does not exist"),
    )
}

pub(in crate::network) fn policy_exists(id: Option<RbacPolicyId>) -> Error {
    let id = id.map_or_else(|| "unknown".to_owned(), |id| id.to_string());
    conflict(
        "DuplicatePolicyError",
        format!("An RBAC policy already exists with those values: {id}."),
    )
}

pub(in crate::network) fn policy_in_use(object: &str, ports: &[PortId]) -> Error {
    conflict(
        "RbacPolicyInUse",
        format!(
            "RBAC policy on object {object} cannot be removed because other objects depend on it.\nDetails: port {} of that project uses it.",
            some(ports)
        ),
    )
}

pub(in crate::network) fn no_tag(tag: &str) -> Error {
    missing("TagNotFound", format!("Tag {tag} could not be found."))
}
