//! Version documents and microversions: how a client learns what a service speaks, and both agree on one.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Link, null_default};

/// Request and response header of all services with microversions: `<service type> <version>`.
pub const API_VERSION_HEADER: &str = "openstack-api-version";
/// Nova's header from before the common one: the version alone.
pub const NOVA_VERSION_HEADER: &str = "x-openstack-nova-api-version";
/// Header with a request's id, `req-<uuid>`, on every response.
pub const REQUEST_ID_HEADER: &str = "x-openstack-request-id";
/// Header with the caller's token.
pub const TOKEN_HEADER: &str = "x-auth-token";
/// Header with a token that is asked about, and with the token that was issued.
pub const SUBJECT_TOKEN_HEADER: &str = "x-subject-token";

/// A version of an API within its major version, `2.79`. On the wire it is text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Microversion {
    /// Before the point.
    pub major: u16,
    /// After the point.
    pub minor: u16,
}

impl Microversion {
    /// `major.minor`.
    pub const fn new(major: u16, minor: u16) -> Self {
        Self { major, minor }
    }
}

impl fmt::Display for Microversion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// Text that is no microversion.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("API version string {0} is of invalid format; it must be of format MajorNum.MinorNum")]
pub struct BadMicroversion(pub String);

impl FromStr for Microversion {
    type Err = BadMicroversion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |part: &str| {
            let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            let plain = part == "0" || !part.starts_with('0');
            (digits && plain).then(|| part.parse().ok()).flatten()
        };
        text.split_once('.')
            .and_then(|(major, minor)| Some(Self::new(number(major)?, number(minor)?)))
            .ok_or_else(|| BadMicroversion(text.chars().take(32).collect()))
    }
}

impl Serialize for Microversion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Microversion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The microversions a service speaks, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionRange {
    /// Word before the version in `OpenStack-API-Version`: `compute`, `volume`, `placement`.
    pub service: &'static str,
    /// Oldest; also what a request without a header gets.
    pub min: Microversion,
    /// Newest; also `latest`.
    pub max: Microversion,
}

/// Nova's range.
pub const COMPUTE_VERSIONS: VersionRange = VersionRange {
    service: "compute",
    min: Microversion::new(2, 1),
    max: Microversion::new(2, 90),
};

/// Cinder's range.
pub const VOLUME_VERSIONS: VersionRange = VersionRange {
    service: "volume",
    min: Microversion::new(3, 0),
    max: Microversion::new(3, 60),
};

/// Placement's range.
pub const PLACEMENT_VERSIONS: VersionRange = VersionRange {
    service: "placement",
    min: Microversion::new(1, 0),
    max: Microversion::new(1, 20),
};

/// Why a requested microversion is not served.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VersionError {
    /// Answered with 400.
    #[error(transparent)]
    Malformed(#[from] BadMicroversion),
    /// Answered with 406.
    #[error("Version {asked} is not supported by the API. Minimum is {min} and maximum is {max}.")]
    Unsupported {
        /// What was asked for.
        asked: Microversion,
        /// Oldest that is served.
        min: Microversion,
        /// Newest that is served.
        max: Microversion,
    },
}

impl VersionRange {
    /// The version to serve. `common` is the value of [`API_VERSION_HEADER`] (it may name several services, separated
    /// by commas), `legacy` that of [`NOVA_VERSION_HEADER`], which only Nova looks at. The common header wins.
    pub fn negotiate(
        &self,
        common: Option<&str>,
        legacy: Option<&str>,
    ) -> Result<Microversion, VersionError> {
        let named = common.and_then(|value| {
            value.split(',').find_map(|entry| {
                let (service, version) = entry.trim().split_once(char::is_whitespace)?;
                (service.eq_ignore_ascii_case(self.service)).then(|| version.trim())
            })
        });
        match named.or(legacy.map(str::trim)) {
            None => Ok(self.min),
            Some(latest) if latest.eq_ignore_ascii_case("latest") => Ok(self.max),
            Some(text) => {
                let asked: Microversion = text.parse()?;
                if asked < self.min || asked > self.max {
                    return Err(VersionError::Unsupported {
                        asked,
                        min: self.min,
                        max: self.max,
                    });
                }
                Ok(asked)
            }
        }
    }

    /// Value of [`API_VERSION_HEADER`] that says `version`.
    pub fn header(&self, version: Microversion) -> String {
        format!("{} {version}", self.service)
    }
}

/// One version in a version document. Services differ in which fields they write; the absent ones are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ApiVersion {
    /// `v2.1`, `v3.14`.
    pub id: String,
    /// `CURRENT`, `SUPPORTED`; Keystone says `stable`.
    pub status: String,
    /// Newest microversion (Nova, Cinder), empty where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Oldest microversion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_version: Option<String>,
    /// Newest microversion, as Placement calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_version: Option<String>,
    /// When this version was last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated: Option<String>,
    /// Where it is: one link `self`, and perhaps `describedby`.
    #[serde(deserialize_with = "null_default")]
    pub links: Vec<Link>,
    /// Media types (Keystone, Nova, Cinder).
    #[serde(rename = "media-types", skip_serializing_if = "Vec::is_empty")]
    pub media_types: Vec<MediaType>,
}

impl ApiVersion {
    /// Newest microversion, under either name.
    pub fn newest(&self) -> Option<Microversion> {
        let text = self.max_version.as_ref().or(self.version.as_ref())?;
        text.parse().ok()
    }

    /// Oldest microversion.
    pub fn oldest(&self) -> Option<Microversion> {
        self.min_version.as_ref()?.parse().ok()
    }
}

/// A media type of an API version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MediaType {
    /// `application/json`.
    pub base: String,
    /// `application/vnd.openstack.compute+json;version=2.1`.
    #[serde(rename = "type")]
    pub media_type: String,
}

/// `{"versions": […]}`: root of Nova (200), Glance (300), Neutron (200), Cinder (300, and `/v3` 200), Placement (200).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Versions {
    /// All versions served.
    pub versions: Vec<ApiVersion>,
}

/// `{"version": {…}}`: `/identity/v3` and `/compute/v2.1`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct VersionDocument {
    /// The version at this address.
    pub version: ApiVersion,
}

/// Keystone's root (300): its versions are one level deeper.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct IdentityVersions {
    /// The level.
    pub versions: IdentityVersionValues,
}

/// `{"values": […]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct IdentityVersionValues {
    /// All versions served.
    pub values: Vec<ApiVersion>,
}

/// Neutron's `/v2.0`: `{"resources": […]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NetworkResources {
    /// What can be asked for.
    pub resources: Vec<NetworkResource>,
}

/// One collection of Neutron's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NetworkResource {
    /// `subnet`.
    pub name: String,
    /// `subnets`.
    pub collection: String,
    /// Where.
    pub links: Vec<Link>,
}

/// Root of the whole port: where each service is. Skydeck's own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Root {
    /// `skydeck`.
    pub name: String,
    /// Version of the program.
    pub version: String,
    /// One link for each service; `rel` is the service type (`identity`, `compute`, …, `skydeck`).
    pub links: Vec<Link>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_agreed_on_from_either_header() {
        let version = |common, legacy| COMPUTE_VERSIONS.negotiate(common, legacy);
        assert_eq!(version(None, None), Ok(Microversion::new(2, 1)));
        assert_eq!(
            version(Some("compute 2.79"), None),
            Ok(Microversion::new(2, 79))
        );
        assert_eq!(version(None, Some("2.53")), Ok(Microversion::new(2, 53)));
        assert_eq!(
            version(Some("compute 2.3"), Some("2.53")),
            Ok(Microversion::new(2, 3))
        );
        assert_eq!(
            version(Some("volume 3.1, compute latest"), None),
            Ok(COMPUTE_VERSIONS.max)
        );
        assert_eq!(
            version(Some("volume 3.1"), None),
            Ok(Microversion::new(2, 1))
        );
        assert!(matches!(
            version(Some("compute 2.999"), None),
            Err(VersionError::Unsupported { .. })
        ));
        for bad in [
            "compute two",
            "compute 2",
            "compute 2.01",
            "compute 2.",
            "compute 2.1.1",
        ] {
            assert!(
                matches!(version(Some(bad), None), Err(VersionError::Malformed(_))),
                "{bad}"
            );
        }
    }

    #[test]
    fn version_documents_of_real_services_are_read() {
        let nova: Versions = serde_json::from_str(
            r#"{"versions":[{"id":"v2.0","status":"SUPPORTED","version":"","min_version":"","updated":"2011-01-21T11:33:21Z",
                "links":[{"rel":"self","href":"http://c/v2/"}]},{"id":"v2.1","status":"CURRENT","version":"2.96",
                "min_version":"2.1","updated":"2013-07-23T11:33:21Z","links":[{"rel":"self","href":"http://c/v2.1/"}]}]}"#,
        )
        .unwrap();
        assert_eq!(nova.versions[0].newest(), None);
        assert_eq!(nova.versions[1].newest(), Some(Microversion::new(2, 96)));
        let keystone: IdentityVersions = serde_json::from_str(
            r#"{"versions":{"values":[{"id":"v3.14","status":"stable","updated":"2020-04-07T00:00:00Z",
                "links":[{"rel":"self","href":"http://i/v3/"}],
                "media-types":[{"base":"application/json","type":"application/vnd.openstack.identity-v3+json"}]}]}}"#,
        )
        .unwrap();
        assert_eq!(
            Link::find(&keystone.versions.values[0].links, "self"),
            Some("http://i/v3/")
        );
    }
}
