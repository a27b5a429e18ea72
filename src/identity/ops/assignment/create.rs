//! Giving a role.

use super::all_exist;
use crate::context::{Change, Context};
use crate::error::Result;
use crate::identity::model::Assignment;
use crate::identity::ops::change::{self, Done};
use crate::identity::store;

/// Gives a role. It is no error if it was held.
pub async fn assignment_create(cx: &Context, assignment: Assignment) -> Result<()> {
    let mut tx = cx.db.begin().await?;
    let role = all_exist(&mut tx, &assignment).await?;
    store::assignment::insert(&mut tx, &assignment).await?;
    let (holder, target) = (assignment.holder, assignment.target);
    let what = format!("{role} on {} {}", target.kind(), target.id());
    let done = Done::new(
        "role_assignment_create",
        holder.kind(),
        holder.id(),
        &what,
        Change::Updated,
    );
    change::commit(cx, tx, done).await
}
