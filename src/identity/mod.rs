//! Domains, projects, users, roles and tokens.
pub mod wire;
