//! Keystone v3, under `/identity/v3`.
//!
//! Authentication and tokens are in [`mod@auth`], domains, projects, users and roles in [`mod@resource`], services, endpoints
//! and regions in [`mod@registry`]; all are re-exported. Keystone pages nothing here: a list has `links` with `next` and `previous` always `null`.

pub mod app_credential;
pub mod auth;
pub mod group;
pub mod inference;
pub mod registry;
pub mod resource;

pub use app_credential::*;
pub use auth::*;
pub use group::*;
pub use inference::*;
pub use registry::*;
pub use resource::*;
