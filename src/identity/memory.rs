//! What identity keeps in memory, all of it bounded and none of it needed: after a restart tokens are looked up again
//! and failures are counted anew.

mod budget;
mod lockout;
mod passwords;
mod tokens;

use budget::Budget;
pub(super) use lockout::{Claimed, Lockouts};
pub(super) use passwords::Passwords;
pub(super) use tokens::Tokens;

/// Entries of failed authentications that one process adds to the audit in a minute; more are only logged, so that
/// guessing can not fill the disk.
const FAILURES_A_MINUTE: u32 = 120;

/// One control process's memory of tokens and failures.
pub struct Memory {
    pub(super) tokens: Tokens,
    pub(super) lockouts: Lockouts,
    pub(super) passwords: Passwords,
    pub(super) failures: Budget,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            tokens: Tokens::default(),
            lockouts: Lockouts::default(),
            passwords: Passwords::default(),
            failures: Budget::new(FAILURES_A_MINUTE),
        }
    }
}
