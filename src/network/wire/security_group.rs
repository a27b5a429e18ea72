//! Security groups and their rules: `/network/v2.0/security-groups`, `/network/v2.0/security-group-rules`.

use serde::{Deserialize, Serialize};

use crate::api::wire::{Link, flexible_bool, flexible_int, null_default};

/// A rule of a security group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SecurityGroupRule {
    /// Id.
    pub id: String,
    /// Its group.
    pub security_group_id: String,
    /// `ingress`, `egress`.
    pub direction: String,
    /// `IPv4`, `IPv6`.
    pub ethertype: String,
    /// Name or number; any when absent.
    pub protocol: Option<String>,
    /// First port, or ICMP type.
    pub port_range_min: Option<u16>,
    /// Last port, or ICMP code.
    pub port_range_max: Option<u16>,
    /// Group of the other end.
    pub remote_group_id: Option<String>,
    /// Addresses of the other end.
    pub remote_ip_prefix: Option<String>,
    /// Never set here.
    pub remote_address_group_id: Option<String>,
    /// The addresses as they are compared.
    pub normalized_cidr: Option<String>,
    /// For people.
    #[serde(deserialize_with = "null_default")]
    pub description: String,
    /// Its project.
    pub project_id: String,
    /// The same, for old clients.
    pub tenant_id: String,
    /// Rules never change.
    #[serde(deserialize_with = "null_default")]
    pub revision_number: i64,
    /// When it was created.
    pub created_at: String,
    /// The same.
    pub updated_at: String,
}

/// `{"security_group_rule": {…}}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityGroupRuleBody {
    /// The rule.
    pub security_group_rule: SecurityGroupRule,
}

/// `{"security_group_rules": […]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SecurityGroupRuleList {
    /// This page.
    pub security_group_rules: Vec<SecurityGroupRule>,
    /// `next` and `previous`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub security_group_rules_links: Vec<Link>,
}

/// A rule to create (`security_group_id` and `direction` needed). Rules can not be changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SecurityGroupRuleFields {
    /// Its group.
    pub security_group_id: String,
    /// `ingress`, `egress`.
    pub direction: String,
    /// `IPv4`, `IPv6`; as the addresses say when absent, else `IPv4`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ethertype: Option<String>,
    /// Name or number; any when absent.
    #[serde(
        deserialize_with = "word_or_number",
        skip_serializing_if = "Option::is_none"
    )]
    pub protocol: Option<String>,
    /// First port, or ICMP type.
    #[serde(
        deserialize_with = "flexible_int",
        skip_serializing_if = "Option::is_none"
    )]
    pub port_range_min: Option<i64>,
    /// Last port, or ICMP code.
    #[serde(
        deserialize_with = "flexible_int",
        skip_serializing_if = "Option::is_none"
    )]
    pub port_range_max: Option<i64>,
    /// Group of the other end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_group_id: Option<String>,
    /// Addresses of the other end: an address or a range.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_ip_prefix: Option<String>,
    /// Not to be had here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_address_group_id: Option<String>,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Ignored: a rule is its group's project's.
    #[serde(alias = "tenant_id", skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
}

/// A protocol may be written as a number.
fn word_or_number<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(i64),
        Word(String),
    }
    let found = Option::<Either>::deserialize(deserializer)?;
    Ok(found.map(|found| match found {
        Either::Number(number) => number.to_string(),
        Either::Word(word) => word,
    }))
}

/// `{"security_group_rule": {…}}` of a create.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityGroupRuleRequest {
    /// The fields.
    pub security_group_rule: SecurityGroupRuleFields,
}

/// A security group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SecurityGroup {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// For people.
    #[serde(deserialize_with = "null_default")]
    pub description: String,
    /// Its project.
    pub project_id: String,
    /// The same, for old clients.
    pub tenant_id: String,
    /// Whether answers to what is allowed are allowed.
    pub stateful: bool,
    /// Whether it is another project's, or everybody's.
    pub shared: bool,
    /// What it allows.
    pub security_group_rules: Vec<SecurityGroupRule>,
    /// Labels.
    pub tags: Vec<String>,
    /// Rises with each change.
    #[serde(deserialize_with = "null_default")]
    pub revision_number: i64,
    /// When it was created.
    pub created_at: String,
    /// When it last changed.
    pub updated_at: String,
}

/// `{"security_group": {…}}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityGroupBody {
    /// The group.
    pub security_group: SecurityGroup,
}

/// `{"security_groups": […]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SecurityGroupList {
    /// This page.
    pub security_groups: Vec<SecurityGroup>,
    /// `next` and `previous`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub security_groups_links: Vec<Link>,
}

/// Fields of a security group to create or change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SecurityGroupFields {
    /// Name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether answers to what is allowed are allowed; only yes is to be had.
    #[serde(
        deserialize_with = "flexible_bool",
        skip_serializing_if = "Option::is_none"
    )]
    pub stateful: Option<bool>,
    /// Another project's (administrators, on create).
    #[serde(alias = "tenant_id", skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
}

/// `{"security_group": {…}}` of a create or update.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityGroupRequest {
    /// The fields.
    pub security_group: SecurityGroupFields,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_as_the_stock_client_sends_it() {
        let text = r#"{"security_group_rule": {"security_group_id": "g", "direction": "ingress", "ethertype": "IPv4",
            "protocol": 6, "port_range_min": "22", "port_range_max": 22, "remote_ip_prefix": "0.0.0.0/0", "tenant_id": "t"}}"#;
        let request: SecurityGroupRuleRequest = serde_json::from_str(text).unwrap();
        let fields = request.security_group_rule;
        assert_eq!(fields.protocol.as_deref(), Some("6"));
        assert_eq!(fields.port_range_min, Some(22));
        assert_eq!(fields.project_id.as_deref(), Some("t"));
    }
}
