//! Users.

mod create;
mod delete;
mod list;
mod password;
mod show;
mod update;

pub use create::user_create;
pub(super) use delete::delete_on_conn;
pub use delete::user_delete;
pub use list::user_list;
pub use password::user_password_change;
pub use show::user_show;
pub use update::user_update;
