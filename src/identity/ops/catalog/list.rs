//! Listing services and their addresses.

use sha2::{Digest, Sha256};

use crate::context::Context;
use crate::identity::model::CatalogEntry;
use crate::ids::ProjectId;

/// All services, in order of type. OpenStack's clients look for block storage under either of two types.
const SERVICES: [CatalogEntry; 8] = [
    CatalogEntry {
        kind: "block-storage",
        name: "cinder",
        description: "Volumes",
        path: "/volume/v3/{project_id}",
    },
    CatalogEntry {
        kind: "compute",
        name: "nova",
        description: "Servers",
        path: "/compute/v2.1",
    },
    CatalogEntry {
        kind: "identity",
        name: "keystone",
        description: "Users, projects and tokens",
        path: "/identity/v3",
    },
    CatalogEntry {
        kind: "image",
        name: "glance",
        description: "Images",
        path: "/image",
    },
    CatalogEntry {
        kind: "network",
        name: "neutron",
        description: "Networks",
        path: "/network",
    },
    CatalogEntry {
        kind: "placement",
        name: "placement",
        description: "Inventories and claims",
        path: "/placement",
    },
    CatalogEntry {
        kind: "skydeck",
        name: "skydeck",
        description: "Operations, events and live samples",
        path: "/skydeck/v1",
    },
    CatalogEntry {
        kind: "volumev3",
        name: "cinderv3",
        description: "Volumes",
        path: "/volume/v3/{project_id}",
    },
];

/// A service with its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceAt {
    /// The service.
    pub entry: CatalogEntry,
    /// Its id: 32 hexadecimal digits, the same in every process and after every start.
    pub id: String,
    /// Where it is; `None` without a project, if its address has one in it.
    pub url: Option<String>,
    /// Where it is for any project: `$(project_id)s` stands for the project, as in Keystone.
    pub template: String,
}

/// All services below `base` (`http://host:port`, without a slash at the end), for a token of this project.
pub fn catalog_list(base: &str, project: Option<ProjectId>) -> Vec<ServiceAt> {
    let project = project.map(|id| id.to_string());
    SERVICES
        .into_iter()
        .map(|entry| {
            let needs_project = entry.path.contains("{project_id}");
            let path = match &project {
                Some(project) => Some(entry.path.replace("{project_id}", project)),
                None => (!needs_project).then(|| entry.path.to_owned()),
            };
            ServiceAt {
                entry,
                id: stable_id(&["service", entry.kind]),
                url: path.map(|path| format!("{base}{path}")),
                template: format!(
                    "{base}{}",
                    entry.path.replace("{project_id}", "$(project_id)s")
                ),
            }
        })
        .collect()
}

/// Id of a service's endpoint of an interface (`public`, `internal`, `admin`) in the configured region.
pub fn endpoint_id(cx: &Context, service: &ServiceAt, interface: &str) -> String {
    let region = &cx.config.identity.region;
    stable_id(&["endpoint", service.entry.kind, interface, region])
}

fn stable_id(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hex::encode(&hash.finalize()[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_with_a_project_need_one() {
        let project = ProjectId::new();
        let find = |project, kind| {
            catalog_list("http://h:1", project)
                .into_iter()
                .find(|service| service.entry.kind == kind)
                .and_then(|service| service.url)
        };
        assert_eq!(
            find(Some(project), "volumev3"),
            Some(format!("http://h:1/volume/v3/{project}"))
        );
        assert_eq!(find(None, "volumev3"), None);
        assert_eq!(
            find(None, "identity").as_deref(),
            Some("http://h:1/identity/v3")
        );
    }

    #[test]
    fn ids_are_stable_and_apart() {
        let (one, two) = (
            catalog_list("http://a", None),
            catalog_list("http://b", None),
        );
        for (at, service) in one.iter().enumerate() {
            assert_eq!(service.id, two[at].id);
            assert_eq!(service.id.len(), 32);
            assert!(one[..at].iter().all(|other| other.id != service.id));
        }
    }
}
