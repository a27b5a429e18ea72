//! Refuses what is asked too late.
//!
//! A message may wait in a broker, or come a second time when the agent that took it died, while whoever has the resource
//! has gone on: a stop that arrives after a later start would take the power of a guest that shall run. So a request
//! that changes something names its [`Turn`], whose number rises with every step of the resource's operations; the node
//! remembers the greatest it has begun with, and refuses smaller ones as a conflict. The same number is let through:
//! it is the same step asking again.
//!
//! What is remembered is on disk before the work begins, one small file per resource, for an agent that dies has most
//! probably work that comes again. It is forgotten after [`KEPT`], far beyond the time that any message lives (its
//! expiration in the broker, and its deadline). Nothing is synced: a machine that loses its power loses its guests, too.
//!
//! What began in its turn and still runs when a later one comes is not stopped; it has its own deadline.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use uuid::Uuid;

use crate::bus::{Fault, FaultKind, Turn};

/// How long a turn is remembered after it was last seen.
const KEPT: Duration = Duration::from_secs(6 * 3600);
/// Resources in memory above which those that were not seen for long are forgotten.
const MANY: usize = 1024;

/// The greatest turns begun with.
pub struct Turns {
    directory: PathBuf,
    seen: Arc<Mutex<HashMap<Uuid, Seen>>>,
}

struct Seen {
    number: i64,
    at: Instant,
}

impl Turns {
    /// What is remembered in this directory, which exists.
    pub fn new(directory: PathBuf) -> Self {
        Self {
            directory,
            seen: Arc::default(),
        }
    }

    /// Lets a request begin, unless a later one has.
    pub async fn admit(&self, turn: &Turn) -> Result<(), Fault> {
        let resource: Uuid = turn.resource.parse().map_err(|_| {
            Fault::new(
                FaultKind::Refused,
                "the request is for a resource whose name is no id",
            )
        })?;
        let (directory, seen, number) = (self.directory.clone(), self.seen.clone(), turn.number);
        let admitted =
            tokio::task::spawn_blocking(move || admit(&directory, &seen, resource, number));
        let unknown = |reason: String| {
            Fault::new(
                FaultKind::Unavailable,
                format!(
                    "whether this is the turn of the request is not known: {}: {reason}",
                    self.directory.display()
                ),
            )
        };
        match admitted.await {
            Ok(Ok(None)) => Ok(()),
            Ok(Ok(Some(later))) => Err(Fault::new(
                FaultKind::Conflict,
                format!(
                    "the request for {resource} came too late and was not begun: it is of turn {number}, and turn {later} has begun"
                ),
            )),
            Ok(Err(error)) => Err(unknown(error.to_string())),
            Err(error) => Err(unknown(error.to_string())),
        }
    }
}

/// Remembers the turn; or tells the later one that has begun.
fn admit(
    directory: &Path,
    seen: &Mutex<HashMap<Uuid, Seen>>,
    resource: Uuid,
    number: i64,
) -> io::Result<Option<i64>> {
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    let file = directory.join(resource.to_string());
    let last = match seen.get(&resource) {
        Some(seen) => Some(seen.number),
        None => read(&file)?,
    };
    if let Some(later) = last.filter(|&last| last > number) {
        return Ok(Some(later));
    }
    if last != Some(number) {
        write(&file, number)?;
    }
    if seen.len() >= MANY && !seen.contains_key(&resource) {
        seen.retain(|_, seen| seen.at.elapsed() < KEPT);
        sweep(directory)?;
    }
    let at = Instant::now();
    seen.insert(resource, Seen { number, at });
    Ok(None)
}

fn read(file: &Path) -> io::Result<Option<i64>> {
    match std::fs::read_to_string(file) {
        // A file that was not written whole is that of a machine that lost its power.
        Ok(text) => Ok(text.trim().parse().ok()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn write(file: &Path, number: i64) -> io::Result<()> {
    let new = file.with_extension("new");
    std::fs::write(&new, number.to_string())?;
    std::fs::rename(new, file)
}

/// Removes the files of resources that were not seen for long.
fn sweep(directory: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let written = entry.metadata()?.modified()?;
        // One from the future was written by a clock that was ahead; it is removed in time.
        let age = SystemTime::elapsed(&written).unwrap_or_default();
        if age > KEPT {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_from_before_is_refused_also_by_the_next_agent() {
        let dir = tempfile::tempdir().unwrap();
        let turns = || Turns::new(dir.path().to_owned());
        let turn = |number| Turn {
            resource: Uuid::from_u128(7).to_string(),
            number,
        };
        let first = turns();
        for (number, admitted) in [(5, true), (5, true), (4, false), (9, true), (5, false)] {
            assert_eq!(
                first.admit(&turn(number)).await.is_ok(),
                admitted,
                "{number}"
            );
        }
        let next = turns();
        let refused = next.admit(&turn(8)).await.unwrap_err();
        assert_eq!(refused.kind, FaultKind::Conflict);
        assert!(refused.message.contains("too late"), "{refused}");
        next.admit(&turn(9)).await.unwrap();
        // Another resource has turns of its own; a name that is no id would be a path.
        let other = Turn {
            resource: Uuid::from_u128(8).to_string(),
            number: 1,
        };
        next.admit(&other).await.unwrap();
        let outside = Turn {
            resource: "../x".into(),
            number: 1,
        };
        assert_eq!(
            next.admit(&outside).await.unwrap_err().kind,
            FaultKind::Refused
        );
    }

    #[tokio::test]
    async fn what_was_not_seen_for_long_is_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let turns = Turns::new(dir.path().to_owned());
        for resource in 0..MANY as u128 {
            let turn = Turn {
                resource: Uuid::from_u128(resource).to_string(),
                number: 1,
            };
            turns.admit(&turn).await.unwrap();
        }
        let old = dir.path().join(Uuid::from_u128(3).to_string());
        let past = SystemTime::UNIX_EPOCH;
        std::fs::File::options()
            .write(true)
            .open(&old)
            .unwrap()
            .set_modified(past)
            .unwrap();
        let one_more = Turn {
            resource: Uuid::from_u128(1 << 40).to_string(),
            number: 1,
        };
        turns.admit(&one_more).await.unwrap();
        assert!(!old.exists());
        assert!(dir.path().join(Uuid::from_u128(4).to_string()).exists());
    }
}
