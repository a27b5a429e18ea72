//! How the API learns whose a token is: it asks identity.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;

use crate::context::{Actor, Cloud};
use crate::error::Result;
use crate::identity;

/// Whoever bears the token; what a running cloud gives to [`super::app`].
pub fn authenticate(cloud: Arc<Cloud>, token: String) -> BoxFuture<'static, Result<Actor>> {
    async move { identity::ops::token_actor(&cloud, &token).await }.boxed()
}
