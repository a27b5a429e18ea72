//! Proving who one is. Every failure looks the same from outside and takes as long, whether the user exists or not.

use std::time::Instant;

use super::session::void;
use crate::context::Context;
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::identity::memory::Claimed;
use crate::identity::model::{
    AppCredential, AppCredentialRef, DomainRef, NameRef, Project, Proof, Session, User,
};
use crate::identity::ops::{audit, check, token_session};
use crate::identity::store;
use crate::ids::{DomainId, ProjectId, Time};

/// Somebody who proved who they are.
pub(in crate::identity::ops) struct Proven {
    pub user: User,
    pub methods: Vec<String>,
    /// The token that was shown, if one was; what is made of it ends when it ends.
    pub parent: Option<std::sync::Arc<Session>>,
    /// The application credential that was shown, or that the shown token was made of.
    pub app_credential: Option<AppCredential>,
}

pub(in crate::identity::ops) async fn authenticate(cx: &Context, proof: &Proof) -> Result<Proven> {
    match proof {
        Proof::Password { user, password } => by_password(cx, user, password).await,
        Proof::Token(token) => by_token(cx, token).await,
        Proof::AppCredential { credential, secret } => {
            by_app_credential(cx, credential, secret).await
        }
    }
}

async fn by_password(cx: &Context, named: &NameRef, password: &str) -> Result<Proven> {
    check::password("auth.identity.password.user.password", password)?;
    let mut conn = cx.db.read().await?;
    let found = find_user(&mut conn, named).await?;
    let hash = match &found {
        Some(user) => store::user::password_hash(&mut conn, user.id).await?,
        None => None,
    };
    drop(conn);
    let claim = Claim {
        who: found.as_ref().map_or_else(
            || Claimed::stranger(&named.to_string()),
            |user| Claimed::user(user.id),
        ),
        said: named.to_string(),
        resource: found.as_ref().map(|user| ("user", user.id.to_string())),
    };
    compare(cx, &claim, password, hash).await?;
    Ok(Proven {
        user: found.ok_or_else(wrong)?,
        methods: vec!["password".into()],
        parent: None,
        app_credential: None,
    })
}

async fn by_token(cx: &Context, token: &str) -> Result<Proven> {
    let session = token_session(cx.cloud(), token).await?;
    let mut methods = vec!["token".to_owned()];
    methods.extend(
        session
            .record
            .methods
            .iter()
            .filter(|method| *method != "token")
            .cloned(),
    );
    Ok(Proven {
        user: session.user.clone(),
        methods,
        app_credential: session.app_credential.clone(),
        parent: Some(session),
    })
}

async fn by_app_credential(cx: &Context, named: &AppCredentialRef, secret: &str) -> Result<Proven> {
    check::password("auth.identity.application_credential.secret", secret)?;
    let mut conn = cx.db.read().await?;
    let found = find_app_credential(&mut conn, named).await?;
    let user = match &found {
        Some(found) => store::user::show(&mut conn, found.user_id).await?,
        None => None,
    };
    drop(conn);
    let claim = Claim {
        who: found.as_ref().map_or_else(
            || Claimed::stranger(&named.to_string()),
            |found| Claimed::app_credential(found.id),
        ),
        said: named.to_string(),
        resource: found
            .as_ref()
            .map(|found| ("application_credential", found.id.to_string())),
    };
    let hash = found.as_ref().map(|found| found.secret_hash.clone());
    compare(cx, &claim, secret, hash).await?;
    match (found, user) {
        (Some(found), Some(user)) => {
            if found.expires_at.is_some_and(|end| end <= Time::now()) {
                return Err(void("the application credential has ended"));
            }
            Ok(Proven {
                user,
                methods: vec!["application_credential".into()],
                parent: None,
                app_credential: Some(found),
            })
        }
        _ => Err(wrong()),
    }
}

/// Who somebody claims to be.
struct Claim {
    who: Claimed,
    said: String,
    resource: Option<(&'static str, String)>,
}

impl Claim {
    async fn failed(&self, cx: &Context, reason: &str) {
        let resource = self.resource.as_ref().map(|(kind, id)| (*kind, &**id));
        audit::failure_record(cx, &self.said, resource, reason).await;
    }
}

/// Succeeds if the secret has the hash; counts what does not, and refuses whoever failed too often lately.
async fn compare(cx: &Context, claim: &Claim, secret: &str, hash: Option<String>) -> Result<()> {
    let memory = &cx.identity;
    refuse_locked(cx, claim)?;
    let slot = memory.passwords.slot().await?;
    // Others may have failed while this one waited.
    refuse_locked(cx, claim)?;
    if memory.passwords.verify(slot, secret, hash).await? {
        memory.lockouts.succeeded(claim.who);
        return Ok(());
    }
    memory.lockouts.failed(claim.who, Instant::now());
    claim.failed(cx, "wrong user or password").await;
    Err(wrong())
}

fn refuse_locked(cx: &Context, claim: &Claim) -> Result<()> {
    match cx.identity.lockouts.locked(claim.who, Instant::now()) {
        None => Ok(()),
        Some(left) => Err(Error::Unauthorized(format!(
            "too many failed attempts; try again in {} seconds",
            left.as_secs() + 1
        ))),
    }
}

fn wrong() -> Error {
    Error::Unauthorized(
        "the user, its domain or the password is wrong, or the user can not log in".into(),
    )
}

pub(super) async fn find_domain(conn: &mut Conn, named: &DomainRef) -> Result<Option<DomainId>> {
    let found = match named {
        DomainRef::Id(text) => match text.parse() {
            Ok(id) => store::domain::show(conn, id).await?,
            Err(_) => None,
        },
        DomainRef::Name(name) => store::domain::find(conn, name).await?,
    };
    Ok(found.map(|domain| domain.id))
}

async fn find_user(conn: &mut Conn, named: &NameRef) -> Result<Option<User>> {
    match named {
        NameRef::Id(text) => match text.parse() {
            Ok(id) => Ok(store::user::show(conn, id).await?),
            Err(_) => Ok(None),
        },
        NameRef::Name(name, domain) => match find_domain(conn, domain).await? {
            Some(domain) => Ok(store::user::find(conn, domain, name).await?),
            None => Ok(None),
        },
    }
}

pub(super) async fn find_project(conn: &mut Conn, named: &NameRef) -> Result<Option<Project>> {
    match named {
        NameRef::Id(text) => match text.parse::<ProjectId>() {
            Ok(id) => Ok(store::project::show(conn, id).await?),
            Err(_) => Ok(None),
        },
        NameRef::Name(name, domain) => match find_domain(conn, domain).await? {
            Some(domain) => Ok(store::project::find(conn, domain, name).await?),
            None => Ok(None),
        },
    }
}

async fn find_app_credential(
    conn: &mut Conn,
    named: &AppCredentialRef,
) -> Result<Option<AppCredential>> {
    match named {
        AppCredentialRef::Id(text) => match text.parse() {
            Ok(id) => Ok(store::app_credential::show(conn, id).await?),
            Err(_) => Ok(None),
        },
        AppCredentialRef::Name(name, user) => match find_user(conn, user).await? {
            Some(user) => Ok(store::app_credential::find(conn, user.id, name).await?),
            None => Ok(None),
        },
    }
}
