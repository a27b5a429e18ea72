//! Groups: `/v3/groups`, and members at `/v3/groups/{group}/users/{user}` (`PUT`, `HEAD`, `DELETE`: 204).

use serde::{Deserialize, Serialize};

use super::{CollectionLinks, SelfLink};
use crate::api::wire::null_default;

/// A group of users.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Group {
    /// Id.
    pub id: String,
    /// Name, unique in its domain.
    pub name: String,
    /// Its domain.
    pub domain_id: String,
    /// For people.
    #[serde(deserialize_with = "null_default")]
    pub description: String,
    /// Its address.
    pub links: SelfLink,
}

/// `{"group": {…}}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupBody {
    /// The group.
    pub group: Group,
}

/// `{"groups": […]}`; also `GET /v3/users/{id}/groups`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GroupList {
    /// The groups.
    pub groups: Vec<Group>,
    /// Links.
    pub links: CollectionLinks,
}

/// Fields of a group to create (`name` needed) or change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GroupFields {
    /// Name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its domain; the token's when absent. Can not be changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain_id: Option<String>,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// `{"group": {…}}` of a create or update.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupRequest {
    /// The fields.
    pub group: GroupFields,
}
