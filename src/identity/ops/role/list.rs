//! Listing roles.

use crate::context::Context;
use crate::error::Result;
use crate::identity::model::{Role, RoleGraph};
use crate::identity::store;

/// All roles by name.
pub async fn role_list(cx: &Context) -> Result<Vec<Role>> {
    let mut conn = cx.db.read().await?;
    Ok(store::role::list(&mut conn).await?)
}

/// All roles and which of them imply which.
pub async fn role_graph(cx: &Context) -> Result<RoleGraph> {
    let mut conn = cx.db.read().await?;
    Ok(store::role::graph(&mut conn).await?)
}
