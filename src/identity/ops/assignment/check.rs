//! Asking for roles of one holder in one place.

use super::{all_exist, sides_exist};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::identity::model::{Assignment, AssignmentQuery, Holder, Role, Target};
use crate::identity::store;

/// Succeeds if exactly this assignment exists.
pub async fn assignment_check(cx: &Context, assignment: Assignment) -> Result<()> {
    let mut conn = cx.db.read().await?;
    let role = all_exist(&mut conn, &assignment).await?;
    let query = AssignmentQuery {
        holder: Some(assignment.holder),
        target: Some(assignment.target),
        role: Some(assignment.role),
    };
    if store::assignment::list(&mut conn, &query).await?.is_empty() {
        return Err(Error::not_found(
            "role assignment",
            format!("{role} of {}", assignment.holder.id()),
        ));
    }
    Ok(())
}

/// The roles that were directly given to the holder there, by name.
pub async fn assignment_roles(cx: &Context, target: Target, holder: Holder) -> Result<Vec<Role>> {
    let mut conn = cx.db.read().await?;
    sides_exist(&mut conn, target, holder).await?;
    let query = AssignmentQuery {
        holder: Some(holder),
        target: Some(target),
        role: None,
    };
    let given = store::assignment::list(&mut conn, &query).await?;
    let mut roles = store::role::list(&mut conn).await?;
    roles.retain(|role| given.iter().any(|found| found.role == role.id));
    Ok(roles)
}
