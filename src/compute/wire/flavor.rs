//! Flavors: `GET /flavors`, `/flavors/detail`, `/flavors/{id}`; `POST`, `PUT`, `DELETE`; `/flavors/{id}/os-extra_specs`.

use serde::{Deserialize, Serialize};

use crate::api::wire::{IntOrText, Link, Metadata, flexible_bool, flexible_int};

/// A size of servers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Flavor {
    /// Id: any short text.
    pub id: String,
    /// Unique name.
    pub name: String,
    /// Processors.
    pub vcpus: u64,
    /// Memory in MiB.
    pub ram: u64,
    /// Root disk in GiB; 0: as large as the image.
    pub disk: u64,
    /// Further disk in GiB.
    #[serde(rename = "OS-FLV-EXT-DATA:ephemeral")]
    pub ephemeral: u64,
    /// Swap in MiB; before 2.75 `""` for none.
    pub swap: IntOrText,
    /// Share of network bandwidth, by a few hypervisors.
    pub rxtx_factor: f64,
    /// Whether every project may use it.
    #[serde(rename = "os-flavor-access:is_public")]
    pub is_public: bool,
    /// Whether nobody may use it.
    #[serde(rename = "OS-FLV-DISABLED:disabled")]
    pub disabled: bool,
    /// For people; `null` without one. From 2.55.
    #[serde(
        deserialize_with = "crate::api::wire::present",
        skip_serializing_if = "Option::is_none"
    )]
    pub description: Option<Option<String>>,
    /// Extra specs. From 2.61.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extra_specs: Option<Metadata>,
    /// Links.
    pub links: Vec<Link>,
}

/// `{"flavor": {…}}`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FlavorBody {
    /// The flavor.
    pub flavor: Flavor,
}

/// `{"flavors": […]}` of `GET /flavors/detail`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FlavorList {
    /// This page.
    pub flavors: Vec<Flavor>,
    /// `next`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub flavors_links: Vec<Link>,
}

/// A flavor in `GET /flavors`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FlavorBrief {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// For people. From 2.55.
    #[serde(
        deserialize_with = "crate::api::wire::present",
        skip_serializing_if = "Option::is_none"
    )]
    pub description: Option<Option<String>>,
    /// Links.
    pub links: Vec<Link>,
}

/// `{"flavors": […]}` of `GET /flavors`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FlavorBriefList {
    /// This page.
    pub flavors: Vec<FlavorBrief>,
    /// `next`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub flavors_links: Vec<Link>,
}

/// A flavor to create. Numbers may be written as text.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FlavorCreate {
    /// Unique name; needed.
    pub name: String,
    /// Id; absent, `null` or `auto`: a UUID.
    #[serde(alias = "flavorid", skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Processors; needed.
    #[serde(deserialize_with = "flexible_int")]
    pub vcpus: Option<u64>,
    /// MiB; needed.
    #[serde(deserialize_with = "flexible_int")]
    pub ram: Option<u64>,
    /// GiB; needed.
    #[serde(deserialize_with = "flexible_int")]
    pub disk: Option<u64>,
    /// Further disk in GiB.
    #[serde(
        rename = "OS-FLV-EXT-DATA:ephemeral",
        deserialize_with = "flexible_int",
        skip_serializing_if = "Option::is_none"
    )]
    pub ephemeral: Option<u64>,
    /// Swap in MiB.
    #[serde(
        deserialize_with = "flexible_int",
        skip_serializing_if = "Option::is_none"
    )]
    pub swap: Option<u64>,
    /// Share of network bandwidth.
    #[serde(
        deserialize_with = "flexible_int",
        skip_serializing_if = "Option::is_none"
    )]
    pub rxtx_factor: Option<f64>,
    /// Whether every project may use it; yes when absent.
    #[serde(
        rename = "os-flavor-access:is_public",
        deserialize_with = "flexible_bool",
        skip_serializing_if = "Option::is_none"
    )]
    pub is_public: Option<bool>,
    /// For people. From 2.55.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// `{"flavor": {…}}` of a create.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlavorCreateRequest {
    /// The flavor.
    pub flavor: FlavorCreate,
}

/// `{"flavor": {"description": …}}` of `PUT /flavors/{id}`. From 2.55; nothing else of a flavor changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlavorUpdateRequest {
    /// The fields.
    pub flavor: FlavorFields,
}

/// What of a flavor changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlavorFields {
    /// For people.
    pub description: Option<String>,
}

/// `{"extra_specs": {…}}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtraSpecsBody {
    /// Extra specs.
    pub extra_specs: Metadata,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flavors_of_old_and_new_versions_are_read() {
        let old: FlavorBody = serde_json::from_str(
            r#"{"flavor": {"OS-FLV-DISABLED:disabled": false, "disk": 1, "OS-FLV-EXT-DATA:ephemeral": 0,
            "os-flavor-access:is_public": true, "id": "1", "links": [], "name": "m1.tiny", "ram": 512, "swap": "",
            "vcpus": 1, "rxtx_factor": 1.0}}"#,
        )
        .unwrap();
        assert_eq!(old.flavor.swap.get(), 0);
        assert_eq!(old.flavor.extra_specs, None);
        let new: Flavor = serde_json::from_str(
            r#"{"id":"1","swap":8,"description":null,"extra_specs":{"a":"b"}}"#,
        )
        .unwrap();
        assert_eq!(new.swap.get(), 8);
        assert_eq!(new.description, Some(None));
    }

    #[test]
    fn create_reads_numbers_written_as_text() {
        let request: FlavorCreateRequest = serde_json::from_str(
            r#"{"flavor": {"name": "f", "ram": "128", "vcpus": 1, "disk": 0, "id": "auto", "swap": 0,
            "OS-FLV-EXT-DATA:ephemeral": 0, "rxtx_factor": "1.0", "os-flavor-access:is_public": true}}"#,
        )
        .unwrap();
        assert_eq!(request.flavor.ram, Some(128));
        assert_eq!(request.flavor.rxtx_factor, Some(1.0));
    }
}
