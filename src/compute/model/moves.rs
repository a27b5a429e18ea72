//! Many servers that change hosts by one wish: a host is emptied, or filled again, or the load is spread or gathered.
//!
//! [`spread`] and [`condense`] say which servers should go where; they are pure, and what they say is only a wish: each
//! single move asks the scheduler, which knows every rule.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Resources;
use crate::ids::{OperationId, ServerId};

/// What many moves are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MovesGoal {
    /// A host takes no new servers, and those it has leave it.
    Drain,
    /// A host takes servers again, and those that a drain took from it come back.
    Return,
    /// All hosts carry about the same.
    Spread,
    /// As few hosts as possible carry anything.
    Condense,
    /// A host is dead, and the servers it had are made anew elsewhere.
    Evacuate,
    /// Servers that a spreading or gathering moved go back to where it took them from.
    Back,
}

impl MovesGoal {
    /// All that can be wished for by their name; the way back is that of a run.
    pub const WISHES: [Self; 5] = [
        Self::Drain,
        Self::Return,
        Self::Spread,
        Self::Condense,
        Self::Evacuate,
    ];

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Drain => "drain",
            Self::Return => "return",
            Self::Spread => "spread",
            Self::Condense => "condense",
            Self::Evacuate => "evacuate",
            Self::Back => "back",
        }
    }

    /// Whether it is about one host.
    pub fn is_of_host(self) -> bool {
        matches!(self, Self::Drain | Self::Return | Self::Evacuate)
    }
}

impl fmt::Display for MovesGoal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for MovesGoal {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::WISHES
            .into_iter()
            .chain([Self::Back])
            .find(|goal| goal.name() == text)
            .ok_or(())
    }
}

/// Where one of the moves is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MoveState {
    /// Its turn has not come.
    Waiting,
    /// It is under way.
    Moving,
    /// The server is where it should be.
    Moved,
    /// The server is not moved, and does not have to be: it is off, or gone.
    Stays,
    /// It did not succeed.
    Failed,
}

impl MoveState {
    /// Whether nothing more will come of it by itself.
    pub fn is_settled(self) -> bool {
        !matches!(self, Self::Waiting | Self::Moving)
    }
}

/// One of the moves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    /// The server.
    pub server: ServerId,
    /// Its name.
    pub name: String,
    /// From this host.
    pub from: String,
    /// To this one, if that matters or once it was chosen.
    pub to: Option<String>,
    /// Where it is.
    pub state: MoveState,
    /// Its operation, once it was begun.
    pub operation: Option<OperationId>,
    /// How often it was begun.
    pub tries: u32,
    /// Why it failed, or why the server stays.
    pub reason: Option<String>,
}

/// A host and what it carries, for [`spread`] and [`condense`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadedHost {
    /// Its name.
    pub name: String,
    /// What may be claimed of it.
    pub capacity: Resources,
    /// What is claimed of it.
    pub used: Resources,
    /// Its servers that can be moved, with what each takes.
    pub servers: Vec<(ServerId, Resources)>,
}

impl LoadedHost {
    /// Share of its memory that is claimed, in millionths.
    fn load(&self) -> u64 {
        share(self.used, self.capacity)
    }

    fn free(&self) -> Resources {
        self.capacity.minus(self.used)
    }
}

fn share(used: Resources, capacity: Resources) -> u64 {
    (used.memory_mb.saturating_mul(1_000_000))
        .checked_div(capacity.memory_mb)
        .unwrap_or(1_000_000)
}

/// Most moves that are wished for at a time.
const MOST: usize = 1000;
/// A difference of load that nothing is moved for, in millionths.
const ENOUGH: u64 = 50_000;

/// Which servers should go where so that memory is claimed evenly: again and again one from the fullest host to the
/// emptiest, the largest that does not turn the two around.
pub fn spread(mut hosts: Vec<LoadedHost>) -> Vec<(ServerId, String, String)> {
    let mut moves = Vec::new();
    while moves.len() < MOST {
        hosts.sort_by(|a, b| b.load().cmp(&a.load()).then(a.name.cmp(&b.name)));
        let (Some(fullest), Some(emptiest)) = (hosts.first(), hosts.last()) else {
            break;
        };
        if fullest.load() <= emptiest.load().saturating_add(ENOUGH) {
            break;
        }
        let best = fullest
            .servers
            .iter()
            .enumerate()
            .filter(|(_, (_, needs))| {
                needs.fits_in(emptiest.free())
                    && share(emptiest.used.plus(*needs), emptiest.capacity)
                        < share(fullest.used, fullest.capacity)
            })
            .max_by_key(|(_, (_, needs))| needs.memory_mb);
        let Some((at, _)) = best else { break };
        let last = hosts.len() - 1;
        hand_over(&mut hosts, 0, at, last, &mut moves);
    }
    moves
}

/// Which servers should go where so that hosts become empty: the emptiest first, if all it has fits elsewhere.
pub fn condense(mut hosts: Vec<LoadedHost>) -> Vec<(ServerId, String, String)> {
    let mut moves = Vec::new();
    hosts.retain(|host| host.capacity.memory_mb > 0);
    hosts.sort_by(|a, b| a.load().cmp(&b.load()).then(a.name.cmp(&b.name)));
    let mut at = 0;
    while at < hosts.len() && moves.len() < MOST {
        let mut trial = hosts.clone();
        let mut wanted = Vec::new();
        // What can not be moved keeps the host in use anyway.
        let movable = trial[at]
            .servers
            .iter()
            .fold(Resources::default(), |sum, (_, needs)| sum.plus(*needs));
        let all = !trial[at].servers.is_empty() && movable == trial[at].used;
        while all && !trial[at].servers.is_empty() {
            let largest = (0..trial[at].servers.len())
                .max_by_key(|index| trial[at].servers[*index].1.memory_mb)
                .unwrap_or(0);
            let needs = trial[at].servers[largest].1;
            // The fullest that has room, so that the others may become empty.
            let to = (at + 1..trial.len())
                .filter(|to| !trial[*to].servers.is_empty() && needs.fits_in(trial[*to].free()))
                .max_by_key(|to| trial[*to].load());
            let Some(to) = to else { break };
            hand_over(&mut trial, at, largest, to, &mut wanted);
        }
        if all && trial[at].servers.is_empty() {
            hosts = trial;
            moves.append(&mut wanted);
        }
        at += 1;
    }
    moves
}

fn hand_over(
    hosts: &mut [LoadedHost],
    from: usize,
    server: usize,
    to: usize,
    moves: &mut Vec<(ServerId, String, String)>,
) {
    let (id, needs) = hosts[from].servers.remove(server);
    hosts[from].used = hosts[from].used.minus(needs);
    hosts[to].used = hosts[to].used.plus(needs);
    // It is not moved twice.
    moves.push((id, hosts[from].name.clone(), hosts[to].name.clone()));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(name: &str, capacity: u64, servers: &[u64]) -> LoadedHost {
        let of = |memory| Resources::new(1, memory, 0);
        LoadedHost {
            name: name.into(),
            capacity: Resources::new(100, capacity, 100),
            used: servers
                .iter()
                .fold(Resources::default(), |sum, memory| sum.plus(of(*memory))),
            servers: servers
                .iter()
                .map(|memory| (ServerId::new(), of(*memory)))
                .collect(),
        }
    }

    fn ways(moves: &[(ServerId, String, String)]) -> Vec<String> {
        moves
            .iter()
            .map(|(_, from, to)| format!("{from}>{to}"))
            .collect()
    }

    #[test]
    fn a_full_host_gives_to_an_empty_one_until_they_carry_the_same() {
        let hosts = vec![host("a", 1000, &[200, 200, 200, 200]), host("b", 1000, &[])];
        assert_eq!(ways(&spread(hosts)), ["a>b", "a>b"]);
    }

    #[test]
    fn hosts_that_carry_about_the_same_are_left_alone() {
        let hosts = vec![host("a", 1000, &[500]), host("b", 1000, &[460])];
        assert!(spread(hosts).is_empty());
        assert!(spread(Vec::new()).is_empty());
        assert!(spread(vec![host("a", 0, &[]), host("b", 0, &[])]).is_empty());
    }

    #[test]
    fn the_emptiest_host_is_emptied_if_all_it_has_fits_elsewhere() {
        let hosts = vec![
            host("a", 1000, &[100, 100]),
            host("b", 1000, &[700]),
            host("c", 1000, &[900]),
        ];
        assert_eq!(ways(&condense(hosts)), ["a>c", "a>b"]);
        let full = vec![host("a", 1000, &[600]), host("b", 1000, &[700])];
        assert!(condense(full).is_empty());
    }
}
