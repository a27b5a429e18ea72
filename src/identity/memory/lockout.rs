//! Short lockouts after failed attempts, to make guessing slow.
//!
//! Failures are counted for what was claimed, whether there is such a user or not, so that a lockout tells nothing about
//! who exists. After [`ALLOWED`] failures each further one locks for [`LOCK`]; a success or [`FORGET`] without a failure
//! clears the count. The lock is short on purpose: whoever knows a name must not be able to keep its owner out for long.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use crate::ids::{AppCredentialId, UserId};

/// Failures without consequence.
pub const ALLOWED: u32 = 5;
/// How long a lock lasts.
pub const LOCK: Duration = Duration::from_secs(30);
/// After this time a failure is forgotten.
const FORGET: Duration = Duration::from_secs(300);
/// Most claims that are remembered.
const CAPACITY: usize = 4096;

/// Whoever an attempt claims to be, as a hash: names come from outside and may be long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Claimed([u8; 32]);

impl Claimed {
    /// A user that exists.
    pub fn user(id: UserId) -> Self {
        Self::of(&["user", &id.to_string()])
    }

    /// A user that was not found, by all that was said about it.
    pub fn stranger(said: &str) -> Self {
        Self::of(&["stranger", said])
    }

    /// An application credential.
    pub fn app_credential(id: AppCredentialId) -> Self {
        Self::of(&["application credential", &id.to_string()])
    }

    fn of(parts: &[&str]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        Self(hash.finalize().into())
    }
}

struct Failures {
    count: u32,
    last: Instant,
}

/// Failures by claim.
#[derive(Default)]
pub struct Lockouts {
    failures: Mutex<HashMap<Claimed, Failures>>,
}

impl Lockouts {
    /// How long the claim is locked from now; `None` if it is not.
    pub fn locked(&self, who: Claimed, now: Instant) -> Option<Duration> {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let found = failures.get(&who).filter(|found| found.count >= ALLOWED)?;
        LOCK.checked_sub(now.saturating_duration_since(found.last))
            .filter(|left| !left.is_zero())
    }

    /// Counts a failure.
    pub fn failed(&self, who: Claimed, now: Instant) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() >= CAPACITY && !failures.contains_key(&who) {
            make_room(&mut failures, now);
        }
        let entry = failures.entry(who).or_insert(Failures {
            count: 0,
            last: now,
        });
        if now.saturating_duration_since(entry.last) >= FORGET {
            entry.count = 0;
        }
        entry.count = entry.count.saturating_add(1);
        entry.last = now;
    }

    /// Forgets all failures of the claim.
    pub fn succeeded(&self, who: Claimed) {
        self.failures
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&who);
    }
}

fn make_room(failures: &mut HashMap<Claimed, Failures>, now: Instant) {
    failures.retain(|_, found| now.saturating_duration_since(found.last) < FORGET);
    if failures.len() < CAPACITY {
        return;
    }
    // The least guilty goes first, so that a flood of new names does not free a claim that is locked.
    let victim = failures
        .iter()
        .min_by_key(|(_, found)| (found.count, found.last))
        .map(|(who, _)| *who);
    if let Some(victim) = victim {
        failures.remove(&victim);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_begins_after_the_allowed_failures_and_ends_by_itself() {
        let (lockouts, who, now) = (
            Lockouts::default(),
            Claimed::stranger("a"),
            Instant::now() + FORGET,
        );
        for _ in 0..ALLOWED {
            assert_eq!(lockouts.locked(who, now), None);
            lockouts.failed(who, now);
        }
        assert_eq!(lockouts.locked(who, now), Some(LOCK));
        assert_eq!(lockouts.locked(Claimed::stranger("b"), now), None);
        let later = now + LOCK;
        assert_eq!(lockouts.locked(who, later), None);
        lockouts.failed(who, later);
        assert_eq!(lockouts.locked(who, later), Some(LOCK));
        lockouts.succeeded(who);
        assert_eq!(lockouts.locked(who, later), None);
        lockouts.failed(who, later);
        lockouts.failed(who, later + FORGET);
        assert_eq!(lockouts.locked(who, later + FORGET), None);
    }

    #[test]
    fn a_flood_of_names_neither_grows_the_table_nor_frees_a_locked_claim() {
        let (lockouts, locked, now) = (
            Lockouts::default(),
            Claimed::stranger("victim"),
            Instant::now(),
        );
        for _ in 0..ALLOWED {
            lockouts.failed(locked, now);
        }
        for number in 0..CAPACITY + 100 {
            lockouts.failed(Claimed::stranger(&number.to_string()), now);
        }
        assert!(lockouts.failures.lock().unwrap().len() <= CAPACITY);
        assert!(lockouts.locked(locked, now).is_some());
    }
}
