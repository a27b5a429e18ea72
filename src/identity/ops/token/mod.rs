//! Tokens: proving who one is, and what the proof is good for.

mod actor;
mod authenticate;
mod issue;
mod prune;
mod revoke;
mod session;
mod show;

pub use actor::token_actor;
pub(super) use authenticate::authenticate;
pub use issue::{Issued, token_issue};
pub use prune::token_prune;
pub use revoke::token_revoke;
pub use session::token_session;
pub use show::token_show;

use sha2::{Digest, Sha256};

/// What the database and memory know a token by.
fn hash(token: &str) -> String {
    hex::encode(Sha256::digest(token.as_bytes()))
}
