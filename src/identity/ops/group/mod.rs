//! Groups and their members.

mod create;
mod delete;
mod list;
mod member;
mod show;
mod update;

pub use create::group_create;
pub(super) use delete::delete_on_conn;
pub use delete::group_delete;
pub use list::{group_list, group_list_of_user};
pub use member::{group_member_add, group_member_check, group_member_list, group_member_remove};
pub use show::group_show;
pub use update::group_update;
