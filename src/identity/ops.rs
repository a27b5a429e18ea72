//! What can be done in identity. Rights were checked before, by the rule of the route; operations themselves look only at
//! whose thing it is ([`check::self_or_admin`]). Every change ends in [`change`].

mod app_credential;
mod assignment;
mod audit;
mod catalog;
mod change;
mod check;
mod domain;
mod group;
mod project;
mod quota;
mod role;
mod token;
mod user;

pub use app_credential::*;
pub use assignment::*;
pub use audit::*;
pub use catalog::*;
pub use check::new_password as password_check;
pub use domain::*;
pub use group::*;
pub use project::*;
pub use quota::*;
pub use role::*;
pub use token::*;
pub use user::*;

#[cfg(test)]
mod tests;
