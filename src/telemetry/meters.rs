//! The newest samples of everything, in memory.
//!
//! Per resource: the chunk of the present minute, finished chunks that are not written yet, and the latest values. Bounded
//! by the number of resources that report; one that is silent for an hour is forgotten.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::chunk::{Cell, Chunk, Grain};
use super::rpc::Values;
use crate::ids::{ProjectId, ServerId, Time};

/// How many meters there are.
pub const METERS: usize = 8;
/// Silence after which a resource is forgotten, in seconds.
const FORGOTTEN_AFTER: i64 = 3600;
/// Finished minutes that may wait for the database; the oldest are lost first.
const WAITING: usize = 15;
/// How late a sample may come, in microseconds.
const LATE_US: i64 = 60_000_000;

/// What is measured of a server or host.
#[derive(Clone, Debug)]
pub struct Sample {
    /// When.
    pub at: Time,
    /// In the order of the meters.
    pub values: Values,
    /// MiB of memory there is.
    pub memory_total_mb: f32,
    /// The node.
    pub host: String,
}

/// Whose a server is, as far as samples care.
#[derive(Clone, Debug)]
pub struct Owner {
    /// Its project.
    pub project: ProjectId,
    /// Its name.
    pub name: String,
}

/// Live samples of one control process.
#[derive(Default)]
pub struct Meters {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    resources: HashMap<String, Live>,
    owners: HashMap<ServerId, Owner>,
    owners_read: Time,
}

struct Live {
    latest: Sample,
    present: Chunk,
    finished: Vec<Chunk>,
    dirty: bool,
}

/// Name of a server among resources.
pub fn server_key(id: ServerId) -> String {
    format!("server:{id}")
}

/// What begins the names of hosts.
const HOST: &str = "host:";

/// Name of a host among resources.
pub fn host_key(host: &str) -> String {
    format!("{HOST}{host}")
}

impl Meters {
    /// Takes a sample in. One that is older than the latest of its resource came late and is dropped; one that is much
    /// older comes from a clock that was set back.
    pub fn put(&self, key: &str, sample: Sample) {
        let mut inner = self.lock();
        let live = inner
            .resources
            .entry(key.to_owned())
            .or_insert_with(|| Live {
                present: Chunk::empty(Grain::Second, sample.at),
                latest: Sample {
                    at: Time(0),
                    ..sample.clone()
                },
                finished: Vec::new(),
                dirty: false,
            });
        let set_back = live.latest.at.0 - sample.at.0 > LATE_US;
        if sample.at <= live.latest.at && !set_back {
            return;
        }
        if live.present.slot(sample.at).is_none() {
            let next = Chunk::empty(Grain::Second, sample.at);
            live.finished
                .push(std::mem::replace(&mut live.present, next));
            if live.finished.len() > WAITING {
                live.finished.remove(0);
            }
        }
        if let Some(slot) = live.present.slot(sample.at) {
            for (meter, value) in sample.values.iter().enumerate() {
                live.present
                    .set(slot, meter, value.map_or(Cell::GAP, Cell::of));
            }
        }
        live.dirty = true;
        live.latest = sample;
    }

    /// The latest sample of every resource that reported since `since`, by key.
    pub fn latest(&self, since: Time) -> Vec<(String, Sample)> {
        let inner = self.lock();
        let fresh = inner
            .resources
            .iter()
            .filter(|(_, live)| live.latest.at >= since);
        fresh
            .map(|(key, live)| (key.clone(), live.latest.clone()))
            .collect()
    }

    /// The newest sample of every host, if it is not older than `since`.
    pub fn latest_of_hosts(&self, since: Time) -> Vec<(String, Sample)> {
        let inner = self.lock();
        let fresh = inner
            .resources
            .iter()
            .filter(|(_, live)| live.latest.at >= since)
            .filter_map(|(key, live)| Some((key.strip_prefix(HOST)?.to_owned(), live)));
        fresh
            .map(|(host, live)| (host, live.latest.clone()))
            .collect()
    }

    /// The chunks of a resource that are still in memory.
    pub fn chunks(&self, key: &str) -> Vec<Chunk> {
        let inner = self.lock();
        let Some(live) = inner.resources.get(key) else {
            return Vec::new();
        };
        live.finished
            .iter()
            .chain([&live.present])
            .cloned()
            .collect()
    }

    /// What changed since the last call: per resource the finished chunks (to be rolled up) and the present one. Finished
    /// ones are given away; the present one is given as a copy.
    pub fn take_dirty(&self) -> Vec<(String, Vec<Chunk>, Chunk)> {
        let mut inner = self.lock();
        let horizon = Time::now().plus_seconds(-FORGOTTEN_AFTER);
        let mut dirty = Vec::new();
        for (key, live) in &mut inner.resources {
            if std::mem::take(&mut live.dirty) {
                dirty.push((
                    key.clone(),
                    std::mem::take(&mut live.finished),
                    live.present.clone(),
                ));
            }
        }
        inner.resources.retain(|_, live| live.latest.at > horizon);
        dirty
    }

    /// Whose this server is, if known.
    pub fn owner(&self, id: ServerId) -> Option<Owner> {
        self.lock().owners.get(&id).cloned()
    }

    /// Whether the owners should be read (again): at most every ten seconds, and only if one of `ids` is not known or a
    /// minute has passed.
    pub fn wants_owners(&self, ids: impl IntoIterator<Item = ServerId>) -> bool {
        let mut inner = self.lock();
        let now = Time::now();
        let age = now.0 - inner.owners_read.0;
        let unknown = ids.into_iter().any(|id| !inner.owners.contains_key(&id));
        let wanted = age > 60_000_000 || (unknown && age > 1_000_000);
        if wanted {
            inner.owners_read = now;
        }
        wanted
    }

    /// Replaces the owners.
    pub fn set_owners(&self, owners: HashMap<ServerId, Owner>) {
        self.lock().owners = owners;
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(at: i64, value: f32) -> Sample {
        Sample {
            at: Time(at * 1_000_000),
            values: [Some(value); METERS],
            memory_total_mb: 1.0,
            host: "n".into(),
        }
    }

    #[test]
    fn a_finished_minute_is_given_away_once_and_an_old_sample_is_dropped() {
        let meters = Meters::default();
        let base = Time::now().0 / 60_000_000 * 60;
        for (at, value) in [
            (base + 58, 1.0),
            (base + 59, 2.0),
            (base + 60, 3.0),
            (base + 59, 9.0),
        ] {
            meters.put("server:a", sample(at, value));
        }
        let dirty = meters.take_dirty();
        assert_eq!((dirty.len(), dirty[0].1.len()), (1, 1));
        assert_eq!(
            dirty[0].1[0].as_cell(0),
            Cell {
                mean: 1.5,
                min: 1.0,
                max: 2.0
            }
        );
        assert_eq!(dirty[0].2.get(0, 0), Cell::of(3.0));
        assert!(meters.take_dirty().is_empty());
        assert_eq!(meters.latest(Time(0))[0].1.values[0], Some(3.0));
    }

    #[test]
    fn a_clock_that_is_set_back_or_forward_does_not_stop_the_samples() {
        let meters = Meters::default();
        let base = Time::now().0 / 1_000_000;
        for (at, value) in [
            (base, 1.0),
            (base - 3600, 2.0),
            (base - 3599, 3.0),
            (base + 7200, 4.0),
            (base + 7201, 5.0),
        ] {
            meters.put("server:a", sample(at, value));
            assert_eq!(
                meters.latest(Time(0))[0].1.values[0],
                Some(value),
                "at {at}, from {base}"
            );
        }
    }
}
