//! What a form asked the cloud for, and what became of it.
//!
//! A form that has sent something waits for the answer and sends nothing more meanwhile. Accepted: it is closed. Refused:
//! it stays, with all that was typed, and says why. Of several things those that were accepted are not asked for again.

use std::collections::HashSet;

use crate::ids::Time;
use crate::tui::failure::Failure;
use crate::tui::state::activity::Target;

/// A refusal, with the name of the thing it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The act: `Create`.
    pub act: &'static str,
    /// Name of the thing.
    pub name: String,
    /// Why.
    pub failure: Failure,
}

/// Requests of one form.
#[derive(Clone, Debug, Default)]
pub struct Sent {
    waiting: Option<(u64, Time)>,
    accepted: HashSet<String>,
    refusals: Vec<Refusal>,
    /// Whether the form has taken the refusals in.
    taken: bool,
}

impl Sent {
    /// Requests of this batch are under way since `now`.
    pub fn begin(&mut self, batch: u64, now: Time) {
        self.waiting = Some((batch, now));
        self.refusals.clear();
    }

    /// The batch that is under way, and since when.
    pub fn waiting(&self) -> Option<(u64, Time)> {
        self.waiting
    }

    /// All were answered, and not all accepted.
    pub fn end(&mut self, accepted: impl IntoIterator<Item = Target>, refusals: Vec<Refusal>) {
        self.waiting = None;
        let ids = accepted.into_iter().map(|target| target.id);
        self.accepted.extend(ids.filter(|id| !id.is_empty()));
        self.refusals = refusals;
        self.taken = false;
    }

    /// Whether this was accepted before, so that it is not asked for again.
    pub fn was_accepted(&self, target: &Target) -> bool {
        self.accepted.contains(&target.id)
    }

    /// How many were accepted so far while others were not.
    pub fn accepted(&self) -> usize {
        self.accepted.len()
    }

    /// What was refused the last time.
    pub fn refusals(&self) -> &[Refusal] {
        &self.refusals
    }

    /// The same, if the form has not taken them in yet.
    pub fn take_new(&mut self) -> &[Refusal] {
        if std::mem::replace(&mut self.taken, true) {
            &[]
        } else {
            &self.refusals
        }
    }
}
