//! The SQL of identity, one file for each table or two that belong together.
pub(super) mod app_credential;
pub(super) mod assignment;
pub(super) mod audit;
pub(super) mod bootstrap;
pub(super) mod domain;
pub(super) mod group;
pub(super) mod project;
pub(super) mod quota;
pub(super) mod role;
pub(super) mod token;
pub(super) mod user;
