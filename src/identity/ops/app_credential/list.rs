//! Listing application credentials.

use crate::context::Context;
use crate::error::Result;
use crate::identity::model::AppCredential;
use crate::identity::ops::check;
use crate::identity::store;
use crate::ids::UserId;

/// A user's credentials by name. For the user itself and for administrators.
pub async fn app_credential_list(cx: &Context, user: UserId) -> Result<Vec<AppCredential>> {
    check::self_or_admin(cx, user)?;
    let mut conn = cx.db.read().await?;
    Ok(store::app_credential::list(&mut conn, user).await?)
}
