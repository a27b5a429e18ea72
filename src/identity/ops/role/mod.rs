//! Roles, and which of them imply which.

mod create;
mod delete;
mod imply;
mod list;
mod show;
mod update;

pub use create::role_create;
pub use delete::role_delete;
pub use imply::{role_implied_add, role_implied_check, role_implied_remove};
pub use list::{role_graph, role_list};
pub use show::role_show;
pub use update::role_update;
