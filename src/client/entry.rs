//! One entry of `clouds.yaml` as it is written, and what it means.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use serde_norway::{Mapping, Value};

use super::clouds::{CloudConfig, Credentials, Endpoint, Scope, Tls};
use crate::api::wire::Secret;
use crate::identity::wire::{NamedRef, ScopedRef};

/// How long a request may take, unless the entry's `api_timeout` says otherwise.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// An entry as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawCloud {
    auth: RawAuth,
    auth_type: Option<String>,
    region_name: Option<String>,
    regions: Vec<Value>,
    #[serde(alias = "endpoint_type")]
    interface: Option<String>,
    verify: Option<bool>,
    insecure: Option<bool>,
    cacert: Option<PathBuf>,
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
    api_timeout: Option<f64>,
    #[serde(flatten)]
    rest: Mapping,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawAuth {
    auth_url: Option<String>,
    #[serde(alias = "user_name")]
    username: Option<String>,
    user_id: Option<String>,
    password: Option<Secret>,
    token: Option<Secret>,
    application_credential_id: Option<String>,
    application_credential_name: Option<String>,
    application_credential_secret: Option<Secret>,
    #[serde(alias = "tenant_name")]
    project_name: Option<String>,
    #[serde(alias = "tenant_id")]
    project_id: Option<String>,
    domain_id: Option<String>,
    domain_name: Option<String>,
    user_domain_id: Option<String>,
    user_domain_name: Option<String>,
    project_domain_id: Option<String>,
    project_domain_name: Option<String>,
    default_domain: Option<String>,
    system_scope: Option<String>,
}

impl RawCloud {
    /// The cloud it describes; the error says what is missing or wrong.
    pub fn resolve(&self, name: &str) -> std::result::Result<CloudConfig, String> {
        let auth_url = self
            .auth
            .auth_url
            .as_deref()
            .ok_or("auth.auth_url is missing")?;
        let overrides = self.rest.iter().filter_map(|(key, value)| {
            let service = key.as_str()?.strip_suffix("_endpoint_override")?;
            Some((service.replace('_', "-"), value.as_str()?.to_owned()))
        });
        let timeout = match self.api_timeout {
            Some(seconds) if seconds > 0.0 && seconds < 86_400.0 => {
                Duration::from_secs_f64(seconds)
            }
            Some(_) => return Err("api_timeout must be between 0 and 86,400 seconds".to_owned()),
            None => DEFAULT_TIMEOUT,
        };
        let interface = self.interface.as_deref().unwrap_or("public");
        Ok(CloudConfig {
            name: name.to_owned(),
            endpoint: parse_endpoint(auth_url)?,
            credentials: self.auth.credentials(self.auth_type.as_deref())?,
            scope: self.auth.scope(),
            region: self.region_name.clone().or_else(|| self.first_region()),
            interface: interface.trim_end_matches("URL").to_owned(),
            tls: Tls {
                verify: self.verify.unwrap_or(true) && !self.insecure.unwrap_or(false),
                cacert: self.cacert.clone(),
                cert: self.cert.clone(),
                key: self.key.clone(),
            },
            timeout,
            overrides: overrides.collect(),
        })
    }

    fn first_region(&self) -> Option<String> {
        let first = self.regions.first()?;
        let name = first.as_str().or_else(|| first.get("name")?.as_str())?;
        Some(name.to_owned())
    }
}

fn parse_endpoint(auth_url: &str) -> std::result::Result<Endpoint, String> {
    if let Some(path) = auth_url.strip_prefix("unix:") {
        return Ok(Endpoint::Unix(path.trim_start_matches("//").into()));
    }
    if auth_url.starts_with("http://") || auth_url.starts_with("https://") {
        return Ok(Endpoint::Http(auth_url.to_owned()));
    }
    Err(format!(
        "auth_url {auth_url} must begin with http://, https:// or unix:"
    ))
}

impl RawAuth {
    fn credentials(&self, auth_type: Option<&str>) -> std::result::Result<Credentials, String> {
        match auth_type.unwrap_or("password") {
            "password" | "v3password" => {
                let password = self.password.clone().ok_or("auth.password is missing")?;
                Ok(Credentials::Password(self.user()?, password))
            }
            "token" | "v3token" => {
                let token = self.token.clone().ok_or("auth.token is missing")?;
                Ok(Credentials::Token(token))
            }
            "v3applicationcredential" => self.application_credential(),
            other => Err(format!(
                "auth_type {other} is not known; there are password, token and v3applicationcredential"
            )),
        }
    }

    fn application_credential(&self) -> std::result::Result<Credentials, String> {
        let secret = self
            .application_credential_secret
            .clone()
            .ok_or("auth.application_credential_secret is missing")?;
        let credential = ScopedRef {
            id: self.application_credential_id.clone(),
            name: self.application_credential_name.clone(),
            domain: None,
        };
        // By id it is known whose it is.
        let user = if credential.id.is_some() {
            None
        } else if credential.name.is_some() {
            Some(self.user()?)
        } else {
            return Err("auth.application_credential_id is missing".to_owned());
        };
        Ok(Credentials::ApplicationCredential(credential, user, secret))
    }

    fn user(&self) -> std::result::Result<ScopedRef, String> {
        if self.user_id.is_none() && self.username.is_none() {
            return Err("auth.username is missing".to_owned());
        }
        Ok(self.scoped(
            &self.user_id,
            &self.username,
            &self.user_domain_id,
            &self.user_domain_name,
        ))
    }

    fn scope(&self) -> Scope {
        if self.system_scope.is_some() {
            return Scope::System;
        }
        if self.project_id.is_some() || self.project_name.is_some() {
            return Scope::Project(self.scoped(
                &self.project_id,
                &self.project_name,
                &self.project_domain_id,
                &self.project_domain_name,
            ));
        }
        if self.domain_id.is_some() || self.domain_name.is_some() {
            return Scope::Domain(NamedRef {
                id: self.domain_id.clone(),
                name: self
                    .domain_name
                    .clone()
                    .filter(|_| self.domain_id.is_none()),
            });
        }
        Scope::Default
    }

    /// A user or project; an id needs no domain, a name needs one and is in `default` if none is given.
    fn scoped(
        &self,
        id: &Option<String>,
        name: &Option<String>,
        domain_id: &Option<String>,
        domain_name: &Option<String>,
    ) -> ScopedRef {
        if id.is_some() {
            return ScopedRef {
                id: id.clone(),
                ..ScopedRef::default()
            };
        }
        let domain_id = domain_id.clone();
        let domain_name = domain_name.clone().filter(|_| domain_id.is_none());
        let domain = if domain_id.is_some() || domain_name.is_some() {
            NamedRef {
                id: domain_id,
                name: domain_name,
            }
        } else {
            NamedRef {
                id: Some(self.default_domain.clone().unwrap_or("default".to_owned())),
                name: None,
            }
        };
        ScopedRef {
            id: None,
            name: name.clone(),
            domain: Some(domain),
        }
    }
}
