//! Domains: name spaces for projects, users and groups.

mod create;
mod delete;
mod list;
mod show;
mod update;

pub use create::domain_create;
pub use delete::domain_delete;
pub use list::{domain_list, domain_list_own};
pub use show::domain_show;
pub use update::domain_update;
