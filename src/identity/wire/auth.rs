//! `POST /v3/auth/tokens` and what comes back.
//!
//! The token itself travels in the header `X-Subject-Token`; `GET`, `HEAD` and `DELETE /v3/auth/tokens` name the token they
//! are about in the same header. Times are `2026-01-02T03:04:05.000000Z`.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::api::wire::{Secret, null_default};

/// `{"auth": {…}}`, body of `POST /v3/auth/tokens`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthRequest {
    /// The request.
    pub auth: Auth,
}

/// Who one is and what the token shall be good for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Auth {
    /// Who.
    pub identity: AuthIdentity,
    /// For what; absent means the user's default project, else unscoped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<AuthScope>,
}

/// Proof of who one is: for each of `methods` there is the part of that name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthIdentity {
    /// `password`, `token`, `application_credential`.
    pub methods: Vec<String>,
    /// By password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<PasswordMethod>,
    /// By a token one has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<TokenMethod>,
    /// By an application credential.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application_credential: Option<AppCredentialMethod>,
}

/// `{"user": {…}}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordMethod {
    /// Who, with the password.
    pub user: PasswordUser,
}

/// A user by id, or by name and domain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordUser {
    /// The id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The name's domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<NamedRef>,
    /// The password.
    #[serde(default)]
    pub password: Secret,
}

/// `{"id": "<token>"}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenMethod {
    /// The token.
    pub id: Secret,
}

/// An application credential by id, or by name and user.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppCredentialMethod {
    /// The id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whose it is, where it is given by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<ScopedRef>,
    /// The secret.
    pub secret: Secret,
}

/// Something by id or by name (a domain, a role).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NamedRef {
    /// The id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// Something by id, or by name and domain (a project, a user).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScopedRef {
    /// The id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The name's domain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<NamedRef>,
}

/// What a token is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthScope {
    /// Nothing but asking for scoped ones. On the wire `"unscoped"` or `{"unscoped": {}}`.
    Unscoped,
    /// One project.
    Project(ScopedRef),
    /// One domain.
    Domain(NamedRef),
    /// The whole cloud: `{"system": {"all": true}}`.
    System,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ScopeObject {
    Project(ScopedRef),
    Domain(NamedRef),
    System(SystemScope),
    Unscoped(crate::api::wire::Nothing),
}

/// `{"all": true}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemScope {
    /// Always true.
    pub all: bool,
}

impl Serialize for AuthScope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Unscoped => serializer.serialize_str("unscoped"),
            Self::Project(project) => ScopeObject::Project(project.clone()).serialize(serializer),
            Self::Domain(domain) => ScopeObject::Domain(domain.clone()).serialize(serializer),
            Self::System => ScopeObject::System(SystemScope { all: true }).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for AuthScope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Word(String),
            Object(ScopeObject),
        }
        match Written::deserialize(deserializer)? {
            Written::Word(word) if word == "unscoped" => Ok(Self::Unscoped),
            Written::Word(_) => Err(serde::de::Error::custom(
                "scope must be 'unscoped' or one of project, domain, system",
            )),
            Written::Object(ScopeObject::Project(project)) => Ok(Self::Project(project)),
            Written::Object(ScopeObject::Domain(domain)) => Ok(Self::Domain(domain)),
            Written::Object(ScopeObject::System(_)) => Ok(Self::System),
            Written::Object(ScopeObject::Unscoped(_)) => Ok(Self::Unscoped),
        }
    }
}

/// `{"token": {…}}`, answer to `POST` (201) and `GET /v3/auth/tokens` (200).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenBody {
    /// The token's data.
    pub token: Token,
}

/// What a token says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Token {
    /// How it was obtained.
    pub methods: Vec<String>,
    /// Whose it is.
    pub user: TokenUser,
    /// Short ids for logs, the parent's second.
    pub audit_ids: Vec<String>,
    /// When it ends.
    pub expires_at: String,
    /// When it was issued.
    pub issued_at: String,
    /// Its project, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<TokenProject>,
    /// Whether that project acts as a domain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_domain: Option<bool>,
    /// Its domain, if it is for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<IdName>,
    /// Present if it is for the whole cloud.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system: Option<SystemScope>,
    /// The user's roles there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<IdName>,
    /// Where the services are; absent from an unscoped token and with `?nocatalog`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub catalog: Option<Vec<CatalogService>>,
}

/// Id and name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct IdName {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
}

/// The user of a token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TokenUser {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Domain.
    pub domain: IdName,
    /// When the password must be changed, if ever.
    pub password_expires_at: Option<String>,
}

/// The project of a token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TokenProject {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Domain.
    pub domain: IdName,
}

/// `{"catalog": […], "links": {…}}`, answer to `GET /v3/auth/catalog`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CatalogBody {
    /// The services.
    pub catalog: Vec<CatalogService>,
    /// Links.
    pub links: super::CollectionLinks,
}

/// A service in the catalog.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CatalogService {
    /// Id.
    pub id: String,
    /// `identity`, `compute`, `image`, `network`, `volumev3`, `block-storage`, `placement`, `skydeck`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `keystone`, `nova`, …
    #[serde(deserialize_with = "null_default")]
    pub name: String,
    /// Its addresses.
    pub endpoints: Vec<CatalogEndpoint>,
}

/// An address of a service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CatalogEndpoint {
    /// Id.
    pub id: String,
    /// `public`, `internal`, `admin`.
    pub interface: String,
    /// Region's id.
    pub region_id: Option<String>,
    /// The same, for old clients.
    pub region: Option<String>,
    /// The address.
    pub url: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn password_authentication_as_the_stock_client_sends_it() {
        let text = r#"{"auth": {"identity": {"methods": ["password"], "password": {"user": {"password": "s3cret",
            "name": "admin", "domain": {"name": "Default"}}}},
            "scope": {"project": {"name": "admin", "domain": {"id": "default"}}}}}"#;
        let request: AuthRequest = serde_json::from_str(text).unwrap();
        let user = &request.auth.identity.password.as_ref().unwrap().user;
        assert_eq!(user.password.expose(), "s3cret");
        assert!(!format!("{request:?}").contains("s3cret"));
        let Some(AuthScope::Project(project)) = &request.auth.scope else {
            panic!("a project scope")
        };
        assert_eq!(project.name.as_deref(), Some("admin"));
        let back: AuthRequest =
            serde_json::from_value(serde_json::to_value(&request).unwrap()).unwrap();
        assert_eq!(back, request);
    }

    #[test]
    fn all_scopes_are_read_and_written() {
        let read = |text| serde_json::from_str::<AuthScope>(text);
        assert_eq!(read(r#""unscoped""#).unwrap(), AuthScope::Unscoped);
        assert_eq!(read(r#"{"unscoped":{}}"#).unwrap(), AuthScope::Unscoped);
        assert_eq!(
            read(r#"{"system":{"all":true}}"#).unwrap(),
            AuthScope::System
        );
        assert!(read(r#""project""#).is_err());
        assert!(read(r#"{"galaxy":{}}"#).is_err());
        assert_eq!(
            serde_json::to_string(&AuthScope::System).unwrap(),
            r#"{"system":{"all":true}}"#
        );
    }

    #[test]
    fn a_token_as_keystone_sends_it() {
        let text = r#"{"token": {"methods": ["password"], "user": {"domain": {"id": "default", "name": "Default"},
            "id": "0ca8", "name": "admin", "password_expires_at": null}, "audit_ids": ["3T2dc1CG"],
            "expires_at": "2026-01-02T04:04:05.000000Z", "issued_at": "2026-01-02T03:04:05.000000Z",
            "project": {"domain": {"id": "default", "name": "Default"}, "id": "a6944d", "name": "admin"},
            "is_domain": false, "roles": [{"id": "51cc", "name": "admin"}], "catalog": [{"endpoints": [
            {"id": "e1", "interface": "public", "region": "RegionOne", "region_id": "RegionOne", "url": "http://c/identity"}],
            "id": "s1", "type": "identity", "name": "keystone"}]}}"#;
        let body: TokenBody = serde_json::from_str(text).unwrap();
        assert_eq!(body.token.roles[0].name, "admin");
        let catalog = body.token.catalog.as_ref().unwrap();
        assert_eq!(catalog[0].kind, "identity");
        let again = serde_json::to_value(&body).unwrap();
        let original: serde_json::Value = serde_json::from_str(text).unwrap();
        assert_eq!(again, original);
    }
}
