//! Where a cloud's services are.
//!
//! Catalogs differ: a service has several type names in use, its address ends in a version, in a version and a
//! project, or in neither. [`Catalog::find`] and [`Service::base`] make of all that the address that request paths are
//! added to.

use reqwest::Url;

use super::error::{ClientError, Result};
use crate::identity::wire::CatalogService;

/// A service the client speaks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    /// Keystone.
    Identity,
    /// Nova.
    Compute,
    /// Glance.
    Image,
    /// Neutron.
    Network,
    /// Cinder.
    Volume,
    /// What only Skydeck has.
    Skydeck,
}

impl Service {
    /// Its name in errors, and in `…_endpoint_override`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Compute => "compute",
            Self::Image => "image",
            Self::Network => "network",
            Self::Volume => "volume",
            Self::Skydeck => "skydeck",
        }
    }

    /// Its types in catalogs, best first.
    fn types(self) -> &'static [&'static str] {
        match self {
            Self::Volume => &["block-storage", "volumev3", "block-store", "volume"],
            Self::Identity => &["identity"],
            Self::Compute => &["compute"],
            Self::Image => &["image"],
            Self::Network => &["network"],
            Self::Skydeck => &["skydeck"],
        }
    }

    /// The address that request paths are added to, from the catalog's.
    pub(super) fn base(self, mut url: Url, project_id: Option<&str>) -> Url {
        match self {
            Self::Identity => extend_path(&mut url, "v3", &["v3"]),
            Self::Compute => extend_path(&mut url, "v2.1", &["v2.1", "v2"]),
            Self::Image => extend_path(&mut url, "v2", &["v2"]),
            Self::Network => extend_path(&mut url, "v2.0", &["v2.0"]),
            Self::Volume => {
                extend_path(&mut url, "v3", &["v3"]);
                let bare = last_segment(&url) == Some("v3");
                if let Some(project) = project_id.filter(|_| bare) {
                    push_path(&mut url, &[project]);
                }
            }
            Self::Skydeck => extend_path(&mut url, "v1", &["v1"]),
        }
        url
    }
}

/// Adds `version` to the path, unless a segment of it is one of `known` already.
pub(super) fn extend_path(url: &mut Url, version: &str, known: &[&str]) {
    let there = url
        .path_segments()
        .is_some_and(|mut segments| segments.any(|segment| known.contains(&segment)));
    if !there {
        push_path(url, &[version]);
    }
}

/// Adds segments to the path.
pub(super) fn push_path(url: &mut Url, segments: &[&str]) {
    // Only addresses of HTTP come here, and they have a path.
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
}

fn last_segment(url: &Url) -> Option<&str> {
    url.path_segments()?.rfind(|segment| !segment.is_empty())
}

/// The services of a cloud.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    services: Vec<CatalogService>,
}

impl Catalog {
    /// A catalog as a token has it.
    pub fn new(services: Vec<CatalogService>) -> Self {
        Self { services }
    }

    /// All services.
    pub fn services(&self) -> &[CatalogService] {
        &self.services
    }

    /// Whether the cloud has a service, in whatever region.
    pub fn has(&self, service: Service) -> bool {
        self.services
            .iter()
            .any(|entry| service.types().contains(&entry.kind.as_str()))
    }

    /// The address of a service, as the catalog writes it.
    pub fn find(&self, service: Service, interface: &str, region: Option<&str>) -> Result<&str> {
        let entries = service.types().iter().flat_map(|kind| {
            self.services
                .iter()
                .filter(move |entry| entry.kind == *kind)
        });
        entries
            .flat_map(|entry| &entry.endpoints)
            .find(|endpoint| {
                let place = endpoint.region_id.as_ref().or(endpoint.region.as_ref());
                endpoint.interface == interface
                    && (region.is_none() || place.map(String::as_str) == region)
            })
            .map(|endpoint| endpoint.url.as_str())
            .ok_or_else(|| ClientError::NoService {
                service: service.name(),
                region: region.map(str::to_owned),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(service: Service, url: &str) -> String {
        service.base(url.parse().unwrap(), Some("p1")).to_string()
    }

    #[test]
    fn versions_are_added_where_the_catalog_has_none() {
        for (service, catalog, wanted) in [
            (
                Service::Identity,
                "http://c/identity",
                "http://c/identity/v3",
            ),
            (Service::Identity, "http://c:5000/v3/", "http://c:5000/v3/"),
            (
                Service::Compute,
                "http://c/compute/v2.1",
                "http://c/compute/v2.1",
            ),
            (
                Service::Compute,
                "http://c:8774/v2/p1",
                "http://c:8774/v2/p1",
            ),
            (Service::Image, "http://c:9292", "http://c:9292/v2"),
            (Service::Network, "http://c:9696/", "http://c:9696/v2.0"),
            (
                Service::Volume,
                "http://c:8776/v3/p1",
                "http://c:8776/v3/p1",
            ),
            (
                Service::Volume,
                "http://c/volume/v3",
                "http://c/volume/v3/p1",
            ),
            (Service::Volume, "http://c/volume", "http://c/volume/v3/p1"),
            (
                Service::Skydeck,
                "http://c/skydeck/v1",
                "http://c/skydeck/v1",
            ),
        ] {
            assert_eq!(base(service, catalog), wanted);
        }
    }

    #[test]
    fn region_and_interface_choose() {
        let catalog: Vec<CatalogService> = serde_json::from_str(
            r#"[{"type":"volumev2","endpoints":[{"interface":"public","region_id":"a","url":"http://old"}]},
            {"type":"volumev3","endpoints":[{"interface":"admin","region_id":"a","url":"http://admin"},
            {"interface":"public","region_id":"b","url":"http://b"},{"interface":"public","region":"a","url":"http://a"}]}]"#,
        )
        .unwrap();
        let catalog = Catalog::new(catalog);
        let find = |region| catalog.find(Service::Volume, "public", region);
        assert_eq!(find(Some("a")).unwrap(), "http://a");
        assert_eq!(find(None).unwrap(), "http://b");
        assert_eq!(
            find(Some("c")).unwrap_err().to_string(),
            "the cloud offers no volume service in region c"
        );
        assert!(!catalog.has(Service::Skydeck));
    }
}
