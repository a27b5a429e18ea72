//! Who has which role where.

mod check;
mod create;
mod delete;
mod list;

pub use check::{assignment_check, assignment_roles};
pub use create::assignment_create;
pub use delete::assignment_delete;
pub use list::{assignment_list, assignment_list_named};

use crate::db::Conn;
use crate::error::{Error, Result};
use crate::identity::model::{Assignment, Holder, Target};
use crate::identity::store;

/// Name of the role, after looking whether role, holder and target are there.
async fn all_exist(conn: &mut Conn, assignment: &Assignment) -> Result<String> {
    sides_exist(conn, assignment.target, assignment.holder).await?;
    store::role::show(conn, assignment.role)
        .await?
        .map(|role| role.name)
        .ok_or_else(|| Error::not_found("role", assignment.role))
}

async fn sides_exist(conn: &mut Conn, target: Target, holder: Holder) -> Result<()> {
    let found = match target {
        Target::Project(id) => store::project::show(conn, id).await?.is_some(),
        Target::Domain(id) => store::domain::show(conn, id).await?.is_some(),
    };
    if !found {
        return Err(Error::not_found(target.kind(), target.id()));
    }
    let found = match holder {
        Holder::User(id) => store::user::show(conn, id).await?.is_some(),
        Holder::Group(id) => store::group::show(conn, id).await?.is_some(),
    };
    if !found {
        return Err(Error::not_found(holder.kind(), holder.id()));
    }
    Ok(())
}
