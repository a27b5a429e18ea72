//! Where a service's requests go, and which microversion they ask for.
//!
//! A version is agreed on once for a client: the newest that both sides know. A service whose version document is missing
//! or unreadable is spoken to without a microversion; one that fails is asked again next time.

use reqwest::Url;

use super::auth::Session;
use super::catalog::Service;
use super::request::{ReadError, read_bounded};
use super::{Client, ClientError, Result};
use crate::api::wire::{
    COMPUTE_VERSIONS, ErrorInfo, Microversion, VOLUME_VERSIONS, VersionDocument, VersionRange,
    Versions,
};

/// Largest version document that is looked at.
const MAX_DOCUMENT: usize = 256 * 1024;

impl Client {
    /// The address of a service for requests.
    pub(super) fn base(&self, service: Service, session: &Session) -> Result<Url> {
        let config = &self.inner.config;
        let text = match (config.overrides.get(service.name()), service) {
            (Some(url), _) => url,
            // Keystone is where one logged in; catalogs often name an address that is not reachable from here.
            (None, Service::Identity) => {
                let url = self.transport().auth_url()?;
                return Ok(service.base(url, None));
            }
            (None, _) => {
                let region = config.region.as_deref();
                session.catalog.find(service, &config.interface, region)?
            }
        };
        let url = self.transport().url(text)?;
        Ok(service.base(url, session.project_id()))
    }

    /// The microversion to ask a service for, if it has any.
    pub(super) async fn microversion(
        &self,
        service: Service,
        session: &Session,
    ) -> Result<Option<Microversion>> {
        let (cell, range) = match service {
            Service::Compute => (&self.inner.compute_version, COMPUTE_VERSIONS),
            Service::Volume => (&self.inner.volume_version, VOLUME_VERSIONS),
            Service::Identity | Service::Image | Service::Network | Service::Skydeck => {
                return Ok(None);
            }
        };
        let version = cell
            .get_or_try_init(|| self.discover(service, session, range))
            .await?;
        Ok(*version)
    }

    async fn discover(
        &self,
        service: Service,
        session: &Session,
        range: VersionRange,
    ) -> Result<Option<Microversion>> {
        let base = self.base(service, session)?;
        // Services differ in whether the document is at the address with a slash at its end, or without.
        for slash in [true, false] {
            let url = document_url(&base, slash);
            let body = self.document(service, url).await?;
            if let Some(theirs) = newest_version(&body, range.max.major) {
                return Ok(Some(theirs.min(range.max)));
            }
        }
        Ok(None)
    }

    async fn document(&self, service: Service, url: Url) -> Result<Vec<u8>> {
        let what = format!("GET {}", url.path());
        let transport = self.transport();
        let request = transport.http.get(url.clone()).timeout(transport.timeout);
        let response = request
            .send()
            .await
            .map_err(|error| transport.failure(&error, &url, &what))?;
        let status = response.status();
        let body = match read_bounded(response, MAX_DOCUMENT).await {
            Ok(body) => body,
            Err(ReadError::TooLarge) => Vec::new(),
            Err(error) => return Err(error.into_client(transport, &url, service.name(), &what)),
        };
        if status.is_server_error() {
            return Err(ClientError::Refused {
                service: service.name(),
                what,
                info: Box::new(ErrorInfo::parse(status.as_u16(), &body)),
            });
        }
        Ok(body)
    }
}

/// `…/v2.1/project` → `…/v2.1/` or `…/v2.1`.
fn document_url(base: &Url, slash: bool) -> Url {
    let is_version = |segment: &str| {
        let number = segment.strip_prefix('v').unwrap_or_default();
        number.starts_with(|digit: char| digit.is_ascii_digit())
    };
    let mut url = base.clone();
    let segments: Vec<&str> = base.path_segments().into_iter().flatten().collect();
    let version = segments.iter().position(|segment| is_version(segment));
    let end = version.map_or(segments.len(), |place| place + 1);
    if let Ok(mut path) = url.path_segments_mut() {
        path.clear().extend(&segments[..end]).pop_if_empty();
        if slash {
            path.push("");
        }
    }
    url
}

/// The newest microversion of a major version that a version document names.
fn newest_version(body: &[u8], major: u16) -> Option<Microversion> {
    let mut versions = serde_json::from_slice::<Versions>(body)
        .map(|document| document.versions)
        .unwrap_or_default();
    if let Ok(document) = serde_json::from_slice::<VersionDocument>(body) {
        versions.push(document.version);
    }
    versions
        .iter()
        .filter_map(|version| version.newest())
        .filter(|version| version.major == major)
        .max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_documents_are_where_the_version_is() {
        for (base, wanted) in [
            ("http://c/compute/v2.1", "http://c/compute/v2.1"),
            ("http://c/v2.1/p1", "http://c/v2.1"),
            ("http://c/volume/v3/p1/", "http://c/volume/v3"),
            ("http://c/volume/", "http://c/volume"),
        ] {
            let base: Url = base.parse().unwrap();
            assert_eq!(document_url(&base, false).as_str(), wanted);
            assert_eq!(document_url(&base, true).as_str(), format!("{wanted}/"));
        }
    }

    #[test]
    fn the_newest_version_is_found_in_either_document() {
        let one = br#"{"version":{"id":"v2.1","version":"2.96","min_version":"2.1"}}"#;
        assert_eq!(newest_version(one, 2), Some(Microversion::new(2, 96)));
        let many = br#"{"versions":[{"id":"v2.0","version":""},{"id":"v3.0","version":"3.71"}]}"#;
        assert_eq!(newest_version(many, 3), Some(Microversion::new(3, 71)));
        assert_eq!(newest_version(b"<html>", 2), None);
    }
}
