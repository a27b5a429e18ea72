//! Taking a role away.

use super::all_exist;
use crate::context::{Change, Context};
use crate::error::{Error, Result};
use crate::identity::model::Assignment;
use crate::identity::ops::change::{self, Done};
use crate::identity::store;

/// Takes away a role that is held; tokens lose it at once.
pub async fn assignment_delete(cx: &Context, assignment: Assignment) -> Result<()> {
    let mut tx = cx.db.begin().await?;
    let role = all_exist(&mut tx, &assignment).await?;
    let (holder, target) = (assignment.holder, assignment.target);
    if !store::assignment::delete(&mut tx, &assignment).await? {
        return Err(Error::not_found(
            "role assignment",
            format!("{role} of {} {}", holder.kind(), holder.id()),
        ));
    }
    let what = format!("{role} on {} {}", target.kind(), target.id());
    let done = Done::new(
        "role_assignment_delete",
        holder.kind(),
        holder.id(),
        &what,
        Change::Updated,
    );
    change::commit_safely(cx, tx, done).await
}
