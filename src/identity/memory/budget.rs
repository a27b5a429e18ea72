//! So many a minute, and no more.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Counts within one minute, then begins again.
pub struct Budget {
    a_minute: u32,
    spent: Mutex<(Instant, u32)>,
}

impl Budget {
    pub(super) fn new(a_minute: u32) -> Self {
        Self {
            a_minute,
            spent: Mutex::new((Instant::now(), 0)),
        }
    }

    /// Whether there is one more in this minute.
    pub(in crate::identity) fn spend(&self, now: Instant) -> bool {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_duration_since(spent.0) >= Duration::from_secs(60) {
            *spent = (now, 0);
        }
        spent.1 = spent.1.saturating_add(1);
        spent.1 <= self.a_minute
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_has_its_share_and_the_next_another() {
        let budget = Budget::new(2);
        let now = Instant::now();
        assert!(budget.spend(now) && budget.spend(now) && !budget.spend(now));
        assert!(budget.spend(now + Duration::from_secs(61)));
    }
}
