//! Deleting an application credential.

use super::{app_credential_show, refuse_restricted};
use crate::context::{Change, Context};
use crate::error::Result;
use crate::identity::model::Session;
use crate::identity::ops::change::{self, Done};
use crate::identity::store;
use crate::ids::{AppCredentialId, UserId};

/// Deletes a credential; its tokens become void. For the user itself and for administrators.
pub async fn app_credential_delete(
    cx: &Context,
    session: &Session,
    user: UserId,
    id: AppCredentialId,
) -> Result<()> {
    refuse_restricted(session)?;
    let credential = app_credential_show(cx, user, id).await?;
    let mut tx = cx.db.begin().await?;
    store::app_credential::delete(&mut tx, id).await?;
    let done = Done::new(
        "application_credential_delete",
        "application_credential",
        id,
        &credential.name,
        Change::Deleted,
    );
    change::commit(cx, tx, done).await
}
