//! Placement, under `/placement`: what hosts have and what is claimed of it, as far as operators ask.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::api::wire::Link;

/// A source of resources: a host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ResourceProvider {
    /// Id; equals the hypervisor's from 2.53 on.
    pub uuid: String,
    /// The hypervisor's name for itself.
    pub name: String,
    /// Rises with each change.
    pub generation: i64,
    /// The provider above it. From 1.14.
    #[serde(
        deserialize_with = "crate::api::wire::present",
        skip_serializing_if = "Option::is_none"
    )]
    pub parent_provider_uuid: Option<Option<String>>,
    /// The topmost provider. From 1.14.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root_provider_uuid: Option<String>,
    /// Links.
    pub links: Vec<Link>,
}

/// `{"resource_providers": […]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ResourceProviderList {
    /// The providers.
    pub resource_providers: Vec<ResourceProvider>,
}

/// How much of a resource class (`VCPU`, `MEMORY_MB`, `DISK_GB`) a provider has.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Inventory {
    /// What there is.
    pub total: i64,
    /// What is kept back.
    pub reserved: i64,
    /// Least that may be asked for at once.
    pub min_unit: i64,
    /// Most that may be asked for at once.
    pub max_unit: i64,
    /// What is asked for is a multiple of it.
    pub step_size: i64,
    /// `(total - reserved) * allocation_ratio` may be claimed.
    pub allocation_ratio: f64,
}

/// `GET /resource_providers/{uuid}/inventories`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct InventoryList {
    /// The provider's.
    pub resource_provider_generation: i64,
    /// By resource class.
    pub inventories: BTreeMap<String, Inventory>,
}

/// `GET /resource_providers/{uuid}/inventories/{class}`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct InventoryBody {
    /// The provider's.
    pub resource_provider_generation: i64,
    /// What it has of the class.
    #[serde(flatten)]
    pub inventory: Inventory,
}

/// `GET /resource_providers/{uuid}/usages`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usages {
    /// The provider's.
    pub resource_provider_generation: i64,
    /// What is claimed, by resource class.
    pub usages: BTreeMap<String, i64>,
}

/// `GET /allocations/{server}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Allocations {
    /// By provider.
    pub allocations: BTreeMap<String, Allocation>,
    /// Project of the server. From 1.12.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
    /// Who made the server. From 1.12.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
}

/// What a server claims of a provider.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Allocation {
    /// The provider's.
    pub generation: i64,
    /// By resource class.
    pub resources: BTreeMap<String, i64>,
}
