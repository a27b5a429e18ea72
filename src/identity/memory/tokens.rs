//! Tokens that were found valid a moment ago, by their hash.
//!
//! Any change in identity made in this process clears all of it: changes are rare, look-ups are not, and nothing can be
//! forgotten that way. A change by another process is noticed when an entry is [`TTL`] old. A look-up that began before
//! a change must not put back what it read: it hands in the epoch that it saw, and an old one is refused.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::identity::model::Session;

/// How long an entry is trusted.
const TTL: Duration = Duration::from_secs(3);
/// Most entries.
const CAPACITY: usize = 4096;

#[derive(Default)]
struct Inner {
    epoch: u64,
    entries: HashMap<String, (Arc<Session>, Instant)>,
}

/// The tokens.
#[derive(Default)]
pub struct Tokens {
    inner: Mutex<Inner>,
}

impl Tokens {
    /// The session of the token with this hash, and the epoch in which a look-up would begin. Whether the token has
    /// ended meanwhile is for the caller to see.
    pub fn get(&self, hash: &str, now: Instant) -> (Option<Arc<Session>>, u64) {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let found = inner
            .entries
            .get(hash)
            .filter(|(_, since)| now.saturating_duration_since(*since) < TTL)
            .map(|(session, _)| session.clone());
        (found, inner.epoch)
    }

    /// Remembers a session that was looked up since `epoch`.
    pub fn put(&self, session: &Arc<Session>, epoch: u64, now: Instant) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.epoch != epoch {
            return;
        }
        if inner.entries.len() >= CAPACITY {
            inner
                .entries
                .retain(|_, (_, since)| now.saturating_duration_since(*since) < TTL);
            // More than that are in use at once: start over instead of searching for the oldest each time.
            if inner.entries.len() >= CAPACITY {
                inner.entries.clear();
            }
        }
        inner
            .entries
            .insert(session.record.hash.clone(), (session.clone(), now));
    }

    /// Forgets everything, after a change was committed.
    pub fn clear(&self) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.epoch += 1;
        inner.entries.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::model::{TokenRecord, TokenScope, User};
    use crate::ids::{DomainId, Time, UserId};

    fn session(hash: &str) -> Arc<Session> {
        let user_id = UserId::new();
        Arc::new(Session {
            record: TokenRecord {
                hash: hash.into(),
                user_id,
                user_generation: 0,
                project_id: None,
                project_generation: None,
                domain_id: None,
                app_credential_id: None,
                methods: vec![],
                audit_id: String::new(),
                parent_audit_id: None,
                issued_at: Time(0),
                expires_at: Time(0),
            },
            user: User {
                id: user_id,
                domain_id: DomainId::DEFAULT,
                name: "u".into(),
                enabled: true,
                default_project_id: None,
                description: None,
                email: None,
                generation: 0,
            },
            user_domain_name: "Default".into(),
            scope: TokenScope::Unscoped,
            roles: vec![],
            app_credential: None,
        })
    }

    #[test]
    fn an_entry_lives_shortly_and_not_past_a_change() {
        let (tokens, now) = (Tokens::default(), Instant::now());
        let (none, epoch) = tokens.get("a", now);
        assert!(none.is_none());
        tokens.put(&session("a"), epoch, now);
        assert!(tokens.get("a", now).0.is_some());
        assert!(tokens.get("a", now + TTL).0.is_none());
        tokens.clear();
        assert!(tokens.get("a", now).0.is_none());
        tokens.put(&session("a"), epoch, now);
        assert!(
            tokens.get("a", now).0.is_none(),
            "read before the change, put after it"
        );
    }

    #[test]
    fn it_does_not_grow_without_bound() {
        let (tokens, now) = (Tokens::default(), Instant::now());
        for number in 0..CAPACITY * 2 + 1 {
            tokens.put(&session(&number.to_string()), 0, now);
        }
        assert!(tokens.inner.lock().unwrap().entries.len() <= CAPACITY);
    }
}
