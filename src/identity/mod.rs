//! Who there is, what they may do, and proof of it: domains, projects, users, groups, roles, tokens; also the quotas of
//! projects and the audit.
//!
//! Passwords are argon2id hashes. A token is 256 random bits; only its SHA-256 is kept, so a copy of the database lets
//! nobody in, each token can be revoked by itself, and there are no keys to guard or rotate. (Fernet tokens were weighed:
//! they spare the row, but not the look-up that revocation needs, and their keys would be one more secret to lose.)
//!
//! Invariant: a token is good for exactly as long as its user, its project and their domains are enabled, and a role is
//! held there. Each user and project has a generation that rises when everything issued before shall be void (password
//! changed, disabled); a token remembers both, so one UPDATE revokes any number of tokens, also those that are being
//! issued at that moment. What is remembered of tokens in memory ([`Memory`]) is dropped by every change made in this
//! process, and within seconds after one made in another.
//!
//! | path | what |
//! |---|---|
//! | [`model`] | the nouns |
//! | [`ops`] | what can be done with them; [`ops::token_actor`] is what every request passes |
//! | [`bootstrap()`] | what the first start makes; to be called at every start, before the API listens |
mod api;
mod bootstrap;
mod memory;
pub mod model;
pub mod ops;
mod reconcile;
mod secret;
mod store;
pub mod wire;

pub use api::{authenticate, routes};
pub use bootstrap::bootstrap;
pub use memory::Memory;
pub use reconcile::periodic;
