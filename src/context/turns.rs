//! Taking turns inside one process, by name, where doing a thing twice at once would be waste.
//!
//! Not for correctness: other control processes do not see these turns. Whoever waited looks again whether there is
//! still something to do; often the one before did it for all who waited.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::OwnedMutexGuard;

/// Names under which turns are forgotten once nobody holds or wants them.
const SWEEP: usize = 256;

/// A turn; it ends when this is dropped.
pub type Turn = OwnedMutexGuard<()>;

/// All turns of a process.
#[derive(Default)]
pub struct Turns {
    by_name: Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>,
}

impl Turns {
    /// Waits until nobody else has the turn of this name. First come, first served.
    pub async fn take(&self, name: &str) -> Turn {
        self.lock(name).lock_owned().await
    }

    /// The turn of this name, if nobody else has it.
    pub fn take_free(&self, name: &str) -> Option<Turn> {
        self.lock(name).try_lock_owned().ok()
    }

    fn lock(&self, name: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        if by_name.len() > SWEEP {
            by_name.retain(|_, lock| lock.strong_count() > 0);
        }
        match by_name.get(name).and_then(Weak::upgrade) {
            Some(lock) => lock,
            None => {
                let lock = Arc::default();
                by_name.insert(name.to_owned(), Arc::downgrade(&lock));
                lock
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_is_held_by_one_and_other_names_are_free() {
        let turns = Turns::default();
        let first = turns.take("a").await;
        let other = turns.take("b").await;
        let mut second = Box::pin(turns.take("a"));
        assert!(futures::poll!(&mut second).is_pending());
        assert!(turns.take_free("a").is_none() && turns.take_free("c").is_some());
        drop(first);
        second.await;
        drop(other);
    }
}
