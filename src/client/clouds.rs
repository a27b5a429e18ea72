//! `clouds.yaml`: where clouds are and who one is there.
//!
//! Read as the stock client reads it: `$OS_CLIENT_CONFIG_FILE`, else `clouds.yaml` (or `.yml`) in the working directory, in
//! `~/.config/openstack` and in `/etc/openstack`; `secure.yaml` beside it is laid over it. One thing differs: a name is looked
//! for in all these files, the first that has it wins, so that a cloud of the machine and one of the user can both
//! be reached. Unknown keys are ignored, since other tools have theirs.
//!
//! Invariant: passwords and tokens are [`Secret`]s from here on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use etcetera::BaseStrategy;
use serde::Deserialize;
use serde_norway::Value;

use super::entry::RawCloud;
use super::error::{ClientError, Result};
use crate::api::wire::Secret;
use crate::identity::wire::{NamedRef, ScopedRef};

/// Larger files are not what they claim to be.
const MAX_FILE: u64 = 1024 * 1024;

/// Where a cloud listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A unix socket; every service is reached through it, whatever host the catalog names.
    Unix(PathBuf),
    /// `auth_url`; the other services are where the catalog says.
    Http(String),
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Http(url) => f.write_str(url),
        }
    }
}

/// How to prove who one is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// User (by id, or by name and domain) and password.
    Password(ScopedRef, Secret),
    /// A token one has.
    Token(Secret),
    /// An application credential: id, or name and user; and its secret.
    ApplicationCredential(ScopedRef, Option<ScopedRef>, Secret),
}

/// What tokens shall be good for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// What the cloud gives: the user's default project, or the application credential's.
    #[default]
    Default,
    /// A project.
    Project(ScopedRef),
    /// A domain.
    Domain(NamedRef),
    /// The whole cloud.
    System,
}

/// How TLS servers are trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// Whether certificates are checked at all.
    pub verify: bool,
    /// Further authorities (PEM).
    pub cacert: Option<PathBuf>,
    /// Own certificate (PEM).
    pub cert: Option<PathBuf>,
    /// Its key, unless it is in the same file.
    pub key: Option<PathBuf>,
}

/// One cloud, ready to be connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloudConfig {
    /// Its name in `clouds.yaml`.
    pub name: String,
    /// Where.
    pub endpoint: Endpoint,
    /// Who.
    pub credentials: Credentials,
    /// For what.
    pub scope: Scope,
    /// Region; any when absent.
    pub region: Option<String>,
    /// `public`, `internal`, `admin`.
    pub interface: String,
    /// Trust.
    pub tls: Tls,
    /// How long a request may take.
    pub timeout: Duration,
    /// Addresses that hold instead of the catalog's, by service (`compute`, `image`, …).
    pub overrides: BTreeMap<String, String>,
}

impl CloudConfig {
    /// The same cloud through its unix socket, as the console does with the one of its own machine.
    #[must_use]
    pub fn over_socket(mut self, socket: impl Into<PathBuf>) -> Self {
        self.endpoint = Endpoint::Unix(socket.into());
        self
    }

    /// The same cloud for another project of the user, by id.
    #[must_use]
    pub fn for_project(mut self, id: impl Into<String>) -> Self {
        self.scope = Scope::Project(ScopedRef {
            id: Some(id.into()),
            ..ScopedRef::default()
        });
        self
    }
}

/// All clouds one can reach by name.
#[derive(Debug, Default)]
pub struct Clouds {
    entries: BTreeMap<String, Entry>,
}

#[derive(Debug)]
struct Entry {
    file: PathBuf,
    raw: RawCloud,
}

impl Clouds {
    /// Reads the standard files, and `extra` before them (Skydeck's own, in its data directory).
    pub fn load(extra: &[PathBuf]) -> Result<Self> {
        let mut files = extra.to_vec();
        if let Some(file) = std::env::var_os("OS_CLIENT_CONFIG_FILE") {
            files.push(file.into());
        }
        let mut directories = vec![PathBuf::from(".")];
        if let Ok(strategy) = etcetera::choose_base_strategy() {
            directories.push(strategy.config_dir().join("openstack"));
        }
        directories.push(PathBuf::from("/etc/openstack"));
        for directory in directories {
            files.extend(["clouds.yaml", "clouds.yml"].map(|name| directory.join(name)));
        }
        Self::load_files(&files)
    }

    /// Reads these files; those that do not exist are passed over. The first that has a name wins.
    pub fn load_files(files: &[PathBuf]) -> Result<Self> {
        let mut clouds = Self::default();
        for file in files {
            let Some(mut value) = read_yaml(file)? else {
                continue;
            };
            for name in ["secure.yaml", "secure.yml"] {
                if let Some(secure) = read_yaml(&file.with_file_name(name))? {
                    lay_over(&mut value, secure);
                }
            }
            clouds.add(file, value)?;
        }
        Ok(clouds)
    }

    /// Names of all clouds, sorted, each with the file it is from.
    pub fn names(&self) -> impl Iterator<Item = (&str, &Path)> {
        self.entries
            .iter()
            .map(|(name, entry)| (name.as_str(), entry.file.as_path()))
    }

    /// One cloud.
    pub fn get(&self, name: &str) -> Result<CloudConfig> {
        let entry = self
            .entries
            .get(name)
            .ok_or_else(|| ClientError::NoSuchCloud {
                name: name.to_owned(),
                known: self.entries.keys().cloned().collect(),
            })?;
        entry
            .raw
            .resolve(name)
            .map_err(|reason| ClientError::Config {
                what: format!("cloud {name} in {}", entry.file.display()),
                reason,
            })
    }

    fn add(&mut self, file: &Path, value: Value) -> Result<()> {
        #[derive(Deserialize)]
        struct File {
            #[serde(default)]
            clouds: BTreeMap<String, Value>,
        }
        let malformed = |what: String, error: serde_norway::Error| ClientError::Config {
            what,
            reason: error.to_string(),
        };
        let parsed: File = serde_norway::from_value(value)
            .map_err(|error| malformed(file.display().to_string(), error))?;
        for (name, value) in parsed.clouds {
            if self.entries.contains_key(&name) {
                continue;
            }
            let raw = serde_norway::from_value(value)
                .map_err(|error| malformed(format!("cloud {name} in {}", file.display()), error))?;
            let file = file.to_owned();
            self.entries.insert(name, Entry { file, raw });
        }
        Ok(())
    }
}

fn read_yaml(file: &Path) -> Result<Option<Value>> {
    let failed = |source| ClientError::File {
        path: file.to_owned(),
        source,
    };
    let length = match std::fs::metadata(file) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let malformed = |reason: String| ClientError::Config {
        what: file.display().to_string(),
        reason,
    };
    if length > MAX_FILE {
        return Err(malformed("larger than 1 MiB".to_owned()));
    }
    let text = std::fs::read_to_string(file).map_err(failed)?;
    serde_norway::from_str(&text)
        .map(Some)
        .map_err(|error| malformed(error.to_string()))
}

/// Lays the mappings of `above` over those of `below`, level by level.
fn lay_over(below: &mut Value, above: Value) {
    match (below, above) {
        (Value::Mapping(below), Value::Mapping(above)) => {
            for (key, value) in above {
                match below.get_mut(&key) {
                    Some(there) => lay_over(there, value),
                    None => {
                        below.insert(key, value);
                    }
                }
            }
        }
        (_, Value::Null) => {}
        (below, above) => *below = above,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(files: &[(&str, &str)]) -> (tempfile::TempDir, Result<Clouds>) {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(directory.path().join(name), text).unwrap();
        }
        let clouds = Clouds::load_files(&[
            directory.path().join("clouds.yaml"),
            directory.path().join("more.yaml"),
        ]);
        (directory, clouds)
    }

    #[test]
    fn an_entry_as_the_stock_client_writes_it() {
        let (_directory, clouds) = load(&[
            (
                "clouds.yaml",
                "clouds:\n  lab:\n    auth:\n      auth_url: https://lab:5000/v3\n      username: ops\n      project_name: infra\n      user_domain_name: Corp\n    region_name: north\n    interface: internalURL\n    cacert: /etc/lab.pem\n    api_timeout: 5\n    compute_endpoint_override: https://nova/v2.1\n    image_api_version: '2'\n",
            ),
            (
                "secure.yaml",
                "clouds:\n  lab:\n    auth:\n      password: s3cret\n",
            ),
        ]);
        let cloud = clouds.unwrap().get("lab").unwrap();
        assert!(!format!("{cloud:?}").contains("s3cret"));
        let Credentials::Password(user, password) = &cloud.credentials else {
            panic!("a password")
        };
        assert_eq!(password.expose(), "s3cret");
        assert_eq!(user.domain.as_ref().unwrap().name.as_deref(), Some("Corp"));
        let Scope::Project(project) = &cloud.scope else {
            panic!("a project")
        };
        assert_eq!(
            project.domain.as_ref().unwrap().id.as_deref(),
            Some("default")
        );
        assert_eq!(cloud.interface, "internal");
        assert_eq!(cloud.region.as_deref(), Some("north"));
        assert_eq!(cloud.timeout, Duration::from_secs(5));
        assert_eq!(cloud.overrides["compute"], "https://nova/v2.1");
        assert!(cloud.tls.verify);
    }

    #[test]
    fn the_first_file_that_has_a_name_wins_and_others_add_theirs() {
        let entry = |url: &str| {
            format!("    auth: {{auth_url: '{url}', token: t}}\n    auth_type: token\n")
        };
        let (_directory, clouds) = load(&[
            (
                "clouds.yaml",
                &format!("clouds:\n  a:\n{}", entry("unix:/run/api.sock")),
            ),
            (
                "more.yaml",
                &format!(
                    "clouds:\n  a:\n{}  b:\n{}",
                    entry("http://other"),
                    entry("http://b")
                ),
            ),
        ]);
        let clouds = clouds.unwrap();
        assert_eq!(
            clouds.get("a").unwrap().endpoint,
            Endpoint::Unix("/run/api.sock".into())
        );
        assert!(clouds.get("b").is_ok());
        let error = clouds.get("c").unwrap_err().to_string();
        assert_eq!(error, "there is no cloud c in clouds.yaml; there are a, b");
    }

    #[test]
    fn application_credentials_need_no_scope() {
        let (_directory, clouds) = load(&[(
            "clouds.yaml",
            "clouds:\n  a:\n    auth_type: v3applicationcredential\n    verify: false\n    auth:\n      auth_url: http://k/v3\n      application_credential_id: i\n      application_credential_secret: s3cret\n",
        )]);
        let cloud = clouds.unwrap().get("a").unwrap();
        assert_eq!(cloud.scope, Scope::Default);
        assert!(!cloud.tls.verify);
        assert!(matches!(
            cloud.credentials,
            Credentials::ApplicationCredential(_, None, _)
        ));
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let broken = |auth: &str| {
            let text = format!("clouds:\n  a:\n    auth: {auth}\n");
            let (_directory, clouds) = load(&[("clouds.yaml", &text)]);
            clouds.unwrap().get("a").unwrap_err().to_string()
        };
        assert!(broken("{}").ends_with("auth.auth_url is missing"));
        assert!(
            broken("{auth_url: 'http://k', username: u}").ends_with("auth.password is missing")
        );
        assert!(
            broken("{auth_url: 'http://k', password: p}").ends_with("auth.username is missing")
        );
        assert!(
            broken("{auth_url: 'ftp://k', username: u, password: p}").contains("must begin with")
        );
        let (_directory, clouds) = load(&[("clouds.yaml", "clouds: [1]")]);
        assert!(clouds.unwrap_err().to_string().contains("clouds.yaml"));
    }
}
