//! Application credentials: `/v3/users/{user}/application_credentials`.

use serde::{Deserialize, Serialize};

use super::{CollectionLinks, NamedRef, SelfLink};
use crate::api::wire::Secret;

/// A role that a credential passes on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AppCredentialRole {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// The domain it is for, if not for all.
    pub domain_id: Option<String>,
}

/// An application credential.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AppCredential {
    /// Id.
    pub id: String,
    /// Name, unique for the user.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// The project it is good for.
    pub project_id: String,
    /// Roles that it passes on.
    pub roles: Vec<AppCredentialRole>,
    /// When it ends, if ever: `2026-01-02T03:04:05.000000`.
    pub expires_at: Option<String>,
    /// Whether its tokens may make and delete application credentials.
    pub unrestricted: bool,
    /// The secret; in the answer to its creation only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<Secret>,
    /// Its address.
    pub links: SelfLink,
}

/// `{"application_credential": {…}}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppCredentialBody {
    /// The credential.
    pub application_credential: AppCredential,
}

/// `{"application_credentials": […]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AppCredentialList {
    /// The credentials.
    pub application_credentials: Vec<AppCredential>,
    /// Links.
    pub links: CollectionLinks,
}

/// Fields of a credential to create; `name` is needed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AppCredentialFields {
    /// Name.
    pub name: String,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The secret; made by the cloud when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<Secret>,
    /// Roles by id or name; all of the token when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roles: Option<Vec<NamedRef>>,
    /// When it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// Whether its tokens may make and delete application credentials.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unrestricted: Option<bool>,
}

/// `{"application_credential": {…}}` of a create.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppCredentialRequest {
    /// The fields.
    pub application_credential: AppCredentialFields,
}
