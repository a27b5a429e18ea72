//! What a form asked the cloud for, and what became of it.
//!
//! A form that has sent something waits for the answer and sends nothing more meanwhile. Accepted: it is closed. Refused:
//! it stays, with all that was typed, and says why. Of several things those that were accepted are not asked for again.

use std::collections::HashSet;

use ratatui::style::Style;

use crate::ids::Time;
use crate::tui::failure::Failure;
use crate::tui::format::{span, wrap};
use crate::tui::glyph::Mood;
use crate::tui::state::activity::Target;
use crate::tui::view::View;

/// Refusals shown at most; `what became of it` has them all.
const REFUSALS: usize = 3;

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

    /// What became of what was sent, in lines that end where the room does.
    pub fn standing(&self, room: usize, view: &View<'_>) -> Vec<(String, Style)> {
        let mut lines = Vec::new();
        let mut say = |mood: Option<Mood>, text: &str, scope| {
            let mark = mood.map_or(" ", |mood| view.glyphs.mood(mood));
            let parts = wrap(text, room.saturating_sub(2));
            for (at, part) in parts.into_iter().enumerate() {
                let mark = if at == 0 { mark } else { " " };
                lines.push((format!("{mark} {part}"), view.style(scope)));
            }
        };
        if let Some((_, since)) = self.waiting() {
            let text = format!(
                "Sent {} ago; the answer is awaited. Cancel closes this form only, what was sent goes on.",
                span(view.facts.clock.now.0 - since.0)
            );
            say(Some(Mood::Busy), &text, "state.busy");
        }
        let refusals = self.refusals();
        for refusal in refusals.iter().take(REFUSALS) {
            let Refusal { act, name, failure } = refusal;
            let text = format!("{act} {name}: {}", failure.message);
            say(Some(Mood::Bad), &text, "state.bad");
            if let Some(advice) = &failure.advice {
                say(None, &format!("What to do: {advice}"), "ui.text");
            }
        }
        if refusals.len() > REFUSALS {
            let text = format!("{} more were refused", refusals.len() - REFUSALS);
            say(Some(Mood::Bad), &text, "state.bad");
        }
        if !refusals.is_empty() && self.accepted() > 0 {
            let text = format!(
                "{} accepted; only the others are sent again",
                self.accepted()
            );
            say(Some(Mood::Good), &text, "state.good");
        }
        lines
    }
}
