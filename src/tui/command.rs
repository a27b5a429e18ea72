//! Everything an operator can do, once: name, label, one line of description, where it works.
//!
//! Keys, hints, the palette and help are derived from these entries and from nothing else, so they can not disagree
//! with what happens. Each part of the console keeps its own slice beside the code that carries it out; [`all`] is
//! their sum. A context is the name of a part that takes keys (`list`, `form`, `servers`); a command works in the
//! contexts it names.

use super::{overlays, screens, widgets};

/// Something an operator can do.
#[derive(Debug, PartialEq, Eq)]
pub struct Command {
    /// Unique name, as key maps write it: `down`, `server.stop`.
    pub name: &'static str,
    /// One or two words, for hints and menus.
    pub label: &'static str,
    /// What it does, in one line without a full stop.
    pub doc: &'static str,
    /// Contexts in which it works.
    pub contexts: &'static [&'static str],
    /// Whether it changes the cloud; gone for those who may only read.
    pub mutates: bool,
    /// Whether the cloud takes it from administrators only; gone for all others.
    pub administers: bool,
    /// The view that it leads to, if that may not be to be had; empty otherwise.
    pub view: &'static str,
    /// Place in the hint line, 1 being the first; 0 is not shown there.
    pub rank: u8,
}

impl Command {
    /// A command that changes nothing in the cloud and is not in the hint line.
    pub const fn new(
        name: &'static str,
        label: &'static str,
        doc: &'static str,
        contexts: &'static [&'static str],
    ) -> Self {
        Self {
            name,
            label,
            doc,
            contexts,
            mutates: false,
            administers: false,
            view: "",
            rank: 0,
        }
    }

    /// The same, changing the cloud.
    pub const fn mutating(mut self) -> Self {
        self.mutates = true;
        self
    }

    /// The same, changing the cloud as only its administrators may: what `config/policy.toml` says of it.
    pub const fn administrative(mut self) -> Self {
        self.mutates = true;
        self.administers = true;
        self
    }

    /// The same, leading to a view; it is gone where that is not to be had.
    pub const fn leading_to(mut self, view: &'static str) -> Self {
        self.view = view;
        self
    }

    /// The same, in the hint line at place `rank`.
    pub const fn hint(mut self, rank: u8) -> Self {
        self.rank = rank;
        self
    }

    /// Whether it is a key and nothing else, which nobody looks for by name or in a menu.
    pub fn is_move(&self) -> bool {
        MOVES.contains(&self.name)
    }
}

const MOVES: [&str; 12] = [
    "up",
    "down",
    "left",
    "right",
    "top",
    "bottom",
    "half-up",
    "half-down",
    "page-up",
    "page-down",
    "enter",
    "cancel",
];

/// Commands that work wherever nothing takes text.
pub const GLOBAL: &[Command] = &[
    Command::new(
        "palette",
        "go",
        "Jump to a view or a thing, or run anything",
        G,
    )
    .hint(90),
    Command::new("help", "help", "Show every key that works here", G).hint(91),
    Command::new(
        "out",
        "out",
        "Go out of what is open, or back to the view before",
        &["global", "overlay", "help"],
    )
    .hint(80),
    Command::new(
        "back",
        "back",
        "Go back to the view before; leave from the first",
        &["global", "overlay"],
    )
    .hint(92),
    Command::new(
        "forward",
        "forward",
        "Go forward to the view that was left",
        G,
    ),
    Command::new("backward", "backward", "Go back to the view before", G),
    Command::new(
        "quit",
        "leave",
        "Leave the console; the cloud goes on",
        &["global", "overlay"],
    ),
    Command::new(
        "redraw",
        "redraw",
        "Draw the whole screen anew and ask for fresh data",
        &["global", "overlay"],
    ),
    Command::new(
        "suspend",
        "suspend",
        "Stop the console and return to the shell; fg continues it",
        &["global", "overlay"],
    ),
    Command::new(
        "freeze",
        "freeze",
        "Hold the screen still; again to let it go on",
        G,
    ),
    Command::new(
        "results",
        "results",
        "Show what became of what was asked for",
        G,
    ),
    Command::new("theme", "theme", "Take the next theme", G),
    Command::new(
        "reconnect",
        "reconnect",
        "Try to reach the cloud now instead of waiting",
        G,
    ),
];

const G: &[&str] = &["global"];

/// Every command there is.
pub fn all() -> impl Iterator<Item = &'static Command> {
    GLOBAL
        .iter()
        .chain(widgets::COMMANDS.iter().flat_map(|slice| slice.iter()))
        .chain(overlays::COMMANDS.iter().flat_map(|slice| slice.iter()))
        .chain(screens::commands())
}

/// The command of this name.
pub fn find(name: &str) -> Option<&'static Command> {
    all().find(|command| command.name == name)
}

/// The name most like `name`.
pub fn nearest(name: &str) -> &'static str {
    all()
        .min_by_key(|command| strsim::damerau_levenshtein(command.name, name))
        .map_or("", |command| command.name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_descriptions_are_one_line() {
        let mut seen = BTreeSet::new();
        for command in all() {
            assert!(seen.insert(command.name), "{} is there twice", command.name);
            assert!(
                !command.doc.is_empty() && !command.doc.ends_with('.'),
                "{}",
                command.name
            );
            assert!(
                command.doc.len() <= 90 && !command.doc.contains('\n'),
                "{}",
                command.name
            );
            assert!(
                !command.contexts.is_empty(),
                "{} works nowhere",
                command.name
            );
            assert!(
                command.label.len() <= 16,
                "{}: {}",
                command.name,
                command.label
            );
        }
    }
}
