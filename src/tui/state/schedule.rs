//! When what is shown is asked for anew: at once when it was never loaded or something happened to it, and from time to
//! time otherwise. Nothing that no one sees is asked for.
//!
//! While the cloud does not answer, one attempt at a time is made with growing pauses. With events of single rows
//! arriving, single rows are fetched; with many at once, the list.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::Time;
use crate::tui::effect::Effect;
use crate::tui::failure::Failure;

use super::State;
use super::data::{Loaded, Source};
use super::load::Need;

/// Rows fetched one by one at most; more are fetched as a list.
const SINGLES: usize = 12;
/// Least seconds between two loads of one list.
const PAUSE: i64 = 1;
/// Pauses between attempts while nothing answers, in seconds.
const BACK_OFF: [i64; 5] = [1, 2, 4, 8, 15];
/// Seconds after which an answer that never came is no longer waited for.
const LOST: i64 = 60;

/// What was told to have changed, and how attempts to reach the cloud go.
#[derive(Default)]
pub struct Schedule {
    /// Rows to fetch, by kind.
    pub dirty: BTreeMap<String, BTreeSet<String>>,
    /// Restless rows that were asked for since the last tick.
    pub lately: BTreeSet<String>,
    attempts: usize,
}

impl State {
    /// Asks for what is needed and not fresh.
    pub(super) fn ask_for_needs(&mut self) {
        if self.frozen {
            return;
        }
        let now = self.world.clock.now;
        if self.world.link.retry_at.is_some_and(|at| now < at) {
            return;
        }
        for need in self.needs() {
            self.ask_for(&need, now);
            if self.world.link.down.is_some() && !self.effects.is_empty() {
                // One attempt tells enough.
                return;
            }
        }
    }

    fn needs(&self) -> Vec<Need> {
        let overlays = self.overlays.iter().flat_map(|overlay| overlay.needs());
        let mut needs: Vec<Need> = self.screens.current().needs();
        needs.extend(overlays);
        needs.sort_by(|a, b| a.source.cmp(&b.source));
        needs.dedup_by(|a, b| a.source == b.source);
        needs
    }

    fn ask_for(&mut self, need: &Need, now: Time) {
        let freshness = self
            .world
            .data
            .freshness(&need.source)
            .cloned()
            .unwrap_or_default();
        let since = |time: Option<Time>| time.map_or(i64::MAX, |time| (now.0 - time.0) / 1_000_000);
        if freshness.pending && since(freshness.asked) < LOST {
            return;
        }
        let every = if self.world.link.events {
            need.every.1
        } else {
            need.every.0
        };
        let due = freshness.stale || freshness.asked.is_none() || since(freshness.asked) >= every;
        let rows = self
            .schedule
            .dirty
            .get(need.source.kind)
            .map_or(0, BTreeSet::len);
        let whole = due || rows > SINGLES || (rows > 0 && need.fetch_one.is_none());
        if whole && since(freshness.asked) >= PAUSE {
            self.schedule.dirty.remove(need.source.kind);
            self.world.data.asked(&need.source, now);
            self.effects.push(Effect::Load(need.load()));
        } else if !whole && rows > 0 && need.source.of.is_none() {
            let dirty = self
                .schedule
                .dirty
                .remove(need.source.kind)
                .unwrap_or_default();
            let (later, now): (BTreeSet<String>, BTreeSet<String>) = dirty
                .into_iter()
                .partition(|id| need.restless && self.schedule.lately.contains(id));
            if !later.is_empty() {
                self.schedule
                    .dirty
                    .insert(need.source.kind.to_owned(), later);
            }
            let loads = now.iter().filter_map(|id| need.load_one(id));
            self.effects.extend(loads.map(Effect::Load));
            if need.restless {
                self.schedule.lately.extend(now);
            }
        }
    }

    pub(super) fn on_loaded(
        &mut self,
        source: &Source,
        one: bool,
        result: Result<Box<dyn Loaded>, Failure>,
    ) {
        let now = self.world.clock.now;
        match result {
            Ok(loaded) => {
                self.is_up();
                if self.frozen {
                    self.world.data.answered(source, now, None);
                    return;
                }
                loaded.put(&mut self.world.data);
                if !one {
                    self.world.data.answered(source, now, None);
                }
            }
            Err(failure) => {
                if failure.unreachable {
                    self.is_down(&failure.message);
                }
                self.world.data.answered(source, now, Some(failure));
            }
        }
    }

    fn is_up(&mut self) {
        self.schedule.attempts = 0;
        self.world.link.retry_at = None;
        if self.world.link.down.take().is_some() {
            self.world.data.spoil_all();
            self.tell(
                super::notice::Tone::Good,
                "The cloud answers again.".to_owned(),
            );
            self.effects.push(Effect::Reconnect);
        }
    }

    pub(super) fn is_down(&mut self, reason: &str) {
        let now = self.world.clock.now;
        let since = self
            .world
            .link
            .down
            .as_ref()
            .map_or(now, |(since, _)| *since);
        self.world.link.down = Some((since, reason.to_owned()));
        let pause = BACK_OFF[self.schedule.attempts.min(BACK_OFF.len() - 1)];
        self.schedule.attempts += 1;
        self.world.link.retry_at = Some(now.plus_seconds(pause));
    }
}
