//! Services, endpoints and regions: what the catalog is made of.

use serde::{Deserialize, Serialize};

use super::{CollectionLinks, SelfLink};
use crate::api::wire::null_default;

/// A service as `GET /v3/services` has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Service {
    /// Id.
    pub id: String,
    /// `compute`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// `nova`, …
    #[serde(deserialize_with = "null_default")]
    pub name: String,
    /// For people.
    #[serde(deserialize_with = "null_default")]
    pub description: String,
    /// Whether it is in the catalog.
    pub enabled: bool,
    /// Its address.
    pub links: SelfLink,
}

/// `{"service": {…}}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceBody {
    /// The service.
    pub service: Service,
}

/// `{"services": […]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServiceList {
    /// The services.
    pub services: Vec<Service>,
    /// Links.
    pub links: CollectionLinks,
}

/// An endpoint as `GET /v3/endpoints` has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Endpoint {
    /// Id.
    pub id: String,
    /// Its service.
    pub service_id: String,
    /// `public`, `internal`, `admin`.
    pub interface: String,
    /// Region.
    pub region_id: Option<String>,
    /// The same, for old clients.
    pub region: Option<String>,
    /// The address.
    pub url: String,
    /// Whether it is in the catalog.
    pub enabled: bool,
    /// Its address in Keystone.
    pub links: SelfLink,
}

/// `{"endpoint": {…}}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointBody {
    /// The endpoint.
    pub endpoint: Endpoint,
}

/// `{"endpoints": […]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EndpointList {
    /// The endpoints.
    pub endpoints: Vec<Endpoint>,
    /// Links.
    pub links: CollectionLinks,
}

/// A region.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Region {
    /// Its id is its name.
    pub id: String,
    /// For people.
    #[serde(deserialize_with = "null_default")]
    pub description: String,
    /// The region above it.
    pub parent_region_id: Option<String>,
    /// Its address.
    pub links: SelfLink,
}

/// `{"region": {…}}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegionBody {
    /// The region.
    pub region: Region,
}

/// `{"regions": […]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RegionList {
    /// The regions.
    pub regions: Vec<Region>,
    /// Links.
    pub links: CollectionLinks,
}
