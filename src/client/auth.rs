//! Tokens: acquired when first needed, renewed before they end or when a service refuses one.
//!
//! Invariant: at most one login is under way; whoever needs a token meanwhile waits for it. A service's refusal names the
//! token it refused, so that a token that was renewed in between is not thrown away.

use std::sync::Arc;

use reqwest::header::HeaderValue;
use tokio::sync::Mutex;

use super::catalog::Catalog;
use super::clouds::{CloudConfig, Credentials, Scope};
use super::error::{ClientError, Result};
use super::transport::Transport;
use crate::api::wire::{ErrorInfo, SUBJECT_TOKEN_HEADER, Secret};
use crate::identity::wire::{
    AppCredentialMethod, Auth, AuthIdentity, AuthRequest, AuthScope, PasswordMethod, PasswordUser,
    Token, TokenBody, TokenMethod,
};
use crate::ids::Time;

/// Seconds before its end at which a token counts as ended.
const MARGIN: i64 = 60;
/// Largest answer to a login. Catalogs of large clouds have some hundred kilobytes.
const MAX_ANSWER: usize = 8 * 1024 * 1024;

/// A token and what came with it.
pub struct Session {
    /// The token itself, marked so that it is not printed.
    pub(super) token: HeaderValue,
    /// What the token says.
    pub info: Token,
    /// Where the services are.
    pub catalog: Catalog,
    ends: Option<Time>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("user", &self.info.user.name)
            .field("expires_at", &self.info.expires_at)
            .finish_non_exhaustive()
    }
}

impl Session {
    /// The token, for `token issue`.
    pub fn token(&self) -> Secret {
        Secret::new(String::from_utf8_lossy(self.token.as_bytes()))
    }

    /// Id of the token's project.
    pub fn project_id(&self) -> Option<&str> {
        self.info
            .project
            .as_ref()
            .map(|project| project.id.as_str())
    }

    fn is_fresh(&self) -> bool {
        self.ends
            .is_none_or(|ends| Time::now().plus_seconds(MARGIN) < ends)
    }
}

/// Who one is, and the token that proves it.
pub(super) struct Authenticator {
    request: AuthRequest,
    session: Mutex<Option<Arc<Session>>>,
}

impl Authenticator {
    /// Nothing is asked for yet.
    pub fn new(config: &CloudConfig) -> Self {
        Self {
            request: auth_request(&config.credentials, &config.scope),
            session: Mutex::new(None),
        }
    }

    /// A session that is not about to end.
    pub async fn session(&self, transport: &Transport) -> Result<Arc<Session>> {
        let mut current = self.session.lock().await;
        match &*current {
            Some(session) if session.is_fresh() => Ok(session.clone()),
            _ => {
                let session = Arc::new(login(transport, &self.request).await?);
                *current = Some(session.clone());
                Ok(session)
            }
        }
    }

    /// Forgets a session that a service refused, unless another one has taken its place.
    pub async fn refused(&self, session: &Arc<Session>) {
        let mut current = self.session.lock().await;
        if current
            .as_ref()
            .is_some_and(|now| Arc::ptr_eq(now, session))
        {
            *current = None;
        }
    }
}

/// Logs in.
async fn login(transport: &Transport, request: &AuthRequest) -> Result<Session> {
    let mut url = transport.auth_url()?;
    super::catalog::extend_path(&mut url, "v3", &["v3"]);
    let endpoint = transport.name(&url);
    super::catalog::push_path(&mut url, &["auth", "tokens"]);
    let what = "POST /auth/tokens";
    let response = transport
        .http
        .post(url.clone())
        .timeout(transport.timeout)
        .json(request)
        .send()
        .await
        .map_err(|error| transport.failure(&error, &url, what))?;
    let status = response.status();
    let token = response.headers().get(SUBJECT_TOKEN_HEADER).cloned();
    let body = super::request::read_bounded(response, MAX_ANSWER)
        .await
        .map_err(|error| error.into_client(transport, &url, "identity", what))?;
    if !status.is_success() {
        let info = ErrorInfo::parse(status.as_u16(), &body);
        if status.as_u16() == 401 {
            let message = info.message;
            return Err(ClientError::Login { endpoint, message });
        }
        return Err(ClientError::Refused {
            service: "identity",
            what: what.to_owned(),
            info: Box::new(info),
        });
    }
    let unreadable = |reason: String| ClientError::Unreadable {
        service: "identity",
        what: what.to_owned(),
        reason,
    };
    let mut token = token.ok_or_else(|| unreadable("there is no X-Subject-Token".to_owned()))?;
    token.set_sensitive(true);
    let mut info = serde_json::from_slice::<TokenBody>(&body)
        .map_err(|error| unreadable(error.to_string()))?
        .token;
    let catalog = Catalog::new(info.catalog.take().unwrap_or_default());
    Ok(Session {
        token,
        ends: parse_time(&info.expires_at),
        info,
        catalog,
    })
}

/// A time of Keystone's; with `Z`, with an offset, or without a zone.
fn parse_time(text: &str) -> Option<Time> {
    let timestamp: jiff::Timestamp = text.parse().or_else(|_| format!("{text}Z").parse()).ok()?;
    Some(Time(timestamp.as_microsecond()))
}

fn auth_request(credentials: &Credentials, scope: &Scope) -> AuthRequest {
    let identity = match credentials {
        Credentials::Password(user, password) => AuthIdentity {
            methods: vec!["password".to_owned()],
            password: Some(PasswordMethod {
                user: PasswordUser {
                    id: user.id.clone(),
                    name: user.name.clone(),
                    domain: user.domain.clone(),
                    password: password.clone(),
                },
            }),
            ..AuthIdentity::default()
        },
        Credentials::Token(token) => AuthIdentity {
            methods: vec!["token".to_owned()],
            token: Some(TokenMethod { id: token.clone() }),
            ..AuthIdentity::default()
        },
        Credentials::ApplicationCredential(credential, user, secret) => AuthIdentity {
            methods: vec!["application_credential".to_owned()],
            application_credential: Some(AppCredentialMethod {
                id: credential.id.clone(),
                name: credential.name.clone(),
                user: user.clone(),
                secret: secret.clone(),
            }),
            ..AuthIdentity::default()
        },
    };
    // An application credential brings its own scope, and Keystone refuses another.
    let scope = match (credentials, scope) {
        (Credentials::ApplicationCredential(..), _) | (_, Scope::Default) => None,
        (_, Scope::Project(project)) => Some(AuthScope::Project(project.clone())),
        (_, Scope::Domain(domain)) => Some(AuthScope::Domain(domain.clone())),
        (_, Scope::System) => Some(AuthScope::System),
    };
    AuthRequest {
        auth: Auth { identity, scope },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_tokens_are_read_in_all_their_forms() {
        let expected = Some(Time(1_767_323_045_000_000));
        assert_eq!(parse_time("2026-01-02T03:04:05.000000Z"), expected);
        assert_eq!(parse_time("2026-01-02T04:04:05+01:00"), expected);
        assert_eq!(parse_time("2026-01-02T03:04:05"), expected);
        assert_eq!(parse_time("soon"), None);
    }
}
