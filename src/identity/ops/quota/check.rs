//! Comparing with a limit.

use crate::error::{Error, Result};

/// Succeeds if `wanted` more fit below `limit` when `used` are in use; -1 is no limit. Nothing wanted always fits, also
/// above a limit that was lowered.
pub fn quota_check(resource: &'static str, wanted: i64, used: i64, limit: i64) -> Result<()> {
    if limit < 0 || wanted <= 0 || used.saturating_add(wanted) <= limit {
        return Ok(());
    }
    Err(Error::Quota {
        resource,
        wanted,
        used,
        limit,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_reached_and_not_exceeded() {
        for (wanted, used, limit, fits) in [
            (1, 9, 10, true),
            (1, 10, 10, false),
            (5, 1000, -1, true),
            (0, 11, 10, true),
            (i64::MAX, 1, 10, false),
            (1, 0, 0, false),
        ] {
            assert_eq!(
                quota_check("cores", wanted, used, limit).is_ok(),
                fits,
                "{wanted} {used} {limit}"
            );
        }
    }
}
