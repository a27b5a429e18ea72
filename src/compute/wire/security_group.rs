//! Security groups in Nova's old shape: `/servers/{id}/os-security-groups`. Only what comes to a guest is in it.

use serde::{Deserialize, Serialize};

/// A range of addresses; absent for none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleAddresses {
    /// The range.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cidr: Option<String>,
}

/// A group at the other end; absent for none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleGroup {
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
}

/// A rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerSecurityGroupRule {
    /// Id.
    pub id: String,
    /// Its group.
    pub parent_group_id: String,
    /// Protocol; any when absent.
    pub ip_protocol: Option<String>,
    /// First port, or ICMP type; -1 for any.
    pub from_port: Option<i64>,
    /// Last port, or ICMP code; -1 for any.
    pub to_port: Option<i64>,
    /// Group of the other end.
    pub group: RuleGroup,
    /// Addresses of the other end.
    pub ip_range: RuleAddresses,
}

/// A security group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerSecurityGroup {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// For people.
    pub description: String,
    /// Its project.
    pub tenant_id: String,
    /// What may come to a guest.
    pub rules: Vec<ServerSecurityGroupRule>,
}

/// `{"security_group": {…}}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerSecurityGroupBody {
    /// The group.
    pub security_group: ServerSecurityGroup,
}

/// `{"security_groups": […]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerSecurityGroupList {
    /// The groups.
    pub security_groups: Vec<ServerSecurityGroup>,
}
