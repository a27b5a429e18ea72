//! Looking at a token.

use std::sync::Arc;

use crate::context::Context;
use crate::error::{Error, Result};
use crate::identity::model::Session;
use crate::identity::ops::{check, token_session};

/// What a token says. Users may look at their own, administrators at all. One that is not valid is not found.
pub async fn token_show(cx: &Context, subject: &str) -> Result<Arc<Session>> {
    let session = match token_session(cx.cloud(), subject).await {
        Err(Error::Unauthorized(_)) => Err(Error::NotFound {
            kind: "token",
            id: "of this request".into(),
        }),
        other => other,
    }?;
    check::self_or_admin(cx, session.user.id)?;
    Ok(session)
}
