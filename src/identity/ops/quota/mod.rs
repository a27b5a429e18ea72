//! Quotas: the configured limits, and per project those that an administrator set instead. What is in use is not kept
//! anywhere: the service that owns a resource counts it in the transaction that adds to it.

mod check;
mod limit;
mod reset;
mod set;

pub use check::quota_check;
pub use limit::{quota_defaults, quota_limit_on_conn, quota_limits};
pub use reset::quota_reset;
pub use set::quota_set;
