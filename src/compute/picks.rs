//! What this process has chosen and not claimed yet.
//!
//! Launches that are asked for together read the same hosts, and all would choose the same best one: the claims of the
//! others are not written yet, or were written after the hosts were read. So a choice is remembered from the moment it is
//! made, and counts as used for every choice by what was read before its claim was certainly there. It may count twice then;
//! hence nobody is refused because of it. Only a help to spread well: the claim decides, and other control processes see
//! nothing of this.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use super::model::Resources;

/// Choices that ended and are remembered for those who have read before.
const REMEMBERED: usize = 256;

/// What choices take of hosts, and how many they are.
pub type ByHost = HashMap<String, (Resources, u32)>;

/// All choices of a process that may not be seen in what was read.
#[derive(Clone, Debug, Default)]
pub struct Picks {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    open: ByHost,
    /// With the number of their end.
    ended: VecDeque<(u64, String, Resources)>,
    ends: u64,
}

/// One choice; it ends when dropped, after its claim was written or given up.
#[derive(Debug)]
pub struct Pick {
    picks: Picks,
    host: String,
    resources: Resources,
}

/// The moment before hosts were read.
#[derive(Clone, Copy, Debug)]
pub struct Mark(u64);

impl Picks {
    /// To be taken before hosts are read.
    pub fn mark(&self) -> Mark {
        Mark(self.lock().ends)
    }

    /// Lets `choose` choose with the choices of the others before its eyes, one at a time, and remembers what it takes.
    pub fn choose<T>(
        &self,
        read: Mark,
        choose: impl FnOnce(&ByHost) -> (T, Option<(String, Resources)>),
    ) -> (T, Option<Pick>) {
        let mut inner = self.lock();
        let mut others = inner.open.clone();
        for (_, host, resources) in inner.ended.iter().filter(|(end, ..)| *end > read.0) {
            add(&mut others, host, *resources);
        }
        let (chosen, taken) = choose(&others);
        let pick = taken.map(|(host, resources)| {
            add(&mut inner.open, &host, resources);
            Pick {
                picks: self.clone(),
                host,
                resources,
            }
        });
        (chosen, pick)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn add(to: &mut ByHost, host: &str, resources: Resources) {
    let entry = to.entry(host.to_owned()).or_default();
    *entry = (entry.0.plus(resources), entry.1 + 1);
}

impl Drop for Pick {
    fn drop(&mut self) {
        let mut inner = self.picks.lock();
        if let Some(entry) = inner.open.get_mut(&self.host) {
            *entry = (entry.0.minus(self.resources), entry.1.saturating_sub(1));
            if entry.1 == 0 {
                inner.open.remove(&self.host);
            }
        }
        inner.ends += 1;
        let end = (inner.ends, self.host.clone(), self.resources);
        inner.ended.push_back(end);
        if inner.ended.len() > REMEMBERED {
            inner.ended.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_counts_while_it_is_open_and_for_those_who_had_read_before_its_end() {
        let picks = Picks::default();
        let one = Resources::new(1, 512, 1);
        let look = |read| picks.choose(read, |seen| (seen.get("h").copied(), None)).0;
        let early = picks.mark();
        let (_, pick) = picks.choose(early, |_| ((), Some(("h".into(), one))));
        assert_eq!(look(early), Some((one, 1)));
        assert_eq!(look(picks.mark()), Some((one, 1)));
        drop(pick);
        assert_eq!(look(early), Some((one, 1)));
        assert_eq!(look(picks.mark()), None);
    }
}
