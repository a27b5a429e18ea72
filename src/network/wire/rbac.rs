//! What is shared with whom: `/network/v2.0/rbac-policies`.

use serde::{Deserialize, Serialize};

/// A policy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RbacPolicy {
    /// Id.
    pub id: String,
    /// `network`, `security_group`.
    pub object_type: String,
    /// Id of the thing.
    pub object_id: String,
    /// `access_as_shared`, `access_as_external`.
    pub action: String,
    /// The project it is shared with; `*` for all.
    pub target_tenant: String,
    /// The project whose the thing is.
    pub project_id: String,
    /// The same, for old clients.
    pub tenant_id: String,
}

/// `{"rbac_policy": {…}}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RbacPolicyBody {
    /// The policy.
    pub rbac_policy: RbacPolicy,
}

/// Fields of a policy to create (all needed) or change (`target_tenant` only).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RbacPolicyFields {
    /// `network`, `security_group`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object_type: Option<String>,
    /// Id of the thing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object_id: Option<String>,
    /// `access_as_shared`, `access_as_external`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// The project it is shared with; `*` for all.
    #[serde(alias = "target_project_id", skip_serializing_if = "Option::is_none")]
    pub target_tenant: Option<String>,
    /// Ignored: a policy is the thing's project's.
    #[serde(alias = "tenant_id", skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
}

/// `{"rbac_policy": {…}}` of a create or update.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RbacPolicyRequest {
    /// The fields.
    pub rbac_policy: RbacPolicyFields,
}
