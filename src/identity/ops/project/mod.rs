//! Projects: the owners of resources.

mod create;
mod delete;
mod list;
mod show;
mod update;

pub use create::project_create;
pub(super) use delete::delete_on_conn;
pub use delete::project_delete;
pub use list::{project_list, project_list_of_user, project_list_own};
pub use show::project_show;
pub use update::project_update;
