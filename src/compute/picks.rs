//! What this process has chosen and not claimed yet.
//!
//! Launches that are asked for together read the same hosts, and all would choose the same best one: the claims of the
//! others are not written yet. So a choice is remembered from the moment it is made until its claim is written or given up,
//! and counts as used for the choices after it. Only a help to spread well: the claim decides, and other control processes
//! see nothing of this.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::model::Resources;

/// Choices by host: what they take, and how many they are.
type ByHost = HashMap<String, (Resources, u32)>;

/// All choices of a process that are not claimed yet.
#[derive(Clone, Debug, Default)]
pub struct Picks {
    by_host: Arc<Mutex<ByHost>>,
}

/// One choice; forgotten when dropped.
#[derive(Debug)]
pub struct Pick {
    picks: Picks,
    host: String,
    resources: Resources,
}

impl Picks {
    /// Lets `choose` choose with the choices of the others before its eyes, one at a time, and remembers what it takes.
    pub fn choose<T>(
        &self,
        choose: impl FnOnce(&ByHost) -> (T, Option<(String, Resources)>),
    ) -> (T, Option<Pick>) {
        let mut by_host = self.by_host.lock().unwrap_or_else(PoisonError::into_inner);
        let (chosen, taken) = choose(&by_host);
        let pick = taken.map(|(host, resources)| {
            let entry = by_host.entry(host.clone()).or_default();
            *entry = (entry.0.plus(resources), entry.1 + 1);
            Pick {
                picks: self.clone(),
                host,
                resources,
            }
        });
        (chosen, pick)
    }
}

impl Drop for Pick {
    fn drop(&mut self) {
        let by_host = &self.picks.by_host;
        let mut by_host = by_host.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = by_host.get_mut(&self.host) {
            *entry = (entry.0.minus(self.resources), entry.1.saturating_sub(1));
            if entry.1 == 0 {
                by_host.remove(&self.host);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_counts_until_it_is_dropped() {
        let picks = Picks::default();
        let one = Resources::new(1, 512, 1);
        let take = || picks.choose(|seen| (seen.get("h").copied(), Some(("h".into(), one))));
        let (seen, first) = take();
        assert_eq!(seen, None);
        let (seen, second) = take();
        assert_eq!(seen, Some((one, 1)));
        drop(first);
        let (seen, third) = take();
        assert_eq!(seen, Some((one, 1)));
        drop((second, third));
        assert_eq!(picks.choose(|seen| (seen.len(), None)).0, 0);
    }
}
