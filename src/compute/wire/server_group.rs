//! Groups of servers: `/os-server-groups`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::api::wire::IntOrText;

/// A group of servers. Which fields are there depends on the request; see [`super::microversion`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerGroup {
    /// Its id.
    pub id: String,
    /// Name.
    pub name: String,
    /// What it asks for, as a list of one. Until 2.63.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policies: Option<Vec<String>>,
    /// What it asks for. From 2.64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// More about that. From 2.64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rules: Option<ServerGroupRules>,
    /// Servers in it.
    pub members: Vec<String>,
    /// Always empty. Until 2.63.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<BTreeMap<String, String>>,
    /// Its project. From 2.13.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
    /// Who made it. From 2.13.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
}

/// Rules of a policy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerGroupRules {
    /// With anti-affinity: members that may share a host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_server_per_host: Option<IntOrText>,
}

/// `{"server_group": {…}}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerGroupBody {
    /// The group.
    pub server_group: ServerGroup,
}

/// `{"server_groups": […]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerGroupList {
    /// This page.
    pub server_groups: Vec<ServerGroup>,
}

/// A group of servers to make.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerGroupCreate {
    /// Name; needed.
    pub name: String,
    /// What it asks for, as a list of one. Until 2.63.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policies: Option<Vec<String>>,
    /// What it asks for. From 2.64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// More about that. From 2.64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rules: Option<ServerGroupRules>,
}

/// `{"server_group": {…}}` of a create.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerGroupRequest {
    /// The group.
    pub server_group: ServerGroupCreate,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_may_be_text() {
        let group: ServerGroupRequest = serde_json::from_str(
            r#"{"server_group":{"name":"g","policy":"anti-affinity","rules":{"max_server_per_host":"3"}}}"#,
        )
        .unwrap();
        assert!(
            group
                .server_group
                .rules
                .unwrap()
                .max_server_per_host
                .is_some()
        );
    }
}
