//! What follows when the hypervisor says something else than the server should be. Pure; the policy is Nova's, except
//! that what is found is also shown where Nova only writes it into a log.

use crate::compute::model::{PowerState, TaskState, VmState};

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing but to note what was seen.
    Note,
    /// The server is this now.
    Become(VmState, Option<Why>),
    /// Its guest is to be powered off.
    PowerOff,
}

/// What went wrong, for the server's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The guest or its emulator failed.
    Crashed,
    /// The node does not know the guest.
    Missing,
}

/// Judges a server that is `vm`, to which `task` is done, and of which `seen` is said now (`NoState`: the node has no such
/// guest) after `known` was said before.
pub fn judge(vm: VmState, task: Option<TaskState>, known: PowerState, seen: PowerState) -> Verdict {
    use PowerState as P;
    use VmState as V;
    if task.is_some() {
        return Verdict::Note;
    }
    match (vm, seen) {
        (V::Active | V::Paused | V::Suspended, P::Shutdown) => Verdict::Become(V::Stopped, None),
        (V::Active | V::Paused | V::Suspended, P::Crashed) => {
            Verdict::Become(V::Stopped, Some(Why::Crashed))
        }
        (V::Active | V::Paused | V::Suspended, P::NoState) => {
            Verdict::Become(V::Stopped, Some(Why::Missing))
        }
        (V::Paused | V::Suspended, P::Running) => Verdict::Become(V::Active, None),
        (V::Active | V::Suspended, P::Paused) => Verdict::Become(V::Paused, None),
        (V::Active | V::Paused, P::Suspended) => Verdict::Become(V::Suspended, None),
        // Taking power away is not undone: only what was seen twice is believed.
        (V::Stopped, P::Running | P::Paused) if known == seen => Verdict::PowerOff,
        _ => Verdict::Note,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `vm seen → verdict` for every pair that leads to more than a note, seen the first or the second time.
    fn table(twice: bool) -> Vec<String> {
        let pairs = VmState::ALL
            .into_iter()
            .flat_map(|vm| PowerState::ALL.map(|seen| (vm, seen)));
        pairs
            .filter_map(|(vm, seen)| {
                let known = if twice {
                    seen
                } else {
                    vm.power().unwrap_or_default()
                };
                match judge(vm, None, known, seen) {
                    Verdict::Note => None,
                    verdict => Some(format!("{vm} {seen:?} {verdict:?}")),
                }
            })
            .collect()
    }

    #[test]
    fn the_policy_as_a_table() {
        let first = [
            "active NoState Become(Stopped, Some(Missing))",
            "active Paused Become(Paused, None)",
            "active Shutdown Become(Stopped, None)",
            "active Crashed Become(Stopped, Some(Crashed))",
            "active Suspended Become(Suspended, None)",
            "paused NoState Become(Stopped, Some(Missing))",
            "paused Running Become(Active, None)",
            "paused Shutdown Become(Stopped, None)",
            "paused Crashed Become(Stopped, Some(Crashed))",
            "paused Suspended Become(Suspended, None)",
            "suspended NoState Become(Stopped, Some(Missing))",
            "suspended Running Become(Active, None)",
            "suspended Paused Become(Paused, None)",
            "suspended Shutdown Become(Stopped, None)",
            "suspended Crashed Become(Stopped, Some(Crashed))",
        ];
        assert_eq!(table(false), first);
        let mut second: Vec<String> = first.iter().map(|&line| line.to_owned()).collect();
        second.push("stopped Running PowerOff".into());
        second.push("stopped Paused PowerOff".into());
        assert_eq!(table(true), second);
    }

    #[test]
    fn what_is_under_way_is_left_alone() {
        for task in TaskState::ALL {
            for vm in VmState::ALL {
                for seen in PowerState::ALL {
                    assert_eq!(judge(vm, Some(task), seen, seen), Verdict::Note);
                }
            }
        }
    }
}
