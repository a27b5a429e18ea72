//! Making an application credential.

use super::refuse_restricted;
use crate::context::{Change, Context};
use crate::error::{Error, Result};
use crate::identity::model::{AppCredential, AppCredentialNew, Session};
use crate::identity::ops::change::{self, Done};
use crate::identity::ops::check;
use crate::identity::{secret, store};
use crate::ids::{AppCredentialId, RoleId, Time, UserId};

/// Most credentials of one user.
const MOST: usize = 1000;

/// A credential that was just made. It holds the secret, hence no `Debug`.
pub struct NewAppCredential {
    /// The credential.
    pub credential: AppCredential,
    /// Its secret, told once and kept nowhere.
    pub secret: String,
}

/// Makes a credential for the caller itself, for the project of its token (`session`).
pub async fn app_credential_create(
    cx: &Context,
    session: &Session,
    user: UserId,
    new: AppCredentialNew,
) -> Result<NewAppCredential> {
    if session.user.id != user {
        return Err(Error::Forbidden(
            "only the user itself can make its application credentials".into(),
        ));
    }
    refuse_restricted(session)?;
    let project = cx.project()?.id;
    check::name("application_credential.name", &new.name)?;
    check::text(
        "application_credential.description",
        new.description.as_deref().unwrap_or_default(),
    )?;
    if new.expires_at.is_some_and(|end| end <= Time::now()) {
        return Err(Error::invalid(
            "application_credential.expires_at",
            "is in the past",
        ));
    }
    let roles = roles(session, new.roles.as_deref())?;
    let secret = match new.secret {
        Some(secret) => {
            check::new_password("application_credential.secret", &secret)?;
            secret
        }
        None => secret::random(),
    };
    let credential = AppCredential {
        id: AppCredentialId::new(),
        user_id: user,
        project_id: project,
        name: new.name,
        description: new.description,
        secret_hash: cx.identity.passwords.hash(&secret).await?,
        unrestricted: new.unrestricted,
        roles,
        created_at: Time::now(),
        expires_at: new.expires_at,
    };
    let mut tx = cx.db.begin().await?;
    if store::app_credential::list(&mut tx, user).await?.len() >= MOST {
        return Err(Error::Forbidden(format!(
            "a user can have {MOST} application credentials; delete one first"
        )));
    }
    store::app_credential::insert(&mut tx, &credential)
        .await
        .map_err(|error| change::taken(error, "application credential", &credential.name))?;
    let done = Done::new(
        "application_credential_create",
        "application_credential",
        credential.id,
        &credential.name,
        Change::Created,
    );
    change::commit(cx, tx, done).await?;
    Ok(NewAppCredential { credential, secret })
}

/// The wanted roles among those of the token; all of them when none is named.
fn roles(session: &Session, wanted: Option<&[String]>) -> Result<Vec<RoleId>> {
    let Some(wanted) = wanted.filter(|wanted| !wanted.is_empty()) else {
        return Ok(session.roles.iter().map(|role| role.id).collect());
    };
    wanted
        .iter()
        .map(|named| {
            session
                .roles
                .iter()
                .find(|role| role.name == *named || role.id.to_string() == *named)
                .map(|role| role.id)
                .ok_or_else(|| {
                    Error::invalid(
                        "application_credential.roles",
                        format!("{named} is no role of {} here", session.user.name),
                    )
                })
        })
        .collect()
}
