//! Looking at an application credential.

use crate::context::Context;
use crate::error::{Error, Result};
use crate::identity::model::AppCredential;
use crate::identity::ops::check;
use crate::identity::store;
use crate::ids::{AppCredentialId, UserId};

/// One credential of a user. For the user itself and for administrators.
pub async fn app_credential_show(
    cx: &Context,
    user: UserId,
    id: AppCredentialId,
) -> Result<AppCredential> {
    check::self_or_admin(cx, user)?;
    let mut conn = cx.db.read().await?;
    store::app_credential::show(&mut conn, id)
        .await?
        .filter(|found| found.user_id == user)
        .ok_or_else(|| Error::not_found("application credential", id))
}
