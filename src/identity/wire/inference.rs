//! Which roles imply which: `/v3/role_inferences`, and `/v3/roles/{prior}/implies/{implied}` (`PUT`: 201, `DELETE`: 204).

use serde::{Deserialize, Serialize};

use super::{CollectionLinks, SelfLink};

/// A role on one side of an inference.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct InferenceRole {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// Its address.
    pub links: SelfLink,
}

/// One prior role and one that it implies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Inference {
    /// Whoever has this one.
    pub prior_role: InferenceRole,
    /// Has this one too.
    pub implies: InferenceRole,
}

/// `{"role_inference": {…}}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InferenceBody {
    /// The inference.
    pub role_inference: Inference,
}

/// One prior role and all that it directly implies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Inferences {
    /// Whoever has this one.
    pub prior_role: InferenceRole,
    /// Has these too.
    pub implies: Vec<InferenceRole>,
}

/// `{"role_inference": {…}}`, answer to `GET /v3/roles/{prior}/implies`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct InferencesBody {
    /// The inferences.
    pub role_inference: Inferences,
    /// Links.
    pub links: CollectionLinks,
}

/// `{"role_inferences": […]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct InferenceList {
    /// One entry for each prior role.
    pub role_inferences: Vec<Inferences>,
    /// Links.
    pub links: CollectionLinks,
}
